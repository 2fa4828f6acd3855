//! Targets: decoding, normalising, encoding.

/// A target split into what nginx calls `$uri` and `$args`.
pub(super) struct Parsed<'t> {
    pub path: String,
    pub args: &'t str,
    /// Whether it held an encoded byte.
    pub quoted: bool,
    pub has_plus: bool,
}

/// `ngx_http_parse_complex_uri`; `None` where nginx answers 400.
pub(super) fn parse(target: &str, merge_slashes: bool) -> Option<Parsed<'_>> {
    let target = target.split('#').next().unwrap_or(target);
    let (path, args) = target.split_once('?').unwrap_or((target, ""));
    let path = if path.is_empty() { "/" } else { path };
    if target.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return None;
    }
    let (quoted, has_plus) = (path.contains('%'), path.contains('+'));
    if !quoted && !path.contains("//") && !path.contains("/.") {
        return Some(Parsed { path: path.to_owned(), args, quoted, has_plus });
    }
    let decoded = decode(path.as_bytes())?;
    let path = normalise(&decoded, merge_slashes)?;
    Some(Parsed { path: String::from_utf8_lossy(&path).into_owned(), args, quoted, has_plus })
}

fn decode(path: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, tail)) = rest.split_first() {
        if byte != b'%' {
            decoded.push(byte);
            rest = tail;
            continue;
        }
        let digit = |at: usize| tail.get(at).and_then(|byte| (*byte as char).to_digit(16));
        let value = (digit(0)? * 16 + digit(1)?) as u8;
        if value == 0 {
            return None;
        }
        decoded.push(value);
        rest = &tail[2..];
    }
    Some(decoded)
}

/// Takes out `.` and `..`, and empty segments where slashes are merged. `..` above the root is an error.
fn normalise(path: &[u8], merge_slashes: bool) -> Option<Vec<u8>> {
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut parts = path.strip_prefix(b"/")?.split(|byte| *byte == b'/').peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match part {
            b".." => _ = segments.pop()?,
            b"." => {}
            b"" if merge_slashes && !last => {}
            _ => {
                segments.push(part);
                continue;
            }
        }
        if last {
            segments.push(b"");
        }
    }
    let mut normal = Vec::with_capacity(path.len());
    for segment in segments {
        normal.push(b'/');
        normal.extend_from_slice(segment);
    }
    Some(normal)
}

/// `ngx_escape_uri` with `NGX_ESCAPE_URI`.
pub(in super::super) fn escape(path: &str) -> String {
    escape_all(path, "")
}

/// `ngx_escape_uri` with `NGX_ESCAPE_ARGS`.
pub(super) fn escape_argument(text: &str) -> String {
    escape_all(text, "&+;")
}

fn escape_all(text: &str, besides: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            0..=b' ' | b'"' | b'#' | b'%' | b'<' | b'>' | b'?' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x7f.. => {
                escaped.push_str(&format!("%{byte:02X}"));
            }
            _ if besides.as_bytes().contains(&byte) => escaped.push_str(&format!("%{byte:02X}")),
            _ => escaped.push(byte as char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_as_nginx_does() {
        let path = |target| parse(target, true).map(|parsed| parsed.path);
        assert_eq!(path("/a//b/./c/../d").as_deref(), Some("/a/b/d"));
        assert_eq!(path("/a/%2e%2E/b%20c?x=/..").as_deref(), Some("/b c"));
        assert_eq!(path("/a/..").as_deref(), Some("/"));
        assert_eq!(path("/a/.").as_deref(), Some("/a/"));
        assert_eq!(path("/a//").as_deref(), Some("/a/"));
        assert_eq!(path("/.."), None);
        assert_eq!(path("/%00"), None);
        assert_eq!(parse("/a//b", false).map(|parsed| parsed.path).as_deref(), Some("/a//b"));
    }
}
