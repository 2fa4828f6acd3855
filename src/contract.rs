//! What must work: `[[expect]]` of the settings and the operations of OpenAPI files, held against the interpreter.

mod openapi;
mod template;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::ops::Range;
use std::path::PathBuf;

use serde_spanned::Spanned;

use crate::config;
use crate::finding::{Confidence, Finding, Fix, Severity, Witness};
use crate::http::{Answer, MethodSet, Request, UpstreamMethod, Verdict};
use crate::lint::Loaded;
use crate::mend::{self, Wish};
use crate::source::{FileId, Span};
use crate::trace::{self, Traced};
pub use openapi::NotOpenApi;
use template::Template;

const RULE: &str = "contract-broken";

/// Rules that speak of refusals: with a contract, those that it does not speak of are meant to be.
const REFUSALS: &[&str] = &["method-denied", "allow-list-outdated", "head-blocked", "preflight-blocked", "refusal-status"];

/// All expectations of a run, and the files that state them.
#[derive(Debug, Default)]
pub struct Contract {
    files: Vec<Statement>,
    expectations: Vec<Expectation>,
}

#[derive(Debug)]
struct Statement {
    name: String,
    path: PathBuf,
    text: String,
}

/// Methods that must reach the upstream unchanged on a path, or must not pass.
#[derive(Debug)]
struct Expectation {
    server: Option<String>,
    /// Any of these; empty for any at all.
    hosts: Vec<String>,
    port: Option<u16>,
    path: Template,
    methods: Vec<String>,
    refuse: Vec<String>,
    file: usize,
    range: Range<usize>,
}

impl Contract {
    /// The `[[expect]]` entries of a file of settings.
    pub fn expect(&mut self, name: &str, path: PathBuf, text: &str, expectations: &[config::Expect]) {
        if expectations.is_empty() {
            return;
        }
        let file = self.add(name, path, text);
        self.expectations.extend(expectations.iter().map(|expect| Expectation {
            server: expect.server.as_ref().map(|server| server.as_ref().clone()),
            hosts: expect.host.iter().cloned().collect(),
            port: expect.port,
            path: Template::new(expect.path.as_ref()),
            methods: texts(&expect.methods),
            refuse: texts(&expect.refuse),
            file,
            range: expect.path.span(),
        }));
    }

    /// The operations of an OpenAPI file.
    ///
    /// # Errors
    /// Where the text is no OpenAPI description.
    pub fn openapi(&mut self, name: &str, path: PathBuf, text: &str) -> Result<(), NotOpenApi> {
        let operations = openapi::operations(text)?;
        let file = self.add(name, path, text);
        self.expectations.extend(operations.into_iter().map(|operation| Expectation {
            server: None,
            hosts: operation.hosts,
            port: None,
            path: operation.path,
            methods: vec![operation.method],
            refuse: Vec::new(),
            file,
            range: operation.range,
        }));
        Ok(())
    }

    fn add(&mut self, name: &str, path: PathBuf, text: &str) -> usize {
        self.files.push(Statement { name: name.to_owned(), path, text: text.to_owned() });
        self.files.len() - 1
    }

    /// Every method that the contract names.
    pub fn methods(&self) -> Vec<String> {
        let methods = self.expectations.iter().flat_map(|expectation| expectation.methods.iter().chain(&expectation.refuse));
        methods.cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Holds a config against the contract: what breaks it is added; the refusals that it does not speak of are put aside.
    pub fn apply(&self, loaded: &mut Loaded, findings: Vec<Finding>) -> (Vec<Finding>, Vec<Finding>) {
        let server = loaded.server.name();
        let of_server = |expectation: &&Expectation| expectation.server.as_deref().is_none_or(|name| name == server);
        let expectations: Vec<_> = self.expectations.iter().filter(of_server).collect();
        if expectations.is_empty() {
            return (findings, Vec::new());
        }
        let (unsaid, mut findings): (Vec<_>, Vec<_>) = findings.into_iter().partition(|finding| REFUSALS.contains(&finding.rule));
        let listeners = Listener::all(loaded);
        let mut breaches = Vec::new();
        let mut kept = Vec::new();
        for expectation in expectations {
            breaches.extend(breaches_of(loaded, expectation, &listeners, &mut kept));
        }
        let add = |file: &Statement| loaded.sources.add(file.name.clone(), file.path.clone(), file.text.clone().into_bytes()).id;
        let files: Vec<FileId> = if breaches.is_empty() { Vec::new() } else { self.files.iter().map(add).collect() };
        findings.extend(grouped(loaded, breaches, &kept, &files));
        findings.sort_by_key(|finding| finding.span);
        (findings, unsaid)
    }
}

fn texts(names: &[Spanned<String>]) -> Vec<String> {
    names.iter().map(|name| name.as_ref().clone()).collect()
}

/// Where requests can be sent: what the routes of a site say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Listener {
    scheme: Cow<'static, str>,
    host: Option<String>,
    address: Cow<'static, str>,
    port: u16,
}

impl Listener {
    fn all(loaded: &Loaded) -> Vec<Listener> {
        let mut listeners = Vec::new();
        let mut seen = HashSet::new();
        for route in loaded.site.routes() {
            let Request { scheme, host, address, port, .. } = route.request;
            let listener = Listener { scheme, host, address, port };
            if seen.insert(listener.clone()) {
                listeners.push(listener);
            }
        }
        listeners
    }

    fn name(&self) -> Option<&str> {
        self.host.as_deref().map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name))
    }
}

/// A request that reaches an upstream as the contract says, and the statements that it passes.
struct Kept {
    request: Request,
    steps: Vec<Span>,
}

/// A request that does not fare as the contract says.
struct Breach<'c> {
    expectation: &'c Expectation,
    request: Request,
    methods: MethodSet,
    traced: Traced,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A method that must work is refused, or the upstream sees another one.
    Broken,
    /// No route takes the path.
    NoRoute,
    /// A method that must be refused passes.
    Passes,
}

/// The listeners that an expectation speaks of.
fn places<'l>(expectation: &Expectation, listeners: &'l [Listener]) -> Vec<Listener> {
    let right_port = |listener: &&'l Listener| expectation.port.is_none_or(|port| port == listener.port);
    let of_port = listeners.iter().filter(right_port);
    if expectation.hosts.is_empty() {
        return of_port.cloned().collect();
    }
    let known: Vec<_> = of_port
        .clone()
        .filter(|listener| listener.name().is_some_and(|name| expectation.hosts.iter().any(|host| host == name)))
        .cloned()
        .collect();
    if !known.is_empty() {
        return known;
    }
    // The config does not spell the name: a wildcard or the default server takes it.
    let mut others: Vec<Listener> = Vec::new();
    for listener in of_port {
        let listener = Listener { host: expectation.hosts.first().cloned(), ..listener.clone() };
        if !others.contains(&listener) {
            others.push(listener);
        }
    }
    others
}

fn breaches_of<'c>(
    loaded: &Loaded,
    expectation: &'c Expectation,
    listeners: &[Listener],
    kept: &mut Vec<Kept>,
) -> Vec<Breach<'c>> {
    let mut results: Vec<(usize, Vec<Breach<'c>>)> = Vec::new();
    for listener in places(expectation, listeners) {
        let breaches = breaches_at(loaded, expectation, &listener, kept);
        let broken = breaches.iter().filter(|breach| breach.kind != Kind::Passes).map(|breach| breach.methods);
        let broken = broken.collect::<MethodSet>().len() as usize;
        results.push((expectation.methods.len().saturating_sub(broken), breaches));
    }
    let most = results.iter().map(|(working, _)| *working).max().unwrap_or(0);
    if expectation.hosts.is_empty() {
        // Without a host the contract speaks of one application and not of every virtual host: of the one that fits best.
        let best = results.into_iter().find(|(working, _)| *working == most);
        return best.map_or_else(Vec::new, |(_, breaches)| breaches);
    }
    // A listener on which nothing works, such as port 80 that only redirects, is not the one that is meant.
    let meant = results.into_iter().filter(|(working, _)| *working > 0 || most == 0);
    let mut breaches: Vec<_> = if most == 0 { meant.take(1).collect() } else { meant.collect() };
    breaches.drain(..).flat_map(|(_, breaches)| breaches).collect()
}

fn breaches_at<'c>(loaded: &Loaded, expectation: &'c Expectation, listener: &Listener, kept: &mut Vec<Kept>) -> Vec<Breach<'c>> {
    let site = loaded.site.as_ref();
    let mut targets: Vec<String> = expectation.path.examples();
    for route in site.routes() {
        let request = &route.request;
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

/// Whether nothing in the config speaks of the path: only the server's files are left, or HAProxy has no backend for it.
fn is_unrouted(verdict: &Verdict) -> bool {
    match (&verdict.answer, verdict.decision()) {
        (Answer::Respond { status: 404, .. }, _) => true,
        (Answer::Respond { status: 503, .. }, Some(step)) => matches!(&*step.directive, "use_backend" | "frontend" | "listen"),
        (Answer::Respond { .. }, None) => verdict.steps.is_empty(),
        _ => false,
    }
}

fn passes(answer: &Answer) -> Option<Kind> {
    matches!(answer, Answer::Forward { .. }).then_some(Kind::Passes)
}

/// How many operations of the contract a finding names.
const MAX_RELATED: usize = 20;

/// One finding for each directive and way in which it breaks the contract.
fn grouped(loaded: &Loaded, breaches: Vec<Breach<'_>>, kept: &[Kept], files: &[FileId]) -> Vec<Finding> {
    let mut groups: Vec<(Span, Vec<Breach<'_>>)> = Vec::new();
    for breach in breaches {
        let span = place(&breach, files);
        let same = |other: &Breach<'_>| other.kind == breach.kind && alike(other, &breach);
        match groups.iter_mut().find(|(known, group)| *known == span && group.first().is_some_and(same)) {
            Some((_, group)) => group.push(breach),
            None => groups.push((span, vec![breach])),
        }
    }
    groups.into_iter().filter_map(|(span, group)| finding(loaded, span, &group, kept, files)).collect()
}

fn alike(one: &Breach<'_>, other: &Breach<'_>) -> bool {
    let status = |breach: &Breach<'_>| breach.traced.outcomes.first().map(|outcome| outcome.verdict.answer.status());
    status(one) == status(other)
}

/// The directive that decides, or where none does, the line of the contract.
fn place(breach: &Breach<'_>, files: &[FileId]) -> Span {
    let decision = breach.traced.outcomes.first().and_then(|outcome| outcome.verdict.decision());
    decision.filter(|_| breach.kind != Kind::NoRoute).map_or_else(|| stated(breach, files), |step| step.span)
}

fn stated(breach: &Breach<'_>, files: &[FileId]) -> Span {
    let Range { start, end } = breach.expectation.range;
    let file = files.get(breach.expectation.file).copied().unwrap_or(FileId(0));
    Span::new(file, start as u32..end as u32)
}

fn finding(loaded: &Loaded, span: Span, group: &[Breach<'_>], kept: &[Kept], files: &[FileId]) -> Option<Finding> {
    let first = group.first()?;
    let outcome = first.traced.outcomes.first()?;
    let answer = &outcome.verdict.answer;
    let Request { method, target, .. } = &first.request;
    let what = match (first.kind, answer) {
        (Kind::Passes, _) => format!("{method} {target} passes, which the contract forbids"),
        (Kind::NoRoute, _) => format!("no route takes {method} {target}, which the contract promises"),
        (_, Answer::Forward { method: UpstreamMethod::Replaced(other), .. }) => {
            format!("{method} {target} reaches the upstream as {other}, the contract promises {method}")
        }
        (_, Answer::Close) => format!("{method} {target} ends with a closed connection, the contract promises that it works"),
        (_, answer) => {
            let status = answer.status().unwrap_or_default();
            format!("{method} {target} is answered {status}, the contract promises that it works")
        }
    };
    let more = group.len() - 1;
    let message = if more > 0 { format!("{what} (and {more} more)") } else { what };
    let mut finding =
        Finding::new(RULE, Severity::Error, span, message).methods(group.iter().map(|breach| breach.methods).collect());
    finding.help = Some(match first.kind {
        Kind::Broken => "let the method through, or take it out of the contract".to_owned(),
        Kind::NoRoute => "add a route for the path, or correct the contract".to_owned(),
        Kind::Passes => "refuse the method here, with 405 and an Allow header".to_owned(),
    });
    for breach in group.iter().take(MAX_RELATED) {
        let place = stated(breach, files);
        if place != span {
            finding = finding.related(place, format!("{} is stated here", breach.request.method));
        }
    }
    finding.fix = match first.kind {
        Kind::Broken => fix(loaded, span, group, answer),
        Kind::NoRoute => route(loaded, first, kept),
        Kind::Passes => None,
    };
    if !outcome.when.is_empty() {
        finding.confidence = Confidence::Medium;
    }
    finding.witness = Some(Witness { request: first.request.clone(), predicted: answer.clone(), when: outcome.when.clone() });
    Some(finding)
}

/// What would keep the promise at the directive that breaks it.
fn fix(loaded: &Loaded, span: Span, group: &[Breach<'_>], answer: &Answer) -> Option<Fix> {
    let first = group.first()?;
    let mut methods: Vec<&str> = group.iter().map(|breach| &*breach.request.method).collect();
    methods.sort_unstable();
    methods.dedup();
    let promised = first.expectation.methods.iter().map(String::as_str);
    let like: Vec<&str> = promised.chain(["GET", "POST"]).filter(|method| !methods.contains(method)).collect();
    let wish = match answer {
        Answer::Forward { .. } => Wish::PassUnchanged,
        Answer::Respond { status: 301..=303, .. } => Wish::KeepMethod,
        _ => Wish::Admit { methods: &methods, like: &like },
    };
    mend::fix(loaded.server, loaded.site.trees(), span, wish)
}

/// A route like the one that takes the path of the contract which is most alike.
fn route(loaded: &Loaded, breach: &Breach<'_>, kept: &[Kept]) -> Option<Fix> {
    let request = &breach.request;
    let parts = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let path = parts(request.path());
    let shared = |kept: &&Kept| {
        let of = parts(kept.request.path());
        path.iter().zip(&of).skip(1).take_while(|(one, other)| one == other).count()
    };
    let here = kept.iter().filter(|kept| kept.request.port == request.port && kept.request.host == request.host);
    let model = here.filter(|kept| shared(kept) > 0).max_by_key(shared)?;
    let wish = Wish::Route { path: breach.expectation.path.start() };
    model.steps.iter().find_map(|step| mend::fix(loaded.server, loaded.site.trees(), *step, wish))
}
