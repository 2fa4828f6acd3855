//! What nginx checks about `upstream` blocks and the addresses of `*_pass`.

use std::collections::HashMap;

use super::types::is_time;
use super::{Checker, both_present};
use crate::finding::Finding;
use crate::syntax::Directive;

impl<'d> Checker<'d> {
    pub(super) fn upstream_names(&mut self, statements: &[Directive<'d>]) {
        let mut known: HashMap<&str, Directive<'d>> = HashMap::new();
        for block in statements.iter().filter(|one| one.name() == "upstream" && one.is_block() && !one.has_template()) {
            let Some(name) = block.arg(0) else { continue };
            match known.get(name) {
                Some(first) if both_present(*first, *block) => {
                    self.add_repeat(*first, *block, format!("duplicate upstream `{name}`"), "rename or merge one of them");
                }
                Some(_) => {}
                None => _ = known.insert(name, *block),
            }
        }
    }

    pub(super) fn upstream(&mut self, block: Directive<'d>) {
        let statements: Vec<_> = self.document.inside(block).collect();
        let server_like = ["server", "zone", "resolver", "include"];
        let is_empty = !statements.iter().any(|one| server_like.contains(&one.name()) || one.has_template());
        let balanced = statements.iter().find(|one| matches!(one.name(), "ip_hash" | "hash" | "random")).copied();
        for server in statements.iter().filter(|one| one.name() == "server" && !one.has_template()) {
            self.upstream_server(*server, balanced);
        }
        let mut servers = statements.iter().filter(|one| server_like.contains(&one.name())).peekable();
        let spare = |one: &Directive<'_>| one.name() == "server" && one.values().any(|value| value == "backup");
        let is_spare = servers.peek().is_some() && servers.all(spare);
        if is_spare && !statements.iter().any(Directive::has_template) {
            self.reject_with(
                block.head(),
                "all servers of the `upstream` block are `backup`",
                "leave `backup` out of one of them",
            );
        }
        if is_empty && block.control().is_none() && !self.has_modules && !self.is_template {
            self.reject_with(block.head(), "the `upstream` block has no servers", "add a `server`");
        }
    }

    /// `ngx_http_upstream_server`
    fn upstream_server(&mut self, server: Directive<'d>, balanced: Option<Directive<'d>>) {
        let Some(address) = server.arg(0) else { return };
        self.port(server, address);
        for value in server.values().skip(1) {
            let number = |text: &str| text.parse::<u32>().is_ok();
            let valid = match value.split_once('=') {
                None => matches!(value, "backup" | "down" | "resolve" | "drain"),
                Some(("weight", text)) => number(text) && text != "0",
                Some(("max_conns" | "max_fails", text)) => number(text),
                Some(("fail_timeout" | "slow_start", text)) => is_time(text, false),
                Some((name, _)) => matches!(name, "service" | "route" | "sid" | "id" | "check"),
            };
            if !valid {
                self.reject(server.head(), format!("`server` takes no parameter `{value}`"));
                return;
            }
            if let (Some(balanced), "backup") = (balanced, value) {
                let message = format!("`{}` takes no server with `backup`", balanced.name());
                let finding = Finding::rejected(server.head(), message).related(balanced.head(), "chooses the server");
                self.add(finding.help("leave `backup` out, or use another method"));
                return;
            }
        }
    }

    /// `ngx_parse_url`: a port is a number up to 65535.
    pub(super) fn port(&mut self, statement: Directive<'d>, address: &str) {
        if address.starts_with("unix:") || address.contains('$') {
            return;
        }
        let bare = address.rsplit(']').next().unwrap_or(address);
        let Some((_, port)) = bare.rsplit_once(':') else { return };
        let is_valid = port.parse::<u16>().is_ok_and(|port| port > 0) && port.bytes().all(|byte| byte.is_ascii_digit());
        if !is_valid && !bare.contains("::") {
            self.reject(statement.head(), format!("`{port}` is no port"));
        }
    }

    /// The host and port that a `*_pass` names, without scheme and URI.
    pub(super) fn pass_address(&mut self, statement: Directive<'d>, authority: &str, needs_port: bool) {
        if authority.contains('$') || authority.starts_with("unix:") {
            return;
        }
        if authority.is_empty() {
            return self.reject(statement.head(), format!("`{}` names no host", statement.name()));
        }
        self.port(statement, authority);
        let (host, has_port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, true),
            _ => (authority, false),
        };
        let is_group = self.model.groups.contains_key(host) || self.model.groups.contains_key(&*host.to_ascii_lowercase());
        if is_group && has_port {
            let message = format!("`{host}` is an `upstream` block and may have no port here");
            return self.reject_with(statement.head(), message, "leave the port out");
        }
        // A block of that name may stand in another file.
        let is_address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
        if needs_port && !has_port && !is_group && (is_address || self.is_complete()) {
            self.reject_with(statement.head(), format!("`{}` needs a port", statement.name()), "write `host:port`");
        }
    }
}
