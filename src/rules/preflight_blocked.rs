use super::rule::declare_rule;
use super::verdict::{Case, Observation, Remedy, See, VerdictRule, Wording};
use super::words;
use crate::ask::{Branch, Input};
use crate::finding::Severity;
use crate::http::{MethodSet, Request};
use crate::survey::{Survey, is_refused, send};

declare_rule! {
    /// A route sets CORS headers but refuses the browser's preflight.
    ///
    /// ## What it does
    ///
    /// Finds routes with `Access-Control-…` headers on which OPTIONS, sent as browsers send it with `Origin` and
    /// `Access-Control-Request-Method`, is refused, or on which the handler that should answer it is never reached.
    ///
    /// A preflight that is asked for credentials is reported with `--pedantic`: browsers send none with it.
    ///
    /// ## Why it hurts
    ///
    /// Before a browser sends PUT, PATCH, DELETE or JSON to another origin, it asks with OPTIONS. If that is not answered with a
    /// 2xx, the real request is never sent, and the user sees a CORS error that names no proxy.
    ///
    /// ## Example
    ///
    /// ```nginx flagged
    /// location /api/ {
    ///     add_header Access-Control-Allow-Origin https://app.example.com always;
    ///     limit_except GET POST {
    ///         deny all;
    ///     }
    ///     if ($request_method = OPTIONS) {
    ///         return 204;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ```apache flagged
    /// <VirtualHost *:80>
    ///     ProxyPass "/" "http://127.0.0.1:3000/"
    ///     Header always set Access-Control-Allow-Origin "https://app.example.com"
    ///     <Location "/">
    ///         AllowMethods GET POST PUT PATCH DELETE
    ///     </Location>
    /// </VirtualHost>
    /// ```
    ///
    /// ```haproxy flagged
    /// frontend www
    ///     mode http
    ///     bind 127.0.0.1:80
    ///     http-response set-header Access-Control-Allow-Origin https://app.example.com
    ///     http-request deny deny_status 405 unless { method GET HEAD POST PUT PATCH DELETE }
    ///     default_backend app
    /// backend app
    ///     mode http
    ///     server app1 127.0.0.1:3000
    /// ```
    ///
    /// The `if` never runs: `limit_except` gives OPTIONS a configuration of its own without it. Name OPTIONS in the list:
    ///
    /// ```nginx silent
    /// location /api/ {
    ///     add_header Access-Control-Allow-Origin https://app.example.com always;
    ///     limit_except GET POST PUT PATCH DELETE OPTIONS {
    ///         deny all;
    ///     }
    ///     if ($request_method = OPTIONS) {
    ///         return 204;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ## How to fix
    ///
    /// Let OPTIONS through to the application, or answer it with 204 and the CORS headers before any check of methods or
    /// credentials.
    ///
    /// ## References
    ///
    /// - Fetch standard, section «CORS-preflight fetch»
    /// - RFC 9110, section 9.3.7
    "preflight-blocked", Warning
}

pub(super) const VERDICT: VerdictRule =
    VerdictRule { rule: &RULE, look, word, mend: |case| case.unlisted.then_some(Remedy::Admit) };

fn look(survey: &Survey<'_>, see: See<'_>) {
    let options = survey.set(&["OPTIONS"]);
    // Fonts and images are fetched with plain GETs, for which no browser asks first.
    if survey.route.cors.is_none() || !survey.is_proxied() {
        return;
    }
    let passing = |most: u32| {
        let branches = survey.branches.iter().filter(move |branch| branch.distance <= most && branch.verdict.answer.passes());
        branches.map(|branch| branch.methods).collect::<MethodSet>() & (survey.standard() - options)
    };
    let (plain, with_credentials) = (passing(0), passing(u32::MAX));
    let spared = if plain.is_empty() { with_credentials } else { plain };
    let origin = survey.site.candidates(&Input::Header("origin".into())).into_iter().next();
    let origin = origin.as_deref().unwrap_or("https://app.example.com");
    let Some(wanted) = survey.site.universe().names(spared).last() else { return };
    let mut request = Request { method: "OPTIONS".into(), ..survey.route.request.clone() };
    request.headers.push(("origin".into(), origin.into()));
    request.headers.push(("access-control-request-method".into(), wanted.into()));
    let preflight = send(survey.site, &request);
    let Some(branch) = preflight.branches.first() else { return };
    // Browsers send no credentials with a preflight, even where the request itself has them.
    let asks = |branch: &Branch| branch.verdict.answer.status() == Some(401);
    let severity = match preflight.branches.iter().all(is_refused) {
        true if !plain.is_empty() => Severity::Warning,
        false if branch.distance == 0 && asks(branch) => Severity::Info,
        _ => return,
    };
    see(Observation { branch, methods: options, spared, severity, request: Some(request) });
}

fn word(case: &Case<'_>) -> Wording {
    let refusal = words::refusal(case.answer);
    Wording {
        message: format!("{} answers the browser's preflight with {refusal} although the route sets CORS headers", case.actor()),
        label: format!("OPTIONS gets {refusal} here"),
        help: "let OPTIONS through, or answer it with 204 and the CORS headers before this check".to_owned(),
    }
}
