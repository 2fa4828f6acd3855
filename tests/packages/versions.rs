//! One version, wherever it is written.

use std::fs;

use crate::root;

#[test]
fn every_file_names_the_crates_version() {
    let version = env!("CARGO_PKG_VERSION");
    for (file, places) in [
        ("action.yml", vec![format!("default: {version}\n")]),
        ("packaging/pre-commit/pyproject.toml", vec![format!("version = \"{version}\""), format!("\"proxylint=={version}\"")]),
        ("packaging/pre-commit/README.md", vec![format!("rev: v{version}\n")]),
        ("README.md", vec![format!("rev: v{version}\n"), format!("proxylint@v{version}\n")]),
        (
            "docs/src/integrations.md",
            vec![format!("rev: v{version}\n"), format!("proxylint@v{version}\n"), format!(":{version}-shell")],
        ),
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        for place in places {
            assert!(text.contains(&place), "{file} does not say {place:?}");
        }
    }
}
