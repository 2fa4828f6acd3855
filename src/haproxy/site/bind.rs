//! The addresses that a frontend listens on.

use std::sync::Arc;

use super::build::{Refused, Word};
use super::forms;
use super::keywords::keywords;
use super::section::SectionBuilder;
use super::server;
use crate::server::Release;
use crate::source::Span;

#[derive(Clone, Debug)]
pub(in crate::haproxy) struct Bind {
    /// Empty where all addresses are meant.
    pub(in crate::haproxy) address: Box<str>,
    /// First and last port; `None` for sockets that are no TCP ports.
    pub(in crate::haproxy) ports: Option<(u16, u16)>,
    pub(in crate::haproxy) tls: bool,
    /// `id` and `name`, where they are written.
    pub(in crate::haproxy) id: Option<i64>,
    pub(in crate::haproxy) name: Option<Arc<str>>,
}

impl SectionBuilder<'_, '_> {
    /// `bind ADDRESS[:PORT][,…] …`
    pub(super) fn bind(&mut self, words: &[Word<'_>], line: Span) -> Result<Vec<Bind>, Refused> {
        let Some(places) = words.first() else { return Err(Refused::new(line, "`bind` needs an address")) };
        let keywords = keywords("bind", &words[1..], forms::BIND, self.config.release)?;
        let value = |name: &str| keywords.iter().rfind(|(word, _)| word.text == name).and_then(|(_, value)| *value);
        let has = |name: &str| keywords.iter().any(|(word, _)| word.text == name);
        let (id, name) = (value("id").and_then(|id| id.text.parse().ok()), value("name").map(|name| Arc::from(name.text)));
        let tls = has("ssl");
        let certificate = ["crt", "crt-list", "default-crt", "ca-sign-file", "generate-certificates"].into_iter().any(has);
        if tls && !certificate && !places.text.starts_with("quic") && self.config.release < Release(3, 2, 0) {
            return Err(Refused::new(places.span, "a `bind` with `ssl` needs a certificate").help("add `crt FILE`"));
        }
        let mut binds = Vec::new();
        for place in places.text.split(',').filter(|place| !place.is_empty()) {
            binds.push(Bind { id, name: name.clone(), ..bind(place, tls, places.span)? });
        }
        let is_range = |bind: &Bind| bind.ports.is_some_and(|(first, last)| first < last);
        if let Some(id) = value("id").filter(|_| binds.len() > 1 || binds.iter().any(is_range)) {
            return Err(Refused::new(id.span, "an `id` is for a single socket"));
        }
        Ok(binds)
    }
}

fn bind(place: &str, tls: bool, span: Span) -> Result<Bind, Refused> {
    let tls = tls || place.starts_with("quic");
    if place.starts_with('/') || ["unix@", "abns@", "fd@", "sockpair@", "abnsz@"].iter().any(|prefix| place.starts_with(prefix)) {
        return Ok(Bind { address: place.into(), ports: None, tls, id: None, name: None });
    }
    let (whole, port) = server::address(place);
    let address = if port.is_some() { whole } else { place.rsplit_once(':').map_or(place, |(address, _)| address) };
    let range = place.rsplit(':').next().unwrap_or("");
    let ports = match range.split_once('-') {
        Some((first, last)) => first.parse().ok().zip(last.parse().ok()),
        None => port.map(|port| (port, port)),
    };
    let dotted = address.split('.').count() == 4 && address.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if dotted && address.parse::<std::net::Ipv4Addr>().is_err() {
        return Err(Refused::new(span, format!("`{address}` is no address")));
    }
    if ports.is_some_and(|(first, last)| first > last) {
        return Err(Refused::new(span, format!("`{range}` is no range of ports")));
    }
    if ports == Some((0, 0)) {
        return Err(Refused::new(span, "the port 0 cannot be bound"));
    }
    if ports.is_none() && !place.contains('$') {
        return Err(Refused::new(span, format!("`{place}` has no port")));
    }
    let address = match address {
        "*" | "0.0.0.0" | "::" | "[::]" | "" => "",
        other => other,
    };
    Ok(Bind { address: address.into(), ports, tls, id: None, name: None })
}
