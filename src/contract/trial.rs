//! What becomes of the requests that a contract speaks of.

use std::borrow::Cow;
use std::collections::HashSet;

use super::Expectation;
use crate::finding::Finding;
use crate::http::{Answer, MethodSet, Part, Request, UpstreamMethod, Verdict};
use crate::lint::Loaded;
use crate::server::{Route, Site};
use crate::source::Span;
use crate::trace::{self, Traced};

/// Where requests can be sent: what the routes of a site say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Listener {
    scheme: Cow<'static, str>,
    host: Option<String>,
    address: Cow<'static, str>,
    port: u16,
}

impl Listener {
    fn all(routes: &[Route]) -> Vec<Listener> {
        let mut listeners = Vec::new();
        let mut seen = HashSet::new();
        for Route { request, .. } in routes {
            let Request { scheme, host, address, port, .. } = request.clone();
            let listener = Listener { scheme, host, address, port };
            if seen.insert(listener.clone()) {
                listeners.push(listener);
            }
        }
        listeners
    }

    fn name(&self) -> Option<&str> {
        self.host.as_deref().map(without_port)
    }
}

fn without_port(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

/// A config whose requests are tried.
struct Ground<'s> {
    site: &'s dyn Site,
    routes: Vec<Route>,
    listeners: Vec<Listener>,
}

impl<'s> Ground<'s> {
    fn new(site: &'s dyn Site) -> Self {
        let routes = site.routes();
        Ground { site, listeners: Listener::all(&routes), routes }
    }
}

/// A request that reaches an upstream as the contract says, and the statements that it passes.
pub(super) struct Kept {
    pub(super) request: Request,
    pub(super) steps: Vec<Span>,
}

/// A request that does not fare as the contract says.
pub(super) struct Breach<'c> {
    pub(super) expectation: &'c Expectation,
    pub(super) request: Request,
    pub(super) methods: MethodSet,
    pub(super) traced: Traced,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A method that must work is refused, or the upstream sees another one.
    Broken,
    /// No route takes the path.
    NoRoute,
    /// A method that must be refused passes.
    Passes,
}

/// How one config fares with one expectation.
struct Trial<'c> {
    /// The place of the expectation in the contract.
    index: usize,
    expectation: &'c Expectation,
    /// Whether the config spells a host of the expectation.
    named: bool,
    /// How many of the promised methods work.
    working: usize,
    breaches: Vec<Breach<'c>>,
}

impl<'c> Trial<'c> {
    fn new(ground: &Ground<'_>, index: usize, expectation: &'c Expectation, kept: &mut Vec<Kept>) -> Self {
        let (named, places) = places(expectation, &ground.listeners);
        let mut results: Vec<(usize, Vec<Breach<'c>>)> = Vec::new();
        for listener in places {
            let breaches = breaches_at(ground, expectation, &listener, kept);
            let broken = breaches.iter().filter(|breach| breach.kind != Kind::Passes).map(|breach| breach.methods);
            let broken = broken.collect::<MethodSet>().len() as usize;
            results.push((expectation.methods.len().saturating_sub(broken), breaches));
        }
        let working = results.iter().map(|(working, _)| *working).max().unwrap_or(0);
        // A listener on which nothing works, such as port 80 that only redirects, is not the one that is meant. Without a host the
        // contract speaks of one application and not of every virtual host: of the one that fits best.
        let meant = results.into_iter().filter(|(here, _)| match expectation.hosts.is_empty() {
            true => *here == working,
            false => *here > 0 || working == 0,
        });
        let most = if expectation.hosts.is_empty() || working == 0 { 1 } else { usize::MAX };
        let breaches = meant.take(most).flat_map(|(_, breaches)| breaches).collect();
        Trial { index, expectation, named, working, breaches }
    }

    /// Whether a request is one of those that the expectation is about, or stands for a folder of theirs.
    fn speaks_of(&self, request: &Request) -> bool {
        let Expectation { hosts, port, path, .. } = self.expectation;
        let name = request.host.as_deref().map(without_port);
        let right_host = !self.named || hosts.iter().any(|host| Some(host.as_str()) == name);
        let target = request.path();
        let is_folder = target.len() > 1 && target.ends_with('/');
        let right_path = path.matches(target) || is_folder && path.examples().iter().any(|example| example.starts_with(target));
        right_host && port.is_none_or(|port| port == request.port) && right_path
    }

    /// Whether the expectation is about this config at all, as far as the config itself can tell.
    fn is_meant(&self) -> bool {
        self.named || self.working > 0
    }
}

/// A config held against the contract.
pub struct Held<'c> {
    server: &'static str,
    /// Whether the contract speaks of this server.
    pub(super) speaks: bool,
    trials: Vec<Trial<'c>>,
    pub(super) kept: Vec<Kept>,
}

impl<'c> Held<'c> {
    pub(super) fn new(loaded: &Loaded, expectations: impl Iterator<Item = (usize, &'c Expectation)>) -> Self {
        let mut expectations = expectations.peekable();
        let mut held =
            Held { server: loaded.server.name(), speaks: expectations.peek().is_some(), trials: Vec::new(), kept: Vec::new() };
        if held.speaks {
            let ground = Ground::new(loaded.site.as_ref());
            let trial = |(index, expectation)| Trial::new(&ground, index, expectation, &mut held.kept);
            held.trials = expectations.map(trial).collect();
        }
        held
    }

    pub(super) fn breaches(&self) -> impl Iterator<Item = &Breach<'c>> {
        self.trials.iter().flat_map(|trial| &trial.breaches)
    }

    /// Whether a finding is about a path that the contract speaks of, or about a directive that breaks it.
    pub(super) fn covers(&self, finding: &Finding) -> bool {
        let breaks = |breach: &Breach<'_>| {
            let decision = breach.traced.outcomes.first().and_then(|outcome| outcome.verdict.decision());
            decision.is_some_and(|step| step.span == finding.span)
        };
        self.breaches().any(breaks)
            || finding.witness.as_ref().is_some_and(|witness| self.trials.iter().any(|trial| trial.speaks_of(&witness.request)))
    }
}

/// Where a run has several configs of a server, an expectation is about those that spell its host or keep some of it; where
/// none does, about all of them.
pub fn settle(configs: &mut [Held<'_>]) {
    let trials = configs.iter().flat_map(|config| config.trials.iter().map(|trial| (config.server, trial)));
    let meant = trials.filter(|(_, trial)| trial.is_meant());
    let elsewhere: HashSet<(&str, usize)> = meant.map(|(server, trial)| (server, trial.index)).collect();
    for Held { server, trials, .. } in configs {
        trials.retain(|trial| trial.is_meant() || !elsewhere.contains(&(*server, trial.index)));
    }
}

/// The listeners that an expectation speaks of, and whether the config spells its host.
fn places<'l>(expectation: &Expectation, listeners: &'l [Listener]) -> (bool, Vec<Listener>) {
    let right_port = |listener: &&'l Listener| expectation.port.is_none_or(|port| port == listener.port);
    let of_port = listeners.iter().filter(right_port);
    if expectation.hosts.is_empty() {
        return (false, of_port.cloned().collect());
    }
    let known: Vec<_> = of_port
        .clone()
        .filter(|listener| listener.name().is_some_and(|name| expectation.hosts.iter().any(|host| host == name)))
        .cloned()
        .collect();
    if !known.is_empty() {
        return (true, known);
    }
    // The config does not spell the name: a wildcard or the default server takes it.
    let mut others: Vec<Listener> = Vec::new();
    for listener in of_port {
        let listener = Listener { host: expectation.hosts.first().cloned(), ..listener.clone() };
        if !others.contains(&listener) {
            others.push(listener);
        }
    }
    (false, others)
}

fn breaches_at<'c>(
    ground: &Ground<'_>,
    expectation: &'c Expectation,
    listener: &Listener,
    kept: &mut Vec<Kept>,
) -> Vec<Breach<'c>> {
    let site = ground.site;
    let mut targets: Vec<String> = expectation.path.examples();
    for Route { request, .. } in &ground.routes {
        let here = request.port == listener.port && request.host == listener.host;
        if here && expectation.path.matches(request.path()) && !targets.iter().any(|target| target == request.path()) {
            targets.push(request.path().to_owned());
        }
    }
    let mut breaches = Vec::new();
    for (wanted, methods) in [(true, &expectation.methods), (false, &expectation.refuse)] {
        for method in methods {
            for target in &targets {
                let request = Request {
                    method: method.clone().into(),
                    scheme: listener.scheme.clone(),
                    host: listener.host.clone(),
                    address: listener.address.clone(),
                    port: listener.port,
                    target: target.clone(),
                    ..Request::default()
                };
                let traced = trace::one(site, &request, None);
                let Some(outcome) = traced.outcomes.first() else { continue };
                let kind = if wanted { breach(&outcome.verdict, method) } else { passes(&outcome.verdict.answer) };
                let Some(kind) = kind else {
                    if matches!(outcome.verdict.answer, Answer::Forward { .. }) && kept.len() < MAX_KEPT {
                        let steps = outcome.verdict.steps.iter().map(|step| step.span).collect();
                        kept.push(Kept { request, steps });
                    }
                    continue;
                };
                let methods = site.universe().only(method);
                breaches.push(Breach { expectation, request, methods, traced, kind });
                // One witness for a method is enough.
                break;
            }
        }
    }
    breaches
}

/// How many requests are remembered as models for those that no route takes.
const MAX_KEPT: usize = 1000;

/// How an answer breaks the promise that a method works.
fn breach(verdict: &Verdict, client: &str) -> Option<Kind> {
    if is_unrouted(verdict) {
        return Some(Kind::NoRoute);
    }
    match &verdict.answer {
        Answer::Forward { method: UpstreamMethod::Unchanged, .. } => None,
        Answer::Forward { method: UpstreamMethod::Replaced(method), .. } => (**method != *client).then_some(Kind::Broken),
        // Credentials are the client's part, and these redirects keep the method (RFC 9110, sections 15.4.8 and 15.4.9).
        Answer::Respond { status: 401 | 407 | 307 | 308, .. } => None,
        Answer::Respond { status, .. } if *status < 400 && matches!(client, "GET" | "HEAD" | "OPTIONS") => None,
        Answer::Respond { .. } | Answer::Close => Some(Kind::Broken),
    }
}

/// Whether nothing in the config speaks of the path: only the server's files are left, or no backend is chosen.
fn is_unrouted(verdict: &Verdict) -> bool {
    match (&verdict.answer, verdict.decision()) {
        (Answer::Respond { status: 404, .. }, _) => true,
        (Answer::Respond { .. }, Some(step)) => matches!(step.part, Part::Habit | Part::NoRoute),
        (Answer::Respond { .. }, None) => verdict.steps.is_empty(),
        _ => false,
    }
}

fn passes(answer: &Answer) -> Option<Kind> {
    matches!(answer, Answer::Forward { .. }).then_some(Kind::Passes)
}
