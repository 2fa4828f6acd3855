//! Methods that rules replace, and error pages with another status.

use std::collections::{HashMap, HashSet};

use super::{Checks, ineffective, title};
use crate::finding::{Finding, Severity};
use crate::haproxy::site::Config;
use crate::haproxy::site::acl::{Condition, Term};
use crate::haproxy::site::action::{Action, Rule};
use crate::haproxy::site::errors::ErrorPage;
use crate::haproxy::site::matching::Matching;
use crate::haproxy::site::proxy::Proxy;
use crate::haproxy::site::sample::{Fetch, Sample};
use crate::haproxy::value::KNOWN_METHODS;
use crate::http::{MethodSet, REGISTERED};
use crate::server::Release;
use crate::source::Span;

impl Checks<'_> {
    pub(super) fn rewriting(&self, proxy: &Proxy, findings: &mut Vec<Finding>) {
        let mut setters =
            proxy.request.iter().enumerate().filter(|(_, rule)| matches!(rule.action, Action::SetMethod(_))).peekable();
        if setters.peek().is_some() {
            let guarded = self.guarded(proxy);
            let seen = self.method_terms(proxy);
            setters.for_each(|setter| self.set_method(proxy, setter, &guarded, &seen, findings));
        }
        for rule in &proxy.request {
            if let Action::SetVariable(name, sample) = &rule.action {
                self.stored_method(name, sample, rule, findings);
            }
        }
        self.other_status(proxy, findings);
    }

    fn set_method(
        &self,
        proxy: &Proxy,
        (index, rule): (usize, &Rule),
        guarded: &HashSet<Source<'_>>,
        seen: &[SeenMethod<'_>],
        findings: &mut Vec<Finding>,
    ) {
        let Action::SetMethod(format) = &rule.action else { return };
        let client = format.samples().find_map(|sample| Some((sample, source(sample)?)));
        if let Some((sample, source)) = client
            && !guarded.contains(&source)
        {
            findings.push(self.open_override(proxy, index, rule, sample));
        }
        if let Some(method) = format.constant() {
            findings.extend(self.sees_original((index, rule), method, seen));
        }
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

    /// What criteria of the section compare with a list.
    fn guarded<'p>(&'p self, proxy: &'p Proxy) -> HashSet<Source<'p>> {
        let used = proxy.request.iter().filter_map(|rule| rule.condition.as_ref());
        let criteria = used.flat_map(|condition| condition.groups.iter().flatten()).flat_map(|term| self.criteria_of(term.acl));
        let listing = criteria.filter(|criterion| matches!(criterion.patterns.matching, Matching::Text | Matching::Regex));
        listing.filter_map(|criterion| source(&criterion.sample)).collect()
    }

    /// The terms of a section that ask for the method, in the order in which they do.
    fn method_terms<'p>(&self, proxy: &'p Proxy) -> Vec<SeenMethod<'p>> {
        let rules = proxy.request.iter().enumerate().map(|(index, rule)| (index, rule.condition.as_ref()));
        let switches = proxy.switches.iter().map(|switch| (usize::MAX, switch.condition.as_ref()));
        let terms = rules.chain(switches).filter_map(|(rule, condition)| Some((rule, condition?)));
        let terms =
            terms.flat_map(|(rule, condition)| condition.groups.iter().flatten().map(move |term| (rule, condition, term)));
        let asking = terms.filter(|(_, _, term)| !term.negated);
        asking
            .filter_map(|(rule, condition, term)| Some(SeenMethod { rule, condition, term, methods: self.methods_of(term.acl)? }))
            .collect()
    }

    /// Conditions below a `set-method` still see the method that the client sent. Those that hold for that one as well lose nothing.
    fn sees_original(&self, (index, rule): (usize, &Rule), method: &str, seen: &[SeenMethod<'_>]) -> Option<Finding> {
        if !KNOWN_METHODS.contains(&method) {
            return None;
        }
        let set = self.config.universe.only(method);
        let sent = self.sent_methods(rule);
        let taken = rule.condition.as_ref().map(|condition| condition.span);
        let later = &seen[seen.partition_point(|one| one.rule <= index)..];
        let misses = |one: &&SeenMethod<'_>| one.methods.meets(set) && !(sent - one.methods).is_empty();
        let missed = later.iter().filter(|one| Some(one.condition.span) != taken).find(misses)?;
        let message = format!("this sees the method that the client sent, not the {method} that `set-method` made of it");
        let finding = ineffective(Severity::Warning, missed.term.span, message).related(rule.span, "set here");
        Some(finding.help("keep what you want to test in a variable"))
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
    fn stored_method(&self, name: &str, sample: &Sample, rule: &Rule, findings: &mut Vec<Finding>) {
        if !matches!(sample.fetch, Fetch::Method) || !sample.converters.is_empty() || self.config.release >= Release(3, 4, 0) {
            return;
        }
        let Some((compared, method)) = self.odd_variables.get(name) else { return };
        let message =
            format!("`{name}` never holds {method}: other methods than the eight that HAProxy knows read back as OPTIONS");
        let finding = ineffective(Severity::Warning, *compared, message).related(rule.span, "stored here");
        findings.push(finding.help(format!("store it as text: `set-var({name}) method,upper`")));
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

/// The variables that criteria compare with a registered method that HAProxy does not know by number: the first place, and the method.
pub(super) fn odd_variables(config: &Config) -> HashMap<&str, (Span, &str)> {
    let is_odd = |text: &&str| REGISTERED.contains(text) && !KNOWN_METHODS.contains(text);
    let mut odd = HashMap::new();
    for criterion in config.criteria() {
        if let Fetch::Variable(name, _) = &criterion.sample.fetch
            && let Some(method) = criterion.patterns.texts().iter().map(|text| &**text).find(is_odd)
        {
            odd.entry(&**name).or_insert((criterion.span, method));
        }
    }
    odd
}

/// A term that asks for the method: the place of its rule, and what it matches.
struct SeenMethod<'p> {
    rule: usize,
    condition: &'p Condition,
    term: &'p Term,
    methods: MethodSet,
}

/// What the client alone decides.
#[derive(PartialEq, Eq, Hash)]
enum Source<'s> {
    Header(Option<&'s str>),
    Cookie(Option<&'s str>),
    Argument(Option<&'s str>),
}

fn source(sample: &Sample) -> Option<Source<'_>> {
    match &sample.fetch {
        Fetch::Header(header) => Some(Source::Header(header.name.as_deref())),
        Fetch::Cookie(name) => Some(Source::Cookie(name.as_deref())),
        Fetch::Argument { name, .. } => Some(Source::Argument(name.as_deref())),
        _ => None,
    }
}
