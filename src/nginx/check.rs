//! What is wrong with a config without looking at any request: what nginx refuses when it starts, and checks of the method
//! that cannot do what they seem to do.

mod blocks;
mod listens;
mod readers;
mod remarks;
mod structure;
mod tables;
mod types;
mod upstreams;
mod values;
mod variables;
mod zones;

use std::cell::OnceCell;
use std::collections::HashSet;

use super::document::Document;
use super::site::{Model, Place};
use crate::finding::{Finding, Safety, Severity};
use crate::mend::without_repeat;
use crate::server::Release;
use crate::source::Span;
use crate::syntax::Directive;

pub(super) fn findings(document: &Document, model: &Model, target: Release) -> Vec<Finding> {
    let mut checker = Checker {
        document,
        model,
        target,
        place: model.place,
        complete: OnceCell::new(),
        defined: OnceCell::new(),
        has_modules: document.trees.iter().flat_map(|tree| tree.all()).any(|one| one.name() == "load_module"),
        is_template: document.is_template(),
        has_strangers: false,
        seen: HashSet::new(),
        findings: document.findings.clone(),
    };
    checker.structure();
    checker.variables();
    checker.remarks();
    checker.includes();
    checker.findings
}

struct Checker<'d> {
    document: &'d Document,
    model: &'d Model,
    target: Release,
    place: Place,
    /// Whether all of the config is here, once asked for.
    complete: OnceCell<bool>,
    /// Zones and formats by the directives that define them, once asked for.
    defined: OnceCell<HashSet<(&'d str, &'d str)>>,
    has_modules: bool,
    is_template: bool,
    /// Whether some directive is of no module that proxylint knows.
    has_strangers: bool,
    /// An included file is checked at each place that includes it, but each finding is told once.
    seen: HashSet<(Span, &'static str)>,
    findings: Vec<Finding>,
}

impl Checker<'_> {
    fn includes(&mut self) {
        if let (true, Some(tree)) = (self.document.is_exhausted(), self.document.trees.first()) {
            let message = "files include one another so often that not all of it was read";
            let start = tree.source.span(0..tree.source.len().min(1));
            self.remark("include-missing", Severity::Warning, start, message, "include each file once");
        }
    }

    fn add(&mut self, finding: Finding) {
        if self.seen.insert((finding.span, finding.rule)) {
            self.findings.push(finding);
        }
    }

    fn reject(&mut self, span: Span, message: impl Into<String>) {
        self.add(Finding::rejected(span, message));
    }

    fn reject_with(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.add(Finding::rejected(span, message).help(help));
    }

    /// What may stand once and stands twice. A repetition word for word says nothing new.
    fn add_repeat(&mut self, first: Directive<'_>, again: Directive<'_>, message: impl Into<String>, help: &str) {
        let finding = Finding::rejected(again.head(), message).related(first.head(), "the first one").help(help);
        self.add(finding.fix(Safety::Safe, without_repeat(first, again)));
    }

    fn remark(&mut self, rule: &'static str, severity: Severity, span: Span, message: impl Into<String>, help: &str) {
        self.add(Finding::new(rule, severity, span, message).help(help));
    }
}

/// Whether two statements may both be there: those under control lines of a template may exclude each other.
fn both_present(one: Directive<'_>, other: Directive<'_>) -> bool {
    one.control().is_none() && other.control().is_none()
}
