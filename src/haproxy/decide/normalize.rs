//! The normalizers of `http-request normalize-uri` (src/uri_normalizer.c).

use super::target;
use crate::haproxy::site::action::Normalizer;

/// The target that a normalizer makes; `None` where the strict ones refuse the request.
pub(super) fn normalize(uri: &str, by: Normalizer) -> Option<String> {
    let Some(whole) = target::path_and_query(uri) else { return Some(uri.to_owned()) };
    let path = target::path(uri).unwrap_or(whole);
    Some(match by {
        Normalizer::MergeSlashes => target::replace_path(uri, &merge_slashes(path)),
        Normalizer::StripDot => target::replace_path(uri, &strip_dot(path)),
        Normalizer::StripDotDot { full } => target::replace_path(uri, &strip_dot_dot(path, full)),
        Normalizer::SortQuery => match whole.split_once('?') {
            Some((_, query)) => target::replace_query(uri, &sorted(query)),
            None => uri.to_owned(),
        },
        Normalizer::UpperPercent { strict } => {
            target::replace_path_and_query(uri, &percent(whole, strict, |digits, _| format!("%{}", digits.to_ascii_uppercase()))?)
        }
        Normalizer::DecodeUnreserved { strict } => {
            target::replace_path_and_query(uri, &percent(whole, strict, decode_unreserved)?)
        }
        Normalizer::StripFragment => target::replace_path_and_query(uri, whole.split('#').next().unwrap_or(whole)),
        Normalizer::EncodeFragment => target::replace_path_and_query(uri, &whole.replace('#', "%23")),
    })
}

fn merge_slashes(path: &str) -> String {
    let mut merged = String::with_capacity(path.len());
    for sign in path.chars() {
        if sign != '/' || !merged.ends_with('/') {
            merged.push(sign);
        }
    }
    merged
}

fn strip_dot(path: &str) -> String {
    path.split_inclusive('/').filter(|segment| !matches!(*segment, "./" | ".")).collect()
}

/// Takes each `..` away together with the segment before it. At the root they stay, unless `full` drops them there as well.
fn strip_dot_dot(path: &str, full: bool) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut up = 0;
    let mut segments: Vec<&str> = path.split('/').skip(1).collect();
    if segments.last() == Some(&"..") {
        // A path that ends in `..` is a folder.
        segments.push("");
    }
    for segment in segments.into_iter().rev() {
        match segment {
            ".." => up += 1,
            _ if up > 0 && !kept.is_empty() => up -= 1,
            segment => kept.push(segment),
        }
    }
    let climbs = if full { 0 } else { up };
    let segments = std::iter::repeat_n("..", climbs).chain(kept.into_iter().rev());
    segments.fold(String::new(), |path, segment| path + "/" + segment)
}

fn sorted(query: &str) -> String {
    let mut parameters: Vec<&str> = query.split('&').collect();
    parameters.sort_by_key(|parameter| parameter.split('=').next().unwrap_or(parameter).as_bytes());
    parameters.join("&")
}

/// Rewrites each percent-encoded byte by its digits and its value; `None` where an encoding is broken and that is refused.
fn percent(text: &str, strict: bool, write: impl Fn(&str, u8) -> String) -> Option<String> {
    let mut parts = text.split('%');
    let mut result = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+')));
        match byte {
            Some(byte) => result += &(write(&part[..2], byte) + &part[2..]),
            None if strict => return None,
            None => result = result + "%" + part,
        }
    }
    Some(result)
}

fn decode_unreserved(digits: &str, byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) { char::from(byte).to_string() } else { format!("%{digits}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_normalized() {
        let made = |uri, by| normalize(uri, by).unwrap();
        assert_eq!(made("//a///b?x//y", Normalizer::MergeSlashes), "/a/b?x//y");
        assert_eq!(made("/./a/./b/.", Normalizer::StripDot), "/a/b/");
        assert_eq!(made("/a/../b/c/..", Normalizer::StripDotDot { full: false }), "/b/");
        assert_eq!(made("/../a", Normalizer::StripDotDot { full: false }), "/../a");
        assert_eq!(made("/../a", Normalizer::StripDotDot { full: true }), "/a");
        assert_eq!(made("/a?c=1&b&a=2", Normalizer::SortQuery), "/a?a=2&b&c=1");
        assert_eq!(made("/%2f%zz", Normalizer::UpperPercent { strict: false }), "/%2F%zz");
        assert_eq!(normalize("/%zz", Normalizer::UpperPercent { strict: true }), None);
        assert_eq!(made("/%41%2f", Normalizer::DecodeUnreserved { strict: true }), "/A%2f");
        assert_eq!(made("*", Normalizer::MergeSlashes), "*");
    }
}
