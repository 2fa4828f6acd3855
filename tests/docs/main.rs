//! The documentation keeps its word: its commands print what it shows, its links lead somewhere, and what is generated is fresh.
//!
//! `UPDATE=1 cargo test --test docs` writes the generated parts anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by a panic and says why it is skipped"
)]

mod console;
mod generated;
mod links;
mod markdown;
mod picture;
mod snippets;

use std::path::{Path, PathBuf};

/// The project's folder.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page that people read: the README and the book.
fn pages() -> Vec<PathBuf> {
    let pattern = root().join("docs/src/**/*.md");
    let book = glob::glob(pattern.to_str().unwrap()).unwrap().map(Result::unwrap);
    let mut pages: Vec<_> = book.collect();
    pages.push(root().join("README.md"));
    assert!(pages.len() > 8, "found only {pages:?}");
    pages
}
