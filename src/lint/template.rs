//! Findings about files that are still to be filled in.

use std::sync::Arc;

use crate::finding::{Confidence, Finding, Severity};
use crate::source::Span;
use crate::syntax::Tree;

/// The rules that tell what the server would not take.
const REFUSALS: &[&str] = &["config-rejected", "syntax-error", "server-too-old", "unknown-directive"];

/// Makes less of what is said about templates. What a template becomes is not known: names and whole sections come from
/// elsewhere, and branches exclude each other, so that the server may well take what it would refuse as it stands. What is
/// wrong with one statement by itself is wrong in every branch.
pub(super) fn doubt(findings: &mut [Finding], trees: &[Arc<Tree>]) {
    for tree in trees.iter().filter(|tree| tree.is_template()) {
        let template = Template::new(tree);
        for finding in findings.iter_mut().filter(|finding| template.leaves_open(finding)) {
            finding.severity = Severity::Info;
            finding.confidence = Confidence::Low;
            finding.invalid = false;
        }
    }
}

struct Template<'t> {
    tree: &'t Tree,
    /// The heads of statements that a tag touches or decides about, in their order.
    open: Vec<Span>,
}

impl<'t> Template<'t> {
    fn new(tree: &'t Tree) -> Self {
        let touched = tree.all().filter(|statement| statement.has_template() || statement.control().is_some());
        Template { tree, open: touched.map(|statement| statement.head()).collect() }
    }

    fn leaves_open(&self, finding: &Finding) -> bool {
        if finding.span.file != self.tree.source.id {
            return false;
        }
        if REFUSALS.contains(&finding.rule) {
            return !self.tree.controls.is_empty() || self.touches(finding.span);
        }
        // Two statements that get in each other's way may stand in two branches.
        let related = || finding.related.iter().any(|related| self.touches(related.span));
        finding.witness.is_none() && !finding.related.is_empty() && (self.touches(finding.span) || related())
    }

    fn touches(&self, span: Span) -> bool {
        let next = self.open.partition_point(|head| head.end <= span.start);
        span.file == self.tree.source.id && self.open.get(next).is_some_and(|head| head.start < span.end)
    }
}
