//! What HAProxy refuses about a request before any rule sees it (src/h1.c, src/h1_htx.c, src/mux_h1.c).

use super::target::{self, Target};
use super::transaction::Transaction;
use crate::ask::Ask;
use crate::http::{MethodSet, Request, Universe, is_token};
use crate::server::Release;

/// The methods that the checks tell apart.
#[derive(Debug)]
pub(in crate::haproxy) struct SpecialMethods {
    /// Tokens that are none.
    invalid: MethodSet,
    pub(super) connect: MethodSet,
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
            invalid: universe.matching(|name| !is_token(name)),
            connect: universe.only("CONNECT"),
            asterisk: universe.matching(|name| !known.contains(&name)),
            bodiless: universe.set(["GET", "HEAD", "DELETE"]),
            preface: universe.matching(|name| name.eq_ignore_ascii_case("PRI")),
            stats: universe.set(["GET", "HEAD", "POST"]),
            post: universe.only("POST"),
        }
    }
}

impl Transaction<'_> {
    /// The status of a request that the parser refuses.
    pub(super) fn malformed(&self, ask: &mut Ask<'_>) -> Option<u16> {
        let config = self.config;
        let request = ask.request();
        let lax = self.frontend.settings.accept_invalid;
        if ask.method_is(config.special.invalid) || has_bad_sign(&request.target, lax, config.release) {
            return Some(400);
        }
        let body = Body::new(request);
        let has_fixes = config.release.2 > 0 || config.release >= Release(3, 0, 0);
        if body.is_broken || body.is_blank && has_fixes {
            return Some(400);
        }
        // The option lets every form of target through, and hosts that contradict it.
        if config.release >= Release(2, 4, 1) && !lax && self.is_misdirected(ask) {
            return Some(400);
        }
        let modern = config.release >= Release(2, 5, 0);
        if body.is_encoded && !body.is_chunked || body.has_other_coding && !modern {
            return Some(400);
        }
        let forbids_body = request.version == "1.0" && modern && !config.global.any_method_with_body;
        if forbids_body && (body.is_chunked || body.length > 0) && ask.method_is(config.special.bodiless) {
            return Some(413);
        }
        if body.has_other_coding {
            return Some(422);
        }
        // An upgrade is forgotten where there is a body.
        if body.is_chunked || body.length > 0 { None } else { bad_upgrade(request, config.release) }
    }

    /// Whether the target has a form that is not for the method, or names another host than the Host header.
    fn is_misdirected(&self, ask: &mut Ask<'_>) -> bool {
        let special = &self.config.special;
        let request = ask.request();
        let host = request.header("host").map(|host| host.trim().to_owned());
        let Target { scheme, authority, .. } = Target::new(&request.target);
        if ask.method_is(special.connect) {
            return authority.is_none_or(|authority| !is_tunnel(authority, host.as_deref()));
        }
        if request.target == "*" {
            return self.config.release >= Release(3, 0, 0) && !ask.method_is(special.asterisk);
        }
        match (authority, host) {
            (Some(authority), Some(host)) => !authority.is_empty() && !is_same_authority(scheme, authority, &host),
            _ => false,
        }
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

/// What the headers say about the body.
#[derive(Default)]
struct Body {
    /// A header that cannot be read, or two that contradict each other.
    is_broken: bool,
    /// A length that is no number at all, which later releases refuse.
    is_blank: bool,
    is_encoded: bool,
    is_chunked: bool,
    has_other_coding: bool,
    length: u64,
}

impl Body {
    fn new(request: &Request) -> Self {
        let mut body = Body::default();
        let mut length = None;
        for (name, value) in &request.headers {
            if name.eq_ignore_ascii_case("transfer-encoding") {
                body.is_encoded = true;
                value.split(',').map(str::trim).for_each(|coding| body.coding(coding));
            } else if name.eq_ignore_ascii_case("content-length") {
                body.content_length(value, &mut length);
            }
        }
        // A length says nothing where there is a coding.
        body.length = match length {
            _ if body.is_encoded => 0,
            Some(length) => length,
            None => request.body.len() as u64,
        };
        body
    }

    /// `chunked` comes last, and once.
    fn coding(&mut self, coding: &str) {
        if coding.is_empty() {
            return;
        }
        self.is_broken |= self.is_chunked;
        match coding.eq_ignore_ascii_case("chunked") {
            true => self.is_chunked = true,
            false => self.has_other_coding = true,
        }
    }

    /// One number, or the same several times.
    fn content_length(&mut self, value: &str, length: &mut Option<u64>) {
        let value = value.trim();
        for part in value.strip_suffix(',').unwrap_or(value).split(',').map(str::trim) {
            if part.is_empty() && value.is_empty() {
                self.is_blank = true;
                return;
            }
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            let number = part.parse().ok().filter(|_| digits);
            self.is_broken |= number.is_none() || length.is_some() && *length != number;
            *length = number.or(*length);
        }
    }
}

/// Whether CONNECT may go to the authority: it has a port, and the Host header says the same (h1_validate_connect_authority).
pub(super) fn is_tunnel(authority: &str, host: Option<&str>) -> bool {
    let (name, port) = target::split_port(authority);
    let Some(port) = port.filter(|port| !port.is_empty()) else { return false };
    let Some(host) = host else { return true };
    match target::split_port(host) {
        (host, Some(given)) if !given.is_empty() => host.eq_ignore_ascii_case(name) && given == port,
        (host, _) => target::is_default_port(None, port) && host.eq_ignore_ascii_case(name),
    }
}

/// Whether the Host header names the authority of the target. One of them may leave out the usual port of the scheme
/// (h1_validate_mismatch_authority).
fn is_same_authority(scheme: Option<&str>, authority: &str, host: &str) -> bool {
    if authority.eq_ignore_ascii_case(host) {
        return true;
    }
    let ((name, port), (host, given)) = (target::split_port(authority), target::split_port(host));
    let usual = |port: Option<&str>| port.is_none_or(|port| target::is_default_port(scheme, port));
    scheme.is_some() && (port.is_some() || given.is_some()) && usual(port) && usual(given) && name.eq_ignore_ascii_case(host)
}

/// A request for WebSocket needs a key (src/mux_h1.c, h1_search_websocket_key).
fn bad_upgrade(request: &Request, release: Release) -> Option<u16> {
    let has = |name: &str, token: &str| {
        let sent = request.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        sent.flat_map(|(_, value)| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
    };
    let websocket = has("upgrade", "websocket") && has("connection", "upgrade");
    let key =
        request.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("sec-websocket-key") && value.trim().len() == 24);
    (release >= Release(2, 4, 0) && websocket && !key).then_some(400)
}
