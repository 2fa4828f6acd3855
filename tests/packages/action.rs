//! The scripts of `action.yml`, run as a GitHub runner runs them.

use std::fs;
use std::process::{Command, Output};

use crate::python::{tools, wheel};
use crate::{root, said, skip};

#[test]
fn the_action_installs_the_wheel_and_annotates() {
    let tools = match tools() {
        Ok(tools) => tools,
        Err(why) => return skip(why),
    };
    let runner = tempfile::tempdir().unwrap();
    let run = |script: &str, paths: &str| -> Output {
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]).current_dir(root());
        bash.env("RUNNER_TEMP", runner.path()).env("VERSION", env!("CARGO_PKG_VERSION")).env("PATHS", paths);
        bash.env("ARGS", "--pedantic --color never").env("SARIF", runner.path().join("out.sarif"));
        bash.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", wheel(tools).parent().unwrap());
        bash.output().unwrap()
    };
    let scripts = scripts();
    let [install, lint] = scripts.as_slice() else { panic!("{scripts:?}") };

    let installed = run(install, ".");
    assert!(installed.status.success(), "{}", said(&installed));

    let linted = run(lint, "samples/nginx/flagged samples/nginx/clean");
    assert_eq!(linted.status.code(), Some(1), "{}", said(&linted));
    assert!(said(&linted).starts_with("::error file=samples/nginx/flagged/api.conf,line="), "{}", said(&linted));
    let log: serde_json::Value = serde_json::from_slice(&fs::read(runner.path().join("out.sarif")).unwrap()).unwrap();
    assert_eq!(log["version"], "2.1.0");

    // What comes in as an input is a path, whatever it looks like.
    let harmless = run(lint, "$(touch${IFS}here) ;touch");
    assert_eq!(harmless.status.code(), Some(2), "{}", said(&harmless));
}

/// The `run: |` blocks of the action.
fn scripts() -> Vec<String> {
    let text = fs::read_to_string(root().join("action.yml")).unwrap();
    let blocks = text.split("      run: |\n").skip(1);
    let body = |block: &str| -> String {
        block.lines().map_while(|line| line.strip_prefix("        ")).flat_map(|line| [line, "\n"]).collect()
    };
    blocks.map(body).collect()
}
