//! Findings that a project had when it began, by fingerprint: they are not told again.

use std::collections::HashSet;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::lint::Linted;

/// The content of a baseline file.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Baseline {
    schema: u32,
    findings: Vec<Known>,
}

/// A finding that is known. Rule, file and line are for the reader of the file; the fingerprint counts.
#[derive(Debug, Serialize, Deserialize)]
struct Known {
    fingerprint: String,
    #[serde(default)]
    rule: String,
    #[serde(default)]
    file: String,
}

impl Baseline {
    /// # Errors
    /// Where the text is no baseline.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The findings of a run.
    pub fn of(configs: &[Linted]) -> Self {
        let known = |config: &Linted| -> Vec<Known> {
            let name = |report: &crate::lint::Report| config.sources.get(report.finding.span.file).map(|file| file.name.clone());
            let known = |report: &crate::lint::Report| Known {
                fingerprint: format!("{:016x}", report.fingerprint),
                rule: report.finding.rule.to_owned(),
                file: name(report).unwrap_or_default(),
            };
            config.reports.iter().map(known).collect()
        };
        Baseline { schema: 1, findings: configs.iter().flat_map(known).collect() }
    }

    /// # Errors
    /// Where `out` cannot be written.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self)?;
        writeln!(out)
    }

    /// Takes out what is known.
    pub fn apply(&self, configs: &mut [Linted]) {
        let known: HashSet<&str> = self.findings.iter().map(|known| known.fingerprint.as_str()).collect();
        for config in configs {
            config.reports.retain(|report| !known.contains(format!("{:016x}", report.fingerprint).as_str()));
        }
    }
}
