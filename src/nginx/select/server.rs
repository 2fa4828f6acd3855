//! The server: first by listening address, then by name (`ngx_http_init_connection`, `ngx_http_find_virtual_server`).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::http::Request;
use crate::nginx::site::{Address, Model, ServerName};
use crate::pattern::Pattern;

/// All sockets that the config opens.
#[derive(Debug, Default)]
pub(in super::super) struct Listeners {
    by_port: HashMap<u16, Vec<Listener>>,
    /// Sockets whose port a template will fill in; they take any request.
    open: Vec<Listener>,
}

/// One address and port with the servers behind it.
#[derive(Debug)]
pub(in super::super) struct Listener {
    address: Address,
    pub plain_http2: bool,
    pub ssl: bool,
    default: usize,
    explicit_default: bool,
    exact: HashMap<Box<str>, usize>,
    heads: HashMap<Box<str>, usize>,
    tails: HashMap<Box<str>, usize>,
    regexes: Vec<(Arc<Pattern>, usize)>,
    unknown: Option<usize>,
}

/// How a request's server was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Named {
    Server(usize),
    /// By the regex, whose groups become variables.
    Regex(usize, usize),
    /// By none of its names.
    Default(usize),
}

impl Listeners {
    pub(in super::super) fn new(model: &Model) -> Self {
        let mut listeners = Listeners::default();
        for (index, server) in model.servers.iter().enumerate() {
            for listen in &server.listens {
                let (first, last) = listen.ports;
                if (first, last) == (0, u16::MAX) {
                    listen_on(&mut listeners.open, listen, &server.names, index);
                    continue;
                }
                for port in first..=last.min(first.saturating_add(256)) {
                    listen_on(listeners.by_port.entry(port).or_default(), listen, &server.names, index);
                }
            }
        }
        listeners
    }

    /// The socket that takes a connection: the most specific address wins.
    pub(in super::super) fn find(&self, request: &Request) -> Option<&Listener> {
        let on_port = self.by_port.get(&request.port).map_or(&[][..], |listeners| listeners);
        let address: Option<IpAddr> = request.address.trim_matches(['[', ']']).parse().ok();
        let any = if address.is_some_and(|address| address.is_ipv6()) { Address::Any6 } else { Address::Any4 };
        let listening = |wanted: Address| on_port.iter().find(|listener| listener.address == wanted);
        address
            .and_then(|address| listening(Address::One(address)))
            .or_else(|| listening(any))
            .or_else(|| listening(Address::Unknown))
            .or_else(|| self.open.first())
    }
}

fn listen_on(listeners: &mut Vec<Listener>, listen: &crate::nginx::site::Listen, names: &[ServerName], server: usize) {
    let index = listeners.iter().position(|known| known.address == listen.address).unwrap_or_else(|| {
        listeners.push(Listener {
            address: listen.address,
            plain_http2: false,
            ssl: false,
            default: server,
            explicit_default: false,
            exact: HashMap::new(),
            heads: HashMap::new(),
            tails: HashMap::new(),
            regexes: Vec::new(),
            unknown: None,
        });
        listeners.len() - 1
    });
    let listener = &mut listeners[index];
    listener.plain_http2 |= listen.plain_http2;
    listener.ssl |= listen.ssl;
    if listen.default && !listener.explicit_default {
        (listener.default, listener.explicit_default) = (server, true);
    }
    if names.is_empty() {
        listener.exact.entry("".into()).or_insert(server);
    }
    for name in names {
        match name {
            ServerName::Exact(name) => _ = listener.exact.entry(name.clone()).or_insert(server),
            ServerName::Head(name) => _ = listener.heads.entry(name.clone()).or_insert(server),
            ServerName::Tail(name) => _ = listener.tails.entry(name.clone()).or_insert(server),
            ServerName::Regex(pattern) => listener.regexes.push((Arc::clone(pattern), server)),
            ServerName::Unknown => _ = listener.unknown.get_or_insert(server),
        }
    }
}

impl Listener {
    pub(in super::super) fn default_server(&self) -> usize {
        self.default
    }

    /// The server for a host, which is in lower case and without port.
    pub(in super::super) fn named(&self, host: &str) -> Named {
        if let Some(server) = self.exact.get(host).or_else(|| self.head(host)).or_else(|| self.tail(host)) {
            return Named::Server(*server);
        }
        for (index, (pattern, server)) in self.regexes.iter().enumerate() {
            if pattern.matches(host).unwrap_or(false) {
                return Named::Regex(*server, index);
            }
        }
        Named::Default(self.unknown.filter(|_| !self.explicit_default).unwrap_or(self.default))
    }

    /// The longest `*.example.com`: the wildcard stands for one label or more.
    fn head(&self, host: &str) -> Option<&usize> {
        let dots = host.match_indices('.').map(|(at, _)| at);
        dots.into_iter().find_map(|at| self.heads.get(&host[at..]))
    }

    /// The longest `www.example.*`.
    fn tail(&self, host: &str) -> Option<&usize> {
        let dots: Vec<_> = host.match_indices('.').map(|(at, _)| at).collect();
        dots.into_iter().rev().filter(|at| at + 1 < host.len()).find_map(|at| self.tails.get(&host[..=at]))
    }

    /// The regex that named a server.
    pub(in super::super) fn pattern(&self, index: usize) -> Option<&Arc<Pattern>> {
        self.regexes.get(index).map(|(pattern, _)| pattern)
    }
}
