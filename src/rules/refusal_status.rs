use super::refusal::Refusal;
use super::rule::declare_rule;
use super::verdict::{Case, Observation, Remedy, See, VerdictRule, Wording};
use super::words;
use crate::finding::Severity;
use crate::survey::Survey;

declare_rule! {
    /// A method is refused with a status that misleads clients.
    ///
    /// ## What it does
    ///
    /// Finds refusals of a method with 403 or a closed connection where GET passes.
    ///
    /// ## Why it hurts
    ///
    /// 403 sends people to look for missing permissions, a closed connection to look for a broken network, and clients repeat the
    /// request. 405 with an Allow header says what is meant: not this method, but these.
    ///
    /// ## Example
    ///
    /// ```nginx flagged
    /// location /api/ {
    ///     if ($request_method !~ ^(GET|HEAD|POST)$) {
    ///         return 444;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ```apache flagged
    /// <VirtualHost *:80>
    ///     ProxyPass "/" "http://127.0.0.1:3000/"
    ///     <Location "/api">
    ///         <LimitExcept GET POST>
    ///             Require all denied
    ///         </LimitExcept>
    ///     </Location>
    /// </VirtualHost>
    /// ```
    ///
    /// ```haproxy flagged
    /// frontend www
    ///     mode http
    ///     bind 127.0.0.1:80
    ///     http-request deny unless { method GET HEAD POST }
    ///     default_backend app
    /// backend app
    ///     mode http
    ///     server app1 127.0.0.1:3000
    /// ```
    ///
    /// ```nginx silent
    /// location /api/ {
    ///     if ($request_method !~ ^(GET|HEAD|POST)$) {
    ///         return 405;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ## How to fix
    ///
    /// Answer 405 and name the methods that work in Allow. `--fix=unsafe` writes it where that changes nothing else:
    ///
    /// - nginx, in a location: `if ($request_method !~ ^(GET|HEAD)$) { add_header Allow "GET, HEAD" always; return 405; }`. In the
    ///   `if`, that one header takes the place of all that are inherited.
    /// - Apache: `AllowMethods GET`, where mod_allowmethods is loaded. Its own Allow header names TRACE at most.
    /// - HAProxy: `http-request deny deny_status 405 hdr Allow "GET, HEAD" unless { method GET HEAD }`
    ///
    /// ## References
    ///
    /// - RFC 9110, sections 15.5.4 (403), 15.5.6 (405) and 10.2.1 (Allow)
    "refusal-status", Info
}

pub(super) const VERDICT: VerdictRule = VerdictRule { rule: &RULE, look, word, mend: |_| Some(Remedy::MethodNotAllowed) };

fn look(survey: &Survey<'_>, see: See<'_>) {
    for refusal in Refusal::all(survey) {
        let misleads = matches!(refusal.status(), None | Some(403)) && refusal.spared.meets(survey.set(&["GET"]));
        if misleads && refusal.is_plain() && refusal.branch.verdict.decided_by.is_some() {
            let Refusal { branch, methods, spared, .. } = refusal;
            see(Observation { branch, methods, spared, severity: Severity::Info, request: None });
        }
    }
}

fn word(case: &Case<'_>) -> Wording {
    let refusal = words::refusal(case.answer);
    Wording {
        message: format!(
            "{} refuses {} with {refusal}, which does not tell clients that the method is the problem",
            case.actor(),
            case.methods()
        ),
        label: format!("{refusal}, where 405 is meant"),
        help: format!("answer 405 with `Allow: {}`", case.spared().replace(" and ", ", ")),
    }
}
