use super::rule::declare_rule;

declare_rule! {
    /// A method that must work does not.
    ///
    /// ## What it does
    ///
    /// Holds the config against what `proxylint.toml` or an OpenAPI file promises: each operation must reach the upstream with its own
    /// method, and what is to be refused must be refused.
    ///
    /// ## Example
    ///
    /// ```toml
    /// [[expect]]
    /// host = "api.example.com"
    /// path = "/users/**"
    /// methods = ["GET", "PATCH"]
    /// refuse = ["TRACE"]
    /// ```
    ///
    /// ## How to fix
    ///
    /// Change the directive that the finding marks, or the promise.
    "contract-broken", Error
}
