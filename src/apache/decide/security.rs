//! Where ModSecurity works: phase 1 before everything else, phase 2 before the other fixups (`apache2/mod_security2.c`).

use super::{End, Run};
use crate::http::Answer;
use crate::modsecurity::{Intervention, Phase, Policy};

impl Run<'_, '_, '_> {
    /// Phase 1, with the rules of the server: no section is known yet.
    pub(super) fn security_headers(&mut self) -> super::Phase {
        if !self.has("security2") {
            return Ok(());
        }
        match self.site.security.of_server(self.server.index) {
            Some(policy) => self.security(policy, Phase::RequestHeaders),
            None => Ok(()),
        }
    }

    /// Phase 2, with the rules of the sections too; once for each request, redirects inside do not count.
    pub(super) fn security_request(&mut self) -> super::Phase {
        if !self.has("security2") || self.subrequest || self.loops > 0 || self.fixed_method.is_some() {
            return Ok(());
        }
        let sections: Vec<_> = self.mapping.stack.iter().filter_map(|(_, config)| config.security.as_deref()).collect();
        match self.site.security.of_sections(self.server.index, &sections) {
            Some(policy) => self.security(&policy, Phase::RequestBody),
            None => Ok(()),
        }
    }

    fn security(&mut self, policy: &Policy, phase: Phase) -> super::Phase {
        let Some(Intervention { answer, steps, decided_by }) = policy.decide(phase, &mut self.transaction, self.ask) else {
            return Ok(());
        };
        self.decided = Some(self.steps.len() + decided_by);
        self.steps.extend(steps);
        Err(match answer {
            Answer::Respond { status, .. } => End::Status(status),
            answer => End::Answer(answer),
        })
    }
}
