//! `--format json`: the findings and traces for programs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use rayon::prelude::*;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::place::{Location, locate};
use super::{Run, Summary};
use crate::finding::{Confidence, Edit, Fix, Safety, Severity};
use crate::http::{Answer, Request, Step, UpstreamMethod};
use crate::lint::{Linted, Report};
use crate::rules::{self, Rule};
use crate::source::Sources;
use crate::trace::{Outcome, Traced};

/// What becomes of a request, as programs read it.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum AnswerJson<'a> {
    Respond {
        status: u16,
        headers: BTreeMap<&'a str, &'a str>,
    },
    Forward {
        to: &'a str,
        method: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        target: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
    },
    Close,
}

impl<'a> AnswerJson<'a> {
    /// The answer to a request with this method.
    pub fn new(answer: &'a Answer, method: &'a str) -> Self {
        match answer {
            Answer::Respond { status, headers } => {
                AnswerJson::Respond { status: *status, headers: headers.iter().map(|(name, value)| (*name, &**value)).collect() }
            }
            Answer::Forward { to, method: upstream, target, status } => AnswerJson::Forward {
                to,
                method: match upstream {
                    UpstreamMethod::Unchanged => method,
                    UpstreamMethod::Replaced(name) => name,
                },
                target: target.as_deref(),
                status: *status,
            },
            Answer::Close => AnswerJson::Close,
        }
    }
}

#[derive(Serialize)]
struct TracedJson<'a> {
    request: &'a Request,
    exhaustive: bool,
    outcomes: Vec<OutcomeJson<'a>>,
}

#[derive(Serialize)]
struct OutcomeJson<'a> {
    when: &'a [String],
    answer: AnswerJson<'a>,
    decided_by: Option<DecidedBy<'a>>,
    steps: Vec<StepJson<'a>>,
}

#[derive(Serialize)]
struct DecidedBy<'a> {
    directive: &'a str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct StepJson<'a> {
    phase: &'a str,
    directive: &'a str,
    location: Location<'a>,
    note: &'a Cow<'static, str>,
}

/// Writes one line for a traced request.
///
/// # Errors
/// Where `out` cannot be written.
pub fn trace(traced: &Traced, sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    let outcomes = traced.outcomes.iter().map(|outcome| outcome_json(outcome, &traced.request.method, sources)).collect();
    let line = TracedJson { request: &traced.request, exhaustive: traced.exhaustive, outcomes };
    serde_json::to_writer(&mut *out, &line)?;
    writeln!(out)
}

fn outcome_json<'a>(outcome: &'a Outcome, method: &'a str, sources: &'a Sources) -> OutcomeJson<'a> {
    let step = |step: &'a Step| StepJson {
        phase: step.phase,
        directive: &step.directive,
        location: locate(sources, step.span),
        note: &step.note,
    };
    let decision = outcome.verdict.decision();
    OutcomeJson {
        when: &outcome.when,
        answer: AnswerJson::new(&outcome.verdict.answer, method),
        decided_by: decision.map(|step| DecidedBy { directive: &step.directive, location: locate(sources, step.span) }),
        steps: outcome.verdict.steps.iter().map(step).collect(),
    }
}

#[derive(Serialize)]
struct CheckJson<'a> {
    schema: u32,
    version: &'static str,
    /// In their own words already: each was written by itself, many at once.
    findings: Vec<Box<RawValue>>,
    summary: &'a Summary,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    rule: &'static str,
    severity: Severity,
    confidence: Confidence,
    invalid: bool,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    server: &'static str,
    location: Location<'a>,
    related: Vec<RelatedJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    methods: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<&'a Request>,
    #[serde(skip_serializing_if = "Option::is_none")]
    predicted: Option<AnswerJson<'a>>,
    when: &'a [String],
    fingerprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<FixJson<'a>>,
}

#[derive(Serialize)]
struct RelatedJson<'a> {
    location: Location<'a>,
    message: &'a str,
}

#[derive(Serialize)]
struct FixJson<'a> {
    safety: Safety,
    edits: Vec<EditJson<'a>>,
}

#[derive(Serialize)]
struct EditJson<'a> {
    file: &'a str,
    start: u32,
    end: u32,
    text: &'a str,
}

/// Writes the findings as one object.
pub(super) fn check(run: &Run<'_>, out: &mut dyn Write) -> io::Result<()> {
    let reports = run.configs.iter().flat_map(|config| config.reports.iter().map(move |report| (config, report)));
    let reports: Vec<_> = reports.collect();
    let written = reports.par_iter().with_min_len(100).map(|(config, report)| to_raw_value(&finding_json(config, report)));
    let findings = written.collect::<Result<_, _>>()?;
    let version = env!("CARGO_PKG_VERSION");
    serde_json::to_writer(&mut *out, &CheckJson { schema: 1, version, findings, summary: &run.summary })?;
    writeln!(out)
}

fn finding_json<'a>(config: &'a Linted, report: &'a Report) -> FindingJson<'a> {
    let sources = &config.sources;
    let finding = &report.finding;
    let witness = finding.witness.as_ref();
    let related = finding.related.iter();
    FindingJson {
        rule: finding.rule,
        severity: finding.severity,
        confidence: finding.confidence,
        invalid: finding.invalid,
        message: &finding.message,
        help: finding.help.as_deref(),
        url: rules::find(finding.rule).map(Rule::url),
        server: config.server,
        location: locate(sources, finding.span),
        related: related.map(|other| RelatedJson { location: locate(sources, other.span), message: &other.message }).collect(),
        methods: config.universe.names(finding.methods).collect(),
        status: witness.and_then(|witness| witness.predicted.status()),
        witness: witness.map(|witness| &witness.request),
        predicted: witness.map(|witness| AnswerJson::new(&witness.predicted, &witness.request.method)),
        when: witness.map_or(&[], |witness| &witness.when),
        fingerprint: format!("{:016x}", report.fingerprint),
        fix: finding.fix.as_ref().map(|fix| fix_json(fix, sources)),
    }
}

fn fix_json<'a>(fix: &'a Fix, sources: &'a Sources) -> FixJson<'a> {
    let edit = |edit: &'a Edit| EditJson {
        file: sources.get(edit.span.file).map_or("", |file| &file.name),
        start: edit.span.start,
        end: edit.span.end,
        text: &edit.text,
    };
    FixJson { safety: fix.safety, edits: fix.edits.iter().map(edit).collect() }
}
