//! The variables of a config, and where each gets its value.

use std::collections::HashMap;
use std::sync::Arc;

use super::map::{Geo, Map, Split};
use crate::pattern::Pattern;
use crate::source::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct VarId(pub u32);

/// What makes the value of a variable that no `set` has assigned.
#[derive(Clone, Debug)]
pub(in super::super) enum Definition {
    /// Nothing: the name is only used, or only assigned by `set`.
    None,
    Builtin(Builtin),
    Header(Arc<str>),
    Argument(Arc<str>),
    Cookie(Arc<str>),
    Map(Arc<Map>),
    Geo(Arc<Geo>),
    Split(Arc<Split>),
    /// A named group of a regex.
    Group,
    /// Set by a module, from what the config cannot tell.
    Opaque,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Builtin {
    RequestMethod,
    Uri,
    RequestUri,
    Args,
    IsArgs,
    Host,
    Scheme,
    Https,
    ServerPort,
    ServerAddr,
    ServerName,
    ServerProtocol,
    RemoteAddr,
    RemoteUser,
    Request,
    DocumentRoot,
    RequestFilename,
    ContentLength,
    ProxyHost,
    ForwardedFor,
    InvalidReferer,
    SecureLink,
    SecureLinkExpires,
    ScriptName,
    PathInfo,
    /// Empty for an ordinary request over plain HTTP.
    Empty,
    /// Known only at run time: time, connection numbers, upstream answers.
    Runtime,
}

#[derive(Debug)]
pub(in super::super) struct Variable {
    pub name: Arc<str>,
    pub definition: Definition,
    /// The first place that reads it.
    pub used: Option<Span>,
    /// The first place that names it for something else than what becomes of a request, such as a log.
    pub mentioned: Option<Span>,
    /// Whether a `set` or another directive assigns it.
    pub assigned: bool,
}

#[derive(Debug, Default)]
pub(in super::super) struct Variables {
    ids: HashMap<Box<str>, VarId>,
    list: Vec<Variable>,
    /// The variables that the named groups of a regex set.
    groups: HashMap<Box<str>, Vec<(Box<str>, VarId)>>,
    /// Whether anything reads `$1` or another numbered group.
    pub reads_groups: bool,
    /// Values with a `$` that no name follows.
    pub nameless: Vec<Span>,
}

impl Variables {
    pub(in super::super) fn get(&self, id: VarId) -> &Variable {
        &self.list[id.0 as usize]
    }

    pub(in super::super) fn iter(&self) -> impl Iterator<Item = &Variable> {
        self.list.iter()
    }

    /// Names are case-insensitive (`ngx_http_add_variable` lower-cases them).
    pub(in super::super) fn id(&mut self, name: &str) -> VarId {
        let name = name.to_ascii_lowercase();
        if let Some(id) = self.ids.get(&*name) {
            return *id;
        }
        let id = VarId(self.list.len() as u32);
        let definition = predefined(&name);
        self.list.push(Variable { name: name.as_str().into(), definition, used: None, mentioned: None, assigned: false });
        self.ids.insert(name.into(), id);
        id
    }

    pub(super) fn usage(&mut self, name: &str, span: Span) -> VarId {
        let id = self.id(name);
        self.list[id.0 as usize].used.get_or_insert(span);
        id
    }

    pub(super) fn mention(&mut self, name: &str, span: Span) {
        let id = self.id(name);
        self.list[id.0 as usize].mentioned.get_or_insert(span);
    }

    /// Gives a variable its definition; the later one wins, as in nginx.
    pub(super) fn define(&mut self, name: &str, definition: Definition) -> VarId {
        let id = self.id(name);
        self.list[id.0 as usize].definition = definition;
        id
    }

    pub(super) fn assign(&mut self, name: &str) -> VarId {
        let id = self.id(name);
        self.list[id.0 as usize].assigned = true;
        id
    }

    /// The variables that a match of the regex sets, by the names of its groups.
    pub(in super::super) fn groups_of(&self, pattern: &Pattern) -> &[(Box<str>, VarId)] {
        self.groups.get(pattern.source()).map_or(&[], |groups| groups)
    }

    /// A regex with a named group makes the variable known, but leaves a map of that name alone.
    pub(super) fn group(&mut self, source: &str, name: &str) {
        let id = self.id(name);
        let groups = self.groups.entry(source.into()).or_default();
        if !groups.iter().any(|(known, _)| **known == *name) {
            groups.push((name.into(), id));
        }
        let variable = &mut self.list[id.0 as usize];
        variable.assigned = true;
        if matches!(variable.definition, Definition::None) {
            variable.definition = Definition::Group;
        }
    }
}

/// `ngx_http_core_variables` and those of the other stock modules.
fn predefined(name: &str) -> Definition {
    let builtin = match name {
        "request_method" => Builtin::RequestMethod,
        "uri" | "document_uri" => Builtin::Uri,
        "request_uri" => Builtin::RequestUri,
        "args" | "query_string" => Builtin::Args,
        "is_args" => Builtin::IsArgs,
        "host" => Builtin::Host,
        "scheme" => Builtin::Scheme,
        "server_port" => Builtin::ServerPort,
        "server_addr" => Builtin::ServerAddr,
        "server_name" => Builtin::ServerName,
        "server_protocol" => Builtin::ServerProtocol,
        "remote_addr" | "binary_remote_addr" | "realip_remote_addr" => Builtin::RemoteAddr,
        "remote_user" => Builtin::RemoteUser,
        "request" => Builtin::Request,
        "document_root" | "realpath_root" => Builtin::DocumentRoot,
        "request_filename" => Builtin::RequestFilename,
        "content_length" => Builtin::ContentLength,
        "content_type" => return Definition::Header("content-type".into()),
        "proxy_host" => Builtin::ProxyHost,
        "invalid_referer" => Builtin::InvalidReferer,
        "secure_link" => Builtin::SecureLink,
        "secure_link_expires" => Builtin::SecureLinkExpires,
        "fastcgi_script_name" => Builtin::ScriptName,
        "fastcgi_path_info" => Builtin::PathInfo,
        "proxy_add_x_forwarded_for" => Builtin::ForwardedFor,
        "https" => Builtin::Https,
        "http2"
        | "http3"
        | "server_push"
        | "request_body"
        | "request_body_file"
        | "uid_got"
        | "gzip_ratio"
        | "slice_range"
        | "http_via"
        | "proxy_protocol_addr"
        | "proxy_protocol_port" => Builtin::Empty,
        "remote_port"
        | "request_completion"
        | "status"
        | "body_bytes_sent"
        | "bytes_sent"
        | "connection"
        | "connection_requests"
        | "connection_time"
        | "hostname"
        | "nginx_version"
        | "pid"
        | "pipe"
        | "request_port"
        | "is_request_port"
        | "proxy_add_via"
        | "grpc_internal_trailers"
        | "msec"
        | "time_iso8601"
        | "time_local"
        | "request_id"
        | "request_length"
        | "request_time"
        | "limit_rate"
        | "tcpinfo_rtt"
        | "tcpinfo_rttvar"
        | "tcpinfo_snd_cwnd"
        | "tcpinfo_rcv_space"
        | "realip_remote_port"
        | "limit_req_status"
        | "limit_conn_status"
        | "uid_set"
        | "uid_reset"
        | "ancient_browser"
        | "modern_browser"
        | "msie"
        | "proxy_port"
        | "connections_active"
        | "connections_reading"
        | "connections_writing"
        | "connections_waiting"
        | "date_gmt"
        | "date_local"
        | "content_range"
        | "protocol"
        | "proxy_internal_body_length"
        | "proxy_internal_chunked"
        | "http_user_info" => Builtin::Runtime,
        _ => return by_prefix(name),
    };
    Definition::Builtin(builtin)
}

fn by_prefix(name: &str) -> Definition {
    let dashed = |rest: &str| -> Arc<str> { rest.replace('_', "-").into() };
    if let Some(header) = name.strip_prefix("http_") {
        return Definition::Header(dashed(header));
    }
    if let Some(argument) = name.strip_prefix("arg_") {
        return Definition::Argument(argument.into());
    }
    if let Some(cookie) = name.strip_prefix("cookie_") {
        return Definition::Cookie(cookie.into());
    }
    let empty = ["upstream_", "sent_http_", "sent_trailer_", "trailer_", "proxy_protocol_", "ssl_"];
    if empty.iter().any(|prefix| name.starts_with(prefix)) {
        return Definition::Builtin(Builtin::Empty);
    }
    let opaque = ["geoip", "jwt_", "otel_", "opentracing_", "modsecurity", "brotli_", "zstd_", "session_log", "date_"];
    if opaque.iter().any(|prefix| name.starts_with(prefix)) { Definition::Opaque } else { Definition::None }
}
