//! The request, as the variables of the rules show it.

use std::borrow::Cow;

use super::rule::Parts;
use super::transform::url_decode;
use super::variable::{Target, Variable};
use crate::ask::Ask;
use crate::http::Request;

/// A value of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text<'r> {
    Known(Cow<'r, str>),
    /// The method, followed by a text.
    Method(Cow<'r, str>),
    /// Something that only the running server knows.
    Unknown,
}

/// A value with the name of the collection's member that it belongs to.
#[derive(Clone, Debug)]
pub(super) struct Value<'r> {
    pub(super) member: Cow<'r, str>,
    pub(super) text: Text<'r>,
}

impl<'r> Value<'r> {
    pub(super) fn known(member: impl Into<Cow<'r, str>>, text: impl Into<Cow<'r, str>>) -> Self {
        Value { member: member.into(), text: Text::Known(text.into()) }
    }
}

/// The request taken apart, once for a decision.
pub(super) struct Inspected<'r> {
    request: &'r Request,
    path: &'r str,
    query_arguments: Vec<(String, String)>,
    body_arguments: Vec<(String, String)>,
    pub(super) parts: Parts,
}

impl<'r> Inspected<'r> {
    /// `body` says whether rules may see the body.
    pub(super) fn new(request: &'r Request, body: bool) -> Self {
        let query_arguments = request.query().map(arguments).unwrap_or_default();
        let form = body && content_type(request).starts_with("application/x-www-form-urlencoded");
        let body_arguments = if form { arguments(&request.body) } else { Vec::new() };
        let mut parts = Parts::default();
        if !query_arguments.is_empty() || !body_arguments.is_empty() {
            parts = parts.with(Parts::ARGUMENTS);
        }
        if request.header("cookie").is_some() {
            parts = parts.with(Parts::COOKIES);
        }
        if body && !request.body.is_empty() {
            parts = parts.with(Parts::BODY);
        }
        Inspected { request, path: path(request), query_arguments, body_arguments, parts }
    }

    /// The values of a target that come from the request; those of the rules' own variables are not among them. `force_body`
    /// shows the body whatever its type is.
    pub(super) fn values(&self, target: &Target, force_body: bool, ask: &mut Ask<'_>) -> Vec<Value<'r>>
    where
        Self: 'r,
    {
        let request = self.request;
        let one = |text: Cow<'r, str>| vec![Value { member: "".into(), text: Text::Known(text) }];
        match target.variable {
            Variable::Method => vec![Value { member: "".into(), text: Text::Method("".into()) }],
            Variable::Line => {
                let rest = format!(" {} HTTP/{}", request.target, request.version);
                vec![Value { member: "".into(), text: Text::Method(rest.into()) }]
            }
            Variable::Protocol => one(format!("HTTP/{}", request.version).into()),
            Variable::Uri => one(match request.query() {
                Some(query) => format!("{}?{query}", self.path).into(),
                None => self.path.into(),
            }),
            Variable::UriRaw => one(request.target.as_str().into()),
            Variable::Filename => one(self.path.into()),
            Variable::Basename => one(self.path.rsplit(['/', '\\']).next().unwrap_or("").into()),
            Variable::Query => request.query().map(|query| one(query.into())).unwrap_or_default(),
            Variable::Headers => self.headers(target, ask),
            Variable::HeaderNames => {
                let names = self.headers(target, ask).into_iter();
                names.map(|header| Value::known(header.member.clone(), header.member)).collect()
            }
            Variable::Arguments { query, body } => self.arguments(target, query, body, ask),
            Variable::ArgumentNames { query, body } => {
                let names = self.arguments(target, query, body, ask).into_iter();
                names.map(|argument| Value::known(argument.member.clone(), argument.member)).collect()
            }
            Variable::ArgumentsSize => {
                let all = self.query_arguments.iter().chain(&self.body_arguments);
                one(all.map(|(name, value)| name.len() + value.len()).sum::<usize>().to_string().into())
            }
            Variable::Cookies => self.cookies(target, ask),
            Variable::CookieNames => {
                let names = self.cookies(target, ask).into_iter();
                names.map(|cookie| Value::known(cookie.member.clone(), cookie.member)).collect()
            }
            Variable::Body if self.parts.met_by(Parts::BODY) && !request.body.is_empty() => {
                if force_body || !self.body_arguments.is_empty() { one(request.body.as_str().into()) } else { Vec::new() }
            }
            Variable::BodyLength => one(request.body.len().to_string().into()),
            Variable::BodyProcessor => one(processor(request).into()),
            Variable::Client => one(ask.client().to_string().into()),
            Variable::ServerName => one(host_name(request).into()),
            Variable::ServerPort => one(request.port.to_string().into()),
            Variable::ServerAddress => one((*request.address).into()),
            Variable::Zero => one("0".into()),
            Variable::Empty => one("".into()),
            Variable::Opaque => vec![Value { member: "".into(), text: Text::Unknown }],
            _ => Vec::new(),
        }
    }

    /// One header by its name, or all headers that the request states.
    fn headers(&self, target: &Target, ask: &mut Ask<'_>) -> Vec<Value<'r>> {
        if let Some(name) = target.name() {
            return ask.header(name).map(|value| Value::known(name.to_owned(), value.to_string())).into_iter().collect();
        }
        let request = self.request;
        let stated = request.headers.iter().map(|(name, value)| Value::known(name.as_str(), value.as_str()));
        let implied = ["Host", "Content-Length"].into_iter().filter_map(|name| {
            let stated = request.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
            Some(Value::known(name, request.header(name).filter(|_| !stated)?))
        });
        stated.chain(implied).filter(|header| target.selects(&header.member) == Some(true)).collect()
    }

    fn arguments(&self, target: &Target, query: bool, body: bool, ask: &mut Ask<'_>) -> Vec<Value<'r>> {
        let of_query = self.query_arguments.iter().filter(|_| query);
        let of_body = self.body_arguments.iter().filter(|_| body);
        let stated = of_query.chain(of_body).filter(|(name, _)| target.selects(name) == Some(true));
        let mut values: Vec<_> = stated.map(|(name, value)| Value::known(name.clone(), value.clone())).collect();
        if let (true, Some(name), true) = (values.is_empty(), target.name(), query) {
            let value = ask.argument(name).and_then(|value| url_decode(&value));
            values.extend(value.map(|value| Value::known(name.to_owned(), value)));
        }
        values
    }

    fn cookies(&self, target: &Target, ask: &mut Ask<'_>) -> Vec<Value<'r>> {
        if let Some(name) = target.name() {
            return ask.cookie(name).map(|value| Value::known(name.to_owned(), value.to_string())).into_iter().collect();
        }
        let Some(sent) = self.request.header("cookie") else { return Vec::new() };
        let pairs = sent.split(';').filter_map(|pair| pair.trim().split_once('='));
        let pairs = pairs.map(|(name, value)| Value::known(name.to_owned(), value.to_owned()));
        pairs.filter(|cookie| target.selects(&cookie.member) == Some(true)).collect()
    }
}

/// The path of the target, also where that is a whole URL.
fn path(request: &Request) -> &str {
    let path = request.path();
    match path.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => rest.find('/').map_or("/", |slash| &rest[slash..]),
        _ => path,
    }
}

fn host_name(request: &Request) -> &str {
    let host = request.host.as_deref().unwrap_or("");
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    }
}

fn arguments(text: &str) -> Vec<(String, String)> {
    let decode = |text: &str| url_decode(text).unwrap_or_else(|| text.to_owned());
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(name, value)| (decode(name), decode(value))).collect()
}

fn content_type(request: &Request) -> String {
    request.header("content-type").map(|value| value.to_ascii_lowercase()).unwrap_or_default()
}

/// What reads the body, by its type.
fn processor(request: &Request) -> &'static str {
    match content_type(request) {
        kind if kind.starts_with("application/x-www-form-urlencoded") => "URLENCODED",
        kind if kind.starts_with("multipart/form-data") => "MULTIPART",
        _ => "",
    }
}
