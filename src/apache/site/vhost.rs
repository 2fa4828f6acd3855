//! Which virtual host takes a request (`server/vhost.c`).

use std::collections::{BTreeMap, HashMap};

use super::super::expr::wildcard;
use super::Listen;

/// `ServerName` and `ServerAlias`.
#[derive(Clone, Debug, Default)]
pub(in crate::apache) struct Names {
    /// In lower case, without scheme and port.
    pub(in crate::apache) name: Option<String>,
    pub(in crate::apache) name_port: Option<u16>,
    pub(in crate::apache) aliases: Vec<String>,
    pub(in crate::apache) wild: Vec<String>,
}

/// The virtual hosts by the addresses they listen on.
#[derive(Debug, Default)]
pub(in crate::apache) struct Hosts {
    /// Those of an exact address, by address and port; port 0 stands for any.
    exact: BTreeMap<String, BTreeMap<u16, Group>>,
    /// Those of `*` and `_default_`.
    any: BTreeMap<u16, Group>,
}

/// The virtual hosts that share an address and port.
#[derive(Debug, Default)]
pub(in crate::apache) struct Group {
    /// In the order of the config; the first one takes what no name takes.
    pub(in crate::apache) members: Vec<usize>,
    by_name: HashMap<String, usize>,
    /// Of wildcards such as `*.example.org`, the part behind the sign, and the first host that has it.
    by_end: HashMap<String, usize>,
    /// Other wildcards.
    wild: Vec<(String, usize)>,
}

/// The part of a wildcard behind its one sign, where that stands for whole labels in front.
pub(in crate::apache) fn end_of(pattern: &str) -> Option<&str> {
    pattern.strip_prefix('*').filter(|end| end.starts_with('.') && !end.contains(['*', '?']))
}

impl Hosts {
    /// Adds a virtual host under one address of its opening line.
    pub(in crate::apache) fn add(&mut self, address: &str, server: usize, names: &Names) {
        let (host, port) = split_address(address);
        let group = match host {
            "*" | "_default_" | "" | "0.0.0.0" | "[::]" => self.any.entry(port).or_default(),
            host => {
                let ports = self.exact.entry(host.trim_matches(['[', ']']).to_ascii_lowercase()).or_default();
                ports.entry(port).or_default()
            }
        };
        // The addresses of one host come one after the other.
        if group.members.last() == Some(&server) {
            return;
        }
        group.members.push(server);
        for name in names.name.iter().chain(&names.aliases) {
            group.by_name.entry(name.clone()).or_insert(server);
        }
        for pattern in &names.wild {
            match end_of(pattern) {
                Some(end) => _ = group.by_end.entry(end.to_owned()).or_insert(server),
                None => group.wild.push((pattern.clone(), server)),
            }
        }
    }

    /// The group that answers on an address, if any; else the main server does.
    pub(in crate::apache) fn group(&self, address: &str, port: u16) -> Option<&Group> {
        let ports = [self.exact.get(address), Some(&self.any)];
        ports.into_iter().flatten().find_map(|ports| ports.get(&port).or_else(|| ports.get(&0)))
    }

    /// A listener that no virtual host answers on, so that the main server does.
    pub(in crate::apache) fn left_over<'l>(&self, listens: &'l [Listen]) -> Option<&'l Listen> {
        listens.iter().find(|listen| self.group(listen.address.as_deref().unwrap_or("127.0.0.1"), listen.port).is_none())
    }

    /// Every group with an address and port to reach it by; port 0 stands for any.
    pub(in crate::apache) fn groups(&self) -> impl Iterator<Item = (Option<&str>, u16, &Group)> {
        let exact = self
            .exact
            .iter()
            .flat_map(|(address, ports)| ports.iter().map(move |(port, group)| (Some(address.as_str()), *port, group)));
        exact.chain(self.any.iter().map(|(port, group)| (None, *port, group)))
    }
}

impl Group {
    /// The virtual host for a host name in lower case, and whether its name was known.
    pub(in crate::apache) fn choose(&self, host: &str) -> (usize, bool) {
        let first = self.members.first().copied().unwrap_or(0);
        let named = self.by_name.get(host).copied();
        let by_end = host.match_indices('.').filter_map(|(dot, _)| self.by_end.get(&host[dot..]).copied());
        let wild = self.wild.iter().find(|(pattern, _)| wildcard(pattern, host)).map(|(_, server)| *server);
        // Names and wildcards are asked host by host; an earlier host's wildcard goes before a later host's name.
        match by_end.chain(named).chain(wild).min() {
            Some(server) => (server, true),
            None => (first, false),
        }
    }
}

/// `address:port`; port 0 where none or `*` is written.
pub(in crate::apache) fn split_address(text: &str) -> (&str, u16) {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().unwrap_or(0)),
        _ => (text, 0),
    }
}

/// `[scheme://]name[:port]` in lower case.
pub(in crate::apache) fn split_name(text: &str) -> (String, Option<u16>) {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => (name, port.parse().ok()),
        _ => (text, None),
    };
    (name.trim_end_matches('.').to_ascii_lowercase(), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_host_whose_name_or_wildcard_fits_is_chosen() {
        let names = |name: &str, wild: &[&str]| Names {
            name: Some(name.to_owned()),
            wild: wild.iter().map(|pattern| (*pattern).to_owned()).collect(),
            ..Names::default()
        };
        let mut hosts = Hosts::default();
        hosts.add("*:80", 1, &names("a.test", &["*.b.test", "w?w.c.test"]));
        hosts.add("*:80", 1, &names("a.test", &["*.b.test"]));
        hosts.add("*:80", 2, &names("x.b.test", &["*.test", "*.b.test"]));
        let group = hosts.group("127.0.0.1", 80).unwrap();
        assert_eq!(group.members, [1, 2]);
        for (host, chosen) in [
            ("a.test", (1, true)),
            ("x.b.test", (1, true)),
            ("y.x.b.test", (1, true)),
            ("www.c.test", (1, true)),
            ("b.test", (2, true)),
            ("c.test", (2, true)),
            ("other", (1, false)),
        ] {
            assert_eq!(group.choose(host), chosen, "{host}");
        }
    }
}
