use super::refusal::Refusal;
use super::rule::declare_rule;
use super::verdict::{Case, Observation, Remedy, See, VerdictRule, Wording};
use super::words;
use crate::finding::Severity;
use crate::survey::Survey;

declare_rule! {
    /// GET passes and HEAD does not.
    ///
    /// ## What it does
    ///
    /// Finds routes that serve GET but refuse HEAD.
    ///
    /// ## Why it hurts
    ///
    /// HEAD is GET without the body, and every general-purpose server must support both (RFC 9110, section 9.1). Load balancers,
    /// link checkers, monitoring and download tools ask with HEAD first and report the whole site as down.
    ///
    /// Lists that name GET differ in whether HEAD comes along: it does for nginx's `limit_except`, Apache's `AllowMethods`,
    /// `Limit` and `Require method`, and HAProxy's `METH_GET`; it does not for regular expressions, `RewriteCond` and
    /// `method GET`.
    ///
    /// ## Example
    ///
    /// ```nginx flagged
    /// location /api/ {
    ///     if ($request_method !~ ^(GET|POST|PUT|PATCH|DELETE|OPTIONS)$) {
    ///         return 405;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ```haproxy flagged
    /// frontend www
    ///     mode http
    ///     bind 127.0.0.1:80
    ///     http-request deny unless { method GET }
    ///     default_backend app
    /// backend app
    ///     mode http
    ///     server app1 127.0.0.1:3000
    /// ```
    ///
    /// ```apache flagged
    /// <VirtualHost *:80>
    ///     ProxyPass "/" "http://127.0.0.1:3000/"
    ///     RewriteEngine On
    ///     RewriteCond %{REQUEST_METHOD} !^(GET|POST|PUT|PATCH|DELETE|OPTIONS)$
    ///     RewriteRule .* - [R=405,L]
    /// </VirtualHost>
    /// ```
    ///
    /// ```nginx silent
    /// location /feed/ {
    ///     limit_except GET {
    ///         deny all;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ## How to fix
    ///
    /// Name HEAD next to GET.
    ///
    /// ## References
    ///
    /// - RFC 9110, section 9.3.2
    "head-blocked", Warning
}

pub(super) const VERDICT: VerdictRule =
    VerdictRule { rule: &RULE, look, word, mend: |case| case.unlisted.then_some(Remedy::Admit) };

fn look(survey: &Survey<'_>, see: See<'_>) {
    for refusal in Refusal::all(survey) {
        let methods = refusal.head();
        if methods.is_empty() {
            continue;
        }
        let applies = refusal.is_plain() && !refusal.is_habit() && refusal.forwarded.meets(survey.set(&["GET"]));
        let severity = if applies { Severity::Warning } else { Severity::Info };
        see(Observation { branch: refusal.branch, methods, spared: refusal.spared, severity, request: None });
    }
}

fn word(case: &Case<'_>) -> Wording {
    let refusal = words::refusal(case.answer);
    Wording {
        message: format!("{} answers HEAD with {refusal} where GET passes", case.actor()),
        label: format!("HEAD gets {refusal} here"),
        help: "name HEAD next to GET: clients and monitors ask with HEAD what GET would say".to_owned(),
    }
}
