//! Applies the fixes of findings to their files.

use std::collections::BTreeMap;

use crate::finding::{Edit, Fix, Safety};
use crate::lint::Linted;
use crate::source::{FileId, SourceFile, Span};

/// A file as it will be.
pub struct Fixed<'s> {
    pub file: &'s SourceFile,
    pub content: Vec<u8>,
    /// How many findings are fixed in it.
    pub count: usize,
}

/// The files that change when the fixes up to `safety` are applied. A fix is taken whole or not at all; one that overlaps an
/// earlier one has to wait for the next run.
pub fn plan(config: &Linted, safety: Safety) -> Vec<Fixed<'_>> {
    let (taken, counts) = choose(config, |fix| fix.safety == Safety::Safe || safety == Safety::Unsafe);
    let mut files: BTreeMap<FileId, Vec<&Edit>> = BTreeMap::new();
    for edit in taken.into_values() {
        files.entry(edit.span.file).or_default().push(edit);
    }
    let fixed = |(id, edits)| Some(apply(config.sources.get(id)?, edits, counts.get(&id).copied().unwrap_or(0)));
    files.into_iter().filter_map(fixed).collect()
}

/// The edits of the safe fixes that change one file and no other.
pub fn safe_edits(config: &Linted, file: FileId) -> Vec<Edit> {
    let is_here = |fix: &Fix| fix.edits.iter().all(|edit| edit.span.file == file);
    let (taken, _) = choose(config, |fix| fix.safety == Safety::Safe && is_here(fix));
    taken.into_values().cloned().collect()
}

/// The edits of the fixes that are wanted and can be made together, and how many findings of each file they fix.
fn choose(config: &Linted, wants: impl Fn(&Fix) -> bool) -> (BTreeMap<Span, &Edit>, BTreeMap<FileId, usize>) {
    let mut taken: BTreeMap<Span, &Edit> = BTreeMap::new();
    let mut counts: BTreeMap<FileId, usize> = BTreeMap::new();
    for finding in config.findings() {
        let Some(Fix { edits, .. }) = finding.fix.as_ref().filter(|fix| wants(fix)) else { continue };
        if !is_sound(config, edits) || edits.iter().any(|edit| meets_any(edit, &taken)) {
            continue;
        }
        taken.extend(edits.iter().map(|edit| (edit.span, edit)));
        *counts.entry(finding.span.file).or_default() += 1;
    }
    (taken, counts)
}

/// Whether an edit meets one that is taken; those do not meet each other, so that only its neighbours can.
fn meets_any(edit: &Edit, taken: &BTreeMap<Span, &Edit>) -> bool {
    let before = taken.range(..=edit.span).next_back();
    let after = taken.range(edit.span..).next();
    before.into_iter().chain(after).any(|(_, other)| meets(edit, other))
}

/// Whether both change the same bytes, or put text at the same place.
fn meets(one: &Edit, other: &Edit) -> bool {
    let (a, b) = (one.span, other.span);
    a.file == b.file && ((a.start < b.end && b.start < a.end) || a.start == b.start)
}

/// Whether the edits are inside of their files and apart from one another.
fn is_sound(config: &Linted, edits: &[Edit]) -> bool {
    let inside = |edit: &Edit| config.sources.get(edit.span.file).is_some_and(|file| edit.span.end <= file.len());
    let apart = edits.iter().enumerate().all(|(index, edit)| edits[..index].iter().all(|other| !meets(edit, other)));
    apart && edits.iter().all(inside)
}

/// The edits are in the order of the file.
fn apply<'s>(file: &'s SourceFile, edits: Vec<&Edit>, count: usize) -> Fixed<'s> {
    let bytes = file.bytes();
    let mut content = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for edit in edits {
        content.extend_from_slice(&bytes[at..edit.span.start as usize]);
        content.extend_from_slice(edit.text.as_bytes());
        at = edit.span.end as usize;
    }
    content.extend_from_slice(&bytes[at..]);
    Fixed { file, content, count }
}
