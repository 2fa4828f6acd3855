//! Names of methods that are none.

use super::super::read::{Config, Statement};
use super::super::site::methods::is_built_in;
use crate::finding::{Finding, Safety, Severity};
use crate::http::REGISTERED;
use crate::mend::replace;

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for statement in config.all().filter(|statement| !statement.is_open()) {
        if statement.is_any(&["Limit", "LimitExcept"]) {
            limit(statement, &mut findings);
        } else if statement.is_any(&["RegisterHttpMethod", "Script"]) {
            let names = if statement.is("Script") { 1 } else { usize::MAX };
            for (index, name) in statement.args().iter().enumerate().take(names) {
                findings.extend(misspelt(name).map(|meant| unknown(statement, index, name, meant)));
            }
        }
    }
    findings
}

/// httpd registers any name that `<Limit>` lists, so that a misspelt one protects nothing.
fn limit(statement: Statement<'_>, findings: &mut Vec<Finding>) {
    for (index, name) in statement.args().iter().enumerate() {
        let span = statement.arg_span(index);
        let upper = name.to_ascii_uppercase();
        let section = statement.name();
        if name.contains(',') {
            let list = upper.replace(',', " ");
            let message = format!("`<{section}>` takes `{name}` for the name of one method, which no request has");
            findings.push(
                Finding::new("method-check-ineffective", Severity::Error, span, message)
                    .help(format!("separate methods by blanks: `{}`", list.trim()))
                    .fix(Safety::Safe, vec![replace(span, list.split_whitespace().collect::<Vec<_>>().join(" "))]),
            );
        } else if upper != **name && is_known(&upper) {
            let message = format!("`<{section}>` tells letter case apart: `{name}` is not {upper}");
            let finding = Finding::new("method-check-ineffective", Severity::Error, span, message);
            findings.push(finding.help(format!("write `{upper}`")).fix(Safety::Safe, vec![replace(span, upper)]));
        } else if let Some(meant) = misspelt(name) {
            findings.push(unknown(statement, index, name, meant));
        }
    }
}

fn unknown(statement: Statement<'_>, index: usize, name: &str, meant: &str) -> Finding {
    let message = format!("`{name}` is no registered method");
    let span = statement.arg_span(index);
    let finding = Finding::new("unknown-method", Severity::Warning, span, message).help(format!("did you mean `{meant}`?"));
    // In a macro the word may stand elsewhere.
    let as_written = statement.directive().tree.source.slice(span.start..span.end) == name;
    if as_written { finding.fix(Safety::Safe, vec![replace(span, meant)]) } else { finding }
}

pub(super) fn is_known(name: &str) -> bool {
    is_built_in(name) || REGISTERED.contains(&name)
}

/// The registered method that a name is a slip of.
pub(super) fn misspelt(name: &str) -> Option<&'static str> {
    const WIDELY_USED: &[&str] =
        &["PURGE", "BAN", "REFRESH", "TRACK", "DEBUG", "NOTIFY", "SUBSCRIBE", "UNSUBSCRIBE", "POLL", "MKWORKSPACE"];
    if is_known(name) || WIDELY_USED.contains(&name) || name.len() < 3 || !name.bytes().all(|c| c.is_ascii_uppercase()) {
        return None;
    }
    let near = REGISTERED.iter().take(9).map(|known| (strsim::osa_distance(name, known), *known)).min()?;
    let allowed = if name.len() < 5 { 1 } else { 2 };
    (near.0 <= allowed).then_some(near.1)
}
