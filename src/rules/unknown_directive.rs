use super::rule::declare_rule;

declare_rule! {
    /// A directive that no release has, close to one that exists.
    ///
    /// ## What it does
    ///
    /// Reports names that are probably misspelt. Directives of modules that proxylint does not know are left alone.
    ///
    /// ## Example
    ///
    /// ```nginx flagged
    /// location /api/ {
    ///     proxy_pas http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ```apache flagged
    /// <VirtualHost *:80>
    ///     ProxyPass "/" "http://127.0.0.1:3000/"
    ///     AlowMethods GET POST
    /// </VirtualHost>
    /// ```
    ///
    /// ```nginx silent
    /// location /api/ {
    ///     more_set_headers "X-Served-By: edge";
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ## How to fix
    ///
    /// Correct the spelling.
    "unknown-directive", Warning
}
