//! `--format concise`: one line a finding, as compilers print them.

use std::io::{self, Write};

use super::Run;
use super::text::{printable, spot};

/// Writes one line for each finding.
pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    for (config, finding) in run.findings() {
        let place = spot(&config.sources, finding.span);
        writeln!(out, "{place}: {}[{}] {}", finding.severity, finding.rule, printable(&finding.message))?;
    }
    Ok(())
}
