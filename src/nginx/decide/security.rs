//! Where ModSecurity's connector works: phase 1 ahead of the rewrite phase of a location, phase 2 ahead of all limits
//! (`ngx_http_modsecurity_rewrite_handler`, `ngx_http_modsecurity_pre_access_handler`).

use super::{Exchange, Next};
use crate::http::Answer;
use crate::modsecurity::{Intervention, Phase, Transaction};
use crate::nginx::site::Flag;

impl<'m> Exchange<'m, '_, '_> {
    /// Phase 1, once for each request: what a redirect inside makes of it does not count.
    pub(super) fn security_headers(&mut self) -> Option<Next> {
        if !self.model.is_on(self.scope, Flag::ModSecurity) || self.transaction.is_some() {
            return None;
        }
        self.transaction = Some(Transaction::default());
        self.security(Phase::RequestHeaders)
    }

    /// Phase 2, unless phase 1 has answered.
    pub(super) fn security_body(&mut self) -> Option<Next> {
        let runs = self.model.is_on(self.scope, Flag::ModSecurity) && self.transaction.is_some() && !self.inspected;
        if !runs {
            return None;
        }
        self.inspected = true;
        self.security(Phase::RequestBody)
    }

    fn security(&mut self, phase: Phase) -> Option<Next> {
        let policy = self.model.security.policy(self.model, self.scope)?;
        let (Some(policy), None) = (policy, self.outer_method) else {
            self.ask.doubt("the rules of ModSecurity may refuse the request");
            return None;
        };
        let transaction = self.transaction.as_mut()?;
        let Intervention { answer, steps, decided_by } = policy.decide(phase, transaction, self.ask)?;
        self.inspected = true;
        self.decided_by = Some(self.steps.len() + decided_by);
        self.steps.extend(steps);
        Some(match answer {
            Answer::Respond { status, .. } => Next::Fail(status),
            answer => Next::Done(answer),
        })
    }
}
