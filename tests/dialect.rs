//! Every recorded case and every sample is told to be for its server, under its own name and under one that says nothing.

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

use proxylint::dialect;

const SERVERS: [&str; 3] = ["nginx", "apache", "haproxy"];

fn files_under(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files_under(&path, found) } else { found.push(path) }
    }
}

/// The configs: main files and the pieces that they include, but no data such as lists of names.
fn is_config(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    matches!(&*extension, "conf" | "cfg" | "inc" | "load" | "vhost") || name == ".htaccess"
}

#[test]
fn configs_are_told_by_their_content() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut total, mut wrong, mut missed) = (0, Vec::new(), Vec::new());
    for server in SERVERS {
        let mut files = Vec::new();
        for folder in [root.join("tests/cases").join(server), root.join("samples").join(server)] {
            files_under(&folder, &mut files);
        }
        for file in files.into_iter().filter(|file| is_config(file)) {
            let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
            if server == "nginx" && text.lines().any(|line| line.starts_with("Sec")) {
                // ModSecurity's rules are written alike for both servers that load it.
                continue;
            }
            let (named, nameless) = (file.strip_prefix(root).unwrap(), Path::new("site.conf"));
            total += 1;
            if dialect::detect(named, &text) != Some(server) || dialect::detect(nameless, &text) != Some(server) {
                wrong.push(file.clone());
            }
            if dialect::recognise(named, &text) != Some(server) {
                missed.push(file);
            }
        }
    }
    assert!(total > 0);
    assert!(wrong.len() * 100 <= total, "{} of {total} are told wrong: {wrong:#?}", wrong.len());
    assert!(missed.len() * 100 <= total, "{} of {total} are not recognised: {missed:#?}", missed.len());
}
