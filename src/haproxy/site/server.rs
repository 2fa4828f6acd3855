//! Servers of a backend, and the health checks that take them in and out.

use std::net::IpAddr;
use std::sync::Arc;

use super::action::Reach;
use super::build::{Refused, Word, words};
use super::forms;
use super::keywords::keywords;
use super::proxy::Proxy;
use super::references::Named;
use super::sample::Files;
use super::section::SectionBuilder;
use crate::server::Release;
use crate::source::Span;
use crate::syntax::Directive;

#[derive(Debug)]
pub(in crate::haproxy) struct Server {
    pub(in crate::haproxy) name: Arc<str>,
    /// As an answer names it: `http://10.0.0.1:80`.
    pub(in crate::haproxy) to: Arc<str>,
    /// That this server is chosen, as an assumption.
    pub(in crate::haproxy) chosen: Arc<str>,
    pub(in crate::haproxy) scheme: &'static str,
    pub(in crate::haproxy) address: Arc<str>,
    pub(in crate::haproxy) port: Port,
    pub(in crate::haproxy) disabled: bool,
    pub(in crate::haproxy) backup: bool,
    pub(in crate::haproxy) weight: u32,
    /// The value of the backend's cookie that leads here.
    pub(in crate::haproxy) cookie: Option<Arc<str>>,
    pub(in crate::haproxy) check: Option<Check>,
    /// Where its health check stands, if that is known to fail.
    pub(in crate::haproxy) failing_check: Option<Span>,
    pub(in crate::haproxy) fcgi: bool,
    pub(in crate::haproxy) span: Span,
}

/// The port of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum Port {
    At(u16),
    /// Counted from the port that the client came to: `+1`, or that port itself where none is written (src/server.c, SRV_F_MAPPORTS).
    Mapped(i32),
    /// A socket that has no ports.
    None,
}

impl Port {
    pub(in crate::haproxy) fn fixed(self) -> Option<u16> {
        match self {
            Port::At(port) => Some(port),
            Port::Mapped(_) | Port::None => None,
        }
    }

    fn of(place: &str) -> Self {
        let written = place.rsplit_once(':').map_or("", |(_, port)| port);
        match (address(place), written.parse::<i32>()) {
            (_, Ok(offset)) if written.starts_with(['+', '-']) => Port::Mapped(offset),
            ((_, Some(port)), _) if port > 0 => Port::At(port),
            ((host, _), _) if host.starts_with('/') || host.contains('@') => Port::None,
            _ => Port::Mapped(0),
        }
    }
}

/// Where a server is checked.
#[derive(Clone, Debug)]
pub(in crate::haproxy) struct Check {
    pub(in crate::haproxy) address: Option<Arc<str>>,
    pub(in crate::haproxy) port: Option<u16>,
    pub(in crate::haproxy) span: Span,
}

/// How a backend checks its servers.
#[derive(Clone, Debug)]
pub(in crate::haproxy) struct HealthCheck {
    pub(in crate::haproxy) kind: CheckKind,
    pub(in crate::haproxy) method: Arc<str>,
    /// Whether the config says the method, or takes HAProxy's OPTIONS.
    pub(in crate::haproxy) explicit: Option<Span>,
    pub(in crate::haproxy) target: Arc<str>,
    pub(in crate::haproxy) version: Arc<str>,
    pub(in crate::haproxy) host: Option<Arc<str>>,
    pub(in crate::haproxy) expect: Vec<Expectation>,
    pub(in crate::haproxy) option: Option<Span>,
    /// Whether its rules connect, and to ports of their own.
    pub(in crate::haproxy) names_ports: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum CheckKind {
    /// A connection is all that is asked for.
    Connect,
    Http,
    /// `tcp-check` rules say what is sent and expected.
    Tcp,
    Other,
}

/// What a check must answer.
#[derive(Clone, Debug)]
pub(in crate::haproxy) enum Expectation {
    Statuses {
        negated: bool,
        ranges: Vec<(u16, u16)>,
    },
    /// Something about the body or headers that the config cannot tell.
    Unknown,
}

impl Default for HealthCheck {
    fn default() -> Self {
        HealthCheck {
            kind: CheckKind::Connect,
            method: "OPTIONS".into(),
            explicit: None,
            target: "/".into(),
            version: "HTTP/1.0".into(),
            host: None,
            expect: Vec::new(),
            option: None,
            names_ports: false,
        }
    }
}

impl CheckKind {
    /// The keyword of the rules that it follows.
    fn rules(self) -> Option<&'static str> {
        match self {
            CheckKind::Http => Some("http-check"),
            CheckKind::Tcp => Some("tcp-check"),
            CheckKind::Connect | CheckKind::Other => None,
        }
    }
}

impl Server {
    /// Whether it is checked at an address that lacks a port.
    fn lacks_port(&self) -> bool {
        let Some(check) = &self.check else { return false };
        let has = |port: Option<u16>| port.is_some_and(|port| port > 0);
        let is_address = self.address.parse::<IpAddr>().is_ok_and(|address| !address.is_unspecified());
        is_address && !has(self.port.fixed()) && !has(check.port)
    }
}

impl HealthCheck {
    /// Whether a status makes the server stay up; `None` where more than the status counts.
    pub(in crate::haproxy) fn accepts(&self, status: u16) -> Option<bool> {
        if self.expect.is_empty() {
            return Some((200..400).contains(&status));
        }
        let mut sure = true;
        for expectation in &self.expect {
            match expectation {
                Expectation::Unknown => sure = false,
                Expectation::Statuses { negated, ranges } => {
                    let inside = ranges.iter().any(|&(low, high)| low <= status && status <= high);
                    if inside == *negated {
                        return Some(false);
                    }
                }
            }
        }
        sure.then_some(true)
    }
}

/// The settings that `default-server` gives to the servers after it.
#[derive(Clone, Debug, Default)]
pub(in crate::haproxy) struct ServerDefaults {
    disabled: bool,
    backup: bool,
    weight: Option<u32>,
    cookie: Option<Arc<str>>,
    check: Option<Span>,
    check_port: Option<u16>,
    check_address: Option<Arc<str>>,
    ssl: bool,
    check_ssl: bool,
    /// Whether the certificate of the server is looked at, and by which authority.
    unverified: bool,
    authority: bool,
    resolvers: Option<(Box<str>, Span)>,
    fcgi: bool,
    /// `agent-check` and its port.
    agent: Option<Span>,
    agent_port: bool,
    /// The server whose state is taken over.
    track: Option<(Box<str>, Span)>,
    /// The name for TLS, an expression.
    sni: Option<(Box<str>, Span)>,
}

impl SectionBuilder<'_, '_> {
    pub(super) fn default_server(&mut self, words: &[Word<'_>], defaults: &mut ServerDefaults) -> Result<(), Refused> {
        defaults.read(words, self.config.release)
    }

    /// `server NAME ADDRESS[:PORT] …` and `server-template PREFIX NUMBER ADDRESS …`.
    pub(super) fn server(
        &mut self,
        words: &[Word<'_>],
        line: Span,
        defaults: &ServerDefaults,
        http: bool,
        template: bool,
    ) -> Result<Vec<Server>, Refused> {
        let skip = 1 + usize::from(template);
        let (Some(name), Some(place)) = (words.first(), words.get(skip)) else {
            return Err(Refused::new(line, "a server needs a name and an address"));
        };
        self.check_name(name);
        let mut settled = defaults.clone();
        settled.read(&words[skip + 1..], self.config.release)?;
        check_port(place)?;
        if (settled.ssl || settled.check_ssl) && !settled.unverified && !settled.authority && !self.config.global.unverified {
            let refused = Refused::new(line, "a server with `ssl` needs a `ca-file` to verify its certificate by");
            return Err(refused.help("name a `ca-file`, or write `verify none`"));
        }
        if let Some(resolvers) = &settled.resolvers {
            self.want(Named::Resolvers, &resolvers.0, resolvers.1);
        }
        let (address, port) = (address(place.text).0, Port::of(place.text));
        self.check_server(&settled)?;
        let count = if template { template_size(&words[1])? } else { 1 };
        let check = settled.check.map(|span| Check { address: settled.check_address.clone(), port: settled.check_port, span });
        let scheme = match (settled.fcgi, settled.ssl, http) {
            (true, _, _) => "fastcgi",
            (_, true, true) => "https",
            (_, _, true) => "http",
            (_, true, false) => "ssl",
            _ => "tcp",
        };
        let to: Arc<str> = whole(scheme, address, port.fixed()).into();
        let make = |index: u32| {
            let name: Arc<str> = if template { format!("{}{index}", name.text).into() } else { name.text.into() };
            Server {
                chosen: format!("the server {name} is chosen").into(),
                name,
                to: Arc::clone(&to),
                scheme,
                address: address.into(),
                port,
                disabled: settled.disabled,
                backup: settled.backup,
                weight: settled.weight.unwrap_or(1),
                cookie: settled.cookie.clone(),
                check: check.clone(),
                failing_check: None,
                fcgi: settled.fcgi,
                span: line,
            }
        };
        Ok((1..=count).map(make).collect())
    }
}

impl SectionBuilder<'_, '_> {
    /// Where the servers of a section are checked, once all of it is read (src/check.c, init_srv_check). Rules of its own take the place
    /// of those of its `defaults`.
    pub(super) fn check_ports(&mut self, section: Directive<'_>, proxy: &mut Proxy) {
        if let Some(named) = proxy.settings.check.kind.rules().and_then(|rules| names_ports(section, rules)) {
            Arc::make_mut(&mut proxy.settings.check).names_ports = named;
        }
        if proxy.settings.check.names_ports || proxy.settings.disabled {
            return;
        }
        for server in proxy.servers.iter().filter(|server| server.lacks_port()) {
            let refused = Refused::new(server.span, format!("the server `{}` has no port to check", server.name));
            self.refuse(refused.help("add a port to its address, or write `port`"));
        }
    }

    /// What a server asks for besides itself.
    fn check_server(&mut self, settled: &ServerDefaults) -> Result<(), Refused> {
        if let Some((name, span)) = &settled.sni {
            self.reach = Reach::Request;
            self.sample(&Word { text: name, span: *span })?;
        }
        if let Some((name, _)) = &settled.track {
            self.refer(Named::Server, name);
        }
        match settled.agent {
            Some(span) if !settled.agent_port => Err(Refused::new(span, "`agent-check` needs an `agent-port`")),
            _ => Ok(()),
        }
    }
}

/// Whether the rules of a section connect, and to ports of their own throughout; `None` where it has no rules.
fn names_ports(section: Directive<'_>, rules: &str) -> Option<bool> {
    let mut rules = section.children().filter(|line| line.name() == rules).peekable();
    rules.peek()?;
    let mut connects = rules.filter(|rule| rule.arg(0) == Some("connect")).peekable();
    Some(connects.peek().is_some() && connects.all(names_port))
}

/// `connect … port NUMBER` or `connect … addr ADDRESS:NUMBER`; an expression tells no port.
fn names_port(connect: Directive<'_>) -> bool {
    let words = words(connect);
    let value = |key: &str| words.iter().skip_while(|word| word.text != key).nth(1).map(|word| word.text);
    let port = value("port").and_then(|port| port.parse().ok());
    let port = port.or_else(|| value("addr").and_then(|place| address(place).1));
    port.is_some_and(|port: u16| port > 0)
}

/// `last,libc,none` and addresses, in any order (src/server.c, srv_parse_init_addr).
fn init_addresses(list: &Word<'_>) -> Result<(), Refused> {
    let known = |way: &str| matches!(way, "last" | "libc" | "none") || way.parse::<std::net::IpAddr>().is_ok();
    match list.text.split(',').find(|way| !known(way)) {
        Some(way) => Err(Refused::new(list.span, format!("`init-addr` knows no `{way}`"))),
        None => Ok(()),
    }
}

/// The last number of `server-template PREFIX NUMBER` or `FIRST-LAST`.
fn template_size(range: &Word<'_>) -> Result<u32, Refused> {
    let number = |text: &str| u32::try_from(forms::leading_number(text)).ok().filter(|number| *number > 0);
    let (first, last) = match range.text.split_once('-') {
        Some((first, last)) => (number(first), number(last)),
        None => (Some(1), number(range.text)),
    };
    match first.zip(last).filter(|(first, last)| first <= last) {
        Some((_, last)) => Ok(last.min(64)),
        None => Err(Refused::new(range.span, format!("`{}` is no number of servers", range.text))),
    }
}

impl ServerDefaults {
    /// Takes the keywords of a `server` or `default-server` line over.
    fn read(&mut self, words: &[Word<'_>], release: Release) -> Result<(), Refused> {
        for (word, value) in keywords("server", words, forms::SERVER, release)? {
            match value {
                Some(value) => self.set(word.text, &value)?,
                None => self.switch(&word),
            }
        }
        Ok(())
    }

    fn switch(&mut self, word: &Word<'_>) {
        match word.text {
            "disabled" => self.disabled = true,
            "enabled" => self.disabled = false,
            "backup" => self.backup = true,
            "no-backup" => self.backup = false,
            "check" => self.check = Some(word.span),
            "no-check" => self.check = None,
            "agent-check" => self.agent = Some(word.span),
            "no-agent-check" => self.agent = None,
            "ssl" => self.ssl = true,
            "no-ssl" => self.ssl = false,
            "check-ssl" => self.check_ssl = true,
            "no-check-ssl" => self.check_ssl = false,
            // A weight that is not there counts as 0.
            "weight" => self.weight = Some(0),
            _ => {}
        }
    }

    fn set(&mut self, name: &str, value: &Word<'_>) -> Result<(), Refused> {
        match name {
            "init-addr" => init_addresses(value)?,
            "weight" => {
                let weight = u32::try_from(forms::leading_number(value.text)).ok().filter(|weight| *weight <= 256);
                let refused = || Refused::new(value.span, format!("`{}` is no weight from 0 to 256", value.text));
                self.weight = Some(weight.ok_or_else(refused)?);
            }
            "cookie" => self.cookie = Some(value.text.into()),
            "port" => self.check_port = value.text.parse().ok(),
            "agent-port" => self.agent_port = true,
            "track" => self.track = Some((value.text.into(), value.span)),
            "sni" => self.sni = Some((value.text.into(), value.span)),
            "addr" => self.check_address = Some(value.text.into()),
            "verify" => self.unverified = value.text == "none",
            "ca-file" => self.authority = true,
            "resolvers" => self.resolvers = Some((value.text.into(), value.span)),
            "proto" => self.fcgi = value.text == "fcgi",
            _ => {}
        }
        Ok(())
    }
}

/// A server as an answer names it.
pub(in crate::haproxy) fn whole(scheme: &str, address: &str, port: Option<u16>) -> String {
    let is_bare = address.contains(':') && !address.starts_with('/');
    let shown = if is_bare { format!("[{address}]") } else { address.to_owned() };
    match port {
        Some(port) => format!("{scheme}://{shown}:{port}"),
        None => format!("{scheme}://{shown}"),
    }
}

/// A server has one port, which may be counted from the client's (src/tools.c, str2sa_range).
fn check_port(place: &Word<'_>) -> Result<(), Refused> {
    let text = place.text;
    if text.starts_with('/') || text.contains('@') || text.ends_with(']') {
        return Ok(());
    }
    let Some((host, port)) = text.rsplit_once(':') else { return Ok(()) };
    let digits = port.trim_start_matches(['+', '-']);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || digits.parse::<u32>().is_ok_and(|port| port > 65535) {
        return Err(Refused::new(place.span, format!("`{port}` is no port of a server")));
    }
    let dotted = host.split('.').count() == 4 && host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if dotted && host.parse::<std::net::Ipv4Addr>().is_err() {
        return Err(Refused::new(place.span, format!("`{host}` is no address")));
    }
    Ok(())
}

/// Prefixes that name an address family or a transport (configuration manual, section 11.1; `mptcp` came with 3.1).
const FAMILIES: &[&str] =
    &["ipv4@", "ipv6@", "ipv4:", "ipv6:", "tcp@", "tcp4@", "tcp6@", "quic4@", "quic6@", "mptcp@", "mptcp4@", "mptcp6@"];

/// The address and port of a server or bind; the family prefixes stay away.
pub(in crate::haproxy) fn address(text: &str) -> (&str, Option<u16>) {
    let text = FAMILIES.iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
    if text.starts_with('/') || text.contains('@') {
        return (text, None);
    }
    if let Some(bare) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return (bare, None);
    }
    match text.rsplit_once(':') {
        Some((address, port)) if !port.is_empty() || !address.is_empty() => {
            let address = address.strip_prefix('[').and_then(|address| address.strip_suffix(']')).unwrap_or(address);
            (address, port.trim_start_matches('+').parse().ok())
        }
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_may_have_ports() {
        assert_eq!(address("10.0.0.1:80"), ("10.0.0.1", Some(80)));
        assert_eq!(address("ipv6@[::1]:80"), ("::1", Some(80)));
        assert_eq!(address("[::1]"), ("::1", None));
        assert_eq!(address("a.test"), ("a.test", None));
        assert_eq!(address("/run/app.sock"), ("/run/app.sock", None));
    }

    #[test]
    fn ports_may_follow_the_client() {
        assert_eq!(Port::of("10.0.0.1:80"), Port::At(80));
        assert_eq!(Port::of("[::1]:80"), Port::At(80));
        assert_eq!(Port::of("10.0.0.1:+1"), Port::Mapped(1));
        assert_eq!(Port::of("10.0.0.1:-1"), Port::Mapped(-1));
        assert_eq!(Port::of("10.0.0.1"), Port::Mapped(0));
        assert_eq!(Port::of("[::1]"), Port::Mapped(0));
        assert_eq!(Port::of("/run/app.sock"), Port::None);
    }
}
