//! `limit_except` blocks that do less, or more, than they say.

use super::super::Checker;
use crate::finding::{Finding, Severity};
use crate::nginx::site::{AccessRule, Handler, Instruction, LimitExcept, Matching, Network, Scope, ScopeId, ScopeKind, Setting};

impl<'d> Checker<'d> {
    pub(super) fn restriction(&mut self, id: ScopeId, location: &Scope) {
        let Some(limit) = &location.limit_except else { return };
        self.unreachable_conditions(location, limit);
        let block = self.model.scope(limit.scope);
        let denies = rules(block).is_some_and(|rules| verdict(rules) == Some(false));
        let asks = block.settings.iter().any(|(setting, _)| matches!(setting, Setting::AuthBasic(_)));
        if !denies && !asks && block.handler.is_none() {
            self.toothless(location, limit, rules(block).is_some());
        }
        if denies || asks {
            self.unguarded_locations(id, location, limit);
        }
        if let (Some(outer), Some(inner)) = (rules(location), rules(block))
            && verdict(outer) == Some(false)
            && verdict(inner) == Some(true)
        {
            let message = "the rules of this `limit_except` replace those of the location: it lets in what they refuse";
            self.remark("method-check-bypassed", Severity::Warning, limit.span, message, "write `deny all` into the block");
        }
    }

    /// Restricted methods get a configuration without rewrite code, so that an `if` for them never runs.
    fn unreachable_conditions(&mut self, location: &Scope, limit: &LimitExcept) {
        for instruction in &location.code {
            let Instruction::If { condition, span, .. } = instruction else { continue };
            let Some(methods) = condition.methods else { continue };
            if methods.is_empty() || !limit.restricted.contains(methods) {
                continue;
            }
            let names: Vec<_> = self.model.universe.names(methods).take(3).collect();
            let message =
                format!("this `if` never runs: `limit_except` takes {} to a configuration of its own", names.join(", "));
            let finding = Finding::new("method-check-ineffective", Severity::Error, *span, message).methods(methods);
            let finding = finding.related(limit.span, "lists the other methods");
            self.add(finding.help("list the method in `limit_except`, or refuse methods with `if` as well"));
        }
    }

    /// Nothing in the block refuses anybody; but the location's own code and files are gone for these methods.
    fn toothless(&mut self, location: &Scope, limit: &LimitExcept, has_rules: bool) {
        let skipped = match (&location.try_files, location.code.is_empty(), &location.handler) {
            (Some(_), ..) => Some("try_files"),
            (_, false, _) => Some("rewrite code"),
            (_, _, Some(Handler::ReadOnly(..) | Handler::Opaque(..))) => Some("handler"),
            _ => None,
        };
        match skipped {
            Some(skipped) => {
                let message = format!(
                    "this `limit_except` refuses no method, but the location's {skipped} does not run for those that it does not list"
                );
                let help = "add `deny all` to refuse the methods, or remove the block";
                self.remark("method-check-ineffective", Severity::Warning, limit.span, message, help);
            }
            None => {
                let rules = if has_rules { "the rules let all clients in" } else { "the block is empty" };
                let message = format!("this `limit_except` refuses no method: {rules}");
                self.remark(
                    "method-check-ineffective",
                    Severity::Info,
                    limit.span,
                    message,
                    "add `deny all` to refuse the methods",
                );
            }
        }
    }

    /// Nested locations do not inherit `limit_except`.
    fn unguarded_locations(&mut self, id: ScopeId, location: &Scope, limit: &LimitExcept) {
        let Some(nested) = &location.locations else { return };
        for inner in nested.all() {
            let scope = self.model.scope(inner);
            let passes = matches!(scope.handler, Some(Handler::Pass(_)));
            let guarded =
                scope.limit_except.is_some() || scope.internal.is_some() || rules(scope).is_some() || !scope.code.is_empty();
            if !passes || guarded || matches!(scope.kind, ScopeKind::Location(Matching::Named)) || scope.parent != Some(id) {
                continue;
            }
            let message = format!("the location `{}` does not inherit `limit_except`: it passes every method on", scope.name);
            let finding = Finding::new("method-check-bypassed", Severity::Warning, scope.span, message).methods(limit.restricted);
            let finding = finding.related(limit.span, "guards the location around alone");
            self.add(finding.help("repeat the `limit_except` in the nested location"));
        }
    }
}

fn rules(scope: &Scope) -> Option<&[AccessRule]> {
    scope.settings.iter().find_map(|(setting, _)| match setting {
        Setting::Access(rules) => Some(rules.as_slice()),
        _ => None,
    })
}

/// Whether the rules let an ordinary client in; `None` where they do not speak of all.
fn verdict(rules: &[AccessRule]) -> Option<bool> {
    rules.iter().find(|rule| rule.network == Network::All).map(|rule| rule.allow)
}
