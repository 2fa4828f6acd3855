//! `--format sarif`: SARIF 2.1.0, as code scanning services read it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use line_index::WideEncoding;
use serde::Serialize;

use super::text::{curl, shown, whole};
use super::{Run, json::AnswerJson};
use crate::finding::{Confidence, Edit, Finding, Fix, Safety, Severity};
use crate::lint::{Linted, Report};
use crate::rules::{RULES, Rule};
use crate::source::{SourceFile, Span};
use crate::uri;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [SarifRun<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifRun<'a> {
    tool: Tool,
    column_kind: &'static str,
    results: Vec<SarifResult<'a>>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<ReportingDescriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportingDescriptor {
    id: &'static str,
    short_description: Text,
    help: Help,
    help_uri: String,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
struct Help {
    text: String,
    markdown: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    rule_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: Text,
    locations: [SarifLocation; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<SarifLocation>,
    partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<SarifFix>,
    properties: Properties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifLocation {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
    byte_offset: u32,
    byte_length: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifFix {
    description: Text,
    artifact_changes: Vec<ArtifactChange>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactChange {
    artifact_location: ArtifactLocation,
    replacements: Vec<Replacement>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replacement {
    deleted_region: Region,
    inserted_content: Text,
}

#[derive(Serialize)]
struct Properties<'a> {
    server: &'static str,
    confidence: Confidence,
    invalid: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    methods: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    predicted: Option<AnswerJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shows: Option<String>,
}

/// Writes the findings as a log with one run.
pub(super) fn write(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    let results = run.configs.iter().flat_map(|config| config.reports.iter().map(|report| result(run, config, report)));
    let driver = Driver {
        name: env!("CARGO_PKG_NAME"),
        semantic_version: env!("CARGO_PKG_VERSION"),
        rules: RULES.iter().map(|rule| descriptor(rule)).collect(),
    };
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [SarifRun { tool: Tool { driver }, column_kind: "utf16CodeUnits", results: results.collect() }],
    };
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn descriptor(rule: &Rule) -> ReportingDescriptor {
    ReportingDescriptor {
        id: rule.name,
        short_description: Text { text: rule.summary().to_owned() },
        help: Help { text: rule.markdown(), markdown: rule.markdown() },
        help_uri: rule.url(),
        default_configuration: Configuration { level: level(rule.severity) },
    }
}

fn result<'a>(run: &Run<'_>, config: &'a Linted, report: &'a Report) -> SarifResult<'a> {
    let finding = &report.finding;
    let related = finding.related.iter().enumerate().map(|(index, other)| SarifLocation {
        id: Some(index + 1),
        physical_location: physical(run, config, other.span),
        message: Some(Text { text: other.message.clone() }),
    });
    SarifResult {
        rule_id: finding.rule,
        rule_index: RULES.iter().position(|rule| rule.name == finding.rule),
        level: level(finding.severity),
        message: Text { text: whole(finding) },
        locations: [SarifLocation { id: None, physical_location: physical(run, config, finding.span), message: None }],
        related_locations: related.collect(),
        partial_fingerprints: BTreeMap::from([("directive/v1", format!("{:016x}", report.fingerprint))]),
        fixes: finding.fix.iter().map(|fix| sarif_fix(run, config, finding, fix)).collect(),
        properties: properties(config, finding),
    }
}

fn properties<'a>(config: &'a Linted, finding: &'a Finding) -> Properties<'a> {
    let witness = finding.witness.as_deref();
    Properties {
        server: config.server,
        confidence: finding.confidence,
        invalid: finding.invalid,
        methods: config.universe.names(finding.methods).collect(),
        witness: witness.map(|witness| curl(&witness.request)),
        predicted: witness.map(|witness| AnswerJson::new(&witness.predicted, &witness.request.method)),
        shows: witness.map(shown),
    }
}

fn physical(run: &Run<'_>, config: &Linted, span: Span) -> PhysicalLocation {
    let file = config.sources.get(span.file);
    PhysicalLocation {
        artifact_location: ArtifactLocation { uri: file.map_or(String::new(), |file| uri::of(&run.path(&file.name))) },
        region: file.map(|file| region(file, span)),
    }
}

fn region(file: &SourceFile, span: Span) -> Region {
    let (start, end) = (span.start.min(file.len()), span.end.min(file.len()));
    let wide = |offset: u32| {
        let at = file.position(offset);
        let narrow = line_index::LineCol { line: at.line - 1, col: at.column - 1 };
        let column = file.index().to_wide(WideEncoding::Utf16, narrow).map_or(narrow.col, |wide| wide.col);
        (at.line, column + 1)
    };
    let ((start_line, start_column), (end_line, end_column)) = (wide(start), wide(end));
    Region { start_line, start_column, end_line, end_column, byte_offset: start, byte_length: end - start }
}

fn sarif_fix(run: &Run<'_>, config: &Linted, finding: &Finding, fix: &Fix) -> SarifFix {
    let mut changes: Vec<(&SourceFile, Vec<&Edit>)> = Vec::new();
    for edit in &fix.edits {
        let Some(file) = config.sources.get(edit.span.file) else { continue };
        match changes.iter_mut().find(|(known, _)| known.id == file.id) {
            Some((_, edits)) => edits.push(edit),
            None => changes.push((file, vec![edit])),
        }
    }
    let replacement = |file: &SourceFile, edit: &Edit| Replacement {
        deleted_region: region(file, edit.span),
        inserted_content: Text { text: edit.text.clone() },
    };
    let change = |(file, edits): (&SourceFile, Vec<&Edit>)| ArtifactChange {
        artifact_location: ArtifactLocation { uri: uri::of(&run.path(&file.name)) },
        replacements: edits.into_iter().map(|edit| replacement(file, edit)).collect(),
    };
    let caution = match fix.safety {
        Safety::Safe => "",
        Safety::Unsafe => " (this changes who may do what)",
    };
    let advice = finding.help.as_deref().unwrap_or("apply the fix");
    SarifFix {
        description: Text { text: format!("{advice}{caution}") },
        artifact_changes: changes.into_iter().map(change).collect(),
    }
}
