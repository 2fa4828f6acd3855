//! `--format gitlab`: GitLab's code quality report.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use super::{Run, text};
use crate::finding::Severity;

#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: String,
    severity: &'static str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Location<'a> {
    path: Cow<'a, str>,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
    end: u32,
}

/// Writes the findings as one array.
pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut issues = Vec::new();
    for config in run.configs {
        for report in &config.reports {
            let finding = &report.finding;
            let Some(file) = config.sources.get(finding.span.file) else { continue };
            let (start, end) = (file.position(finding.span.start), file.position(finding.span.end));
            issues.push(Issue {
                description: text::whole(finding),
                check_name: finding.rule,
                fingerprint: format!("{:016x}", report.fingerprint),
                severity: match finding.severity {
                    Severity::Error => "critical",
                    Severity::Warning => "major",
                    Severity::Info => "info",
                },
                location: Location { path: run.path(&file.name), lines: Lines { begin: start.line, end: end.line } },
            });
        }
    }
    serde_json::to_writer_pretty(&mut *out, &issues)?;
    writeln!(out)
}
