//! What proxylint prints for programs keeps to the published schemas, ours in `docs/schema` and SARIF's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jsonschema::Validator;
use serde_json::{Value, json};

#[test]
fn findings_keep_to_their_schema() {
    let report = check("json");
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["witness"].is_object()), "no finding of the samples has a witness");
    hold(&schema("docs/schema/findings.schema.json"), &report);
}

#[test]
fn traces_keep_to_their_schema() {
    let validator = schema("docs/schema/trace.schema.json");
    for (method, path) in [("GET", "/healthz"), ("PATCH", "/v1/shipments/7"), ("PUT", "/v1/pickups/7"), ("TRACE", "/")] {
        let url = format!("http://api.parcels.example{path}");
        let line = run(&["trace", "--format", "json", "-X", method, "samples/nginx/flagged/api.conf", &url], 0);
        hold(&validator, &serde_json::from_str(&line).unwrap());
    }
}

#[test]
fn sarif_keeps_to_the_official_schema() {
    let log = check("sarif");
    assert!(!log["runs"][0]["results"].as_array().unwrap().is_empty());
    let text = fs::read_to_string(root().join("tests/schemas/sarif-2.1.0.json")).unwrap();
    // The pattern of `language` has a bracket too many, which only lenient engines read.
    let text = text.replace("-[a-zA-Z]{2}]?$", "-[a-zA-Z]{2}$");
    hold(&jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap(), &log);
}

#[test]
fn a_property_that_the_schema_does_not_name_is_noticed() {
    let report = json!({"schema": 1, "version": "0", "findings": [], "summary": {"files": 0, "error": 0, "warning": 0, "info": 0, "hint": 1}});
    assert!(!schema("docs/schema/findings.schema.json").is_valid(&report));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All findings of the samples and of the recorded cases.
fn check(format: &str) -> Value {
    serde_json::from_str(&run(&["--pedantic", "--format", format, "samples", "tests/cases"], 1)).unwrap()
}

fn run(arguments: &[&str], status: i32) -> String {
    let is_there = |argument: &&&str| !argument.starts_with("tests/") || root().join(argument).exists();
    let arguments: Vec<_> = arguments.iter().filter(is_there).collect();
    let output = Command::new(env!("CARGO_BIN_EXE_proxylint")).args(&arguments).current_dir(root()).output().unwrap();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A schema of ours, closed: it allows readers more properties than it names, but we name all that we write.
fn schema(path: &str) -> Validator {
    let place: PathBuf = root().join(path);
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(place).unwrap()).unwrap();
    close(&mut schema);
    jsonschema::validator_for(&schema).unwrap()
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.values_mut().for_each(close);
            if object.get("properties").is_some_and(Value::is_object) {
                object.insert("additionalProperties".to_owned(), false.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn hold(validator: &Validator, value: &Value) {
    let faults: Vec<_> = validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
