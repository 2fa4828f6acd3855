//! What a frontend keeps of each request, in numbered slots: `capture`, `declare capture`, and `http-request capture` for the rest
//! (src/cfgparse-listen.c, src/proxy.c, proxy_parse_declare).

use std::sync::Arc;

use super::action::Action;
use super::build::{Refused, Word};
use super::forms;
use super::proxy::{Proxy, need};
use super::section::SectionBuilder;
use crate::source::Span;

/// A place for something captured of each request.
#[derive(Debug)]
pub(in crate::haproxy) struct Slot {
    /// The header that `capture request header` puts there. Other slots are filled by rules.
    pub(in crate::haproxy) header: Option<Arc<str>>,
    pub(in crate::haproxy) length: usize,
}

impl SectionBuilder<'_, '_> {
    /// `capture cookie NAME len LENGTH` and `capture request|response header NAME len LENGTH`.
    pub(super) fn capture_line(&mut self, words: &[Word<'_>], line: Span) -> Result<(), Refused> {
        let expected = "`capture` is followed by `cookie`, `request header` or `response header`, a name, `len` and a length";
        let texts: Vec<&str> = words.iter().map(|word| word.text).collect();
        match texts[..] {
            ["cookie", _, "len", _, ..] | ["response", "header", _, "len", _] => Ok(()),
            ["request", "header", name, "len", length] => {
                let header = Some(name.to_ascii_lowercase().into());
                self.slots.push(Slot { header, length: length.parse().unwrap_or(0) });
                Ok(())
            }
            _ => Err(Refused::new(line, expected)),
        }
    }

    /// `declare capture request|response len LENGTH`
    pub(super) fn declare_line(&mut self, words: &[Word<'_>], line: Span) -> Result<(), Refused> {
        let expected = "`declare` is followed by `capture request` or `capture response`, `len` and a length";
        let texts: Vec<&str> = words.iter().map(|word| word.text).collect();
        let ["capture", side @ ("request" | "response"), "len", _, ..] = texts[..] else {
            return Err(Refused::new(line, expected));
        };
        let number = need(words, 3, "the length", line)?;
        let Some(length) = usize::try_from(forms::leading_number(number.text)).ok().filter(|length| *length > 0) else {
            return Err(Refused::new(number.span, format!("`{}` is no length", number.text)));
        };
        if side == "request" {
            self.slots.push(Slot { header: None, length });
        }
        Ok(())
    }

    /// What a frontend captures must have its place there.
    pub(super) fn check_slots(&mut self, proxy: &Proxy) {
        let missing = |slot: usize| slot >= proxy.slots.len();
        let rules = proxy.request.iter().filter(|_| proxy.role.is_frontend());
        let mut bad = rules.filter(|rule| matches!(rule.action, Action::Capture(_, slot) if missing(slot)));
        if let Some(rule) = bad.next() {
            let refused = Refused::new(rule.span, format!("`{}` has not so many slots for captures", proxy.name));
            self.refuse(refused.help("add `declare capture request len …` lines"));
        }
    }
}
