//! Compares the verdicts of each route and makes one finding of all routes on which the same directive does the same thing.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rayon::prelude::*;

use super::refusal::refuses_the_rest;
use super::words;
use super::{
    Rule, allow_list_outdated, head_blocked, method_denied, method_lost_in_redirect, method_not_implemented, method_override,
    preflight_blocked, refusal_status,
};
use crate::ask::Branch;
use crate::finding::{Confidence, Finding, Fix, Severity, Witness};
use crate::http::{Answer, MethodSet, Request, STANDARD, Step};
use crate::mend::{self, Statements, Wish};
use crate::server::{Route, Server, Site};
use crate::source::{SUBSTITUTE, Span};
use crate::survey::Survey;
use crate::trace::{self, Traced};

/// A rule that looks at what happens to the methods of a route.
pub(super) struct VerdictRule {
    pub(super) rule: &'static Rule,
    pub(super) look: fn(&Survey<'_>, See<'_>),
    pub(super) word: fn(&Case<'_>) -> Wording,
    pub(super) mend: fn(&Case<'_>) -> Option<Remedy>,
}

/// What would help.
pub(super) enum Remedy {
    /// That the methods of the case are let through.
    Admit,
    MethodNotAllowed,
    KeepMethod,
    PassUnchanged,
}

/// Takes what a rule sees.
pub(super) type See<'f> = &'f mut dyn FnMut(Observation<'_>);

const RULES: &[VerdictRule] = &[
    method_override::VERDICT,
    method_not_implemented::VERDICT,
    method_denied::VERDICT,
    preflight_blocked::VERDICT,
    head_blocked::VERDICT,
    allow_list_outdated::VERDICT,
    refusal_status::VERDICT,
    method_lost_in_redirect::VERDICT,
];

/// Something that a rule saw on one route.
pub(super) struct Observation<'b> {
    pub(super) branch: &'b Branch,
    /// The standard methods that it befalls.
    pub(super) methods: MethodSet,
    /// The standard methods that fare better on this route.
    pub(super) spared: MethodSet,
    pub(super) severity: Severity,
    /// The request that shows it, where that is not the branch's own.
    pub(super) request: Option<Request>,
}

/// All observations of one rule about one directive, put together.
pub(super) struct Case<'a> {
    pub(super) server: &'a dyn Server,
    pub(super) site: &'a dyn Site,
    pub(super) methods: MethodSet,
    pub(super) spared: MethodSet,
    /// The directive that decided, or nothing where the server's own habits did.
    pub(super) decision: Option<&'a Step>,
    pub(super) answer: &'a Answer,
    /// Whether something is reached upstream on this route.
    pub(super) proxied: bool,
    /// Whether the methods fare so because no list names them, and not because a directive does.
    pub(super) unlisted: bool,
}

impl Case<'_> {
    pub(super) fn methods(&self) -> String {
        words::list(self.site.universe(), self.methods)
    }

    pub(super) fn spared(&self) -> String {
        words::list(self.site.universe(), self.spared)
    }

    /// Who decided, to start a sentence with: "`limit_except`", "nginx".
    pub(super) fn actor(&self) -> String {
        self.decision.map_or_else(|| self.server.title().to_owned(), |step| format!("`{}`", step.directive))
    }
}

/// What a rule says about a case.
pub(super) struct Wording {
    pub(super) message: String,
    pub(super) label: String,
    pub(super) help: String,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    rule: usize,
    span: Span,
    answer: u16,
}

struct Group {
    methods: MethodSet,
    spared: MethodSet,
    severity: Severity,
    best: Box<Best>,
}

/// The observation that shows the case most plainly.
struct Best {
    plainness: (u32, usize),
    route: usize,
    branch: Branch,
    request: Option<Request>,
    methods: MethodSet,
    proxied: bool,
}

type Groups = HashMap<Key, Group>;

pub(super) fn check(server: &dyn Server, site: &dyn Site, statements: &Statements<'_>) -> Vec<Finding> {
    let routes = site.routes();
    let surveyed = routes.par_iter().enumerate().fold(Groups::new, |mut groups, (index, route)| {
        observe(&Survey::new(site, route), index, &mut groups);
        groups
    });
    let (groups, ()) = rayon::join(|| surveyed.reduce(Groups::new, join), || statements.list());
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.par_sort_unstable_by_key(|(key, group)| (group.best.route, key.rule, key.span, key.answer));
    let of_route = |groups: &[(Key, Group)]| {
        let mut proofs = Proofs { site, route: &routes[groups[0].1.best.route], traced: Vec::new() };
        groups.iter().filter_map(|(key, group)| finding(server, statements, &mut proofs, key, group)).collect::<Vec<_>>()
    };
    let findings = groups.par_chunk_by(|one, next| one.1.best.route == next.1.best.route).flat_map_iter(of_route).collect();
    // To take so many apart takes as long as to sort the findings, which can go on meanwhile.
    rayon::spawn(move || drop(groups));
    findings
}

fn observe(survey: &Survey<'_>, route: usize, groups: &mut Groups) {
    let proxied = survey.is_proxied();
    for (rule, verdict) in RULES.iter().enumerate() {
        (verdict.look)(survey, &mut |seen| {
            let span = seen.branch.verdict.decision().map_or(survey.route.span, |step| step.span);
            let answer = seen.branch.verdict.answer.status().unwrap_or(0);
            // The plainest request wins; among equals the one whose path is shortest reads best.
            let plainness = (seen.branch.distance, survey.route.request.target.len());
            let best = |request| {
                let branch = seen.branch.clone();
                Box::new(Best { plainness, route, branch, request, methods: seen.methods, proxied })
            };
            match groups.entry(Key { rule, span, answer }) {
                Entry::Vacant(free) => {
                    free.insert(Group {
                        methods: seen.methods,
                        spared: seen.spared,
                        severity: seen.severity,
                        best: best(seen.request),
                    });
                }
                Entry::Occupied(mut known) => {
                    let group = known.get_mut();
                    group.methods |= seen.methods;
                    group.severity = group.severity.max(seen.severity);
                    if plainness < group.best.plainness {
                        group.spared = seen.spared;
                        group.best = best(seen.request);
                    }
                }
            }
        });
    }
}

fn join(one: Groups, other: Groups) -> Groups {
    let (mut all, more) = if one.len() < other.len() { (other, one) } else { (one, other) };
    for (key, group) in more {
        match all.entry(key) {
            Entry::Vacant(free) => _ = free.insert(group),
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.methods |= group.methods;
                known.severity = known.severity.max(group.severity);
                let order = |best: &Best| (best.plainness, best.route);
                if order(&group.best) < order(&known.best) {
                    known.spared = group.spared;
                    known.best = group.best;
                }
            }
        }
    }
    all
}

fn finding(
    server: &dyn Server,
    statements: &Statements<'_>,
    proofs: &mut Proofs<'_>,
    key: &Key,
    group: &Group,
) -> Option<Finding> {
    let Group { methods, spared, severity, best } = group;
    let rule = &RULES[key.rule];
    let witness = proofs.prove(best)?;
    let decision = best.branch.verdict.decision();
    let case = Case {
        server,
        site: proofs.site,
        methods: *methods,
        spared: *spared - *methods,
        decision,
        answer: &best.branch.verdict.answer,
        proxied: best.proxied,
        unlisted: refuses_the_rest(proofs.site, best.branch.methods),
    };
    let Wording { message, label, help } = (rule.word)(&case);
    let fix = (rule.mend)(&case).and_then(|remedy| mended(&case, statements, key.span, &remedy));
    let confidence = match (&best.branch.doubts[..], &witness.when[..]) {
        ([], []) => Confidence::High,
        ([], _) => Confidence::Medium,
        _ => Confidence::Low,
    };
    let mut finding = Finding::new(rule.rule.name, *severity, key.span, message).label(label).help(help).methods(*methods);
    finding.confidence = confidence;
    finding.fix = fix;
    finding.witness = Some(Box::new(witness));
    for step in best.branch.verdict.steps.iter().filter(|step| step.span != key.span) {
        if !finding.related.iter().any(|known| known.span == step.span) {
            finding = finding.related(step.span, format!("`{}`: {}", step.directive, step.note));
        }
    }
    let route = proofs.route.span;
    if !route.contains(key.span) && !key.span.contains(route) && !finding.related.iter().any(|known| known.span == route) {
        finding = finding.related(route, "on this route");
    }
    Some(finding)
}

fn mended(case: &Case<'_>, statements: &Statements<'_>, span: Span, remedy: &Remedy) -> Option<Fix> {
    let universe = case.site.universe();
    let (methods, like): (Vec<_>, Vec<_>) = (universe.names(case.methods).collect(), universe.names(case.spared).collect());
    let wish = match remedy {
        Remedy::Admit => Wish::Admit { methods: &methods, like: &like },
        Remedy::MethodNotAllowed => Wish::MethodNotAllowed { allow: &like },
        Remedy::KeepMethod => Wish::KeepMethod,
        Remedy::PassUnchanged => Wish::PassUnchanged,
    };
    mend::fix(case.server, statements, span, wish)
}

/// Sends the requests that show the cases of one route as complete ones, unless the survey has assumed nothing. What it assumed
/// may not hold together; then there is nothing to show and nothing to say.
struct Proofs<'a> {
    site: &'a dyn Site,
    route: &'a Route,
    /// Several rules may show the same request.
    traced: Vec<Traced>,
}

impl Proofs<'_> {
    fn prove(&mut self, best: &Best) -> Option<Witness> {
        let universe = self.site.universe();
        let method = *SHOWN.iter().find(|name| best.methods.meets(universe.only(name)))?;
        let request = match &best.request {
            Some(request) => Request { method: method.into(), ..request.clone() },
            None => best.branch.request(&self.route.request, method),
        };
        if is_garbled(&request) {
            return None;
        }
        if best.branch.is_certain && best.request.is_none() {
            let mut predicted = best.branch.verdict.answer.clone();
            trace::name_method(&mut predicted, method);
            return Some(Witness { predicted, when: Vec::new(), request });
        }
        let traced = self.trace(&request);
        // What the survey asked for one by one stands in the target now, which upstream and client may see.
        let shown =
            traced.outcomes.iter().find(|outcome| outcome.verdict.answer.is_alike(&best.branch.verdict.answer, method))?;
        let mut when = shown.when.clone();
        if request.client != Request::default().client {
            when.push(format!("the client is {}", request.client));
        }
        if when.is_empty() && traced.outcomes.len() > 1 {
            when.push("the config leaves more than one way for this request".to_owned());
        }
        Some(Witness { predicted: shown.verdict.answer.clone(), when, request })
    }

    fn trace(&mut self, request: &Request) -> &Traced {
        let known = self.traced.iter().position(|traced| traced.request == *request);
        let index = known.unwrap_or_else(|| {
            self.traced.push(trace::one(self.site, request, None));
            self.traced.len() - 1
        });
        &self.traced[index]
    }
}

/// Whether the request holds what only stands for a byte of the config that is not UTF-8: the real server knows that byte.
fn is_garbled(request: &Request) -> bool {
    let headers = request.headers.iter().map(|(_, value)| value);
    let mut parts = headers.chain(&request.host).chain([&request.target]);
    parts.any(|part| part.contains(SUBSTITUTE) || part.contains("%1A"))
}

/// The methods in the order in which a reader cares about them.
const SHOWN: [&str; STANDARD.len()] = ["PATCH", "PUT", "DELETE", "POST", "OPTIONS", "HEAD", "GET"];
