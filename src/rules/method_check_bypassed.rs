use super::rule::declare_rule;

declare_rule! {
    /// A check of the method does not hold everywhere.
    ///
    /// ## What it does
    ///
    /// Finds ways around a check: a nested location without its parent's `limit_except`, an override header that is read after the
    /// check, TRACE that reaches the application through `error_page`, a refusal whose `ErrorDocument` is fetched from the
    /// application, an inner `<Limit>` that takes away the outer `Require`.
    ///
    /// ## Why it hurts
    ///
    /// Somebody relies on the check. The request that it was written for gets through by another road, and the application answers
    /// it, with 501 at best.
    ///
    /// ## Example
    ///
    /// ```nginx flagged
    /// location /docs/ {
    ///     limit_except GET {
    ///         deny all;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    ///     location /docs/drafts/ {
    ///         proxy_pass http://127.0.0.1:3001;
    ///     }
    /// }
    /// ```
    ///
    /// ```apache flagged
    /// <VirtualHost *:80>
    ///     ProxyPass "/" "http://127.0.0.1:3000/"
    ///     <Location "/admin">
    ///         AuthType Basic
    ///         AuthName "admin"
    ///         AuthUserFile "/etc/apache2/users"
    ///         <Limit GET POST>
    ///             Require valid-user
    ///         </Limit>
    ///     </Location>
    /// </VirtualHost>
    /// ```
    ///
    /// ```haproxy flagged
    /// frontend www
    ///     mode http
    ///     bind 127.0.0.1:80
    ///     http-request deny if { method DELETE }
    ///     http-request set-method %[req.hdr(X-HTTP-Method-Override)] if { req.hdr(X-HTTP-Method-Override) -m found }
    ///     default_backend app
    /// backend app
    ///     mode http
    ///     server app1 127.0.0.1:3000
    /// ```
    ///
    /// ```nginx silent
    /// location /docs/ {
    ///     limit_except GET {
    ///         deny all;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    ///     location /docs/drafts/ {
    ///         limit_except GET {
    ///             deny all;
    ///         }
    ///         proxy_pass http://127.0.0.1:3001;
    ///     }
    /// }
    /// ```
    ///
    /// ## How to fix
    ///
    /// Repeat the check where it is meant to hold, or move it to a place that every request passes.
    ///
    /// ## References
    ///
    /// - nginx: `limit_except`; Apache: `AuthMerging`, `Limit`; HAProxy: `http-request set-method`
    "method-check-bypassed", Error
}
