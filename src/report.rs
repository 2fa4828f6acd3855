//! How findings and traces look on the outside; one format a file.

pub mod json;
pub mod place;
pub mod style;
pub mod trace;

use serde::Serialize;

use crate::finding::Severity;
use crate::lint::Linted;

/// What was looked at and found, before anything is held back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub files: usize,
    pub error: usize,
    pub warning: usize,
    pub info: usize,
}

impl Summary {
    pub fn of(configs: &[Linted]) -> Self {
        let mut summary = Summary { files: configs.iter().map(|config| config.sources.len()).sum(), ..Summary::default() };
        for report in configs.iter().flat_map(|config| &config.reports) {
            match report.finding.severity {
                Severity::Error => summary.error += 1,
                Severity::Warning => summary.warning += 1,
                Severity::Info => summary.info += 1,
            }
        }
        summary
    }
}

/// The page of a rule's manual: on the project's site once it has one, until then in its repository.
pub fn rule_url(rule: &str) -> String {
    let page = match env!("CARGO_PKG_HOMEPAGE") {
        "" => "docs/rules.md".to_owned(),
        site => format!("{}/rules.html", site.trim_end_matches('/')),
    };
    format!("{page}#{rule}")
}
