//! What brings a client back to the server that it had before: `cookie`, `force-persist` and `ignore-persist` (src/cfgparse-listen.c).

use std::sync::Arc;

use super::acl::Condition;
use super::build::{Refused, Word};
use super::forms;
use super::proxy::{Proxy, need};
use super::section::SectionBuilder;
use crate::source::Span;

/// A cookie that names servers.
#[derive(Clone, Debug)]
pub(in crate::haproxy) struct Persistence {
    pub(in crate::haproxy) name: Arc<str>,
    /// The sign behind which the value is no longer that of the server.
    pub(in crate::haproxy) end: char,
    /// Whether HAProxy makes up values for servers, which the config then does not tell.
    pub(in crate::haproxy) dynamic: bool,
}

/// `force-persist` or `ignore-persist`.
#[derive(Debug)]
pub(in crate::haproxy) struct PersistRule {
    pub(in crate::haproxy) forces: bool,
    pub(in crate::haproxy) condition: Condition,
}

const FLAGS: &[&str] =
    &["rewrite", "insert", "prefix", "indirect", "nocache", "postonly", "preserve", "httponly", "secure", "dynamic"];

/// `cookie NAME [OPTION]…`
pub(super) fn cookie(words: &[Word<'_>], line: Span) -> Result<Persistence, Refused> {
    let name = need(words, 0, "the name of the cookie", line)?;
    let mut given = Vec::new();
    let mut rest = words[1..].iter();
    while let Some(word) = rest.next() {
        match word.text {
            "domain" | "attr" | "maxidle" | "maxlife" => {
                let Some(value) = rest.next() else {
                    return Err(Refused::new(word.span, format!("`{}` needs a value", word.text)));
                };
                if word.text.starts_with("max") && forms::milliseconds(value.text).is_none() {
                    return Err(Refused::new(value.span, format!("`{}` is no time", value.text)));
                }
            }
            flag if FLAGS.contains(&flag) => given.push(flag),
            other => {
                let known = FLAGS.iter().copied().chain(["domain", "attr", "maxidle", "maxlife"]);
                return Err(Refused::new(word.span, super::words::unknown("option of `cookie`", other, known)));
            }
        }
    }
    let has = |flag: &str| given.contains(&flag);
    if [has("rewrite"), has("insert"), has("prefix")].iter().filter(|mode| **mode).count() > 1 {
        return Err(Refused::new(line, "a cookie is either rewritten, inserted or prefixed"));
    }
    if has("rewrite") && has("indirect") {
        return Err(Refused::new(line, "a cookie that is rewritten cannot be `indirect`"));
    }
    if has("preserve") && !has("insert") && !has("indirect") {
        return Err(Refused::new(line, "`preserve` needs `insert` or `indirect`"));
    }
    // A prefix ends before its tilde, and dates follow behind a bar (src/http_ana.c, http_manage_client_side_cookies).
    let end = if has("prefix") { '~' } else { '|' };
    Ok(Persistence { name: name.text.into(), end, dynamic: has("dynamic") })
}

impl SectionBuilder<'_, '_> {
    /// `force-persist` or `ignore-persist`
    pub(super) fn persist_rule(
        &mut self,
        proxy: &mut Proxy,
        first: &Word<'_>,
        rest: &[Word<'_>],
        span: Span,
    ) -> Result<(), Refused> {
        let Some(condition) = self.trailing_condition(rest, first.text)? else {
            return Err(Refused::new(span, format!("`{}` needs `if` or `unless`", first.text)));
        };
        proxy.persist_rules.push(PersistRule { forces: first.text == "force-persist", condition });
        Ok(())
    }
}
