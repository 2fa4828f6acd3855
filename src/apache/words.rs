//! The words of a line, cut as httpd's `ap_getword_conf` cuts them (`server/util.c`).

use std::borrow::Cow;
use std::ops::Range;

use nom::bytes::complete::{take_till, take_while, take_while_m_n};
use nom::character::complete::{anychar, one_of};
use nom::combinator::{opt, peek};
use nom::error::ErrorKind;
use nom::{IResult, Parser};

use crate::syntax::Quote;
use crate::syntax::template::{has_angled, split_tag};

/// A word of a line: where it stands, with its quotes, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cut<'t> {
    pub(super) range: Range<usize>,
    pub(super) quote: Quote,
    pub(super) value: Cow<'t, str>,
    /// Whether the word holds a placeholder of a template, which may hold blanks.
    pub(super) template: bool,
}

/// What C's `isspace` takes for blank.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// All words of a line.
pub(super) fn words(line: &str) -> impl Iterator<Item = Cut<'_>> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let (after, cut) = word(line, rest).ok()?;
        rest = after;
        Some(cut)
    })
}

/// The first word of a line and what follows it, without the blanks between.
pub(super) fn first(line: &str) -> (Cow<'_, str>, &str) {
    match word(line, line) {
        Ok((rest, cut)) => (cut.value, rest.trim_start_matches(is_blank)),
        Err(_) => (Cow::Borrowed(""), ""),
    }
}

/// The value of each word.
pub(super) fn values(line: &str) -> Vec<Cow<'_, str>> {
    words(line).map(|cut| cut.value).collect()
}

fn word<'t>(line: &'t str, rest: &'t str) -> IResult<&'t str, Cut<'t>> {
    let (rest, _) = take_while(is_blank).parse(rest)?;
    let (_, sign) = peek(anychar).parse(rest)?;
    let start = line.len() - rest.len();
    let (after, quote, value, template) = match sign {
        '"' | '\'' => {
            let (after, value) = quoted(rest)?;
            let quote = if sign == '"' { Quote::Double } else { Quote::Single };
            let template = value.contains("{{") || value.contains("<%") || has_token(&value);
            (after, quote, value, template)
        }
        _ => {
            let (after, (bytes, template)) = bare(rest)?;
            (after, Quote::None, unescape(bytes, None), template)
        }
    };
    Ok((after, Cut { range: start..line.len() - after.len(), quote, value, template }))
}

/// A quoted word; one that is not closed runs to the end of the line.
fn quoted(input: &str) -> IResult<&str, Cow<'_, str>> {
    let (body, sign) = one_of("\"'").parse(input)?;
    let mut end = body.len();
    let mut signs = body.char_indices().peekable();
    while let Some((index, c)) = signs.next() {
        if c == '\\' {
            signs.next_if(|(_, next)| *next == sign || *next == '\\');
        } else if c == sign {
            end = index;
            break;
        }
    }
    let (rest, _) = opt(anychar).parse(&body[end..])?;
    Ok((rest, unescape(&body[..end], Some(sign))))
}

/// A word without quotes, and whether it holds a placeholder; `{{ x }}` and `<%= x %>` may hold blanks.
fn bare(input: &str) -> IResult<&str, (&str, bool)> {
    let mut rest = input;
    let mut template = false;
    loop {
        let (after, plain) = take_till(|c| is_blank(c) || c == '{' || c == '<').parse(rest)?;
        if let Some(after) = placeholder(after) {
            template = true;
            rest = after;
        } else if after.starts_with(['{', '<']) {
            (rest, _) = anychar.parse(after)?;
        } else {
            let bytes = &input[..input.len() - after.len()];
            if bytes.is_empty() {
                return Err(nom::Err::Error(nom::error::Error::new(plain, ErrorKind::TakeTill1)));
            }
            return Ok((after, (bytes, template || has_token(bytes))));
        }
    }
}

/// What follows a placeholder that starts here and ends on this line.
fn placeholder(input: &str) -> Option<&str> {
    if input.starts_with("{#") { None } else { split_tag(input).map(|(_, after)| after) }
}

/// Whether a word holds `%name%`, `@name@`, `__NAME__` or `<NAME>`, as panels and configure scripts fill in.
fn has_token(word: &str) -> bool {
    /// The search for the end of a name must stay cheap.
    const LONGEST_NAME: usize = 64;
    // Nearly every word is settled by its bytes alone.
    if !word.bytes().any(|byte| matches!(byte, b'%' | b'@' | b'_' | b'<')) {
        return false;
    }
    if has_angled(word.as_bytes()) {
        return true;
    }
    ["%", "@", "@@", "__"].iter().any(|sign| {
        word.match_indices(sign).any(|(index, _)| {
            let after = &word[index + sign.len()..];
            let is_sign = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let name: IResult<&str, &str> = take_while_m_n(1, LONGEST_NAME, is_sign).parse(after);
            name.is_ok_and(|(rest, name)| match *sign {
                "__" => name.len() > 3 && name.ends_with("__") && name.chars().all(|c| !c.is_ascii_lowercase()),
                _ => rest.starts_with(sign) && name.starts_with(|c: char| c.is_ascii_alphabetic()),
            })
        })
    })
}

/// A backslash goes before a backslash, and in a quoted word before the quote; any other one is itself.
fn unescape(bytes: &str, quote: Option<char>) -> Cow<'_, str> {
    if !bytes.contains('\\') {
        return Cow::Borrowed(bytes);
    }
    let mut value = String::with_capacity(bytes.len());
    let mut signs = bytes.chars().peekable();
    while let Some(c) = signs.next() {
        let escaped = if c == '\\' { signs.next_if(|next| *next == '\\' || Some(*next) == quote) } else { None };
        value.push(escaped.unwrap_or(c));
    }
    if value == bytes { Cow::Borrowed(bytes) } else { Cow::Owned(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_count_only_at_the_start_of_a_word() {
        assert_eq!(values(r#"a "b c" 'd "e' f"g h"#), ["a", "b c", r#"d "e"#, "f\"g", "h"]);
        assert_eq!(values(r#""A""B" "open to the end "#), ["A", "B", "open to the end "]);
        assert_eq!(values(r#""a \"b\" \c" x\\y x\y"#), [r#"a "b" \c"#, r"x\y", r"x\y"]);
    }

    #[test]
    fn placeholders_are_one_word() {
        let cut = words("ServerName {{ host.name }}.com <%= @x %> %domain% %{HTTP:X} a@b.c");
        let flags: Vec<_> = cut.map(|word| word.template).collect();
        assert_eq!(flags, [false, true, true, true, false, false]);
    }
}
