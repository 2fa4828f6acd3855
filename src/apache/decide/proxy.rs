//! Sending a request on (`proxy_handler` in `modules/proxy/mod_proxy.c`).

use std::sync::Arc;

use super::super::site::Trace;
use super::super::site::proxy::scheme;
use super::super::site::section::EncodedSlashes;
use super::url::encode_path;
use super::{End, Phase, Run};

/// The schemes, the module that serves each, and its port.
const SCHEMES: &[(&str, &str, u16)] = &[
    ("http", "proxy_http", 80),
    ("https", "proxy_http", 443),
    ("ajp", "proxy_ajp", 8009),
    ("fcgi", "proxy_fcgi", 8000),
    ("scgi", "proxy_scgi", 4000),
    ("uwsgi", "proxy_uwsgi", 3031),
    ("ws", "proxy_wstunnel", 80),
    ("wss", "proxy_wstunnel", 443),
    ("h2c", "proxy_http2", 80),
    ("h2", "proxy_http2", 443),
    ("ftp", "proxy_ftp", 21),
];

impl Run<'_, '_, '_> {
    pub(super) fn proxy_handler(&mut self) -> Phase {
        let url = self.mapping.proxied.clone().unwrap_or_default();
        self.max_forwards()?;
        let trace_method = self.ask.universe().only("TRACE");
        if self.method_is(trace_method)
            && let (Trace::Off, Some(span)) = self.trace()
        {
            return self.decided("handler", "TraceEnable", span, "refuses TRACE", End::Status(405));
        }
        let connect = self.ask.universe().only("CONNECT");
        if self.site.inherited(self.server, |server| server.proxy_requests).is_some_and(|on| on.value)
            && !self.ask.request().target.starts_with('/')
            && self.method_is(connect)
        {
            return self.connect(&url);
        }
        let Some(kind) = scheme(&url) else { return Err(End::Status(400)) };
        if kind.eq_ignore_ascii_case("balancer") {
            let member = self.balance(&url)?;
            return self.forward(&member);
        }
        self.forward(&url)
    }

    fn max_forwards(&mut self) -> Phase {
        let Some(hops) = self.header("max-forwards") else { return Ok(()) };
        match hops.trim().parse::<i64>() {
            Ok(1..) => Ok(()),
            Ok(0) => {
                let universe = self.ask.universe();
                let answers = universe.set(["TRACE", "OPTIONS"]);
                let trace = universe.only("TRACE");
                if self.method_is(trace)
                    && let (Trace::Off, Some(span)) = self.trace()
                {
                    return self.decided("handler", "TraceEnable", span, "refuses TRACE", End::Status(405));
                }
                Err(End::Status(if self.method_is(answers) { 200 } else { 400 }))
            }
            _ => Err(End::Status(400)),
        }
    }

    /// `CONNECT host:port` to a port of `AllowCONNECT`.
    fn connect(&mut self, target: &str) -> Phase {
        if !self.has("proxy_connect") {
            return Err(End::Status(500));
        }
        let port = target.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok()).unwrap_or(0);
        let allowed = self.site.inherited(self.server, |server| server.connect_ports.as_ref());
        if !allowed.map_or(matches!(port, 443 | 563), |ports| ports.contains(&port)) {
            return Err(End::Status(403));
        }
        Err(End::Forward { to: target.into(), target: None })
    }

    /// The URL at one of a group's members.
    fn balance(&mut self, url: &str) -> Phase<String> {
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        let (name, path) = rest.find(['/', '?']).map_or((rest, ""), |end| rest.split_at(end));
        // A group that no line names has no worker at all.
        let Some(group) = self.site.balancers.get(&name.to_ascii_lowercase()) else { return Err(End::Status(500)) };
        let usable: Vec<_> = group.members.iter().filter(|member| !member.disabled).collect();
        let working: Vec<_> = usable.iter().copied().filter(|member| !member.standby).collect();
        let members = if working.is_empty() { usable } else { working };
        let member = match &members[..] {
            [] => return Err(End::Status(503)),
            [only] => only,
            several => {
                let options: Vec<Arc<str>> =
                    several.iter().map(|member| format!("the member {} is chosen", member.url).into()).collect();
                several[self.ask.choose(&format!("balancer {name}"), &options)]
            }
        };
        Ok(format!("{}{path}", member.url))
    }

    fn forward(&mut self, url: &str) -> Phase {
        let (socket, url) = match url.strip_prefix("unix:").and_then(|rest| rest.split_once('|')) {
            Some((socket, url)) => (Some(socket), url),
            None => (None, url),
        };
        let Some((kind, rest)) = url.split_once(':') else { return Err(End::Status(400)) };
        let kind = kind.to_ascii_lowercase();
        let Some((_, module, port)) = SCHEMES.iter().find(|(known, ..)| *known == kind) else { return Err(End::Status(500)) };
        let websocket = *module == "proxy_wstunnel";
        let served = self.has(module) || (websocket && self.has("proxy_http"));
        if !served {
            return Err(End::Status(500));
        }
        if websocket && !self.has("proxy_http") && self.header("upgrade").is_none() {
            return self.not_an_upgrade();
        }
        if matches!(kind.as_str(), "https" | "wss" | "h2") && !self.speaks_tls() {
            return Err(End::Status(500));
        }
        let get = self.ask.universe().only("GET");
        if kind == "ftp" && !self.method_is(get) {
            return Err(End::Status(501));
        }
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (host, path) = rest.find(['/', '?']).map_or((rest, ""), |end| rest.split_at(end));
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let (name, port) = match host.rsplit_once(':') {
            Some((name, written)) if !written.ends_with(']') => match written.parse::<u16>() {
                Ok(port) => (name, port),
                Err(_) if written.is_empty() => (name, *port),
                // A missing slash in `ProxyPass` ends here.
                Err(_) => return Err(End::Status(500)),
            },
            _ => (host, *port),
        };
        self.check_coding(&kind)?;
        let to: Arc<str> = match socket {
            Some(socket) => format!("unix:{socket}|{kind}://{host}").into(),
            None => format!("{kind}://{name}:{port}").into(),
        };
        if self.mapping.as_it_is && path.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(End::Status(403));
        }
        // FastCGI and its kin get the client's own target as REQUEST_URI.
        let target = match kind.as_str() {
            "fcgi" | "scgi" | "uwsgi" => Some(self.ask.request().target.as_str().into()),
            // AJP carries the query apart from the path.
            "ajp" => Some(encode_path(path.split('?').next().filter(|path| !path.is_empty()).unwrap_or("/")).into()),
            _ => Some(self.upstream_target(path)?.into()),
        };
        Err(End::Forward { to, target })
    }

    fn not_an_upgrade(&mut self) -> Phase {
        let universe = self.ask.universe();
        let (served, options) = (universe.set(["GET", "HEAD", "POST"]), universe.only("OPTIONS"));
        if self.method_is(options) {
            return Err(End::Status(200));
        }
        if self.method_is(self.site.registry.unregistered) {
            return Err(End::Status(501));
        }
        Err(End::Status(if self.method_is(served) { 404 } else { 405 }))
    }

    fn speaks_tls(&self) -> bool {
        self.has("ssl")
            && (!self.site.config.modules.are_known()
                || self.site.inherited(self.server, |server| server.ssl_proxy).is_some_and(|on| on.value))
    }

    /// Only FastCGI takes a body whose coding is more than `chunked`.
    fn check_coding(&mut self, kind: &str) -> Phase {
        match self.header("transfer-encoding") {
            Some(coding) if kind != "fcgi" && !coding.trim().eq_ignore_ascii_case("chunked") => Err(End::Status(500)),
            _ => Ok(()),
        }
    }

    /// The path and query that the upstream sees (`proxy_http_canon`).
    fn upstream_target(&self, path: &str) -> Phase<String> {
        let slash = if path.starts_with('/') { "" } else { "/" };
        if self.mapping.as_it_is {
            return Ok(format!("{slash}{path}"));
        }
        let kept = self.innermost(|config| config.rest.as_ref()?.encoded_slashes) == Some(EncodedSlashes::Kept);
        let path = if kept { encode_kept(path).ok_or(End::Status(400))? } else { encode_path(path) };
        let path = format!("{slash}{path}");
        Ok(match self.mapping.url.query.as_deref() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        })
    }
}

/// Encodes a path in which escaped slashes stay as they are; a percent sign that begins no escape is a mistake then
/// (`PROXY_CANONENC_NOENCODEDSLASHENCODING` in `ap_proxy_canonenc_ex`).
fn encode_kept(path: &str) -> Option<String> {
    let is_escape = |after: &str| after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    let are_escapes = path.split('%').skip(1).all(is_escape);
    are_escapes.then(|| encode_path(path).replace("%252f", "%2f").replace("%252F", "%2F"))
}

#[cfg(test)]
mod tests {
    use super::encode_kept;

    #[test]
    fn escaped_slashes_are_kept_and_other_percent_signs_escaped() {
        assert_eq!(encode_kept("/a b").as_deref(), Some("/a%20b"));
        assert_eq!(encode_kept("/a%2fb%2F%41").as_deref(), Some("/a%2fb%2F%2541"));
        assert_eq!(encode_kept("/a%b"), None);
        assert_eq!(encode_kept("/a%%41"), None);
    }
}
