//! Links that a site lets in: by where they stand (`ngx_http_referer_module`), or by a hash (`ngx_http_secure_link_module`).

use std::sync::Arc;

use md5::{Digest, Md5};

use super::values::Value;
use super::{Exchange, base64};
use crate::nginx::site::pick;

/// Seconds since 1970. A link that ends before the first has ended, one that ends after the second has not.
const PAST: u64 = 1_700_000_000;
const FUTURE: u64 = 4_000_000_000;

impl<'m> Exchange<'m, '_, '_> {
    /// `$invalid_referer`
    pub(super) fn referer(&mut self) -> Value {
        let referers = self.model.inherited(self.scope, pick!(Referers));
        let Some((referers, _)) = referers else { return Value::empty() };
        let referer = self.header("referer");
        match referers.admit(referer.as_deref(), &self.model.servers[self.server].names) {
            Some(admitted) => Value::text(if admitted { "" } else { "1" }),
            None => Value::Unknown,
        }
    }

    /// `$secure_link`: empty where the hash is wrong, `0` where the link has ended.
    pub(super) fn secure_link(&mut self) -> Value {
        let secret = self.model.inherited(self.scope, pick!(LinkSecret));
        if let Some((secret, _)) = secret {
            return self.link_with_secret(secret).map_or_else(Value::empty, |link| Value::text(&link));
        }
        let link = self.model.inherited(self.scope, pick!(Link));
        let hashed = self.model.inherited(self.scope, pick!(LinkHash));
        let (Some((link, _)), Some((hashed, _))) = (link, hashed) else { return Value::empty() };
        let (Some(link), Some(hashed)) = (self.settled(link), self.settled(hashed)) else { return Value::Unknown };
        let (hash, expires) = match link.split_once(',') {
            None => (&*link, FUTURE + 1),
            Some((hash, expires)) => match expires.parse::<u64>() {
                Ok(expires) if expires > 0 => (hash, expires),
                _ => return Value::empty(),
            },
        };
        if hash.len() > 24 || base64::decode_url(hash).is_none_or(|hash| hash != Md5::digest(&*hashed).as_slice()) {
            return Value::empty();
        }
        match expires {
            ..PAST => Value::text("0"),
            PAST..=FUTURE => Value::Unknown,
            _ => Value::text("1"),
        }
    }

    /// `$secure_link_expires`: when the link ends, as it says itself.
    pub(super) fn secure_link_expires(&mut self) -> Value {
        let link = self.model.inherited(self.scope, pick!(Link));
        let link = link.and_then(|(link, _)| self.settled(link));
        let expires = link.as_deref().and_then(|link| link.split_once(',')).map_or("", |(_, expires)| expires);
        Value::text(if expires.parse::<u64>().is_ok_and(|expires| expires > 0) { expires } else { "" })
    }

    /// `/prefix/hash/link`, where the hash is of the link and the secret.
    fn link_with_secret(&mut self, secret: &Arc<str>) -> Option<String> {
        let (_, rest) = self.target.get(1..)?.split_once('/')?;
        let (hash, link) = rest.split_once('/')?;
        let digest = Md5::new().chain_update(link).chain_update(&**secret).finalize();
        let expected: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        (!link.is_empty() && hash.eq_ignore_ascii_case(&expected)).then(|| link.to_owned())
    }
}
