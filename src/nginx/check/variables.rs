//! Variables that nothing defines.

use super::Checker;
use crate::nginx::site::{Definition, Place};

impl Checker<'_> {
    /// nginx refuses a variable that no module and no directive defines (`ngx_http_variables_init_vars`).
    pub(super) fn variables(&mut self) {
        for span in &self.model.variables.nameless {
            self.reject_with(
                *span,
                "a `$` in a value must be followed by the name of a variable",
                "nginx has no way to write a `$` here",
            );
        }
        // In a fragment another file may define it, in a strange module that module.
        let complete = self.place == Place::Main && !self.is_template && !self.has_strangers && !self.has_modules;
        if !complete || self.findings.iter().any(|finding| finding.rule == "include-missing") {
            return;
        }
        for variable in self.model.variables.iter() {
            let unknown = matches!(variable.definition, Definition::None) && !variable.assigned;
            if let (true, Some(span)) = (unknown, variable.used.or(variable.mentioned)) {
                self.reject_with(span, format!("`${}` is no variable that anything sets", variable.name), "check the name");
            }
        }
    }
}
