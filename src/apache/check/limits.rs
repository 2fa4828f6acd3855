//! Directives that `<Limit>` does not limit (`ap_limit_section` sets a mask that only authorization looks at).

use super::super::read::{Config, Statement};
use crate::finding::{Finding, Severity};

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for limit in config.all().filter(|statement| statement.is_any(&["Limit", "LimitExcept"])) {
        for inner in limit.children().filter(|inner| decides(*inner)) {
            let (name, section) = (inner.name(), limit.name());
            let message = format!("`{name}` works for all methods: `<{section}>` only limits who may");
            findings.push(
                Finding::new("method-check-ineffective", Severity::Warning, inner.span(), message)
                    .help("move it out and test the method itself, with `RewriteCond %{REQUEST_METHOD}` or `<If>`")
                    .related(limit.span(), "this section limits `Require`, `Order`, `Allow`, `Deny` and `Satisfy`"),
            );
        }
    }
    findings
}

/// Whether a directive decides what becomes of requests, so that its working for all methods matters.
fn decides(statement: Statement<'_>) -> bool {
    statement.is_any(&["RewriteRule", "Redirect", "RedirectMatch", "AllowMethods", "SetHandler", "Dav"])
}
