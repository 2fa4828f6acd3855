//! The real servers as judges: every recorded case is booted again, its requests are sent, and so are the witnesses of the
//! findings that proxylint makes about it.
//!
//! Each case runs in a network namespace of its own (this binary, started again under `unshare -n`), so that ports never clash.
//! Without the servers or the right to make namespaces the tests are skipped and say so; with `PROXYLINT_LIVE=1` that is a failure.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

mod case;
mod client;
mod findings;
mod fixes;
mod inside;
mod namespace;
mod server;
mod stage;
mod stubs;

use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use case::{Case, Observed};
use server::Server;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Cases of one server that run at the same time. Most of a case's time is spent waiting for the server to start.
const AT_ONCE: usize = 3;

#[test]
fn nginx() {
    judge(Server::Nginx);
}

#[test]
fn apache() {
    judge(Server::Apache);
}

#[test]
fn haproxy() {
    judge(Server::Haproxy);
}

#[test]
fn fixes_of_nginx() {
    judge_fixes(Server::Nginx);
}

#[test]
fn fixes_of_apache() {
    judge_fixes(Server::Apache);
}

#[test]
fn fixes_of_haproxy() {
    judge_fixes(Server::Haproxy);
}

/// What the namespace runs; without a job there is nothing to do here.
#[test]
fn one_case_inside_of_its_namespace() {
    if let Some(job) = namespace::job() {
        inside::run(&job).expect("the job of the namespace");
    }
}

/// The release of the server, where it can be run here.
fn release(server: Server) -> Option<String> {
    let must_run = std::env::var("PROXYLINT_LIVE").is_ok_and(|value| value == "1");
    match namespace::check().and_then(|()| server.release()) {
        Ok(release) => Some(release),
        Err(reason) if must_run => panic!("the live test of {} cannot run: {reason}", server.name()),
        Err(reason) => {
            println!("the live test of {} is skipped: {reason}", server.name());
            None
        }
    }
}

fn judge(server: Server) {
    let Some(release) = release(server) else { return };
    let cases = Case::all(server).expect("the recorded cases");
    assert!(!cases.is_empty(), "there are no cases for {}", server.name());
    let (witnesses, complaints) = each(&cases, |case| try_case(case, &release));
    println!("{} {release}: {} cases, {witnesses} witnesses sent", server.name(), cases.len());
    assert!(
        complaints.is_empty(),
        "{} of the real server's answers are not as told:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

fn judge_fixes(server: Server) {
    let Some(release) = release(server) else { return };
    let cases: Vec<_> =
        Case::all(server).expect("the recorded cases").into_iter().filter(|case| case.observed.accepted).collect();
    let (witnesses, complaints) = each(&cases, |case| fixes::of_case(case, &release));
    println!("{} {release}: {witnesses} fixed findings were tried", server.name());
    assert!(complaints.is_empty(), "{} fixes do not hold:\n{}", complaints.len(), complaints.join("\n"));
    let [before, after] = fixes::of_contract(server, &release).expect("the contract");
    assert!(before < fixes::ALL && after == fixes::ALL, "{after} of {} operations work, and {before} did", fixes::ALL);
}

/// Does the same with all cases; gives the sum of the counts, and all complaints.
fn each(cases: &[Case], what: impl Fn(&Case) -> Outcome<(usize, Vec<String>)> + Sync) -> (usize, Vec<String>) {
    let next = AtomicUsize::new(0);
    let complaints = Mutex::new(Vec::new());
    let counted = AtomicUsize::new(0);
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            match what(case) {
                Ok((count, found)) => {
                    counted.fetch_add(count, Ordering::Relaxed);
                    complaints.lock().expect("no worker panics").extend(found);
                }
                Err(error) => complaints.lock().expect("no worker panics").push(format!("{}: {error}", case.name())),
            }
        }
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| _ = scope.spawn(work)));
    (counted.into_inner(), complaints.into_inner().expect("no worker panics"))
}

/// Runs a case; gives the number of witnesses, and where the real server differs from the recording or the prediction.
fn try_case(case: &Case, release: &str) -> Outcome<(usize, Vec<String>)> {
    let stage = stage::Stage::new(case)?;
    let claims = if case.check_only || !case.observed.accepted { Vec::new() } else { findings::claims(case, &stage, release)? };
    let witnesses = claims.iter().map(|claim| claim.request.clone());
    let requests = case.requests.iter().cloned().chain(witnesses).collect();
    let seen = namespace::run(case, &stage, requests)?;
    let mut complaints = Vec::new();
    if seen.accepted != case.observed.accepted {
        complaints.push(format!("{}: the config is {} now: {}", case.name(), accepted(&seen), seen.log));
        return Ok((0, complaints));
    }
    let recorded = case.requests.iter().zip(&case.observed.results).zip(&seen.results);
    for ((request, recorded), seen) in recorded.filter(|((_, recorded), seen)| !recorded.is_same(seen)) {
        complaints.push(format!("{}: {request} was recorded as {recorded:?}, now it is {seen:?}", case.name()));
    }
    for (claim, seen) in claims.iter().zip(seen.results.iter().skip(case.requests.len())) {
        if !claim.holds(seen) {
            complaints.push(format!(
                "{}: {} says of {} {}, it is {seen:?}",
                case.name(),
                claim.rule,
                claim.request,
                claim.predicted
            ));
        }
    }
    if !case.check_only && seen.accepted && seen.results.len() != case.requests.len() + claims.len() {
        complaints.push(format!("{}: the server did not start: {}", case.name(), seen.log));
    }
    Ok((claims.len(), complaints))
}

fn accepted(seen: &Observed) -> &'static str {
    if seen.accepted { "accepted" } else { "refused" }
}
