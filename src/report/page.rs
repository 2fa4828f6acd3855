//! The text of a file as it is shown around a finding.

use std::borrow::Cow;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use crate::source::{SourceFile, Span};

/// How many bytes of a line are shown on either side of a span.
const MAX_SIDE: usize = 120;

/// How many bytes of a span are underlined.
const MAX_UNDERLINE: usize = 400;

/// A span of more lines is underlined on its first one only.
const MAX_LINES: u32 = 4;

/// A file for the renderer, which finds lines by the file's index: the stock implementation counts them from the start of the
/// file for each label.
pub(super) struct Page<'s> {
    file: &'s SourceFile,
    text: Cow<'s, str>,
}

impl<'s> Page<'s> {
    pub(super) fn new(file: &'s SourceFile) -> Self {
        // A config under lint may hold escape sequences that a terminal would obey.
        let harmless = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
        let text = match file.text().chars().all(harmless) {
            true => Cow::Borrowed(file.text()),
            false => Cow::Owned(file.text().chars().flat_map(|c| masked(c, harmless(c))).collect()),
        };
        Page { file, text }
    }

    /// The bytes to underline for a span: inside of the file, not empty, and not a whole page.
    pub(super) fn underlined(&self, span: Span) -> Option<SourceSpan> {
        let length = self.text.len();
        let start = floor(&self.text, (span.start as usize).min(length));
        let mut end = floor(&self.text, (span.end as usize).clamp(start, length));
        end = floor(&self.text, end.min(start + MAX_UNDERLINE));
        let lines = self.file.position(end as u32).line - self.file.position(start as u32).line;
        if lines >= MAX_LINES {
            end = self.text[start..end].find(['\r', '\n']).map_or(end, |line| start + line);
        }
        if start < end {
            return Some((start, end - start).into());
        }
        // An empty span is a place between two characters: the next one on its line shows it, or else the one before.
        match (self.text[start..].chars().next(), self.text[..start].chars().next_back()) {
            (Some(next), _) if next != '\n' && next != '\r' => Some((start, next.len_utf8()).into()),
            (_, Some(before)) => Some((start - before.len_utf8(), before.len_utf8()).into()),
            (Some(next), None) => Some((start, next.len_utf8()).into()),
            (None, None) => None,
        }
    }

    /// The bytes of the line that holds a byte, with its end.
    fn line(&self, line: u32) -> (usize, usize) {
        let index = self.file.index();
        let range = index.line(line);
        let length = self.text.len();
        range.map_or((length, length), |range| (range.start().into(), usize::from(range.end()).min(length)))
    }
}

/// The character, or as many question marks as it has bytes.
fn masked(c: char, harmless: bool) -> impl Iterator<Item = char> {
    std::iter::repeat_n(if harmless { c } else { '?' }, if harmless { 1 } else { c.len_utf8() })
}

fn floor(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|offset| text.is_char_boundary(*offset)).unwrap_or(0)
}

impl SourceCode for Page<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let length = self.text.len();
        let start = span.offset().min(length);
        let end = (start + span.len()).min(length);
        let first = self.file.position(start as u32).line - 1;
        let last = self.file.position(end.max(start + 1).saturating_sub(1) as u32).line - 1;
        let top = first.saturating_sub(before as u32);
        let from = if before == 0 { start } else { self.line(top).0.max(self.near(top, first, start)) };
        let bottom = last.saturating_add(after as u32);
        let to = if after == 0 { end } else { self.line(bottom).1.min(floor(&self.text, end + MAX_SIDE * (after + 1))) };
        let (from, to) = (floor(&self.text, from), floor(&self.text, to.max(end)));
        let line = self.file.position(from as u32).line - 1;
        let column = from - self.line(line).0;
        let shown = SourceSpan::from((from, to - from));
        let name = self.file.name.trim_start_matches("./").chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        let data = &self.text.as_bytes()[from..to];
        let lines = (bottom - top) as usize;
        Ok(Box::new(MietteSpanContents::new_named(name, data, shown, line as usize, column, lines)))
    }
}

impl Page<'_> {
    /// Where the shown part starts so that no line above or before the span fills the screen.
    fn near(&self, top: u32, first: u32, start: usize) -> usize {
        floor(&self.text, start.saturating_sub(MAX_SIDE * (first - top + 1) as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn file(text: &str) -> SourceFile {
        SourceFile::new(FileId(0), "a.conf".into(), "a.conf".into(), text.into())
    }

    fn underlined(text: &str, start: u32, end: u32) -> Option<(usize, usize)> {
        let file = file(text);
        let span = Page::new(&file).underlined(Span { file: file.id, start, end })?;
        Some((span.offset(), span.len()))
    }

    #[test]
    fn every_underlined_span_is_inside_and_not_empty() {
        assert_eq!(underlined("", 0, 0), None);
        assert_eq!(underlined("a", 1, 1), Some((0, 1)));
        assert_eq!(underlined("a\nb", 1, 1), Some((0, 1)));
        assert_eq!(underlined("äö", 2, 2), Some((2, 2)));
        assert_eq!(underlined("äö", 1, 99), Some((0, 4)));
        assert_eq!(underlined("\n", 0, 0), Some((0, 1)));
        assert_eq!(underlined(&"x".repeat(9999), 1, 9999), Some((1, MAX_UNDERLINE)));
        assert_eq!(underlined("a {\n\n\n\n}", 0, 8), Some((0, 3)));
    }

    #[test]
    fn a_line_of_megabytes_is_shown_in_part() {
        let long = format!("{}deny all;{}\n", "x ".repeat(500_000), " y".repeat(500_000));
        let file = file(&long);
        let page = Page::new(&file);
        let contents = page.read_span(&(1_000_000, 9).into(), 1, 1).unwrap();
        assert!(contents.data().len() < 1000);
        assert_eq!((contents.line(), contents.column()), (0, contents.span().offset()));
    }

    #[test]
    fn escape_sequences_are_masked() {
        let file = file("a \u{1b}[2J \u{9b}1m");
        let page = Page::new(&file);
        assert_eq!(page.text, "a ?[2J ??1m");
    }
}
