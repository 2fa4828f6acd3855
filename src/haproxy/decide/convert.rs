//! Converters (configuration manual, 7.3.1).

use std::sync::Arc;

use sha1::{Digest, Sha1};
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::json;
use super::transaction::Transaction;
use crate::base64;
use crate::haproxy::hash;
use crate::haproxy::site::sample::{Arithmetic, Converter, Operand};
use crate::haproxy::site::vocabulary::Kind;
use crate::haproxy::value::{Data, Datum, Value};
use crate::pattern::Pattern;

pub(super) fn apply(transaction: &mut Transaction<'_>, converter: &Converter, value: Value<Data>) -> Value<Data> {
    match converter {
        Converter::Unknown => Value::Unknown,
        Converter::Same => value,
        Converter::SetVariable(name) => {
            transaction.variables.insert(Arc::clone(name), value.clone());
            value
        }
        Converter::UnsetVariable(name) => {
            transaction.variables.remove(name);
            value
        }
        Converter::Concat(before, variable, after) => {
            let middle = variable_text(transaction, variable.as_ref());
            value.zip(&middle, |data, middle| text(data, |text| Some(format!("{text}{before}{middle}{after}"))))
        }
        Converter::AddItem { delimiter, variable, suffix } => {
            let item = variable_text(transaction, variable.as_ref());
            value.zip(&item, |data, item| {
                text(data, |text| {
                    let separator = if text.is_empty() || (item.is_empty() && suffix.is_empty()) { "" } else { delimiter };
                    Some(format!("{text}{separator}{item}{suffix}"))
                })
            })
        }
        Converter::Strcmp(name) => {
            let other = match transaction.variables.get(name) {
                Some(other) => other.clone(),
                None if transaction.opaque => Value::Unknown,
                None => Value::Known(Data::Nothing),
            };
            value.zip(&other, |data, other| {
                let Some(other) = other.last() else { return Data::Nothing };
                data.each(|datum| Some(Datum::Number(compare(datum.text().as_bytes(), other.text().as_bytes()))))
            })
        }
        Converter::Arithmetic(kind, operand) => {
            let right = match operand {
                Operand::Number(number) => Value::Known(Some(*number)),
                Operand::Variable(name) => match transaction.variables.get(name) {
                    Some(value) => value.map(|data| data.last().and_then(Datum::number)),
                    None if transaction.opaque => Value::Unknown,
                    None => Value::Known(None),
                },
            };
            value.zip(&right, |data, right| data.each(|datum| Some(Datum::Number(arithmetic(*kind, datum.number()?, (*right)?)))))
        }
        Converter::Map(map, default, kind) => {
            value.try_map(|data| {
                let mut results = Vec::new();
                for datum in data.all() {
                    let value = map.lookup(datum)?.or_else(|| default.as_ref().map(|default| default.to_string()));
                    results.extend(value.and_then(|value| typed(&value, *kind)));
                }
                // A missing sample takes no default: the converter is never asked.
                Some(results.into_iter().collect::<Data>())
            })
        }
        Converter::RegSub { pattern, replacement, global } => value.try_map(|data| {
            all(data, |datum| substitute(pattern, &datum.text(), replacement, *global).map(|text| Some(Datum::Text(text.into()))))
        }),
        Converter::JsonQuery { path, integer } => {
            value.try_map(|data| all(data, |datum| json::query(&datum.text(), path, *integer)))
        }
        _ => value.map(|data| data.each(|datum| convert(converter, datum))),
    }
}

fn variable_text(transaction: &Transaction<'_>, name: Option<&Arc<str>>) -> Value<String> {
    match name.map(|name| transaction.variables.get(name)) {
        Some(Some(value)) => value.map(|data| data.last().map_or(String::new(), |datum| datum.text().into_owned())),
        Some(None) if transaction.opaque => Value::Unknown,
        _ => Value::Known(String::new()),
    }
}

fn typed(value: &str, kind: Kind) -> Option<Datum> {
    match kind {
        Kind::Integer => value.parse().ok().map(Datum::Number),
        Kind::Address => value.parse().ok().map(Datum::Address),
        _ => Some(Datum::Text(value.into())),
    }
}

/// Applies a function that may be unable to tell.
fn all(data: &Data, of: impl Fn(&Datum) -> Option<Option<Datum>>) -> Option<Data> {
    let mut results = Vec::new();
    for datum in data.all() {
        results.extend(of(datum)?);
    }
    Some(results.into_iter().collect())
}

fn text(data: &Data, of: impl Fn(&str) -> Option<String>) -> Data {
    data.each(|datum| of(&datum.text()).map(|text| Datum::Text(text.into())))
}

/// The converters that look at nothing but the sample.
fn convert(converter: &Converter, datum: &Datum) -> Option<Datum> {
    let number = |number: i64| Some(Datum::Number(number));
    let truth = |truth: bool| Some(Datum::Truth(truth));
    let text = |text: String| Some(Datum::Text(text.into()));
    match converter {
        Converter::Lower => text(datum.text().to_ascii_lowercase()),
        Converter::Upper => text(datum.text().to_ascii_uppercase()),
        Converter::Length => number(datum.text().len() as i64),
        Converter::Bool => truth(datum.truth()?),
        Converter::Not => truth(!datum.truth()?),
        Converter::Negate => number(datum.number()?.wrapping_neg()),
        Converter::Complement => number(!datum.number()?),
        Converter::Odd => truth(datum.number()? & 1 == 1),
        Converter::Even => truth(datum.number()? & 1 == 0),
        Converter::Field { index, delimiters, count } => text(field(&datum.text(), *index, delimiters, *count)?),
        Converter::Word { index, delimiters, count } => text(word(&datum.text(), *index, delimiters, *count)?),
        Converter::Bytes { offset, length } => {
            let whole = datum.text();
            let start = usize::try_from(*offset).ok()?.min(whole.len());
            let end = length
                .and_then(|length| usize::try_from(length).ok())
                .map_or(whole.len(), |length| (start + length).min(whole.len()));
            text(whole.get(start..end)?.to_owned())
        }
        Converter::Iif(yes, no) => Some(Datum::Text(Arc::clone(if datum.truth()? { yes } else { no }))),
        Converter::UrlDecode { plus } => text(url_decode(&datum.text(), *plus)?),
        Converter::UrlEncode => text(url_encode(&datum.text())),
        Converter::Trim { left, signs } => {
            let whole = datum.text();
            let is_sign = |sign: char| signs.contains(sign);
            text(if *left { whole.trim_start_matches(is_sign) } else { whole.trim_end_matches(is_sign) }.to_owned())
        }
        Converter::HostOnly => text(split_port(&datum.text()).0.to_ascii_lowercase()),
        Converter::PortOnly => number(unchecked_number(split_port(&datum.text()).1)),
        Converter::Mask(four, six) => Some(Datum::Address(masked(datum.address()?, *four, *six))),
        Converter::Base64Decode => text(base64(&datum.text())?),
        Converter::Base64Encode => text(base64::encode(&bytes(datum))),
        Converter::Hex => text(bytes(datum).iter().map(|byte| format!("{byte:02X}")).collect()),
        Converter::Hash(hash, mixed) => {
            let hash = hash(&bytes(datum));
            number(i64::from(if *mixed { hash::avalanche(hash) } else { hash }))
        }
        Converter::Sha1 => digest::<Sha1>(datum),
        Converter::Sha2(224) => digest::<Sha224>(datum),
        Converter::Sha2(256) => digest::<Sha256>(datum),
        Converter::Sha2(384) => digest::<Sha384>(datum),
        Converter::Sha2(512) => digest::<Sha512>(datum),
        Converter::HexNumber => number(i64::from_str_radix(&datum.text(), 16).ok()?),
        _ => None,
    }
}

fn digest<D: Digest>(datum: &Datum) -> Option<Datum> {
    Some(Datum::Bytes(D::digest(bytes(datum)).as_slice().into()))
}

/// A sample as bytes: numbers have eight of them, the highest first (src/sample.c, c_int2bin).
fn bytes(datum: &Datum) -> Vec<u8> {
    match datum {
        Datum::Number(number) => number.to_be_bytes().to_vec(),
        Datum::Truth(truth) => i64::from(*truth).to_be_bytes().to_vec(),
        Datum::Address(std::net::IpAddr::V4(address)) => address.octets().to_vec(),
        Datum::Address(std::net::IpAddr::V6(address)) => address.octets().to_vec(),
        Datum::Bytes(bytes) => bytes.to_vec(),
        datum => datum.text().as_bytes().to_vec(),
    }
}

/// C's strncmp: the difference of the first bytes that differ, else which text is longer.
fn compare(one: &[u8], other: &[u8]) -> i64 {
    let difference =
        one.iter().zip(other).map(|(one, other)| i64::from(*one) - i64::from(*other)).find(|difference| *difference != 0);
    difference.unwrap_or_else(|| one.len().cmp(&other.len()) as i64)
}

fn arithmetic(kind: Arithmetic, left: i64, right: i64) -> i64 {
    match kind {
        Arithmetic::Add => left.saturating_add(right),
        Arithmetic::Subtract => left.saturating_sub(right),
        Arithmetic::Multiply => left.saturating_mul(right),
        Arithmetic::Divide => left.checked_div(right).unwrap_or(i64::MAX),
        Arithmetic::Modulo => left.checked_rem(right).unwrap_or(0),
        Arithmetic::And => left & right,
        Arithmetic::Or => left | right,
        Arithmetic::Xor => left ^ right,
    }
}

/// The `index`th field, counted from 1 or from the end, and the `count - 1` fields behind it; 0 takes all that follow. Not there where
/// there are fewer (src/sample.c, sample_conv_field).
fn field(text: &str, index: i64, delimiters: &str, count: i64) -> Option<String> {
    let mut ends: Vec<usize> = text.char_indices().filter(|(_, sign)| delimiters.contains(*sign)).map(|(at, _)| at).collect();
    ends.push(text.len());
    let number = ends.len();
    let start = |field: usize| field.checked_sub(1).map_or(0, |before| ends[before] + 1);
    let wanted = if count == 0 { number } else { usize::try_from(count).unwrap_or(number) };
    let place = usize::try_from(index.unsigned_abs()).ok()?.checked_sub(1).filter(|place| *place < number)?;
    let (first, last) = match index > 0 {
        true => (place, place.saturating_add(wanted - 1).min(number - 1)),
        false => ((number - 1 - place).saturating_sub(wanted - 1), number - 1 - place),
    };
    Some(text[start(first)..ends[last]].to_owned())
}

/// The `index`th word and the `count - 1` words behind it. Words are what stands between runs of delimiters; where the text ends before
/// enough of them, its last delimiters belong to the result. Empty where there are fewer (sample_conv_word).
fn word(text: &str, index: i64, delimiters: &str, count: i64) -> Option<String> {
    let forward: Vec<(usize, char)> = text.char_indices().collect();
    if index > 0 {
        let range = span_of_words(forward.into_iter(), index, delimiters, count);
        return Some(range.map_or(String::new(), |(start, end)| text[start..end.unwrap_or(text.len())].to_owned()));
    }
    // From the end, a sign is known by the place behind it.
    let backward = forward.into_iter().rev().map(|(at, sign)| (at + sign.len_utf8(), sign));
    let range = span_of_words(backward, index.checked_neg().filter(|index| *index > 0)?, delimiters, count);
    Some(range.map_or(String::new(), |(end, start)| text[start.unwrap_or(0)..end].to_owned()))
}

/// Where the words begin, and the delimiter that ends them, if one does.
fn span_of_words(
    signs: impl Iterator<Item = (usize, char)>,
    index: i64,
    delimiters: &str,
    mut count: i64,
) -> Option<(usize, Option<usize>)> {
    let (mut word, mut inside, mut start) = (0, false, 0);
    for (at, sign) in signs {
        match (inside, delimiters.contains(sign)) {
            (false, false) => {
                if word != index {
                    word += 1;
                    start = at;
                }
                inside = true;
            }
            (true, true) => {
                if word == index && count == 1 {
                    return Some((start, Some(at)));
                }
                count -= i64::from(word == index && count > 1);
                inside = false;
            }
            _ => {}
        }
    }
    (word == index).then_some((start, None))
}

/// What fits into a buffer (`tune.bufsize`). HAProxy cuts some longer texts and gives others up; here they cannot be told.
pub(super) const BUFFER: usize = 16_384;

/// Replaces the first match or all of them; `\1` in the replacement is a group. `None` where the result cannot be told.
pub(super) fn substitute(pattern: &Pattern, text: &str, replacement: &str, global: bool) -> Option<String> {
    let mut result = String::new();
    let mut rest = text;
    while let Some(groups) = pattern.groups(rest)? {
        let whole = groups.numbered.first().cloned().flatten().unwrap_or_default();
        let at = pattern.find(rest)?.unwrap_or(0).min(rest.len());
        result.push_str(&rest[..at]);
        result.push_str(&expand(replacement, &groups.numbered)?);
        if result.len() > BUFFER {
            return None;
        }
        if rest.is_empty() {
            break;
        }
        let mut end = at + whole.len();
        if end == 0 {
            // An empty match stands before a sign, which is kept.
            end = rest.chars().next().map_or(0, char::len_utf8);
            result.push_str(&rest[..end]);
        }
        rest = &rest[end..];
        // The rest does not begin a line.
        if !global || pattern.is_anchored_start() {
            break;
        }
    }
    Some(result + rest)
}

/// `\0` to `\9` stand for groups, `\xHH` for a byte (src/regex.c, exp_replace).
pub(in crate::haproxy) fn expand(template: &str, groups: &[Option<String>]) -> Option<String> {
    let mut result = String::new();
    let mut signs = template.chars();
    while let Some(sign) = signs.next() {
        if result.len() > BUFFER {
            return None;
        }
        if sign != '\\' {
            result.push(sign);
            continue;
        }
        match signs.next() {
            Some(digit @ '0'..='9') => {
                let group = groups.get(digit as usize - '0' as usize).cloned().flatten();
                result.push_str(&group.unwrap_or_default());
            }
            Some(other) => result.push(other),
            None => result.push('\\'),
        }
    }
    Some(result)
}

pub(super) fn url_decode(text: &str, plus: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    // A plus sign is a blank inside of the query only, unless asked for everywhere.
    let mut in_query = plus;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' if in_query => bytes.push(b' '),
            b'%' => {
                let digits = std::str::from_utf8(after.get(..2)?).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &after[2..];
            }
            _ => {
                in_query |= byte == b'?';
                bytes.push(byte);
            }
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn url_encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The host and the port of `host:port` or `[address]:port`.
fn split_port(text: &str) -> (&str, &str) {
    match text.rfind([':', ']']) {
        Some(at) if text[at..].starts_with(':') => (&text[..at], &text[at + 1..]),
        _ => (text, ""),
    }
}

/// Digits, or what else stands there: nothing is checked (src/tools.c, strl2ui).
fn unchecked_number(text: &str) -> i64 {
    let digits = text.bytes().map(|byte| u32::from(byte).wrapping_sub(u32::from(b'0')));
    i64::from(digits.fold(0u32, |number, digit| number.wrapping_mul(10).wrapping_add(digit)))
}

fn masked(address: std::net::IpAddr, four: u8, six: u8) -> std::net::IpAddr {
    match address {
        std::net::IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(four.min(32))).unwrap_or(0);
            std::net::Ipv4Addr::from(u32::from(address) & mask).into()
        }
        std::net::IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(six.min(128))).unwrap_or(0);
            std::net::Ipv6Addr::from(u128::from(address) & mask).into()
        }
    }
}

/// Groups of four signs, of which the last may be padded (src/base64.c, base64dec).
pub(super) fn base64(text: &str) -> Option<String> {
    let signs = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let (bytes, read) = base64::decode(signs, base64::STANDARD);
    let is_whole = text.len().is_multiple_of(4) && read == signs.len();
    is_whole.then(|| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_words_are_picked() {
        let field = |text, index, count| super::field(text, index, "/", count);
        assert_eq!(field("/a//b", 2, 1).as_deref(), Some("a"));
        assert_eq!(field("a/b/c", -2, 1).as_deref(), Some("b"));
        assert_eq!(field("a/b/c", -1, 2).as_deref(), Some("b/c"));
        assert_eq!(field("a/b/c", 2, 0).as_deref(), Some("b/c"));
        assert_eq!(field("a", 2, 1), None);
        let word = |text, index, count| super::word(text, index, "/", count).unwrap();
        assert_eq!(word("/a//b", 2, 1), "b");
        assert_eq!(word("/a//b/", -1, 1), "b");
        assert_eq!(word("a/b/", 1, 0), "a/b/");
        assert_eq!(word("a//b/c", 1, 2), "a//b");
        assert_eq!(word("a/b//c/", -1, 2), "b//c");
        assert_eq!(word("a", 2, 1), "");
    }

    #[test]
    fn texts_are_substituted() {
        let pattern = Pattern::new("^/v([0-9])", false);
        assert_eq!(substitute(&pattern, "/v1/x", r"/api\1", false).as_deref(), Some("/api1/x"));
        assert_eq!(substitute(&Pattern::new("a", false), "banana", "o", true).as_deref(), Some("bonono"));
        assert_eq!(substitute(&Pattern::new("z", false), "banana", "o", true).as_deref(), Some("banana"));
        assert_eq!(substitute(&Pattern::new("^/", false), "//a", "", true).as_deref(), Some("/a"));
        assert_eq!(substitute(&Pattern::new("x*", false), "aab", "-", true).as_deref(), Some("-a-a-b-"));
    }
}
