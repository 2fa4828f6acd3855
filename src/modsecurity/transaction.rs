//! What ModSecurity remembers of one request from rule to rule.
//!
//! All methods run through the rules together. A rule that tells methods apart splits them into threads, each with its own
//! memory; threads that come to remember the same run together again.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::action::{Engine, Rules, Scope};
use super::variable::Target;
use crate::http::MethodSet;
use crate::source::Span;

/// One request on its way through the phases.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    /// `None` before the first phase.
    threads: Option<Vec<Thread>>,
}

/// The methods that are on one way through the rules.
#[derive(Clone, Debug)]
pub(super) struct Thread {
    pub(super) methods: MethodSet,
    pub(super) memory: Memory,
    /// The rules that matched by the method and have left something behind.
    pub(super) causes: Vec<Cause>,
}

/// A rule that told methods apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) span: Span,
    /// Where the variable was set that the method was compared with.
    pub(super) list: Option<Span>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// The values of collections by name, such as `tx.score`.
    stored: Arc<BTreeMap<Arc<str>, Stored>>,
    /// What `ctl:ruleEngine` said.
    pub(super) engine: Option<Engine>,
    pub(super) allowed: Option<Scope>,
    pub(super) force_body: bool,
    removed: Arc<Vec<Rules>>,
    excluded: Arc<Vec<(Rules, Target)>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    /// `None` where the value is not known.
    pub(super) value: Option<Arc<str>>,
    pub(super) set_at: Span,
}

impl Transaction {
    /// Whether a rule has turned the engine on for this request.
    pub(super) fn is_turned_on(&self) -> bool {
        self.threads.iter().flatten().any(|thread| thread.memory.engine == Some(Engine::On))
    }

    /// The threads of these methods, to go on with.
    pub(super) fn take(&mut self, methods: MethodSet) -> Vec<Thread> {
        let fresh = || vec![Thread { methods, memory: Memory::default(), causes: Vec::new() }];
        let mut threads = self.threads.take().unwrap_or_else(fresh);
        threads.iter_mut().for_each(|thread| thread.methods = thread.methods & methods);
        threads.retain(|thread| !thread.methods.is_empty());
        threads
    }

    pub(super) fn put(&mut self, threads: Vec<Thread>) {
        self.threads = Some(threads);
    }
}

impl Memory {
    /// The value of a name in lower case.
    pub(super) fn get(&self, key: &str) -> Option<&Stored> {
        self.stored.get(key)
    }

    /// The members of a collection, by name.
    pub(super) fn members(&self, collection: &str) -> impl Iterator<Item = (&str, &Stored)> {
        let prefix = format!("{collection}.");
        let all = self.stored.range::<str, _>((Bound::Included(&*prefix), Bound::Unbounded)).take_while({
            let prefix = prefix.clone();
            move |(name, _)| name.starts_with(&prefix)
        });
        all.map(move |(name, stored)| (&name[prefix.len()..], stored))
    }

    pub(super) fn set(&mut self, key: &str, value: Option<Arc<str>>, set_at: Span) {
        let stored = Arc::make_mut(&mut self.stored);
        match stored.get_mut(key) {
            Some(known) => *known = Stored { value, set_at },
            None => _ = stored.insert(key.into(), Stored { value, set_at }),
        }
    }

    pub(super) fn unset(&mut self, key: &str) {
        if self.get(key).is_some() {
            Arc::make_mut(&mut self.stored).remove(key);
        }
    }

    pub(super) fn remove(&mut self, rules: &Rules) {
        Arc::make_mut(&mut self.removed).push(rules.clone());
    }

    pub(super) fn removed(&self) -> &[Rules] {
        &self.removed
    }

    pub(super) fn exclude(&mut self, rules: &Rules, target: &Target) {
        Arc::make_mut(&mut self.excluded).push((rules.clone(), target.clone()));
    }

    pub(super) fn excluded(&self) -> &[(Rules, Target)] {
        &self.excluded
    }

    /// Whether later rules cannot tell the two apart. Lists of removals count as equal where they are one list.
    pub(super) fn is_same(&self, other: &Memory) -> bool {
        self.engine == other.engine
            && self.allowed == other.allowed
            && self.force_body == other.force_body
            && (Arc::ptr_eq(&self.removed, &other.removed) || self.removed.is_empty() && other.removed.is_empty())
            && (Arc::ptr_eq(&self.excluded, &other.excluded) || self.excluded.is_empty() && other.excluded.is_empty())
            && (Arc::ptr_eq(&self.stored, &other.stored) || self.stored == other.stored)
    }
}
