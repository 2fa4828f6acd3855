//! Files as URIs (RFC 3986, RFC 8089), and back.

use std::path::PathBuf;

/// A path as a URI reference: relative as it stands, absolute with the scheme `file`.
pub fn of(path: &str) -> String {
    let has_drive = path.as_bytes().get(1) == Some(&b':');
    let mut uri = match path.starts_with('/') {
        true => "file://".to_owned(),
        false if has_drive => "file:///".to_owned(),
        false => String::new(),
    };
    for byte in path.bytes() {
        match byte {
            b'\\' if has_drive => uri.push('/'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(byte as char),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}

/// The path of a `file` URI on this machine.
pub fn path(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let path = decoded(&rest[rest.find('/')?..])?;
    let has_drive = path.as_bytes().get(2) == Some(&b':');
    Some(PathBuf::from(if has_drive { &path[1..] } else { &path }))
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend(parts.next()?.bytes());
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend(part[2..].bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_back() {
        for name in ["/etc/nginx/a b#?%.conf", "/srv/ä/x.conf"] {
            assert_eq!(path(&of(name)), Some(PathBuf::from(name)));
        }
        assert_eq!(of("conf d/ä.conf"), "conf%20d/%C3%A4.conf");
        assert_eq!(of(r"C:\nginx\a.conf"), "file:///C%3A/nginx/a.conf");
        assert_eq!(path("file:///c%3A/nginx/a.conf"), Some(PathBuf::from("c:/nginx/a.conf")));
    }

    #[test]
    fn what_is_no_file_has_no_path() {
        for uri in ["untitled:Untitled-1", "file://host", "file:///a%f", "file:///%ff", "file:///%zz"] {
            assert_eq!(path(uri), None, "{uri}");
        }
    }
}
