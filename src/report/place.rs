//! Places as other programs read them.

use serde::Serialize;

use crate::source::{Sources, Span};

/// A span in the terms of JSON output: lines and columns count from 1, columns and offsets in bytes.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Location<'s> {
    pub(super) file: &'s str,
    pub(super) start: Point,
    pub(super) end: Point,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Point {
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) offset: u32,
}

/// Where a span lies.
pub(super) fn locate(sources: &Sources, span: Span) -> Location<'_> {
    let Some(file) = sources.get(span.file) else {
        let nowhere = Point { line: 1, column: 1, offset: 0 };
        return Location { file: "", start: nowhere, end: nowhere };
    };
    let point = |offset: u32| {
        let offset = offset.min(file.len());
        let at = file.position(offset);
        Point { line: at.line, column: at.column, offset }
    };
    Location { file: &file.name, start: point(span.start), end: point(span.end) }
}
