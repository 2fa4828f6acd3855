//! Cuts one line into words as HAProxy's `parse_line` does (src/tools.c): quotes, escapes, comments and the environment.

use std::ops::Range;

use nom::bytes::complete::{take_while, take_while1};
use nom::combinator::recognize;
use nom::sequence::pair;
use nom::{IResult, Parser};

use super::super::environment::Environment;
use crate::syntax::Quote;

/// HAProxy's MAX_LINE_ARGS: a line with more words is refused.
pub(super) const MAX_WORDS: usize = 64;

/// One word of a line; `value` is there where it differs from the bytes between the quotes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) bytes: Range<u32>,
    pub(super) quote: Quote,
    pub(super) value: Option<String>,
}

/// What HAProxy refuses about a line, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) bytes: Range<u32>,
    pub(super) message: &'static str,
}

/// What one line holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) words: Vec<Token>,
    pub(super) comment: Option<Range<u32>>,
    /// Unset variables that the line reads without a default.
    pub(super) unset: Vec<(Range<u32>, String)>,
    pub(super) refusal: Option<Refusal>,
}

/// What the pseudo-variables `$.FILE`, `$.LINE` and `$.SECTION` say.
pub(super) struct Place<'p> {
    pub(super) file: &'p str,
    pub(super) line: u32,
    pub(super) section: &'p str,
}

/// Reads the line that starts at `offset` of its file and ends before its newline into `line`, of which only the room is used.
pub(super) fn read(line: &mut Line, text: &[u8], offset: u32, environment: &Environment, place: &Place<'_>) {
    line.clear();
    let mut reader = LineReader { text, offset, environment, place, at: 0, line, word: None };
    if let Err(refusal) = reader.words() {
        reader.line.refusal = Some(refusal);
    }
}

impl Line {
    fn clear(&mut self) {
        self.words.clear();
        self.comment = None;
        self.unset.clear();
        self.refusal = None;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Plain,
    Single,
    Double,
}

/// The word that is being read. `value` is made at the first byte that does not stand for itself.
struct Open {
    start: usize,
    value: Option<Vec<u8>>,
}

struct LineReader<'l> {
    text: &'l [u8],
    offset: u32,
    environment: &'l Environment,
    place: &'l Place<'l>,
    at: usize,
    line: &'l mut Line,
    word: Option<Open>,
}

/// Bytes that never mean anything. HAProxy's own fast path takes all from `-` on; some of those below mean nothing either.
fn plain(text: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while(|byte| byte >= b'%' && byte != b'\'' && byte != b'\\' || byte == b'!').parse(text)
}

fn name(text: &[u8]) -> IResult<&[u8], &[u8]> {
    recognize(pair(
        take_while1(|byte: u8| byte.is_ascii_alphabetic() || byte == b'_'),
        take_while(|byte: u8| byte.is_ascii_alphanumeric() || byte == b'_'),
    ))
    .parse(text)
}

impl LineReader<'_> {
    fn words(&mut self) -> Result<(), Refusal> {
        self.blanks();
        let mut inside = Inside::Plain;
        let mut quote = 0;
        loop {
            if self.at < self.text.len() {
                self.open();
            }
            if let Ok((_, run)) = plain(&self.text[self.at..]) {
                self.copy(run.len());
            }
            let Some(&byte) = self.text.get(self.at) else { break };
            match byte {
                b'\r' | 0 => break,
                b'#' if inside == Inside::Plain => break self.comment(),
                b'"' if inside != Inside::Single => {
                    quote = self.at;
                    inside = if inside == Inside::Double { Inside::Plain } else { Inside::Double };
                    self.skip(1);
                }
                b'\'' if inside != Inside::Double => {
                    quote = self.at;
                    inside = if inside == Inside::Single { Inside::Plain } else { Inside::Single };
                    self.skip(1);
                }
                b'\\' if inside != Inside::Single => self.escape(inside)?,
                b'$' if inside == Inside::Double => self.variable()?,
                _ if is_space(byte) && inside == Inside::Plain => {
                    self.close();
                    self.bound()?;
                    self.blanks();
                }
                _ => self.copy(1),
            }
        }
        if inside != Inside::Plain {
            return Err(self.refuse(quote..quote + 1, "this quote is never closed"));
        }
        self.close();
        Ok(())
    }

    /// Begins a word here unless one is open.
    fn open(&mut self) {
        if self.word.is_none() {
            self.word = Some(Open { start: self.at, value: None });
        }
    }

    /// Ends the open word, if any. A word that holds nothing at all is none.
    fn close(&mut self) {
        let Some(Open { start, value }) = self.word.take() else { return };
        if start == self.at {
            return;
        }
        let bytes = &self.text[start..self.at];
        let quoted = |sign: u8| bytes.len() > 1 && bytes[0] == sign && bytes[bytes.len() - 1] == sign;
        let quote = match &value {
            None => Quote::None,
            Some(_) if quoted(b'"') => Quote::Double,
            Some(_) if quoted(b'\'') => Quote::Single,
            Some(_) => Quote::None,
        };
        let as_written = if quote == Quote::None { bytes } else { &bytes[1..bytes.len() - 1] };
        let value = value.filter(|value| value != as_written).map(|value| String::from_utf8_lossy(&value).into_owned());
        let bytes = self.range(start..self.at);
        self.line.words.push(Token { bytes, quote, value });
    }

    fn blanks(&mut self) {
        while self.text.get(self.at).is_some_and(|&byte| is_space(byte) && byte != b'\r') {
            self.at += 1;
        }
    }

    fn comment(&mut self) {
        // A sign in the middle of a word ends the word as well as the line.
        self.close();
        let end = self.text.iter().rposition(|&byte| byte != b'\r').map_or(self.at, |last| last + 1);
        self.line.comment = Some(self.range(self.at..end.max(self.at)));
        self.word = None;
    }

    /// Takes bytes as they are.
    fn copy(&mut self, count: usize) {
        let taken = self.at..self.at + count;
        self.at += count;
        if let Some(Open { value: Some(value), .. }) = &mut self.word {
            value.extend_from_slice(&self.text[taken]);
        }
    }

    /// Leaves bytes out of the value.
    fn skip(&mut self, count: usize) {
        self.emit(count, &[]);
    }

    /// Takes `written` instead of the next `count` bytes.
    fn emit(&mut self, count: usize, written: &[u8]) {
        let text = self.text;
        if let Some(Open { start, value }) = &mut self.word {
            value.get_or_insert_with(|| text[*start..self.at].to_vec()).extend_from_slice(written);
        }
        self.at += count;
    }

    fn escape(&mut self, inside: Inside) -> Result<(), Refusal> {
        match self.text.get(self.at + 1) {
            Some(&sign @ (b' ' | b'\\' | b'#' | b'\'' | b'"')) => self.emit(2, &[sign]),
            Some(b't') => self.emit(2, b"\t"),
            Some(b'n') => self.emit(2, b"\n"),
            Some(b'r') => self.emit(2, b"\r"),
            Some(b'$') if inside == Inside::Double => self.emit(2, b"$"),
            Some(b'x') => {
                let digits = self.text.get(self.at + 2..self.at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
                let valid = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
                let Some(byte) = valid.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else {
                    return Err(self.refuse(self.at..self.at + 2, "`\\x` needs two hexadecimal digits"));
                };
                self.emit(4, &[byte]);
            }
            // Any other backslash stands for itself.
            _ => self.copy(1),
        }
        Ok(())
    }

    /// `$NAME`, `${NAME}`, `${NAME-default}` or `${NAME[*]}`.
    fn variable(&mut self) -> Result<(), Refusal> {
        let start = self.at;
        let mut at = start + 1;
        let brace = self.text.get(at) == Some(&b'{');
        at += usize::from(brace);
        let pseudo = self.text.get(at) == Some(&b'.');
        let Ok((_, found)) = name(&self.text[at + usize::from(pseudo)..]) else {
            return Err(self.refuse(start..at + 1, "a variable's name starts with a letter or `_`"));
        };
        let name = String::from_utf8_lossy(found).into_owned();
        at += usize::from(pseudo) + found.len();
        let mut value =
            if pseudo { Some(self.pseudo(&name, start..at)?) } else { self.environment.get(&name).map(str::to_owned) };
        let spread = brace && self.text[at..].starts_with(b"[");
        if spread {
            if !self.text[at..].starts_with(b"[*]") {
                return Err(self.refuse(at..at + 1, "only `[*]` may follow a variable's name"));
            }
            at += 3;
        }
        if brace {
            let rest = &self.text[at..];
            let Some(end) = rest.iter().position(|&byte| byte == b'}').filter(|&end| end == 0 || rest[0] == b'-') else {
                return Err(self.refuse(start..at, "the brace of this variable is never closed"));
            };
            if end > 0 && value.is_none() {
                value = Some(String::from_utf8_lossy(&rest[1..end]).into_owned());
            }
            at += end + 1;
        }
        if value.is_none() {
            let place = self.range(start..at);
            self.line.unset.push((place, name));
        }
        let value = value.unwrap_or_default();
        if spread {
            return self.spread(at - start, &value);
        }
        self.emit(at - start, value.as_bytes());
        Ok(())
    }

    /// Even a blank after the last word that is allowed begins one too many.
    fn bound(&self) -> Result<(), Refusal> {
        if self.line.words.len() < MAX_WORDS {
            return Ok(());
        }
        Err(self.refuse(self.at..self.text.len(), "a line with more than 64 words is refused"))
    }

    fn pseudo(&self, name: &str, bytes: Range<usize>) -> Result<String, Refusal> {
        match name {
            "LINE" => Ok(self.place.line.to_string()),
            "FILE" => Ok(self.place.file.to_owned()),
            "SECTION" => Ok(self.place.section.to_owned()),
            _ => Err(self.refuse(bytes, "there is no such variable besides `.FILE`, `.LINE` and `.SECTION`")),
        }
    }

    /// Each blank of the value begins a new word; all of them stand at the bytes of the first.
    fn spread(&mut self, count: usize, value: &str) -> Result<(), Refusal> {
        let mut parts = value.split_ascii_whitespace();
        self.emit(count, parts.next().unwrap_or("").as_bytes());
        for part in parts {
            let Some(Open { start, value: Some(whole) }) = self.word.take() else { break };
            let whole = String::from_utf8_lossy(&whole).into_owned();
            let bytes = self.range(start..self.at);
            self.line.words.push(Token { bytes, quote: Quote::None, value: Some(whole) });
            self.word = Some(Open { start, value: Some(part.as_bytes().to_vec()) });
            self.bound()?;
        }
        Ok(())
    }

    fn range(&self, bytes: Range<usize>) -> Range<u32> {
        self.offset + bytes.start as u32..self.offset + bytes.end as u32
    }

    fn refuse(&self, bytes: Range<usize>, message: &'static str) -> Refusal {
        let end = bytes.end.min(self.text.len());
        Refusal { bytes: self.range(bytes.start.min(end)..end), message }
    }
}

/// C's isspace.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Settings;

    fn words(text: &str) -> Vec<String> {
        let mut settings = Settings::default();
        settings.defines.insert("M".into(), Some("GET HEAD".into()));
        let environment = Environment::new(&settings);
        let mut line = Line::default();
        read(&mut line, text.as_bytes(), 0, &environment, &Place { file: "f", line: 1, section: "s" });
        assert_eq!(line.refusal, None);
        let value = |token: Token| {
            let bytes = &text[token.bytes.start as usize..token.bytes.end as usize];
            token
                .value
                .unwrap_or_else(|| if token.quote == Quote::None { bytes.into() } else { bytes[1..bytes.len() - 1].into() })
        };
        line.words.into_iter().map(value).collect()
    }

    #[test]
    fn quotes_glue_and_escapes_are_resolved() {
        assert_eq!(words(r#"  acl a path /g"h"'i' # c"#), ["acl", "a", "path", "/ghi"]);
        assert_eq!(words(r"a \# b\ c \x41 DEL\ETE '\'"), ["a", "#", "b c", "A", r"DEL\ETE", r"\"]);
        assert_eq!(words("a b#c d"), ["a", "b"]);
        assert_eq!(words("a \"\" b\r"), ["a", "", "b"]);
    }

    #[test]
    fn variables_expand_inside_double_quotes_only() {
        assert_eq!(
            words(r#"a $M '$M' "$M" "${M}x" "${NO-dflt}" "${NO}""#),
            ["a", "$M", "$M", "GET HEAD", "GET HEADx", "dflt", ""]
        );
        assert_eq!(words(r#"method "${M[*]}" PUT"#), ["method", "GET", "HEAD", "PUT"]);
        assert_eq!(words(r#""$.FILE:$.LINE""#), ["f:1"]);
    }

    #[test]
    fn what_haproxy_refuses_is_refused() {
        let environment = Environment::default();
        let refusal = |text: &str| {
            let mut line = Line::default();
            read(&mut line, text.as_bytes(), 0, &environment, &Place { file: "f", line: 1, section: "s" });
            line.refusal
        };
        for text in ["a \"b", "a 'b", "a \\xg1", "a \"${B\"", "a \"$1\"", "a \"${B[1]}\""] {
            assert!(refusal(text).is_some(), "{text}");
        }
        assert!(refusal(&"w ".repeat(65)).is_some());
        assert!(refusal("w ".repeat(64).trim_end()).is_none());
    }
}
