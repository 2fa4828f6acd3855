//! What can be done about findings: their fixes, and comments that silence them.

use std::collections::HashMap;

use gen_lsp_types::{CodeAction, CodeActionKind, CodeActionParams, Diagnostic, Range, TextEdit, Uri, WorkspaceEdit};

use super::convert::Places;
use super::session::{Checked, Session};
use crate::finding::{Edit, Finding, Fix, Safety};
use crate::fix;
use crate::source::SourceFile;

/// The actions for a part of a document.
pub(super) fn offered(session: &Session<'_>, params: &CodeActionParams) -> Vec<CodeAction> {
    let Some(document) = session.documents.of_uri(&params.text_document.uri) else { return Vec::new() };
    let wants = |kind: &CodeActionKind| {
        params.context.only.as_ref().is_none_or(|only| {
            only.iter()
                .any(|wanted| kind.to_string() == wanted.to_string() || kind.to_string().starts_with(&format!("{wanted}.")))
        })
    };
    let mut actions: Vec<CodeAction> = Vec::new();
    for (checked, file) in session.configs(&document.path) {
        let mut found = Vec::new();
        if wants(&CodeActionKind::QuickFix) {
            let here = checked.linted.findings().filter(|finding| finding.span.file == file.id);
            let here = here.filter(|finding| meets(session.encoding.range(file, finding.span), params.range));
            found.extend(here.flat_map(|finding| of_finding(session, checked, file, finding)));
        }
        if wants(&CodeActionKind::SourceFixAll) {
            found.extend(fix_all(session, checked, file));
        }
        // A file that several configs include has the same findings in each.
        found.retain(|action| !actions.contains(action));
        actions.extend(found);
    }
    actions
}

fn meets(one: Range, other: Range) -> bool {
    one.start <= other.end && other.start <= one.end
}

fn of_finding(session: &Session<'_>, checked: &Checked, file: &SourceFile, finding: &Finding) -> Vec<CodeAction> {
    let places = Places { encoding: session.encoding, uri: &|path| session.uri(path) };
    let Some(diagnostic) = places.diagnostic(&checked.linted, finding) else { return Vec::new() };
    let fixed = finding.fix.as_ref().map(|fix| CodeAction {
        is_preferred: (fix.safety == Safety::Safe).then_some(true),
        ..action(title(finding, fix), CodeActionKind::QuickFix, vec![diagnostic.clone()], edits(session, checked, &fix.edits))
    });
    let silent = silenced(session, file, finding).map(|edits| {
        let title = format!("Allow {} here", finding.rule);
        action(title, CodeActionKind::QuickFix, vec![diagnostic.clone()], edits)
    });
    fixed.into_iter().chain(silent).collect()
}

fn action(title: String, kind: CodeActionKind, of: Vec<Diagnostic>, changes: HashMap<Uri, Vec<TextEdit>>) -> CodeAction {
    CodeAction {
        title,
        kind: Some(kind),
        diagnostics: (!of.is_empty()).then_some(of),
        is_preferred: None,
        disabled: None,
        edit: Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }),
        command: None,
        data: None,
        tags: None,
    }
}

fn title(finding: &Finding, fix: &Fix) -> String {
    match fix.safety {
        Safety::Safe => format!("Fix {}", finding.rule),
        Safety::Unsafe => format!("Fix {} (changes who may do what)", finding.rule),
    }
}

fn edits(session: &Session<'_>, checked: &Checked, edits: &[Edit]) -> HashMap<Uri, Vec<TextEdit>> {
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for edit in edits {
        let Some(file) = checked.linted.sources.get(edit.span.file) else { continue };
        let change = TextEdit { range: session.encoding.range(file, edit.span), new_text: edit.text.clone() };
        changes.entry(session.uri(&file.path)).or_default().push(change);
    }
    changes
}

/// A comment above the line of a finding.
fn silenced(session: &Session<'_>, file: &SourceFile, finding: &Finding) -> Option<HashMap<Uri, Vec<TextEdit>>> {
    let (before, _) = file.text().split_at_checked(finding.span.start as usize)?;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    // A comment would cut a statement that goes on over lines.
    if finding.rule == "suppression-unused" || before[..start].trim_end_matches(['\r', '\n']).ends_with('\\') {
        return None;
    }
    let line = file.text()[start..].lines().next()?;
    let indent = &line[..line.len() - line.trim_start().len()];
    let end = if before.ends_with("\r\n") || file.text()[start..].contains("\r\n") { "\r\n" } else { "\n" };
    let place = session.encoding.range(file, file.span(start as u32..start as u32));
    let comment = TextEdit { range: place, new_text: format!("{indent}# proxylint: allow({}){end}", finding.rule) };
    Some(HashMap::from([(session.uri(&file.path), vec![comment])]))
}

/// All safe fixes of a document in one go.
fn fix_all(session: &Session<'_>, checked: &Checked, file: &SourceFile) -> Option<CodeAction> {
    let edits = edits(session, checked, &fix::safe_edits(&checked.linted, file.id));
    let title = "Apply all safe fixes of proxylint".to_owned();
    (!edits.is_empty()).then(|| action(title, CodeActionKind::SourceFixAll, Vec::new(), edits))
}
