//! Findings in the terms of the protocol.

use std::path::Path;

use gen_lsp_types::{
    Code, CodeDescription, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Location, Position,
    Range, Uri,
};
use line_index::{LineCol, WideEncoding, WideLineCol};

use crate::config::Mistake;
use crate::finding::{Finding, Severity};
use crate::lint::Linted;
use crate::report;
use crate::rules::{self, Rule};
use crate::source::{SourceFile, Span};

/// What the columns of the editor count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Utf16,
}

impl Encoding {
    pub(super) fn range(self, file: &SourceFile, span: Span) -> Range {
        Range { start: self.position(file, span.start), end: self.position(file, span.end) }
    }

    fn position(self, file: &SourceFile, offset: u32) -> Position {
        let at = file.position(offset);
        let bytes = LineCol { line: at.line - 1, col: at.column - 1 };
        match self {
            Encoding::Utf8 => Position { line: bytes.line, character: bytes.col },
            Encoding::Utf16 => {
                let wide = file.index().to_wide(WideEncoding::Utf16, bytes);
                Position { line: bytes.line, character: wide.map_or(bytes.col, |wide| wide.col) }
            }
        }
    }

    /// The byte at a position.
    pub(super) fn offset(self, file: &SourceFile, at: Position) -> Option<usize> {
        let index = file.index();
        let bytes = match self {
            Encoding::Utf8 => LineCol { line: at.line, col: at.character },
            Encoding::Utf16 => index.to_utf8(WideEncoding::Utf16, WideLineCol { line: at.line, col: at.character })?,
        };
        index.offset(bytes).map(usize::from).filter(|offset| *offset <= file.text().len())
    }
}

/// How places of a config are told.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) encoding: Encoding,
    /// The name of a file in the editor.
    pub(super) uri: &'a dyn Fn(&Path) -> Uri,
}

impl Places<'_> {
    pub(super) fn diagnostic(self, config: &Linted, finding: &Finding) -> Option<Diagnostic> {
        let file = config.sources.get(finding.span.file)?;
        let related = finding.related.iter().filter_map(|other| {
            let file = config.sources.get(other.span.file)?;
            let location = Location { uri: (self.uri)(&file.path), range: self.encoding.range(file, other.span) };
            Some(DiagnosticRelatedInformation { location, message: other.message.clone() })
        });
        let related: Vec<_> = related.collect();
        let severity = match finding.severity {
            Severity::Error => DiagnosticSeverity::Error,
            Severity::Warning => DiagnosticSeverity::Warning,
            Severity::Info => DiagnosticSeverity::Information,
        };
        // What silences nothing can go, and is shown so.
        let tags = (finding.rule == "suppression-unused").then(|| vec![DiagnosticTag::Unnecessary]);
        Some(Diagnostic {
            severity: Some(severity),
            code: Some(Code::String(finding.rule.to_owned())),
            code_description: rules::find(finding.rule).map(Rule::url).map(|url| CodeDescription { href: Uri(url) }),
            tags,
            related_information: (!related.is_empty()).then_some(related),
            ..plain(self.encoding.range(file, finding.span), report::paragraphs(finding))
        })
    }

    /// A mistake in the settings.
    pub(super) fn mistake(self, file: &SourceFile, mistake: &Mistake) -> Diagnostic {
        let span = file.span(mistake.range.start as u32..mistake.range.end as u32);
        let help = mistake.help.as_ref().map_or(String::new(), |help| format!("\n{help}"));
        plain(self.encoding.range(file, span), format!("{}{help}", mistake.message))
    }
}

fn plain(range: Range, message: String) -> Diagnostic {
    Diagnostic {
        range,
        severity: Some(DiagnosticSeverity::Error),
        code: None,
        code_description: None,
        source: Some("proxylint".to_owned()),
        message: message.into(),
        tags: None,
        related_information: None,
        data: None,
    }
}
