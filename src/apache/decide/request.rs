//! The request line and the headers (`ap_parse_request_line`, `ap_read_request` in `server/protocol.c`).

use super::super::select;
use super::super::site::Trace;
use super::url::{BadPath, Url, normalize};
use super::{End, Phase, Run};

/// Signs that a token may have (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    let is_sign = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
    !text.is_empty() && text.bytes().all(is_sign)
}

impl Run<'_, '_, '_> {
    /// `LimitRequestLine`.
    pub(super) const MAX_LINE: usize = 8190;

    pub(super) fn read_request(&mut self) -> Phase {
        let request = self.ask.request();
        self.server = select::first_server(self.site, &request.address, request.port);
        self.stack = self.defaults();
        let first = self.server;
        let options = self.site.inherited(first, |server| server.protocol.strict);
        if options.is_none_or(|strict| strict.value) {
            let tokens = self.ask.universe().matching(is_token);
            if !self.method_is(tokens) {
                return Err(End::Early(400));
            }
        }
        let request = self.ask.request();
        if request.target.len() + request.method.len() + 10 > Self::MAX_LINE {
            return Err(End::Early(414));
        }
        if request.version.starts_with('0') {
            return Err(End::Early(400));
        }
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
            host = Some(&rest[..end]);
            raw = if rest[end..].starts_with('/') { &rest[end..] } else { "/" };
        } else {
            return Err(End::Early(400));
        }
        let request = self.ask.request();
        if request.host.is_none() && request.version != "1.0" {
            return Err(End::Early(400));
        }
        let name = host.map(strip_port);
        if name.is_some_and(|name| name.bytes().any(|c| c <= b' ' || b"/?#\\@".contains(&c))) {
            return Err(End::Early(400));
        }
        let (server, known) = select::server(self.site, &request.address, request.port, name);
        let strict = self.site.inherited(server, |server| server.strict_host).unwrap_or(false);
        self.server = server;
        self.stack = self.defaults();
        if strict && !known && name.is_some() {
            return Err(End::Early(400));
        }
        let (raw, query) = raw.split_once('?').map_or((raw, None), |(raw, query)| (raw, Some(query.to_owned())));
        self.url = Url { path: raw.to_owned(), query, raw: raw.to_owned() };
        Ok(())
    }

    fn read_headers(&mut self) -> Phase {
        if let Some(coding) = self.ask.header("transfer-encoding") {
            let last = coding.rsplit(',').next().unwrap_or("").trim();
            if !last.eq_ignore_ascii_case("chunked") {
                return Err(End::Early(400));
            }
        }
        if let Some(length) = self.ask.header("content-length")
            && (length.is_empty() || !length.bytes().all(|c| c.is_ascii_digit()))
        {
            return Err(End::Early(400));
        }
        if self.ask.header("expect").is_some_and(|expect| !expect.eq_ignore_ascii_case("100-continue")) {
            return Err(End::Early(417));
        }
        Ok(())
    }

    /// The path as sections and rules see it.
    pub(super) fn unescape(&mut self) -> Phase {
        if self.url.raw == "*" {
            return Ok(());
        }
        let keep = self.innermost(|config| config.rest.as_ref()?.encoded_slashes).unwrap_or(false);
        match normalize(&self.url.raw, keep) {
            Ok(path) => self.url.path = path,
            Err(BadPath::EncodedSlash) => return Err(End::Status(404)),
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
        let length = self.ask.header("content-length").is_some_and(|length| &*length != "0");
        length || self.ask.header("transfer-encoding").is_some()
    }
}

fn strip_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|c| c.is_ascii_digit()) => name,
        _ => host.strip_suffix(':').unwrap_or(host),
    }
}
