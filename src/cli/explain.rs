//! `proxylint explain`: the manual of a rule, or of a status.

use std::io::{self, Write};

use clap::Args;

use super::options::Common;
use super::{Failure, Status};
use crate::config::{rule_help, unknown_rule};
use crate::report::style::Palette;
use crate::rules::{self, RULES, Rule};

#[derive(Args)]
pub(super) struct ExplainOptions {
    /// A rule, or a status such as 501; without one, all rules are listed.
    #[arg(value_name = "RULE")]
    rule: Option<String>,
    /// All manuals as one Markdown page.
    #[arg(long, conflicts_with = "rule")]
    markdown: bool,
}

/// What tells 501 from the statuses that are mixed up with it.
const STATUSES: &str = include_str!("explain/501.md");

pub(super) fn run(options: &ExplainOptions, out: &mut dyn Write) -> Result<Status, Failure> {
    let palette = Palette::new(Common::default().is_colored());
    match options.rule.as_deref() {
        None if options.markdown => page(out)?,
        None => list(palette, out)?,
        Some("501" | "405" | "403") => manual("501, 405 and 403", STATUSES, palette, out)?,
        Some(name) => {
            let rule = rules::find(name).ok_or_else(|| unknown(name))?;
            manual(rule.name, rule.manual, palette, out)?;
            writeln!(out, "\n{}", rule.url())?;
        }
    }
    Ok(Status::Clean)
}

fn unknown(name: &str) -> Failure {
    Failure::Misuse { what: unknown_rule(name), why: rule_help(name) }
}

fn list(palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    let Palette { strong, faint, .. } = palette;
    let width = RULES.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
    for rule in RULES {
        let Rule { name, severity, .. } = rule;
        writeln!(out, "{strong}{name:width$}{strong:#}  {faint}{severity:7}{faint:#}  {}", rule.summary())?;
    }
    writeln!(out, "\n`proxylint explain RULE` prints a rule's manual, `proxylint explain 501` tells the statuses apart")
}

/// The manuals of all rules, as the documentation holds them.
pub fn page(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# Rules\n\nWritten by `proxylint explain --markdown`.\n")?;
    for rule in RULES {
        writeln!(out, "- [`{}`](#{}) ({}): {}", rule.name, rule.name, rule.severity, rule.summary())?;
    }
    for rule in RULES {
        writeln!(out, "\n## {}\n", rule.name)?;
        // The rule is a section of this page, so its own sections go one level down.
        for line in rule.manual.trim().lines() {
            let line = line.trim_end().strip_prefix(' ').unwrap_or(line.trim_end());
            writeln!(out, "{}{line}", if line.starts_with("##") { "#" } else { "" })?;
        }
    }
    Ok(())
}

/// Markdown for a terminal: headings stand out, fences become indented blocks.
fn manual(title: &str, text: &str, palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    let Palette { strong, place, faint, .. } = palette;
    writeln!(out, "{strong}{title}{strong:#}\n")?;
    let mut in_code = false;
    for line in text.trim().lines() {
        let line = line.strip_prefix(' ').unwrap_or(line);
        match line.trim_start_matches('#') {
            _ if line.starts_with("```") => {
                in_code = !in_code;
                if let Some((server, verdict)) = line.trim_start_matches('`').split_once(' ') {
                    writeln!(out, "    {faint}# {server}, {verdict}{faint:#}")?;
                }
            }
            _ if in_code => writeln!(out, "    {place}{line}{place:#}")?,
            heading if heading.len() < line.len() => writeln!(out, "{strong}{}{strong:#}", heading.trim())?,
            _ => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}
