//! `--format junit`: a file is a test suite, a finding a test that failed.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::text::{spot, whole};
use super::xml::escaped;
use super::{Run, Summary};
use crate::finding::Finding;
use crate::lint::Linted;
use crate::source::SourceFile;

/// Writes a suite for each file; one without findings has a test that passed.
pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    let told = Summary::of(run.configs).all();
    let clean = run.configs.iter().map(clean_files).sum::<usize>();
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(out, r#"<testsuites name="proxylint" tests="{}" failures="{told}" errors="0">"#, told + clean)?;
    for config in run.configs {
        let mut findings: Vec<Vec<&Finding>> = vec![Vec::new(); config.sources.len()];
        for finding in config.findings() {
            if let Some(of_file) = findings.get_mut(finding.span.file.0 as usize) {
                of_file.push(finding);
            }
        }
        for (index, (file, findings)) in config.sources.iter().zip(&findings).enumerate() {
            // What only states a contract was not tested.
            if index >= config.files && findings.is_empty() {
                continue;
            }
            suite(run, config, file, findings, out)?;
        }
    }
    writeln!(out, "</testsuites>")
}

/// The files of the config itself in which nothing was found.
fn clean_files(config: &Linted) -> usize {
    let dirty: BTreeSet<_> = config.findings().map(|finding| finding.span.file).collect();
    config.sources.iter().take(config.files).filter(|file| !dirty.contains(&file.id)).count()
}

fn suite(run: &Run<'_>, config: &Linted, file: &SourceFile, findings: &[&Finding], out: &mut dyn Write) -> io::Result<()> {
    let path = run.path(&file.name);
    let name = escaped(&path);
    let (tests, failures) = (findings.len().max(1), findings.len());
    writeln!(out, r#"  <testsuite name="{name}" tests="{tests}" failures="{failures}" errors="0">"#)?;
    if findings.is_empty() {
        writeln!(out, r#"    <testcase name="{name}" classname="{}"/>"#, config.server)?;
    }
    for finding in findings {
        let at = file.position(finding.span.start);
        let (rule, severity, message) = (finding.rule, finding.severity, whole(finding));
        let title = format!("{rule} at line {}, column {}", at.line, at.column);
        writeln!(out, r#"    <testcase name="{title}" classname="{name}">"#)?;
        let (place, message) = (spot(&config.sources, finding.span), escaped(&message));
        writeln!(out, r#"      <failure type="{severity}" message="{message}">{}: {message}</failure>"#, escaped(&place))?;
        writeln!(out, "    </testcase>")?;
    }
    writeln!(out, "  </testsuite>")
}
