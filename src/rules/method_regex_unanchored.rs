use super::rule::declare_rule;

declare_rule! {
    /// A regular expression on the method lets longer tokens match.
    ///
    /// ## What it does
    ///
    /// Finds patterns such as `~ GET|POST`, which also match XGETX, BUDGET or POSTPONE, because nothing ties them to the start and the
    /// end of the method.
    ///
    /// ## Why it ends in a 501
    ///
    /// Methods are case-sensitive tokens that anybody may make up. A made-up one that contains a listed name passes the check, and the
    /// upstream answers 501, or worse, does something.
    ///
    /// ## Example
    ///
    /// ```nginx flagged
    /// location /api/ {
    ///     if ($request_method !~ GET|HEAD|POST) {
    ///         return 405;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ```apache flagged
    /// <VirtualHost *:80>
    ///     ProxyPass "/" "http://127.0.0.1:3000/"
    ///     RewriteEngine On
    ///     RewriteCond %{REQUEST_METHOD} !(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)
    ///     RewriteRule .* - [R=405,L]
    /// </VirtualHost>
    /// ```
    ///
    /// ```haproxy flagged
    /// frontend www
    ///     mode http
    ///     bind 127.0.0.1:80
    ///     http-request deny deny_status 405 unless { method -m reg GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS }
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
    /// Write `^(GET|HEAD|POST)$`.
    ///
    /// ## References
    ///
    /// - RFC 9110, section 9.1
    "method-regex-unanchored", Warning
}
