//! `if` blocks whose effect the rest of the location takes away.

use super::super::Checker;
use crate::finding::{Finding, Severity};
use crate::nginx::site::{Instruction, RewriteFlag, Scope};

impl<'d> Checker<'d> {
    pub(super) fn order(&mut self, location: &Scope) {
        for (index, instruction) in location.code.iter().enumerate() {
            let Instruction::If { condition, body, scope: Some(inner), span } = instruction else { continue };
            let Some(methods) = condition.methods.filter(|methods| !methods.is_empty()) else { continue };
            if body.iter().any(ends) {
                continue;
            }
            let inner = self.model.scope(*inner);
            let after = location.code[index + 1..].iter().find(|later| matches!(later, Instruction::Return { .. }));
            if let (Some(Instruction::Return { span: end, status, .. }), true) = (after, inner.handler.is_some()) {
                let message = format!("the request goes on behind this `if` to `return {status}`: its content is never used");
                let finding = Finding::new("method-check-ineffective", Severity::Error, *span, message).methods(methods);
                let finding = finding.related(*end, "ends the request for every method");
                self.add(finding.help("end the block with `break`"));
            } else if let (Some((_, files)), None) = (&location.try_files, after) {
                let message = "`try_files` does not run for the requests that this `if` takes";
                let finding = Finding::new("method-check-ineffective", Severity::Warning, *span, message).methods(methods);
                let finding = finding.related(*files, "stands in the configuration that the `if` replaces");
                self.add(finding.help("set the variable on the server level, or with a `map`"));
            }
        }
    }
}

/// Whether nothing behind the instruction runs.
fn ends(instruction: &Instruction) -> bool {
    match instruction {
        Instruction::Return { .. } | Instruction::Break => true,
        Instruction::Rewrite { flag, .. } => *flag != RewriteFlag::None,
        _ => false,
    }
}
