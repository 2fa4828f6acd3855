//! Rules that are never asked, or asked too late.

use super::{Checks, ineffective, title};
use crate::finding::{Edit, Finding, Safety, Severity};
use crate::haproxy::site::acl::Condition;
use crate::haproxy::site::action::{Action, Rule};
use crate::haproxy::site::matching::Matching;
use crate::haproxy::site::proxy::{Mode, Proxy, Role};
use crate::haproxy::site::sample::Fetch;
use crate::haproxy::value::KNOWN_METHODS;
use crate::mend::{remove, without_repeat};
use crate::syntax::Directive;

impl Checks<'_> {
    pub(super) fn rule_sets(&self, proxy: &Proxy, findings: &mut Vec<Finding>) {
        self.inert(proxy, findings);
        self.blind(proxy, findings);
        self.hasty(proxy, findings);
        for rules in [&proxy.request, &proxy.response, &proxy.tcp_content] {
            self.dead(rules, findings);
        }
        for rule in proxy.response.iter().chain(&proxy.after_response) {
            self.late(rule, findings);
        }
    }

    /// HTTP rules of a section in `mode tcp`.
    fn inert(&self, proxy: &Proxy, findings: &mut Vec<Finding>) {
        if proxy.role == Role::Defaults || proxy.settings.mode != Mode::Tcp || self.reaches_http(proxy) {
            return;
        }
        let by_method = |rule: &&Rule| {
            let condition = rule.condition.as_ref();
            matches!(rule.action, Action::SetMethod(_)) || condition.is_some_and(|condition| self.looks_at_method(condition))
        };
        let mut rules = proxy.request.iter().chain(&proxy.redirects).chain(&proxy.response);
        if let Some(rule) = rules.find(by_method) {
            let message = format!("{} is in `mode tcp`, which ignores its HTTP rules: no method is looked at", title(proxy));
            let severity = if self.is_piece && proxy.mode_span.is_none() { Severity::Info } else { Severity::Error };
            let finding =
                ineffective(severity, rule.span, message).help("write `mode http` in this section or in its `defaults`");
            let mode = proxy.mode_span.or(proxy.parent.and_then(|parent| self.config.proxies[parent].mode_span));
            findings.push(mode.map_or_else(|| finding.clone(), |mode| finding.clone().related(mode, "the mode")));
        }
    }

    /// A TCP frontend whose requests are parsed after all, by a backend behind it.
    fn reaches_http(&self, proxy: &Proxy) -> bool {
        let default = proxy.settings.default_backend.as_ref().map(|name| &*name.value);
        let switched = proxy.switches.iter().filter_map(|switch| switch.to.constant());
        let mut backends = default.into_iter().chain(switched).filter_map(|name| self.config.backends.get(name));
        proxy.role.is_frontend() && backends.any(|backend| self.config.proxies[*backend].settings.mode == Mode::Http)
    }

    /// `tcp-request connection` and `session` come before the first byte of the request.
    fn blind(&self, proxy: &Proxy, findings: &mut Vec<Finding>) {
        for rule in proxy.tcp_connection.iter().chain(&proxy.tcp_session) {
            let Some(condition) = rule.condition.as_ref().filter(|condition| self.looks_at_method(condition)) else { continue };
            let message = format!("`{}` runs before there is a request, so a condition on the method never holds", rule.name);
            findings.push(
                ineffective(Severity::Error, condition.span, message).help("use `http-request deny`, or `tcp-request content`"),
            );
        }
    }

    /// A TCP frontend that chooses by the method, and does not wait for it.
    fn hasty(&self, proxy: &Proxy, findings: &mut Vec<Finding>) {
        if proxy.settings.mode != Mode::Tcp || !proxy.role.is_frontend() || self.config.waits_for_request(proxy) {
            return;
        }
        let conditions = proxy.switches.iter().filter_map(|switch| switch.condition.as_ref());
        for condition in conditions.filter(|condition| self.looks_at_method(condition)) {
            let message = "nothing waits for the request in `mode tcp`, so the backend may be chosen before its method is there";
            let help = "add `tcp-request inspect-delay 5s` and `tcp-request content accept if HTTP`, or write `mode http`";
            findings.push(ineffective(Severity::Warning, condition.span, message).help(help));
        }
    }

    /// Rules behind one that always ends the set.
    fn dead(&self, rules: &[Rule], findings: &mut Vec<Finding>) {
        let mut seen: Vec<(&str, &Rule)> = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let condition = rule.condition.as_ref();
            if !rule.action.is_final() {
                // What a rule changes may make the same condition hold later.
                if !matches!(rule.action, Action::Nothing | Action::SetVariable(..)) {
                    seen.clear();
                }
                continue;
            }
            let Some(condition) = condition else {
                if let Some(late) = rules[index + 1..].iter().find(|late| late.action.is_final() && self.decides_by_method(late))
                {
                    let message = format!("`{}` is never reached: the rule above is taken for every request", late.name);
                    let finding = ineffective(Severity::Warning, late.span, message).related(rule.span, "ends the rules here");
                    let finding = finding.help("move it up, or give the rule above a condition; or remove it");
                    findings.push(finding.fix(Safety::Unsafe, self.without(late)));
                }
                return;
            };
            if !self.is_plain(condition) {
                continue;
            }
            let text = self.config.text(condition.span);
            if let Some((_, first)) = seen.iter().find(|(known, _)| *known == text) {
                let message = format!("`{}` is never taken: a rule above has the same condition", rule.name);
                let finding = ineffective(Severity::Warning, rule.span, message)
                    .related(first.span, "the same condition")
                    .help("remove one of the two");
                let repeat = self.line(first).zip(self.line(rule)).map(|(first, again)| without_repeat(first, again));
                findings.push(match repeat.filter(|edits| !edits.is_empty()) {
                    Some(edits) => finding.fix(Safety::Safe, edits),
                    None => finding.fix(Safety::Unsafe, self.without(rule)),
                });
            } else if seen.len() < 64 {
                seen.push((text, rule));
            }
        }
    }

    /// The edit that takes the line of a rule away.
    fn without(&self, rule: &Rule) -> Vec<Edit> {
        self.line(rule).map(|line| remove(&line.tree.source, line.span().start..line.span().end)).into_iter().collect()
    }

    fn line(&self, rule: &Rule) -> Option<Directive<'_>> {
        let tree = self.trees.iter().find(|tree| tree.source.id == rule.span.file)?;
        tree.statement_at(rule.span.start).filter(|line| !line.is_block())
    }

    fn decides_by_method(&self, rule: &Rule) -> bool {
        rule.condition.as_ref().is_some_and(|condition| self.looks_at_method(condition))
    }

    /// Whether the condition looks at the method, and nothing in it depends on more than the request.
    fn is_plain(&self, condition: &Condition) -> bool {
        let terms = condition.groups.iter().flatten();
        let plain =
            terms.flat_map(|term| self.criteria_of(term.acl)).all(|criterion| !matches!(criterion.sample.fetch, Fetch::Unknown));
        plain && self.looks_at_method(condition)
    }

    /// Response rules: the upstream has done what was asked, and only the eight known methods can be read.
    fn late(&self, rule: &Rule, findings: &mut Vec<Finding>) {
        let Some(condition) = &rule.condition else { return };
        for term in condition.groups.iter().flatten() {
            for criterion in self.criteria_of(term.acl).iter().filter(|criterion| criterion.is_method()) {
                let texts = criterion.patterns.texts();
                let textual = matches!(criterion.patterns.matching, Matching::Method | Matching::Text);
                if textual && !texts.is_empty() && texts.iter().all(|text| !KNOWN_METHODS.contains(&&**text)) {
                    let message = format!("`{}` rules cannot read this method, so it never matches", family(rule));
                    let help = "keep the method in a variable: `http-request set-var(txn.method) method,upper`";
                    findings.push(ineffective(Severity::Error, term.span, message).help(help));
                }
            }
        }
        let status = match &rule.action {
            Action::Deny(reply) | Action::Return(reply) => reply.status,
            Action::SetStatus(status) => *status,
            _ => return,
        };
        if matches!(status, 405 | 501) && self.only_methods(condition) {
            let message = format!("the upstream has done what was asked before `{}` turns its answer into {status}", rule.name);
            let finding = ineffective(Severity::Error, rule.span, message).help("refuse the method with `http-request deny`");
            let methods =
                condition.groups.iter().flatten().filter(|term| !term.negated).filter_map(|term| self.methods_of(term.acl));
            findings.push(finding.methods(methods.collect()));
        }
    }

    fn only_methods(&self, condition: &Condition) -> bool {
        let mut terms = condition.groups.iter().flatten().peekable();
        terms.peek().is_some() && terms.all(|term| self.methods_of(term.acl).is_some())
    }
}

fn family(rule: &Rule) -> &str {
    rule.name.split(' ').next().unwrap_or(&rule.name)
}
