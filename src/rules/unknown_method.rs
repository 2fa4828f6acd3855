use super::rule::declare_rule;

declare_rule! {
    /// A name in a list of methods is no method, but nearly one.
    ///
    /// ## What it does
    ///
    /// Finds names that are not registered and differ by one letter, or by two that changed places, from one that is: `DELTE`,
    /// `OPTION`, `PACTH`.
    ///
    /// ## Why it hurts
    ///
    /// No client ever sends the misspelt method, and the one that was meant is treated as not listed.
    ///
    /// ## Example
    ///
    /// ```haproxy flagged
    /// frontend www
    ///     mode http
    ///     bind 127.0.0.1:80
    ///     http-request deny unless { method GET HEAD POST PACTH }
    ///     default_backend app
    /// backend app
    ///     mode http
    ///     server app1 127.0.0.1:3000
    /// ```
    ///
    /// ```nginx flagged
    /// location /api/ {
    ///     if ($request_method !~ ^(GET|HEAD|PSOT)$) {
    ///         return 405;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ```apache flagged
    /// <VirtualHost *:80>
    ///     ProxyPass "/" "http://127.0.0.1:3000/"
    ///     <Location "/api">
    ///         <LimitExcept GET POST PACTH>
    ///             Require all denied
    ///         </LimitExcept>
    ///     </Location>
    /// </VirtualHost>
    /// ```
    ///
    /// ```haproxy silent
    /// frontend www
    ///     mode http
    ///     bind 127.0.0.1:80
    ///     http-request deny unless { method GET HEAD POST PUT PATCH DELETE OPTIONS PURGE }
    ///     default_backend app
    /// backend app
    ///     mode http
    ///     server app1 127.0.0.1:3000
    /// ```
    ///
    /// ## How to fix
    ///
    /// Correct the spelling. Methods of your own, such as PURGE, are left alone.
    ///
    /// ## References
    ///
    /// - IANA, HTTP Method Registry
    "unknown-method", Warning
}
