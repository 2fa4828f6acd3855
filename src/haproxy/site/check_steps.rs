//! The steps of a health check, which must follow one another in a certain order (src/tcpcheck.c, tcpcheck_add_http_rule).

use super::build::{Refused, Word};
use super::sample::is_variable;
use crate::source::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// What `option httpchk` sends.
    Implicit,
    Connect,
    Send,
    Expect,
}

/// The steps that one section lists, apart from comments and variables.
#[derive(Debug, Default)]
pub(in crate::haproxy) struct CheckSteps {
    steps: Vec<Step>,
    /// The first `expect`.
    expect: Option<Span>,
}

impl CheckSteps {
    /// `option httpchk`: what it sends gives way to what is sent explicitly.
    pub(super) fn send_by_option(&mut self) {
        let first = self.steps.iter().find(|step| **step != Step::Connect);
        if !matches!(first, Some(Step::Send | Step::Implicit)) {
            self.steps.insert(0, Step::Implicit);
        }
    }

    /// Takes a step in. Those of HTTP checks are held against the one before, if `option httpchk` stands above.
    pub(super) fn take(&mut self, step: Step, strict: bool, span: Span) -> Result<(), Refused> {
        let explicit = self.steps.iter().find(|step| **step != Step::Implicit);
        if step == Step::Connect && explicit.is_some_and(|first| *first != Step::Connect) {
            return Err(Refused::new(span, "a check that connects by a step of its own must begin with that step"));
        }
        let last = self.steps.last().filter(|last| strict && **last != Step::Implicit);
        let needed = match (step, last) {
            (Step::Send, Some(Step::Send | Step::Expect)) => Some("connect"),
            (Step::Expect, Some(Step::Connect)) => Some("send"),
            (Step::Connect, Some(Step::Connect | Step::Send)) => Some("expect"),
            _ => None,
        };
        if let Some(needed) = needed {
            return Err(Refused::new(span, format!("an `http-check {needed}` must stand between this step and the one before")));
        }
        if step == Step::Send && self.steps.first() == Some(&Step::Implicit) {
            self.steps.remove(0);
        }
        if step == Step::Expect {
            self.expect.get_or_insert(span);
        }
        self.steps.push(step);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The step that waits for an answer though no step sends anything.
    pub(in crate::haproxy) fn waits_in_vain(&self) -> Option<Span> {
        let sends = self.steps.iter().any(|step| matches!(step, Step::Implicit | Step::Send));
        self.expect.filter(|_| !sends)
    }
}

/// The words of `connect` (parse_tcpcheck_connect).
pub(super) fn connect(words: &[Word<'_>]) -> Result<(), Refused> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.text {
            "default" | "send-proxy" | "via-socks4" | "linger" | "ssl" => {}
            "addr" | "port" | "proto" | "comment" | "sni" | "alpn" => {
                let value = words.next().ok_or_else(|| Refused::new(word.span, format!("`{}` needs a value", word.text)))?;
                if word.text == "port" && value.text.parse::<u32>().is_ok_and(|port| !(1..=65535).contains(&port)) {
                    return Err(Refused::new(value.span, format!("`{}` is no port", value.text)));
                }
            }
            other => return Err(Refused::new(word.span, format!("`connect` knows no `{other}`"))),
        }
    }
    Ok(())
}

/// `set-var(check.NAME)` and its kin name a variable.
pub(super) fn variable(step: &Word<'_>) -> Result<(), Refused> {
    let name = step.text.split_once('(').and_then(|(_, rest)| rest.split([')', ',']).next());
    match name.is_some_and(is_variable) {
        true => Ok(()),
        false => Err(Refused::new(step.span, format!("`{}` names no variable", step.text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn takes(steps: &[Step]) -> bool {
        let mut taken = CheckSteps::default();
        taken.send_by_option();
        steps.iter().all(|step| taken.take(*step, true, Span::new(FileId(0), 0..0)).is_ok())
    }

    #[test]
    fn steps_follow_one_another() {
        use Step::*;
        assert!(takes(&[Send, Expect, Expect]));
        assert!(takes(&[Connect, Send, Expect, Connect, Send]));
        assert!(takes(&[Expect]));
        assert!(!takes(&[Expect, Send]));
        assert!(!takes(&[Send, Send]));
        assert!(!takes(&[Connect, Expect]));
        assert!(!takes(&[Connect, Connect]));
        assert!(!takes(&[Send, Expect, Connect]));
    }
}
