//! Conditions on methods that always hold or never do.

use super::{Checks, ineffective};
use crate::finding::{Edit, Finding, Safety, Severity};
use crate::haproxy::site::acl::{Condition, Term};
use crate::haproxy::site::proxy::Proxy;
use crate::haproxy::site::resolve::rules_of;
use crate::http::MethodSet;
use crate::mend::{insert, replace};
use crate::source::Span;

impl Checks<'_> {
    pub(super) fn conditions(&self, proxy: &Proxy, findings: &mut Vec<Finding>) {
        for rule in rules_of(proxy) {
            if let Some(condition) = &rule.condition {
                self.condition(condition, rule.span, rule.action.is_final(), findings);
            }
        }
        for switch in proxy.switches.iter().chain(&proxy.server_rules) {
            if let Some(condition) = &switch.condition {
                self.condition(condition, switch.span, true, findings);
            }
        }
        proxy.monitor_fail.iter().for_each(|condition| self.condition(condition, condition.span, true, findings));
    }

    fn condition(&self, condition: &Condition, rule: Span, decides: bool, findings: &mut Vec<Finding>) {
        if condition.groups.is_empty() {
            if decides {
                let fires = if condition.unless { "so the rule is always taken" } else { "so the rule is never taken" };
                let word = if condition.unless { "unless" } else { "if" };
                let finding =
                    ineffective(Severity::Error, condition.span, format!("`{word}` has no condition behind it, {fires}"));
                findings.push(finding.help("write the condition, or remove the word"));
            }
            return;
        }
        if self.always_holds(condition) {
            let fires = if condition.unless { "the rule is never taken" } else { "the rule is taken for every method" };
            let finding = ineffective(
                Severity::Error,
                condition.span,
                format!("every method fulfils one side of this condition, so {fires}"),
            );
            let finding = finding.label("always true").help(help_for_always(condition));
            findings.push(finding.fix(Safety::Unsafe, self.without_or(condition)));
            return;
        }
        for group in &condition.groups {
            self.contradiction(condition, group, rule, findings);
        }
    }

    /// Whether the groups that look at nothing but the method cover every method together.
    fn always_holds(&self, condition: &Condition) -> bool {
        let all = self.registered;
        let mut covered = MethodSet::EMPTY;
        for group in &condition.groups {
            if let Some(methods) = self.group_methods(group) {
                covered |= methods;
            }
        }
        covered == all
    }

    /// The methods that fulfil all terms of a group; `None` where it looks at anything else.
    fn group_methods(&self, group: &[Term]) -> Option<MethodSet> {
        group.iter().try_fold(self.registered, |left, term| Some(left & self.term_methods(*term)?))
    }

    fn term_methods(&self, term: Term) -> Option<MethodSet> {
        let methods = self.methods_of(term.acl)?;
        Some(if term.negated { self.registered - methods } else { methods })
    }

    fn contradiction(&self, condition: &Condition, group: &[Term], rule: Span, findings: &mut Vec<Finding>) {
        let mut left = self.registered;
        let mut terms: Vec<Term> = Vec::new();
        for term in group {
            let Some(methods) = self.term_methods(*term) else { continue };
            // An ACL that matches no method at all is told where it is defined.
            if methods.is_empty() {
                return;
            }
            terms.push(*term);
            left = left & methods;
        }
        if !left.is_empty() || terms.len() < 2 {
            return;
        }
        let span = terms.iter().fold(terms[0].span, |span, term| span.to(term.span));
        let fires = match (condition.unless, condition.groups.len()) {
            (true, 1) => "so the rule is taken for every method",
            (true, _) => "so this part spares no method",
            (false, 1) => "so the rule is never taken",
            (false, _) => "so this part never holds",
        };
        let finding = ineffective(Severity::Error, span, format!("no request has both methods, {fires}"));
        let finding = finding
            .label("never true")
            .help("ACLs side by side must all hold: join alternatives with `or`, or name the methods in one ACL")
            .fix(Safety::Unsafe, self.with_or(condition, group, &terms));
        findings.push(if rule == span { finding } else { finding.related(rule, "the rule") });
    }
}

impl Checks<'_> {
    /// `METH_PUT METH_DELETE` as alternatives, where nothing else stands in the condition.
    fn with_or(&self, condition: &Condition, group: &[Term], terms: &[Term]) -> Vec<Edit> {
        if condition.groups.len() > 1 || terms.len() < group.len() || terms.iter().any(|term| term.negated) {
            return Vec::new();
        }
        terms[1..].iter().filter_map(|term| Some(insert(self.config.source(term.span)?, term.span.start, "or "))).collect()
    }

    /// `!METH_GET or !METH_POST` side by side.
    fn without_or(&self, condition: &Condition) -> Vec<Edit> {
        let negated: Option<Vec<Term>> = condition
            .groups
            .iter()
            .map(|group| match &group[..] {
                [term] if term.negated => Some(*term),
                _ => None,
            })
            .collect();
        let gap = |pair: &[Term]| replace(Span { start: pair[0].span.end, end: pair[1].span.start, ..pair[0].span }, " ");
        negated.map_or(Vec::new(), |terms| terms.windows(2).map(gap).collect())
    }
}

fn help_for_always(condition: &Condition) -> &'static str {
    if condition.groups.iter().all(|group| group.iter().all(|term| term.negated)) {
        "leave out the `or`: negated ACLs side by side must all hold"
    } else {
        "check the negations"
    }
}
