//! The target of a request, decoded as httpd decodes it (`ap_normalize_path`, `ap_unescape_url` in `server/util.c`).

use super::super::site::section::EncodedSlashes;

/// A path and its query.
#[derive(Clone, Debug, Default)]
pub(super) struct Url {
    /// Decoded, slashes merged.
    pub(super) path: String,
    pub(super) query: Option<String>,
    /// As it stands in the request line, without host and query.
    pub(super) raw: String,
}

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadPath {
    BadEscape,
    EncodedSlash,
    AboveRoot,
    /// `%00`.
    Zero,
}

impl Url {
    /// A path as an internal redirect writes it.
    pub(super) fn of_redirect(target: &str) -> Url {
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query.to_owned())));
        Url { path: path.to_owned(), query, raw: path.to_owned() }
    }
}

/// Resolves `.` and `..`, merges slashes and decodes.
pub(super) fn normalize(raw: &str, slashes: EncodedSlashes, merge: bool) -> Result<String, BadPath> {
    if !raw.contains(['%', '.']) && !raw.contains("//") {
        return Ok(raw.to_owned());
    }
    let unreserved = decode(raw, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))?;
    let resolved = resolve(&unreserved, merge)?;
    let has = |escape: &[u8]| resolved.as_bytes().windows(3).any(|bytes| bytes.eq_ignore_ascii_case(escape));
    if has(b"%00") {
        return Err(BadPath::Zero);
    }
    match slashes {
        EncodedSlashes::Kept => decode(&resolved, |byte| byte != b'/'),
        EncodedSlashes::Refused if has(b"%2f") => Err(BadPath::EncodedSlash),
        EncodedSlashes::Refused => decode(&resolved, |_| true),
        // Decoded slashes may make new segments.
        EncodedSlashes::Decoded => resolve(&decode(&resolved, |_| true)?, merge),
    }
}

pub(super) fn merge_slashes(path: &str) -> String {
    let mut merged = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !merged.ends_with('/') {
            merged.push(c);
        }
    }
    merged
}

/// Every escape decoded; what is none stays as it is.
pub(super) fn decode_all(text: &str) -> String {
    decode(text, |_| true).unwrap_or_else(|_| text.to_owned())
}

fn decode(text: &str, which: impl Fn(u8) -> bool) -> Result<String, BadPath> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        if bytes[index] != b'%' {
            out.push(bytes[index]);
            index += 1;
            continue;
        }
        let digits = text.get(index + 1..index + 3).filter(|digits| digits.bytes().all(|c| c.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let byte = byte.ok_or(BadPath::BadEscape)?;
        if which(byte) && byte != 0 {
            out.push(byte);
        } else {
            out.extend_from_slice(&bytes[index..index + 3]);
        }
        index += 3;
    }
    // A byte that is no UTF-8 matches no pattern of a readable config either way.
    Ok(String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn resolve(path: &str, merge: bool) -> Result<String, BadPath> {
    let mut out = String::with_capacity(path.len());
    let mut segments = path.split('/').peekable();
    segments.next();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "" if !last && !merge => out.push('/'),
            "" | "." if !last => {}
            "" | "." => out.push('/'),
            ".." => {
                let Some(parent) = out.rfind('/') else { return Err(BadPath::AboveRoot) };
                out.truncate(parent);
                if last {
                    out.push('/');
                }
            }
            segment => {
                out.push('/');
                out.push_str(segment);
            }
        }
    }
    Ok(out)
}

/// Encodes a path for the upstream (`ap_proxy_canonenc`).
pub(in crate::apache) fn encode_path(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"$-_.+!*'(),;:@&=/~".contains(&byte);
    if path.bytes().all(plain) {
        return path.to_owned();
    }
    let mut out = String::with_capacity(path.len() + 8);
    for byte in path.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_before_they_are_decoded() {
        let refused = |raw| normalize(raw, EncodedSlashes::Refused, true);
        assert_eq!(refused("/a//b/./c/../%64%20x").unwrap(), "/a/b/d x");
        assert_eq!(refused("/a/..").unwrap(), "/");
        assert_eq!(refused("/../a"), Err(BadPath::AboveRoot));
        assert_eq!(refused("/a%2fb"), Err(BadPath::EncodedSlash));
        assert_eq!(refused("/a%zz"), Err(BadPath::BadEscape));
        assert_eq!(refused("/a%00"), Err(BadPath::Zero));
        assert_eq!(normalize("/a%2fb", EncodedSlashes::Kept, true).unwrap(), "/a%2fb");
        assert_eq!(normalize("/a%2f%2Fb%2f../c", EncodedSlashes::Decoded, true).unwrap(), "/a/c");
        assert_eq!(normalize("/a//b", EncodedSlashes::Refused, false).unwrap(), "/a//b");
    }
}
