//! `RequestHeader … early`, which comes before everything that looks at headers (`modules/metadata/mod_headers.c`).

use std::borrow::Cow;
use std::sync::Arc;

/// What one line makes of a header of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::apache) struct HeaderEdit {
    /// In lower case.
    pub(in crate::apache) name: String,
    /// `None` removes the header.
    pub(in crate::apache) value: Option<Arc<str>>,
    /// Whether only a header that is not there is set.
    pub(in crate::apache) if_empty: bool,
}

impl HeaderEdit {
    /// Reads the words of a line; `None` where it is not `early`, or does more than to set or remove.
    pub(in crate::apache) fn read(words: &[Cow<'_, str>]) -> Option<Self> {
        let (_, rest) = words.split_last().filter(|(last, _)| last.eq_ignore_ascii_case("early"))?;
        let action = rest.first()?.to_ascii_lowercase();
        let name = rest.get(1)?.trim_end_matches(':').to_ascii_lowercase();
        let (value, if_empty) = match (action.as_str(), rest.get(2)) {
            ("set", Some(value)) if !value.contains('%') => (Some(value.as_ref().into()), false),
            ("setifempty", Some(value)) if !value.contains('%') => (Some(value.as_ref().into()), true),
            ("unset", None) => (None, false),
            _ => return None,
        };
        Some(HeaderEdit { name, value, if_empty })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<HeaderEdit> {
        HeaderEdit::read(&line.split(' ').map(Cow::Borrowed).collect::<Vec<_>>())
    }

    #[test]
    fn only_early_lines_count() {
        assert_eq!(read("set X-A b early").unwrap().value.as_deref(), Some("b"));
        assert_eq!(read("unset X-A early").unwrap().name, "x-a");
        assert!(read("set X-A b").is_none() && read("edit X-A b c early").is_none());
    }
}
