//! `valid_referers` (`ngx_http_referer_module`).

use std::sync::Arc;

use super::listen::ServerName;
use crate::pattern::{Pattern, Patterns};

#[derive(Debug, Default)]
pub(in super::super) struct Referers {
    /// `none`: a request without the header.
    none: bool,
    /// `blocked`: a value that is no URL.
    blocked: bool,
    /// `server_names`: those of the server.
    servers: bool,
    /// Hosts, each perhaps with the start of a path.
    hosts: Vec<(ServerName, Box<str>)>,
    /// What the URL behind its scheme must match.
    regexes: Vec<Arc<Pattern>>,
}

impl Referers {
    pub(super) fn add(&mut self, word: &str, patterns: &mut Patterns) {
        match word {
            "none" => self.none = true,
            "blocked" => self.blocked = true,
            "server_names" => self.servers = true,
            _ if word.starts_with('~') => self.regexes.push(patterns.get(&word[1..], true)),
            _ => {
                let (host, path) = word.split_at(word.find('/').unwrap_or(word.len()));
                let names = ServerName::parse(host, patterns);
                self.hosts.extend(names.into_iter().map(|name| (name, path.into())));
            }
        }
    }

    /// `ngx_http_referer_variable`; `None` where that cannot be told.
    pub(in super::super) fn admit(&self, referer: Option<&str>, names: &[ServerName]) -> Option<bool> {
        let Some(referer) = referer else { return Some(self.none) };
        let lower = referer.to_ascii_lowercase();
        let start = ["http://", "https://"].into_iter().find(|scheme| lower.starts_with(scheme)).map_or(0, str::len);
        // nginx reads nothing shorter than `http://i.ru` as a URL.
        if start == 0 || referer.len() < 11 {
            return Some(self.blocked);
        }
        let url = &referer[start..];
        let (host, rest) = url.split_at(url.find(['/', ':']).unwrap_or(url.len()));
        let (host, path) = (host.to_ascii_lowercase(), &rest[rest.find('/').unwrap_or(rest.len())..]);
        let own = names.iter().filter(|_| self.servers);
        let named = self.hosts.iter().filter(|(name, path)| path.is_empty() || !matches!(name, ServerName::Regex(_)));
        let known = own.map(|name| (name, "")).chain(named.map(|(name, path)| (name, &**path)));
        if known.into_iter().any(|(name, start)| name.is(&host) && path.starts_with(start)) {
            return Some(true);
        }
        let mut told = Some(false);
        for regex in &self.regexes {
            match regex.matches(url) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => told = None,
            }
        }
        told
    }
}
