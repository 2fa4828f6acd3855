//! The findings about broken promises.

use std::ops::Range;

use super::trial::{Breach, Held, Kept, Kind};
use super::{RULE, Statement};
use crate::finding::{Confidence, Finding, Fix, Severity, Witness};
use crate::http::{Answer, Part, Request, UpstreamMethod, Verdict};
use crate::lint::Loaded;
use crate::mend::{self, Statements, Wish};
use crate::server::Server;
use crate::source::{FileId, Span};

/// How many operations of the contract a finding names.
const MAX_RELATED: usize = 20;

/// The config that breaks the contract, and what its findings and fixes need of it.
struct Config<'a> {
    server: &'static dyn Server,
    statements: Statements<'a>,
    kept: &'a [Kept],
    /// The files of the contract.
    files: Vec<FileId>,
}

/// One finding for each directive and way in which it breaks the contract.
pub(super) fn findings(held: &Held<'_>, statements: &[Statement], loaded: &mut Loaded) -> Vec<Finding> {
    let mut breaches = held.breaches().peekable();
    if breaches.peek().is_none() {
        return Vec::new();
    }
    let add = |file: &Statement| loaded.sources.add(file.name.clone(), file.path.clone(), file.text.clone().into_bytes()).id;
    let files: Vec<FileId> = statements.iter().map(add).collect();
    let mut groups: Vec<(Span, Vec<&Breach<'_>>)> = Vec::new();
    for breach in breaches {
        let span = place(breach, &files);
        let same = |other: &&Breach<'_>| other.kind == breach.kind && alike(other, breach);
        match groups.iter_mut().find(|(known, group)| *known == span && group.first().is_some_and(same)) {
            Some((_, group)) => group.push(breach),
            None => groups.push((span, vec![breach])),
        }
    }
    let config = Config { server: loaded.server, statements: Statements::new(loaded.site.trees()), kept: &held.kept, files };
    groups.into_iter().filter_map(|(span, group)| finding(&config, span, &group)).collect()
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

fn finding(config: &Config<'_>, span: Span, group: &[&Breach<'_>]) -> Option<Finding> {
    let first = group.first()?;
    let outcome = first.traced.outcomes.first()?;
    let answer = &outcome.verdict.answer;
    let Request { method, target, .. } = &first.request;
    let what = match (first.kind, answer) {
        (Kind::Passes, _) => format!("{method} {target} passes, which the contract forbids"),
        (Kind::NoRoute, Answer::Respond { status: ..400, .. }) => {
            format!("no route takes {method} {target}, which the contract promises: only the server's files are left")
        }
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
        let place = stated(breach, &config.files);
        if place != span {
            finding = finding.related(place, format!("{} is stated here", breach.request.method));
        }
    }
    finding.fix = match first.kind {
        Kind::Broken => fix(config, span, group, &outcome.verdict),
        Kind::NoRoute => route(config, first),
        Kind::Passes => None,
    };
    if !outcome.when.is_empty() {
        finding.confidence = Confidence::Medium;
    }
    let (request, predicted, when) = (first.request.clone(), answer.clone(), outcome.when.clone());
    finding.witness = Some(Box::new(Witness { request, predicted, when }));
    Some(finding)
}

/// What would keep the promise at the directive that breaks it, or where a page takes a refusal over, at what refuses.
fn fix(config: &Config<'_>, span: Span, group: &[&Breach<'_>], verdict: &Verdict) -> Option<Fix> {
    let first = group.first()?;
    let mut methods: Vec<&str> = group.iter().map(|breach| &*breach.request.method).collect();
    methods.sort_unstable();
    methods.dedup();
    let promised = first.expectation.methods.iter().map(String::as_str);
    let like: Vec<&str> = promised.chain(["GET", "POST"]).filter(|method| !methods.contains(method)).collect();
    let admit = Wish::Admit { methods: &methods, like: &like };
    let mend = |span, wish| mend::fix(config.server, &config.statements, span, wish);
    let page = verdict.steps.iter().position(|step| matches!(step.part, Part::ErrorPage { .. }));
    match (page, &verdict.answer) {
        (Some(page), _) => verdict.steps[..page].iter().rev().find_map(|step| mend(step.span, admit)),
        (None, Answer::Forward { .. }) => mend(span, Wish::PassUnchanged),
        (None, Answer::Respond { status: 301..=303, .. }) => mend(span, Wish::KeepMethod),
        (None, _) => mend(span, admit),
    }
}

/// A route like the one that takes the path of the contract which is most alike.
fn route(config: &Config<'_>, breach: &Breach<'_>) -> Option<Fix> {
    let request = &breach.request;
    let parts = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let path = parts(request.path());
    let shared = |kept: &&Kept| {
        let of = parts(kept.request.path());
        path.iter().zip(&of).skip(1).take_while(|(one, other)| one == other).count()
    };
    let here = config.kept.iter().filter(|kept| kept.request.port == request.port && kept.request.host == request.host);
    let model = here.filter(|kept| shared(kept) > 0).max_by_key(shared)?;
    let wish = Wish::Route { path: breach.expectation.path.start() };
    model.steps.iter().find_map(|step| mend::fix(config.server, &config.statements, *step, wish))
}
