//! What nginx checks about `listen` and `server_name`.

use std::collections::HashMap;

use super::structure::Level;
use super::tables::is_name;
use super::{Checker, both_present};
use crate::finding::Finding;
use crate::nginx::site::{Listen, ServerBlock};
use crate::server::Release;
use crate::syntax::Directive;

impl<'d> Checker<'d> {
    pub(super) fn listens(&mut self, statements: &[Directive<'d>]) {
        let mut known: HashMap<(String, bool), Directive<'d>> = HashMap::new();
        for listen in statements.iter().filter(|one| one.name() == "listen" && !one.has_template()) {
            let Some(place) = listen.arg(0) else { continue };
            self.listen(*listen, place);
            // QUIC has sockets of its own, of UDP.
            let is_quic = listen.values().any(|value| value == "quic");
            match known.get(&(plain(place), is_quic)) {
                Some(first) if both_present(*first, *listen) => {
                    self.add_repeat(*first, *listen, format!("the server listens on {place} twice"), "remove one of them");
                }
                Some(_) => {}
                None => _ = known.insert((plain(place), is_quic), *listen),
            }
        }
    }

    pub(super) fn default_servers(&mut self, statements: &[Directive<'d>]) {
        let mut known: HashMap<(String, bool), Directive<'d>> = HashMap::new();
        for server in statements.iter().filter(|one| one.name() == "server" && one.is_block()) {
            for listen in self.document.inside(*server).filter(|one| one.name() == "listen" && !one.has_template()) {
                let is_default = listen.values().skip(1).any(|value| matches!(value, "default_server" | "default"));
                let Some(place) = listen.arg(0).filter(|_| is_default) else { continue };
                let key = (plain(place), listen.values().any(|value| value == "quic"));
                match known.get(&key) {
                    Some(first)
                        if both_present(*first, listen) && server.control().is_none() && first.head() != listen.head() =>
                    {
                        let finding = Finding::rejected(listen.head(), format!("{place} has two default servers"));
                        self.add(finding.related(first.head(), "the first one").help("keep one `default_server`"));
                    }
                    Some(_) => {}
                    None => _ = known.insert(key, listen),
                }
            }
        }
    }

    /// `ngx_http_ssl_merge_srv_conf`: a port for TLS needs a certificate and its key.
    pub(super) fn certificates(&mut self, statements: &[Directive<'d>]) {
        if !self.is_complete() {
            return;
        }
        let has = |statements: &[Directive<'d>], name: &str| statements.iter().any(|one| one.name() == name);
        for server in statements.iter().filter(|one| one.name() == "server" && one.is_block()) {
            let inside: Vec<_> = self.document.inside(*server).collect();
            let tls = |one: &&Directive<'d>| {
                one.name() == "listen" && one.values().skip(1).any(|value| matches!(value, "ssl" | "quic"))
            };
            let Some(listen) = inside.iter().find(tls) else { continue };
            let set = |name: &str| has(&inside, name) || has(statements, name);
            if set("ssl_reject_handshake") || set("ssl_certificate") && set("ssl_certificate_key") {
                continue;
            }
            let missing = if set("ssl_certificate") { "ssl_certificate_key" } else { "ssl_certificate" };
            let message = format!("this server listens for TLS but has no `{missing}`");
            self.reject_with(listen.head(), message, "name the certificate and its key, or set `ssl_reject_handshake on`");
        }
    }

    /// `ngx_http_core_listen`
    fn listen(&mut self, listen: Directive<'d>, place: &str) {
        if place == "unix:" {
            return self.reject(listen.head(), "`listen` names no path of a socket");
        }
        let port = place.rsplit(']').next().unwrap_or(place).rsplit(':').next().unwrap_or(place);
        let is_port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
        let numeric = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if !place.starts_with("unix:") && numeric && !port.split('-').all(is_port) {
            return self.reject(listen.head(), format!("`{port}` is no port"));
        }
        for value in listen.values().skip(1) {
            if !is_listen_parameter(value, self.target) {
                return self.reject(listen.head(), format!("`listen` takes no parameter `{value}`"));
            }
        }
    }

    /// `ngx_http_core_server_name`
    pub(super) fn server_names(&mut self, level: Level<'d>, statement: Directive<'d>) {
        for name in statement.values() {
            match name.strip_prefix('~') {
                Some("") => self.reject(statement.head(), "the regex of this name is empty"),
                Some(regex) => self.regex(statement, regex),
                None if matches!(name, "." | "*") || name.starts_with('*') && name.len() < 3 || self.is_misnamed(level, name) => {
                    let help = "`*` can stand for the first or the last part alone, as in `*.example.com`";
                    self.reject_with(statement.head(), format!("`{name}` is no server name"), help);
                }
                None => {}
            }
        }
    }

    fn is_misnamed(&self, level: Level<'d>, name: &str) -> bool {
        !is_name(name) && level.block.is_some_and(|block| !self.is_alone(block))
    }

    /// Whether no other server shares a listening place with this one: then nginx never looks at its names
    /// (`ngx_http_optimize_servers`).
    fn is_alone(&self, block: Directive<'d>) -> bool {
        let servers = &self.model.servers;
        let is_own = |server: &&ServerBlock| self.model.scope(server.scope).span == block.head();
        let Some(own) = servers.iter().find(is_own) else { return true };
        let shares = |other: &ServerBlock| {
            let place = |listen: &Listen| (listen.address, listen.ports);
            other.listens.iter().any(|listen| own.listens.iter().any(|known| place(known) == place(listen)))
        };
        !servers.iter().any(|other| other.scope != own.scope && shares(other))
    }
}

fn is_listen_parameter(value: &str, target: Release) -> bool {
    let number = |text: &str| text.parse::<i32>().is_ok();
    match value.split_once('=') {
        None => match value {
            "default_server" | "default" | "bind" | "deferred" | "reuseport" | "ssl" | "http2" | "spdy" | "proxy_protocol" => {
                true
            }
            "quic" => target >= Release(1, 25, 0),
            "multipath" => target >= Release(1, 29, 7),
            _ => false,
        },
        Some(("ipv6only", value)) => matches!(value, "on" | "off"),
        Some(("setfib" | "fastopen" | "backlog", value)) => number(value),
        Some(("rcvbuf" | "sndbuf", value)) => crate::nginx::site::size(value).is_some(),
        Some((name, _)) => matches!(name, "so_keepalive" | "accept_filter"),
    }
}

/// A listening place in its full form: `80` and `*:80` are the same.
fn plain(place: &str) -> String {
    let place = if place.bytes().all(|byte| byte.is_ascii_digit()) { format!("*:{place}") } else { place.to_owned() };
    place.replace("0.0.0.0:", "*:")
}
