//! `listen` and `server_name`.

use std::net::IpAddr;
use std::sync::Arc;

use crate::pattern::{Pattern, Patterns};

#[derive(Clone, Debug)]
pub(in super::super) struct Listen {
    pub address: Address,
    /// The first and last port; a template's placeholder takes any.
    pub ports: (u16, u16),
    pub default: bool,
    pub ssl: bool,
    /// HTTP/2 without TLS: HTTP/1 requests are dropped.
    pub plain_http2: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum Address {
    Any4,
    Any6,
    One(IpAddr),
    Unix,
    /// A host name or a placeholder.
    Unknown,
}

impl Listen {
    /// What a server without `listen` has.
    pub(in super::super) fn implied() -> Self {
        Listen { address: Address::Any4, ports: (80, 80), default: false, ssl: false, plain_http2: false }
    }

    pub(in super::super) fn parse<'w>(place: &str, opaque: bool, mut options: impl Iterator<Item = &'w str>) -> Self {
        let mut listen = Listen::implied();
        let mut http2 = false;
        for option in &mut options {
            match option {
                "default_server" | "default" => listen.default = true,
                "ssl" => listen.ssl = true,
                "http2" => http2 = true,
                _ => {}
            }
        }
        listen.plain_http2 = http2 && !listen.ssl;
        if opaque {
            return Listen { address: Address::Unknown, ports: (0, u16::MAX), ..listen };
        }
        if place.starts_with("unix:") {
            return Listen { address: Address::Unix, ports: (0, 0), ..listen };
        }
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ if place.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => ("*", place),
            _ => (place, "80"),
        };
        let (first, last) = port.split_once('-').unwrap_or((port, port));
        listen.ports = (first.parse().unwrap_or(80), last.parse().unwrap_or(80));
        listen.address = address(host);
        listen
    }
}

fn address(host: &str) -> Address {
    match host {
        "*" | "0.0.0.0" => Address::Any4,
        "[::]" => Address::Any6,
        "localhost" => Address::One(IpAddr::from([127, 0, 0, 1])),
        _ => host.trim_matches(['[', ']']).parse().map_or(Address::Unknown, Address::One),
    }
}

#[derive(Clone, Debug)]
pub(in super::super) enum ServerName {
    Exact(Box<str>),
    /// `*.example.com` by `.example.com`
    Head(Box<str>),
    /// `www.example.*` by `www.example.`
    Tail(Box<str>),
    Regex(Arc<Pattern>),
    /// A placeholder of a template.
    Unknown,
}

impl ServerName {
    /// Whether a host, in lower case, has this name.
    pub(in super::super) fn is(&self, host: &str) -> bool {
        match self {
            ServerName::Exact(name) => **name == *host,
            ServerName::Head(suffix) => host.len() > suffix.len() && host.ends_with(&**suffix),
            ServerName::Tail(prefix) => host.len() > prefix.len() && host.starts_with(&**prefix),
            ServerName::Regex(pattern) => pattern.matches(host).unwrap_or(false),
            ServerName::Unknown => false,
        }
    }

    /// The names that one word of `server_name` stands for: `.example.com` is two.
    pub(in super::super) fn parse(word: &str, patterns: &mut Patterns) -> Vec<Self> {
        let lower = word.to_ascii_lowercase();
        if let Some(pattern) = word.strip_prefix('~') {
            return vec![ServerName::Regex(patterns.get(pattern, true))];
        }
        if let Some(bare) = lower.strip_prefix('.') {
            return vec![ServerName::Exact(bare.into()), ServerName::Head(lower.as_str().into())];
        }
        if let Some(suffix) = lower.strip_prefix('*') {
            return vec![ServerName::Head(suffix.into())];
        }
        if let Some(prefix) = lower.strip_suffix('*') {
            return vec![ServerName::Tail(prefix.into())];
        }
        vec![ServerName::Exact(lower.into())]
    }
}
