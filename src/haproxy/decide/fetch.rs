//! What sample expressions give for the request at hand.

use std::net::IpAddr;
use std::sync::Arc;

use super::convert;
use super::transaction::{self, Lines, Transaction};
use crate::ask::Ask;
use crate::haproxy::site::format::{Alias, Format, Piece};
use crate::haproxy::site::sample::{Fetch, Header, Sample};
use crate::haproxy::site::sections::Password;
use crate::haproxy::site::vocabulary::Kind;
use crate::haproxy::value::{Data, Datum, Value};

impl Transaction<'_> {
    pub(super) fn sample(&mut self, ask: &mut Ask<'_>, sample: &Sample) -> Value<Data> {
        let mut value = self.fetch(ask, &sample.fetch);
        for converter in &sample.converters {
            value = fitting(convert::apply(self, ask, converter, value));
        }
        value
    }

    /// A log-format string; a sample that gives nothing is empty.
    pub(super) fn format(&mut self, ask: &mut Ask<'_>, format: &Format) -> Value<Arc<str>> {
        let mut whole: Value<Arc<str>> = Value::Known("".into());
        for piece in &format.pieces {
            let piece = match piece {
                Piece::Literal(text) if format.pieces.len() == 1 => return Value::Known(Arc::clone(text)),
                Piece::Literal(text) => Value::Known(Arc::clone(text)),
                Piece::Sample(sample) => self.sample(ask, sample).map(text_of),
                Piece::Alias(alias) => self.alias(ask, *alias),
            };
            if format.pieces.len() == 1 {
                return piece;
            }
            whole = joined(&whole, &piece);
        }
        whole
    }

    fn alias(&mut self, ask: &mut Ask<'_>, alias: Alias) -> Value<Arc<str>> {
        let text = |text: Option<&str>| -> Arc<str> { text.unwrap_or("").into() };
        match alias {
            Alias::Method => self.method(ask).map(text_of),
            Alias::Path => self.uri.map(|uri| text(Some(uri.split('?').next().unwrap_or(uri)))),
            Alias::PathOnly => self.uri.map(|uri| text(transaction::path(uri))),
            Alias::Query => {
                self.uri.map(|uri| transaction::query(uri).map_or_else(|| "".into(), |query| format!("?{query}").into()))
            }
            Alias::Uri => self.uri.clone(),
            Alias::Version => Value::Known(format!("HTTP/{}", ask.request().version).into()),
            Alias::Client => self.fetch(ask, &Fetch::Client).map(text_of),
            Alias::FrontendAddress => Value::Known(Arc::clone(&self.address)),
            Alias::FrontendPort => self.fetch(ask, &Fetch::DestinationPort).map(text_of),
            Alias::Frontend => Value::Known(Arc::clone(&self.frontend.name)),
            Alias::Backend => Value::Known(Arc::clone(&self.current().name)),
            Alias::Nothing => Value::Known("".into()),
            Alias::Unknown => Value::Unknown,
        }
    }

    pub(super) fn fetch(&mut self, ask: &mut Ask<'_>, fetch: &Fetch) -> Value<Data> {
        let known = |data: Data| Value::Known(data);
        let text = |text: Option<&str>| text.map_or(Data::Nothing, Data::text);
        match fetch {
            Fetch::Method => self.method(ask),
            Fetch::CapturedMethod if self.frontend.settings.logs => self.received(ask).map(|name| Data::text(Arc::clone(name))),
            Fetch::CapturedUri if self.frontend.settings.logs => known(Data::text(ask.request().target.as_str())),
            Fetch::CapturedMethod | Fetch::CapturedUri => known(Data::Nothing),
            // Requests are gone from the buffers once the response is here.
            Fetch::Path
            | Fetch::PathAndQuery
            | Fetch::Query
            | Fetch::Url
            | Fetch::Base
            | Fetch::Header(_)
            | Fetch::Cookie(_)
            | Fetch::Argument { .. }
            | Fetch::HeaderCount(..)
                if self.responding =>
            {
                known(Data::Nothing)
            }
            Fetch::Path => self.uri.map(|uri| text(transaction::path(uri))),
            Fetch::PathAndQuery => self.uri.map(|uri| text(transaction::path_and_query(uri))),
            Fetch::Query => self.uri.map(|uri| text(transaction::query(uri))),
            Fetch::Url => self.uri.map(|uri| Data::text(Arc::clone(uri))),
            Fetch::Base => {
                let host = self.lines(ask, "host");
                host.zip(&self.uri, |host, uri| {
                    let host = host.first().map_or("", |host| host);
                    Data::text(format!("{host}{}", transaction::path(uri).unwrap_or("")))
                })
            }
            Fetch::Argument { name, delimiter } => self.argument(ask, name.as_ref(), *delimiter),
            Fetch::ArgumentNumber(name) => self.argument(ask, Some(name), '?').map(|data| data.each(number)),
            Fetch::Header(header) => self.header(ask, header),
            Fetch::HeaderNumber(header) => self.header(ask, header).map(|data| data.each(number)),
            Fetch::HeaderAddress(header) => {
                self.header(ask, header).map(|data| data.each(|datum| datum.address().map(Datum::Address)))
            }
            Fetch::HeaderCount(Some(name), whole) => {
                let lines = self.lines(ask, name);
                lines.map(|lines| Data::One(Datum::Number(values(lines, *whole).len() as i64)))
            }
            Fetch::Cookie(Some(name)) => self.cookie(ask, name),
            Fetch::CookieCount(Some(name)) => {
                self.cookie(ask, name).map(|data| Data::One(Datum::Number(data.all().len() as i64)))
            }
            Fetch::CookieNumber(name) => self.cookie(ask, name).map(|data| data.each(number)),
            Fetch::HeaderCount(None, _)
            | Fetch::HeaderNames
            | Fetch::Cookie(None)
            | Fetch::CookieCount(None)
            | Fetch::Unknown => Value::Unknown,
            Fetch::Version => known(Data::text(ask.request().version.as_str())),
            Fetch::Variable(name, default) => self.variable(name, default.as_ref()),
            Fetch::Text(text) => known(Data::text(Arc::clone(text))),
            Fetch::Number(number) => known(Data::One(Datum::Number(*number))),
            Fetch::Truth(truth) => known(Data::One(Datum::Truth(*truth))),
            Fetch::Constant(address) => known(Data::One(Datum::Address(*address))),
            Fetch::ConstantMethod(name) => known(Data::One(crate::haproxy::site::acl::method(name))),
            Fetch::Client => match &self.source {
                Some(source) => source.clone(),
                None => {
                    let client = ask.client();
                    known(client.parse::<IpAddr>().map_or(Data::Nothing, |address| Data::One(Datum::Address(address))))
                }
            },
            Fetch::Destination => {
                let address = self.address.parse::<IpAddr>();
                known(address.map_or(Data::Nothing, |address| Data::One(Datum::Address(address))))
            }
            Fetch::DestinationPort => match &self.destination_port {
                Some(port) => port.clone(),
                None => known(Data::One(Datum::Number(i64::from(self.port)))),
            },
            Fetch::OverTls => known(Data::One(Datum::Truth(self.bind.tls))),
            Fetch::FrontendName => known(Data::text(Arc::clone(&self.frontend.name))),
            Fetch::BackendName => known(Data::text(Arc::clone(&self.current().name))),
            Fetch::ServersUp(backend) => self.servers_up(backend.as_ref()),
            Fetch::ServerIsUp(name) => self.server_is_up(name),
            Fetch::Environment(name) => known(text(self.config.environment.get(name))),
            Fetch::Authenticated(list) => self.credentials(ask, list).map(|groups| Data::One(Datum::Truth(groups.is_some()))),
            Fetch::AuthenticatedGroup(list) => self
                .credentials(ask, list)
                .map(|groups| groups.iter().flatten().map(|group| Datum::Text(Arc::clone(group))).collect()),
            Fetch::AuthType => self.authorization(ask).map(|sent| text(sent.as_ref().map(|_| "Basic"))),
            Fetch::AuthUser => self.authorization(ask).map(|sent| text(sent.as_ref().map(|(user, _)| &**user))),
            Fetch::AuthPassword => self.authorization(ask).map(|sent| text(sent.as_ref().map(|(_, password)| &**password))),
            Fetch::IsHttp => known(Data::One(Datum::Truth(true))),
            Fetch::Body => known(Data::text(ask.request().body.as_str())),
            Fetch::BodyLength => known(Data::One(Datum::Number(ask.request().body.len() as i64))),
            Fetch::Status if self.responding => known(Data::One(Datum::Number(i64::from(self.status)))),
            Fetch::Status => known(Data::Nothing),
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

    fn argument(&mut self, ask: &mut Ask<'_>, name: Option<&Arc<str>>, delimiter: char) -> Value<Data> {
        let found = self.uri.map(|uri| {
            let Some((_, query)) = uri.split_once(delimiter) else { return Data::Nothing };
            let pairs = query.split(['&', ';']).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            pairs
                .filter(|(known, _)| name.is_none_or(|name| **name == **known))
                .map(|(_, value)| Datum::Text(value.into()))
                .collect()
        });
        match (name, &found) {
            (Some(name), Value::Known(Data::Nothing)) if self.query_is_clients => {
                Value::Known(ask.argument(name).map_or(Data::Nothing, Data::text))
            }
            _ => found,
        }
    }

    fn header(&mut self, ask: &mut Ask<'_>, header: &Header) -> Value<Data> {
        let Some(name) = &header.name else { return Value::Unknown };
        let lines = self.lines(ask, name);
        lines.map(|lines| {
            let values = values(lines, header.whole);
            let picked = match header.occurrence {
                0 => return values.into_iter().map(|value| Datum::Text(value.into())).collect(),
                index if index > 0 => values.get(index as usize - 1),
                index => values.len().checked_sub(index.unsigned_abs() as usize).and_then(|index| values.get(index)),
            };
            picked.map_or(Data::Nothing, |value| Data::text(*value))
        })
    }

    fn cookie(&mut self, ask: &mut Ask<'_>, name: &Arc<str>) -> Value<Data> {
        if self.headers.contains_key("cookie") || ask.request().header("cookie").is_some() {
            let lines = self.lines(ask, "cookie");
            let sent = lines.map(|lines| {
                let pairs = lines.iter().flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
                let found = pairs.filter(|(known, _)| **known == **name);
                found.map(|(_, value)| Datum::Text(value.trim_matches('"').into())).collect::<Data>()
            });
            if sent != Value::Known(Data::Nothing) {
                return sent;
            }
        }
        Value::Known(ask.cookie(name).map_or(Data::Nothing, Data::text))
    }

    /// User and password of basic authentication.
    fn authorization(&mut self, ask: &mut Ask<'_>) -> Value<Option<(Arc<str>, Arc<str>)>> {
        self.lines(ask, "authorization").map(|lines| {
            let (scheme, secret) = lines.first()?.split_once(' ')?;
            let decoded = convert::base64(secret.trim()).filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
            let (user, password) = decoded.split_once(':')?;
            Some((user.into(), password.into()))
        })
    }

    /// The groups of the user, where the credentials are right.
    fn credentials(&mut self, ask: &mut Ask<'_>, list: &Arc<str>) -> Value<Option<Vec<Arc<str>>>> {
        let sent = self.authorization(ask);
        let Some(list) = self.config.userlists.get(list) else { return Value::Known(None) };
        sent.try_map(|sent| {
            let Some((user, password)) = sent else { return Some(None) };
            let Some(user) = list.user(user) else { return Some(None) };
            match &user.password {
                Password::Plain(plain) if **plain == **password => Some(Some(list.groups(user).map(Arc::from).collect())),
                Password::Plain(_) => Some(None),
                Password::Hashed => None,
            }
        })
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

/// The values of a header's lines: between commas, unless lines count as a whole. Empty ones count.
fn values(lines: &Lines, whole: bool) -> Vec<&str> {
    if whole {
        return lines.iter().map(|line| &**line).collect();
    }
    lines.iter().flat_map(|line| split_values(line)).collect()
}

/// Commas in quotes do not end a value.
fn split_values(line: &str) -> Vec<&str> {
    let mut values = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, sign) in line.char_indices() {
        match sign {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                values.push(line[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    values.push(line[start..].trim());
    values
}

fn number(datum: &Datum) -> Option<Datum> {
    Some(Datum::Number(datum.text().trim().parse().unwrap_or(0)))
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

/// A text and what follows it, as long as both fit into a buffer.
fn joined(whole: &Value<Arc<str>>, piece: &Value<Arc<str>>) -> Value<Arc<str>> {
    let fits = |whole: &Arc<str>, piece: &Arc<str>| whole.len() + piece.len() <= convert::BUFFER;
    let text = whole.zip(piece, |whole, piece| fits(whole, piece).then(|| Arc::<str>::from(format!("{whole}{piece}"))));
    text.try_map(Clone::clone)
}

/// The value, unless a text of it is too long for a buffer.
fn fitting(value: Value<Data>) -> Value<Data> {
    let fits = |data: &Data| data.all().iter().all(|datum| !matches!(datum, Datum::Text(text) if text.len() > convert::BUFFER));
    let all_fit = match &value {
        Value::Known(data) => fits(data),
        Value::ByMethod(cases) => cases.cases().iter().all(|(_, data)| fits(data)),
        Value::Unknown => true,
    };
    if all_fit { value } else { Value::Unknown }
}
