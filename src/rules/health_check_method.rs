use super::rule::declare_rule;

declare_rule! {
    /// A health check uses a method that the origin may refuse.
    ///
    /// ## What it does
    ///
    /// Finds checks whose method many applications answer with 405 or 501: HAProxy's `option httpchk` without arguments sends
    /// `OPTIONS /`. Also finds checks that send nothing at all: `http-check expect` in a section whose `option httpchk` stands in its
    /// `defaults` takes the place of that check.
    ///
    /// ## Why it ends in a 501
    ///
    /// The check takes the 405 or 501 for a failure, the server goes down, and every client gets 503.
    ///
    /// ## Example
    ///
    /// ```haproxy flagged
    /// backend app
    ///     mode http
    ///     option httpchk
    ///     server app1 127.0.0.1:3000 check
    /// ```
    ///
    /// ```haproxy flagged
    /// defaults
    ///     mode http
    ///     option httpchk GET /health
    /// backend app
    ///     http-check expect status 200
    ///     server app1 127.0.0.1:3000 check
    /// ```
    ///
    /// ```haproxy silent
    /// backend app
    ///     mode http
    ///     option httpchk GET /health
    ///     server app1 127.0.0.1:3000 check
    /// ```
    ///
    /// ## How to fix
    ///
    /// Ask a health page with GET, or say with `http-check expect` which statuses are good.
    ///
    /// ## References
    ///
    /// - HAProxy: `option httpchk`, `http-check send`
    "health-check-method", Warning
}
