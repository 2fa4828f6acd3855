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
    /// ## How to fix
    ///
    /// Remove the comment; `--fix` does.
    "suppression-unused", Warning
}
