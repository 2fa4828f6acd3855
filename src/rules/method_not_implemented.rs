use super::refusal::Refusal;
use super::rule::declare_rule;
use super::verdict::{Case, Observation, Remedy, See, VerdictRule, Wording};
use super::words;
use crate::finding::Severity;
use crate::survey::Survey;

declare_rule! {
    /// The proxy itself answers 501 Not Implemented to a registered method.
    ///
    /// ## What it does
    ///
    /// Finds routes on which the proxy answers 501 to GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS while it lets others
    /// through.
    ///
    /// ## Why it ends in a 501
    ///
    /// 501 says that the *server* does not know the method at all, for any resource. A 5xx is a failure of the server: monitoring
    /// raises an alarm, some libraries try again in vain, and a cache may keep the answer. A method that is known but not wanted
    /// here is 405, with an Allow header that names what is.
    ///
    /// ## Example
    ///
    /// ```nginx flagged
    /// location /api/ {
    ///     if ($request_method !~ ^(GET|HEAD|POST|PUT|DELETE|OPTIONS)$) {
    ///         return 501;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ```haproxy flagged
    /// frontend www
    ///     mode http
    ///     bind 127.0.0.1:80
    ///     http-request deny deny_status 501 unless { method GET HEAD POST }
    ///     default_backend app
    /// backend app
    ///     mode http
    ///     server app1 127.0.0.1:3000
    /// ```
    ///
    /// ```apache flagged
    /// <VirtualHost *:80>
    ///     RewriteEngine On
    ///     RewriteCond %{REQUEST_METHOD} ^(PUT|PATCH|DELETE)$
    ///     RewriteRule .* - [R=501,L]
    ///     ProxyPass "/" "http://127.0.0.1:3000/"
    /// </VirtualHost>
    /// ```
    ///
    /// A 501 for tokens that are no methods is right:
    ///
    /// ```nginx silent
    /// location /api/ {
    ///     if ($request_method !~ ^[A-Z]+$) {
    ///         return 501;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ## How to fix
    ///
    /// Let the method through if the application supports it. If it is refused on purpose, answer 405 with Allow, as
    /// `--fix=unsafe` does; `refusal-status` shows how each server says it. A contract states what must work, and silences the
    /// rest.
    ///
    /// ## References
    ///
    /// - RFC 9110, sections 9.1, 15.1 (caching), 15.5.6 (405) and 15.6.2 (501)
    "method-not-implemented", Error
}

pub(super) const VERDICT: VerdictRule = VerdictRule { rule: &RULE, look, word, mend: |_| Some(Remedy::MethodNotAllowed) };

fn look(survey: &Survey<'_>, see: See<'_>) {
    for refusal in Refusal::all(survey).filter(|refusal| refusal.status() == Some(501)) {
        let severity = if refusal.is_plain() { Severity::Error } else { Severity::Info };
        let Refusal { branch, methods, spared, .. } = refusal;
        see(Observation { branch, methods, spared, severity, request: None });
    }
}

fn word(case: &Case<'_>) -> Wording {
    let (methods, spared) = (case.methods(), case.spared());
    let pass = words::verb(case.spared, "passes", "pass");
    Wording {
        message: format!("{} answers {methods} with 501 Not Implemented; {spared} {pass}", case.actor()),
        label: format!("{methods} {} 501 here", words::verb(case.methods, "gets", "get")),
        help: format!(
            "let {methods} through if the application supports {}; if not, 405 with an Allow header is the honest answer: 501 says that the whole server does not know the method",
            words::verb(case.methods, "it", "them")
        ),
    }
}
