//! Files as bytes, and places in them.
//!
//! Every file gets a [`FileId`]; a [`Span`] is a range of bytes of one file. Lines and columns exist only in reports.

mod disk;
mod overlay;
mod reader;

pub(crate) use disk::plain;
pub use disk::{Disk, FileSystem, Kind, MemoryFiles};
pub use overlay::Overlay;
pub use reader::{IncludeError, LoadError, Reader, Settings};

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use line_index::{LineIndex, TextSize};

/// Names one file of a run. Ids count from 0 in the order in which the files were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A range of bytes in one file: `start` is the first byte, `end` is one past the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(file: FileId, range: Range<u32>) -> Self {
        Span { file, start: range.start, end: range.end.max(range.start) }
    }

    /// The range from the start of `self` to the end of `other`, which must be in the same file.
    pub fn to(self, other: Span) -> Span {
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    pub fn contains(self, other: Span) -> bool {
        self.file == other.file && self.start <= other.start && other.end <= self.end
    }

    pub fn len(self) -> u32 {
        self.end - self.start
    }

    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// A value together with the place where it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl<T> Spanned<T> {
    pub fn new(value: T, span: Span) -> Self {
        Spanned { value, span }
    }
}

/// Line and column of a byte, both counted from 1; the column counts bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

/// One file that was read, whole and unchanged.
#[derive(Debug)]
pub struct SourceFile {
    pub id: FileId,
    /// The path as the user or the including file wrote it, for reports.
    pub name: String,
    /// Where the file lies.
    pub path: PathBuf,
    text: String,
    /// The original bytes, kept only where they are not valid UTF-8.
    bytes: Option<Vec<u8>>,
    lines: OnceLock<LineIndex>,
}

/// Stands in [`SourceFile::text`] for a byte that is not part of valid UTF-8, so that offsets stay those of the file.
pub const SUBSTITUTE: char = '\u{1a}';

impl SourceFile {
    pub fn new(id: FileId, name: String, path: PathBuf, bytes: Vec<u8>) -> Self {
        let (text, bytes) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let bytes = error.into_bytes();
                (substitute_invalid(&bytes), Some(bytes))
            }
        };
        SourceFile { id, name, path, text, bytes, lines: OnceLock::new() }
    }

    /// The text, byte for byte as long as the file; bytes that are not UTF-8 read as [`SUBSTITUTE`].
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or(self.text.as_bytes())
    }

    pub fn slice(&self, range: Range<u32>) -> &str {
        self.text.get(range.start as usize..range.end as usize).unwrap_or("")
    }

    pub fn span(&self, range: Range<u32>) -> Span {
        Span::new(self.id, range)
    }

    pub fn len(&self) -> u32 {
        self.text.len() as u32
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The folder that the file lies in.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// Line and column of a byte; a byte past the end is taken for the end.
    pub fn position(&self, offset: u32) -> Position {
        // A byte inside of a sign that takes several is taken for the sign's first.
        let starts = (0..=offset.min(self.len())).rev().find(|&start| self.text.is_char_boundary(start as usize));
        let at = self.index().line_col(TextSize::new(starts.unwrap_or(0)));
        Position { line: at.line + 1, column: at.col + 1 }
    }

    /// Made when a report first asks for a line: most files of a run never appear in one.
    pub fn index(&self) -> &LineIndex {
        self.lines.get_or_init(|| LineIndex::new(&self.text))
    }
}

fn substitute_invalid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| SUBSTITUTE));
    }
    text
}

/// All files of a run, by id.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Arc<SourceFile>>,
}

impl Sources {
    pub fn get(&self, id: FileId) -> Option<&Arc<SourceFile>> {
        self.files.get(id.0 as usize)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<SourceFile>> {
        self.files.iter()
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The text of a span; empty where the file is unknown.
    pub fn text(&self, span: Span) -> &str {
        self.get(span.file).map_or("", |file| file.slice(span.start..span.end))
    }

    pub fn add(&mut self, name: String, path: PathBuf, bytes: Vec<u8>) -> Arc<SourceFile> {
        let file = Arc::new(SourceFile::new(FileId(self.files.len() as u32), name, path, bytes));
        self.files.push(Arc::clone(&file));
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_utf8_keep_their_offsets() {
        let file = SourceFile::new(FileId(0), "x".into(), "x".into(), b"a\xff\xfeb\n\xc3\xa4c".to_vec());
        assert_eq!(file.text(), "a\u{1a}\u{1a}b\näc");
        assert_eq!(file.bytes(), b"a\xff\xfeb\n\xc3\xa4c");
        assert_eq!(file.position(7), Position { line: 2, column: 3 });
        assert_eq!(file.position(999), Position { line: 2, column: 4 });
        assert_eq!(file.position(6), file.position(5));
    }
}
