//! Transformations (`t:lowercase`), which change a value before its operator sees it.

use std::borrow::Cow;

use crate::base64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transformation {
    Lowercase,
    Uppercase,
    UrlDecode,
    UrlEncode,
    RemoveNulls,
    RemoveWhitespace,
    CompressWhitespace,
    Trim,
    TrimLeft,
    TrimRight,
    NormalizePath,
    Length,
    CommandLine,
    HexEncode,
    HtmlEntityDecode,
    Base64Decode,
    /// Decodes what starts with one of these; a value without them stays as it is, another one is not known.
    Decode(&'static [&'static str]),
    /// A digest or another encoding, whose outcome is not followed.
    Opaque,
}

impl Transformation {
    /// The transformation of a name in any case; the outer `None` for an unknown name, the inner one for `none`.
    pub(super) fn named(name: &str) -> Option<Option<Self>> {
        use Transformation::*;
        Some(Some(match name.to_ascii_lowercase().as_str() {
            "none" => return Some(None),
            "lowercase" => Lowercase,
            "uppercase" => Uppercase,
            "urldecode" | "urldecodeuni" => UrlDecode,
            "urlencode" => UrlEncode,
            "removenulls" => RemoveNulls,
            "removewhitespace" => RemoveWhitespace,
            "compresswhitespace" => CompressWhitespace,
            "trim" => Trim,
            "trimleft" => TrimLeft,
            "trimright" => TrimRight,
            "normalisepath" | "normalizepath" | "normalisepathwin" | "normalizepathwin" => NormalizePath,
            "length" => Length,
            "cmdline" => CommandLine,
            "hexencode" => HexEncode,
            "replacenulls" => Decode(&["\0"]),
            "htmlentitydecode" => HtmlEntityDecode,
            "base64decode" => Base64Decode,
            "jsdecode" | "cssdecode" | "escapeseqdecode" => Decode(&["\\"]),
            "replacecomments" | "removecomments" => Decode(&["/*", "--", "#", "<!--"]),
            "removecommentschar" => Decode(&["/*", "*/", "--", "#", "<!--"]),
            "sqlhexdecode" => Decode(&["0x", "0X"]),
            "utf8tounicode" | "parityzero7bit" => Decode(&[]),
            "base64decodeext" | "base64encode" | "hexdecode" | "md5" | "sha1" | "parityeven7bit" | "parityodd7bit" => Opaque,
            _ => return None,
        }))
    }

    /// The value after the transformation; `None` where it is not known.
    pub(super) fn apply<'v>(self, value: Cow<'v, str>) -> Option<Cow<'v, str>> {
        use Transformation::*;
        Some(match self {
            Lowercase if value.bytes().any(|byte| byte.is_ascii_uppercase()) => value.to_ascii_lowercase().into(),
            Uppercase if value.bytes().any(|byte| byte.is_ascii_lowercase()) => value.to_ascii_uppercase().into(),
            UrlDecode if value.contains(['%', '+']) => return url_decode(&value).map(Cow::Owned),
            UrlEncode => url_encode(&value).into(),
            RemoveNulls if value.contains('\0') => value.replace('\0', "").into(),
            RemoveWhitespace => value.replace(char::is_whitespace, "").into(),
            CompressWhitespace => compress(&value).into(),
            Trim => value.trim().to_owned().into(),
            TrimLeft => value.trim_start().to_owned().into(),
            TrimRight => value.trim_end().to_owned().into(),
            NormalizePath if ["//", "/.", "\\"].iter().any(|sign| value.contains(sign)) => normalize(&value).into(),
            Length => value.len().to_string().into(),
            CommandLine => command_line(&value).into(),
            HexEncode => value.bytes().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
            HtmlEntityDecode if value.contains('&') => html_decode(&value)?.into(),
            Base64Decode => base64_decode(&value).into(),
            Decode(signs) if !value.is_ascii() || signs.iter().any(|sign| value.contains(sign)) => return None,
            Opaque => return None,
            _ => value,
        })
    }
}

/// Decodes `%41`, `%u0041` and `+`. What is wrongly encoded stays as it is; `None` where the bytes are no UTF-8.
pub(super) fn url_decode(value: &str) -> Option<String> {
    let bytes = value.as_bytes();
    let hex = |from: usize, to: usize| {
        let digits = value.get(from..to).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok()
    };
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let (byte, length) = match bytes[at] {
            b'%' if matches!(bytes.get(at + 1), Some(b'u' | b'U')) => match hex(at + 2, at + 6) {
                // The low byte is taken; full-width ASCII (U+FF01 to U+FF5E) is shifted (re_tfns.c, urlDecodeUni).
                Some(code @ 0xff01..=0xff5e) => ((code & 0xff) as u8 + 0x20, 6),
                Some(code) => ((code & 0xff) as u8, 6),
                None => (b'%', 1),
            },
            b'%' => hex(at + 1, at + 3).map_or((b'%', 1), |code| (code as u8, 3)),
            b'+' => (b' ', 1),
            byte => (byte, 1),
        };
        decoded.push(byte);
        at += length;
    }
    String::from_utf8(decoded).ok()
}

/// Decodes `&lt;`, `&#60;` and `&#x3c;`; the semicolon may lack. `None` where a number stands for a byte beyond ASCII.
fn html_decode(value: &str) -> Option<String> {
    let mut decoded = String::with_capacity(value.len());
    let mut parts = value.split('&');
    decoded.push_str(parts.next().unwrap_or(""));
    for part in parts {
        let (character, rest) = entity(part)?;
        decoded.push(character);
        decoded.push_str(rest);
    }
    Some(decoded)
}

/// The character that the text behind an ampersand stands for, and what follows; the ampersand itself where it is no entity.
fn entity(text: &str) -> Option<(char, &str)> {
    if let Some(digits) = text.strip_prefix('#') {
        let (code, rest) = match digits.strip_prefix(['x', 'X']) {
            Some(digits) => leading_number(digits, 16),
            None => leading_number(digits, 10),
        };
        return match code {
            Some(code) => Some((char::from_u32(code & 0xff).filter(char::is_ascii)?, rest)),
            None => Some(('&', text)),
        };
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    let character = match text[..end].to_ascii_lowercase().as_str() {
        "quot" => '"',
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "nbsp" => return None,
        _ => return Some(('&', text)),
    };
    Some((character, text[end..].strip_prefix(';').unwrap_or(&text[end..])))
}

fn leading_number(text: &str, radix: u32) -> (Option<u32>, &str) {
    let end = text.find(|c: char| !c.is_digit(radix)).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (u32::from_str_radix(digits, radix).ok(), rest.strip_prefix(';').unwrap_or(rest))
}

/// Decodes up to the first character that is not of the alphabet. Bytes that are no UTF-8 stay bytes beyond ASCII.
fn base64_decode(value: &str) -> String {
    let (bytes, _) = base64::decode(value, base64::STANDARD);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn url_encode(value: &str) -> String {
    let encode = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        b'*' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
        _ => format!("%{byte:02x}"),
    };
    value.bytes().map(encode).collect()
}

/// Every run of blanks becomes one space.
fn compress(value: &str) -> String {
    let mut compressed = String::with_capacity(value.len());
    for character in value.chars() {
        match character.is_whitespace() {
            true if compressed.ends_with(' ') => {}
            true => compressed.push(' '),
            false => compressed.push(character),
        }
    }
    compressed
}

/// Takes out double slashes, `.` and `..`; a backslash counts as a slash, as in `normalizePathWin`.
fn normalize(path: &str) -> String {
    let path = path.replace('\\', "/");
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => _ = parts.pop(),
            ".." if path.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    let first = if path.starts_with('/') { "/" } else { "" };
    let last = if path.len() > 1 && path.ends_with('/') && !parts.is_empty() { "/" } else { "" };
    format!("{first}{}{last}", parts.join("/"))
}

/// Undoes what a shell ignores: quotes and carets go, separators become one space, a space before `/` and `(` goes.
fn command_line(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '"' | '\'' | '\\' | '^' => {}
            ' ' | ',' | ';' | '\t' | '\r' | '\n' if plain.ends_with(' ') => {}
            ' ' | ',' | ';' | '\t' | '\r' | '\n' => plain.push(' '),
            '/' | '(' => {
                plain.truncate(plain.trim_end_matches(' ').len());
                plain.push(character);
            }
            other => plain.push(other.to_ascii_lowercase()),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(name: &str, value: &'static str) -> Option<String> {
        Transformation::named(name).unwrap().unwrap().apply(value.into()).map(Cow::into_owned)
    }

    #[test]
    fn values_are_transformed_or_not_known() {
        assert_eq!(apply("lowercase", "PuT").as_deref(), Some("put"));
        assert_eq!(apply("urlDecodeUni", "a%2Fb%u0041+%zz").as_deref(), Some("a/bA %zz"));
        assert_eq!(apply("normalizePath", "/a//./b/../c/").as_deref(), Some("/a/c/"));
        assert_eq!(apply("cmdLine", "C^AT  /etc").as_deref(), Some("cat/etc"));
        assert_eq!(apply("htmlEntityDecode", "plain").as_deref(), Some("plain"));
        assert_eq!(apply("htmlEntityDecode", "a&b=&lt;&#62;&#x41;&x").as_deref(), Some("a&b=<>A&x"));
        assert_eq!(apply("base64Decode", "UFVUIC8=").as_deref(), Some("PUT /"));
        assert_eq!(apply("jsDecode", "\\x41"), None);
        assert_eq!(apply("sha1", "x"), None);
        assert!(Transformation::named("upper").is_none());
    }
}
