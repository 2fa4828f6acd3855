//! Regular expressions of a config, each compiled once however often it is written.

use std::collections::HashMap;
use std::sync::Arc;

use crate::http::{MethodSet, Universe};
use crate::pattern::{self, Pattern};

#[derive(Debug, Default)]
pub(in crate::apache) struct Patterns {
    known: pattern::Patterns,
    methods: HashMap<(String, bool), Option<MethodSet>>,
}

impl Patterns {
    pub(in crate::apache) fn get(&mut self, source: &str, ignore_case: bool) -> Arc<Pattern> {
        self.known.get(source, ignore_case)
    }

    /// The methods that a pattern matches; `None` where that cannot be told.
    pub(in crate::apache) fn methods(&mut self, universe: &Universe, source: &str, ignore_case: bool) -> Option<MethodSet> {
        let key = (source.to_owned(), ignore_case);
        if let Some(known) = self.methods.get(&key) {
            return *known;
        }
        let pattern = self.get(source, ignore_case);
        let mut set = Some(MethodSet::EMPTY);
        for single in universe.all().singles() {
            match universe.first(single).and_then(|name| pattern.matches(name)) {
                Some(true) => set = set.map(|set| set | single),
                Some(false) => {}
                None => set = None,
            }
        }
        self.methods.insert(key, set);
        set
    }
}
