//! Base64, as nginx reads it in headers (`core/ngx_string.c:ngx_decode_base64`).

use crate::base64::{STANDARD, URL, decode as decode_digits};

/// `None` where nginx refuses the text. What follows `=` does not count.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    decode_with(text, STANDARD)
}

/// The variant for URLs, with `-` and `_`.
pub(super) fn decode_url(text: &str) -> Option<Vec<u8>> {
    decode_with(text, URL)
}

fn decode_with(text: &str, last: [u8; 2]) -> Option<Vec<u8>> {
    let digits = text.split('=').next().unwrap_or("");
    let (decoded, read) = decode_digits(digits, last);
    (read == digits.len() && read % 4 != 1).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_decoded_or_refused() {
        assert_eq!(decode("dXNlcjpwYXNz").as_deref(), Some(&b"user:pass"[..]));
        assert_eq!(decode("YTpi=junk").as_deref(), Some(&b"a:b"[..]));
        assert_eq!(decode("YTpiYw").as_deref(), Some(&b"a:bc"[..]));
        assert_eq!(decode("!"), None);
        assert_eq!(decode("a"), None);
        assert_eq!(decode_url("_-8").as_deref(), Some(&[0xff, 0xef][..]));
    }
}
