//! What sample expressions give for the request at hand.

use std::net::IpAddr;
use std::sync::Arc;

use super::convert;
use super::message::{Credentials, arguments, body};
use super::target;
use super::transaction::Transaction;
use crate::ask::Ask;
use crate::haproxy::site::format::{Alias, Format, Piece};
use crate::haproxy::site::sample::{Fetch, Sample};
use crate::haproxy::site::vocabulary::Kind;
use crate::haproxy::value::{Data, Datum, Value};

/// Whether a fetch gives all values, one by one, as ACLs ask for them, or a single one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    One,
}

/// Values for one request take no more bytes in any sane config.
const MOST_WRITTEN: usize = 1 << 20;

impl Transaction<'_> {
    /// What a sample expression gives outside of ACLs.
    pub(super) fn value(&mut self, ask: &mut Ask<'_>, sample: &Sample) -> Value<Data> {
        let fetched = self.fetch(ask, &sample.fetch, Wanted::One);
        self.converted(sample, fetched)
    }

    pub(super) fn converted(&mut self, sample: &Sample, fetched: Value<Data>) -> Value<Data> {
        sample.converters.iter().fold(fetched, |value, converter| {
            let converted = convert::apply(self, converter, value);
            self.fitting(converted)
        })
    }

    /// A log-format string; a sample that gives nothing is empty.
    pub(super) fn format(&mut self, ask: &mut Ask<'_>, format: &Format) -> Value<Arc<str>> {
        let mut whole: Value<Arc<str>> = Value::Known("".into());
        for piece in &format.pieces {
            let piece = match piece {
                Piece::Literal(text) if format.pieces.len() == 1 => return Value::Known(Arc::clone(text)),
                Piece::Literal(text) => Value::Known(Arc::clone(text)),
                Piece::Sample(sample) => self.value(ask, sample).map(text_of),
                Piece::Alias(alias) => self.alias(ask, *alias),
            };
            if format.pieces.len() == 1 {
                return piece;
            }
            whole = self.joined(&whole, &piece);
        }
        whole
    }

    /// A text and what follows it, as long as both fit into a buffer.
    fn joined(&mut self, whole: &Value<Arc<str>>, piece: &Value<Arc<str>>) -> Value<Arc<str>> {
        let fits = |whole: &Arc<str>, piece: &Arc<str>| whole.len() + piece.len() <= convert::BUFFER;
        let text = whole.zip(piece, |whole, piece| fits(whole, piece).then(|| Arc::<str>::from(format!("{whole}{piece}"))));
        let text = text.try_map(Clone::clone);
        self.count(&text, |text| text.len());
        if self.written > MOST_WRITTEN { Value::Unknown } else { text }
    }

    /// The value, unless a text of it is too long for a buffer.
    fn fitting(&mut self, value: Value<Data>) -> Value<Data> {
        let longest = self.count(&value, |data| data.all().iter().map(|datum| datum.text().len()).sum());
        if longest > convert::BUFFER || self.written > MOST_WRITTEN { Value::Unknown } else { value }
    }

    /// Counts what a value takes, and gives the longest text that it may be.
    fn count<T: Clone + Eq>(&mut self, value: &Value<T>, length: impl Fn(&T) -> usize) -> usize {
        let (all, longest) = match value {
            Value::Known(value) => (length(value), length(value)),
            Value::ByMethod(cases) => cases
                .cases()
                .iter()
                .map(|(_, value)| length(value))
                .fold((0, 0), |(all, longest), next| (all + next, longest.max(next))),
            Value::Unknown => (0, 0),
        };
        self.written += all;
        longest
    }

    fn alias(&mut self, ask: &mut Ask<'_>, alias: Alias) -> Value<Arc<str>> {
        match alias {
            Alias::Method => match self.has_first_line() {
                true => self.received(ask),
                false => Value::Known("<BADREQ>".into()),
            },
            Alias::Path => self.captured(|uri| Some(uri.split('?').next().unwrap_or(uri))),
            Alias::PathOnly => self.captured(target::path),
            Alias::Query => self.captured(|uri| uri.find('?').map(|at| &uri[at..])),
            Alias::Uri => self.captured(|uri| Some(uri)),
            Alias::Version => {
                let version = format!("HTTP/{}", ask.request().version);
                Value::Known(if self.has_first_line() { version.into() } else { "<BADREQ>".into() })
            }
            Alias::Client => self.client(ask).map(text_of),
            Alias::FrontendAddress => Value::Known(Arc::clone(&self.address)),
            Alias::FrontendPort => self.destination_port().map(text_of),
            Alias::Frontend => Value::Known(Arc::clone(&self.frontend.name)),
            Alias::Backend => Value::Known(Arc::clone(&self.current().name)),
            Alias::Nothing => Value::Known("".into()),
            Alias::Unknown => Value::Unknown,
        }
    }

    /// A part of the target as it was received.
    fn captured(&self, part: impl Fn(&str) -> Option<&str>) -> Value<Arc<str>> {
        if !self.has_first_line() {
            return Value::Known("<BADREQ>".into());
        }
        self.received_uri.map(|uri| part(uri).unwrap_or("").into())
    }

    pub(super) fn fetch(&mut self, ask: &mut Ask<'_>, fetch: &Fetch, wanted: Wanted) -> Value<Data> {
        let known = |data: Data| Value::Known(data);
        let text = |text: Option<&str>| text.map_or(Data::Nothing, Data::text);
        // Requests are gone from the buffers once the response is here.
        if (self.responding || !self.has_arrived) && fetch.is_of_request() {
            return known(Data::Nothing);
        }
        match fetch {
            Fetch::Method if !self.has_arrived => known(Data::Nothing),
            Fetch::Method => self.method(ask),
            Fetch::CapturedMethod if self.has_first_line() => self.received(ask).map(|name| Data::text(Arc::clone(name))),
            Fetch::CapturedUri if self.has_first_line() => self.received_uri.map(|uri| text(target::path_and_query(uri))),
            Fetch::CapturedMethod | Fetch::CapturedUri => known(Data::Nothing),
            Fetch::CapturedVersion if !self.is_taken_in => known(Data::Nothing),
            Fetch::CapturedHeader(slot) => self.captured_header(*slot),
            Fetch::CapturedVersion => {
                let old = matches!(&*ask.request().version, "1.0" | "0.9");
                known(Data::text(if old { "HTTP/1.0" } else { "HTTP/1.1" }))
            }
            Fetch::Path => self.uri.map(|uri| text(target::path(uri))),
            Fetch::PathAndQuery => self.uri.map(|uri| text(target::path_and_query(uri))),
            Fetch::Query => self.uri.map(|uri| text(target::query(uri))),
            Fetch::Url => self.uri.map(|uri| Data::text(Arc::clone(uri))),
            Fetch::Base { query } => self.base(ask, *query),
            Fetch::Argument { name, delimiter } => self.argument(ask, name.as_ref(), *delimiter, wanted),
            Fetch::ArgumentNumber(name) => self.argument(ask, name.as_ref(), '?', wanted).map(|data| data.each(number)),
            Fetch::Header(header) => self.header(ask, header, wanted),
            Fetch::HeaderNumber(header) => self.header(ask, header, wanted).map(|data| data.each(number)),
            Fetch::HeaderAddress(header) => self.header(ask, header, wanted).map(|data| data.each(address)),
            Fetch::HeaderCount(Some(name), whole) => self.header_count(ask, name, *whole),
            Fetch::Cookie(Some(name)) => self.cookie(ask, name, wanted),
            Fetch::CookieCount(Some(name)) => {
                self.cookie(ask, name, Wanted::All).map(|data| Data::One(Datum::Number(data.all().len() as i64)))
            }
            Fetch::CookieNumber(name) => self.cookie(ask, name, wanted).map(|data| data.each(number)),
            Fetch::HeaderCount(None, _) | Fetch::Cookie(None) | Fetch::CookieCount(None) | Fetch::Unknown => Value::Unknown,
            Fetch::HeaderNames(delimiter) => self.header_names(ask, delimiter),
            Fetch::OfAbsoluteTarget => self.uri.try_map(|uri| uri.starts_with(['/', '*']).then_some(Data::Nothing)),
            Fetch::MajorVersion => known(Data::One(Datum::Number(if ask.request().version.starts_with('2') { 2 } else { 1 }))),
            Fetch::Version => known(Data::text(&*ask.request().version)),
            Fetch::Variable(name, default) => self.variable(name, default.as_ref()),
            Fetch::Text(text) => known(Data::text(Arc::clone(text))),
            Fetch::Number(number) => known(Data::One(Datum::Number(*number))),
            Fetch::Truth(truth) => known(Data::One(Datum::Truth(*truth))),
            Fetch::Constant(address) => known(Data::One(Datum::Address(*address))),
            Fetch::ConstantMethod(name) => known(Data::One(crate::haproxy::site::acl::method(name))),
            Fetch::Client => self.client(ask),
            Fetch::Destination => {
                let address = self.address.parse::<IpAddr>();
                known(address.map_or(Data::Nothing, |address| Data::One(Datum::Address(address))))
            }
            Fetch::DestinationPort => self.destination_port(),
            Fetch::ClientIsLocal => self.client(ask).try_map(is_local),
            Fetch::DestinationIsLocal => self.fetch(ask, &Fetch::Destination, wanted).try_map(is_local),
            Fetch::OverTls => known(Data::One(Datum::Truth(self.bind.tls))),
            // What a handshake would tell is no, or nothing, where there was none.
            Fetch::TlsTruth if !self.bind.tls => known(Data::One(Datum::Truth(false))),
            Fetch::OfTls if !self.bind.tls => known(Data::Nothing),
            Fetch::TlsTruth | Fetch::OfTls => Value::Unknown,
            Fetch::FrontendName => known(Data::text(Arc::clone(&self.frontend.name))),
            Fetch::BackendName => known(Data::text(Arc::clone(&self.current().name))),
            Fetch::FrontendId => id(self.frontend.id),
            Fetch::BackendId => id(self.current().id),
            Fetch::SocketId => id(self.bind.id),
            Fetch::SocketName => known(text(self.bind.name.as_deref())),
            Fetch::ServersUp(backend) => self.servers_up(backend.as_ref()),
            Fetch::ServerIsUp(name) => self.server_is_up(name),
            Fetch::Environment(name) => known(text(self.config.environment.get(name))),
            Fetch::Authenticated(list) => self.groups(ask, list).map(|groups| match groups {
                Some(groups) => Data::One(Datum::Truth(groups.is_some())),
                None => Data::Nothing,
            }),
            Fetch::AuthenticatedGroup(list) => self.groups(ask, list).map(|groups| {
                let groups = groups.iter().flatten().flatten();
                groups.map(|group| Datum::Text(Arc::clone(group))).collect()
            }),
            Fetch::AuthType => self.authorization(ask).map(|sent| text(sent.as_ref().map(|sent| sent.scheme()))),
            Fetch::AuthUser => self.basic(ask).map(|sent| text(sent.as_ref().map(|(user, _)| &**user))),
            Fetch::AuthPassword => self.basic(ask).map(|sent| text(sent.as_ref().map(|(_, password)| &**password))),
            Fetch::AuthBearer => self.authorization(ask).map(|sent| match sent {
                Some(Credentials::Bearer(token)) => Data::text(Arc::clone(token)),
                _ => Data::Nothing,
            }),
            Fetch::IsHttp => known(Data::One(Datum::Truth(true))),
            Fetch::Body => body(ask).map(|body| Data::text(Arc::clone(body))),
            Fetch::BodyParameter(name) => body(ask).map(|body| arguments(body, name.as_deref(), '&', wanted)),
            Fetch::BodyLength => body(ask).map(|body| Data::One(Datum::Number(body.len() as i64))),
            Fetch::Status if self.responding => known(Data::One(Datum::Number(i64::from(self.status)))),
            Fetch::Status => known(Data::Nothing),
        }
    }

    pub(super) fn client(&self, ask: &mut Ask<'_>) -> Value<Data> {
        match &self.source {
            Some(source) => source.clone(),
            None => {
                let client = ask.client();
                Value::Known(client.parse::<IpAddr>().map_or(Data::Nothing, |address| Data::One(Datum::Address(address))))
            }
        }
    }

    pub(super) fn destination_port(&self) -> Value<Data> {
        match &self.destination_port {
            Some(port) => port.clone(),
            None => Value::Known(Data::One(Datum::Number(i64::from(self.port)))),
        }
    }

    fn variable(&self, name: &Arc<str>, default: Option<&Arc<str>>) -> Value<Data> {
        let unset = || default.map_or(Data::Nothing, |default| Data::text(Arc::clone(default)));
        match self.variables.get(name) {
            Some(value) => value.map(|data| if *data == Data::Nothing { unset() } else { data.clone() }),
            None if self.opaque => Value::Unknown,
            None => Value::Known(unset()),
        }
    }

    fn servers_up(&self, backend: Option<&Arc<str>>) -> Value<Data> {
        let proxy = match backend {
            Some(name) => self.config.backends.get(name).map(|index| &self.config.proxies[*index]),
            None => Some(self.current()),
        };
        let Some(proxy) = proxy else { return Value::Unknown };
        if proxy.servers.iter().any(|server| !server.disabled && server.check.is_some()) {
            return Value::Unknown;
        }
        let usable = |backup: bool| {
            proxy.servers.iter().filter(|server| !server.disabled && server.weight > 0 && server.backup == backup).count()
        };
        let backups = if proxy.settings.all_backups { usable(true) } else { usable(true).min(1) };
        let count = if usable(false) > 0 { usable(false) } else { backups };
        Value::Known(Data::One(Datum::Number(count as i64)))
    }

    fn server_is_up(&self, name: &str) -> Value<Data> {
        let (backend, name) = name.split_once('/').unwrap_or((&self.current().name, name));
        let proxy = self.config.backends.get(backend).map(|index| &self.config.proxies[*index]);
        let server = proxy.and_then(|proxy| proxy.servers.iter().find(|server| *server.name == *name));
        match server {
            Some(server) if server.disabled || server.check.is_none() => Value::Known(Data::One(Datum::Truth(!server.disabled))),
            _ => Value::Unknown,
        }
    }
}

/// A number that the config may leave to HAProxy.
fn id(written: Option<i64>) -> Value<Data> {
    written.map_or(Value::Unknown, |id| Value::Known(Data::One(Datum::Number(id))))
}

fn number(datum: &Datum) -> Option<Datum> {
    Some(Datum::Number(leading_digits(&datum.text())))
}

/// A number as HAProxy reads it from headers: it stops at signs above the digits only, so that signs below them count as negative
/// digits (include/haproxy/tools.h, strl2ic).
fn leading_digits(text: &str) -> i64 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let values = digits.bytes().map(|byte| i32::from(byte as i8) - i32::from(b'0')).take_while(|digit| *digit <= 9);
    i64::from(values.fold(0i32, |number, digit| number.wrapping_mul(10).wrapping_add(digit * sign)))
}

/// An address in a header, which may have a port behind it.
fn address(datum: &Datum) -> Option<Datum> {
    let text = datum.text();
    let bare = text.rsplit_once(':').filter(|(host, port)| !host.contains(':') && port.parse::<u16>().is_ok());
    bare.map_or(&*text, |(host, _)| host).parse().ok().map(Datum::Address)
}

/// Whether an address is one of the machine's own, where that can be told.
fn is_local(data: &Data) -> Option<Data> {
    match data.last().and_then(Datum::address) {
        None => Some(Data::Nothing),
        Some(address) => address.is_loopback().then_some(Data::One(Datum::Truth(true))),
    }
}

/// The text of a sample outside of ACLs, where its last value counts.
pub(super) fn text_of(data: &Data) -> Arc<str> {
    match data.last() {
        Some(Datum::Text(text)) => Arc::clone(text),
        Some(datum) => datum.text().into(),
        None => "".into(),
    }
}

/// What `set-var` keeps of a sample: methods without a number of their own read back as OPTIONS until 3.4 (number 0).
pub(super) fn stored(sample: &Sample, value: Value<Data>, keeps_text: bool) -> Value<Data> {
    let last = value.map(|data| data.last().cloned().map_or(Data::Nothing, Data::One));
    if sample.kind != Kind::Method || keeps_text {
        return last;
    }
    last.map(|data| {
        data.each(|datum| match datum {
            Datum::Method { known: false, .. } => Some(Datum::Text("OPTIONS".into())),
            datum => Some(datum.clone()),
        })
    })
}
