//! What password files keep of passwords: the schemes that Apache httpd (`apr_password_validate`) and nginx (`core/ngx_crypt.c`)
//! have in common.

use md5::{Digest, Md5};
use sha1::Sha1;

use crate::base64::encode;

/// Whether a password is the one that a file keeps; `None` where that cannot be told.
pub(crate) fn fits(kept: &str, password: &[u8]) -> Option<bool> {
    // C strings end at their first zero.
    let password = password.split(|byte| *byte == 0).next().unwrap_or_default();
    if let Some(digest) = kept.strip_prefix("{SHA}") {
        return Some(encode(Sha1::digest(password).as_slice()) == digest);
    }
    for magic in ["$apr1$", "$1$"] {
        if let Some(rest) = kept.strip_prefix(magic) {
            let (salt, digest) = rest.split_once('$')?;
            let salt = &salt.as_bytes()[..salt.len().min(8)];
            return Some(md5_crypt(password, magic, salt) == digest);
        }
    }
    if kept.starts_with("$2") {
        // A cost of more than this would make one look-up take seconds.
        const HIGHEST_COST: u32 = 10;
        let cost: u32 = kept.get(4..6)?.parse().ok().filter(|cost| *cost <= HIGHEST_COST)?;
        return (cost >= 4).then(|| bcrypt::verify(password, kept).unwrap_or(false));
    }
    // The C library knows many more; all but the oldest of them are marked.
    let is_text = !kept.starts_with(['$', '_']) && kept.len() != 13;
    is_text.then_some(false)
}

/// The MD5 scheme of FreeBSD's crypt, which Apache took over under a name of its own.
fn md5_crypt(password: &[u8], magic: &str, salt: &[u8]) -> String {
    let inner = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut start = Md5::new().chain_update(password).chain_update(magic).chain_update(salt);
    for chunk in password.chunks(16) {
        start.update(&inner[..chunk.len()]);
    }
    let mut length = password.len();
    while length > 0 {
        // A zero byte for each bit of the length that is set, else the first byte of the password.
        start.update(if length & 1 == 1 { &[0] } else { &password[..1] });
        length >>= 1;
    }
    let mut digest = start.finalize();
    for round in 0..1000 {
        let mut next = Md5::new();
        let (first, last) = if round % 2 == 1 { (password, &digest[..]) } else { (&digest[..], password) };
        next.update(first);
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(last);
        digest = next.finalize();
    }
    let mut text = String::with_capacity(22);
    for [high, middle, low] in [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]] {
        let bits = u32::from(digest[high]) << 16 | u32::from(digest[middle]) << 8 | u32::from(digest[low]);
        push_digits(&mut text, bits, 4);
    }
    push_digits(&mut text, u32::from(digest[11]), 2);
    text
}

/// Six bits a sign, the lowest first.
fn push_digits(text: &mut String, mut bits: u32, count: usize) {
    const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for _ in 0..count {
        text.push(char::from(DIGITS[(bits & 63) as usize]));
        bits >>= 6;
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn each_scheme_tells_right_from_wrong() {
        let kept = [
            "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
            "$apr1$AbCdEfGh$2wOsaapdMOOqGCB1rvw5a0",
            "$1$AbCdEfGh$QyJgoJMjznvcm0N4qmqSB.",
            "$2y$05$dEwi.9PsV2lNl6Ed06orveNIijXWvAMXl1YPdRxEo11YwI36S4jrG",
        ];
        for kept in kept {
            assert_eq!(fits(kept, b"secret"), Some(true), "{kept}");
            assert_eq!(fits(kept, b"wrong"), Some(false), "{kept}");
        }
        assert_eq!(fits("secret", b"secret"), Some(false));
        assert_eq!(fits("$6$abc$def", b"secret"), None);
        assert_eq!(fits("$2y$31$dEwi.9PsV2lNl6Ed06orveNIijXWvAMXl1YPdRxEo11YwI36S4jrG", b"secret"), None);
    }
}
