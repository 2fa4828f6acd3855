//! What stands in a request besides its first line: headers, cookies, the arguments of its query, credentials (src/http_fetch.c).

use std::sync::Arc;

use super::convert;
use super::fetch::Wanted;
use super::target;
use super::transaction::{Lines, Transaction};
use crate::ask::Ask;
use crate::haproxy::site::sample::Header;
use crate::haproxy::site::sections::Password;
use crate::haproxy::value::{Data, Datum, Value};

/// What an Authorization header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Credentials {
    /// User and password.
    Basic(Arc<str>, Arc<str>),
    Bearer(Arc<str>),
}

impl Credentials {
    pub(super) fn scheme(&self) -> &'static str {
        match self {
            Credentials::Basic(..) => "Basic",
            Credentials::Bearer(_) => "Bearer",
        }
    }
}

impl Transaction<'_> {
    /// The values of a header. Outside of ACLs the last one counts.
    pub(super) fn header(&mut self, ask: &mut Ask<'_>, header: &Header, wanted: Wanted) -> Value<Data> {
        let Some(name) = &header.name else { return Value::Unknown };
        let lines = self.lines(ask, name);
        let occurrence = if header.occurrence == 0 && wanted == Wanted::One { -1 } else { header.occurrence };
        lines.map(|lines| {
            let values = values(lines, header.whole);
            let picked = match occurrence {
                0 => return values.into_iter().map(|value| Datum::Text(value.into())).collect(),
                index if index > 0 => values.get(index as usize - 1),
                index => values.len().checked_sub(index.unsigned_abs() as usize).and_then(|index| values.get(index)),
            };
            picked.map_or(Data::Nothing, |value| Data::text(*value))
        })
    }

    pub(super) fn header_count(&mut self, ask: &mut Ask<'_>, name: &str, whole: bool) -> Value<Data> {
        self.lines(ask, name).map(|lines| Data::One(Datum::Number(values(lines, whole).len() as i64)))
    }

    /// The names of the headers of a request that is known in full.
    pub(super) fn header_names(&mut self, ask: &mut Ask<'_>, delimiter: &str) -> Value<Data> {
        if !ask.is_complete() {
            return Value::Unknown;
        }
        let host = ask.request().header("host").map(|_| "host".to_owned());
        let sent = ask.request().headers.iter().map(|(name, _)| name.to_ascii_lowercase());
        let mut names: Vec<String> = host.into_iter().chain(sent.filter(|name| name != "host")).collect();
        for (name, lines) in &self.headers {
            let Value::Known(lines) = lines else { return Value::Unknown };
            names.retain(|known| *known != **name);
            names.extend(lines.iter().map(|_| name.to_string()));
        }
        Value::Known(Data::text(names.join(delimiter)))
    }

    /// The host and the path behind it; the path alone where no host is named.
    pub(super) fn base(&mut self, ask: &mut Ask<'_>, query: bool) -> Value<Data> {
        let host = self.lines(ask, "host");
        host.zip(&self.uri, |host, uri| {
            let path = if query { target::path_and_query(uri) } else { target::path(uri) };
            match values(host, false).first().filter(|host| !host.is_empty()) {
                Some(host) => Data::text(format!("{host}{}", path.unwrap_or(""))),
                None => path.map_or(Data::Nothing, Data::text),
            }
        })
    }

    /// Arguments of the query. Outside of ACLs the first one counts.
    pub(super) fn argument(
        &mut self,
        ask: &mut Ask<'_>,
        name: Option<&Arc<str>>,
        delimiter: char,
        wanted: Wanted,
    ) -> Value<Data> {
        let found = self.uri.map(|uri| match uri.split_once(delimiter) {
            Some((_, query)) => arguments(query, name.map(|name| &**name), delimiter, wanted),
            None => Data::Nothing,
        });
        match (name, &found, &self.uri) {
            (Some(name), Value::Known(Data::Nothing), Value::Known(uri)) if self.query_is_clients && !uri.contains(&**name) => {
                Value::Known(ask.argument(name).map_or(Data::Nothing, Data::text))
            }
            _ => found,
        }
    }

    pub(super) fn cookie(&mut self, ask: &mut Ask<'_>, name: &Arc<str>, wanted: Wanted) -> Value<Data> {
        if self.headers.contains_key("cookie") || ask.request().header("cookie").is_some() {
            let lines = self.lines(ask, "cookie");
            return lines.map(|lines| {
                let mut found: Vec<Datum> = Vec::new();
                for value in values(lines, false) {
                    found.extend(cookies(value, name).map(|value| Datum::Text(value.into())));
                }
                match wanted {
                    Wanted::All => found.into_iter().collect(),
                    Wanted::One => found.pop().map_or(Data::Nothing, Data::One),
                }
            });
        }
        Value::Known(ask.cookie(name).map_or(Data::Nothing, Data::text))
    }

    /// The credentials of the request. Once they could not be read, they are not looked at again (get_http_auth).
    pub(super) fn authorization(&mut self, ask: &mut Ask<'_>) -> Value<Option<Credentials>> {
        if self.unauthorized {
            return Value::Known(None);
        }
        let name = if self.is_proxied(ask) { "proxy-authorization" } else { "authorization" };
        let sent = self.lines(ask, name).map(credentials);
        self.unauthorized = sent == Value::Known(None);
        sent
    }

    /// User and password, where the request has them.
    pub(super) fn basic(&mut self, ask: &mut Ask<'_>) -> Value<Option<(Arc<str>, Arc<str>)>> {
        self.authorization(ask).map(|sent| match sent {
            Some(Credentials::Basic(user, password)) => Some((Arc::clone(user), Arc::clone(password))),
            _ => None,
        })
    }

    /// The groups of the user where the credentials are right; the outer `None` where there are none.
    pub(super) fn groups(&mut self, ask: &mut Ask<'_>, list: &Arc<str>) -> Value<Option<Option<Vec<Arc<str>>>>> {
        let sent = self.basic(ask);
        let Some(list) = self.config.userlists.get(list) else { return Value::Known(None) };
        sent.try_map(|sent| {
            let Some((user, password)) = sent else { return Some(None) };
            let Some(user) = list.user(user) else { return Some(Some(None)) };
            match &user.password {
                Password::Plain(plain) if **plain == **password => Some(Some(Some(list.groups(user).map(Arc::from).collect()))),
                Password::Plain(_) => Some(Some(None)),
                Password::Hashed => None,
            }
        })
    }

    /// Whether the frontend takes a request like this for one to a proxy.
    pub(super) fn is_proxied(&self, ask: &Ask<'_>) -> bool {
        self.frontend.settings.proxy_header && !ask.request().target.starts_with(['/', '*'])
    }
}

/// The body without the sizes of its chunks, where it has any. Broken ones cannot be told.
pub(super) fn body(ask: &Ask<'_>) -> Value<Arc<str>> {
    let request = ask.request();
    let body = request.body.as_str();
    let coding = request.header("transfer-encoding");
    match coding.is_some_and(|coding| coding.trim().eq_ignore_ascii_case("chunked")) {
        true => unchunked(body).map_or(Value::Unknown, |body| Value::Known(body.into())),
        false => Value::Known(body.into()),
    }
}

/// Chunks begin with their size in hexadecimal digits, and the last of them is empty (RFC 9112, 7.1).
fn unchunked(body: &str) -> Option<String> {
    let mut whole = String::new();
    let mut rest = body;
    loop {
        let (line, after) = rest.split_once('\n')?;
        let size = usize::from_str_radix(line.split(';').next()?.trim_end(), 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        whole.push_str(after.get(..size)?);
        rest = after.get(size..)?.trim_start_matches('\r').strip_prefix('\n')?;
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

/// The values of a cookie in one header. The last pair of a header needs a value that is not empty to be seen at all
/// (src/http.c, http_extract_cookie_value).
fn cookies<'h>(header: &'h str, name: &str) -> impl Iterator<Item = &'h str> {
    let end = header.len();
    pairs(header).filter(move |(at, known, _)| *known == name && at + name.len() + 1 < end).map(|(_, _, value)| value)
}

/// The pairs of a Cookie header, each with its place. A semicolon in quotes belongs to the value.
fn pairs(header: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    let mut parts = Vec::new();
    let (mut start, mut quoted, mut escaped, mut in_value) = (0, false, false, false);
    for (at, sign) in header.char_indices() {
        match sign {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if in_value => quoted = !quoted,
            '=' => in_value = true,
            ';' | ',' if !quoted => {
                parts.push(start..at);
                start = at + 1;
                in_value = false;
            }
            _ => {}
        }
    }
    parts.push(start..header.len());
    parts.into_iter().filter_map(|part| {
        let (name, value) = header[part.clone()].split_once('=')?;
        let name = name.trim_matches([' ', '\t']);
        (!name.starts_with('$')).then(|| (part.start, name, value.trim_matches([' ', '\t'])))
    })
}

/// The values of `name=value` pairs; any name where none is asked for.
pub(super) fn arguments(query: &str, name: Option<&str>, delimiter: char, wanted: Wanted) -> Data {
    let pairs = query.split(['&', ';', delimiter]).filter_map(|pair| pair.split_once('='));
    let mut found = pairs.filter(|(known, _)| name.is_none_or(|name| *known == name)).map(|(_, value)| Datum::Text(value.into()));
    match wanted {
        Wanted::All => found.collect(),
        Wanted::One => found.next().map_or(Data::Nothing, Data::One),
    }
}

/// A scheme may be cut short: its letters are compared as far as they go.
fn credentials(lines: &Lines) -> Option<Credentials> {
    let sent = values(lines, false).into_iter().next()?;
    let (scheme, secret) = sent.split_once(' ')?;
    let secret = secret.trim_start_matches(' ');
    let is = |name: &str| !scheme.is_empty() && name.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if is("Basic") {
        let decoded = convert::base64(secret)?;
        let (user, password) = decoded.split_once(':')?;
        return Some(Credentials::Basic(user.into(), password.into()));
    }
    is("Bearer").then(|| Credentials::Bearer(secret.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found() {
        let of = |header: &'static str, name: &str| cookies(header, name).collect::<Vec<_>>();
        assert_eq!(of("s=1; t = 2 ;s=\"a;b\"", "s"), ["1", "\"a;b\""]);
        assert_eq!(of("s=1; t = 2", "t"), ["2"]);
        assert_eq!(of("s=", "s"), [""; 0]);
        assert_eq!(of("s=; t=1", "s"), [""]);
        assert_eq!(of("$s=1; s", "s"), [""; 0]);
    }

    #[test]
    fn chunks_are_put_together() {
        assert_eq!(unchunked("3;x=1\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n").as_deref(), Some("abc0123456789"));
        assert_eq!(unchunked("3\nabc\n0\n\n").as_deref(), Some("abc"));
        assert!(["", "zz\r\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n"].iter().all(|body| unchunked(body).is_none()));
    }

    #[test]
    fn arguments_need_an_equals_sign() {
        assert_eq!(arguments("a&a=1&a=2", Some("a"), '?', Wanted::One), Data::text("1"));
        assert_eq!(arguments("a", Some("a"), '?', Wanted::One), Data::Nothing);
        assert_eq!(arguments("b=x;a=1", None, '?', Wanted::One), Data::text("x"));
    }

    #[test]
    fn credentials_are_read() {
        let lines = |text: &str| credentials(&vec![text.into()]);
        assert_eq!(lines("basic YTpi"), Some(Credentials::Basic("a".into(), "b".into())));
        assert_eq!(lines("Bearer  x.y"), Some(Credentials::Bearer("x.y".into())));
        assert_eq!(lines("Basic YTp"), None);
        assert_eq!(lines("Digest x"), None);
    }
}
