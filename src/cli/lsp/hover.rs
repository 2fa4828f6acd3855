//! The manual of a rule, over its finding and over its name in a comment.

use gen_lsp_types::{Hover, HoverParams, MarkupContent, MarkupKind, Position, Range};

use super::session::Session;
use crate::rules::{self, Rule};
use crate::source::SourceFile;

pub(super) fn shown(session: &Session<'_>, params: &HoverParams) -> Option<Hover> {
    let asked = &params.text_document_position_params;
    let document = session.documents.of_uri(&asked.text_document.uri)?;
    let mut told: Vec<&Rule> = Vec::new();
    let mut place = None;
    for (checked, file) in session.configs(&document.path) {
        let by_name = session.encoding.offset(file, asked.position).and_then(|offset| named(offset, file));
        let here = checked.linted.findings().filter(|finding| finding.span.file == file.id && by_name.is_none());
        let here = here.map(|finding| (session.encoding.range(file, finding.span), finding));
        for (range, finding) in here.filter(|(range, _)| holds(*range, asked.position)) {
            told.extend(rules::find(finding.rule).filter(|rule| told.iter().all(|known| known.name != rule.name)));
            place = place.or(Some(range));
        }
        told.extend(by_name.filter(|_| told.is_empty()));
    }
    let pages = told.iter().map(|rule| format!("### {}\n\n{}\n[In the book]({})", rule.name, rule.markdown(), rule.url()));
    let value = pages.collect::<Vec<_>>().join("\n\n---\n\n");
    let contents = MarkupContent { kind: MarkupKind::Markdown, value };
    (!told.is_empty()).then(|| Hover { contents: contents.into(), range: place })
}

fn holds(range: Range, position: Position) -> bool {
    range.start <= position && position <= range.end
}

/// The rule whose name stands at a place of a comment.
fn named(offset: usize, file: &SourceFile) -> Option<&'static Rule> {
    let (before, after) = file.text().split_at_checked(offset)?;
    let line = before.rfind('\n').map_or(before, |end| &before[end + 1..]);
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let start = line.len() - line.trim_end_matches(is_name).len();
    let end = after.len() - after.trim_start_matches(is_name).len();
    line.contains("proxylint:").then(|| rules::find(&file.text()[offset - start..offset + end])).flatten()
}
