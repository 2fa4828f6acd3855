use super::rule::declare_rule;

declare_rule! {
    /// The file cannot be read as the server reads it.
    ///
    /// ## What it does
    ///
    /// Reports each place at which the server's own tokenizer gives up: an unclosed quote or block, a missing semicolon, a regular
    /// expression whose brace ends the word. Reading goes on after it, so that the rest of the file is still checked.
    ///
    /// ## Example
    ///
    /// ```nginx flagged
    /// location ~ ^/v[0-9]{1,3}/ {
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ```apache flagged
    /// <VirtualHost *:80>
    ///     ProxyPass "/" "http://127.0.0.1:3000/"
    /// </VirtualHost >
    /// ```
    ///
    /// ```haproxy flagged
    /// frontend www
    ///     mode http
    ///     bind 127.0.0.1:80
    ///     http-request deny if { path "/a }
    ///     default_backend app
    /// backend app
    ///     mode http
    ///     server app1 127.0.0.1:3000
    /// ```
    ///
    /// ```nginx silent
    /// location ~ "^/v[0-9]{1,3}/" {
    ///     proxy_pass http://127.0.0.1:3000;
    /// }
    /// ```
    ///
    /// ## How to fix
    ///
    /// Mend the place that the finding marks; a missing end is often some lines above.
    "syntax-error", Error
}
