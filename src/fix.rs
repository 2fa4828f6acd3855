//! Applies the fixes of findings to their files.

use std::collections::{BTreeMap, HashSet};

use crate::finding::{Edit, Fix, Safety};
use crate::lint::{Linted, Report};
use crate::source::{FileId, SourceFile, Span};

/// What changes in a config when fixes are applied.
pub struct Plan<'c> {
    /// The findings that are fixed.
    pub taken: Vec<&'c Report>,
    pub files: Vec<Fixed<'c>>,
}

impl Plan<'_> {
    /// Where a statement starts when the fixes are applied.
    pub fn start_of(&self, statement: Span) -> u32 {
        let fixed = self.files.iter().find(|fixed| fixed.file.id == statement.file);
        let before = fixed.into_iter().flat_map(|fixed| &fixed.edits).take_while(|edit| edit.span.end <= statement.start);
        before.fold(statement.start, |start, edit| start + edit.text.len() as u32 - edit.span.len())
    }
}

/// A file as it will be.
pub struct Fixed<'s> {
    pub file: &'s SourceFile,
    pub content: Vec<u8>,
    edits: Vec<&'s Edit>,
}

/// Chooses among the fixes up to `safety` that `may` allows. A fix is taken whole or not at all; one that overlaps an earlier
/// one, or is about the same statement, has to wait for the next run.
pub fn plan<'c>(config: &'c Linted, safety: Safety, may: impl Fn(&Report, &Fix) -> bool) -> Plan<'c> {
    let is_safe_enough = |fix: &Fix| fix.safety == Safety::Safe || safety == Safety::Unsafe;
    let (edits, taken) = choose(config, |report, fix| is_safe_enough(fix) && may(report, fix));
    let mut files: BTreeMap<FileId, Vec<&Edit>> = BTreeMap::new();
    for edit in edits.into_values() {
        files.entry(edit.span.file).or_default().push(edit);
    }
    let fixed = |(id, edits)| Some(apply(config.sources.get(id)?, edits));
    Plan { taken, files: files.into_iter().filter_map(fixed).collect() }
}

/// The edits of the safe fixes that change one file and no other.
pub fn safe_edits(config: &Linted, file: FileId) -> Vec<Edit> {
    let is_here = |fix: &Fix| fix.edits.iter().all(|edit| edit.span.file == file);
    let (edits, _) = choose(config, |_, fix| fix.safety == Safety::Safe && is_here(fix));
    edits.into_values().cloned().collect()
}

/// The edits of the fixes that are wanted and can be made together, and the findings that they fix.
fn choose(config: &Linted, wants: impl Fn(&Report, &Fix) -> bool) -> (BTreeMap<Span, &Edit>, Vec<&Report>) {
    let mut edits: BTreeMap<Span, &Edit> = BTreeMap::new();
    let mut taken = Vec::new();
    let mut changed = HashSet::new();
    for report in &config.reports {
        let Some(fix) = report.finding.fix.as_ref().filter(|fix| wants(report, fix)) else { continue };
        if !is_sound(config, &fix.edits) || fix.edits.iter().any(|edit| meets_any(edit, &edits)) {
            continue;
        }
        // What one fix makes of a statement, another one about it cannot know.
        if !changed.insert(report.finding.span) {
            continue;
        }
        edits.extend(fix.edits.iter().map(|edit| (edit.span, edit)));
        taken.push(report);
    }
    (edits, taken)
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
fn apply<'s>(file: &'s SourceFile, edits: Vec<&'s Edit>) -> Fixed<'s> {
    let bytes = file.bytes();
    let mut content = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for edit in &edits {
        content.extend_from_slice(&bytes[at..edit.span.start as usize]);
        content.extend_from_slice(edit.text.as_bytes());
        at = edit.span.end as usize;
    }
    content.extend_from_slice(&bytes[at..]);
    Fixed { file, content, edits }
}
