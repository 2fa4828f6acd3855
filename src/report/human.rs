//! `--format human`: findings for people, each with the lines it speaks of.

use std::cell::OnceCell;
use std::fmt;
use std::io::{self, Write};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode, ThemeCharacters, ThemeStyles};

use super::page::Page;
use super::style::Palette;
use super::text::{curl, printable, shown, when};
use super::{Run, Summary, plural};
use crate::config::Mistake;
use crate::finding::{Confidence, Finding, Severity};
use crate::lint::Linted;
use crate::rules;
use crate::source::{SourceFile, Span};

/// How the terminal is.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    pub width: usize,
    pub colored: bool,
    /// Whether it follows links.
    pub links: bool,
}

impl Terminal {
    /// A file.
    pub const PLAIN: Terminal = Terminal { width: 100, colored: false, links: false };
}

/// Places besides the finding's own that are shown.
const MAX_RELATED: usize = 6;

/// Writes each finding with its lines, and a summary.
pub(super) fn write(run: &Run<'_>, terminal: Terminal, out: &mut dyn Write) -> io::Result<()> {
    let handler = handler(terminal);
    let palette = Palette::new(terminal.colored);
    for config in run.configs {
        let pages = Pages::new(config);
        for finding in config.findings() {
            let mut text = String::new();
            handler.render_report(&mut text, &Shown::new(finding, &pages)).map_err(io::Error::other)?;
            out.write_all(linked(text.trim_start_matches('\n'), finding, terminal).as_bytes())?;
            proof(finding, palette, out)?;
            writeln!(out)?;
        }
    }
    last_line(run, palette, out)
}

/// Writes what is wrong with a file of settings.
///
/// # Errors
/// Where `out` cannot be written.
pub fn mistakes(file: &SourceFile, mistakes: &[Mistake], terminal: Terminal, out: &mut dyn Write) -> io::Result<()> {
    let page = Page::new(file);
    for mistake in mistakes {
        let span = file.span(mistake.range.start as u32..mistake.range.end as u32);
        let labels = page.underlined(span).map(|span| LabeledSpan::new_primary_with_span(None, span)).into_iter().collect();
        let (message, help) = (printable(&mistake.message), mistake.help.as_deref().map(printable));
        let shown = Shown { message, severity: miette::Severity::Error, help, page: Some(&page), labels, related: Vec::new() };
        let mut text = String::new();
        handler(terminal).render_report(&mut text, &shown).map_err(io::Error::other)?;
        out.write_all(text.trim_start_matches('\n').as_bytes())?;
    }
    Ok(())
}

fn handler(terminal: Terminal) -> GraphicalReportHandler {
    let characters = ThemeCharacters::unicode();
    let styles = if terminal.colored { ThemeStyles::ansi() } else { ThemeStyles::none() };
    GraphicalReportHandler::new_themed(GraphicalTheme { characters, styles })
        .with_width(terminal.width)
        .with_context_lines(1)
        .with_show_related_as_nested(true)
        .without_syntax_highlighting()
}

/// The rule's name becomes a link to its manual.
fn linked(text: &str, finding: &Finding, terminal: Terminal) -> String {
    match rules::find(finding.rule) {
        Some(rule) if terminal.links => {
            let link = format!("\u{1b}]8;;{}\u{1b}\\{}\u{1b}]8;;\u{1b}\\", rule.url(), rule.name);
            text.replacen(rule.name, &link, 1)
        }
        _ => text.to_owned(),
    }
}

/// How sure the finding is, and what anybody can do to see it.
fn proof(finding: &Finding, palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    let Palette { faint, place, .. } = palette;
    match finding.confidence {
        Confidence::High => {}
        Confidence::Medium => writeln!(out, "   {faint}confidence: medium{faint:#}")?,
        Confidence::Low => writeln!(out, "   {faint}confidence: low{faint:#}")?,
    }
    let Some(witness) = &finding.witness else { return Ok(()) };
    writeln!(out, "   {place}try:{place:#} {}", curl(&witness.request))?;
    writeln!(out, "   {faint} → {}{faint:#}", shown(witness))?;
    if witness.request.client != "127.0.0.1" {
        writeln!(out, "   {faint}   from the address {}{faint:#}", printable(&witness.request.client))?;
    }
    if let Some(when) = when(finding) {
        writeln!(out, "   {faint}   provided that {when}{faint:#}")?;
    }
    Ok(())
}

fn last_line(run: &Run<'_>, palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    let Palette { strong, faint, good, .. } = palette;
    if run.configs.is_empty() {
        return Ok(());
    }
    let summary = &run.summary;
    let told = Summary::of(run.configs);
    let files = plural(summary.files, "file");
    let counts = [(told.error, "error"), (told.warning, "warning"), (told.info, "info")];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts.map(|(count, name)| plural(count, name)).collect();
    match told.all() {
        0 => write!(out, "{good}nothing to report{good:#} in {files}")?,
        _ => write!(out, "{strong}{}{strong:#} in {files}", counts.join(", "))?,
    }
    let held = summary.all().saturating_sub(told.all());
    if held > 0 {
        let sign = if held == summary.info { "info" } else { "finding" };
        write!(out, "{faint}; {} held back, see --pedantic{faint:#}", plural(held, sign))?;
    }
    if told.all() > 0 {
        write!(out, "{faint}; `proxylint explain RULE` tells more{faint:#}")?;
    }
    writeln!(out)
}

/// The files of a config, prepared when one of them is first shown.
struct Pages<'s> {
    config: &'s Linted,
    pages: Vec<OnceCell<Page<'s>>>,
}

impl<'s> Pages<'s> {
    fn new(config: &'s Linted) -> Self {
        Pages { config, pages: config.sources.iter().map(|_| OnceCell::new()).collect() }
    }

    fn get(&self, span: Span) -> Option<&Page<'s>> {
        let file = self.config.sources.get(span.file)?;
        Some(self.pages.get(span.file.0 as usize)?.get_or_init(|| Page::new(file)))
    }
}

/// A finding, or a place related to one, in the terms of the renderer.
struct Shown<'s> {
    message: String,
    severity: miette::Severity,
    help: Option<String>,
    page: Option<&'s Page<'s>>,
    labels: Vec<LabeledSpan>,
    related: Vec<Shown<'s>>,
}

impl<'s> Shown<'s> {
    fn new(finding: &'s Finding, pages: &'s Pages<'s>) -> Self {
        let page = pages.get(finding.span);
        let label = |page: &Page<'_>, span, text: &str, primary: bool| {
            let span = page.underlined(span)?;
            let text = (!text.is_empty()).then(|| printable(text));
            Some(if primary { LabeledSpan::new_primary_with_span(text, span) } else { LabeledSpan::new_with_span(text, span) })
        };
        let mut labels: Vec<_> = page.and_then(|page| label(page, finding.span, &finding.label, true)).into_iter().collect();
        let mut related = Vec::new();
        // Underlines cannot lie in one another; the finding's own place says enough.
        let apart = |span: Span| !span.contains(finding.span) && !finding.span.contains(span);
        for other in finding.related.iter().filter(|other| apart(other.span)).take(MAX_RELATED) {
            let place = pages.get(other.span);
            if other.span.file == finding.span.file {
                labels.extend(place.and_then(|page| label(page, other.span, &other.message, false)));
                continue;
            }
            let labels = place.and_then(|page| label(page, other.span, "", true)).into_iter().collect();
            let severity = miette::Severity::Advice;
            let message = printable(&other.message);
            related.push(Shown { message, severity, help: None, page: place, labels, related: Vec::new() });
        }
        let severity = match finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Info => miette::Severity::Advice,
        };
        let message = format!("{}: {}", finding.rule, printable(&finding.message));
        Shown { message, severity, help: help(finding), page, labels, related }
    }
}

fn help(finding: &Finding) -> Option<String> {
    let hidden = finding.related.len().saturating_sub(MAX_RELATED);
    let more = (hidden > 0).then(|| format!("({} more)", plural(hidden, "related place")));
    let parts: Vec<_> = [finding.help.as_deref().map(printable), more].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.page.map(|page| page as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty()).then(|| Box::new(self.labels.iter().cloned()) as Box<dyn Iterator<Item = LabeledSpan>>)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        let related = || self.related.iter().map(|other| other as &dyn Diagnostic);
        (!self.related.is_empty()).then(|| Box::new(related()) as Box<dyn Iterator<Item = &dyn Diagnostic>>)
    }
}
