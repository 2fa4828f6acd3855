//! The lines of a file that are shown around a finding.

use std::ops::Range;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::text::printable;
use crate::source::{SourceFile, Span};

/// Lines shown above and below those that hold a span.
const CONTEXT: u32 = 1;

/// Some lines of a file, as text of their own: a renderer that is given the whole file would look for their numbers from its
/// start, and a line of megabytes would fill the screen.
pub(super) struct Excerpt {
    name: String,
    text: String,
    /// The number of the first line, from 0.
    first: usize,
    lines: Vec<Line>,
    width: usize,
}

/// A line's part that is shown.
struct Line {
    /// Where it lies in the file.
    shown: Range<usize>,
    /// Where it lies in the excerpt.
    at: usize,
    /// How many bytes of the line come before it.
    before: usize,
}

impl Excerpt {
    /// The lines from the first span to the last, for so many columns.
    pub(super) fn new(file: &SourceFile, spans: &[Span], width: usize) -> Excerpt {
        let underlined: Vec<_> = spans.iter().map(|span| underlined(file, *span, width)).collect();
        let line_of = |range: &Range<usize>| file.position(range.start as u32).line - 1;
        let first = underlined.iter().map(line_of).min().unwrap_or(0).saturating_sub(CONTEXT);
        let last = underlined.iter().map(line_of).max().unwrap_or(0).saturating_add(CONTEXT);
        let last = last.min(file.position(file.len()).line - 1);
        let name = printable(file.name.trim_start_matches("./"));
        let mut excerpt = Excerpt { name, text: String::new(), first: first as usize, lines: Vec::new(), width };
        for number in first..=last {
            let line = line(file, number);
            let here = underlined.iter().filter(|range| line.start <= range.start && range.start <= line.end);
            let end = here.map(|range| range.end.min(line.end)).max();
            excerpt.push(file.text(), line, end);
        }
        excerpt
    }

    /// Adds the part of a line that fits: its start, or where that leaves out what ends at `end`, the part around it.
    fn push(&mut self, text: &str, line: Range<usize>, end: Option<usize>) {
        let room = self.width.max(1);
        let fits = |range: Range<usize>| text[range].char_indices().nth(room).is_none();
        let start = match end {
            Some(end) if !fits(line.start..end) => ceil(text, end.saturating_sub(room / 4 * 3).max(line.start)),
            _ => line.start,
        };
        let shown = text[start..line.end].char_indices().nth(room).map_or(line.end, |(at, _)| start + at);
        if start > line.start {
            self.text.push('…');
        }
        self.lines.push(Line { shown: start..shown, at: self.text.len(), before: start - line.start });
        // A config under lint may hold escape sequences that a terminal would obey.
        self.text.extend(text[start..shown].chars().flat_map(harmless));
        if shown < line.end {
            self.text.push('…');
        }
        self.text.push('\n');
    }

    /// The bytes to underline for one of its spans.
    pub(super) fn range(&self, file: &SourceFile, span: Span) -> Range<usize> {
        let Range { start, end } = underlined(file, span, self.width);
        let line = self.lines.iter().rfind(|line| line.shown.start <= start).or(self.lines.first());
        let Some(Line { shown, at, .. }) = line else { return 0..0 };
        let place = |offset: usize| offset.clamp(shown.start, shown.end) - shown.start + at;
        place(start)..place(end)
    }
}

/// The bytes to underline for a span: on one line, not empty where the line is not, and no more than fit.
fn underlined(file: &SourceFile, span: Span, width: usize) -> Range<usize> {
    let text = file.text();
    let start = floor(text, (span.start as usize).min(text.len()));
    let line = line(file, file.position(start as u32).line - 1);
    let end = floor(text, (span.end as usize).clamp(start, line.end.max(start)));
    let room = width.saturating_sub(start - line.start.min(start)).max(width / 2);
    let end = text[start..end].char_indices().nth(room).map_or(end, |(at, _)| start + at);
    let end = start + text[start..end].trim_end_matches(['\\', ' ', '\t', '\r']).len();
    if start < end {
        return start..end;
    }
    // An empty span is a place between two characters: the next one on its line shows it, or else the one before.
    match (text[start..line.end.max(start)].chars().next(), text[line.start..start].chars().next_back()) {
        (Some(next), _) => start..start + next.len_utf8(),
        (None, Some(before)) => start - before.len_utf8()..start,
        (None, None) => start..start,
    }
}

/// The bytes of a line without its end.
fn line(file: &SourceFile, number: u32) -> Range<usize> {
    let length = file.text().len();
    let range = file.index().line(number);
    let (start, end) = range.map_or((length, length), |range| (range.start().into(), usize::from(range.end()).min(length)));
    start..start + file.text()[start..end].trim_end_matches(['\r', '\n']).len()
}

/// The character, or as many question marks as it has bytes.
fn harmless(c: char) -> impl Iterator<Item = char> {
    let is_harmless = !c.is_control() || c == '\t';
    std::iter::repeat_n(if is_harmless { c } else { '?' }, if is_harmless { 1 } else { c.len_utf8() })
}

impl SourceCode for Excerpt {
    /// Where a span lies in the file, or with lines around it the whole excerpt.
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let contents = |span: SourceSpan, line: usize, column: usize, count: usize| {
            let data = &self.text.as_bytes()[span.offset()..span.offset() + span.len()];
            Box::new(MietteSpanContents::new_named(self.name.clone(), data, span, self.first + line, column, count))
        };
        if before + after > 0 {
            return Ok(contents((0, self.text.len()).into(), 0, 0, self.lines.len()));
        }
        let end = span.offset().checked_add(span.len()).filter(|end| *end <= self.text.len());
        end.ok_or(MietteError::OutOfBounds)?;
        let index = self.lines.iter().rposition(|line| line.at <= span.offset()).unwrap_or(0);
        let column = self.lines.get(index).map_or(0, |line| line.before + span.offset().saturating_sub(line.at));
        Ok(contents(*span, index, column, 1))
    }
}

fn ceil(text: &str, offset: usize) -> usize {
    (offset..=text.len()).find(|offset| text.is_char_boundary(*offset)).unwrap_or(text.len())
}

fn floor(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|offset| text.is_char_boundary(*offset)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    /// What is underlined of a span, and the excerpt around it.
    fn shown(text: &str, start: u32, end: u32) -> (String, String) {
        let file = SourceFile::new(FileId(0), "a.conf".into(), "a.conf".into(), text.into());
        let span = Span { file: file.id, start, end };
        let excerpt = Excerpt::new(&file, &[span], 80);
        (excerpt.text[excerpt.range(&file, span)].to_owned(), excerpt.text)
    }

    #[test]
    fn every_underlined_span_is_on_one_line_and_not_empty() {
        for (text, start, end, expected) in [
            ("", 0, 0, ""),
            ("a", 1, 1, "a"),
            ("a\nb", 1, 1, "a"),
            ("äö", 2, 2, "ö"),
            ("äö", 1, 99, "äö"),
            ("\n", 0, 0, ""),
            ("a {\r\n\n\n\n}", 0, 8, "a {"),
            ("deny \\\n  all", 0, 12, "deny"),
            ("x\n", 2, 2, ""),
        ] {
            assert_eq!(shown(text, start, end).0, expected, "{text:?}");
        }
        assert_eq!(shown(&"x".repeat(9999), 1, 9999).0.len(), 79);
    }

    #[test]
    fn a_line_of_megabytes_is_shown_in_part() {
        let long = format!("{}deny all;{}\n", "x ".repeat(500_000), " y".repeat(500_000));
        let (underlined, text) = shown(&long, 1_000_000, 1_000_009);
        assert_eq!(underlined, "deny all;");
        let line = text.lines().next().unwrap();
        assert!(line.starts_with('…') && line.ends_with('…') && line.chars().count() == 82, "{line}");
    }

    #[test]
    fn escape_sequences_are_masked() {
        assert_eq!(shown("a \u{1b}[2J \u{9b}1m", 0, 1).1, "a ?[2J ??1m\n");
    }

    #[test]
    fn spans_keep_their_lines_and_places() {
        let text = format!("zero\none\n{}two three\nfour\nfive\nsix\n", "é".repeat(400));
        let file = SourceFile::new(FileId(0), "a.conf".into(), "a.conf".into(), text.clone().into());
        let span = |word: &str| {
            let start = text.find(word).unwrap() as u32;
            file.span(start..start + word.len() as u32)
        };
        let spans = [span("four"), span("three"), span("two")];
        let excerpt = Excerpt::new(&file, &spans, 80);
        for (span, word, line, column) in [(spans[0], "four", 3, 0), (spans[1], "three", 2, 804), (spans[2], "two", 2, 800)] {
            let range = excerpt.range(&file, span);
            assert_eq!(&excerpt.text[range.clone()], word);
            let contents = excerpt.read_span(&(range.start, range.len()).into(), 0, 0).unwrap();
            assert_eq!((contents.line(), contents.column()), (line, column), "{word}");
        }
        let lines: Vec<_> = excerpt.text.lines().collect();
        assert_eq!((lines[0], lines[2], lines[3], lines.len()), ("one", "four", "five", 4));
    }
}
