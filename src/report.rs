//! How findings and traces look on the outside; one format a file.

pub mod human;
pub mod concise;
pub mod json;
pub mod sarif;
pub mod github;
pub mod gitlab;
pub mod junit;
pub mod checkstyle;
pub mod trace;
pub mod matrix;
mod excerpt;
mod place;
pub mod style;
mod text;
mod xml;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;

use clap::ValueEnum;
use serde::Serialize;

pub use text::paragraphs;

use crate::finding::{Finding, Severity};
use crate::lint::Linted;
use crate::source::plain;
use human::Terminal;

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// With the lines of the config, for people.
    Human,
    /// One line a finding.
    Concise,
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// GitLab's code quality report.
    Gitlab,
    Junit,
    Checkstyle,
}

/// All that a report tells.
pub struct Run<'a> {
    pub configs: &'a [Linted],
    pub summary: Summary,
    /// The current folder, where names of files start.
    pub here: &'a Path,
    /// The folder where paths start that programs read: the repository's in CI, or else the current one.
    pub base: &'a Path,
}

impl<'a> Run<'a> {
    /// The findings that are told, each with its config.
    pub(crate) fn findings(&self) -> impl Iterator<Item = (&'a Linted, &'a Finding)> {
        self.configs.iter().flat_map(|config| config.findings().map(move |finding| (config, finding)))
    }

    /// A file's name for programs: from the base on where it lies there, with slashes.
    fn path<'n>(&self, name: &'n str) -> Cow<'n, str> {
        let place = plain(&self.here.join(name));
        let below = place.strip_prefix(self.base).ok().and_then(Path::to_str);
        let name = below.map_or(Cow::Borrowed(name.trim_start_matches("./")), |below| Cow::Owned(below.to_owned()));
        if cfg!(windows) { Cow::Owned(name.replace('\\', "/")) } else { name }
    }
}

/// Writes the findings.
///
/// # Errors
/// Where `out` cannot be written.
pub fn write(format: Format, run: &Run<'_>, terminal: Terminal, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Human => human::write(run, terminal, out),
        Format::Concise => concise::write(run, out),
        Format::Json => json::check(run, out),
        Format::Sarif => sarif::write(run, out),
        Format::Github => github::write(run, out),
        Format::Gitlab => gitlab::write(run, out),
        Format::Junit => junit::write(run, out),
        Format::Checkstyle => checkstyle::write(run, out),
    }
}

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
        let files = configs.iter().flat_map(|config| config.sources.iter().take(config.files)).map(|file| &file.path);
        let mut summary = Summary { files: files.collect::<HashSet<_>>().len(), ..Summary::default() };
        for finding in configs.iter().flat_map(Linted::findings) {
            match finding.severity {
                Severity::Error => summary.error += 1,
                Severity::Warning => summary.warning += 1,
                Severity::Info => summary.info += 1,
            }
        }
        summary
    }

    pub fn all(&self) -> usize {
        self.error + self.warning + self.info
    }
}

/// "1 file", "2 files".
pub(crate) fn plural(count: usize, name: &str) -> String {
    match count {
        1 => format!("1 {name}"),
        _ => format!("{count} {name}s"),
    }
}
