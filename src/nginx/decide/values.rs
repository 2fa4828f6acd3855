//! What variables and values with variables are worth on this request.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Exchange, Method};
use crate::ask::Fact;
use crate::http::{ByMethod, MethodSet};
use crate::nginx::site::{Builtin, Definition, Lookup, Map, Part, Setting, Text, VarId};
use crate::pattern::Pattern;

/// A value as far as it is known. The ones that depend on the method stand for all methods of the run at once.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Plain(Arc<str>),
    Methods(ByMethod<Arc<str>>),
    Unknown,
}

/// A regex that matched, and what it matched on. Groups are looked for only when something reads them.
#[derive(Clone, Debug)]
pub(super) struct Captured {
    pattern: Arc<Pattern>,
    subject: Value,
}

impl Value {
    pub(super) fn empty() -> Self {
        Value::Plain(Arc::from(""))
    }

    pub(super) fn text(text: &str) -> Self {
        Value::Plain(Arc::from(text))
    }

    pub(super) fn map(&self, of: impl Fn(&Arc<str>) -> Arc<str>) -> Self {
        match self {
            Value::Plain(text) => Value::Plain(of(text)),
            Value::Methods(values) => Value::Methods(values.map(of)).simplified(),
            Value::Unknown => Value::Unknown,
        }
    }

    fn zip(&self, other: &Self, of: impl Fn(&str, &str) -> Arc<str>) -> Self {
        match (self, other) {
            (Value::Unknown, _) | (_, Value::Unknown) => Value::Unknown,
            (Value::Plain(one), Value::Plain(other)) => Value::Plain(of(one, other)),
            (Value::Plain(one), Value::Methods(others)) => Value::Methods(others.map(|other| of(one, other))),
            (Value::Methods(ones), Value::Plain(other)) => Value::Methods(ones.map(|one| of(one, other))),
            (Value::Methods(ones), Value::Methods(others)) => Value::Methods(ones.zip(others, |one, other| of(one, other))),
        }
        .simplified()
    }

    /// The bytes of all texts that it may be.
    fn size(&self) -> usize {
        match self {
            Value::Plain(text) => text.len(),
            Value::Methods(values) => values.cases().iter().map(|(_, text)| text.len()).sum(),
            Value::Unknown => 0,
        }
    }

    fn simplified(self) -> Self {
        match &self {
            Value::Methods(values) => values.constant().map_or(self.clone(), |value| Value::Plain(Arc::clone(value))),
            _ => self,
        }
    }

    fn by_method(self) -> Option<ByMethod<Arc<str>>> {
        match self {
            Value::Plain(text) => Some(ByMethod::same(text)),
            Value::Methods(values) => Some(values),
            Value::Unknown => None,
        }
    }
}

impl<'m> Exchange<'m, '_, '_> {
    /// Values that hold values nest no deeper; maps may refer to one another without end.
    const MAX_DEPTH: u8 = 32;
    /// Values for one request take no more bytes in any sane config.
    const MOST_WRITTEN: usize = 1 << 20;

    /// Whether the method, as handlers see it, is one of a set.
    pub(super) fn method_is(&mut self, set: MethodSet) -> bool {
        match self.method {
            Method::Client => self.ask.method_is(set),
            Method::Get => set.contains(self.model.methods.get),
        }
    }

    pub(super) fn method_in(&mut self, names: &[&str]) -> bool {
        let set = self.ask.universe().set(names.iter().copied());
        self.method_is(set)
    }

    pub(super) fn value(&mut self, text: &Text) -> Value {
        if let Some(constant) = text.constant() {
            return Value::Plain(Arc::clone(constant));
        }
        let parts = text.parts().unwrap_or_default();
        if let [part] = parts {
            return self.part(part);
        }
        let mut value = Value::empty();
        for part in parts {
            let next = self.part(part);
            // A config that doubles a variable over and over would fill the memory.
            self.written += value.size() + next.size();
            if self.written > Self::MOST_WRITTEN {
                return Value::Unknown;
            }
            value = value.zip(&next, |one, other| format!("{one}{other}").into());
        }
        value
    }

    fn part(&mut self, part: &Part) -> Value {
        match part {
            Part::Literal(text) => Value::Plain(Arc::clone(text)),
            Part::Variable(id) => self.variable(*id),
            Part::Capture(number) => self.numbered(*number),
            Part::Unknown => Value::Unknown,
        }
    }

    /// The value, splitting the run where it depends on the method; `None` where it is not known.
    pub(super) fn settled(&mut self, text: &Text) -> Option<Arc<str>> {
        match self.value(text) {
            Value::Plain(text) => Some(text),
            Value::Methods(values) => self.ask.settle(&values),
            Value::Unknown => None,
        }
    }

    pub(super) fn variable(&mut self, id: VarId) -> Value {
        if let Some((_, value)) = self.assigned.iter().rev().find(|(known, _)| *known == id) {
            return value.clone();
        }
        if self.depth >= Self::MAX_DEPTH {
            return Value::Unknown;
        }
        self.depth += 1;
        let value = self.defined(id);
        self.depth -= 1;
        value
    }

    fn defined(&mut self, id: VarId) -> Value {
        let variable = self.model.variables.get(id);
        match &variable.definition {
            Definition::None if variable.assigned => Value::empty(),
            Definition::None | Definition::Opaque => Value::Unknown,
            Definition::Builtin(builtin) => self.builtin(*builtin),
            Definition::Header(name) => Value::Plain(self.ask.header(name).unwrap_or_else(|| "".into())),
            Definition::Argument(name) => Value::Plain(self.argument(name)),
            Definition::Cookie(name) => Value::Plain(self.ask.cookie(name).unwrap_or_else(|| "".into())),
            Definition::Group => self.named(&variable.name),
            Definition::Map(map) => self.map(id, map),
            Definition::Geo(geo) => {
                let address = match geo.source {
                    Some(source) => self.variable(source),
                    None => Value::Plain(self.client()),
                };
                // An address that cannot be read counts as 255.255.255.255 (`ngx_http_geo_addr`).
                address.map(|address| {
                    let address = address.parse().unwrap_or(IpAddr::from([255, 255, 255, 255]));
                    geo.lookup(address).and_then(Text::constant).map_or_else(|| "".into(), Arc::clone)
                })
            }
            Definition::Split(split) => {
                let key = self.value(&split.source);
                let constant = |key: &Arc<str>| split.lookup(key).and_then(Text::constant).map_or_else(|| "".into(), Arc::clone);
                key.map(constant)
            }
        }
    }

    /// An argument of the URI as it is now, which a `rewrite` may have changed.
    fn argument(&mut self, name: &str) -> Arc<str> {
        let pairs = self.args.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        if let Some((_, value)) = pairs.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return value.into();
        }
        let unchanged = self.ask.request().query().unwrap_or("") == self.args;
        if unchanged { self.ask.argument(name).unwrap_or_else(|| "".into()) } else { "".into() }
    }

    fn builtin(&mut self, builtin: Builtin) -> Value {
        let request = self.ask.request();
        match builtin {
            Builtin::RequestMethod => self.request_method(),
            Builtin::Uri => Value::text(&self.uri),
            Builtin::RequestUri => Value::text(&self.target),
            Builtin::Args => Value::text(&self.args),
            Builtin::IsArgs => Value::text(if self.args.is_empty() { "" } else { "?" }),
            Builtin::Host if self.host.is_empty() => self.server_name(),
            Builtin::Host => Value::Plain(Arc::clone(&self.host)),
            Builtin::Scheme => Value::text(&request.scheme),
            Builtin::ServerPort => Value::Plain(request.port.to_string().into()),
            Builtin::ServerAddr => Value::text(&request.address),
            Builtin::ServerName => self.server_name(),
            Builtin::ServerProtocol => Value::Plain(format!("HTTP/{}", request.version).into()),
            Builtin::RemoteAddr => Value::Plain(self.client()),
            Builtin::RemoteUser => match self.ask.header("authorization") {
                None => Value::empty(),
                Some(_) => Value::Unknown,
            },
            Builtin::Request => {
                let rest = format!(" {} HTTP/{}", self.ask.request().target, self.ask.request().version);
                self.client_method().map(|method| format!("{method}{rest}").into())
            }
            Builtin::DocumentRoot => match self.root() {
                Some(root) => Value::text(root.trim_end_matches('/')),
                None => Value::Unknown,
            },
            Builtin::RequestFilename => {
                let uri = self.uri.clone();
                self.path(&uri).map_or(Value::Unknown, |path| Value::text(&path))
            }
            Builtin::ContentLength => Value::Plain(
                self.ask.request().header("content-length").map_or_else(|| "".into(), |length| length.as_ref().into()),
            ),
            Builtin::ForwardedFor => {
                let client = self.client();
                match self.ask.header("x-forwarded-for") {
                    Some(before) => Value::Plain(format!("{before}, {client}").into()),
                    None => Value::Plain(client),
                }
            }
            Builtin::Empty if request.scheme == "http" => Value::empty(),
            Builtin::Empty | Builtin::Runtime | Builtin::ProxyHost => Value::Unknown,
        }
    }

    fn server_name(&mut self) -> Value {
        use crate::nginx::site::ServerName;
        match self.model.servers[self.server].names.first() {
            Some(ServerName::Exact(name)) => Value::text(name),
            None => Value::empty(),
            Some(_) => Value::Unknown,
        }
    }

    /// `$request_method`: the current name of the main request's method.
    pub(super) fn request_method(&self) -> Value {
        match self.method {
            Method::Get if !self.subrequest => Value::text("GET"),
            _ => self.client_method(),
        }
    }

    fn client_method(&self) -> Value {
        Value::Methods(self.model.methods.names.clone())
    }

    /// The client's address, or the one that a trusted proxy states (`ngx_http_realip_module`).
    pub(super) fn client(&mut self) -> Arc<str> {
        let client = self.ask.client();
        if !self.model.bodies.real_ip {
            return client;
        }
        let server = self.model.servers[self.server].scope;
        let trusted = self.model.inherited(server, |setting| match setting {
            Setting::RealIpFrom(networks) => Some(networks),
            _ => None,
        });
        let header = self.model.inherited(server, |setting| match setting {
            Setting::RealIpHeader(name) => Some(name),
            _ => None,
        });
        let header = header.map_or("x-real-ip", |(name, _)| name);
        let address: Option<IpAddr> = client.parse().ok();
        let is_trusted = trusted.is_some_and(|(networks, _)| {
            address.is_some_and(|address| networks.iter().any(|network| network.contains(address) == Some(true)))
        });
        if !is_trusted || header == "proxy_protocol" {
            return client;
        }
        let stated = self.ask.header(header).unwrap_or_else(|| "".into());
        match stated.rsplit(',').next().map(str::trim).filter(|last| last.parse::<IpAddr>().is_ok()) {
            Some(last) => last.into(),
            None => client,
        }
    }

    pub(super) fn capture(&mut self, pattern: &Arc<Pattern>, subject: Value) {
        let captured = Captured { pattern: Arc::clone(pattern), subject };
        if pattern.source().contains("(?") {
            self.named_groups.push(captured.clone());
        }
        self.captured = Some(captured);
    }

    fn numbered(&mut self, number: usize) -> Value {
        let Some(Captured { pattern, subject }) = &self.captured else { return Value::empty() };
        if pattern.groups("").is_none() {
            return Value::Unknown;
        }
        let group = |subject: &Arc<str>| -> Arc<str> {
            let groups = pattern.groups(subject).flatten();
            groups.and_then(|groups| groups.numbered.get(number)?.clone()).unwrap_or_default().into()
        };
        subject.map(group)
    }

    fn named(&mut self, name: &str) -> Value {
        for Captured { pattern, subject } in self.named_groups.iter().rev() {
            let source = pattern.source();
            let has = source
                .match_indices(name)
                .any(|(at, _)| source[..at].ends_with(['<', '\'']) && source[at + name.len()..].starts_with(['>', '\'']));
            if !has {
                continue;
            }
            return subject.map(|subject| {
                let groups = pattern.groups(subject).flatten().unwrap_or_default();
                groups.named.into_iter().find(|(known, _)| known == name).map_or_else(|| "".into(), |(_, value)| value.into())
            });
        }
        Value::empty()
    }

    /// `ngx_http_map_variable`: looked up once in a request, unless it is volatile.
    fn map(&mut self, id: VarId, map: &'m Map) -> Value {
        if let Some((_, value)) = self.cached.iter().find(|(known, _)| *known == id) {
            return value.clone();
        }
        let value = match (&map.by_method, self.method) {
            (Some(values), Method::Client) => Value::Methods(values.clone()).simplified(),
            _ => self.look_up(map),
        };
        if !map.volatile {
            self.cached.push((id, value.clone()));
        }
        value
    }

    fn look_up(&mut self, map: &'m Map) -> Value {
        match self.value(&map.source) {
            Value::Plain(key) => {
                let found = map.lookup(&key);
                self.found(map, &found, Value::Plain(key))
            }
            Value::Methods(keys) => self.look_up_each(map, &keys),
            Value::Unknown => self.any_value(map),
        }
    }

    fn found(&mut self, map: &'m Map, found: &Lookup, key: Value) -> Value {
        match found {
            Lookup::Value(index) => self.value(&map.values[*index]),
            Lookup::Regex(index) => {
                let (pattern, value) = &map.regexes[*index];
                self.capture(pattern, key);
                self.value(&map.values[*value])
            }
            Lookup::Nothing => Value::empty(),
            Lookup::Unknown => {
                self.ask.doubt("a regex of a `map` cannot be read");
                Value::Unknown
            }
        }
    }

    /// The key depends on the method: every entry that some method finds is read for the methods that find it.
    fn look_up_each(&mut self, map: &'m Map, keys: &ByMethod<Arc<str>>) -> Value {
        let found = keys.map(|key| map.lookup(key));
        let mut value: ByMethod<Option<Arc<str>>> = ByMethod::same(None);
        for (_, entry) in found.cases() {
            let Some(values) = self.found(map, entry, Value::Methods(keys.clone())).by_method() else { return Value::Unknown };
            let here = found.zip(&values, |found, value| (found == entry).then(|| Arc::clone(value)));
            value = value.zip(&here, |before, here| here.clone().or_else(|| before.clone()));
        }
        Value::Methods(value.map(|value| value.clone().unwrap_or_else(|| "".into()))).simplified()
    }

    /// The key is not known; the value is where all of them are the same.
    fn any_value(&mut self, map: &'m Map) -> Value {
        let constants: Vec<_> = map.values.iter().filter_map(Text::constant).cloned().collect();
        let first = constants.first();
        if let (Some(first), true) = (first, constants.len() == map.values.len() && map.default.is_some())
            && constants.iter().all(|value| value == first)
        {
            return Value::Plain(Arc::clone(first));
        }
        Value::Unknown
    }

    /// A fact that stands for a test whose value cannot be told.
    pub(super) fn assume(&mut self, what: &str) -> bool {
        self.ask.fact(Fact::told(format!("{what} holds"), format!("{what} does not hold")), false)
    }
}
