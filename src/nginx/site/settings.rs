//! The directives whose value is inherited, as far as they bear on what becomes of a request.

use std::sync::Arc;

use super::access::{AccessRule, Network};
use super::lua::Effect;
use super::referers::Referers;
use super::security::Rules;
use super::text::Text;
use crate::http::MethodSet;
use crate::pattern::Pattern;
use crate::source::Span;

/// Picks the settings of one kind.
macro_rules! pick {
    ($kind:ident) => {
        |setting| match setting {
            $crate::nginx::site::Setting::$kind(value) => Some(value),
            _ => None,
        }
    };
}

pub(in crate::nginx) use pick;

#[derive(Debug)]
pub(in super::super) enum Setting {
    Flag(Flag, bool),
    ErrorPages(Vec<ErrorPage>),
    Access(Vec<AccessRule>),
    AuthBasic(Text),
    AuthFile(Text),
    /// A URI, which holds no variables; `None` for `off`.
    AuthRequest(Option<Text>),
    ProxyMethod(Text),
    /// The zone; `off` is a zone's name like any other here.
    ProxyCache(Text),
    Params(PassKind, Vec<Param>),
    /// An include whose file is not here.
    Unread,
    Root(Root),
    Index(Vec<Text>),
    DavMethods(MethodSet),
    DavExtMethods(MethodSet),
    MinDeleteDepth(usize),
    BodyLimit(u64),
    Mirror(Vec<Text>),
    Limits(Vec<Limit>),
    LimitStatus(LimitKind, u16),
    /// Code that runs in a phase of its own.
    Code(Code),
    /// `fastcgi_split_path_info`
    SplitPath(Arc<Pattern>),
    /// `fastcgi_index`
    ScriptIndex(Arc<str>),
    RealIpFrom(Vec<Network>),
    RealIpHeader(Box<str>),
    Referers(Referers),
    /// `secure_link`
    Link(Text),
    /// `secure_link_md5`
    LinkHash(Text),
    /// `secure_link_secret`
    LinkSecret(Arc<str>),
    InputHeaders(Vec<HeaderChange>),
    Security(Rules),
    /// The first `add_header` of a level that speaks of CORS.
    CorsHeader,
    /// Any other `add_header`: a level with its own inherits none.
    OtherHeader,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Flag {
    SatisfyAny,
    ConvertHead,
    Intercept(PassKind),
    RecursiveErrorPages,
    Autoindex,
    FancyIndex,
    GzipStatic,
    RandomIndex,
    /// `gzip_static always`: for clients that do not take it as well.
    GzipAlways,
    CreateFullPutPath,
    MirrorRequestBody,
    BodyInFileOnly,
    DavLocks,
    UnderscoresInHeaders,
    IgnoreInvalidHeaders,
    RealIpRecursive,
    ModSecurity,
}

/// Code of another module, with what can be read of it.
#[derive(Debug)]
pub(in super::super) struct Code {
    pub phase: CodePhase,
    pub directive: Box<str>,
    pub effects: Vec<Effect>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum CodePhase {
    Rewrite,
    Access,
    Precontent,
}

/// A parameter of the CGI protocols that tells about the request.
#[derive(Debug)]
pub(in super::super) struct Param {
    pub name: Box<str>,
    pub value: Text,
    /// `if_not_empty`
    pub skips_empty: bool,
}

/// A header of the request that a directive sets; an empty value takes it away.
#[derive(Debug)]
pub(in super::super) struct HeaderChange {
    /// In lower case.
    pub name: Arc<str>,
    pub value: Text,
    /// Whether it changes a header that the client sent alone.
    pub only_existing: bool,
}

#[derive(Debug)]
pub(in super::super) struct Root {
    pub path: Text,
    /// For `alias`: how much of the URI its path stands for; all of it in a regex location.
    pub alias: Option<Option<usize>>,
}

#[derive(Debug)]
pub(in super::super) struct ErrorPage {
    pub codes: Vec<u16>,
    pub status: ErrorStatus,
    pub target: Text,
    pub span: Span,
}

/// The `=` of an `error_page`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum ErrorStatus {
    /// Without it the original code stays.
    Keep,
    /// `=`: the code of what answers instead.
    Take,
    /// `=200`
    Fixed(u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum LimitKind {
    Requests,
    Connections,
}

#[derive(Debug)]
pub(in super::super) struct Limit {
    pub kind: LimitKind,
    pub zone: Box<str>,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum PassKind {
    Proxy,
    FastCgi,
    Uwsgi,
    Scgi,
    Grpc,
    Memcached,
}

/// A `*_pass` directive.
#[derive(Debug)]
pub(in super::super) struct Pass {
    pub kind: PassKind,
    pub url: Text,
    /// Its parts, where the URL holds no variable.
    pub fixed: Option<Destination>,
    /// The location's name, which the URI part of `proxy_pass` replaces.
    pub replaced: Arc<str>,
    pub span: Span,
}

/// Where a request goes: `http://host:8080/uri`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Destination {
    pub scheme: &'static str,
    /// Host and port as written: the name of an `upstream` block, perhaps.
    pub authority: Arc<str>,
    pub uri: Arc<str>,
}

impl PassKind {
    pub(in super::super) fn directive(self) -> &'static str {
        match self {
            PassKind::Proxy => "proxy_pass",
            PassKind::FastCgi => "fastcgi_pass",
            PassKind::Uwsgi => "uwsgi_pass",
            PassKind::Scgi => "scgi_pass",
            PassKind::Grpc => "grpc_pass",
            PassKind::Memcached => "memcached_pass",
        }
    }

    fn scheme(self) -> &'static str {
        match self {
            PassKind::Proxy => "http",
            PassKind::FastCgi => "fastcgi",
            PassKind::Uwsgi => "uwsgi",
            PassKind::Scgi => "scgi",
            PassKind::Grpc => "grpc",
            PassKind::Memcached => "memcached",
        }
    }
}

impl Destination {
    /// `None` where nginx would find no scheme that it knows.
    pub(in super::super) fn parse(kind: PassKind, url: &str) -> Option<Self> {
        let lower = url.get(..8).unwrap_or(url).to_ascii_lowercase();
        let (scheme, rest) = match kind {
            PassKind::Proxy if lower.starts_with("http://") => ("http", &url[7..]),
            PassKind::Proxy if lower.starts_with("https://") => ("https", &url[8..]),
            PassKind::Proxy => return None,
            PassKind::Grpc if lower.starts_with("grpcs://") => ("grpcs", &url[8..]),
            PassKind::Grpc if lower.starts_with("grpc://") => ("grpc", &url[7..]),
            PassKind::Uwsgi if lower.starts_with("uwsgi://") => ("uwsgi", &url[8..]),
            _ => (kind.scheme(), url),
        };
        if let Some(path) = rest.strip_prefix("unix:") {
            let (socket, uri) = path.split_once(':').unwrap_or((path, ""));
            return Some(Destination { scheme, authority: format!("unix:{socket}").into(), uri: uri.into() });
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        Some(Destination { scheme, authority: rest[..end].into(), uri: rest[end..].into() })
    }

    /// `scheme://host:port` of one server of the destination.
    pub(in super::super) fn address(&self, server: &str) -> Arc<str> {
        let port = match self.scheme {
            "http" | "grpc" => Some(80),
            "https" | "grpcs" => Some(443),
            _ => None,
        };
        let bare = server.rsplit(']').next().unwrap_or(server);
        match port {
            Some(port) if !bare.contains(':') && !server.starts_with("unix:") => {
                format!("{}://{server}:{port}", self.scheme).into()
            }
            _ => format!("{}://{server}", self.scheme).into(),
        }
    }
}
