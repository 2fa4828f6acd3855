//! Password files (`ngx_http_auth_basic_handler`, `core/ngx_crypt.c`).

use sha1::{Digest, Sha1};

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
    if let Some(kept) = kept.strip_prefix("{SSHA}") {
        let decoded = base64::decode(kept)?;
        let (digest, salt) = decoded.split_at_checked(20)?;
        return Some(Sha1::new().chain_update(password).chain_update(salt).finalize().as_slice() == digest);
    }
    crate::password::fits(kept, password)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(file: &str, user: &str, password: &str) -> Option<bool> {
        admits(file, &Credentials { user: user.into(), password: password.into() })
    }

    #[test]
    fn each_scheme_tells_right_from_wrong() {
        let kept = ["{PLAIN}secret", "{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0", "$apr1$AbCdEfGh$2wOsaapdMOOqGCB1rvw5a0"];
        for kept in kept {
            let file = format!("# users\nann:x\nbob:{kept}:a comment\r\n");
            assert_eq!(admitted(&file, "bob", "secret"), Some(true), "{kept}");
            assert_eq!(admitted(&file, "bob", "wrong"), Some(false), "{kept}");
            assert_eq!(admitted(&file, "eve", "secret"), Some(false), "{kept}");
        }
        assert_eq!(admitted("bob:secret", "bob", "secret"), Some(false));
    }
}
