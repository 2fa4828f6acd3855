//! The predicates of `.if` and `.elif` (src/cfgcond.c).

use super::super::arguments::{self, Signature};
use super::super::environment::Environment;
use crate::server::Release;

/// HAProxy gives up below this depth as well; it counts an expression, its conjunction and its term each.
const MAX_DEPTH: usize = 300;

/// What the answers depend on.
pub(super) struct World<'w> {
    pub(super) environment: &'w Environment,
    pub(super) release: Release,
}

/// The features that packaged builds have.
const FEATURES: &[&str] = &[
    "ACCEPT4",
    "BACKTRACE",
    "CPU_AFFINITY",
    "CRYPT_H",
    "DL",
    "EPOLL",
    "GETADDRINFO",
    "LIBCRYPT",
    "LINUX_SPLICE",
    "LINUX_TPROXY",
    "LUA",
    "NETFILTER",
    "NS",
    "OPENSSL",
    "OT",
    "PCRE2",
    "PCRE2_JIT",
    "POLL",
    "PRCTL",
    "PROMEX",
    "RT",
    "SLZ",
    "SYSTEMD",
    "TFO",
    "THREAD",
    "THREAD_DUMP",
    "TPROXY",
];

/// Whether the expression holds.
///
/// # Errors
/// Where HAProxy cannot read it, with what it would say.
pub(super) fn holds(text: &str, world: &World<'_>) -> Result<bool, String> {
    let text = text.trim_matches([' ', '\t']);
    // An empty condition is false.
    if text.is_empty() {
        return Ok(false);
    }
    let (value, rest) = either(text, world, MAX_DEPTH)?;
    match rest.trim_start_matches([' ', '\t']).chars().next() {
        None => Ok(value),
        Some(sign) => Err(format!("unexpected `{sign}` at the end of the condition")),
    }
}

type Parsed<'t> = Result<(bool, &'t str), String>;

fn either<'t>(text: &'t str, world: &World<'_>, depth: usize) -> Parsed<'t> {
    let (mut value, mut rest) = both(text, world, depth)?;
    while let Some(next) = rest.strip_prefix("||") {
        let (other, after) = both(skip(next), world, depth)?;
        value |= other;
        rest = after;
    }
    Ok((value, rest))
}

fn both<'t>(text: &'t str, world: &World<'_>, depth: usize) -> Parsed<'t> {
    let (mut value, mut rest) = term(text, world, depth)?;
    while let Some(next) = rest.strip_prefix("&&") {
        let (other, after) = term(skip(next), world, depth)?;
        value &= other;
        rest = after;
    }
    Ok((value, rest))
}

fn term<'t>(text: &'t str, world: &World<'_>, depth: usize) -> Parsed<'t> {
    let mut text = skip(text);
    if depth == 0 || text.is_empty() {
        return Err(unreadable(text));
    }
    let mut negated = false;
    while let Some(rest) = text.strip_prefix('!') {
        negated = !negated;
        text = skip(rest);
    }
    let (value, rest) = if text.starts_with(|sign: char| sign.is_ascii_digit()) {
        let end = text.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(text.len());
        (text[..end].bytes().any(|digit| digit != b'0'), &text[end..])
    } else if let Some(inner) = text.strip_prefix('(') {
        let (value, rest) = either(skip(inner), world, depth - 1)?;
        let rest = rest.strip_prefix(')').ok_or_else(|| format!("a `)` is missing after `{text}`"))?;
        (value, rest)
    } else {
        predicate(text, world)?
    };
    Ok((value != negated, skip(rest)))
}

fn predicate<'t>(text: &'t str, world: &World<'_>) -> Parsed<'t> {
    let (name, rest) = arguments::keyword(text);
    let since = |release: Release| if world.release < release { Err(unreadable(text)) } else { Ok(()) };
    let takes = match name {
        "streq" | "strneq" => Signature::new(2, "ss"),
        "strstr" => since(Release(2, 8, 0)).map(|()| Signature::new(2, "ss"))?,
        "enabled" => since(Release(2, 8, 0)).map(|()| Signature::new(1, "s"))?,
        "openssl_version_atleast" | "openssl_version_before" | "ssllib_name_startswith" => {
            since(Release(2, 5, 0)).map(|()| Signature::new(1, "s"))?
        }
        "defined" | "feature" | "version_atleast" | "version_before" => Signature::new(1, "s"),
        _ => return Err(unreadable(text)),
    };
    let (arguments, rest) = arguments::read(name, rest, takes)?;
    let argument = |index: usize| arguments.get(index).map_or("", String::as_str);
    let value = match name {
        "defined" => world.environment.get(argument(0)).is_some(),
        "feature" => FEATURES.contains(&argument(0)),
        "streq" => argument(0) == argument(1),
        "strneq" => argument(0) != argument(1),
        "strstr" => argument(0).contains(argument(1)),
        "version_atleast" => world.release >= release(argument(0)),
        "version_before" => world.release < release(argument(0)),
        "openssl_version_atleast" => release(argument(0)) <= Release(3, 0, 19),
        "openssl_version_before" => release(argument(0)) > Release(3, 0, 19),
        "ssllib_name_startswith" => "OpenSSL".starts_with(argument(0)),
        _ => true,
    };
    Ok((value, rest))
}

/// The numbers at the start of `2.6-dev3` or `2.4.18`.
fn release(text: &str) -> Release {
    let mut numbers = text.split(['.', '-']).map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    Release(next(), next(), next())
}

fn skip(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

fn unreadable(text: &str) -> String {
    format!("`{text}` is no condition that HAProxy knows")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Settings;

    #[test]
    fn predicates_combine() {
        let mut settings = Settings::default();
        settings.defines.insert("A".into(), Some("1".into()));
        let environment = Environment::new(&settings);
        let world = World { environment: &environment, release: Release(2, 6, 12) };
        for text in [
            "1",
            "!0",
            "defined(A) && !defined(B)",
            "streq(\"prod\",prod)",
            "(0 || 1) && version_atleast(2.4)",
            "version_before(3.0)",
        ] {
            assert_eq!(holds(text, &world), Ok(true), "{text}");
        }
        for text in ["", "0", "defined(B)", "feature(QUIC)", "1 && (0 || !1)"] {
            assert_eq!(holds(text, &world), Ok(false), "{text}");
        }
        for text in ["foo(1)", "1 1", "(1", "strstr(a,b)", &"(".repeat(100_000), &"!(".repeat(1000)] {
            assert!(holds(text, &world).is_err(), "{text:.20}");
        }
    }
}
