use super::rule::declare_rule;
use super::verdict::{Case, Observation, Remedy, See, VerdictRule, Wording};
use super::words;
use crate::finding::Severity;
use crate::http::{Answer, Part, UpstreamMethod};
use crate::survey::{Survey, rewritten};

declare_rule! {
    /// The upstream gets another method than the client sent.
    ///
    /// ## What it does
    ///
    /// Finds directives that replace the request's method on the way to the upstream: `proxy_method`, a constant
    /// `REQUEST_METHOD` parameter, `http-request set-method`, an `error_page` or `ErrorDocument` that fetches a proxied page, a
    /// cache that turns HEAD into GET.
    ///
    /// ## Why it ends in a 501
    ///
    /// The application is asked for something that nobody meant. An upstream without the new method answers 501 or 405; one that
    /// has it runs the wrong action: a DELETE that arrives as GET deletes nothing and reports success.
    ///
    /// ## Example
    ///
    /// ```nginx flagged
    /// location /api/ {
    ///     proxy_method POST;
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ```haproxy flagged
    /// frontend www
    ///     mode http
    ///     bind 127.0.0.1:80
    ///     http-request set-method GET
    ///     default_backend app
    /// backend app
    ///     mode http
    ///     server app1 127.0.0.1:3000
    /// ```
    ///
    /// ```apache flagged
    /// <VirtualHost *:80>
    ///     ErrorDocument 405 /errors/405
    ///     ProxyPass "/" "http://127.0.0.1:3000/"
    ///     <Location "/api">
    ///         AllowMethods GET POST
    ///     </Location>
    /// </VirtualHost>
    /// ```
    ///
    /// Nothing is said where the method was meant to change: in a location for subrequests, or to what it was. On the paths of a
    /// contract, `contract-broken` speaks of the promised methods instead.
    ///
    /// ```nginx silent
    /// location /api/ {
    ///     auth_request /_auth;
    ///     proxy_method $request_method;
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// location = /_auth {
    ///     internal;
    ///     proxy_method GET;
    ///     proxy_pass http://127.0.0.1:3001;
    /// }
    /// ```
    ///
    /// ## How to fix
    ///
    /// Remove the directive, or move it into the one location that it is meant for; `--fix=unsafe` removes it. In a parameter
    /// `REQUEST_METHOD` write `$request_method`. Serve error pages from files.
    ///
    /// ## References
    ///
    /// - RFC 9110, sections 9.1 and 15.6.2
    /// - nginx: `proxy_method`, `proxy_cache_convert_head`, `error_page`; HAProxy: `http-request set-method`; Apache: `ErrorDocument`
    "method-override", Error
}

pub(super) const VERDICT: VerdictRule = VerdictRule { rule: &RULE, look, word, mend: |_| Some(Remedy::PassUnchanged) };

/// A rewrite that hits every method but its target is taken for a mistake; one that names its methods was thought about.
fn look(survey: &Survey<'_>, see: See<'_>) {
    for branch in &survey.branches {
        let Some((methods, new)) = rewritten(survey.site, branch) else { continue };
        let methods = methods & survey.standard();
        if methods.is_empty() {
            continue;
        }
        let forwarded = survey.siblings(branch, |other| matches!(other.verdict.answer, Answer::Forward { .. }));
        let all = survey.siblings(branch, |other| rewritten(survey.site, other).is_some_and(|(_, other)| other == new));
        let spared = forwarded - methods;
        let keeps = forwarded - all - survey.site.universe().only(new);
        let plain = branch.distance == 0 && branch.doubts.is_empty();
        let through_error_page = branch.verdict.steps.iter().any(|step| matches!(step.part, Part::ErrorPage { .. }));
        let severity = match (plain, through_error_page) {
            (false, _) => Severity::Info,
            (true, true) if methods.meets(survey.set(&["POST", "PUT", "PATCH", "DELETE"])) => Severity::Warning,
            (true, false) if keeps.is_empty() && methods.len() > 1 => Severity::Error,
            _ => Severity::Info,
        };
        see(Observation { branch, methods, spared, severity, request: None });
    }
}

fn word(case: &Case<'_>) -> Wording {
    let new = match case.answer {
        Answer::Forward { method: UpstreamMethod::Replaced(new), .. } => new,
        _ => "",
    };
    let (target, next) = match new {
        "" => ("an empty method".to_owned(), "no upstream can read a request without one"),
        new => (new.to_owned(), "the upstream never learns what the client asked for"),
    };
    let help = match case.decision.map(|step| step.part) {
        Some(Part::Cache { help } | Part::ErrorPage { help }) => help.to_owned(),
        _ => format!("remove the directive or limit it to the requests it is meant for: {next}"),
    };
    Wording {
        message: format!("{} sends {} upstream as {target}", case.actor(), case.methods()),
        label: format!("{} {} {target} here", case.methods(), words::verb(case.methods, "becomes", "become")),
        help,
    }
}
