//! Answers, and the rules that see them on their way back.

use std::sync::Arc;

use super::transaction::Transaction;
use crate::ask::Ask;
use crate::haproxy::site::acl::Condition;
use crate::haproxy::site::action::{Action, Rule};
use crate::haproxy::site::proxy::Proxy;
use crate::http::{Answer, Verdict};

/// What the response rules made of an upstream's answer.
pub(super) enum Response {
    /// The client gets it; with another status where a rule said so.
    Passed(Option<u16>, Option<usize>),
    /// The proxy answers instead.
    Replaced(Verdict),
}

impl<'c> Transaction<'c> {
    /// An answer of the proxy itself, which `http-after-response` rules may still change.
    pub(super) fn respond(
        &mut self,
        ask: &mut Ask<'_>,
        status: u16,
        headers: Vec<(&'static str, Arc<str>)>,
        step: usize,
    ) -> Verdict {
        self.responding = true;
        self.status = status;
        let changed = self.after_response(ask);
        let decided_by = changed.unwrap_or(step);
        let status = self.status;
        let decided_by = (decided_by < self.steps.len()).then_some(decided_by);
        self.verdict(Answer::Respond { status, headers }, decided_by)
    }

    /// A refusal of HAProxy's own, put down to a directive where there is one.
    pub(super) fn refuse_at(&mut self, ask: &mut Ask<'_>, status: u16, step: Option<usize>) -> Verdict {
        self.refuse(ask, status, step)
    }

    /// The step that changed the status last, if any did.
    fn after_response(&mut self, ask: &mut Ask<'_>) -> Option<usize> {
        let (current, frontend) = (self.current(), self.frontend);
        let mut changed = self.after_response_of(ask, current);
        if !std::ptr::eq(current, frontend) {
            changed = self.after_response_of(ask, frontend).or(changed);
        }
        changed
    }

    fn after_response_of(&mut self, ask: &mut Ask<'_>, proxy: &'c Proxy) -> Option<usize> {
        let rules = self.inherited(proxy, |proxy| &proxy.after_response);
        if !rules.iter().any(|rule| matches!(rule.action, Action::SetStatus(_))) {
            return None;
        }
        let mut changed = None;
        for rule in rules {
            if !matches!(rule.action, Action::SetStatus(_) | Action::Allow) || !self.holds(ask, rule.condition.as_ref()) {
                continue;
            }
            let Action::SetStatus(status) = rule.action else { break };
            self.status = status;
            changed = Some(self.step("http-after-response", rule.name.to_string(), rule.span, "changes the status"));
        }
        changed
    }

    /// The rules of a proxy's `defaults` section and its own.
    fn inherited(&self, proxy: &'c Proxy, rules: fn(&Proxy) -> &Vec<Rule>) -> Vec<&'c Rule> {
        let config = self.config;
        let parent = proxy.parent.map(|parent| rules(&config.proxies[parent]).iter());
        parent.into_iter().flatten().chain(rules(proxy)).collect()
    }

    /// The answer of the upstream goes through the backend's rules, then the frontend's.
    pub(super) fn response(&mut self, ask: &mut Ask<'_>) -> Response {
        self.responding = true;
        let (current, frontend) = (self.current(), self.frontend);
        let original = self.status;
        let mut changed = None;
        let mut proxies = vec![current];
        if !std::ptr::eq(current, frontend) {
            proxies.push(frontend);
        }
        for proxy in proxies {
            match self.response_of(ask, proxy) {
                Ok(step) => changed = step.or(changed),
                Err(verdict) => return Response::Replaced(verdict),
            }
        }
        changed = self.after_response(ask).or(changed);
        Response::Passed((self.status != original).then_some(self.status), changed)
    }

    fn response_of(&mut self, ask: &mut Ask<'_>, proxy: &'c Proxy) -> Result<Option<usize>, Verdict> {
        let rules = self.inherited(proxy, |proxy| &proxy.response);
        let decides =
            |rule: &&Rule| rule.action.is_final() || matches!(rule.action, Action::SetStatus(_) | Action::SetVariable(..));
        let mut changed = None;
        for rule in rules.into_iter().filter(decides) {
            if !self.holds(ask, rule.condition.as_ref()) {
                continue;
            }
            match &rule.action {
                Action::Allow => break,
                Action::Deny(reply) | Action::Return(reply) => {
                    let step = self.step("http-response", rule.name.to_string(), rule.span, "replaces the upstream's answer");
                    return Err(self.reply(ask, reply, step));
                }
                Action::Redirect(redirect) => {
                    if let Some(verdict) = self.redirect(ask, redirect, rule) {
                        return Err(verdict);
                    }
                }
                Action::SilentDrop => {
                    self.notice_silence(ask, &rule.action);
                    let step = self.step("http-response", rule.name.to_string(), rule.span, "ends the connection");
                    return Err(self.verdict(Answer::Close, Some(step)));
                }
                Action::SetStatus(status) => {
                    self.status = *status;
                    changed = Some(self.step("http-response", rule.name.to_string(), rule.span, "changes the status"));
                }
                Action::SetVariable(name, sample) => {
                    let value = self.value(ask, sample);
                    self.variables.insert(Arc::clone(name), super::fetch::stored(sample, value, false));
                }
                _ => {}
            }
        }
        Ok(changed)
    }

    /// Whether a condition needs what is not there before the first byte is read.
    pub(super) fn is_blind(&self, condition: &Condition) -> bool {
        let terms = condition.groups.iter().flatten();
        let mut criteria = terms.flat_map(|term| self.config.criteria_of(term.acl));
        criteria.any(|criterion| !criterion.sample.session)
    }
}
