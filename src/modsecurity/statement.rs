//! The lines of a ModSecurity rules file.

use std::borrow::Cow;

use crate::source::{Span, Spanned};

/// One directive: its name and its arguments without quotes.
#[derive(Clone, Debug)]
pub struct Statement<'t> {
    pub name: Spanned<Cow<'t, str>>,
    pub arguments: Vec<Spanned<Cow<'t, str>>>,
    /// From the name to the end of the last argument.
    pub span: Span,
}

impl<'t> Statement<'t> {
    /// A directive whose words were read by the host server's own tokenizer.
    pub fn new(name: Spanned<&'t str>, arguments: impl IntoIterator<Item = Spanned<&'t str>>, span: Span) -> Self {
        let borrow = |word: Spanned<&'t str>| Spanned::new(Cow::Borrowed(word.value), word.span);
        Statement { name: borrow(name), arguments: arguments.into_iter().map(borrow).collect(), span }
    }

    pub(super) fn argument(&self, index: usize) -> Option<&str> {
        self.arguments.get(index).map(|word| &*word.value)
    }
}

/// Reads all statements of a text that lies at `place`. Where the text is not what stands in the file byte for byte, as in a
/// quoted word with escapes, every statement takes the whole place for its span.
pub fn statements(text: &str, place: Span) -> Vec<Statement<'_>> {
    let exact = text.len() == place.len() as usize;
    let span = |start: usize, end: usize| match exact {
        true => Span { start: place.start + start as u32, end: place.start + end as u32, ..place },
        false => place,
    };
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let end = line_end(text, at);
        let words = words(text, at, end);
        if let [name, arguments @ ..] = &words[..] {
            let last = arguments.last().unwrap_or(name);
            let spanned = |word: &Piece<'_>| span(word.start, word.end);
            found.push(Statement {
                span: span(name.start, last.end),
                name: Spanned::new(name.value.clone(), spanned(name)),
                arguments: arguments.iter().map(|word| Spanned::new(word.value.clone(), spanned(word))).collect(),
            });
        }
        at = end + 1;
    }
    found
}

struct Piece<'t> {
    value: Cow<'t, str>,
    start: usize,
    end: usize,
}

/// Where the logical line ends that starts at `from`: a backslash before the line end joins the next line.
fn line_end(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(length) = bytes[at..].iter().position(|&byte| byte == b'\n') {
        let end = at + length;
        let line = bytes[from..end].strip_suffix(b"\r").unwrap_or(&bytes[from..end]);
        if line.last() != Some(&b'\\') {
            return end;
        }
        at = end + 1;
    }
    text.len()
}

/// The words of one logical line; none for a comment.
fn words(text: &str, from: usize, to: usize) -> Vec<Piece<'_>> {
    let mut words = Vec::new();
    let mut at = from;
    loop {
        at = skip_blank(text, at, to);
        if at >= to || (words.is_empty() && text.as_bytes()[at] == b'#') {
            return words;
        }
        let word = word(text, at, to);
        at = word.end;
        words.push(word);
    }
}

fn skip_blank(text: &str, mut at: usize, to: usize) -> usize {
    let bytes = text.as_bytes();
    while at < to {
        match bytes[at] {
            b'\\' if continuation(&bytes[at..to]).is_some() => at += continuation(&bytes[at..to]).unwrap_or(1),
            byte if byte.is_ascii_whitespace() => at += 1,
            _ => break,
        }
    }
    at
}

/// The length of a backslash with the line end that it hides.
fn continuation(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'\\', b'\n', ..] => Some(2),
        [b'\\', b'\r', b'\n', ..] => Some(3),
        _ => None,
    }
}

/// One word: quoted by `"` or `'`, where a backslash keeps the quote, or up to the next blank.
fn word(text: &str, start: usize, to: usize) -> Piece<'_> {
    let bytes = text.as_bytes();
    let quote = Some(bytes[start]).filter(|byte| matches!(byte, b'"' | b'\''));
    let first = start + usize::from(quote.is_some());
    let mut at = first;
    let mut plain = first;
    let mut cooked = String::new();
    while at < to {
        let byte = bytes[at];
        if quote.map_or(byte.is_ascii_whitespace(), |quote| byte == quote) {
            break;
        }
        if let Some(length) = continuation(&bytes[at..to]) {
            cooked.push_str(&text[plain..at]);
            at += length;
            plain = at;
        } else if byte == b'\\' && bytes.get(at + 1).is_some_and(|next| *next == b'\\' || Some(*next) == quote) && at + 1 < to {
            cooked.push_str(&text[plain..at]);
            plain = at + 1;
            at += 2;
        } else {
            at += 1;
        }
    }
    let rest = &text[plain..at];
    let value = if plain == first { Cow::Borrowed(rest) } else { Cow::Owned(cooked + rest) };
    Piece { value, start, end: (at + usize::from(quote.is_some())).min(to) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn read(text: &str) -> Vec<Vec<String>> {
        let place = Span::new(FileId(0), 0..text.len() as u32);
        let of = |statement: Statement<'_>| {
            std::iter::once(statement.name).chain(statement.arguments).map(|word| word.value.into_owned()).collect()
        };
        statements(text, place).into_iter().map(of).collect()
    }

    #[test]
    fn lines_are_joined_and_quotes_taken_off() {
        let read = read("# a \\\ncomment\nSecRule ARGS \"@rx \\\"x\\\\\" \\\n   \"id:1,\\\n  deny\"\r\nSecMarker END\n");
        assert_eq!(read, [vec!["SecRule", "ARGS", "@rx \"x\\", "id:1,  deny"], vec!["SecMarker", "END"]]);
    }

    #[test]
    fn spans_cover_the_words() {
        let text = "\nSecAction 'id:1'\n";
        let found = statements(text, Span::new(FileId(0), 100..100 + text.len() as u32));
        assert_eq!((found[0].span.start, found[0].span.end), (101, 117));
        assert_eq!(found[0].arguments[0].span.start, 111);
    }
}
