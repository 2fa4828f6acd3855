//! Fixes do what they promise: the fixed config is one that the server takes no worse than before, what was found is not found
//! again, and the request that showed it fares as it should.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

fn proxylint(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_proxylint"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("GITHUB_ACTIONS")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn findings(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let report: Value = serde_json::from_str(&proxylint(folder, arguments)).unwrap();
    report["findings"].as_array().unwrap().clone()
}

/// A folder with one config, and the text after `fix`, with the diff checked to be of the same effect.
fn fixed(name: &str, text: &str, fix: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    let server = name.split('.').next().unwrap();
    let diff = proxylint(folder.path(), &["--server", server, fix, "--diff", name]);
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "--diff writes nothing");
    proxylint(folder.path(), &["--server", server, fix, name]);
    let after = fs::read_to_string(&path).unwrap();
    assert_eq!(diff.is_empty(), after == text, "{diff}");
    proxylint(folder.path(), &["--server", server, fix, name]);
    assert_eq!(fs::read_to_string(&path).unwrap(), after, "a second run changes nothing");
    after
}

#[track_caller]
fn safe(name: &str, before: &str, after: &str) {
    assert_eq!(fixed(name, before, "--fix"), after);
}

#[track_caller]
fn not_safe(name: &str, before: &str, after: &str) {
    assert_eq!(fixed(name, before, "--fix"), before, "plain --fix leaves it alone");
    assert_eq!(fixed(name, before, "--fix=unsafe"), after);
}

fn location(inside: &str) -> String {
    format!("location /a/ {{\n    {inside}\n    proxy_pass http://127.0.0.1:3000;\n}}\n")
}

#[test]
fn spelling_and_anchors_of_nginx_conditions() {
    for (before, after) in [
        ("if ($request_method = get) { return 405; }", "if ($request_method = GET) { return 405; }"),
        ("if ($request_method = PUT|DELETE) { return 405; }", "if ($request_method ~ ^(PUT|DELETE)$) { return 405; }"),
        ("if ($request_method != \"GET|POST\") { return 405; }", "if ($request_method !~ \"^(GET|POST)$\") { return 405; }"),
        ("if ($request_method !~ GET|HEAD|POST ) { return 405; }", "if ($request_method !~ ^(GET|HEAD|POST)$ ) { return 405; }"),
        ("if ($request_method ~ ^(put|delete)$) { return 405; }", "if ($request_method ~ ^(PUT|DELETE)$) { return 405; }"),
        (
            "if ($request_method !~ ^(GET|HEAD|PSOT)$) { return 405; }",
            "if ($request_method !~ ^(GET|HEAD|POST)$) { return 405; }",
        ),
        ("proxy_method post;", "proxy_method POST;"),
    ] {
        safe("nginx.conf", &location(before), &location(after));
    }
    let map = |key| {
        format!("map $request_method $bad {{\n    {key} 1;\n}}\nserver {{\n    if ($bad) {{\n        return 405;\n    }}\n}}\n")
    };
    safe("nginx.conf", &map("PUT|DELETE"), &map("~^(PUT|DELETE)$"));
}

#[test]
fn spelling_and_anchors_of_haproxy_criteria() {
    let front = |rule: &str| {
        format!(
            "frontend x\n    mode http\n    bind :80\n    {rule}\n    default_backend a\nbackend a\n    mode http\n    server a 127.0.0.1:1\n"
        )
    };
    for (before, after) in [
        ("http-request deny if METH_PATCH", "http-request deny if { method PATCH }"),
        ("http-request deny if !METH_PATCH", "http-request deny if !{ method PATCH }"),
        ("http-request deny unless { method GET|HEAD|POST }", "http-request deny unless { method GET HEAD POST }"),
        ("http-request deny unless { method get head }", "http-request deny unless { method GET HEAD }"),
        ("http-request deny unless { method GET HEAD PSOT }", "http-request deny unless { method GET HEAD POST }"),
        (
            "http-request deny unless { method -m reg GET|HEAD|POST }",
            "http-request deny unless { method -m reg ^(GET|HEAD|POST)$ }",
        ),
    ] {
        safe("haproxy.cfg", &front(before), &front(after));
    }
    not_safe(
        "haproxy.cfg",
        &front("http-request deny if METH_PUT METH_DELETE"),
        &front("http-request deny if METH_PUT or METH_DELETE"),
    );
    not_safe(
        "haproxy.cfg",
        &front("http-request deny if !METH_GET or !METH_POST"),
        &front("http-request deny deny_status 405 if !METH_GET !METH_POST").replace(" deny_status 405", ""),
    );
    let twice = "http-request deny if { method PUT PATCH DELETE }\n    ";
    safe("haproxy.cfg", &front(&format!("{twice}{}", twice.trim())), &front(twice.trim()));
    let other = "http-request reject if { method PUT PATCH DELETE }";
    not_safe("haproxy.cfg", &front(&format!("{twice}{other}")), &front(twice.trim()));
}

#[test]
fn lines_that_say_nothing_new() {
    safe("nginx.conf", &location("proxy_method PATCH;\n    proxy_method PATCH;"), &location("proxy_method PATCH;"));
    let differ = location("proxy_method PATCH;\n    proxy_method PUT;");
    assert_eq!(fixed("nginx.conf", &differ, "--fix"), differ);
    let server = |inside: &str| format!("server {{\n    {inside}\n    location / {{\n        return 204;\n    }}\n}}\n");
    safe("nginx.conf", &server("listen 80;\n    listen 80;"), &server("listen 80;"));
    let pass = |lines: &str| format!("<VirtualHost *:80>\n    {lines}\n</VirtualHost>\n");
    let (all, part) = ("ProxyPass / http://127.0.0.1:1/", "ProxyPass /a/ http://127.0.0.1:2/");
    not_safe("apache.conf", &pass(&format!("{all}\n    {part}")), &pass(&format!("{part}\n    {all}")));
    let twice = pass(&format!("{all}\n    {all}"));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("apache.conf"), twice).unwrap();
    proxylint(folder.path(), &["--server", "apache", "--fix", "--pedantic", "apache.conf"]);
    assert_eq!(fs::read_to_string(folder.path().join("apache.conf")).unwrap(), pass(all));
}

#[test]
fn spelling_and_lists_of_apache_sections() {
    let section = |inside| {
        format!(
            "<VirtualHost *:80>\n    ProxyPass / http://127.0.0.1:1/\n    <Location /a>\n        {inside}\n    </Location>\n</VirtualHost>\n"
        )
    };
    for (before, after) in [
        (
            "<LimitExcept GET,POST,PUT,PATCH,DELETE,OPTIONS>\n            Require all denied\n        </LimitExcept>",
            "<LimitExcept GET POST PUT PATCH DELETE OPTIONS>\n            Require all denied\n        </LimitExcept>",
        ),
        (
            "<LimitExcept get POST PUT PATCH DELETE OPTIONS>\n            Require all denied\n        </LimitExcept>",
            "<LimitExcept GET POST PUT PATCH DELETE OPTIONS>\n            Require all denied\n        </LimitExcept>",
        ),
        (
            "<LimitExcept GET POST PUT PACTH DELETE OPTIONS>\n            Require all denied\n        </LimitExcept>",
            "<LimitExcept GET POST PUT PATCH DELETE OPTIONS>\n            Require all denied\n        </LimitExcept>",
        ),
    ] {
        safe("apache.conf", &section(before), &section(after));
    }
}

#[test]
fn what_changes_policy_is_unsafe() {
    not_safe(
        "nginx.conf",
        &location("limit_except GET POST PUT DELETE OPTIONS { deny all; }"),
        &location("limit_except GET POST PUT DELETE OPTIONS PATCH { deny all; }"),
    );
    not_safe("nginx.conf", &location("proxy_method POST;\n    # why"), &location("# why"));
    not_safe(
        "nginx.conf",
        &location("if ($request_method = PATCH) { return 501; }"),
        &location(
            "if ($request_method = PATCH) { add_header Allow \"GET, HEAD, POST, PUT, DELETE, OPTIONS\" always; return 405; }",
        ),
    );
    let flag = |names| {
        format!("set $ok 0;\n    if ($request_method ~ ^({names})$) {{ set $ok 1; }}\n    if ($ok = 0) {{ return 405; }}")
    };
    not_safe(
        "nginx.conf",
        &location(&flag("GET|HEAD|POST|PUT|DELETE|OPTIONS")),
        &location(&flag("GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH")),
    );
}

#[test]
fn the_list_of_a_firewall() {
    let waf = |set: &str, rule: &str| {
        format!(
            "SecRuleEngine On\nSecAction \"id:900200,phase:1,nolog,pass,t:none,setvar:'tx.allowed_methods={set}'\"\nSecRule REQUEST_METHOD \"!@within {rule}\" \"id:911100,phase:2,deny,status:403\"\n<VirtualHost *:80>\n    ProxyPass / http://127.0.0.1:1/\n</VirtualHost>\n"
        )
    };
    let (old, new) = ("GET HEAD POST PUT DELETE OPTIONS", "GET HEAD POST PUT DELETE OPTIONS PATCH");
    not_safe("apache.conf", &waf(old, "%{tx.allowed_methods}"), &waf(new, "%{tx.allowed_methods}"));
    not_safe("apache.conf", &waf(old, old), &waf(new, new));
}

/// What only `--pedantic` tells is only fixed with it.
#[track_caller]
fn pedantic(name: &str, before: &str, after: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), before).unwrap();
    let server = name.split('.').next().unwrap();
    for _ in 0..2 {
        proxylint(folder.path(), &["--server", server, "--fix=unsafe", "--pedantic", name]);
        assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), after);
    }
}

#[test]
fn refusals_say_405_and_what_is_allowed() {
    pedantic(
        "nginx.conf",
        &location("limit_except GET {\n        deny all;\n    }"),
        &location(
            "if ($request_method !~ ^(GET|HEAD)$) {\n        add_header Allow \"GET, HEAD\" always;\n        return 405;\n    }",
        ),
    );
    let front = |rule: &str| {
        format!(
            "frontend x\n    mode http\n    bind :80\n    {rule}\n    default_backend a\nbackend a\n    mode http\n    server a 127.0.0.1:1\n"
        )
    };
    pedantic(
        "haproxy.cfg",
        &front("http-request deny unless { method GET HEAD }"),
        &front("http-request deny deny_status 405 hdr Allow \"GET, HEAD\" unless { method GET HEAD }"),
    );
    let section = |inside: &str| {
        format!(
            "LoadModule allowmethods_module modules/mod_allowmethods.so\n<VirtualHost *:80>\n    ProxyPass / http://127.0.0.1:1/\n    <Location />\n        {inside}\n    </Location>\n</VirtualHost>\n"
        )
    };
    pedantic(
        "apache.conf",
        &section("<LimitExcept GET>\n            Require all denied\n        </LimitExcept>"),
        &section("AllowMethods GET"),
    );
}

#[test]
fn redirects_keep_the_method() {
    let server = |inside| format!("server {{\n    listen 80;\n    {inside}\n}}\n");
    pedantic(
        "nginx.conf",
        &server("rewrite ^ https://$host$request_uri? permanent;"),
        &server("return 308 https://$host$request_uri;"),
    );
    let groups = server("rewrite ^/(.*)$ https://$host/$1 permanent;");
    pedantic("nginx.conf", &groups, &groups);
}

#[test]
fn line_ends_and_odd_bytes_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nginx.conf");
    let text =
        b"\xef\xbb\xbf# caf\xe9\r\nserver {\r\n    if ($request_method = get) {\r\n        return 405; # \xff\r\n    }\r\n}\r\n";
    fs::write(&path, text).unwrap();
    proxylint(folder.path(), &["--fix", "nginx.conf"]);
    let expected: Vec<u8> = text.to_vec();
    let at = expected.windows(3).position(|window| window == b"get").unwrap();
    let mut expected = expected;
    expected[at..at + 3].copy_from_slice(b"GET");
    assert_eq!(fs::read(&path).unwrap(), expected);
}

#[test]
fn files_of_others_are_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let (own, shared) = (folder.path().join("own"), folder.path().join("shared"));
    fs::create_dir_all(&own).unwrap();
    fs::create_dir_all(&shared).unwrap();
    let text = "if ($request_method = get) {\n    return 405;\n}\n";
    fs::write(shared.join("methods.conf"), text).unwrap();
    let include = format!("server {{\n    include {}/methods.conf;\n}}\n", shared.display());
    fs::write(own.join("nginx.conf"), include).unwrap();
    let allow = shared.to_str().unwrap();
    let said = proxylint(&own, &["--allow-include", allow, "--fix", "--format", "concise", "nginx.conf"]);
    assert!(said.contains("method-check-ineffective"), "{said}");
    assert_eq!(fs::read_to_string(shared.join("methods.conf")).unwrap(), text);
}

#[test]
fn only_what_is_told_is_changed() {
    let redirect = "server {\n    return 301 https://example.com$request_uri;\n}\n";
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("nginx.conf"), redirect).unwrap();
    proxylint(folder.path(), &["--fix=unsafe", "nginx.conf"]);
    assert_eq!(fs::read_to_string(folder.path().join("nginx.conf")).unwrap(), redirect);
    proxylint(folder.path(), &["--fix=unsafe", "--pedantic", "nginx.conf"]);
    assert_eq!(fs::read_to_string(folder.path().join("nginx.conf")).unwrap(), redirect.replace("301", "308"));
}

/// What the interpreter says about requests.
fn trace(folder: &Path, server: &str, config: &Path, requests: &[Value]) -> Vec<Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_proxylint"))
        .args(["trace", "--server", server, "--format", "json", "--requests", "-"])
        .arg(config)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines: String = requests.iter().map(|request| format!("{request}\n")).collect();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Whether a fixed finding's witness fares as the fix of its rule promises.
fn keeps_promise(finding: &Value, outcome: &Value) -> bool {
    let answer = &outcome["answer"];
    let (status, forwards) = (answer["status"].as_u64().unwrap_or(0), answer["kind"] == "forward");
    let refused = matches!(status, 400 | 403 | 405 | 501) || answer["kind"] == "close";
    match finding["rule"].as_str().unwrap() {
        "allow-list-outdated" | "method-denied" | "head-blocked" | "preflight-blocked" => !refused,
        "method-not-implemented" | "refusal-status" => status == 405 || !refused,
        "method-lost-in-redirect" => !matches!(status, 301..=303),
        "method-override" => !forwards || answer["method"] == finding["witness"]["method"],
        _ => true,
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn sorted(folder: PathBuf) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// All recorded configs: whatever is found and can be fixed is fixed, and the witnesses of the findings show it.
#[test]
fn fixes_of_the_recorded_configs_do_what_they_promise() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let (mut fixed, mut wrong) = (0, Vec::new());
    for server in ["nginx", "apache", "haproxy"] {
        for case in sorted(root.join(server)) {
            let told: Value = serde_json::from_slice(&fs::read(case.join("case.json")).unwrap()).unwrap();
            let folder = tempfile::tempdir().unwrap();
            copy(&case, folder.path());
            let config = folder.path().join(told["config"].as_str().unwrap());
            let check = ["--pedantic", "--format", "json", "--server", server, config.to_str().unwrap()];
            let before = findings(folder.path(), &check);
            let fixable: Vec<&Value> = before.iter().filter(|finding| !finding["fix"].is_null()).collect();
            if fixable.is_empty() {
                continue;
            }
            let fix = ["--fix=unsafe", "--pedantic", "--format", "json", "--server", server, config.to_str().unwrap()];
            let after = findings(folder.path(), &fix);
            let invalid = |findings: &[Value]| findings.iter().filter(|finding| finding["invalid"] == true).count();
            if invalid(&after) > invalid(&before) {
                wrong.push(format!("{}: the fixed config is refused", case.display()));
            }
            let again =
                proxylint(folder.path(), &["--fix=unsafe", "--diff", "--pedantic", "--server", server, config.to_str().unwrap()]);
            if !again.is_empty() {
                wrong.push(format!("{}: a second run changes more\n{again}", case.display()));
            }
            let left = |finding: &Value| {
                after.iter().any(|other| other["rule"] == finding["rule"] && other["message"] == finding["message"])
            };
            let shown: Vec<&Value> = fixable
                .into_iter()
                .filter(|finding| !left(finding) && finding["witness"].is_object() && finding["when"] == serde_json::json!([]))
                .collect();
            let requests: Vec<Value> = shown.iter().map(|finding| finding["witness"].clone()).collect();
            for (finding, traced) in shown.iter().zip(trace(folder.path(), server, &config, &requests)) {
                fixed += 1;
                if !keeps_promise(finding, &traced["outcomes"][0]) {
                    let (rule, message) = (&finding["rule"], &finding["message"]);
                    wrong.push(format!("{}: {rule} {message}: now {}", case.display(), traced["outcomes"][0]["answer"]));
                }
            }
        }
    }
    assert!(fixed > 40, "only {fixed} fixes");
    assert!(wrong.is_empty(), "{} of {fixed}:\n{}", wrong.len(), wrong.join("\n"));
}
