use super::refusal::Refusal;
use super::rule::declare_rule;
use super::verdict::{Case, Observation, Remedy, See, VerdictRule, Wording};
use super::words;
use crate::survey::Survey;

declare_rule! {
    /// The proxy refuses a method that its siblings on the same route pass.
    ///
    /// ## What it does
    ///
    /// Finds directives that turn some methods of a route away with 403, 405, 400 or a closed connection: `limit_except`, `if`,
    /// `AllowMethods`, `<LimitExcept>`, `Require method`, rewrite rules, `http-request deny`, `tcp-request content reject`; and
    /// `use_backend` lines that no backend is left behind for the other methods, which get 503.
    ///
    /// It is a warning where an application decides behind the proxy and some writing methods get through while others do not
    /// (`GET POST` without PUT, PATCH and DELETE). A route that only reads, or that takes nothing but POST, is meant to be so
    /// and is reported with `--pedantic` only.
    ///
    /// ## Why it hurts
    ///
    /// The application supports the method, its tests pass, and clients still get an error that no application log shows.
    ///
    /// ## Example
    ///
    /// ```nginx flagged
    /// location /api/ {
    ///     limit_except GET POST {
    ///         deny all;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ```apache flagged
    /// <VirtualHost *:80>
    ///     ProxyPass "/" "http://127.0.0.1:3000/"
    ///     <Location "/">
    ///         AllowMethods GET HEAD POST
    ///     </Location>
    /// </VirtualHost>
    /// ```
    ///
    /// ```haproxy flagged
    /// frontend www
    ///     mode http
    ///     bind 127.0.0.1:80
    ///     acl known method GET HEAD POST
    ///     http-request deny if !known
    ///     default_backend app
    /// backend app
    ///     mode http
    ///     server app1 127.0.0.1:3000
    /// ```
    ///
    /// Refusing TRACE, CONNECT or tokens that are no methods is hardening:
    ///
    /// ```nginx silent
    /// location /api/ {
    ///     if ($request_method !~ ^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$) {
    ///         return 405;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ## How to fix
    ///
    /// Add the methods that the application serves to the list. State what must work with `[[expect]]` in `proxylint.toml` to
    /// make the question exact.
    ///
    /// ## References
    ///
    /// - RFC 9110, sections 9.1 and 15.5.6
    /// - nginx: `limit_except`, `if`; Apache: `AllowMethods`, `LimitExcept`, `Require method`; HAProxy: `http-request deny`
    "method-denied", Warning
}

pub(super) const VERDICT: VerdictRule = VerdictRule { rule: &RULE, look, word, mend };

fn look(survey: &Survey<'_>, see: See<'_>) {
    for refusal in Refusal::all(survey).filter(|refusal| !refusal.forgets_patch()) {
        let methods = refusal.listed();
        if !methods.is_empty() {
            let severity = refusal.severity();
            see(Observation { branch: refusal.branch, methods, spared: refusal.spared, severity, request: None });
        }
    }
}

fn word(case: &Case<'_>) -> Wording {
    let (methods, refusal) = (case.methods(), words::refusal(case.answer));
    let pass = match case.proxied {
        true => format!("{} the upstream", words::verb(case.spared, "reaches", "reach")),
        false => words::verb(case.spared, "passes", "pass").to_owned(),
    };
    Wording {
        message: format!("{} answers {methods} with {refusal}; {} {pass}", case.actor(), case.spared()),
        label: format!("{methods} {} {refusal} here", words::verb(case.methods, "gets", "get")),
        help: match case.decision {
            Some(_) => {
                let what = if case.unlisted { "add {} to what is let through" } else { "take {} off what is refused" };
                let serves = words::verb(case.methods, "it", "them");
                let meant = words::if_meant(case.answer);
                format!("{} if the application serves {serves}{meant}", what.replace("{}", &methods))
            }
            None => {
                format!("{} does this by itself; route the methods to an application if they are to work", case.server.title())
            }
        },
    }
}

/// A list that lets some of the methods through that change things forgot the others; one that stops all of them meant to.
fn mend(case: &Case<'_>) -> Option<Remedy> {
    let spares = |names: &[&str]| case.spared.meets(case.site.universe().set(names.iter().copied()));
    (case.unlisted && case.proxied && spares(&["GET"]) && spares(&["PUT", "PATCH", "DELETE"])).then_some(Remedy::Admit)
}
