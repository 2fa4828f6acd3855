//! Sample expressions: a fetch and the converters behind it, as in `req.hdr(host),lower` (configuration manual, 7.3).

mod converter;

use std::net::IpAddr;
use std::sync::Arc;

pub(in crate::haproxy) use self::converter::{Arithmetic, Converter, Operand};
use super::build::{Reason, Refused};
use super::maps::Map;
use super::references::Named;
use super::vocabulary::{self, Kind};
use crate::grammar;
use crate::haproxy::arguments::{self, Signature};
use crate::haproxy::site::words;
use crate::pattern::Pattern;
use crate::server::Release;
use crate::source::Span;

/// A sample expression as it was written, and what it fetches.
#[derive(Debug)]
pub(in crate::haproxy) struct Sample {
    pub(in crate::haproxy) fetch: Fetch,
    pub(in crate::haproxy) converters: Vec<Converter>,
    /// The type of what comes out.
    pub(in crate::haproxy) kind: Kind,
    pub(in crate::haproxy) text: Box<str>,
    /// Where it can be read at all.
    pub(in crate::haproxy) session: bool,
    pub(in crate::haproxy) request: bool,
    pub(in crate::haproxy) response: bool,
    pub(in crate::haproxy) logs: bool,
    /// Whether it can be read once a backend is chosen.
    pub(in crate::haproxy) backend: bool,
}

/// Where a header lies: by name, and which of its values.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::haproxy) struct Header {
    /// In lower case; `None` stands for any.
    pub(in crate::haproxy) name: Option<Arc<str>>,
    /// Counted from 1, or from the end where negative; 0 stands for all.
    pub(in crate::haproxy) occurrence: i64,
    /// `req.fhdr` takes lines as they are, `req.hdr` the parts between commas.
    pub(in crate::haproxy) whole: bool,
}

/// The fetches that follow from the request and the config; every other one is `Unknown`.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum Fetch {
    Method,
    /// The method in the request's own line, as logged.
    CapturedMethod,
    CapturedUri,
    CapturedVersion,
    /// What is in a slot of the frontend.
    CapturedHeader(usize),
    Path,
    PathAndQuery,
    Query,
    Url,
    /// Host and path, with or without the query.
    Base {
        query: bool,
    },
    Argument {
        name: Option<Arc<str>>,
        delimiter: char,
    },
    ArgumentNumber(Option<Arc<str>>),
    Header(Header),
    HeaderCount(Option<Arc<str>>, bool),
    HeaderNumber(Header),
    HeaderAddress(Header),
    /// The names of all headers, with this between them.
    HeaderNames(Arc<str>),
    Cookie(Option<Arc<str>>),
    CookieCount(Option<Arc<str>>),
    CookieNumber(Arc<str>),
    Version,
    Variable(Arc<str>, Option<Arc<str>>),
    Text(Arc<str>),
    Number(i64),
    Truth(bool),
    Constant(IpAddr),
    ConstantMethod(Arc<str>),
    Client,
    Destination,
    DestinationPort,
    ClientIsLocal,
    DestinationIsLocal,
    OverTls,
    /// Something about the TLS connection that is no where there is none.
    TlsTruth,
    /// Something about the TLS connection that is not there without one.
    OfTls,
    FrontendName,
    BackendName,
    FrontendId,
    BackendId,
    /// The `id` of the `bind` line.
    SocketId,
    SocketName,
    /// The address in an absolute target, and its port. Other targets have none.
    OfAbsoluteTarget,
    /// The major version of HTTP that the client speaks.
    MajorVersion,
    ServersUp(Option<Arc<str>>),
    ServerIsUp(Arc<str>),
    Environment(Arc<str>),
    Authenticated(Arc<str>),
    /// The groups are the patterns; this fetch gives the user where the credentials are right.
    AuthenticatedGroup(Arc<str>),
    AuthUser,
    AuthPassword,
    AuthType,
    AuthBearer,
    IsHttp,
    BodyLength,
    Body,
    BodyParameter(Option<Arc<str>>),
    Status,
    /// A header of the response, of which nothing is known.
    Unknown,
}

impl Fetch {
    /// Whether it reads the buffer of the request.
    pub(in crate::haproxy) fn is_of_request(&self) -> bool {
        use Fetch::*;
        matches!(
            self,
            Path | PathAndQuery
                | Query
                | Url
                | Base { .. }
                | Argument { .. }
                | ArgumentNumber(_)
                | Header(_)
                | HeaderCount(..)
                | HeaderNumber(_)
                | HeaderAddress(_)
                | HeaderNames(_)
                | Cookie(_)
                | CookieCount(_)
                | CookieNumber(_)
                | Version
                | Authenticated(_)
                | AuthenticatedGroup(_)
                | AuthUser
                | AuthPassword
                | AuthType
                | AuthBearer
                | IsHttp
                | Body
                | BodyLength
                | BodyParameter(_)
                | OfAbsoluteTarget
        )
    }
}

impl Sample {
    /// Whether it looks into HTTP messages.
    pub(in crate::haproxy) fn needs_http(&self) -> bool {
        !self.session && (self.request || self.response)
    }

    /// Whether evaluating it changes a variable.
    pub(in crate::haproxy) fn has_effect(&self) -> bool {
        self.converters.iter().any(|converter| matches!(converter, Converter::SetVariable(_) | Converter::UnsetVariable(_)))
    }
}

/// What sample expressions name besides themselves: files of maps, and sections, tables and servers.
pub(in crate::haproxy) trait Files {
    fn map(&mut self, path: &str, matching: &str) -> Arc<Map>;

    fn pattern(&self, source: &str, ignore_case: bool) -> Arc<Pattern>;

    fn release(&self) -> Release;

    /// Whether a Lua script may register words of its own.
    fn has_lua(&self) -> bool;

    /// Notes a name that must mean something once everything is read.
    fn refer(&mut self, to: Named, name: &str);
}

/// What HAProxy refuses about an expression.
#[derive(Debug)]
pub(in crate::haproxy) struct Flaw {
    message: String,
    pub(in crate::haproxy) reason: Reason,
}

impl Flaw {
    pub(super) fn unknown<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n str>) -> Self {
        Flaw { message: words::unknown(what, name, known), reason: Reason::UnknownWord }
    }

    pub(super) fn at(self, span: Span) -> Refused {
        Refused { reason: self.reason, ..Refused::new(span, self.message) }
    }
}

impl From<String> for Flaw {
    fn from(message: String) -> Self {
        Flaw { message, reason: Reason::Wrong }
    }
}

/// What is known about a fetch.
///
/// # Errors
/// The release has none of the name.
pub(super) fn known_fetch(name: &str, files: &dyn Files) -> Result<vocabulary::Fetch, Flaw> {
    match vocabulary::fetch(name) {
        Some(known) => Ok(known),
        None if is_foreign("fetch", name, files)? => Ok(vocabulary::Fetch::FOREIGN),
        None => Err(Flaw::unknown("fetch", name, vocabulary::fetch_names())),
    }
}

fn known_converter(name: &str, files: &dyn Files) -> Result<vocabulary::Converter, Flaw> {
    match vocabulary::converter(name) {
        Some(known) => Ok(known),
        None if is_foreign("converter", name, files)? => Ok(vocabulary::Converter::FOREIGN),
        None => Err(Flaw::unknown("converter", name, vocabulary::converter_names())),
    }
}

/// Whether a word that 2.6 does not list is right all the same: a Lua script registers it, a later release has it, or one that is
/// built with a library for devices.
fn is_foreign(place: &str, name: &str, files: &dyn Files) -> Result<bool, Flaw> {
    if name.starts_with("lua.") {
        return Ok(files.has_lua());
    }
    let Some(entry) = grammar::HAPROXY.find(name).find(|entry| entry.module == place) else { return Ok(false) };
    match entry.since.filter(|since| files.release() < *since) {
        Some(since) => {
            let message = format!("the {place} `{name}` is known since HAProxy {}.{}", since.0, since.1);
            Err(Flaw { message, reason: Reason::TooOld })
        }
        None => Ok(true),
    }
}

/// Reads a whole sample expression.
///
/// # Errors
/// What HAProxy refuses about it.
pub(in crate::haproxy) fn parse(text: &str, files: &mut dyn Files) -> Result<Sample, Flaw> {
    let (sample, rest) = parse_prefix(text, files)?;
    if rest.is_empty() { Ok(sample) } else { Err(format!("a comma is missing before `{rest}`").into()) }
}

/// Reads a sample expression from the start of a text, and gives what follows it.
///
/// # Errors
/// What HAProxy refuses about it.
pub(in crate::haproxy) fn parse_prefix<'t>(text: &'t str, files: &mut dyn Files) -> Result<(Sample, &'t str), Flaw> {
    let (name, rest) = arguments::keyword(text);
    let known = known_fetch(name, files)?;
    let (arguments, rest) = arguments::read(name, rest, known.takes)?;
    refer(name, &arguments, known.takes, files);
    check_fetch(name, &arguments)?;
    let mut sample = Sample {
        fetch: fetch(name, &arguments),
        converters: Vec::new(),
        kind: known.kind,
        text: "".into(),
        session: known.session,
        request: known.request,
        response: known.response,
        logs: known.logs,
        backend: known.backend,
    };
    let rest = converters(&mut sample, rest, files)?;
    sample.text = text[..text.len() - rest.len()].into();
    Ok((sample, rest))
}

/// Reads the converters at the start of `rest`, which begin with a comma each.
pub(super) fn converters<'t>(sample: &mut Sample, rest: &'t str, files: &mut dyn Files) -> Result<&'t str, Flaw> {
    let mut rest = rest;
    while let Some(next) = rest.strip_prefix(',') {
        rest = next.trim_start_matches(',');
        if rest.is_empty() || rest.starts_with(']') {
            break;
        }
        let (name, after) = arguments::keyword(rest);
        let known = known_converter(name, files)?;
        if !sample.kind.casts_to(known.from) {
            return Err(format!("the converter `{name}` cannot be applied here").into());
        }
        let (arguments, after) = arguments::read(name, after, known.takes)?;
        refer(name, &arguments, known.takes, files);
        converter::check(name, &arguments)?;
        let converter = converter::read(name, &arguments, files);
        if let Converter::Map(map, _, kind) = &converter
            && let Some(key) = map.misfit(*kind)
        {
            return Err(format!("the entry `{key}` of `{}` is no number", arguments[0]).into());
        }
        sample.converters.push(converter);
        sample.kind = known.to;
        rest = after;
    }
    Ok(rest)
}

/// Whether a text names a variable: a scope, a dot and a name (src/vars.c, vars_hash_name).
pub(in crate::haproxy) fn is_variable(name: &str) -> bool {
    let scopes = ["proc.", "sess.", "txn.", "req.", "res.", "check."];
    let rest = scopes.iter().find_map(|scope| name.strip_prefix(scope)).unwrap_or("");
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
}

fn check_fetch(name: &str, arguments: &[String]) -> Result<(), String> {
    let first = arguments.first().map_or("", String::as_str);
    let occurrence = arguments.get(1).and_then(|number| number.parse::<i64>().ok()).unwrap_or(0);
    match name {
        "var" if !is_variable(first) => Err(format!("`{first}` is no name of a variable")),
        "bool" if !matches!(first.to_ascii_lowercase().as_str(), "true" | "false" | "0" | "1") => {
            Err(format!("`{first}` is neither `true` nor `false`"))
        }
        _ if name.contains("hdr") && occurrence < -10 => Err("an occurrence from the end is -1 to -10".to_owned()),
        _ => Ok(()),
    }
}

fn refer(name: &str, arguments: &[String], takes: Signature, files: &mut dyn Files) {
    // A section or a table that is not named is the own one; counters need no table.
    let implicit = arguments.is_empty() && !name.starts_with("sc");
    if let Some(to @ (Named::Backend | Named::Frontend | Named::Table)) = takes.kinds.bytes().next().and_then(Named::by_argument)
        && implicit
    {
        files.refer(to, "");
    }
    for (argument, kind) in arguments.iter().zip(takes.kinds.bytes()) {
        if let Some(to) = Named::by_argument(kind) {
            files.refer(to, argument);
        }
    }
}

fn header(arguments: &[String], whole: bool) -> Header {
    let name = arguments.first().filter(|name| !name.is_empty()).map(|name| name.to_ascii_lowercase().into());
    Header { name, occurrence: arguments.get(1).and_then(|number| number.parse().ok()).unwrap_or(0), whole }
}

fn fetch(name: &str, arguments: &[String]) -> Fetch {
    let first = || arguments.first().map_or("", String::as_str);
    let some = || arguments.first().filter(|name| !name.is_empty()).map(|name| Arc::<str>::from(name.as_str()));
    let lower = || some().map(|name| name.to_ascii_lowercase().into());
    match name {
        "method" => Fetch::Method,
        "capture.req.method" => Fetch::CapturedMethod,
        "capture.req.uri" => Fetch::CapturedUri,
        "path" => Fetch::Path,
        "pathq" => Fetch::PathAndQuery,
        "query" => Fetch::Query,
        "url" => Fetch::Url,
        "base" | "baseq" => Fetch::Base { query: name == "baseq" },
        "url_param" | "urlp" => {
            let delimiter = arguments.get(1).and_then(|sign| sign.chars().next()).unwrap_or('?');
            Fetch::Argument { name: some(), delimiter }
        }
        "urlp_val" => Fetch::ArgumentNumber(some()),
        "hdr" | "req.hdr" => Fetch::Header(header(arguments, false)),
        "req.fhdr" => Fetch::Header(header(arguments, true)),
        "hdr_cnt" | "req.hdr_cnt" => Fetch::HeaderCount(lower(), false),
        "req.fhdr_cnt" => Fetch::HeaderCount(lower(), true),
        "hdr_val" | "req.hdr_val" => Fetch::HeaderNumber(header(arguments, false)),
        "hdr_ip" | "req.hdr_ip" => Fetch::HeaderAddress(header(arguments, false)),
        "req.hdr_names" => Fetch::HeaderNames(some().unwrap_or_else(|| ",".into())),
        "cook" | "cookie" | "req.cook" => Fetch::Cookie(some()),
        "cook_cnt" | "req.cook_cnt" => Fetch::CookieCount(some()),
        "cook_val" | "req.cook_val" => Fetch::CookieNumber(first().into()),
        "capture.req.ver" => Fetch::CapturedVersion,
        "capture.req.hdr" => first().parse().map_or(Fetch::Unknown, Fetch::CapturedHeader),
        "req.ver" | "req_ver" => Fetch::Version,
        "var" => Fetch::Variable(first().into(), arguments.get(1).map(|default| default.as_str().into())),
        "str" => Fetch::Text(first().into()),
        "int" => Fetch::Number(first().parse().unwrap_or(0)),
        "bool" => Fetch::Truth(matches!(first().to_ascii_lowercase().as_str(), "true" | "1")),
        // The first request of its connection is what is looked at.
        "always_true" | "wait_end" | "http_first_req" => Fetch::Truth(true),
        "always_false" | "stopping" => Fetch::Truth(false),
        "ipv4" | "ipv6" => first().parse().map_or(Fetch::Unknown, Fetch::Constant),
        "meth" => Fetch::ConstantMethod(first().into()),
        "src" => Fetch::Client,
        "dst" => Fetch::Destination,
        "dst_port" => Fetch::DestinationPort,
        "src_is_local" => Fetch::ClientIsLocal,
        "dst_is_local" => Fetch::DestinationIsLocal,
        "ssl_fc" => Fetch::OverTls,
        "ssl_fc_has_sni" => Fetch::TlsTruth,
        "url_ip" | "url_port" => Fetch::OfAbsoluteTarget,
        "fc_http_major" => Fetch::MajorVersion,
        "fe_name" => Fetch::FrontendName,
        "be_name" => Fetch::BackendName,
        "fe_id" => Fetch::FrontendId,
        "be_id" => Fetch::BackendId,
        "so_id" => Fetch::SocketId,
        "so_name" => Fetch::SocketName,
        "nbsrv" => Fetch::ServersUp(some()),
        "srv_is_up" => Fetch::ServerIsUp(first().into()),
        "env" => Fetch::Environment(first().into()),
        "http_auth" => Fetch::Authenticated(first().into()),
        "http_auth_group" => Fetch::AuthenticatedGroup(first().into()),
        "http_auth_user" => Fetch::AuthUser,
        "http_auth_pass" => Fetch::AuthPassword,
        "http_auth_type" => Fetch::AuthType,
        "http_auth_bearer" if arguments.is_empty() => Fetch::AuthBearer,
        "req.proto_http" | "req_proto_http" => Fetch::IsHttp,
        "req.body" => Fetch::Body,
        "req.body_param" => Fetch::BodyParameter(some()),
        "req.body_len" | "req.body_size" => Fetch::BodyLength,
        "status" | "res.status" => Fetch::Status,
        _ if ["ssl_fc_", "ssl_c_", "ssl_f_"].iter().any(|start| name.starts_with(start)) => Fetch::OfTls,
        _ => Fetch::Unknown,
    }
}
