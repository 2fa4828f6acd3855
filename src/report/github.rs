//! `--format github`: annotations of GitHub Actions.

use std::cmp::Reverse;
use std::io::{self, Write};

use super::{Run, plural, text};
use crate::finding::{Finding, Severity};
use crate::lint::Linted;

/// GitHub shows ten annotations of each kind for one step and drops the rest.
const MAX_OF_A_KIND: usize = 10;

/// Writes the worst and surest findings as annotations, and all others as lines of the log.
pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut findings: Vec<_> = run.findings().collect();
    findings.sort_by_key(|(_, finding)| Reverse((finding.severity, finding.confidence)));
    let mut written = [0; 3];
    let mut rest = Vec::new();
    for (config, finding) in findings {
        let of_kind = &mut written[finding.severity as usize];
        if *of_kind < MAX_OF_A_KIND {
            *of_kind += 1;
            annotation(run, config, finding, out)?;
        } else {
            rest.push((config, finding));
        }
    }
    if rest.is_empty() {
        return Ok(());
    }
    writeln!(out, "::group::{}", plural(rest.len(), "further finding"))?;
    for (config, finding) in rest {
        let place = text::spot(&config.sources, finding.span);
        writeln!(out, "{place}: {}[{}] {}", finding.severity, finding.rule, text::printable(&finding.message))?;
    }
    writeln!(out, "::endgroup::")
}

fn annotation(run: &Run<'_>, config: &Linted, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let Some(file) = config.sources.get(finding.span.file) else { return Ok(()) };
    let kind = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let (start, end) = (file.position(finding.span.start), file.position(finding.span.end));
    write!(out, "::{kind} file={},line={},endLine={}", property(&run.path(&file.name)), start.line, end.line)?;
    // GitHub takes columns only of spans on one line.
    if start.line == end.line {
        write!(out, ",col={},endColumn={}", start.column, end.column)?;
    }
    writeln!(out, ",title={}::{}", finding.rule, data(&text::whole(finding)))
}

/// Text after the second pair of colons, as the runner's command parser reads it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
