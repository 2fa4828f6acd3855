//! What a rule is, and how a file of this folder declares one.

use crate::finding::Severity;

/// One thing that proxylint looks for.
#[derive(Debug)]
pub struct Rule {
    /// The name in settings, suppressions and reports.
    pub name: &'static str,
    /// The worst that it says by default; a finding may say less.
    pub severity: Severity,
    /// The manual in Markdown: a summary line, then sections. Examples are fenced blocks with the server's name and either
    /// `flagged` or `silent`; all of them are run as tests.
    pub manual: &'static str,
}

impl Rule {
    /// The first line of the manual.
    pub fn summary(&self) -> &'static str {
        self.manual.trim_start().lines().next().unwrap_or("").trim_end_matches('.')
    }

    /// The manual as it is written: the lines of a comment start with a blank that is not part of them.
    pub fn markdown(&self) -> String {
        let lines = self.manual.trim().lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
        lines.flat_map(|line| [line, "\n"]).collect()
    }

    /// Where the manual stands on the web.
    pub fn url(&self) -> String {
        format!("{}/blob/main/docs/src/rules.md#{}", env!("CARGO_PKG_REPOSITORY"), self.name)
    }
}

/// Declares a file's rule; the doc comment is its manual.
macro_rules! declare_rule {
    ($(#[doc = $line:literal])+ $name:literal, $severity:ident) => {
        $(#[doc = $line])+
        pub(super) const RULE: $crate::rules::Rule = $crate::rules::Rule {
            name: $name,
            severity: $crate::finding::Severity::$severity,
            manual: concat!($($line, "\n"),+),
        };
    };
}

pub(super) use declare_rule;
