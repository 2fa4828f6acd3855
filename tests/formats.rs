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
fn sarif_tells_places_as_viewers_want_them() {
    let log = check("sarif");
    let results = log["runs"][0]["results"].as_array().unwrap();
    let mut places = 0;
    for result in results {
        assert!(result["partialFingerprints"]["directive/v1"].is_string(), "{result:#}");
        let own = result["locations"].as_array().unwrap();
        for place in own.iter().chain(result["relatedLocations"].as_array().into_iter().flatten()) {
            let place = &place["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            assert!(uri.starts_with("samples/") || uri.starts_with("tests/cases/"), "{uri}");
            let text = fs::read_to_string(root().join(uri)).ok();
            places += usize::from(text.is_some_and(|text| holds_region(&text, &place["region"])));
        }
    }
    assert!(places > results.len(), "{places} places of {} results", results.len());
    assert!(results.iter().any(|result| result["relatedLocations"][0]["message"]["text"].is_string()));
    let change = results.iter().find_map(|result| result["fixes"][0]["artifactChanges"][0]["replacements"][0].as_object());
    assert!(change.unwrap()["insertedContent"]["text"].is_string());
    for rule in log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap() {
        assert!(rule["help"]["markdown"].as_str().unwrap().len() > 100 && rule["helpUri"].is_string(), "{rule:#}");
    }
}

/// Whether a region's columns, in UTF-16 units, and its bytes mean the same part of the text.
fn holds_region(text: &str, region: &Value) -> bool {
    let number = |name: &str| usize::try_from(region[name].as_u64().unwrap()).unwrap();
    let offset = |line: &str, column: &str| {
        let start: usize = text.split_inclusive('\n').take(number(line) - 1).map(str::len).sum();
        let units: Vec<u16> = text[start..].encode_utf16().take(number(column) - 1).collect();
        start + String::from_utf16(&units).unwrap().len()
    };
    let (start, end) = (number("byteOffset"), number("byteOffset") + number("byteLength"));
    assert_eq!((offset("startLine", "startColumn"), offset("endLine", "endColumn")), (start, end), "{region:#}");
    true
}

#[test]
fn a_code_quality_report_is_as_gitlab_documents_it() {
    let report = check("gitlab");
    let issues = report.as_array().unwrap();
    assert!(!issues.is_empty());
    let text = fs::read_to_string(root().join("tests/schemas/gitlab-code-quality.json")).unwrap();
    hold(&jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap(), &report);
    // GitLab takes issues with one fingerprint for the same issue.
    let fingerprints: std::collections::BTreeSet<_> = issues.iter().map(|issue| issue["fingerprint"].as_str()).collect();
    assert_eq!(fingerprints.len(), issues.len());
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
