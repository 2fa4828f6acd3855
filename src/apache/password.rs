//! The credentials that clients send.

use crate::base64;

/// User and password of an `Authorization: Basic` header (`get_basic_auth` in `modules/aaa/mod_auth_basic.c`).
pub(super) fn credentials(header: &str) -> Option<(String, Vec<u8>)> {
    let header = header.trim_start_matches([' ', '\t']);
    let (scheme, rest) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    // `apr_base64_decode` ends at the first sign that is none of its own.
    let (decoded, _) = base64::decode(rest.trim_start_matches([' ', '\t']), base64::STANDARD);
    let mut parts = decoded.splitn(2, |byte| *byte == b':');
    let user = String::from_utf8_lossy(parts.next()?).into_owned();
    Some((user, parts.next().unwrap_or_default().to_vec()))
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
