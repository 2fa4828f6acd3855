//! Ways round a check of the method.

use super::super::Checker;
use crate::finding::{Finding, Severity};
use crate::nginx::select::locate;
use crate::nginx::site::{Definition, Handler, Part, Scope, ScopeId, ServerBlock, Setting, Text, pick};

impl<'d> Checker<'d> {
    /// nginx refuses TRACE and CONNECT with 405 before it looks for a location; an `error_page` of the server takes that over
    /// and keeps the method.
    pub(super) fn trace_leak(&mut self, scope: &Scope, servers: &[&ServerBlock]) {
        let pages = scope.settings.iter().filter_map(|(setting, _)| match setting {
            Setting::ErrorPages(pages) => Some(pages),
            _ => None,
        });
        for page in pages.flatten().filter(|page| page.codes.contains(&405)) {
            let Some(name) = page.target.constant().filter(|name| name.starts_with('@')) else { continue };
            let passes = servers.iter().filter_map(|server| server.named.get(&**name)).any(|named| {
                let named = self.model.scope(*named);
                matches!(named.handler, Some(Handler::Pass(_))) && named.code.is_empty()
            });
            if passes {
                let methods = self.model.universe.set(["TRACE", "CONNECT"]);
                let message = format!("this `error_page` sends TRACE and CONNECT, which nginx refuses with 405, to `{name}`");
                let finding = Finding::new("method-check-bypassed", Severity::Warning, page.span, message).methods(methods);
                self.add(finding.help("move the `error_page` into the locations that need it"));
            }
        }
    }

    /// A header that sets the method behind a check that has seen the original one.
    pub(super) fn override_header(&mut self, id: ScopeId, scope: &Scope) {
        let Some(limit) = &scope.limit_except else { return };
        let method = self.model.inherited(id, pick!(ProxyMethod));
        let Some((method, span)) = method else { return };
        if !self.is_free(method, 0) {
            return;
        }
        let message = "a header of the client sets the method behind `limit_except`, which has checked the original one";
        let finding = Finding::new("method-check-bypassed", Severity::Warning, span, message).methods(limit.restricted);
        let finding = finding.related(limit.span, "checks the method that the client sent");
        self.add(finding.help("let the map give only methods that the list allows"));
    }

    /// Whether a client can choose the value at will by a header.
    fn is_free(&self, text: &Text, depth: usize) -> bool {
        let part_is_free = |part: &Part| match part {
            Part::Variable(id) => match &self.model.variables.get(*id).definition {
                Definition::Header(_) | Definition::Argument(_) | Definition::Cookie(_) => true,
                Definition::Map(map) if depth < 8 => {
                    let from_client = self.is_free(&map.source, depth + 1);
                    let kept = |value: &Text| match value.parts() {
                        None => map.source.variable().is_some() && !value.source.is_empty(),
                        Some(parts) => parts.iter().any(|part| matches!(part, Part::Capture(_))) || self.names_group(value),
                    };
                    from_client && map.values.iter().any(kept)
                }
                _ => false,
            },
            _ => false,
        };
        text.parts().is_some_and(|parts| parts.iter().any(part_is_free))
    }

    fn names_group(&self, value: &Text) -> bool {
        value
            .variable()
            .is_some_and(|id| matches!(self.model.variables.get(id).definition, Definition::Group | Definition::Header(_)))
    }

    /// A subrequest passes the access phase by, and its method is GET: a check in its location does nothing.
    pub(super) fn auth_endpoints(&mut self) {
        let model = self.model;
        for (id, scope) in model.scopes() {
            let targets = scope.settings.iter().filter_map(|(setting, _)| match setting {
                Setting::AuthRequest(Some(target)) => target.constant(),
                _ => None,
            });
            for target in targets {
                let chosen = model.scope(locate(model, model.server_scope(id), target).scope);
                if let (Some(limit), Some(_)) = (&chosen.limit_except, chosen.internal) {
                    let message =
                        "this `limit_except` does nothing: the location answers subrequests, which skip the access phase";
                    self.remark("method-check-ineffective", Severity::Warning, limit.span, message, "remove the block");
                }
            }
        }
    }
}
