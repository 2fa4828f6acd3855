//! How a list of methods is widened.

use crate::finding::Edit;
use crate::mend::{insert, replace, with_alternatives};
use crate::syntax::Directive;

/// Adds methods to the allow-list that a `SecAction` or `SecRule` sets or compares the method with.
pub fn admit(statement: Directive<'_>, methods: &[&str]) -> Option<Vec<Edit>> {
    let is = |name: &str| statement.name().eq_ignore_ascii_case(name);
    if is("SecAction") {
        return admit_in_variable(statement, 0, methods);
    }
    // A rule that looks whether the list is there sets the default of the Core Rule Set, which is set elsewhere.
    let is_default = statement.arg(0).is_some_and(|variable| variable.starts_with('&'));
    if !is("SecRule") || is_default {
        return None;
    }
    admit_in_operator(statement, methods).or_else(|| admit_in_variable(statement, 2, methods))
}

/// `setvar:'tx.allowed_methods=GET HEAD POST OPTIONS'`
fn admit_in_variable(statement: Directive<'_>, index: usize, methods: &[&str]) -> Option<Vec<Edit>> {
    const SETS: &str = "tx.allowed_methods=";
    let span = statement.arg_span(index)?;
    let raw = statement.tree.source.slice(span.start..span.end);
    let start = raw.to_ascii_lowercase().find(SETS)? + SETS.len();
    Some(vec![append(statement, span.start as usize + start, &raw[start..], methods)])
}

/// `SecRule REQUEST_METHOD "!@within GET POST"`
fn admit_in_operator(statement: Directive<'_>, methods: &[&str]) -> Option<Vec<Edit>> {
    let span =
        statement.arg_span(1).filter(|_| statement.arg(0).is_some_and(|name| name.eq_ignore_ascii_case("REQUEST_METHOD")))?;
    let raw = statement.tree.source.slice(span.start..span.end);
    let operator = raw.trim_start_matches(['"', '\'']).strip_prefix('!')?.trim_start();
    let list = ["@within ", "@pm "].iter().find_map(|name| operator.strip_prefix(name));
    match list {
        Some(list) if list.contains("%{") => None,
        Some(list) => Some(vec![append(statement, span.end as usize - list.len(), list, methods)]),
        None if operator.starts_with("@rx") || !operator.starts_with('@') => {
            Some(vec![replace(span, with_alternatives(raw, methods)?)])
        }
        None => None,
    }
}

/// Puts methods behind a list of words that starts at a byte and ends with the quote or comma around it.
fn append(statement: Directive<'_>, at: usize, rest: &str, methods: &[&str]) -> Edit {
    let list = &rest[..rest.find(['\'', '"', ',']).unwrap_or(rest.len())];
    let more: String = methods.iter().flat_map(|method| [" ", method]).collect();
    insert(&statement.tree.source, (at + list.trim_end().len()) as u32, more)
}
