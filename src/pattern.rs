//! Regular expressions of configs, which are PCRE's.
//!
//! What this crate's engine cannot read is "cannot tell", never "no match", and no pattern takes unbounded time.

use std::sync::OnceLock;

use fancy_regex::{Regex, RegexBuilder};

/// A pattern, compiled when it is first asked.
#[derive(Debug)]
pub struct Pattern {
    source: Box<str>,
    ignore_case: bool,
    compiled: OnceLock<Option<Regex>>,
}

/// The groups of a match; group 0 is the whole match. A group that took no part is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Groups {
    pub numbered: Vec<Option<String>>,
    pub named: Vec<(String, String)>,
}

impl Pattern {
    /// Steps that one match may backtrack; past that the pattern counts as one that cannot be told.
    const BACKTRACKS: usize = 100_000;

    pub fn new(source: &str, ignore_case: bool) -> Self {
        Pattern { source: source.into(), ignore_case, compiled: OnceLock::new() }
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    fn regex(&self) -> Option<&Regex> {
        let compile =
            || RegexBuilder::new(&self.source).case_insensitive(self.ignore_case).backtrack_limit(Self::BACKTRACKS).build().ok();
        self.compiled.get_or_init(compile).as_ref()
    }

    /// Whether the pattern matches anywhere in the text; `None` where that cannot be told.
    pub fn matches(&self, text: &str) -> Option<bool> {
        self.regex()?.is_match(text).ok()
    }

    /// The groups of the first match; the outer `None` where that cannot be told, the inner one where nothing matches.
    pub fn groups(&self, text: &str) -> Option<Option<Groups>> {
        let regex = self.regex()?;
        let Some(found) = regex.captures(text).ok()? else { return Some(None) };
        let numbered = found.iter().map(|group| group.map(|group| group.as_str().to_owned())).collect();
        let named =
            regex.capture_names().flatten().filter_map(|name| Some((name.to_owned(), found.name(name)?.as_str().to_owned())));
        Some(Some(Groups { numbered, named: named.collect() }))
    }
}
