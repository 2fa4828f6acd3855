//! Password files (`ngx_http_auth_basic_handler`, `core/ngx_crypt.c`).

use md5::{Digest, Md5};
use sha1::Sha1;

use super::base64;
use super::input::Credentials;

/// Whether the file lets the client in; `None` where that cannot be told.
pub(super) fn admits(file: &str, credentials: &Credentials) -> Option<bool> {
    let lines = file.split('\n').filter(|line| !line.starts_with(['#', '\r']));
    let mut entries = lines.filter_map(|line| line.split_once(':'));
    let Some((_, rest)) = entries.find(|(user, _)| *user == credentials.user) else { return Some(false) };
    let kept = rest.split([':', '\r']).next().unwrap_or("");
    fits(kept, &credentials.password)
}

fn fits(kept: &str, password: &[u8]) -> Option<bool> {
    // C strings end at their first zero.
    let password = password.split(|byte| *byte == 0).next().unwrap_or(&[]);
    if let Some(plain) = kept.strip_prefix("{PLAIN}") {
        return Some(plain.as_bytes() == password);
    }
    if let Some(kept) = kept.strip_prefix("{SHA}") {
        return Some(base64::decode(kept)? == Sha1::digest(password).as_slice());
    }
    if let Some(kept) = kept.strip_prefix("{SSHA}") {
        let decoded = base64::decode(kept)?;
        let (digest, salt) = decoded.split_at_checked(20)?;
        return Some(Sha1::new().chain_update(password).chain_update(salt).finalize().as_slice() == digest);
    }
    for magic in ["$apr1$", "$1$"] {
        if let Some(rest) = kept.strip_prefix(magic) {
            let (salt, digest) = rest.split_once('$')?;
            let salt = &salt.as_bytes()[..salt.len().min(8)];
            return Some(md5_crypt(password, magic, salt) == digest);
        }
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
    use super::*;

    fn admitted(file: &str, user: &str, password: &str) -> Option<bool> {
        admits(file, &Credentials { user: user.into(), password: password.into() })
    }

    #[test]
    fn each_scheme_tells_right_from_wrong() {
        let kept = [
            "{PLAIN}secret",
            "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
            "{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0",
            "$apr1$AbCdEfGh$2wOsaapdMOOqGCB1rvw5a0",
            "$1$AbCdEfGh$QyJgoJMjznvcm0N4qmqSB.",
        ];
        for kept in kept {
            let file = format!("# users\nann:x\nbob:{kept}:a comment\r\n");
            assert_eq!(admitted(&file, "bob", "secret"), Some(true), "{kept}");
            assert_eq!(admitted(&file, "bob", "wrong"), Some(false), "{kept}");
            assert_eq!(admitted(&file, "eve", "secret"), Some(false), "{kept}");
        }
        assert_eq!(admitted("bob:secret", "bob", "secret"), Some(false));
        assert_eq!(admitted("bob:$2y$05$abcdefghijklmnopqrstuv", "bob", "secret"), None);
    }
}
