//! Base64, as nginx reads it in headers (`core/ngx_string.c:ngx_decode_base64`).

/// `None` where nginx refuses the text. What follows `=` does not count.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    decode_with(text, b'+', b'/')
}

/// The variant for URLs, with `-` and `_`.
pub(super) fn decode_url(text: &str) -> Option<Vec<u8>> {
    decode_with(text, b'-', b'_')
}

fn decode_with(text: &str, sixty_two: u8, sixty_three: u8) -> Option<Vec<u8>> {
    let digits = text.split('=').next().unwrap_or("");
    if digits.len() % 4 == 1 {
        return None;
    }
    let mut decoded = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut bits, mut count) = (0u32, 0u32);
    for byte in digits.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            _ if byte == sixty_two => 62,
            _ if byte == sixty_three => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            decoded.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(decoded)
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
