//! What variables and values with variables are worth on this request.

use std::net::IpAddr;
use std::sync::Arc;

use super::files::Mapped;
use super::{Exchange, Method, uri};
use crate::ask::Fact;
use crate::http::{ByMethod, MethodSet};
use crate::nginx::site::{Builtin, Definition, Part, Text, VarId};
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

    pub(super) fn simplified(self) -> Self {
        match &self {
            Value::Methods(values) => values.constant().map_or(self.clone(), |value| Value::Plain(Arc::clone(value))),
            _ => self,
        }
    }

    pub(super) fn by_method(self) -> Option<ByMethod<Arc<str>>> {
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
            Method::Set(method) => set.contains(method),
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
        let value = self.value(text);
        self.settle(&value)
    }

    pub(super) fn settle(&mut self, value: &Value) -> Option<Arc<str>> {
        match value {
            Value::Plain(text) => Some(Arc::clone(text)),
            Value::Methods(values) => self.ask.settle(values),
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
            Definition::Header(name) => self.header_value(name),
            Definition::Argument(name) => Value::Plain(self.argument(name)),
            Definition::Cookie(name) => self.cookie(name),
            Definition::Group => Value::empty(),
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
            Builtin::Https => Value::text(if request.scheme == "https" { "on" } else { "" }),
            Builtin::ServerPort => Value::Plain(request.port.to_string().into()),
            Builtin::ServerAddr => Value::text(&request.address),
            Builtin::ServerName => self.server_name(),
            Builtin::ServerProtocol => Value::Plain(format!("HTTP/{}", request.version).into()),
            Builtin::RemoteAddr => Value::Plain(self.client()),
            Builtin::RemoteUser => {
                let credentials = self.credentials();
                credentials.map_or_else(Value::empty, |credentials| Value::text(&credentials.user))
            }
            Builtin::InvalidReferer => self.referer(),
            Builtin::SecureLink => self.secure_link(),
            Builtin::SecureLinkExpires => self.secure_link_expires(),
            Builtin::ScriptName => Value::Plain(self.script().0),
            Builtin::PathInfo => Value::Plain(self.script().1),
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
                match self.mapped(&uri) {
                    Mapped::Path(path) => Value::text(&path),
                    Mapped::Unknown | Mapped::Refused => Value::Unknown,
                }
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
            Some(ServerName::Head(suffix)) => Value::Plain(format!("*{suffix}").into()),
            Some(ServerName::Tail(prefix)) => Value::Plain(format!("{prefix}*").into()),
            Some(ServerName::Regex(pattern)) => Value::text(pattern.source()),
            None => Value::empty(),
            Some(ServerName::Unknown) => Value::Unknown,
        }
    }

    /// `$request_method`: the current name of the main request's method.
    pub(super) fn request_method(&self) -> Value {
        match self.outer_method.unwrap_or(self.method) {
            Method::Get => Value::text("GET"),
            Method::Set(method) => Value::text(self.model.universe.first(method).unwrap_or("")),
            Method::Client => self.client_method(),
        }
    }

    fn client_method(&self) -> Value {
        Value::Methods(self.model.methods.names.clone())
    }

    /// Keeps what a regex matched on. Its named groups become variables at once.
    pub(super) fn capture(&mut self, pattern: &Arc<Pattern>, subject: Value) {
        for (name, variable) in self.model.variables.groups_of(pattern) {
            let value = if pattern.groups("").is_none() {
                Value::Unknown
            } else {
                subject.map(|subject| {
                    let groups = pattern.groups(subject).flatten().unwrap_or_default();
                    groups
                        .named
                        .into_iter()
                        .find(|(known, _)| **known == **name)
                        .map_or_else(|| "".into(), |(_, value)| value.into())
                })
            };
            self.assign(*variable, value);
        }
        self.captured = Some(Captured { pattern: Arc::clone(pattern), subject });
    }

    pub(super) fn assign(&mut self, variable: VarId, value: Value) {
        self.assigned.retain(|(known, _)| *known != variable);
        self.assigned.push((variable, value));
    }

    fn numbered(&mut self, number: usize) -> Value {
        let Some(Captured { pattern, subject }) = &self.captured else { return Value::empty() };
        if pattern.groups("").is_none() {
            return Value::Unknown;
        }
        let escapes = (self.escapes.quote || self.escapes.args) && (self.quoted || self.has_plus);
        let group = |subject: &Arc<str>| -> Arc<str> {
            let groups = pattern.groups(subject).flatten();
            let text = groups.and_then(|groups| groups.numbered.get(number)?.clone()).unwrap_or_default();
            if escapes { uri::escape_argument(&text).into() } else { text.into() }
        };
        subject.map(group)
    }

    /// A fact that stands for a test whose value cannot be told.
    pub(super) fn assume(&mut self, what: &str) -> bool {
        self.ask.fact(Fact::told(format!("{what} holds"), format!("{what} does not hold")), false)
    }
}
