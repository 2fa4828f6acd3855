use super::rule::declare_rule;

declare_rule! {
    /// The server would refuse to start with this configuration.
    ///
    /// ## What it does
    ///
    /// Finds what `nginx -t`, `apachectl -t` and `haproxy -c` refuse about the directives that matter for methods: wrong places, wrong
    /// numbers of arguments, names that are no methods, duplicates, unknown upstreams and ACLs.
    ///
    /// ## Why it hurts
    ///
    /// A reload fails and the old configuration stays; a restart fails and the proxy is gone.
    ///
    /// ## Example
    ///
    /// ```nginx flagged
    /// location /api/ {
    ///     limit_except GET TRACE {
    ///         deny all;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ```haproxy flagged
    /// frontend www
    ///     mode http
    ///     bind 127.0.0.1:80
    ///     http-request deny if METH_PATCH
    ///     default_backend app
    /// backend app
    ///     mode http
    ///     server app1 127.0.0.1:3000
    /// ```
    ///
    /// ```apache flagged
    /// <VirtualHost *:80>
    ///     ProxyPass "/" "http://127.0.0.1:3000/"
    ///     <Limit TRACE>
    ///         Require all denied
    ///     </Limit>
    /// </VirtualHost>
    /// ```
    ///
    /// ```nginx silent
    /// location /api/ {
    ///     limit_except GET PATCH {
    ///         deny all;
    ///     }
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ## How to fix
    ///
    /// The help of each finding names the right form.
    ///
    /// ## References
    ///
    /// - The reference of the directive in the server's manual
    "config-rejected", Error
}
