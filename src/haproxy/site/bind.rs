//! The addresses that a frontend listens on.

use std::sync::Arc;

use super::build::{Builder, Refused, Word};
use super::forms;
use super::server;
use super::words;
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

const WITH_VALUE: &[&str] = &[
    "accept-netscaler-cip",
    "alpn",
    "backlog",
    "ca-file",
    "ca-ignore-err",
    "ca-sign-file",
    "ca-sign-pass",
    "ca-verify-file",
    "cc",
    "ciphers",
    "ciphersuites",
    "client-sigalgs",
    "crl-file",
    "crt",
    "crt-ignore-err",
    "crt-list",
    "curves",
    "default-crt",
    "ecdhe",
    "expose-fd",
    "gid",
    "group",
    "guid",
    "guid-prefix",
    "id",
    "idle-ping",
    "interface",
    "label",
    "ktls",
    "level",
    "maxconn",
    "mode",
    "mss",
    "name",
    "namespace",
    "nbconn",
    "nice",
    "npn",
    "ocsp-update",
    "process",
    "proto",
    "quic-cc-algo",
    "quic-socket",
    "severity-output",
    "shards",
    "sigalgs",
    "ssl-max-ver",
    "ssl-min-ver",
    "tcp-md5sig",
    "tcp-ss",
    "tcp-ut",
    "thread",
    "tls-ticket-keys",
    "uid",
    "user",
    "verify",
];

const FLAGS: &[&str] = &[
    "accept-proxy",
    "allow-0rtt",
    "defer-accept",
    "ech",
    "force-sslv3",
    "force-tlsv10",
    "force-tlsv11",
    "force-tlsv12",
    "force-tlsv13",
    "generate-certificates",
    "no-alpn",
    "no-ca-names",
    "no-strict-sni",
    "no-sslv3",
    "no-tls-tickets",
    "no-tlsv10",
    "no-tlsv11",
    "no-tlsv12",
    "no-tlsv13",
    "prefer-client-ciphers",
    "quic-force-retry",
    "ssl",
    "strict-sni",
    "tfo",
    "transparent",
    "v4v6",
    "v6only",
];

impl Builder<'_, '_> {
    /// `bind ADDRESS[:PORT][,…] …`
    pub(super) fn bind(&mut self, words: &[Word<'_>], line: Span) -> Result<Vec<Bind>, Refused> {
        let Some(places) = words.first() else { return Err(Refused::new(line, "`bind` needs an address")) };
        keywords(&words[1..])?;
        self.known_words("bind", &words[1..])?;
        let mut tls = false;
        let mut certificate = false;
        let (mut id, mut name) = (None, None);
        let mut rest = words[1..].iter();
        while let Some(word) = rest.next() {
            if WITH_VALUE.contains(&word.text) {
                let value = rest.next().map_or("", |value| value.text);
                match word.text {
                    "id" => id = value.parse().ok(),
                    "name" => name = Some(Arc::from(value)),
                    _ => {}
                }
            }
            tls |= word.text == "ssl";
            certificate |= matches!(word.text, "crt" | "crt-list" | "default-crt" | "ca-sign-file" | "generate-certificates");
        }
        if tls && !certificate && !places.text.starts_with("quic") && self.config.release < Release(3, 2, 0) {
            return Err(Refused::new(places.span, "a `bind` with `ssl` needs a certificate").help("add `crt FILE`"));
        }
        let mut binds = Vec::new();
        for place in places.text.split(',').filter(|place| !place.is_empty()) {
            binds.push(Bind { id, name: name.clone(), ..bind(place, tls, places.span)? });
        }
        Ok(binds)
    }
}

/// Checks the words behind an address.
pub(super) fn keywords(line: &[Word<'_>]) -> Result<(), Refused> {
    let mut rest = line.iter();
    while let Some(word) = rest.next() {
        if WITH_VALUE.contains(&word.text) {
            let Some(value) = rest.next() else { return Err(Refused::new(word.span, format!("`{}` needs a value", word.text))) };
            forms::check(forms::BIND, word, std::slice::from_ref(value), word.span)?;
        } else if !FLAGS.contains(&word.text) {
            let known = WITH_VALUE.iter().chain(FLAGS).copied();
            return Err(Refused::new(word.span, words::unknown("keyword of a `bind` line", word.text, known)));
        }
    }
    Ok(())
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
