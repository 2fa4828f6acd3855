use super::rule::declare_rule;

declare_rule! {
    /// A suppression that suppresses nothing.
    ///
    /// ## What it does
    ///
    /// Reports `# proxylint: allow(rule)` comments that no longer match a finding, or that name a rule which does not exist.
    ///
    /// ## Why it hurts
    ///
    /// It hides the next finding of that kind, which nobody has looked at yet.
    ///
    /// ## Example
    ///
    /// ```nginx flagged
    /// location /api/ {
    ///     # proxylint: allow(method-override) the application only knows POST
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ```apache flagged
    /// # proxylint: allow(method-denied) partners only read
    /// <VirtualHost *:80>
    ///     ProxyPass "/" "http://127.0.0.1:3000/"
    /// </VirtualHost>
    /// ```
    ///
    /// ```haproxy flagged
    /// frontend www
    ///     mode http
    ///     bind 127.0.0.1:80
    ///     # proxylint: allow(method-override) the application only knows GET
    ///     http-request deny if { path_beg /internal/ }
    ///     default_backend app
    /// backend app
    ///     mode http
    ///     server app1 127.0.0.1:3000
    /// ```
    ///
    /// ## How to fix
    ///
    /// Remove the comment; `--fix` does.
    "suppression-unused", Warning
}
