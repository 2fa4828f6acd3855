//! The locations of one level, arranged for the search (`ngx_http_init_static_location_trees`).

use std::collections::HashMap;
use std::sync::Arc;

use super::ScopeId;

#[derive(Debug, Default)]
pub(in super::super) struct Locations {
    exact: HashMap<Arc<str>, ScopeId>,
    /// Sorted by name, each with the index of the longest other one that starts it.
    prefixes: Vec<(Arc<str>, ScopeId, Option<usize>)>,
    /// Slashless names of locations whose `*_pass` makes nginx redirect to the slash.
    redirects: HashMap<Box<str>, ScopeId>,
    /// In the order of the config.
    pub regexes: Vec<ScopeId>,
    /// Those whose name is a template's placeholder.
    pub unknown: Vec<ScopeId>,
}

/// What the search among exact and prefix locations of one level found.
pub(in super::super) enum Found {
    Exact(ScopeId),
    Prefix(ScopeId),
    /// The URI lacks the slash of this location's name.
    Redirect(ScopeId),
    Nothing,
}

impl Locations {
    /// The first location of a name wins; nginx refuses the second.
    pub(super) fn add_exact(&mut self, name: &Arc<str>, scope: ScopeId, passes: bool) {
        self.exact.entry(Arc::clone(name)).or_insert(scope);
        self.add_redirect(name, scope, passes);
    }

    pub(super) fn add_prefix(&mut self, name: &Arc<str>, scope: ScopeId, passes: bool) {
        self.prefixes.push((Arc::clone(name), scope, None));
        self.add_redirect(name, scope, passes);
    }

    fn add_redirect(&mut self, name: &str, scope: ScopeId, passes: bool) {
        if let (true, Some(bare)) = (passes, name.strip_suffix('/')) {
            self.redirects.entry(bare.into()).or_insert(scope);
        }
    }

    /// All of them: exact, prefix, regex.
    pub(in super::super) fn all(&self) -> Vec<ScopeId> {
        let exact = self.exact.values().copied();
        let prefixes = self.prefixes.iter().map(|(_, scope, _)| *scope);
        let mut all: Vec<_> =
            exact.chain(prefixes).chain(self.regexes.iter().copied()).chain(self.unknown.iter().copied()).collect();
        all.sort_by_key(|scope| scope.0);
        all
    }

    pub(super) fn arrange(&mut self) {
        self.prefixes.sort_by(|one, other| one.0.cmp(&other.0));
        self.prefixes.dedup_by(|later, earlier| later.0 == earlier.0);
        let mut open: Vec<usize> = Vec::new();
        for index in 0..self.prefixes.len() {
            while open.last().is_some_and(|last| !self.prefixes[index].0.starts_with(&*self.prefixes[*last].0)) {
                open.pop();
            }
            self.prefixes[index].2 = open.last().copied();
            open.push(index);
        }
    }

    pub(in super::super) fn search(&self, uri: &str) -> Found {
        if let Some(scope) = self.exact.get(uri) {
            return Found::Exact(*scope);
        }
        let longest = self.longest_prefix(uri);
        match (longest, self.redirects.get(uri)) {
            (Some((name, scope)), _) if name.len() == uri.len() => Found::Prefix(scope),
            (_, Some(scope)) => Found::Redirect(*scope),
            (Some((_, scope)), None) => Found::Prefix(scope),
            (None, None) => Found::Nothing,
        }
    }

    fn longest_prefix(&self, uri: &str) -> Option<(&str, ScopeId)> {
        let mut next = self.prefixes.partition_point(|(name, ..)| &**name <= uri).checked_sub(1);
        while let Some(index) = next {
            let (name, scope, shorter) = &self.prefixes[index];
            if uri.starts_with(&**name) {
                return Some((name, *scope));
            }
            next = *shorter;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_is_found_behind_its_neighbours() {
        let mut locations = Locations::default();
        for (index, name) in ["/", "/a/", "/a/b", "/a/bb/", "/b"].iter().enumerate() {
            locations.add_prefix(&Arc::from(*name), ScopeId(index as u32), false);
        }
        locations.arrange();
        let find = |uri: &str| locations.longest_prefix(uri).map(|(name, _)| name.to_owned());
        assert_eq!(find("/a/c").as_deref(), Some("/a/"));
        assert_eq!(find("/a/bz").as_deref(), Some("/a/b"));
        assert_eq!(find("/zz").as_deref(), Some("/"));
        assert_eq!(find("x"), None);
    }
}
