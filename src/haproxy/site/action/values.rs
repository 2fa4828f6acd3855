//! The values that rules are made of: samples, log-format strings, patterns, and variables.

use std::sync::Arc;

use super::{Action, Parts, Reach, Rule};
use crate::haproxy::arguments;
use crate::haproxy::site::build::{Refused, Word};
use crate::haproxy::site::format::{self, Format};
use crate::haproxy::site::proxy::Role;
use crate::haproxy::site::sample::{self, Sample};
use crate::haproxy::site::section::SectionBuilder;
use crate::haproxy::site::vocabulary;
use crate::pattern::Pattern;
use crate::source::Span;

impl SectionBuilder<'_, '_> {
    /// `set-var NAME SAMPLE` and `set-var-fmt NAME FORMAT` of `global` (src/vars.c, vars_parse_global_set_var).
    pub(in crate::haproxy::site) fn global_variable(&mut self, words: &[Word<'_>], line: Span) -> Result<Rule, Refused> {
        self.place = Some(line);
        self.reach = Reach::Connection;
        let mut parts = Parts { words, at: 1 };
        let name = parts.need("the name of the variable", line)?;
        if !name.text.starts_with("proc.") || !sample::is_variable(name.text) {
            return Err(Refused::new(name.span, "only variables of the process, `proc.…`, can be set here"));
        }
        let variable = name.text.into();
        let action = if words[0].text == "set-var" {
            Action::SetVariable(variable, self.needed_sample(&mut parts, line)?)
        } else {
            let value = parts.need("the value of the variable", line)?;
            Action::SetVariableFormat(variable, self.format(&value)?)
        };
        Ok(Rule { action, condition: None, name: words[0].text.into(), span: line })
    }

    pub(super) fn variable(&self, argument: Option<&str>, verb: Word<'_>) -> Result<Arc<str>, Refused> {
        // Conditions such as `ifnotexists` may follow the name behind a comma.
        let name = argument.and_then(|argument| argument.split(',').next()).unwrap_or("");
        if sample::is_variable(name) {
            return Ok(name.into());
        }
        Err(Refused::new(verb.span, format!("`{name}` is no name of a variable"))
            .help("names begin with `txn.`, `req.`, `res.`, `sess.` or `proc.`"))
    }

    pub(super) fn needed_sample(&mut self, parts: &mut Parts<'_>, line: Span) -> Result<Sample, Refused> {
        let value = parts.need("the expression", line)?;
        let mut sample = self.sample(&value)?;
        // Converters may stand apart, a word each.
        while let Some(word) = parts.peek().filter(|word| vocabulary::converter(arguments::keyword(word.text).0).is_some()) {
            parts.next();
            let text = format!(",{}", word.text);
            let rest = sample::converters(&mut sample, &text, self).map_err(|flaw| flaw.at(word.span))?;
            if !rest.is_empty() {
                return Err(Refused::new(word.span, format!("a comma is missing before `{rest}`")));
            }
        }
        Ok(sample)
    }

    pub(in crate::haproxy::site) fn sample(&mut self, word: &Word<'_>) -> Result<Sample, Refused> {
        let sample = sample::parse(word.text, self).map_err(|flaw| flaw.at(word.span))?;
        self.check_reach(&sample, word.span)?;
        self.capture.needs_http |= sample.needs_http();
        Ok(sample)
    }

    pub(in crate::haproxy::site) fn format(&mut self, word: &Word<'_>) -> Result<Format, Refused> {
        let format = format::parse(word.text, self).map_err(|flaw| flaw.at(word.span))?;
        if format.wants_http && !self.http {
            return Err(Refused::new(word.span, format!("`{}` holds a variable that needs `mode http`", word.text)));
        }
        self.capture.wanted |= format.wants_request;
        for sample in format.samples() {
            self.check_reach(sample, word.span)?;
            self.capture.needs_http |= sample.needs_http();
            self.capture.wanted |= self.capture.needs_http;
        }
        Ok(format)
    }

    /// Requests are gone when response rules run, and responses are not there before.
    fn check_reach(&self, sample: &Sample, span: Span) -> Result<(), Refused> {
        let behind = self.role != Role::Frontend;
        let (there, when) = match self.reach {
            Reach::Any => (true, ""),
            Reach::Connection => (sample.session, "before the request is read"),
            Reach::Frontend => (sample.request, "before a backend is chosen"),
            Reach::Request => (sample.request || sample.backend && behind, "while the request is read"),
            Reach::Response => (sample.response, "when the response is here"),
            Reach::Logs => (sample.logs, "in logs"),
        };
        if there { Ok(()) } else { Err(Refused::new(span, format!("`{}` cannot be read {when}", sample.text))) }
    }

    pub(super) fn pattern(&self, word: &Word<'_>) -> Result<Arc<Pattern>, Refused> {
        let pattern = self.config.patterns.get(word.text, false);
        if pattern.is_refused() {
            return Err(Refused::new(word.span, format!("`{}` is no regular expression", word.text)));
        }
        Ok(pattern)
    }
}
