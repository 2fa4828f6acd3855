//! The request line and the headers (`ap_parse_request_line`, `ap_read_request` in `server/protocol.c`).

use super::super::select;
use super::super::site::section::EncodedSlashes;
use super::super::site::{Server, Trace};
use super::url::{BadPath, Url, normalize};
use super::{End, Phase, Run};

impl Run<'_, '_, '_> {
    /// `LimitRequestLine`.
    pub(super) const MAX_LINE: usize = 8190;

    pub(super) fn read_request(&mut self) -> Phase {
        let request = self.ask.request();
        self.server = select::first_server(self.site, &request.address, request.port);
        self.mapping.stack = self.defaults();
        let first = self.server;
        let options = self.site.inherited(first, |server| server.protocol.strict);
        if options.is_none_or(|strict| strict.value) && !self.method_is(self.site.registry.tokens) {
            return Err(End::Early(400));
        }
        let request = self.ask.request();
        let longest = self.site.inherited(first, |server| server.limits.line).unwrap_or(Self::MAX_LINE);
        if request.target.len() + request.method.len() + 10 > longest {
            return Err(End::Early(414));
        }
        let is_version = matches!(request.version.as_bytes(), [b'1'..=b'9', b'.', minor] if minor.is_ascii_digit());
        if !is_version || request.target.contains('#') {
            return Err(End::Early(400));
        }
        self.check_sizes(first)?;
        if let Some(only) = self.site.inherited(first, |server| server.protocol.registered)
            && only.value
            && self.method_is(self.site.registry.unregistered)
        {
            let note = "refuses methods that are not registered";
            return self.decided("request line", "HttpProtocolOptions", only.span, note, End::Early(501));
        }
        self.read_target()?;
        self.read_headers()
    }

    /// `LimitRequestFieldSize` and `LimitRequestFields`.
    fn check_sizes(&mut self, server: &Server) -> Phase {
        let request = self.ask.request();
        let longest = self.site.inherited(server, |server| server.limits.field).unwrap_or(Self::MAX_LINE);
        let most = self.site.inherited(server, |server| server.limits.fields).unwrap_or(100);
        let is_long = |(name, value): &(String, String)| name.len() + value.len() + 2 > longest;
        let count = request.headers.len() + usize::from(request.host.is_some());
        if request.headers.iter().any(is_long) || (most > 0 && count > most) {
            return Err(End::Early(400));
        }
        Ok(())
    }

    /// The target names the host, or the Host header does.
    fn read_target(&mut self) -> Phase {
        let request = self.ask.request();
        let target = request.target.as_str();
        let connect = self.ask.universe().only("CONNECT");
        let mut host = request.host.as_deref();
        let mut raw = target;
        if target.starts_with('/') || target == "*" {
            if self.method_is(connect) {
                return Err(End::Early(400));
            }
        } else if self.method_is(connect) {
            let Some((name, port)) = target.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()) else {
                return Err(End::Early(400));
            };
            (host, raw) = (Some(name), "/");
            _ = port;
        } else if let Some((_, rest)) = target.split_once("://") {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let scheme = target.split_once("://").map_or("", |(scheme, _)| scheme);
            let own_scheme = scheme.eq_ignore_ascii_case(&request.scheme);
            let forwards = self.site.inherited(self.server, |server| server.proxy_requests).is_some_and(|on| on.value);
            if !own_scheme && !scheme.eq_ignore_ascii_case("https") && !forwards {
                return Err(End::Early(400));
            }
            // A URL of another scheme leaves the host to the header.
            if own_scheme {
                host = Some(&rest[..end]);
            }
            let options = self.ask.universe().only("OPTIONS");
            raw = match &rest[end..] {
                "" if self.method_is(options) => "*",
                "" => "/",
                rest => rest,
            };
        } else {
            return Err(End::Early(400));
        }
        let request = self.ask.request();
        if request.host.is_none() && request.version != "1.0" {
            return Err(End::Early(400));
        }
        let name = host.map(strip_port);
        let is_strict = self.site.inherited(self.server, |server| server.protocol.strict).is_none_or(|strict| strict.value);
        if name.is_some_and(|name| !is_host(name, is_strict)) {
            return Err(End::Early(400));
        }
        let (server, known) = select::server(self.site, &request.address, request.port, name);
        let strict = self.site.inherited(server, |server| server.strict_host).unwrap_or(false);
        let by_path = match name {
            None => select::server_by_path(self.site, &request.address, request.port, raw),
            Some(_) => None,
        };
        self.server = by_path.unwrap_or(server);
        self.mapping.stack = self.defaults();
        if strict && !known && name.is_some() {
            return Err(End::Early(400));
        }
        let (raw, query) = raw.split_once('?').map_or((raw, None), |(raw, query)| (raw, Some(query.to_owned())));
        let raw = if raw.is_empty() { "/" } else { raw };
        self.mapping.url = Url { path: raw.to_owned(), query, raw: raw.to_owned() };
        Ok(())
    }

    fn read_headers(&mut self) -> Phase {
        if let Some(coding) = self.header("transfer-encoding") {
            let last = coding.rsplit(',').next().unwrap_or("").trim();
            if !last.eq_ignore_ascii_case("chunked") {
                return Err(End::Early(400));
            }
        }
        if let Some(length) = self.header("content-length")
            && (length.is_empty() || !length.bytes().all(|c| c.is_ascii_digit()))
        {
            return Err(End::Early(400));
        }
        if self.header("expect").is_some_and(|expect| !expect.eq_ignore_ascii_case("100-continue")) {
            return Err(End::Early(417));
        }
        Ok(())
    }

    /// The path as sections and rules see it.
    pub(super) fn unescape(&mut self) -> Phase {
        if self.mapping.url.raw == "*" {
            return Ok(());
        }
        let slashes = self.innermost(|config| config.rest.as_ref()?.encoded_slashes).unwrap_or(EncodedSlashes::Refused);
        let merge = self.site.inherited(self.server, |server| server.merge_slashes).unwrap_or(true);
        match normalize(&self.mapping.url.raw, slashes, merge) {
            Ok(path) => self.mapping.url.path = path,
            Err(BadPath::EncodedSlash | BadPath::Zero) => return Err(End::Status(404)),
            Err(BadPath::BadEscape | BadPath::AboveRoot) => return Err(End::Status(400)),
        }
        Ok(())
    }

    /// `TraceEnable` of this server.
    pub(super) fn trace(&self) -> (Trace, Option<crate::source::Span>) {
        match self.site.inherited(self.server, |server| server.trace) {
            Some(trace) => (trace.value, Some(trace.span)),
            None => (Trace::On, None),
        }
    }

    pub(super) fn has_body(&mut self) -> bool {
        let length = self.header("content-length").is_some_and(|length| &*length != "0");
        length || self.header("transfer-encoding").is_some()
    }
}

/// What httpd takes for the name of a host (`fix_hostname_non_v6`, `strict_hostname_check` in `server/vhost.c`).
fn is_host(name: &str, strict: bool) -> bool {
    if name.is_empty() || name.contains("..") || name.bytes().any(|c| c <= b' ' || b"/?#\\@".contains(&c)) {
        return false;
    }
    if name.starts_with('[') || !strict {
        return true;
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    if !name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c)) {
        return false;
    }
    if name.bytes().all(|c| c.is_ascii_digit() || c == b'.') {
        let leading_zero = |part: &str| part.len() > 1 && part.starts_with('0');
        return name.matches('.').count() == 3 && !name.starts_with('.') && !name.split('.').any(leading_zero);
    }
    name.rsplit_once('.').is_none_or(|(_, top)| top.starts_with(|c: char| c.is_ascii_alphabetic()) || top.is_empty())
}

/// The name without its port; a port that is none stays.
pub(super) fn strip_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    }
}
