//! Findings that need no request: checks that never match, always match or are never asked.

mod conditions;
mod criteria;
mod health;
mod rewriting;
mod rules;
mod written;

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::site::Config;
use super::site::acl::{AclId, Condition, Criterion};
use super::site::matching::Matching;
use super::site::proxy::Proxy;
use crate::finding::{Finding, Severity};
use crate::http::{MethodSet, REGISTERED};
use crate::source::Span;
use crate::syntax::{Directive, Tree};

/// What is looked at.
pub(super) struct Checks<'c> {
    pub(super) config: &'c Config,
    pub(super) trees: &'c [Arc<Tree>],
    /// Where unset variables are read.
    pub(super) unset: &'c [(Span, String)],
    /// The methods that people send, without the odd tokens that the config itself brings up.
    registered: MethodSet,
    /// Whether this is a piece of a config, whose `global` and `defaults` are in another file.
    is_piece: bool,
    /// Variables that are compared with a method that HAProxy does not know by number: where, and with which.
    odd_variables: HashMap<&'c str, (Span, &'c str)>,
}

impl<'c> Checks<'c> {
    pub(super) fn new(config: &'c Config, trees: &'c [Arc<Tree>], unset: &'c [(Span, String)]) -> Self {
        let registered = config.universe.set(REGISTERED.iter().copied());
        let is_base = |section: Directive<'_>| matches!(section.name(), "global" | "defaults");
        let is_piece = !trees.iter().flat_map(|tree| tree.statements()).any(is_base);
        Checks { config, trees, unset, registered, is_piece, odd_variables: rewriting::odd_variables(config) }
    }

    pub(super) fn all(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.written(&mut findings);
        let mut cuts: Vec<Span> = findings.iter().map(|finding| finding.span).collect();
        cuts.sort_unstable();
        // Variables stand in the words that they leave empty.
        cuts.dedup_by(|next, cut| cut.contains(*next));
        findings.par_extend(self.config.proxies.par_iter().flat_map_iter(|proxy| self.of_proxy(proxy, &cuts)));
        findings
    }

    fn of_proxy(&self, proxy: &Proxy, cuts: &[Span]) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.criteria(proxy, cuts, &mut findings);
        self.conditions(proxy, &mut findings);
        self.rule_sets(proxy, &mut findings);
        self.rewriting(proxy, &mut findings);
        self.health(proxy, &mut findings);
        findings
    }

    /// The registered methods that an ACL matches, where it looks at nothing but the method.
    fn methods_of(&self, id: AclId) -> Option<MethodSet> {
        let mut all = MethodSet::EMPTY;
        for criterion in self.config.criteria_of(id) {
            if criterion.patterns.matching == Matching::Found {
                return None;
            }
            all |= criterion.methods?;
        }
        Some(all & self.registered)
    }

    fn looks_at_method(&self, condition: &Condition) -> bool {
        condition.groups.iter().flatten().any(|term| self.criteria_of(term.acl).iter().any(Criterion::is_method))
    }

    fn criteria_of(&self, id: AclId) -> &'c [Criterion] {
        self.config.criteria_of(id)
    }
}

fn ineffective(severity: Severity, span: Span, message: impl Into<String>) -> Finding {
    Finding::new("method-check-ineffective", severity, span, message)
}

/// A proxy in sentences: "the frontend `www`".
fn title(proxy: &Proxy) -> String {
    format!("the {} `{}`", proxy.role.name(), proxy.name)
}
