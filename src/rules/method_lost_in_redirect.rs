use super::rule::declare_rule;
use super::verdict::{Case, Observation, Remedy, See, VerdictRule, Wording};
use super::words;
use crate::finding::Severity;
use crate::survey::Survey;

declare_rule! {
    /// A redirect makes clients come back with GET.
    ///
    /// ## What it does
    ///
    /// Finds answers 301, 302 and 303 to POST, PUT, PATCH and DELETE.
    ///
    /// ## Why it hurts
    ///
    /// Clients follow 301 and 302 with GET after a POST, some of them after any method, and 303 always; the body is gone. What was
    /// sent as a write arrives as a read, and an endpoint that has no GET answers 405 or 501. 308 and 307 keep method and body.
    ///
    /// ## Example
    ///
    /// ```nginx flagged
    /// location /api/v1/ {
    ///     return 301 /api/v2/;
    /// }
    /// ```
    ///
    /// ```apache flagged
    /// <VirtualHost *:80>
    ///     Redirect permanent "/api/" "/v2/"
    ///     ProxyPass "/v2/" "http://127.0.0.1:3000/"
    /// </VirtualHost>
    /// ```
    ///
    /// ```haproxy flagged
    /// frontend www
    ///     mode http
    ///     bind 127.0.0.1:80
    ///     http-request redirect prefix /v2 code 301 if { path_beg /api/ }
    ///     default_backend app
    /// backend app
    ///     mode http
    ///     server app1 127.0.0.1:3000
    /// ```
    ///
    /// ```nginx silent
    /// location /api/v1/ {
    ///     return 308 /api/v2/;
    /// }
    /// ```
    ///
    /// ## How to fix
    ///
    /// Use 308 where 301 is meant and 307 where 302 is. nginx's `rewrite` knows neither: write a `return`. A site-wide redirect to
    /// https for pages may stay as it is.
    ///
    /// ## References
    ///
    /// - RFC 9110, sections 15.4.2 to 15.4.9
    "method-lost-in-redirect", Info
}

pub(super) const VERDICT: VerdictRule = VerdictRule { rule: &RULE, look, word, mend: |_| Some(Remedy::KeepMethod) };

fn look(survey: &Survey<'_>, see: See<'_>) {
    let writes = survey.set(&["POST", "PUT", "PATCH", "DELETE"]);
    for branch in &survey.branches {
        let redirects = matches!(branch.verdict.answer.status(), Some(301..=303));
        let methods = branch.methods & writes;
        if redirects && !methods.is_empty() && branch.doubts.is_empty() {
            let spared = survey.standard() - branch.methods;
            see(Observation { branch, methods, spared, severity: Severity::Info, request: None });
        }
    }
}

fn word(case: &Case<'_>) -> Wording {
    let status = words::refusal(case.answer);
    let keeps = if status == "301" { "308" } else { "307" };
    Wording {
        message: format!("{} redirects {} with {status}, after which clients come back with GET", case.actor(), case.methods()),
        label: "the method and the body are lost here".to_owned(),
        help: format!("{keeps} keeps both"),
    }
}
