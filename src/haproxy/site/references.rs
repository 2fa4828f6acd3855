//! Names that must mean something once all sections are read (src/sample.c, smp_resolve_args; src/proxy.c, src/server.c).

use std::collections::{HashMap, HashSet};

use super::Config;
use super::build::{Builder, Refused};
use super::proxy::{Proxy, Role};
use super::section::SectionBuilder;
use crate::source::Span;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum Named {
    Backend,
    Frontend,
    Table,
    Server,
    Userlist,
    Cache,
    Resolvers,
    ErrorPages,
}

impl Named {
    /// What an argument names, by the letter of its type, see [`crate::haproxy::arguments::Signature`].
    pub(super) fn by_argument(kind: u8) -> Option<Named> {
        match kind {
            b'b' => Some(Named::Backend),
            b'f' => Some(Named::Frontend),
            b't' => Some(Named::Table),
            b'v' => Some(Named::Server),
            b'u' => Some(Named::Userlist),
            _ => None,
        }
    }
}

/// A name that something asks for. An empty one stands for the section at hand.
#[derive(Debug)]
pub(super) struct Reference {
    /// The index of the section that it stands in.
    proxy: usize,
    to: Named,
    name: Box<str>,
    span: Span,
}

/// The names that there are, as far as the model does not find them by itself.
struct Names<'c> {
    config: &'c Config,
    frontends: HashSet<&'c str>,
    /// Those of the servers of a backend, once they are asked for.
    servers: HashMap<usize, HashSet<&'c str>>,
}

impl SectionBuilder<'_, '_> {
    pub(super) fn want(&mut self, to: Named, name: &str, span: Span) {
        self.notes.references.push(Reference { proxy: self.index, to, name: name.into(), span });
    }
}

impl Builder<'_, '_> {
    pub(super) fn bad_references(&self) -> Vec<Refused> {
        if self.notes.references.is_empty() {
            return Vec::new();
        }
        let fronts = self.config.proxies.iter().filter(|proxy| proxy.role.is_frontend());
        let frontends = fronts.map(|proxy| &*proxy.name).collect();
        let mut names = Names { config: &self.config, frontends, servers: HashMap::new() };
        let bad = |one: &Reference| Some(Refused::new(one.span, self.unresolved(one, &mut names)?));
        self.notes.references.iter().filter_map(bad).collect()
    }

    /// What is wrong with a name, if it means nothing.
    fn unresolved(&self, reference: &Reference, names: &mut Names<'_>) -> Option<String> {
        let config = &self.config;
        let own = config.proxies.get(reference.proxy);
        let name = &*reference.name;
        if name.is_empty() {
            return own.and_then(|own| self.unnamed(reference.to, own));
        }
        let (is_known, what) = match reference.to {
            Named::Backend => (config.backends.contains_key(name), "backend"),
            Named::Frontend => (names.frontends.contains(name), "frontend"),
            Named::Table => (self.notes.tables.contains(name), "stick table"),
            Named::Userlist => (config.userlists.contains_key(name), "`userlist` section"),
            Named::ErrorPages => (config.http_errors.contains_key(name), "`http-errors` section"),
            Named::Cache => (self.has_section("cache", name), "`cache` section"),
            Named::Resolvers => (name == "default" || self.has_section("resolvers", name), "`resolvers` section"),
            Named::Server => return names.unknown_server(reference.proxy, name),
        };
        (!is_known).then(|| format!("there is no {what} `{name}`"))
    }

    /// Whether the section at hand cannot be what is meant where no name is written.
    fn unnamed(&self, to: Named, own: &Proxy) -> Option<String> {
        let Proxy { name, role, .. } = own;
        match to {
            Named::Backend if *role == Role::Frontend => Some(format!("`{name}` is no backend, so a backend must be named")),
            Named::Frontend if *role == Role::Backend => Some(format!("`{name}` is no frontend, so one must be named")),
            Named::Table if !self.notes.tables.contains(&**name) => {
                Some(format!("`{name}` has no stick table, so one must be named"))
            }
            _ => None,
        }
    }

    fn has_section(&self, kind: &str, name: &str) -> bool {
        self.sections.contains(&(kind.into(), name.into()))
    }
}

impl Names<'_> {
    /// `SERVER` or `BACKEND/SERVER`
    fn unknown_server(&mut self, own: usize, name: &str) -> Option<String> {
        let config = self.config;
        let (backend, server) = match name.rsplit_once('/') {
            Some((backend, server)) => match config.backends.get(backend) {
                Some(index) => (*index, server),
                None => return Some(format!("there is no backend `{backend}`")),
            },
            None => (own, name),
        };
        let backend_of = config.proxies.get(backend)?;
        let names = || backend_of.servers.iter().map(|server| &*server.name).collect();
        let is_known = self.servers.entry(backend).or_insert_with(names).contains(server);
        (!is_known).then(|| format!("there is no server `{server}` in `{}`", backend_of.name))
    }
}
