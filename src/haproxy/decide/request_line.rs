//! What HAProxy refuses about a request before any rule sees it (src/h1.c, src/h1_htx.c, src/mux_h1.c).

use super::transaction::Transaction;
use crate::ask::Ask;
use crate::haproxy::site::resolve::is_token;
use crate::http::{MethodSet, Request, Universe};
use crate::server::Release;

/// The methods that the checks tell apart.
#[derive(Debug)]
pub(in crate::haproxy) struct SpecialMethods {
    /// Tokens that are none.
    invalid: MethodSet,
    connect: MethodSet,
    /// The methods that an asterisk is for: OPTIONS and those that HAProxy does not know.
    asterisk: MethodSet,
    /// The methods whose body HTTP/1.0 clients may not mean.
    bodiless: MethodSet,
    pub(super) preface: MethodSet,
    pub(super) stats: MethodSet,
    pub(super) post: MethodSet,
}

impl SpecialMethods {
    pub(in crate::haproxy) fn new(universe: &Universe) -> Self {
        let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT"];
        SpecialMethods {
            invalid: universe.matching(|name| !is_method(name)),
            connect: universe.only("CONNECT"),
            asterisk: universe.matching(|name| !known.contains(&name)),
            bodiless: universe.set(["GET", "HEAD", "DELETE"]),
            preface: universe.matching(|name| name.eq_ignore_ascii_case("PRI")),
            stats: universe.set(["GET", "HEAD", "POST"]),
            post: universe.only("POST"),
        }
    }
}

fn is_method(name: &str) -> bool {
    name.split_at_checked(32).map_or(is_token(name), |(start, rest)| {
        is_token(start) && rest.bytes().all(|byte| is_token(char::from(byte).encode_utf8(&mut [0; 4])))
    })
}

impl Transaction<'_> {
    /// The status of a request that the parser refuses.
    pub(super) fn malformed(&self, ask: &mut Ask<'_>) -> Option<u16> {
        let config = self.config;
        let special = &config.special;
        let request = ask.request();
        let lax = self.frontend.settings.accept_invalid;
        if ask.method_is(special.invalid) || has_bad_sign(&request.target, lax, config.release) {
            return Some(400);
        }
        // The option lets every form of target through, and hosts that contradict it.
        let modern = config.release >= Release(2, 4, 1) && !lax;
        let target = request.target.as_str();
        if modern && ask.method_is(special.connect) {
            if !is_authority(target) || !is_same_authority(target, request.host.as_deref(), None) {
                return Some(400);
            }
        } else if modern && target == "*" {
            if config.release >= Release(3, 0, 0) && !ask.method_is(special.asterisk) {
                return Some(400);
            }
        } else if modern && !target.starts_with('/') {
            let Some((scheme, rest)) = target.split_once("://") else { return Some(400) };
            let authority = rest.split(['/', '?']).next().unwrap_or(rest);
            if request.host.is_some() && !is_same_authority(authority, request.host.as_deref(), Some(scheme)) {
                return Some(400);
            }
        }
        self.bad_body(ask).or_else(|| bad_upgrade(ask.request(), config.release))
    }

    fn bad_body(&self, ask: &mut Ask<'_>) -> Option<u16> {
        let release = self.config.release;
        let request = ask.request();
        let chunked = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("transfer-encoding"));
        let codings: Vec<&str> =
            chunked.flat_map(|(_, value)| value.split(',')).map(str::trim).filter(|coding| !coding.is_empty()).collect();
        match codings.split_last() {
            None => {}
            Some((last, _)) if !last.eq_ignore_ascii_case("chunked") => return Some(400),
            Some((_, [])) => {}
            Some(_) => return Some(if release >= Release(2, 5, 0) { 422 } else { 400 }),
        }
        let length = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        if let Some((_, value)) = length
            && !value
                .trim()
                .split(',')
                .all(|part| !part.trim().is_empty() && part.trim().bytes().all(|byte| byte.is_ascii_digit()))
        {
            return Some(400);
        }
        let has_body = !codings.is_empty() || length.map_or(!request.body.is_empty(), |(_, value)| value.trim() != "0");
        let strict = release >= Release(2, 5, 0) && !self.config.global.any_method_with_body;
        if has_body && request.version == "1.0" && strict && ask.method_is(self.config.special.bodiless) {
            return Some(413);
        }
        None
    }
}

/// Control bytes, blanks and, since their fix, number signs.
fn has_bad_sign(target: &str, lax: bool, release: Release) -> bool {
    let fragment = release.2 > 0 || release >= Release(3, 0, 0);
    target.bytes().any(|byte| match byte {
        0..=32 | 127 => true,
        b'#' => fragment && !lax,
        128.. => !lax,
        _ => false,
    })
}

/// `host:port`
fn is_authority(target: &str) -> bool {
    target
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether the Host header names the authority of the target; a scheme's usual port may be left out.
fn is_same_authority(authority: &str, host: Option<&str>, scheme: Option<&str>) -> bool {
    let Some(host) = host else { return false };
    let default = match scheme {
        Some("https") => "443",
        _ => "80",
    };
    let normal = |text: &str| -> (String, String) {
        let text = text.rsplit('@').next().unwrap_or(text).to_ascii_lowercase();
        match text.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                (host.to_owned(), if port.is_empty() { default.to_owned() } else { port.to_owned() })
            }
            _ => (text, default.to_owned()),
        }
    };
    normal(authority) == normal(host)
}

/// A request for WebSocket needs a key (src/mux_h1.c, h1_search_websocket_key).
fn bad_upgrade(request: &Request, release: Release) -> Option<u16> {
    let has = |name: &str, token: &str| {
        let sent = request.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        sent.flat_map(|(_, value)| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
    };
    let websocket = has("upgrade", "websocket") && has("connection", "upgrade");
    let key = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"));
    (release >= Release(2, 4, 0) && websocket && !key).then_some(400)
}
