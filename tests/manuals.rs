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

/// The fenced blocks of a manual: the server, whether the rule must speak, and the config.
fn examples(manual: &str) -> Vec<(String, bool, String)> {
    let mut found = Vec::new();
    let mut lines = manual.lines().map(|line| line.strip_prefix(' ').unwrap_or(line));
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let body: String = lines.by_ref().take_while(|line| !line.starts_with("```")).flat_map(|line| [line, "\n"]).collect();
        match info.split_once(' ') {
            Some((server, "flagged")) => found.push((server.to_owned(), true, body)),
            Some((server, "silent")) => found.push((server.to_owned(), false, body)),
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
        for (server, flagged, config) in examples(rule.manual) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("example.conf");
            std::fs::write(&path, &config).unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_proxylint"))
                .args(["--pedantic", "--format", "json", "--server", &server])
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
    assert!(run > 20, "the manuals hold only {run} examples");
    assert!(wrong.is_empty(), "{} of {run} examples:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_manual_has_a_summary_and_says_how_to_fix() {
    for rule in RULES {
        assert!(rule.summary().len() < 90, "{}: {}", rule.name, rule.summary());
        assert!(rule.manual.contains("## How to fix") || rule.name == "syntax-error", "{}", rule.name);
    }
}
