//! Comments that silence findings: `# proxylint: allow(rule, rule) reason` and `# proxylint: allow-file(rule) reason`.
//!
//! `allow` holds for the statement on its line, or else for the one that follows, with its block. `allow-file` holds for its
//! file, wherever it stands.

use std::ops::Range;
use std::sync::Arc;

use crate::config::{rule_help, unknown_rule};
use crate::finding::{Edit, Finding, Safety, Severity};
use crate::rules;
use crate::source::Span;
use crate::syntax::{Directive, Tree};

const RULE: &str = "suppression-unused";

/// Takes out the findings that a comment of the config allows, and adds one for each comment that allows nothing. `unsaid` are
/// those that are not told for other reasons, which a comment may speak of all the same.
pub fn apply(findings: Vec<Finding>, unsaid: &[Finding], trees: &[Arc<Tree>]) -> Vec<Finding> {
    let mut read: Vec<_> = trees.iter().map(|tree| tree.source.id).collect();
    let mut suppressions = Vec::new();
    for tree in trees {
        // A file that is included twice has two trees and one text.
        if let Some(index) = read.iter().position(|id| *id == tree.source.id) {
            read.swap_remove(index);
            if !read.contains(&tree.source.id) {
                suppressions.extend(of_tree(tree));
            }
        }
    }
    if suppressions.is_empty() {
        return findings;
    }
    _ = allowed_out(unsaid.to_vec(), &mut suppressions);
    let mut kept = allowed_out(findings, &mut suppressions);
    // What a shared piece allows may be found in another of the configs that include it.
    let main = trees.first().map(|tree| tree.source.id);
    let severity = |file| if Some(file) == main { Severity::Warning } else { Severity::Info };
    kept.extend(suppressions.iter().filter_map(|one| one.complaint(severity(one.comment.file))));
    kept.sort_by_key(|finding| finding.span);
    kept
}

/// The findings that no suppression allows. Both are walked in the order of the files, with the suppressions at hand whose
/// statements are open: statements lie in one another or apart.
fn allowed_out(mut findings: Vec<Finding>, suppressions: &mut [Suppression]) -> Vec<Finding> {
    findings.sort_by_key(|finding| finding.span);
    suppressions.sort_by_key(|suppression| suppression.target.map(|target| (target.file, target.start)));
    let mut next = 0;
    let mut open: Vec<usize> = Vec::new();
    findings.retain(|finding| {
        let begins = |target: Span| (target.file, target.start) <= (finding.span.file, finding.span.start);
        while let Some(suppression) = suppressions.get(next).filter(|suppression| suppression.target.is_none_or(begins)) {
            open.extend(suppression.target.map(|_| next));
            next += 1;
        }
        let ended = |target: Span| (target.file, target.end) < (finding.span.file, finding.span.end);
        while open.last().is_some_and(|last| suppressions[*last].target.is_none_or(ended)) {
            open.pop();
        }
        let mut allowed = false;
        for suppression in &open {
            allowed |= suppressions[*suppression].allows(finding);
        }
        !allowed
    });
    findings
}

struct Suppression {
    comment: Span,
    /// The bytes that a removal of the comment takes away.
    removal: Span,
    /// `None` where nothing follows that it could hold for.
    target: Option<Span>,
    names: Vec<Name>,
    /// What is wrong with the comment as such.
    malformed: bool,
}

struct Name {
    text: String,
    span: Span,
    used: bool,
}

impl Suppression {
    fn allows(&mut self, finding: &Finding) -> bool {
        if !self.target.is_some_and(|target| target.contains(finding.span)) {
            return false;
        }
        let mut allowed = false;
        for name in self.names.iter_mut().filter(|name| name.text == finding.rule) {
            name.used = true;
            allowed = true;
        }
        allowed
    }

    fn complaint(&self, unused_is: Severity) -> Option<Finding> {
        if self.malformed {
            let finding = Finding::new(RULE, Severity::Warning, self.comment, "this comment is not read as a suppression");
            return Some(finding.help("write it as `# proxylint: allow(rule) reason`"));
        }
        if let Some(unknown) = self.names.iter().find(|name| rules::find(&name.text).is_none()) {
            let finding = Finding::new(RULE, Severity::Warning, unknown.span, unknown_rule(&unknown.text));
            return Some(finding.help(rule_help(&unknown.text)));
        }
        let unused: Vec<_> = self.names.iter().filter(|name| !name.used).collect();
        let first = unused.first()?;
        if unused.len() < self.names.len() {
            let message = format!("nothing here is reported as `{}`", first.text);
            return Some(Finding::new(RULE, unused_is, first.span, message).help("take the name out of the comment"));
        }
        let finding = Finding::new(RULE, unused_is, self.comment, "this suppression silences nothing");
        let edits = vec![Edit { span: self.removal, text: String::new() }];
        Some(finding.help("remove the comment").fix(Safety::Safe, edits))
    }
}

fn of_tree(tree: &Tree) -> impl Iterator<Item = Suppression> {
    tree.comments.iter().filter_map(|comment| suppression(tree, comment.clone()))
}

fn suppression(tree: &Tree, comment: Range<u32>) -> Option<Suppression> {
    let source = &tree.source;
    let text = source.slice(comment.clone());
    let order = text.trim_start_matches('#').trim_start().strip_prefix("proxylint:")?.trim_start();
    let (is_file, list) = match (order.strip_prefix("allow-file"), order.strip_prefix("allow")) {
        (Some(rest), _) => (true, rest.trim_start().strip_prefix('(').and_then(|rest| rest.split_once(')'))),
        (None, Some(rest)) => (false, rest.trim_start().strip_prefix('(').and_then(|rest| rest.split_once(')'))),
        (None, None) => (false, None),
    };
    let offset = |part: &str| comment.end - (text.len() - (part.as_ptr() as usize - text.as_ptr() as usize)) as u32;
    let name = |part: &str| {
        let part = part.trim();
        let start = offset(part);
        Name { text: part.to_owned(), span: source.span(start..start + part.len() as u32), used: false }
    };
    let names: Vec<_> = list.map_or(Vec::new(), |(list, _)| list.split(',').map(name).collect());
    let malformed = names.is_empty() || names.iter().any(|name| name.text.is_empty());
    let target = if is_file { Some(source.span(0..source.len())) } else { target(tree, &comment) };
    let removal = removal(tree, &comment);
    Some(Suppression { comment: source.span(comment), removal, target, names, malformed })
}

/// The statement that a comment speaks of.
fn target(tree: &Tree, comment: &Range<u32>) -> Option<Span> {
    let text = tree.source.text();
    let line = text[..comment.start as usize].rfind('\n').map_or(0, |end| end + 1) as u32;
    let on_line = tree.source.slice(line..comment.start);
    if !on_line.trim().is_empty() {
        // What starts on the line, with its block; else the statement that ends there.
        let of_line = tree.starting_at(line).map(|statement| statement.span());
        let starts = of_line.take_while(|span| span.start < comment.start).reduce(Span::to);
        let around = || std::iter::successors(tree.last_before(line), Directive::parent).map(|statement| statement.span());
        return starts.or_else(|| around().find(|span| span.end > line));
    }
    let next = tree.starting_at(comment.end).next()?.span();
    // Only blanks and further comments may lie between; the end of a block ends what the comment could speak of.
    let mut at = comment.end;
    let first = tree.comments.partition_point(|other| other.start < comment.end);
    for other in tree.comments[first..].iter().take_while(|other| other.start < next.start) {
        if !tree.source.slice(at..other.start).trim().is_empty() {
            return None;
        }
        at = other.end;
    }
    tree.source.slice(at..next.start).trim().is_empty().then_some(next)
}

/// The comment with the blanks before it and, where it has a line of its own, that line.
fn removal(tree: &Tree, comment: &Range<u32>) -> Span {
    let text = tree.source.text();
    let before = text[..comment.start as usize].trim_end_matches([' ', '\t']);
    let own_line = before.is_empty() || before.ends_with('\n');
    let after = &text[comment.end as usize..];
    let line_end = after.bytes().take_while(|byte| *byte == b'\r').count();
    let line_end = line_end + usize::from(after[line_end..].starts_with('\n'));
    let end = if own_line { comment.end + line_end as u32 } else { comment.end };
    tree.source.span(before.len() as u32..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, SourceFile};
    use crate::syntax::{Quote, TreeBuilder};

    /// One word a statement, a brace or `;` behind it; enough of a language to hang comments on.
    fn tree(text: &str) -> Arc<Tree> {
        let source = Arc::new(SourceFile::new(FileId(0), "t".into(), "t".into(), text.into()));
        let mut builder = TreeBuilder::new(source);
        let mut word = None;
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let start = word.unwrap_or(at as u32);
            match c {
                '#' => {
                    let end = text[at..].find('\n').map_or(text.len(), |line| at + line);
                    builder.comment(at as u32..end as u32);
                    at = end;
                    continue;
                }
                ';' | '{' => {
                    builder.word(start..at as u32, Quote::None, None);
                    let bytes = start..at as u32 + 1;
                    if c == ';' {
                        builder.simple(bytes)
                    } else {
                        builder.open(bytes)
                    };
                    word = None;
                }
                '}' => _ = builder.close(at as u32 + 1),
                c if c.is_whitespace() => {}
                _ => word = Some(start),
            }
            at += c.len_utf8();
        }
        Arc::new(builder.finish())
    }

    fn rest(text: &str, at: &str) -> Vec<(&'static str, String)> {
        let tree = tree(text);
        let start = text.find(at).unwrap() as u32;
        let span = tree.source.span(start..start + at.len() as u32);
        let finding = Finding::new("method-denied", Severity::Warning, span, "x");
        apply(vec![finding], &[], &[tree]).into_iter().map(|finding| (finding.rule, finding.message)).collect()
    }

    #[test]
    fn a_comment_holds_for_its_line_or_what_follows() {
        assert_eq!(rest("a { deny; # proxylint: allow(method-denied) read only\n}", "deny"), []);
        assert_eq!(rest("# proxylint: allow(method-denied)\n# more\na {\n deny;\n}", "deny"), []);
        assert_eq!(rest("a { # proxylint: allow(method-denied)\n deny;\n}", "deny"), []);
        assert_eq!(rest("deny;\n# proxylint: allow-file(method-denied)", "deny"), []);
    }

    #[test]
    fn what_silences_nothing_is_told() {
        let told = rest("a {\n b; # proxylint: allow(method-denied)\n deny;\n}", "deny");
        assert_eq!(told[0].1, "this suppression silences nothing");
        assert_eq!(told[1].0, "method-denied");
        let told = rest("deny; # proxylint: allow(method-denid, method-denied)", "deny");
        assert_eq!(told, [("suppression-unused", "no rule is called `method-denid`".to_owned())]);
        assert_eq!(rest("deny; # proxylint: ignore it", "deny").len(), 2);
        assert_eq!(rest("a {\n # proxylint: allow(method-denied)\n}\ndeny;", "deny").len(), 2);
    }
}
