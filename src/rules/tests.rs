//! The verdict rules on a site that is nothing but a function: what they say, and when they keep silent.

use std::sync::Arc;

use super::verdict;
use crate::ask::{Ask, Candidates, Fact, Input};
use crate::finding::{Edit, Finding, Severity};
use crate::http::{Answer, Part, Request, Step, Universe, UpstreamMethod, Verdict};
use crate::mend::{Statements, Wish};
use crate::server::{Release, Route, Server, Site, Task};
use crate::source::{FileId, Reader, SourceFile, Span};
use crate::syntax::{Directive, Tree};

struct Fake<F> {
    universe: Universe,
    cors: bool,
    decide: F,
}

impl<F> Candidates for Fake<F> {
    fn candidates(&self, _: &Input) -> Vec<Arc<str>> {
        vec!["10.0.0.1".into()]
    }
}

fn span(start: u32) -> Span {
    Span::new(FileId(0), start..start + 9)
}

impl<F: Fn(&mut Ask<'_>) -> Answer + Send + Sync> Site for Fake<F> {
    fn trees(&self) -> &[Arc<Tree>] {
        &[]
    }

    fn universe(&self) -> &Universe {
        &self.universe
    }

    fn findings(&self) -> Vec<Finding> {
        Vec::new()
    }

    fn routes(&self) -> Vec<Route> {
        vec![Route { request: Request::default(), span: span(0), cors: self.cors.then(|| span(40)) }]
    }

    fn decide(&self, ask: &mut Ask<'_>) -> Verdict {
        let step = Step { phase: "access", directive: "check".into(), span: span(20), note: "stops it".into(), part: Part::Says };
        Verdict { answer: (self.decide)(ask), steps: vec![step], decided_by: Some(0) }
    }
}

impl<F> Server for Fake<F>
where
    F: Sync,
{
    fn name(&self) -> &'static str {
        "fake"
    }

    fn title(&self) -> &'static str {
        "the proxy"
    }

    fn current(&self) -> Release {
        Release(1, 0, 0)
    }

    fn read(&self, _: &mut Reader<'_>, _: &[Arc<SourceFile>], _: &Task) -> Box<dyn Site> {
        unreachable!("the site is there already")
    }

    fn mend(&self, _: Directive<'_>, _: &Statements<'_>, _: Wish<'_>) -> Vec<Edit> {
        Vec::new()
    }
}

/// The findings as "severity rule: methods".
fn said(cors: bool, decide: impl Fn(&mut Ask<'_>) -> Answer + Send + Sync) -> Vec<String> {
    let fake = Fake { universe: Universe::default(), cors, decide };
    let mut said: Vec<_> = verdict::check(&fake, &fake, &Statements::new(&[]))
        .iter()
        .map(|finding| {
            let names: Vec<_> = fake.universe.names(finding.methods).collect();
            let when = finding.witness.as_ref().map_or(0, |witness| witness.when.len());
            let when = if when > 0 { " (conditional)" } else { "" };
            format!("{} {}: {}{when}", finding.severity, finding.rule, names.join(" "))
        })
        .collect();
    said.sort();
    said
}

fn forward() -> Answer {
    Answer::Forward { to: "http://127.0.0.1:3000".into(), method: UpstreamMethod::Unchanged, target: None, status: None }
}

fn unless(methods: &'static [&'static str], status: u16) -> impl Fn(&mut Ask<'_>) -> Answer {
    move |ask| {
        let listed = ask.universe().set(methods.iter().copied());
        if ask.method_is(listed) { forward() } else { Answer::respond(status) }
    }
}

#[test]
fn an_allow_list_in_front_of_an_application_is_a_warning() {
    assert_eq!(said(false, unless(&["GET", "HEAD", "POST"], 405)), ["warning method-denied: PUT PATCH DELETE OPTIONS"]);
}

#[test]
fn a_list_with_put_and_without_patch_is_an_old_one() {
    let list = &["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];
    assert_eq!(said(false, unless(list, 405)), ["warning allow-list-outdated: PATCH"]);
}

#[test]
fn a_read_only_route_is_meant_to_be_one() {
    assert_eq!(said(false, unless(&["GET", "HEAD"], 405)), ["info method-denied: POST PUT PATCH DELETE OPTIONS"]);
    assert_eq!(said(false, unless(&["POST"], 405)), ["info method-denied: GET HEAD PUT PATCH DELETE OPTIONS"]);
}

#[test]
fn a_forbidden_method_gets_a_misleading_status() {
    assert_eq!(
        said(false, unless(&["GET", "HEAD"], 403)),
        ["info method-denied: POST PUT PATCH DELETE OPTIONS", "info refusal-status: POST PUT PATCH DELETE OPTIONS"]
    );
}

#[test]
fn a_501_of_ones_own_is_an_error() {
    let list = &["GET", "HEAD", "POST", "OPTIONS"];
    assert_eq!(said(false, unless(list, 501)), ["error method-not-implemented: PUT PATCH DELETE"]);
}

#[test]
fn head_goes_with_get() {
    let list = &["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    assert_eq!(said(false, unless(list, 405)), ["warning head-blocked: HEAD"]);
}

#[test]
fn a_route_that_is_closed_or_open_for_all_is_no_matter_of_methods() {
    assert_eq!(said(false, |_| Answer::respond(403)), [""; 0]);
    assert_eq!(said(true, |_| forward()), [""; 0]);
    let hardened = |ask: &mut Ask<'_>| {
        let odd = ask.universe().all() - ask.universe().standard();
        if ask.method_is(odd) { Answer::respond(405) } else { forward() }
    };
    assert_eq!(said(true, hardened), [""; 0]);
}

#[test]
fn preflights_are_sent_as_browsers_send_them() {
    let list: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
    let blocked = said(true, unless(list, 405));
    assert_eq!(blocked, ["info method-denied: OPTIONS", "warning preflight-blocked: OPTIONS"]);
    let answered = |ask: &mut Ask<'_>| {
        let options = ask.universe().only("OPTIONS");
        match ask.method_is(options) {
            true if ask.header("origin").is_some() => Answer::respond(204),
            true => Answer::respond(405),
            false => forward(),
        }
    };
    assert_eq!(said(true, answered), ["info method-denied: OPTIONS"]);
}

#[test]
fn a_rewrite_of_everything_is_an_error_and_one_of_some_is_not() {
    let to = |method: &str| Answer::Forward {
        to: "http://127.0.0.1:3000".into(),
        method: UpstreamMethod::Replaced(method.into()),
        target: None,
        status: None,
    };
    assert_eq!(said(false, move |_| to("POST")), ["error method-override: GET HEAD PUT PATCH DELETE OPTIONS"]);
    let some = move |ask: &mut Ask<'_>| {
        let head = ask.universe().only("HEAD");
        if ask.method_is(head) { to("GET") } else { forward() }
    };
    assert_eq!(said(false, some), ["info method-override: HEAD"]);
}

#[test]
fn what_depends_on_the_client_is_said_quietly_and_under_its_condition() {
    let internal = |ask: &mut Ask<'_>| {
        let writes = ask.universe().set(["PUT", "PATCH", "DELETE"]);
        if ask.method_is(writes) && &*ask.client() != "10.0.0.1" { Answer::respond(403) } else { forward() }
    };
    assert_eq!(
        said(false, internal),
        ["info method-denied: PUT PATCH DELETE"],
        "a refusal that an address lifts is a decision about clients"
    );
    let limited = |ask: &mut Ask<'_>| {
        if !ask.fact(Fact::told("the rate is kept", "the rate is exceeded"), true) {
            return Answer::respond(503);
        }
        unless(&["GET", "HEAD", "POST"], 405)(ask)
    };
    assert_eq!(said(false, limited), ["warning method-denied: PUT PATCH DELETE OPTIONS (conditional)"]);
}

#[test]
fn severities_are_ordered() {
    assert!(Severity::Info < Severity::Warning && Severity::Warning < Severity::Error);
}
