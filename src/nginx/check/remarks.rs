//! Checks of the method that nginx accepts but that cannot do what they seem to do.

mod bypass;
mod limit_except;
mod literals;
mod order;

use std::collections::HashMap;

use super::Checker;
use crate::finding::Severity;
use crate::nginx::site::{Scope, ScopeId, ScopeKind, ServerBlock, Setting};

impl<'d> Checker<'d> {
    pub(super) fn remarks(&mut self) {
        let model = self.model;
        let is_whole = !self.is_template && !self.findings.iter().any(|finding| finding.rule == "include-missing");
        let servers: HashMap<ScopeId, &ServerBlock> = model.servers.iter().map(|server| (server.scope, server)).collect();
        for (id, scope) in model.scopes() {
            self.conditions(&scope.code);
            self.rewritten_method(scope);
            if let ScopeKind::Location(_) = scope.kind {
                self.order(scope);
                self.restriction(id, scope);
            }
            if is_whole && !matches!(scope.kind, ScopeKind::Http) {
                self.named_targets(scope, servers.get(&model.server_scope(id)).copied());
            }
            match scope.kind {
                ScopeKind::Http => self.trace_leak(scope, &servers.values().copied().collect::<Vec<_>>()),
                ScopeKind::Server => self.trace_leak(scope, &servers.get(&id).copied().into_iter().collect::<Vec<_>>()),
                ScopeKind::Location(_) | ScopeKind::If | ScopeKind::LimitExcept => {}
            }
            self.override_header(id, scope);
        }
        for variable in model.variables.iter() {
            self.table(&variable.definition);
        }
        self.map_keys();
        self.auth_endpoints();
    }

    /// Jumps to named locations that the server does not have: nginx starts, and answers 500 (`ngx_http_named_location`).
    fn named_targets(&mut self, scope: &Scope, server: Option<&ServerBlock>) {
        let Some(server) = server.filter(|_| self.place != crate::nginx::site::Place::Server) else { return };
        let files = scope.try_files.iter().filter_map(|(files, _)| files.last());
        let pages = scope.settings.iter().filter_map(|(setting, _)| match setting {
            Setting::ErrorPages(pages) => Some(pages.iter().map(|page| &page.target)),
            _ => None,
        });
        for target in files.chain(pages.flatten()) {
            let missing = |name: &str| name.starts_with('@') && !server.named.contains_key(name);
            if target.constant().is_some_and(|name| missing(name)) {
                self.remark(
                    "method-check-ineffective",
                    Severity::Warning,
                    target.span,
                    format!("the server has no location `{}`: requests that are sent there get a 500", target.source),
                    "add the location, or correct its name",
                );
            }
        }
    }
}
