//! Links inside of the documentation lead to a file and a heading that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::markdown::{anchor, prose};
use crate::{pages, root};

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for target in targets(&text) {
            seen += 1;
            if let Some(why) = fault(&page, target) {
                broken.push(format!("{}: {target}: {why}", page.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(seen > 30, "found only {seen} links");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_page_of_the_book_is_in_its_table_of_contents() {
    let folder = root().join("docs/src");
    let summary = fs::read_to_string(folder.join("SUMMARY.md")).unwrap();
    let listed: BTreeSet<_> = targets(&summary).into_iter().map(|target| folder.join(target)).collect();
    let is_page = |page: &std::path::PathBuf| page.starts_with(&folder) && page.file_name().unwrap() != "SUMMARY.md";
    let there: BTreeSet<_> = pages().into_iter().filter(is_page).collect();
    assert_eq!(listed, there);
}

/// What the links and pictures of a page point at.
fn targets(text: &str) -> Vec<&str> {
    let ends = |rest: &'static str| move |link: &&str| link.contains(rest);
    let lines = prose(text).into_iter().flat_map(|line| line.split("](").skip(1).filter(ends(")")));
    lines.map(|link| link.split(')').next().unwrap_or("")).collect()
}

/// What is wrong with a link, where something is.
fn fault(page: &Path, target: &str) -> Option<&'static str> {
    if target.starts_with("https://") {
        return None;
    }
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    let place = if path.is_empty() { page.to_path_buf() } else { page.parent()?.join(path) };
    if !place.exists() {
        return Some("there is no such file");
    }
    if heading.is_empty() {
        return None;
    }
    let text = fs::read_to_string(&place).ok()?;
    let headings = prose(&text).into_iter().filter(|line| line.starts_with('#'));
    let found = headings.map(|line| anchor(line.trim_start_matches('#').trim())).any(|name| name == heading);
    (!found).then_some("there is no such heading")
}
