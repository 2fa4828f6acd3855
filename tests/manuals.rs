//! The examples in the rules' manuals: what is marked `flagged` is found, what is marked `silent` is not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

use std::process::Command;

use proxylint::rules::RULES;

/// A fenced block of a manual that is run.
struct Example {
    server: String,
    /// Whether the rule must speak.
    flagged: bool,
    /// The release that the config is for, where the block names one: `nginx flagged 1.18`.
    release: Option<String>,
    /// The block of settings above, if there is one.
    settings: String,
    config: String,
}

fn examples(manual: &str) -> Vec<Example> {
    let mut found = Vec::new();
    let mut settings = String::new();
    let mut lines = manual.lines().map(|line| line.strip_prefix(' ').unwrap_or(line));
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let config: String = lines.by_ref().take_while(|line| !line.starts_with("```")).flat_map(|line| [line, "\n"]).collect();
        match info.split(' ').collect::<Vec<_>>()[..] {
            ["toml"] => settings = config,
            [server, verdict @ ("flagged" | "silent"), ref more @ ..] => {
                let release = more.first().map(|release| format!("{server}={release}"));
                let (server, flagged) = (server.to_owned(), verdict == "flagged");
                found.push(Example { server, flagged, release, settings: settings.clone(), config });
            }
            _ => {}
        }
    }
    found
}

#[test]
fn every_example_of_a_manual_does_what_it_says() {
    let mut wrong = Vec::new();
    let mut run = 0;
    for rule in RULES {
        for Example { server, flagged, release, settings, config } in examples(rule.manual) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("example.conf");
            std::fs::write(&path, &config).unwrap();
            std::fs::write(folder.path().join("proxylint.toml"), settings).unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_proxylint"))
                .args(["--pedantic", "--format", "json", "--server", &server])
                .args(release.map(|release| format!("--target={release}")))
                .arg(&path)
                .current_dir(folder.path())
                .output()
                .unwrap();
            let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            let findings = report["findings"].as_array().cloned().unwrap_or_default();
            let named: Vec<_> = findings.iter().filter_map(|finding| finding["rule"].as_str()).collect();
            run += 1;
            if named.contains(&rule.name) != flagged {
                wrong.push(format!("{} ({server}, flagged: {flagged}) found {named:?} in\n{config}", rule.name));
            }
        }
    }
    assert!(run > 50, "the manuals hold only {run} examples");
    assert!(wrong.is_empty(), "{} of {run} examples:\n{}", wrong.len(), wrong.join("\n"));
}

/// Rules that only some servers give cause for.
const OF_SOME: &[(&str, &[&str])] = &[
    ("health-check-method", &["haproxy"]),
    ("waf-method-policy", &["apache"]),
    ("include-missing", &["nginx", "apache"]),
    ("unknown-directive", &["nginx", "apache"]),
];

#[test]
fn every_rule_shows_a_bad_config_of_each_server() {
    for rule in RULES {
        let all: &[&str] = &["nginx", "apache", "haproxy"];
        let servers = OF_SOME.iter().find(|(name, _)| *name == rule.name).map_or(all, |(_, servers)| servers);
        let examples = examples(rule.manual);
        for server in servers {
            let shown = examples.iter().any(|example| example.flagged && example.server == *server);
            assert!(shown, "{} has no flagged example for {server}", rule.name);
        }
    }
}

#[test]
fn every_manual_has_a_summary_and_says_how_to_fix() {
    for rule in RULES {
        assert!(rule.summary().len() < 90, "{}: {}", rule.name, rule.summary());
        assert!(rule.manual.contains("## How to fix") || rule.name == "syntax-error", "{}", rule.name);
    }
}
