//! Base64 (RFC 4648), whose mistakes each server forgives in its own way.

/// The last two digits of the alphabet.
pub(crate) const STANDARD: [u8; 2] = *b"+/";
pub(crate) const URL: [u8; 2] = *b"-_";

/// Decodes up to the first byte that is no digit; also tells how many digits that were.
pub(crate) fn decode(text: &str, last: [u8; 2]) -> (Vec<u8>, usize) {
    let mut decoded = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count, mut digits) = (0u32, 0u32, 0);
    for byte in text.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            _ if byte == last[0] => 62,
            _ if byte == last[1] => 63,
            _ => break,
        };
        digits += 1;
        bits = (bits << 6) | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            decoded.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (decoded, digits)
}

/// The standard alphabet, with padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let sign = char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]);
            text.push(if digit <= chunk.len() { sign } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_both_ways() {
        for text in ["ann:secret", "a", "ab", ""] {
            assert_eq!(decode(&encode(text.as_bytes()), STANDARD).0, text.as_bytes());
        }
        assert_eq!(decode("YTpi!x", STANDARD), (b"a:b".to_vec(), 4));
        assert_eq!(decode("_-8", URL), (vec![0xff, 0xef], 3));
    }
}
