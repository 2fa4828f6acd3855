//! The parts of a request's target, and what rules make of them (src/http.c, http_parse_path and its kin; src/http_htx.c).

/// A target cut into its parts. `*` has none of them, `host:port` has an authority only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Target<'t> {
    /// With its `://`.
    pub(super) scheme: Option<&'t str>,
    /// Without user and password.
    pub(super) authority: Option<&'t str>,
    /// Path and query.
    pub(super) path: Option<&'t str>,
}

impl<'t> Target<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        match text.bytes().next() {
            None | Some(b'*') => return Target::default(),
            Some(b'/') => return Target { path: Some(text), ..Target::default() },
            Some(_) => {}
        }
        let scheme = scheme(text);
        let rest = &text[scheme.map_or(0, str::len)..];
        // An authority ends at the slash alone: a query needs a path before it.
        let end = rest.find('/').unwrap_or(rest.len());
        let authority = rest[..end].rsplit('@').next();
        let path = (scheme.is_some() && end < rest.len()).then(|| &rest[end..]);
        Target { scheme, authority, path }
    }
}

fn scheme(text: &str) -> Option<&str> {
    let end = text.find("://")?;
    let name = &text[..end];
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let is_name = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic()) && name.bytes().all(sign);
    is_name.then(|| &text[..end + 3])
}

/// The path and query of a target; none in `*` and in `host:port`.
pub(super) fn path_and_query(uri: &str) -> Option<&str> {
    Target::new(uri).path
}

pub(super) fn path(uri: &str) -> Option<&str> {
    path_and_query(uri).map(|path| path.split('?').next().unwrap_or(path))
}

pub(super) fn query(uri: &str) -> Option<&str> {
    uri.split_once('?').map(|(_, query)| query)
}

/// Where a path is put; a target without one is replaced as a whole.
fn around_path(uri: &str) -> (&str, &str) {
    let path = path_and_query(uri).unwrap_or(uri);
    (&uri[..uri.len() - path.len()], path)
}

/// The path is replaced, the query stays (http_replace_req_path).
pub(super) fn replace_path(uri: &str, new: &str) -> String {
    let (before, path) = around_path(uri);
    let query = path.find('?').map_or("", |at| &path[at..]);
    format!("{before}{new}{query}")
}

pub(super) fn replace_path_and_query(uri: &str, new: &str) -> String {
    format!("{}{new}", around_path(uri).0)
}

/// The authority is replaced, what stands around it stays: user and password as well. A target without one is left alone.
pub(super) fn replace_authority(uri: &str, new: &str) -> String {
    let Target { authority: Some(authority), path, .. } = Target::new(uri) else { return uri.to_owned() };
    let end = uri.len() - path.map_or(0, str::len);
    format!("{}{new}{}", &uri[..end - authority.len()], &uri[end..])
}

/// An empty query adds no question mark, but takes none away either (http_replace_req_query).
pub(super) fn replace_query(uri: &str, query: &str) -> String {
    match uri.split_once('?') {
        None if query.is_empty() => uri.to_owned(),
        None => format!("{uri}?{query}"),
        Some((path, _)) => format!("{path}?{query}"),
    }
}

/// Host and port; the port is what follows the last colon, if that is digits or nothing (http_get_host_port).
pub(super) fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, Some(port)),
        _ => (host, None),
    }
}

/// Whether a port goes without saying. No port does.
pub(super) fn is_default_port(scheme: Option<&str>, port: &str) -> bool {
    match scheme {
        _ if port.is_empty() => true,
        None => matches!(port, "80" | "443"),
        Some(scheme) => {
            (port == "80" && scheme.eq_ignore_ascii_case("http://")) || (port == "443" && scheme.eq_ignore_ascii_case("https://"))
        }
    }
}

/// An absolute target without the usual port of its scheme, and the host that it names then; `None` where nothing changes
/// (http_scheme_based_normalize).
pub(super) fn without_default_port(uri: &str) -> Option<(String, &str)> {
    let target = Target::new(uri);
    let (scheme, authority) = (target.scheme?, target.authority?);
    let (host, port) = split_port(authority);
    if !is_default_port(Some(scheme), port?) {
        return None;
    }
    let path = target.path.unwrap_or("");
    let before = &uri[..uri.len() - path.len() - authority.len()];
    Some((format!("{before}{host}{path}"), host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_parts() {
        let parts = |text| {
            let Target { scheme, authority, path } = Target::new(text);
            (scheme, authority, path)
        };
        assert_eq!(parts("/a?b"), (None, None, Some("/a?b")));
        assert_eq!(parts("*"), (None, None, None));
        assert_eq!(parts("a.test:443"), (None, Some("a.test:443"), None));
        assert_eq!(parts("http://u:p@a.test/x"), (Some("http://"), Some("a.test"), Some("/x")));
        assert_eq!(parts("http://a.test?x"), (Some("http://"), Some("a.test?x"), None));
    }

    #[test]
    fn parts_are_replaced() {
        assert_eq!(replace_path("http://a.test/x?q", "/y"), "http://a.test/y?q");
        assert_eq!(replace_path("*", "/y"), "/y");
        assert_eq!(replace_path_and_query("/x?q", "/y"), "/y");
        assert_eq!(replace_query("/x?q", ""), "/x?");
        assert_eq!(replace_authority("https://u:p@a.test:1/x?q", "b"), "https://u:p@b/x?q");
        assert_eq!(replace_authority("a.test:443", "b"), "b");
        assert_eq!(replace_authority("/a.test", "b"), "/a.test");
        assert_eq!(without_default_port("http://a.test:80/x"), Some(("http://a.test/x".into(), "a.test")));
        assert_eq!(without_default_port("https://a.test:80/x"), None);
    }
}
