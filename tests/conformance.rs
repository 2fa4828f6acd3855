//! Holds the interpreters against what real servers did.
//!
//! Each folder below `tests/cases/<server>` holds a config, the requests of its `case.json`, and in `observed.json` what the
//! real server answered to them. A prediction of several outcomes must have the real one among them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proxylint::ask::{Exploration, Explorer};
use proxylint::http::{Answer, Request, UpstreamMethod};
use proxylint::lint::{Input, Loaded, Machine};
use proxylint::server::{SERVERS, Server, Site, Task};
use proxylint::source::{Disk, Reader, Settings};
use proxylint::trace::{self, Outcome};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    config: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    requests: Vec<Sent>,
}

#[derive(Deserialize)]
struct Sent {
    method: String,
    target: Option<String>,
    /// Null sends no Host header.
    #[serde(default = "localhost")]
    host: Option<String>,
    port: Option<u16>,
    version: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
    #[serde(default)]
    body: String,
}

fn localhost() -> Option<String> {
    Some("localhost".into())
}

#[derive(Deserialize)]
struct Observed {
    accepted: bool,
    results: Vec<Seen>,
}

#[derive(Deserialize)]
struct Seen {
    status: Option<u16>,
    by: Option<String>,
    upstream_port: Option<u16>,
    upstream_method: Option<String>,
    upstream_target: Option<String>,
    #[serde(default)]
    upstreams: Vec<(u16, String, String)>,
    #[serde(default)]
    timeout: bool,
    error: Option<String>,
}

impl Sent {
    fn request(&self) -> Request {
        let headers = self.headers.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
        Request {
            method: self.method.clone().into(),
            target: self.target.clone().unwrap_or_else(|| "/".into()),
            host: self.host.clone(),
            port: self.port.unwrap_or(18080),
            version: self.version.clone().unwrap_or_else(|| "1.1".into()).into(),
            headers: headers.collect(),
            body: self.body.clone(),
            ..Request::default()
        }
    }
}

impl Seen {
    fn is(&self, answer: &Answer, request: &Request) -> bool {
        match answer {
            Answer::Close => self.status.is_none(),
            Answer::Respond { status, .. } => self.by.as_deref() == Some("proxy") && self.status == Some(*status),
            Answer::Forward { to, method, target, .. } => {
                let sent = match method {
                    UpstreamMethod::Unchanged => &*request.method,
                    UpstreamMethod::Replaced(method) => method,
                };
                let first = self.upstream_port.map(|port| {
                    (port, self.upstream_method.clone().unwrap_or_default(), self.upstream_target.clone().unwrap_or_default())
                });
                first.iter().chain(&self.upstreams).any(|(port, method, path)| {
                    to.trim_end_matches('/').ends_with(&format!(":{port}"))
                        && method.trim_start_matches("stored:") == sent
                        && target.as_ref().is_none_or(|target| **target == **path)
                })
            }
        }
    }
}

/// The case in a folder of its own, with the files that its requests meet.
fn stage(folder: &Path, case: &Case, place: &Path) {
    copy(folder, place, place);
    for (name, content) in &case.files {
        let path = place.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn copy(from: &Path, to: &Path, prefix: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target, prefix);
            continue;
        }
        // A script stays a program.
        fs::copy(entry.path(), &target).unwrap();
        if let Ok(text) = String::from_utf8(fs::read(entry.path()).unwrap()) {
            fs::write(target, text.replace("@PREFIX@", &prefix.display().to_string())).unwrap();
        }
    }
}

/// What is wrong with the predictions for one case.
fn failures(server: &'static dyn Server, folder: &Path) -> Vec<String> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let case: Case = serde_json::from_str(&read("case.json")).unwrap();
    let observed: Observed = serde_json::from_str(&read("observed.json")).unwrap();
    let place = tempfile::tempdir().unwrap();
    let place = place.path().canonicalize().unwrap();
    stage(folder, &case, &place);
    let settings = Settings { prefix: Some(place.clone()), ..Settings::default() };
    let mut reader = Reader::new(&Disk, &settings);
    reader.allow(&place);
    let main = reader.load(&place.join(&case.config)).unwrap();
    let target = recorded_release(server);
    let methods = case.requests.iter().map(|sent| sent.method.clone()).collect();
    let site = server.read(&mut reader, &[main], &Task { target, told: true, methods });
    let mut failures = Vec::new();
    let invalid = site.findings().into_iter().find(|finding| finding.invalid);
    match (&invalid, observed.accepted) {
        (Some(finding), true) => failures.push(format!("refused, but the server accepts it: {}", finding.message)),
        (None, false) => failures.push("accepted, but the server refuses it".to_owned()),
        _ => {}
    }
    for (sent, seen) in case.requests.iter().zip(&observed.results).filter(|(_, seen)| !seen.timeout && seen.error.is_none()) {
        let request = sent.request();
        let found = explore(&*site, &request);
        if !found.branches.iter().any(|branch| seen.is(&branch.verdict.answer, &request)) {
            let said: Vec<_> = found.branches.iter().map(|branch| &branch.verdict.answer).collect();
            failures.push(format!("{} {}: {said:?}", request.method, request.target));
        }
    }
    failures
}

/// What is wrong with the findings for one case: whether they are the same each time, and shown by requests that fare as told.
fn unsound(server: &'static dyn Server, folder: &Path) -> Vec<String> {
    let case: Case = serde_json::from_str(&fs::read_to_string(folder.join("case.json")).unwrap()).unwrap();
    let settings = Settings { prefix: Some(folder.to_path_buf()), ..Settings::default() };
    let machine = Machine { files: &Disk, settings: &settings, here: folder };
    let task = Task { target: recorded_release(server), told: true, methods: Vec::new() };
    let load = || Loaded::read(machine, server, &[Input::file(folder.join(&case.config))], &task).unwrap();
    let (first, again) = (load(), load());
    let (findings, others) = (first.findings(), again.findings());
    let mut report = Vec::new();
    if format!("{findings:?}") != format!("{others:?}") {
        report.push("another run finds something else".to_owned());
    }
    for witness in findings.iter().filter_map(|finding| finding.witness.as_ref()) {
        let traced = trace::one(first.site.as_ref(), &witness.request, None);
        let told = |outcome: &Outcome| {
            outcome.when.iter().all(|assumed| witness.when.contains(assumed))
                && outcome.verdict.answer.is_alike(&witness.predicted, &witness.request.method)
        };
        if !traced.outcomes.iter().any(told) {
            report.push(format!("{:?} does not fare as {:?}", witness.request, witness.predicted));
        }
    }
    report
}

fn recorded_release(server: &dyn Server) -> proxylint::server::Release {
    let release = match server.name() {
        "nginx" => "1.22.1",
        "apache" => "2.4.71",
        _ => "2.6.12",
    };
    release.parse().unwrap()
}

fn explore(site: &dyn Site, request: &Request) -> Exploration {
    let explorer = Explorer { universe: site.universe(), candidates: None, disk: Some(&Disk), runs: 64 };
    explorer.one(request, |ask| site.decide(ask))
}

fn cases(server: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(server);
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut cases: Vec<_> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.join("observed.json").is_file()).collect();
    cases.sort();
    cases
}

#[test]
fn predictions_are_what_real_servers_did() {
    let mut report = Vec::new();
    let mut count = 0;
    for &server in SERVERS {
        for case in cases(server.name()) {
            count += 1;
            let failures = failures(server, &case);
            report.extend(failures.into_iter().map(|failure| format!("{}: {failure}", case.display())));
        }
    }
    assert!(count >= 45, "the recorded cases are missing");
    assert!(report.is_empty(), "{}", report.join("\n"));
}

#[test]
fn findings_are_the_same_each_time_and_their_requests_show_them() {
    let mut report = Vec::new();
    for &server in SERVERS {
        for case in cases(server.name()) {
            report.extend(unsound(server, &case).into_iter().map(|fault| format!("{}: {fault}", case.display())));
        }
    }
    assert!(report.is_empty(), "{}", report.join("\n"));
}
