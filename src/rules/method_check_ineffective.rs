use super::rule::declare_rule;

declare_rule! {
    /// A check of the method can never match, always matches or never runs.
    ///
    /// ## What it does
    ///
    /// Finds checks that do not do what they say: `if ($request_method = GET|POST)` compares with one literal text, names in lower
    /// case, conditions that contradict themselves (`METH_PUT METH_PATCH`) or always hold (`!METH_GET or !METH_POST`), rules behind an
    /// unconditional one, `http-request` rules in `mode tcp`, an `if` that `limit_except` switches off, lines whose paths an earlier
    /// `ProxyPass` takes.
    ///
    /// ## Why it ends in a 501
    ///
    /// Either everything is refused, or nothing is, and the method that was to be stopped reaches an upstream that does not know it.
    ///
    /// ## Example
    ///
    /// ```nginx flagged
    /// location /api/ {
    ///     if ($request_method = PUT|DELETE) {
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
    ///     http-request deny if METH_POST METH_PUT
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
    ///         <LimitExcept GET,POST>
    ///             Require all denied
    ///         </LimitExcept>
    ///     </Location>
    /// </VirtualHost>
    /// ```
    ///
    /// ```nginx silent
    /// location /api/ {
    ///     if ($request_method ~ ^(PUT|DELETE)$) {
    ///         return 405;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ## How to fix
    ///
    /// The help of each finding names the form that does what was meant.
    ///
    /// ## References
    ///
    /// - nginx: `if`, `map`, `limit_except`; HAProxy: sections 7.1 and 7.2 (ACLs, conditions); Apache: `Limit`, expressions
    "method-check-ineffective", Error
}
