//! The rules: what proxylint looks for, a file each.
//!
//! Some rules compare what happens to the methods of a route; they stand in [`verdict::RULES`] with their check. The others are
//! seen by the wings while they read a config ([`crate::server::Site::findings`]); their files hold the manual.

mod rule;
mod refusal;
mod verdict;
mod words;

mod method_override;
mod method_not_implemented;
mod method_denied;
mod preflight_blocked;
mod head_blocked;
mod allow_list_outdated;
mod refusal_status;
mod method_lost_in_redirect;
mod method_check_bypassed;
mod method_check_ineffective;
mod method_regex_unanchored;
mod unknown_method;
mod health_check_method;
mod waf_method_policy;
mod server_too_old;
mod config_rejected;
mod syntax_error;
mod include_missing;
mod unknown_directive;
mod suppression_unused;
mod contract_broken;

use std::collections::HashMap;

use rayon::prelude::*;

use crate::finding::{Finding, Severity};
use crate::mend::Statements;
use crate::server::{Server, Site};
use crate::source::Span;

pub use rule::Rule;

/// Every rule, in the order of the documentation.
pub const RULES: &[&Rule] = &[
    &method_override::RULE,
    &method_not_implemented::RULE,
    &method_denied::RULE,
    &preflight_blocked::RULE,
    &head_blocked::RULE,
    &allow_list_outdated::RULE,
    &refusal_status::RULE,
    &method_lost_in_redirect::RULE,
    &method_check_bypassed::RULE,
    &method_check_ineffective::RULE,
    &method_regex_unanchored::RULE,
    &unknown_method::RULE,
    &health_check_method::RULE,
    &waf_method_policy::RULE,
    &server_too_old::RULE,
    &config_rejected::RULE,
    &syntax_error::RULE,
    &include_missing::RULE,
    &unknown_directive::RULE,
    &suppression_unused::RULE,
    &contract_broken::RULE,
];

/// The rule of this name.
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name).copied()
}

/// All that there is to say about a site, in the order of its files.
pub fn check(server: &dyn Server, site: &dyn Site) -> Vec<Finding> {
    let statements = Statements::new(site.trees());
    let (mut findings, verdicts) = rayon::join(|| site.findings(), || verdict::check(server, site, &statements));
    waf_method_policy::mend(server, site, &statements, &mut findings);
    // What a request shows says more than what the line looks like.
    let mut rewritten: HashMap<Span, Severity> = HashMap::new();
    for verdict in verdicts.iter().filter(|verdict| verdict.rule == method_override::RULE.name) {
        let severity = rewritten.entry(verdict.span).or_insert(verdict.severity);
        *severity = verdict.severity.max(*severity);
    }
    let shown = |finding: &Finding| {
        finding.rule == method_check_bypassed::RULE.name
            && rewritten.get(&finding.span).is_some_and(|severity| *severity >= finding.severity)
    };
    findings.retain(|finding| !shown(finding));
    findings.extend(verdicts);
    findings.par_sort_by(|one, other| (one.span, one.rule, &one.message).cmp(&(other.span, other.rule, &other.message)));
    findings.dedup_by(|one, other| one.span == other.span && one.rule == other.rule && one.message == other.message);
    findings
}

#[cfg(test)]
mod tests;
