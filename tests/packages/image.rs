//! The container image is built from what the Dockerfile copies, and cargo finds all of its manifest there.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{root, succeed};

#[test]
fn the_image_gets_what_the_manifest_names() {
    let read = |name: &str| fs::read_to_string(root().join(name)).unwrap();
    let (dockerfile, ignore) = (read("Dockerfile"), read(".dockerignore"));
    assert!(ignore.starts_with("*\n"), "{ignore}");
    let build = dockerfile.split("\nFROM ").find(|stage| stage.contains(" AS build")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut copied = Vec::new();
    for line in build.lines().filter_map(|line| line.strip_prefix("COPY ")) {
        let mut names: Vec<_> = line.split_whitespace().collect();
        let target = names.pop().unwrap();
        for name in names {
            assert!(ignore.lines().any(|line| line.strip_prefix('!') == Some(name)), "{name} is not in the context");
            copy(&root().join(name), &folder.path().join(if target == "./" { name } else { target }));
            copied.push(name);
        }
    }
    assert!(copied.contains(&"src") && copied.contains(&"Cargo.lock"), "{copied:?}");
    // What cargo would say first of all if a target or a build script were missing.
    succeed(Command::new(env!("CARGO")).args(["fetch", "--locked", "--offline"]).current_dir(folder.path()));
    assert!(folder.path().join("build.rs").exists());
}

fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
        return;
    }
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}
