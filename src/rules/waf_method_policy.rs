use super::rule::declare_rule;
use crate::finding::Finding;
use crate::mend::{self, Statements, Wish};
use crate::server::{Server, Site};

declare_rule! {
    /// The web application firewall's list of methods is shorter than the application's.
    ///
    /// ## What it does
    ///
    /// Finds ModSecurity policies that refuse PUT, PATCH or DELETE on proxied routes while the engine is on: the OWASP Core Rule Set's
    /// `tx.allowed_methods` (by default GET HEAD POST OPTIONS) and rules on `REQUEST_METHOD`. A list that names none of the three
    /// was hardly meant for an API and is reported with `--pedantic` only.
    ///
    /// ## Why it hurts
    ///
    /// The firewall answers 403 for a method that the application serves, and only the audit log says why.
    ///
    /// ## Example
    ///
    /// ```apache flagged
    /// SecRuleEngine On
    /// SecAction "id:900200,phase:1,nolog,pass,t:none,setvar:'tx.allowed_methods=GET HEAD POST OPTIONS'"
    /// SecRule REQUEST_METHOD "!@within %{tx.allowed_methods}" "id:911100,phase:2,deny,status:403"
    /// <VirtualHost *:80>
    ///     ProxyPass "/" "http://127.0.0.1:3000/"
    /// </VirtualHost>
    /// ```
    ///
    /// ```apache silent
    /// SecRuleEngine DetectionOnly
    /// SecAction "id:900200,phase:1,nolog,pass,t:none,setvar:'tx.allowed_methods=GET HEAD POST OPTIONS'"
    /// SecRule REQUEST_METHOD "!@within %{tx.allowed_methods}" "id:911100,phase:2,deny,status:403"
    /// <VirtualHost *:80>
    ///     ProxyPass "/" "http://127.0.0.1:3000/"
    /// </VirtualHost>
    /// ```
    ///
    /// ## How to fix
    ///
    /// Add the methods to `tx.allowed_methods` in rule 900200 of `crs-setup.conf`, as `--fix=unsafe` does, or for one path with an
    /// exclusion rule.
    ///
    /// ## References
    ///
    /// - OWASP Core Rule Set: rules 900200 and 911100
    "waf-method-policy", Warning
}

/// Adds what would name the methods that a list lacks.
pub(super) fn mend(server: &dyn Server, site: &dyn Site, statements: &Statements<'_>, findings: &mut [Finding]) {
    for finding in findings.iter_mut().filter(|finding| finding.rule == RULE.name) {
        let missing: Vec<&str> = site.universe().names(finding.methods).collect();
        finding.fix = mend::fix(server, statements, finding.span, Wish::Admit { methods: &missing, like: &[] });
    }
}
