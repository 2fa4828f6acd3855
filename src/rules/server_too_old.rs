use super::rule::declare_rule;

declare_rule! {
    /// The target release lacks the directive, or treats the method otherwise.
    ///
    /// ## What it does
    ///
    /// With `--target nginx=1.18` and the like, finds what the release that is meant does not have.
    ///
    /// ## Why it hurts
    ///
    /// The config was tried on a newer server. The older one refuses to start, or answers another status than the one that is written.
    ///
    /// ## Example
    ///
    /// A directive that is newer than the target:
    ///
    /// ```sh
    /// proxylint --target haproxy=2.2 haproxy.cfg
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
