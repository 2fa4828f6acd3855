//! Words that are empty, and variables that are not set.

use std::collections::HashSet;

use super::{Checks, ineffective};
use crate::finding::{Finding, Severity};
use crate::server::Release;
use crate::source::Span;
use crate::syntax::{Directive, Word};

/// The lines on which losing the rest changes what happens to methods.
const RULES: &[&str] =
    &["acl", "http-request", "http-response", "tcp-request", "use_backend", "use-server", "redirect", "monitor"];

impl Checks<'_> {
    pub(super) fn written(&self, findings: &mut Vec<Finding>) {
        for tree in self.trees {
            for line in tree.all().filter(|line| RULES.contains(&line.name())) {
                self.empty_word(line, findings);
            }
        }
        let mut told = HashSet::new();
        for (span, name) in self.unset {
            let empties = findings.iter().any(|finding| finding.span.contains(*span));
            if told.insert(name) && !empties {
                let message = format!("`{name}` is not set, so nothing stands here");
                let finding = ineffective(Severity::Info, *span, message);
                findings.push(finding.help(format!("give it with `--define {name}=VALUE`, or write a default: `${{{name}-…}}`")));
            }
        }
    }

    /// An empty word ends the line for HAProxy, whatever follows it.
    fn empty_word(&self, line: Directive<'_>, findings: &mut Vec<Finding>) {
        let words = line.words();
        let Some(at) = words.iter().position(|word| line.tree.value(word).is_empty()) else { return };
        let Some(last) = words.last().filter(|_| at + 1 < words.len()) else { return };
        let span = line.tree.span(&words[at]);
        let lost = Span { start: words[at + 1].start, end: last.end, ..span };
        let variable = self.variable_in(span);
        let condition = variable.map_or(String::new(), |name| format!(" while `{name}` is not set"));
        let message = format!(
            "this word is empty{condition}, and an empty word ends the line: {} is ignored",
            what_is_lost(line, &words[at + 1..])
        );
        let severity = if variable.is_some() { Severity::Warning } else { Severity::Error };
        let mut finding = ineffective(severity, span, message).related(lost, "ignored");
        finding.invalid = variable.is_none() && self.config.release >= Release(3, 3, 0);
        findings.push(match variable {
            Some(name) => finding.help(format!("write a default: `\"${{{name}-…}}\"`, or set it")),
            None => finding.help("remove the empty word"),
        });
    }

    fn variable_in(&self, span: Span) -> Option<&str> {
        self.unset.iter().find(|(place, _)| span.contains(*place)).map(|(_, name)| name.as_str())
    }
}

fn what_is_lost(line: Directive<'_>, lost: &[Word]) -> &'static str {
    let is_condition = |word: &Word| matches!(line.tree.value(word), "if" | "unless");
    if lost.iter().any(is_condition) { "the condition behind it" } else { "what follows" }
}
