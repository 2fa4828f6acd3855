//! What the client sent, as nginx's variables and modules show it.

use std::net::IpAddr;
use std::sync::Arc;

use super::values::Value;
use super::{Exchange, base64};
use crate::nginx::site::{Flag, pick};

/// What an `Authorization: Basic …` header says.
pub(super) struct Credentials {
    pub user: String,
    pub password: Vec<u8>,
}

impl<'m> Exchange<'m, '_, '_> {
    /// A header by its name in lower case, as a variable shows it.
    pub(super) fn header_value(&mut self, name: &str) -> Value {
        if let Some((_, value)) = self.changed_headers.iter().rev().find(|(known, _)| **known == *name) {
            return value.clone();
        }
        let found = self.ask.header(name).or_else(|| self.underscored(name));
        found.map_or_else(Value::empty, Value::Plain)
    }

    /// A header by its name in lower case, or `None` where the request has none.
    pub(super) fn header(&mut self, name: &str) -> Option<Arc<str>> {
        if !self.changed_headers.iter().any(|(known, _)| **known == *name) {
            return self.ask.header(name).or_else(|| self.underscored(name));
        }
        let value = self.header_value(name);
        self.settle(&value).filter(|value| !value.is_empty())
    }

    /// Names with `_` are dropped unless the server takes them; then `_` and `-` are alike in a variable's name.
    fn underscored(&self, name: &str) -> Option<Arc<str>> {
        let request = self.ask.request();
        let alike = |known: &str| known.contains('_') && known.to_ascii_lowercase().replace('_', "-") == name;
        let (_, value) = request.headers.iter().find(|(known, _)| alike(known))?;
        let server = self.model.servers[self.server].scope;
        let takes = self.model.is_on(server, Flag::UnderscoresInHeaders)
            || self.model.flag(server, Flag::IgnoreInvalidHeaders).is_some_and(|(on, _)| !on);
        takes.then(|| value.as_str().into())
    }

    /// An argument of the URI as it is now, which a `rewrite` may have changed (`ngx_http_arg`).
    pub(super) fn argument(&mut self, name: &str) -> Arc<str> {
        let pairs = self.args.split('&').filter_map(|pair| pair.split_once('='));
        if let Some((_, value)) = pairs.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return value.into();
        }
        let unchanged = self.ask.request().query().unwrap_or("") == self.args;
        let is_there = |pair: &str| pair.split('=').next().is_some_and(|known| known.eq_ignore_ascii_case(name));
        // One without a value is there, but no variable shows it.
        if !unchanged || self.args.split('&').any(is_there) {
            return "".into();
        }
        self.ask.argument(name).unwrap_or_else(|| "".into())
    }

    /// Names of cookies are compared in any case (`ngx_http_parse_multi_header_lines`).
    pub(super) fn cookie(&mut self, name: &str) -> Value {
        let cookies = self.header_value("cookie");
        let Value::Plain(text) = &cookies else { return cookies.map(|text| cookie(text, name).unwrap_or("").into()) };
        match cookie(text, name) {
            Some(value) => Value::text(value),
            None => self.ask.cookie(name).map_or_else(Value::empty, Value::Plain),
        }
    }

    /// `ngx_http_auth_basic_user`; `None` where the client names no user.
    pub(super) fn credentials(&mut self) -> Option<Credentials> {
        let sent = self.header("authorization")?;
        if !sent.get(..6)?.eq_ignore_ascii_case("basic ") {
            return None;
        }
        let decoded = base64::decode(sent[6..].trim_start_matches(' '))?;
        let colon = decoded.iter().position(|byte| *byte == b':').filter(|colon| *colon > 0)?;
        let user = String::from_utf8_lossy(&decoded[..colon]).into_owned();
        Some(Credentials { user, password: decoded[colon + 1..].to_vec() })
    }

    /// The client's address, or the one that a trusted proxy states (`ngx_http_realip_module`).
    pub(super) fn client(&mut self) -> Arc<str> {
        let client = self.ask.client();
        if !self.model.bodies.real_ip {
            return client;
        }
        let server = self.model.servers[self.server].scope;
        let trusted = self.model.inherited(server, pick!(RealIpFrom));
        let header = self.model.inherited(server, pick!(RealIpHeader));
        let header = header.map_or("x-real-ip", |(name, _)| name).to_ascii_lowercase();
        let is_trusted = |address: &str| {
            let address: Option<IpAddr> = address.parse().ok();
            let trusts =
                |address| trusted.is_some_and(|(networks, _)| networks.iter().any(|one| one.contains(address) == Some(true)));
            address.is_some_and(trusts)
        };
        if !is_trusted(&client) || header == "proxy_protocol" {
            return client;
        }
        let recursive = self.model.is_on(server, Flag::RealIpRecursive);
        let stated = self.ask.header(&header).unwrap_or_else(|| "".into());
        // From the last address on; where the search is recursive, the first that is not trusted.
        let mut found = client;
        for part in stated.rsplit([',', ' ']).map(str::trim).filter(|part| !part.is_empty()) {
            let Some(address) = address(part) else { break };
            found = address;
            if !recursive || !is_trusted(&found) {
                break;
            }
        }
        found
    }
}

/// An address with or without a port (`ngx_parse_addr_port`).
fn address(text: &str) -> Option<Arc<str>> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_string().into());
    }
    let address: std::net::SocketAddr = text.parse().ok()?;
    Some(address.ip().to_string().into())
}

fn cookie<'c>(cookies: &'c str, name: &str) -> Option<&'c str> {
    let mut pairs = cookies.split([';', ',']).map(str::trim_start);
    let (_, value) = pairs.find_map(|pair| {
        let (known, value) = pair.split_once('=')?;
        known.trim_end_matches(' ').eq_ignore_ascii_case(name).then_some((known, value))
    })?;
    Some(value.trim_start_matches(' '))
}
