//! The command line, as scripts, hooks and editors use it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const DENIED: &str = "events {}\nhttp {\n    server {\n        listen 8080;\n        location / {\n            limit_except GET POST { deny all; }\n            proxy_pass http://127.0.0.1:3000;\n        }\n    }\n}\n";
const CLEAN: &str =
    "events {}\nhttp {\n    server {\n        listen 8080;\n        location / { proxy_pass http://127.0.0.1:3000; }\n    }\n}\n";
const BROKEN: &str = "events {}\nhttp {\n    server {\n        listen 8080;\n        location / { return 200 \"\n    }\n}\n";

struct Project {
    folder: TempDir,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let project = Project { folder: TempDir::new().unwrap() };
        for (name, text) in files {
            let path = project.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        project
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_proxylint"));
        command.current_dir(self.path()).env_clear();
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    fn code(&self, arguments: &[&str]) -> i32 {
        self.run(arguments).status.code().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--format", "json"], arguments].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    fn with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command();
        let mut child =
            command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        match child.stdin.take().unwrap().write_all(input.as_bytes()) {
            // A run that needs no input may be over before it is written.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            written => written.unwrap(),
        }
        child.wait_with_output().unwrap()
    }
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn rules(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

#[test]
fn the_status_tells_what_was_found() {
    let project = Project::new(&[("nginx.conf", CLEAN), ("broken/nginx.conf", BROKEN), ("none/readme.md", "nothing")]);
    assert_eq!(project.code(&["nginx.conf"]), 0);
    assert_eq!(project.code(&["broken/nginx.conf"]), 1);
    assert_eq!(project.code(&["--fail-on", "never", "broken/nginx.conf"]), 0);
    assert_eq!(project.code(&["missing/nginx.conf"]), 2);
    assert_eq!(project.code(&["--no-such-option"]), 2);
    assert_eq!(project.code(&["none"]), 3);
}

#[test]
fn the_format_never_changes_the_status() {
    let project = Project::new(&[("nginx.conf", BROKEN)]);
    for format in ["human", "concise", "json", "sarif", "github", "gitlab", "junit", "checkstyle"] {
        assert_eq!(project.code(&["--format", format, "nginx.conf"]), 1, "{format}");
    }
}

#[test]
fn what_cannot_be_read_does_not_hide_what_can() {
    let project = Project::new(&[("nginx.conf", BROKEN), ("empty/nginx.conf", ""), ("binary/nginx.conf", "user x;\0\u{1}")]);
    fs::create_dir(project.path().join("nginx.d")).unwrap();
    let output =
        project.run(&["--format", "json", "gone.conf", "binary/nginx.conf", "empty/nginx.conf", "nginx.d", "nginx.conf"]);
    assert_eq!(output.status.code(), Some(2));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!report["findings"].as_array().unwrap().is_empty());
    let told = err(&output);
    for part in
        ["error: cannot read gone.conf: no such file", "is not a text file: byte 7", "nginx.conf is empty", "nginx.d holds no"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(told.matches("help: ").count(), 4);
}

#[test]
fn hostile_files_end_in_short_messages() {
    let line = format!("events {{}} http {{ server {{ listen 80; return 200 \"{}; }} }}", "x".repeat(3_000_000));
    let files =
        [("nginx.conf", "http {".repeat(100_000)), ("line/nginx.conf", line), ("haproxy.cfg", "frontend ".repeat(100_000))];
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let project = Project::new(&files);
    for (name, _) in &files {
        let output = project.run(&[name]);
        assert_eq!(output.status.code(), Some(1), "{name}: {}", err(&output));
        assert!(output.stdout.len() < 20_000, "{name}: {}", output.stdout.len());
    }
}

#[test]
fn a_file_that_another_one_includes_is_linted_once() {
    let main = "events {}\nhttp {\n    include sites-enabled/*;\n}\n";
    let site = "server {\n    listen 8080;\n    no_such_directive_at_all;\n}\n";
    let project = Project::new(&[("nginx/nginx.conf", main), ("nginx/sites-enabled/a.conf", site)]);
    let report = project.json(&["."]);
    assert_eq!(report["summary"]["files"], 2);
    assert_eq!(project.json(&["nginx/sites-enabled/a.conf", "nginx/nginx.conf"]), report_from(&project, "nginx/nginx.conf"));
    assert_eq!(project.json(&["nginx/sites-enabled/a.conf"])["summary"]["files"], 1);
}

fn report_from(project: &Project, path: &str) -> Value {
    project.json(&[path])
}

#[test]
fn standard_input_has_the_name_that_it_is_given() {
    let project = Project::new(&[]);
    let output = project.with_input(&["--format", "concise", "--stdin-filename", "conf/nginx.conf", "-"], BROKEN);
    assert_eq!(output.status.code(), Some(1));
    assert!(out(&output).starts_with("conf/nginx.conf:"), "{}", out(&output));
    let output = project.with_input(&["--server", "nginx", "-"], CLEAN);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
}

#[test]
fn named_files_are_left_out_only_where_that_is_forced() {
    let settings = "exclude = [\"old/**\"]\n";
    let project = Project::new(&[("proxylint.toml", settings), ("old/nginx.conf", BROKEN), ("nginx.conf", CLEAN)]);
    assert_eq!(project.code(&["."]), 0);
    assert_eq!(project.code(&["old/nginx.conf"]), 1);
    // A hook that names what changed must not fail because none of it is to be linted.
    assert_eq!(project.code(&["--force-exclude", "old/nginx.conf"]), 0);
    assert_eq!(project.code(&["--force-exclude", "proxylint.toml"]), 0);
    assert_eq!(project.code(&["--force-exclude", "old/nginx.conf", "proxylint.toml", "nginx.conf"]), 0);
    assert_eq!(project.code(&["--force-exclude", "gone.conf"]), 2);
    let output = project.with_input(&["--force-exclude", "--stdin-filename", "old/nginx.conf", "-"], BROKEN);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    // A folder that turns out to be empty is no choice of the caller.
    let output = project.run(&["old"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(err(&output).contains("help: "), "{}", err(&output));
}

#[test]
fn folders_bring_what_the_settings_include() {
    let scrap = "proxy_method POST;\nfoo bar\nbaz\nqux\n";
    let files = [("nginx.conf", BROKEN), ("deploy/edge.txt", scrap), ("deploy/nginx.conf", CLEAN), ("notes.txt", scrap)];
    let project = Project::new(&files);
    let reported = |project: &Project| {
        let report = project.json(&["."]);
        let findings = report["findings"].as_array().unwrap().clone();
        findings.iter().map(|finding| finding["location"]["file"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(reported(&project).iter().all(|file| file == "./nginx.conf"));
    fs::write(project.path().join("proxylint.toml"), "include = [\"deploy\"]\n").unwrap();
    let files = reported(&project);
    assert!(!files.is_empty() && files.iter().all(|file| file == "./deploy/edge.txt"), "{files:?}");
    assert_eq!(project.code(&["nginx.conf"]), 1);
}

#[test]
fn a_piece_of_two_configs_is_reported_once() {
    let whole = "events {}\nhttp {\n    include shared/*.conf;\n}\n";
    let site = "server {\n    listen 8080;\n    location / {\n        limit_except GET POST { deny all; }\n        proxy_pass http://127.0.0.1:3000;\n    }\n}\n";
    let project = Project::new(&[("one.conf", whole), ("two.conf", whole), ("shared/site.conf", site)]);
    let report = project.json(&["one.conf", "two.conf"]);
    assert_eq!(rules(&report), ["method-denied"]);
    assert_eq!((&report["summary"]["warning"], &report["summary"]["files"]), (&1.into(), &3.into()));
}

#[test]
fn no_witness_has_a_byte_that_was_not_read() {
    let project = Project::new(&[]);
    let text = DENIED.replace("location /", "location /caf\u{e9}/").into_bytes();
    let latin1: Vec<u8> =
        text.into_iter().filter(|byte| *byte != 0xc3).map(|byte| if byte == 0xa9 { 0xe9 } else { byte }).collect();
    fs::write(project.path().join("nginx.conf"), latin1).unwrap();
    let report = project.json(&["--pedantic", "nginx.conf"]);
    let witnesses = report["findings"].as_array().unwrap().iter().filter_map(|finding| finding["witness"]["target"].as_str());
    assert!(witnesses.clone().all(|target| !target.contains("%1A")), "{:?}", witnesses.collect::<Vec<_>>());
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let project = Project::new(&[("nginx.conf", CLEAN)]);
    let mut child =
        project.command().args(["explain", "--markdown"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), err(&output)), (Some(0), String::new()));
}

#[test]
fn a_trace_answers_every_line_in_order() {
    let project = Project::new(&[("nginx.conf", DENIED)]);
    // More than one site can tell apart. nginx takes letters, `_` and `-` in a method, and no digits.
    let letter = |n: u32| char::from_u32(u32::from('A') + n).unwrap();
    let odd = (0..150).map(|n| format!("M{}{}", letter(n / 26), letter(n % 26)));
    let methods: Vec<_> = odd.chain(["GET".into(), "PATCH".into(), "MAC".into()]).collect();
    let lines: String = methods.iter().map(|method| format!("{{\"method\": \"{method}\", \"port\": 8080}}\n")).collect();
    let output = project.with_input(&["trace", "--format", "json", "--requests", "-", "nginx.conf"], &lines);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let answers: Vec<Value> = out(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), methods.len());
    for (method, answer) in methods.iter().zip(&answers) {
        assert_eq!(answer["request"]["method"], *method);
        assert_eq!(answer["exhaustive"], true);
        let outcome = &answer["outcomes"][0];
        assert_eq!(outcome["when"], Value::Array(Vec::new()));
        match method.as_str() {
            "GET" => assert_eq!(outcome["answer"]["to"], "http://127.0.0.1:3000"),
            _ => assert_eq!(outcome["answer"]["status"], 403),
        }
    }
    let decided = &answers[0]["outcomes"][0]["decided_by"];
    assert_eq!((&decided["directive"], &decided["location"]["start"]["line"]), (&"limit_except".into(), &6.into()));
}

#[test]
fn a_trace_takes_a_url_as_curl_does() {
    let project = Project::new(&[("nginx.conf", DENIED)]);
    let output = project.run(&["trace", "nginx.conf", "http://a.example:8080/x?y", "-X", "DELETE", "-H", "Host: b.example"]);
    let text = out(&output);
    assert!(text.starts_with("DELETE http://b.example:8080/x?y\n"), "{text}");
    assert!(text.contains("nginx.conf:6:13"), "{text}");
    assert!(text.contains("403 Forbidden from the proxy"), "{text}");
    for wrong in [&["trace", "nginx.conf"][..], &["trace", "nginx.conf", "ftp://x/"], &["trace", "nginx.conf", "http://x:99999/"]]
    {
        let output = project.run(wrong);
        assert_eq!(output.status.code(), Some(2));
        assert!(err(&output).contains("help: "), "{}", err(&output));
    }
}

#[test]
fn the_default_in_github_actions_is_annotations() {
    let project = Project::new(&[("nginx.conf", BROKEN)]);
    let output = project.command().env("GITHUB_ACTIONS", "true").arg("nginx.conf").output().unwrap();
    assert!(out(&output).starts_with("::error file=nginx.conf,line="), "{}", out(&output));
}

#[test]
fn paths_start_at_the_root_of_a_checkout() {
    let project = Project::new(&[("deploy/nginx.conf", BROKEN)]);
    let root = project.path().canonicalize().unwrap();
    for (variable, format) in [("GITHUB_WORKSPACE", "github"), ("CI_PROJECT_DIR", "gitlab")] {
        for path in ["nginx.conf", "../deploy/nginx.conf"] {
            let mut command = project.command();
            command.current_dir(root.join("deploy")).env(variable, &root).args(["--format", format, path]);
            let told = out(&command.output().unwrap());
            let place = if format == "github" { "file=deploy/nginx.conf," } else { "\"path\": \"deploy/nginx.conf\"" };
            assert!(told.contains(place), "{told}");
        }
    }
}

#[test]
fn several_outputs_come_from_one_run() {
    let project = Project::new(&[("nginx.conf", BROKEN)]);
    let output = project.run(&["--output", "sarif=a.sarif", "--output", "junit=a.xml", "--format", "concise", "nginx.conf"]);
    assert_eq!(output.status.code(), Some(1));
    let sarif: Value = serde_json::from_slice(&fs::read(project.path().join("a.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert!(fs::read_to_string(project.path().join("a.xml")).unwrap().contains("<testsuites"));
    assert_eq!(project.code(&["--output", "sarf=a", "nginx.conf"]), 2);
}

#[test]
fn mistakes_in_the_settings_are_shown_at_their_place() {
    let project = Project::new(&[("proxylint.toml", "[rules]\nsyntax-eror = \"off\"\n"), ("nginx.conf", BROKEN)]);
    let output = project.run(&["nginx.conf"]);
    assert_eq!(output.status.code(), Some(2));
    let told = err(&output);
    assert!(told.contains("proxylint.toml:2:1") && told.contains("did you mean `syntax-error`?"), "{told}");
}

#[test]
fn rules_can_be_switched_and_weighed() {
    let project = Project::new(&[("nginx.conf", BROKEN)]);
    let report = project.json(&["nginx.conf"]);
    let rule = rules(&report)[0];
    assert_eq!(project.json(&["--ignore", rule, "nginx.conf"])["findings"], Value::Array(Vec::new()));
    assert_eq!(rules(&project.json(&["--select", rule, "nginx.conf"])), rules(&report));
    let weighed = project.json(&["--severity", &format!("{rule}=warning"), "nginx.conf"]);
    assert_eq!(weighed["summary"]["error"], 0);
    let output = project.run(&["--ignore", "syntaxerror", "nginx.conf"]);
    assert!(err(&output).contains("did you mean `syntax-error`?"), "{}", err(&output));
}

#[test]
fn a_baseline_holds_back_what_is_known() {
    let project = Project::new(&[("nginx.conf", BROKEN)]);
    assert_eq!(project.code(&["--baseline", "known.json", "nginx.conf"]), 2);
    assert_eq!(project.code(&["--baseline", "known.json", "--update-baseline", "nginx.conf"]), 0);
    fs::write(project.path().join("nginx.conf"), format!("\n# a comment\n{BROKEN}")).unwrap();
    assert_eq!(project.code(&["--baseline", "known.json", "nginx.conf"]), 0);
    assert_eq!(project.code(&["nginx.conf"]), 1);
}

const API: &str = "openapi: 3.0.3
paths:
  /users/{id}:
    get: {}
    patch: {}
  /legacy:
    post: {}
    put: {}
  /elsewhere: {get: {}}
";

#[test]
fn a_contract_is_held_against_the_config() {
    let config = "events {}\nhttp {\n  server {\n    listen 8080;\n    location /users/ {\n      limit_except GET POST { deny all; }\n      proxy_pass http://127.0.0.1:3000;\n    }\n    location /legacy {\n      proxy_method POST;\n      proxy_pass http://127.0.0.1:3000;\n    }\n    location / { return 404; }\n  }\n}\n";
    let settings = "[[expect]]\npath = \"/users/**\"\nmethods = [\"POST\", \"DELETE\"]\nrefuse = [\"GET\"]\n";
    let project = Project::new(&[("nginx.conf", config), ("api.yaml", API), ("proxylint.toml", settings)]);
    let report = project.json(&["--openapi", "api.yaml", "nginx.conf"]);
    let broken: Vec<_> =
        report["findings"].as_array().unwrap().iter().filter(|finding| finding["rule"] == "contract-broken").collect();
    let seen = |line: u64, methods: &[&str], part: &str| {
        broken.iter().any(|finding| {
            finding["location"]["start"]["line"] == line
                && finding["methods"] == Value::from(methods)
                && finding["message"].as_str().unwrap().contains(part)
        })
    };
    assert!(seen(6, &["PATCH", "DELETE"], "is answered 403"), "{broken:#?}");
    assert!(seen(10, &["PUT"], "reaches the upstream as POST"), "{broken:#?}");
    assert!(broken.iter().any(|finding| finding["message"].as_str().unwrap().starts_with("no route takes GET /elsewhere")));
    assert!(broken.iter().any(|finding| finding["message"].as_str().unwrap().contains("GET /users/ passes")));
    assert!(broken.iter().any(|finding| finding["related"][0]["location"]["file"] == "api.yaml"));
    // Refusals that the contract does not speak of are meant to be.
    assert!(!rules(&report).contains(&"method-denied"));
    assert_eq!(project.code(&["--openapi", "nginx.conf", "nginx.conf"]), 2);
}

/// Two applications of one server: a contract speaks of the first.
const TWO: &str = "http {
    server {
        location /users/ {
            if ($request_method !~ ^(GET|POST|PUT|PATCH)$) { return 501; }
            proxy_method POST;
            proxy_pass http://127.0.0.1:3000;
        }
        location /forms/ {
            limit_except GET PUT { deny all; }
            proxy_pass http://127.0.0.1:3000;
        }
        location /hooks/ {
            proxy_method POST;
            proxy_pass http://127.0.0.1:3001;
        }
    }
}
";

#[test]
fn what_a_contract_does_not_speak_of_is_silent() {
    let project = Project::new(&[("nginx.conf", TWO)]);
    let without = project.json(&["nginx.conf"]);
    assert_eq!(
        rules(&without),
        ["method-not-implemented", "method-override", "allow-list-outdated", "method-override"],
        "{without:#}"
    );
    // Every refusal of the run, whatever its status, and rewritten methods on the paths of the contract.
    let kept = "[[expect]]\npath = \"/users/**\"\nmethods = [\"POST\"]\n";
    let project = Project::new(&[("nginx.conf", TWO), ("proxylint.toml", kept)]);
    let with = project.json(&["nginx.conf"]);
    assert_eq!(rules(&with), ["method-override"], "{with:#}");
    assert_eq!(with["findings"][0]["location"]["start"]["line"], 13);
    // A contract about another server says nothing about this one.
    let other = format!("{kept}server = \"haproxy\"\n");
    let project = Project::new(&[("nginx.conf", TWO), ("proxylint.toml", &other)]);
    assert_eq!(rules(&project.json(&["nginx.conf"])), rules(&without));
}

#[test]
fn a_promise_is_about_the_configs_that_keep_some_of_it() {
    let app = "server {\n    server_name app.example.com;\n    location /users/ {\n        limit_except GET { deny all; }\n        proxy_pass http://127.0.0.1:3000;\n    }\n}\n";
    let other = "server {\n    server_name other.example.com;\n    root /srv/www;\n}\n";
    let host = "[[expect]]\nhost = \"app.example.com\"\npath = \"/users/**\"\nmethods = [\"GET\", \"PATCH\"]\n";
    for settings in [host.to_owned(), host.replace("host = \"app.example.com\"\n", "")] {
        let files = [("sites-available/app", app), ("sites-available/other", other), ("proxylint.toml", &settings)];
        let report = Project::new(&files).json(&["--server", "nginx", "sites-available"]);
        let broken = report["findings"].as_array().unwrap();
        assert_eq!(rules(&report), ["contract-broken"], "{report:#}");
        assert!(broken[0]["message"].as_str().unwrap().starts_with("PATCH /users/"), "{report:#}");
    }
}

/// A config of each server on which one path has a route and another has none.
const ROUTES: &[(&str, &str)] = &[
    (
        "nginx.conf",
        "events {}\nhttp {\n  server {\n    listen 80;\n    root /srv/www;\n    location /users/ { proxy_pass http://127.0.0.1:3000; }\n  }\n}\n",
    ),
    (
        "apache.conf",
        "<VirtualHost *:80>\n    DocumentRoot /srv/www\n    ProxyPass /users/ http://127.0.0.1:3000/users/\n</VirtualHost>\n",
    ),
    (
        "haproxy.cfg",
        "frontend www\n    mode http\n    bind :80\n    use_backend app if { path_beg /users/ }\nbackend app\n    mode http\n    server a 127.0.0.1:3000\n",
    ),
];

#[test]
fn paths_without_a_route_are_reported_at_the_line_of_the_contract() {
    for (name, config) in ROUTES {
        let settings = "[[expect]]\npath = \"/users/**\"\nmethods = [\"GET\", \"PATCH\"]\n[[expect]]\npath = \"/orders/{id}\"\nmethods = [\"GET\"]\n[[expect]]\npath = \"/carts/{id}\"\nmethods = [\"PATCH\"]\n";
        let project = Project::new(&[(name, config), ("proxylint.toml", settings)]);
        let report = project.json(&["--server", name.split('.').next().unwrap(), name]);
        let findings = report["findings"].as_array().unwrap();
        assert_eq!(rules(&report), ["contract-broken", "contract-broken"], "{report:#}");
        for (finding, (line, request)) in findings.iter().zip([(5, "GET /orders/1"), (8, "PATCH /carts/1")]) {
            assert_eq!(finding["location"]["file"], "proxylint.toml");
            assert_eq!(finding["location"]["start"]["line"], line);
            assert!(finding["message"].as_str().unwrap().starts_with(&format!("no route takes {request}")), "{finding:#}");
        }
    }
}

#[test]
fn a_comment_silences_a_finding() {
    let allowed =
        DENIED.replace("limit_except", "# proxylint: allow(method-denied) read and create only\n            limit_except");
    let project = Project::new(&[("nginx.conf", DENIED), ("allowed/nginx.conf", &allowed)]);
    assert!(rules(&project.json(&["nginx.conf"])).contains(&"method-denied"));
    assert_eq!(project.json(&["allowed/nginx.conf"])["findings"], Value::Array(Vec::new()));
    let unused = project.json(&["--pedantic", "allowed/nginx.conf"]);
    assert!(!rules(&unused).contains(&"suppression-unused"), "{unused:#}");
}

#[test]
fn fixes_are_shown_and_applied_and_then_there_is_none_left() {
    let stale = CLEAN.replace("        listen", "        # proxylint: allow(method-denied) no longer true\r\n        listen");
    let project = Project::new(&[("nginx.conf", &stale)]);
    let path = project.path().join("nginx.conf");
    let patch = out(&project.run(&["--diff", "nginx.conf"]));
    assert!(patch.starts_with("--- a/nginx.conf\n+++ b/nginx.conf\n") && patch.contains("\n-        # proxylint"), "{patch}");
    assert_eq!(fs::read_to_string(&path).unwrap(), stale);
    assert_eq!(project.code(&["--fix", "nginx.conf"]), 0);
    assert_eq!(fs::read_to_string(&path).unwrap(), CLEAN);
    assert_eq!(out(&project.run(&["--diff", "nginx.conf"])), "");
    assert_eq!(project.with_input(&["--fix", "--server", "nginx", "-"], CLEAN).status.code(), Some(2));
}

#[test]
fn a_trace_is_for_the_release_and_root_of_the_project() {
    let settings = "root = \"image\"\n[define]\nMODE = \"strict\"\n[target]\nnginx = \"1.22\"\n";
    let main = "events {}\nhttp { include /etc/nginx/site.conf; }\n";
    let site = "server { listen 8080; location / { return 204; } }\n";
    let files = [("proxylint.toml", settings), ("image/etc/nginx/nginx.conf", main), ("image/etc/nginx/site.conf", site)];
    let project = Project::new(&files);
    let output = project.run(&["trace", "image/etc/nginx/nginx.conf", "http://localhost:8080/"]);
    assert!(out(&output).contains("204 No Content from the proxy"), "{}{}", out(&output), err(&output));
    let outside = settings.replace("\"image\"", "\"../..\"");
    fs::write(project.path().join("proxylint.toml"), outside).unwrap();
    assert_eq!(project.code(&["image/etc/nginx/nginx.conf"]), 2);
}

#[test]
fn settings_can_be_begun_and_shown() {
    let project = Project::new(&[]);
    assert_eq!(project.code(&["init"]), 0);
    assert_eq!(project.code(&["init"]), 2);
    assert!(out(&project.run(&["config"])).contains("fail-on = \"warning\""));
}

#[test]
fn shells_and_the_manual_know_every_command() {
    let project = Project::new(&[]);
    let page = out(&project.run(&["man"]));
    assert!(page.contains(".TH proxylint") && page.contains(".SH EXIT STATUS"), "{page}");
    for command in ["trace", "matrix", "explain", "init", "config", "completions"] {
        assert!(page.contains(&format!(".SH PROXYLINT {}\n", command.to_uppercase())), "{command}");
        for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
            assert!(out(&project.run(&["completions", shell])).contains(command), "{shell} does not know {command}");
        }
    }
}

#[test]
fn every_rule_explains_itself() {
    let project = Project::new(&[]);
    let list = out(&project.run(&["explain"]));
    for rule in proxylint::rules::RULES {
        assert!(list.contains(rule.name));
        assert!(out(&project.run(&["explain", rule.name])).starts_with(rule.name));
    }
    assert!(out(&project.run(&["explain", "501"])).contains("RFC 9110"));
    assert!(err(&project.run(&["explain", "method-denid"])).contains("did you mean `method-denied`?"));
}

/// `docs/src/rules.md` is what `proxylint explain --markdown` prints; `UPDATE=1 cargo test` writes it.
#[test]
fn the_documentation_of_the_rules_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/rules.md");
    let page = out(&Project::new(&[]).run(&["explain", "--markdown"]));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert!(fs::read_to_string(path).unwrap() == page, "run `UPDATE=1 cargo test`");
}
