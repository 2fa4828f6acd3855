//! The crate holds what its build needs, and nothing of the workshop.

use std::collections::BTreeSet;
use std::process::Command;

use crate::{root, succeed};

#[test]
fn the_crate_holds_what_it_needs() {
    let mut cargo = Command::new(env!("CARGO"));
    let list = succeed(cargo.args(["package", "--list", "--allow-dirty", "--offline"]).current_dir(root()));
    let files: BTreeSet<_> = list.lines().collect();
    for needed in ["Cargo.lock", "build.rs", "README.md", "LICENSE-MIT", "LICENSE-APACHE", "samples/nginx/flagged/api.conf"] {
        assert!(files.contains(needed), "{needed} is missing in\n{list}");
    }
    let sources = glob::glob(root().join("src/**/*.rs").to_str().unwrap()).unwrap().map(Result::unwrap);
    let tables = glob::glob(root().join("grammars/*").to_str().unwrap()).unwrap().map(Result::unwrap);
    for file in sources.chain(tables) {
        let name = file.strip_prefix(root()).unwrap().to_str().unwrap();
        assert!(files.contains(name), "{name} is missing");
    }
    let foreign =
        |name: &&&str| ["tests/", "docs/", "packaging/", ".ci/", ".github/"].iter().any(|folder| name.starts_with(folder));
    assert_eq!(files.iter().find(foreign), None);
}
