//! `Redirect`, `RedirectMatch`, `Alias`, `AliasMatch`, `ScriptAlias` (`modules/mappers/mod_alias.c`).

use std::sync::Arc;

use super::{Context, Refused};
use crate::pattern::Pattern;
use crate::source::Span;

#[derive(Clone, Debug)]
pub(in crate::apache) struct Redirect {
    pub(in crate::apache) from: From,
    pub(in crate::apache) status: u16,
    pub(in crate::apache) span: Span,
}

#[derive(Clone, Debug)]
pub(in crate::apache) enum From {
    /// The whole section.
    All,
    Prefix(String),
    Pattern(Arc<Pattern>),
}

#[derive(Clone, Debug)]
pub(in crate::apache) struct Alias {
    pub(in crate::apache) from: From,
    pub(in crate::apache) to: String,
    pub(in crate::apache) script: bool,
    pub(in crate::apache) span: Span,
}

/// Reads `Redirect` and its kin; `in_section` where the path may be left out.
pub(in crate::apache) fn read_redirect(
    context: &mut Context<'_>,
    name: &str,
    args: &[std::borrow::Cow<'_, str>],
    span: Span,
    in_section: bool,
) -> Result<Redirect, Refused> {
    let regex = name.eq_ignore_ascii_case("RedirectMatch");
    let fixed = if name.eq_ignore_ascii_case("RedirectPermanent") {
        Some(301)
    } else if name.eq_ignore_ascii_case("RedirectTemp") {
        Some(302)
    } else {
        None
    };
    let mut words: Vec<&str> = args.iter().map(|arg| &**arg).collect();
    let status = match (fixed, words.first().and_then(|word| status_of(word))) {
        (Some(status), _) => status,
        (None, Some(status)) => {
            words.remove(0);
            status
        }
        (None, None) => 302,
    };
    let redirects = (300..400).contains(&status);
    let (path, to) = match (&words[..], redirects) {
        ([], false) => (None, None),
        ([to], true) if in_section => (None, Some(*to)),
        ([path], false) => (Some(*path), None),
        ([path, to], true) => (Some(*path), Some(*to)),
        ([_, _], false) => return Err(format!("`{name} {status}` takes no URL: only 3xx has one")),
        ([_], true) => return Err(format!("`{name}` lacks the URL to redirect to")),
        _ => return Err(format!("`{name}` takes a status, a path and a URL")),
    };
    let from = match path {
        None => From::All,
        Some(path) if regex => From::Pattern(context.patterns.get(path, false)),
        Some(path) => From::Prefix(path.to_owned()),
    };
    if let Some(to) = to
        && !to.starts_with('/')
        && !to.contains(':')
        && !regex
        && !to.contains('%')
        && !in_section
    {
        return Err(format!("`{name}`: `{to}` is no URL and no path"));
    }
    Ok(Redirect { from, status, span })
}

/// The status that a word stands for.
pub(in crate::apache) fn status_of(word: &str) -> Option<u16> {
    match word.to_ascii_lowercase().as_str() {
        "permanent" => Some(301),
        "temp" => Some(302),
        "seeother" => Some(303),
        "gone" => Some(410),
        _ if word.starts_with(|c: char| c.is_ascii_digit()) => word.parse().ok(),
        _ => None,
    }
}

/// How much of a path an alias takes: the whole of its own path, where a segment ends there (`alias_matches`).
pub(in crate::apache) fn alias_matches(uri: &str, fake: &str) -> Option<usize> {
    let (uri_bytes, fake_bytes) = (uri.as_bytes(), fake.as_bytes());
    let (mut at, mut from) = (0, 0);
    while at < fake_bytes.len() {
        if fake_bytes[at] == b'/' {
            // Any number of slashes matches any number of slashes.
            if uri_bytes.get(from) != Some(&b'/') {
                return None;
            }
            while fake_bytes.get(at) == Some(&b'/') {
                at += 1;
            }
            while uri_bytes.get(from) == Some(&b'/') {
                from += 1;
            }
        } else if uri_bytes.get(from) == Some(&fake_bytes[at]) {
            at += 1;
            from += 1;
        } else {
            return None;
        }
    }
    let whole = fake_bytes.last() == Some(&b'/') || matches!(uri_bytes.get(from), None | Some(b'/'));
    whole.then_some(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_ends_where_a_segment_does() {
        assert_eq!(alias_matches("/api/x", "/api"), Some(4));
        assert_eq!(alias_matches("/apix", "/api"), None);
        assert_eq!(alias_matches("/a", "/a/"), None);
        assert_eq!(alias_matches("/a//b", "/a/"), Some(4));
        assert_eq!(alias_matches("/x", "/"), Some(1));
    }
}
