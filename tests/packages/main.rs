//! proxylint as its users get it: a wheel, a crate, a pre-commit hook.
//!
//! These tests need python3, git and a package index. Where one is missing they say so and pass; with `PROXYLINT_LIVE=1`, as in
//! CI, that is a failure.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

mod action;
mod crate_contents;
mod hooks;
mod image;
mod python;
mod readers;
mod versions;
mod wheel;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The project's folder.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder of this test run below `target`.
fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Why a test cannot run here. With `PROXYLINT_LIVE=1` nothing may be missing.
fn skip(why: &str) {
    assert!(std::env::var("PROXYLINT_LIVE").as_deref() != Ok("1"), "{why}");
    eprintln!("skipped: {why}");
}

/// What a command wrote, on both of its channels.
fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a command that must succeed.
fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?} ends with {}:\n{}", output.status, said(&output));
    said(&output)
}
