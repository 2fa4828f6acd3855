//! The converter `json_query` (src/sample.c, sample_conv_json_query).

use serde_json::Value as Json;

use crate::haproxy::value::Datum;

/// The outer `None` where it cannot be told what HAProxy's lenient reader makes of the text; the inner one where there is nothing.
pub(super) fn query(text: &str, path: &str, integer: bool) -> Option<Option<Datum>> {
    let Ok(document) = serde_json::from_str::<Json>(text) else {
        return if text.contains(['{', '[']) { None } else { Some(None) };
    };
    let Some(found) = find(&document, path) else { return Some(None) };
    match found {
        Json::Bool(truth) => Some(Some(Datum::Truth(*truth))),
        Json::String(text) => Some(Some(Datum::Text(text.as_str().into()))),
        Json::Number(number) if integer => number.as_i64().map(|number| Some(Datum::Number(number))),
        Json::Number(number) => brief(number.as_f64()?).map(|text| Some(Datum::Text(text.into()))),
        Json::Null | Json::Array(_) | Json::Object(_) => Some(None),
    }
}

/// `$`, and keys and places behind it: `$.user.roles[0]`.
fn find<'j>(document: &'j Json, path: &str) -> Option<&'j Json> {
    let mut rest = path.strip_prefix('$')?;
    let mut found = document;
    while !rest.is_empty() {
        let (step, after) = match rest.strip_prefix('[') {
            Some(place) => {
                let (place, after) = place.split_once(']')?;
                (found.get(place.parse::<usize>().ok()?)?, after)
            }
            None => {
                let key = rest.strip_prefix('.')?;
                let end = key.find(['.', '[']).unwrap_or(key.len());
                (found.get(&key[..end])?, &key[end..])
            }
        };
        (found, rest) = (step, after);
    }
    Some(found)
}

/// C's `%g` of numbers that it writes in full: six digits at most, and no exponent.
fn brief(number: f64) -> Option<String> {
    let text = number.to_string();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let plain = number == 0.0 || (1e-4..1e6).contains(&number.abs());
    (plain && digits <= 6).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_values() {
        let text = r#"{"op":"x","n":7,"f":1.5,"a":["p",{"b":true}],"o":{}}"#;
        let found = |path| query(text, path, false).flatten();
        assert_eq!(found("$.op"), Some(Datum::Text("x".into())));
        assert_eq!(found("$.n"), Some(Datum::Text("7".into())));
        assert_eq!(found("$.f"), Some(Datum::Text("1.5".into())));
        assert_eq!(found("$.a[1].b"), Some(Datum::Truth(true)));
        assert_eq!(found("$.o"), None);
        assert_eq!(query(text, "$.n", true).flatten(), Some(Datum::Number(7)));
        assert_eq!(query("{", "$.n", true), None);
    }
}
