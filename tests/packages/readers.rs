//! The XML formats, read by what others wrote to read them.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::python::tools;
use crate::{root, said, skip, succeed};

/// Prints how many findings of each file junitparser sees.
const JUNIT: &str = r#"
import collections, json, sys
from junitparser import Error, Failure, JUnitXml
report = JUnitXml.fromstring(sys.stdin.buffer.read())
found = collections.Counter()
for suite in report:
    cases = list(suite)
    failed = [case for case in cases if any(isinstance(result, (Failure, Error)) for result in case.result)]
    assert (suite.tests, suite.failures) == (len(cases), len(failed)), suite.name
    found[suite.name] += len(failed)
assert (report.tests, report.failures) == (sum(len(list(suite)) for suite in report), sum(found.values()))
print(json.dumps({name: count for name, count in found.items() if count}))
"#;

/// The same with diff-quality's reader of Checkstyle.
const CHECKSTYLE: &str = r#"
import json, sys
from diff_cover.violationsreporters.java_violations_reporter import CheckstyleXmlDriver
violations = CheckstyleXmlDriver().parse_reports([sys.stdin.read().removeprefix('<?xml version="1.0" encoding="UTF-8"?>')])
assert all(violation.line > 0 and violation.message for found in violations.values() for violation in found)
print(json.dumps({name: len(found) for name, found in violations.items()}))
"#;

#[test]
fn readers_by_others_see_every_finding() {
    let tools = match tools() {
        Ok(tools) => tools,
        Err(why) => return skip(why),
    };
    let report: Value = serde_json::from_str(&report("json")).unwrap();
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for finding in report["findings"].as_array().unwrap() {
        *expected.entry(finding["location"]["file"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert!(expected.len() > 5, "{expected:?}");
    for (format, script) in [("junit", JUNIT), ("checkstyle", CHECKSTYLE)] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), self::report(format)).unwrap();
        let mut python = Command::new(tools.program("python"));
        python.args(["-c", script]).stdin(file.reopen().unwrap()).current_dir(root());
        let seen: BTreeMap<String, u64> = serde_json::from_str(&succeed(&mut python)).unwrap();
        assert_eq!(seen, expected, "{format}");
    }
}

/// The findings of the samples.
fn report(format: &str) -> String {
    let mut check = Command::new(env!("CARGO_BIN_EXE_proxylint"));
    let output = check.args(["--pedantic", "--format", format, "samples"]).current_dir(root()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}
