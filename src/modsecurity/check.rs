//! What is wrong with a policy by itself.

use super::action::Engine;
use super::context::Context;
use super::operator::Test;
use super::rule::{Link, Rule, variable_set};
use crate::finding::{Finding, Severity};
use crate::http::Universe;
use crate::source::{IncludeError, Span};

/// The writing methods that an allow-list must name so that an ordinary HTTP API works behind it.
const WRITING: [&str; 3] = ["PUT", "PATCH", "DELETE"];

/// The method policies of a section that turn ordinary methods away: an allow-list of the Core Rule Set, or a rule that
/// compares the method with a list. `context` has inherited, and `own` is what the section itself says: a list that it
/// inherits is told where it stands.
pub fn method_policies(context: &Context, own: &Context) -> Vec<Finding> {
    if context.engine().is_none_or(|engine| engine.value != Engine::On) {
        return Vec::new();
    }
    let lists = own.rules().flat_map(|rule| rule.links.iter().filter_map(move |link| allowed_by(rule, link)));
    lists.filter_map(|(span, what, methods)| finding(span, &what, &methods)).collect()
}

/// A list of methods that a rule sets or compares the method with, and what that list is.
fn allowed_by<'r>(rule: &'r Rule, link: &'r Link) -> Option<(Span, String, Vec<&'r str>)> {
    let set = link.actions.effects.iter().filter_map(variable_set);
    let crs = set.filter(|(name, _)| name.eq_ignore_ascii_case("tx.allowed_methods")).find_map(|(_, list)| list.constant());
    if let Some(list) = crs {
        return Some((link.span, "the allow-list `tx.allowed_methods`".into(), list.split_whitespace().collect()));
    }
    let check = link.check.as_ref().filter(|check| check.is_about_method() && check.operator.negated && rule.disrupts())?;
    let alone = rule.links.len() == 1 && matches!(check.operator.test, Test::Within | Test::Pattern(_) | Test::Phrases(_));
    let words = check.words();
    (alone && !words.is_empty()).then(|| (link.span, rule.name(), words))
}

fn finding(span: Span, what: &str, methods: &[&str]) -> Option<Finding> {
    let missing: Vec<&str> = WRITING.into_iter().filter(|method| !methods.contains(method)).collect();
    let listed = missing.iter().map(|method| format!("`{method}`")).collect::<Vec<_>>();
    let names = match &listed[..] {
        [] => return None,
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    };
    // A list that names some writing methods was meant for an API, and forgets the others.
    let severity = if missing.len() < WRITING.len() { Severity::Warning } else { Severity::Info };
    let mut all: Vec<&str> = methods.to_vec();
    all.extend(&missing);
    let finding = Finding::new("waf-method-policy", severity, span, format!("{what} turns away {names}"));
    let finding = finding.label("the methods that pass").help(format!("if clients use them, allow `{}`", all.join(" ")));
    // Registered methods have the same place in every universe.
    Some(finding.methods(Universe::default().set(missing)))
}

pub(super) fn include_failed(span: Span, error: &IncludeError) -> Finding {
    let severity = match error {
        IncludeError::Missing { inside: true, .. } => Severity::Warning,
        _ => Severity::Info,
    };
    Finding::new("include-missing", severity, span, error.to_string())
}
