use super::rule::declare_rule;

declare_rule! {
    /// The target release lacks the directive, or treats the method otherwise.
    ///
    /// ## What it does
    ///
    /// With `--target nginx=1.18` and the like, finds what the release that is meant does not have. Without it the
    /// release is a guess, and only `--pedantic` tells.
    ///
    /// ## Why it hurts
    ///
    /// The config was tried on a newer server. The older one refuses to start, or answers another status than the one that is written.
    ///
    /// ## Example
    ///
    /// With `--target nginx=1.18`:
    ///
    /// ```nginx flagged 1.18
    /// server {
    ///     ssl_reject_handshake on;
    /// }
    /// ```
    ///
    /// With `--target apache=2.4.5`:
    ///
    /// ```apache flagged 2.4.5
    /// <VirtualHost *:80>
    ///     ProxyPass "/" "http://127.0.0.1:3000/"
    ///     MergeSlashes Off
    /// </VirtualHost>
    /// ```
    ///
    /// With `--target haproxy=2.0`:
    ///
    /// ```haproxy flagged 2.0
    /// frontend www
    ///     mode http
    ///     bind 127.0.0.1:80
    ///     http-request return status 204 if { method OPTIONS }
    ///     default_backend app
    /// backend app
    ///     mode http
    ///     server app1 127.0.0.1:3000
    /// ```
    ///
    /// ```nginx silent 1.22
    /// server {
    ///     ssl_reject_handshake on;
    /// }
    /// ```
    ///
    /// ## How to fix
    ///
    /// Upgrade the server, or write it in the way that the target has.
    ///
    /// ## References
    ///
    /// - The change logs of nginx, Apache httpd and HAProxy
    "server-too-old", Warning
}
