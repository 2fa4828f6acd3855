//! `docs/src/rules.md` is the rules' own manuals on one page.

use proxylint::rules::{RULES, Rule};

use crate::generated::hold;

#[test]
fn the_rules_page_is_fresh() {
    hold("docs/src/rules.md", &page());
}

fn page() -> String {
    let mut page = String::from(
        "<!-- Written by `UPDATE=1 cargo test --test docs` from src/rules; change it there. -->\n\n\
         # Rules\n\n\
         Each rule has the same name for all three servers, on the command line, in `proxylint.toml`, in suppressions and in reports.\n\
         The severity is the worst that a rule says; a finding may say less. `proxylint explain RULE` prints a rule's page in the\n\
         terminal. Every example below is run as a test.\n\n\
         | rule | severity | what it finds |\n|---|---|---|\n",
    );
    for rule in RULES {
        page += &format!("| [{name}](#{name}) | {} | {} |\n", rule.severity, rule.summary(), name = rule.name);
    }
    for rule in RULES {
        page += &section(rule);
    }
    page
}

/// A manual as a section of the page: its headings one level down, its examples with what proxylint says to them.
fn section(rule: &Rule) -> String {
    let mut section = format!("\n## {}\n\n", rule.name);
    for line in rule.manual.trim().lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()) {
        let fence = line.strip_prefix("```").and_then(|info| info.split_once(' '));
        match fence {
            Some((server, "flagged")) => section += &format!("Reported:\n\n```{server}\n"),
            Some((server, "silent")) => section += &format!("Not reported:\n\n```{server}\n"),
            _ if line.starts_with("## ") => section += &format!("#{line}\n"),
            _ => section += &format!("{line}\n"),
        }
    }
    section
}
