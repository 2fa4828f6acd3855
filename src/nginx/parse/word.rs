//! One word: quoted or not, escapes, placeholders.

use crate::syntax::template;

/// What was read of a word.
pub(super) struct Lexed {
    /// How many bytes it takes, quotes included.
    pub len: usize,
    /// Its value, where escapes make it differ from its bytes.
    pub cooked: Option<String>,
    pub placeholder: bool,
    pub fault: Option<Fault>,
}

pub(super) enum Fault {
    Unclosed,
    /// Something follows the closing quote at once.
    GluedQuote,
}

/// So many braces of one word are tried as the start of a tag: hostile words must not make that quadratic.
const TRIES: usize = 16;

/// A word without quotes ends at a blank, `;` or `{`; but `{` right after `$` belongs to it, as in `${name}`.
pub(super) fn unquoted(rest: &[u8]) -> Lexed {
    let mut at = 0;
    let mut escaped = false;
    let mut variable = false;
    let mut tagged = false;
    let mut tries = 0;
    while let Some(&byte) = rest.get(at) {
        if matches!(byte, b'{' | b'<') && tries < TRIES {
            tries += 1;
            if let Some(tag) = template::tag(rest, at) {
                tagged = true;
                at = tag.end;
                continue;
            }
        }
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b';' => break,
            b'{' if variable => {}
            b'{' => break,
            b'\\' => {
                escaped = true;
                variable = false;
                at += 1;
            }
            _ => variable = byte == b'$',
        }
        at += 1;
    }
    let len = at.min(rest.len()).max(1);
    finish(rest, 0..len, len, escaped, tagged, None)
}

/// A word in quotes ends at the same quote; blanks, newlines and braces in it are its own.
pub(super) fn quoted(rest: &[u8], quote: u8) -> Lexed {
    let mut at = 1;
    let mut escaped = false;
    let mut tagged = false;
    let mut tries = 0;
    loop {
        match rest.get(at) {
            None => return finish(rest, 1..rest.len().max(1), rest.len(), false, tagged, Some(Fault::Unclosed)),
            Some(b'\\') => {
                escaped = true;
                at += 2;
            }
            Some(&byte) if byte == quote => break,
            Some(b'{' | b'<') if tries < TRIES => {
                tries += 1;
                match template::tag(rest, at) {
                    Some(tag) if tag.kind != template::TagKind::Comment => {
                        tagged = true;
                        at = tag.end;
                    }
                    _ => at += 1,
                }
            }
            Some(_) => at += 1,
        }
    }
    let glued = !matches!(rest.get(at + 1), None | Some(b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' | b')'));
    finish(rest, 1..at, at + 1, escaped, tagged, glued.then_some(Fault::GluedQuote))
}

fn finish(rest: &[u8], value: std::ops::Range<usize>, len: usize, escaped: bool, tagged: bool, fault: Option<Fault>) -> Lexed {
    let bytes = &rest[value];
    let cooked = (escaped && !tagged).then(|| unescape(bytes));
    Lexed { len, cooked, placeholder: tagged || template::has_placeholder(bytes), fault }
}

/// Only these escapes lose their backslash; `\d` and `\.` keep it for the regex engine.
fn unescape(bytes: &[u8]) -> String {
    let mut value = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        let (plain, skip) = match (byte, tail.first()) {
            (b'\\', Some(&sign @ (b'"' | b'\'' | b'\\'))) => (sign, 1),
            (b'\\', Some(b't')) => (b'\t', 1),
            (b'\\', Some(b'r')) => (b'\r', 1),
            (b'\\', Some(b'n')) => (b'\n', 1),
            _ => (byte, 0),
        };
        value.push(plain);
        rest = &tail[skip..];
    }
    String::from_utf8_lossy(&value).into_owned()
}
