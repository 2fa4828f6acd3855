//! The credentials that clients send.

/// User and password of an `Authorization: Basic` header (`get_basic_auth` in `modules/aaa/mod_auth_basic.c`).
pub(super) fn credentials(header: &str) -> Option<(String, Vec<u8>)> {
    let header = header.trim_start_matches([' ', '\t']);
    let (scheme, rest) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let decoded = decode(rest.trim_start_matches([' ', '\t']));
    let mut parts = decoded.splitn(2, |byte| *byte == b':');
    let user = String::from_utf8_lossy(parts.next()?).into_owned();
    Some((user, parts.next().unwrap_or_default().to_vec()))
}

/// Base64 up to the first sign that is none of its own (`apr_base64_decode`).
fn decode(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0u32, 0u32);
    for byte in text.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = (bits << 6) | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            decoded.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_as_far_as_they_can() {
        assert_eq!(credentials("Basic YTpiOmM="), Some(("a".to_owned(), b"b:c".to_vec())));
        assert_eq!(credentials("basic  YQ"), Some(("a".to_owned(), Vec::new())));
        assert_eq!(credentials("Basic !"), Some((String::new(), Vec::new())));
        assert_eq!(credentials("Bearer YTpi"), None);
    }
}
