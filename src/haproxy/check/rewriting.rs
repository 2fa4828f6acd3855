//! Methods that rules replace, and error pages with another status.

use std::sync::Arc;

use super::{Checks, ineffective, title};
use crate::finding::{Finding, Severity};
use crate::haproxy::site::acl::Term;
use crate::haproxy::site::action::{Action, Rule};
use crate::haproxy::site::errors::ErrorPage;
use crate::haproxy::site::matching::Matching;
use crate::haproxy::site::proxy::Proxy;
use crate::haproxy::site::sample::{Fetch, Sample};
use crate::haproxy::value::KNOWN_METHODS;
use crate::http::{MethodSet, REGISTERED};
use crate::server::Release;

impl Checks<'_> {
    pub(super) fn rewriting(&self, proxy: &Proxy, findings: &mut Vec<Finding>) {
        for (index, rule) in proxy.request.iter().enumerate() {
            match &rule.action {
                Action::SetMethod(format) => {
                    let client = format.samples().find(|sample| is_clients(sample));
                    if let Some(sample) = client
                        && !self.is_guarded(proxy, sample)
                    {
                        findings.push(self.open_override(proxy, index, rule, sample));
                    }
                    if let Some(method) = format.constant() {
                        self.sees_original(proxy, index, rule, &method, findings);
                    }
                }
                Action::SetVariable(name, sample) => self.stored_method(name, sample, rule, findings),
                _ => {}
            }
        }
        self.other_status(proxy, findings);
    }

    /// A header, cookie or argument decides the method, and nothing says which methods it may name.
    fn open_override(&self, proxy: &Proxy, index: usize, rule: &Rule, sample: &Sample) -> Finding {
        let message = format!("`{}` lets every client send any method upstream", sample.text);
        let finding = Finding::new("method-check-bypassed", Severity::Warning, rule.span, message);
        let by_method = |rule: &&Rule| {
            rule.action.is_final() && rule.condition.as_ref().is_some_and(|condition| self.looks_at_method(condition))
        };
        let checked = proxy.request[..index].iter().find(by_method);
        let finding = finding.help(format!(
            "compare it with the methods that {} may name first, such as `if {{ {} -m str PUT PATCH }}`",
            "it", sample.text
        ));
        match checked {
            Some(check) => finding.related(check.span, "this check of the method came before"),
            None => finding,
        }
    }

    /// Whether any criterion of the section compares the same value with a list.
    fn is_guarded(&self, proxy: &Proxy, sample: &Sample) -> bool {
        let used = proxy.request.iter().filter_map(|rule| rule.condition.as_ref());
        let mut criteria =
            used.flat_map(|condition| condition.groups.iter().flatten()).flat_map(|term| self.criteria_of(term.acl));
        criteria.any(|criterion| {
            let lists = matches!(criterion.patterns.matching, Matching::Text | Matching::Regex);
            lists && same_source(&criterion.sample, sample)
        })
    }

    /// Conditions below a `set-method` still see the method that the client sent. Those that hold for that one as well lose nothing.
    fn sees_original(&self, proxy: &Proxy, index: usize, rule: &Rule, method: &Arc<str>, findings: &mut Vec<Finding>) {
        if !KNOWN_METHODS.contains(&&**method) {
            return;
        }
        let set = self.config.universe.only(method);
        let sent = self.sent_methods(rule);
        let taken = rule.condition.as_ref().map(|condition| condition.span);
        let later = proxy.request[index + 1..].iter().filter_map(|rule| rule.condition.as_ref());
        let switched = proxy.switches.iter().filter_map(|switch| switch.condition.as_ref());
        for term in later
            .chain(switched)
            .filter(|condition| Some(condition.span) != taken)
            .flat_map(|condition| condition.groups.iter().flatten())
        {
            let misses = |methods: MethodSet| methods.meets(set) && !(sent - methods).is_empty();
            if !term.negated && self.methods_of(term.acl).is_some_and(misses) {
                let message = format!("this sees the method that the client sent, not the {method} that `set-method` made of it");
                let finding = ineffective(Severity::Warning, term.span, message).related(rule.span, "set here");
                findings.push(finding.help("keep what you want to test in a variable"));
                return;
            }
        }
    }

    /// The methods that a rule is taken for, as far as its condition tells.
    fn sent_methods(&self, rule: &Rule) -> MethodSet {
        let Some(condition) = rule.condition.as_ref().filter(|condition| !condition.unless) else { return self.registered };
        let of_term = |term: &Term| match self.methods_of(term.acl) {
            Some(methods) if term.negated => self.registered - methods,
            Some(methods) => methods,
            None => self.registered,
        };
        let of_group = |group: &Vec<Term>| group.iter().fold(self.registered, |all, term| all & of_term(term));
        condition.groups.iter().map(of_group).collect()
    }

    /// Variables that hold a method read back as OPTIONS for all but the eight known ones, until 3.4.
    fn stored_method(&self, name: &Arc<str>, sample: &Sample, rule: &Rule, findings: &mut Vec<Finding>) {
        if !matches!(sample.fetch, Fetch::Method) || !sample.converters.is_empty() || self.config.release >= Release(3, 4, 0) {
            return;
        }
        for criterion in &self.config.criteria {
            let Fetch::Variable(read, _) = &criterion.sample.fetch else { continue };
            let odd = |text: &str| REGISTERED.contains(&text) && !KNOWN_METHODS.contains(&text);
            if read == name
                && let Some(method) = criterion.patterns.texts().iter().find(|text| odd(text))
            {
                let message = format!(
                    "`{name}` never holds {method}: other methods than the eight that HAProxy knows read back as OPTIONS"
                );
                let finding = ineffective(Severity::Warning, criterion.span, message).related(rule.span, "stored here");
                findings.push(finding.help(format!("store it as text: `set-var({name}) method,upper`")));
                return;
            }
        }
    }

    /// `errorfile 503` with `HTTP/1.1 501` inside.
    fn other_status(&self, proxy: &Proxy, findings: &mut Vec<Finding>) {
        for (code, page) in proxy.settings.errors.iter() {
            let ErrorPage::File { status, span } = page else { continue };
            // Pages of a `defaults` section are told there.
            let inherited =
                proxy.parent.is_some_and(|parent| self.config.proxies[parent].settings.errors.get(code) == Some(page));
            if status == code || inherited {
                continue;
            }
            let severity = if matches!(status, 405 | 501) { Severity::Warning } else { Severity::Info };
            let message =
                format!("clients of {} get {status} where {code} is meant: the file's own status line is sent", title(proxy));
            findings.push(
                Finding::new("refusal-status", severity, *span, message).help(format!("begin the file with `HTTP/1.1 {code}`")),
            );
        }
    }
}

fn is_clients(sample: &Sample) -> bool {
    matches!(sample.fetch, Fetch::Header(_) | Fetch::Cookie(_) | Fetch::Argument { .. })
}

fn same_source(one: &Sample, other: &Sample) -> bool {
    match (&one.fetch, &other.fetch) {
        (Fetch::Header(one), Fetch::Header(other)) => one.name == other.name,
        (Fetch::Cookie(one), Fetch::Cookie(other)) => one == other,
        (Fetch::Argument { name: one, .. }, Fetch::Argument { name: other, .. }) => one == other,
        _ => false,
    }
}
