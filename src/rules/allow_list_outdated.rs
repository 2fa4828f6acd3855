use super::refusal::Refusal;
use super::rule::declare_rule;
use super::verdict::{Case, Observation, Remedy, See, VerdictRule, Wording};
use super::words;
use crate::finding::Severity;
use crate::survey::Survey;

declare_rule! {
    /// A list of methods lets PUT through and forgot PATCH.
    ///
    /// ## What it does
    ///
    /// Finds lists that let PUT through to an application but not PATCH. PATCH became a standard in 2010 (RFC 5789), years after
    /// most of the lists that people still copy.
    ///
    /// ## Why it hurts
    ///
    /// The list looks complete, and the API works until the first partial update. QUERY is the next method to be forgotten.
    ///
    /// ## Example
    ///
    /// ```nginx flagged
    /// location /api/ {
    ///     limit_except GET POST PUT DELETE {
    ///         deny all;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ```haproxy flagged
    /// frontend www
    ///     mode http
    ///     bind 127.0.0.1:80
    ///     http-request deny deny_status 405 unless { method GET HEAD POST PUT DELETE OPTIONS }
    ///     default_backend app
    /// backend app
    ///     mode http
    ///     server app1 127.0.0.1:3000
    /// ```
    ///
    /// ```apache flagged
    /// <VirtualHost *:80>
    ///     ProxyPass "/" "http://127.0.0.1:3000/"
    ///     <Location "/api">
    ///         AllowMethods GET POST PUT DELETE OPTIONS
    ///     </Location>
    /// </VirtualHost>
    /// ```
    ///
    /// ```nginx silent
    /// location /api/ {
    ///     limit_except GET POST PUT PATCH DELETE OPTIONS {
    ///         deny all;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ## How to fix
    ///
    /// Add PATCH to the list; `--fix=unsafe` does.
    ///
    /// ## References
    ///
    /// - RFC 5789 (PATCH)
    "allow-list-outdated", Warning
}

pub(super) const VERDICT: VerdictRule = VerdictRule { rule: &RULE, look, word, mend: |_| Some(Remedy::Admit) };

fn look(survey: &Survey<'_>, see: See<'_>) {
    for refusal in Refusal::all(survey).filter(Refusal::forgets_patch) {
        let severity = if refusal.is_plain() && !refusal.is_habit() { Severity::Warning } else { Severity::Info };
        see(Observation { branch: refusal.branch, methods: refusal.listed(), spared: refusal.spared, severity, request: None });
    }
}

fn word(case: &Case<'_>) -> Wording {
    let (methods, refusal) = (case.methods(), words::refusal(case.answer));
    Wording {
        message: format!("{} lets PUT through but answers {methods} with {refusal}", case.actor()),
        label: format!("{methods} {} {refusal} here", words::verb(case.methods, "gets", "get")),
        help: format!(
            "add PATCH: a list that has PUT and lacks PATCH is mostly older than the application behind it{}",
            words::if_meant(case.answer)
        ),
    }
}
