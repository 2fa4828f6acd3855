//! `pip install` of the wheel gives a working command.

use std::process::Command;

use crate::python::{Environment, tools, wheel};
use crate::{root, said, skip, succeed};

#[test]
fn the_wheel_installs_and_runs() {
    let tools = match tools() {
        Ok(tools) => tools,
        Err(why) => return skip(why),
    };
    let folder = tempfile::tempdir().unwrap();
    let fresh = Environment::open(folder.path().join("fresh")).unwrap();
    fresh.install(&["--no-index", wheel(tools).to_str().unwrap()]).unwrap();

    let version = succeed(Command::new(fresh.program("proxylint")).arg("--version"));
    assert_eq!(version.trim(), concat!("proxylint ", env!("CARGO_PKG_VERSION")));

    let mut check = Command::new(fresh.program("proxylint"));
    let output = check.args(["--format", "json", "samples/nginx/flagged/api.conf"]).current_dir(root()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!report["findings"].as_array().unwrap().is_empty());
}
