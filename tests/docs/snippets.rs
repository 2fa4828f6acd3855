//! What the pages show to be copied is at least well-formed, and settings are settings that proxylint takes.

use std::fs;
use std::process::Command;

use crate::markdown::blocks;
use crate::{pages, root};

#[test]
fn snippets_are_well_formed() {
    let mut seen = 0;
    for page in pages() {
        let name = page.strip_prefix(root()).unwrap().display().to_string();
        let text = fs::read_to_string(&page).unwrap();
        for block in blocks(&text) {
            let body = block.lines.join("\n");
            let language = block.info.split([',', ' ']).next().unwrap_or("");
            let fault = match language {
                "toml" => body.parse::<toml::Table>().err().map(|error| error.to_string()),
                "json" => serde_json::from_str::<serde_json::Value>(&body).err().map(|error| error.to_string()),
                "yaml" => saphyr_parser::Parser::new_from_str(&body).find_map(|event| event.err().map(|error| error.to_string())),
                "sh" => shell_fault(&body),
                _ => continue,
            };
            seen += 1;
            assert_eq!(fault, None, "{name}, line {}:\n{body}", block.first);
            let is_settings = language == "toml" && (body.contains("[[expect]]") || body.contains("fail-on"));
            if is_settings && !name.contains("packaging") {
                settings_hold(&body, &name);
            }
        }
    }
    assert!(seen > 10, "the pages hold only {seen} snippets");
}

fn shell_fault(script: &str) -> Option<String> {
    let output = Command::new("bash").args(["-n", "-c", script]).output().unwrap();
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Settings of a page are read without a complaint.
fn settings_hold(text: &str, page: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("proxylint.toml"), text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_proxylint")).arg("config").current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{page}: {}", String::from_utf8_lossy(&output.stderr));
}
