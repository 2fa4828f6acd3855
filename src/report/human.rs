//! `--format human`: findings for people, each with the lines it speaks of.

use std::fmt;
use std::io::{self, Write};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode, ThemeCharacters, ThemeStyles};
use owo_colors::Style as Color;

use super::excerpt::Excerpt;
use super::style::Palette;
use super::text::{curl, printable, shown, when, wrapped};
use super::{Run, Summary, plural};
use crate::config::Mistake;
use crate::finding::{Confidence, Finding, Safety, Severity};
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

    /// The renderer for labels of which the one at `primary` is the finding's own; it alone has the colour of the severity.
    fn renderer(self, severity: miette::Severity, labels: usize, primary: usize) -> GraphicalReportHandler {
        let mut styles = if self.colored { ThemeStyles::ansi() } else { ThemeStyles::none() };
        let own = match severity {
            miette::Severity::Error => styles.error,
            miette::Severity::Warning => styles.warning,
            miette::Severity::Advice => styles.advice,
        };
        let other = if self.colored { Color::new().bright_blue() } else { Color::new() };
        styles.highlights = (0..labels.max(1)).map(|index| if index == primary { own } else { other }).collect();
        GraphicalReportHandler::new_themed(GraphicalTheme { characters: ThemeCharacters::unicode(), styles })
            .with_width(self.width)
            .without_syntax_highlighting()
    }
}

/// Places besides the finding's own that are shown.
const MAX_RELATED: usize = 6;

/// Places of a file that are further apart are shown by themselves.
const MAX_GAP: u32 = 4;

/// The columns that line numbers and the marks of a line that is cut take.
const GUTTER: usize = 10;

/// Writes each finding with its lines, and a summary.
pub(super) fn write(run: &Run<'_>, terminal: Terminal, out: &mut dyn Write) -> io::Result<()> {
    let palette = Palette::new(terminal.colored);
    for (config, finding) in run.findings() {
        let mut text = String::new();
        for part in parts(config, finding, terminal) {
            part.render(terminal, &mut text)?;
        }
        out.write_all(linked(&text, finding, terminal).as_bytes())?;
        help(finding, terminal, palette, out)?;
        proof(finding, terminal, palette, out)?;
        writeln!(out)?;
    }
    last_line(run, palette, out)
}

/// Writes what is wrong with a file of settings.
///
/// # Errors
/// Where `out` cannot be written.
pub fn mistakes(file: &SourceFile, mistakes: &[Mistake], terminal: Terminal, out: &mut dyn Write) -> io::Result<()> {
    let palette = Palette::new(terminal.colored);
    for mistake in mistakes {
        let place = Place { span: file.span(mistake.range.start as u32..mistake.range.end as u32), label: "" };
        let mut text = String::new();
        Part::new(printable(&mistake.message), miette::Severity::Error, file, &[place], terminal).render(terminal, &mut text)?;
        out.write_all(text.as_bytes())?;
        if let Some(help) = &mistake.help {
            said("help", help, terminal, palette, out)?;
        }
        writeln!(out)?;
    }
    Ok(())
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

/// A sentence below the lines, behind its name.
fn said(name: &str, text: &str, terminal: Terminal, palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    let Palette { place, .. } = palette;
    const INDENT: &str = "        ";
    let text = wrapped(&printable(text), terminal.width, INDENT.len()).replace('\n', &format!("\n{INDENT}"));
    writeln!(out, "{place}{name:>6}:{place:#} {text}")
}

/// What to do next.
fn help(finding: &Finding, terminal: Terminal, palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    if let Some(help) = &finding.help {
        said("help", help, terminal, palette, out)?;
    }
    match apart(finding).count().saturating_sub(MAX_RELATED) {
        0 => Ok(()),
        hidden => said("note", &format!("{} more", plural(hidden, "related place")), terminal, palette, out),
    }
}

/// How sure the finding is, and what anybody can do to see it.
fn proof(finding: &Finding, terminal: Terminal, palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    let Palette { faint, place, .. } = palette;
    match finding.confidence {
        Confidence::High => {}
        Confidence::Medium => writeln!(out, "  {faint}confidence: medium{faint:#}")?,
        Confidence::Low => writeln!(out, "  {faint}confidence: low{faint:#}")?,
    }
    let Some(witness) = &finding.witness else { return Ok(()) };
    // A command is not wrapped, so that it can be copied.
    writeln!(out, "{place}{:>6}:{place:#} {}", "try", curl(&witness.request))?;
    writeln!(out, "      {faint}→ {}{faint:#}", shown(witness))?;
    if witness.request.client != "127.0.0.1" {
        writeln!(out, "        {faint}from the address {}{faint:#}", printable(&witness.request.client))?;
    }
    if let Some(when) = when(finding) {
        let when = wrapped(&format!("provided that {when}"), terminal.width, 8).replace('\n', "\n        ");
        writeln!(out, "        {faint}{when}{faint:#}")?;
    }
    Ok(())
}

/// A place and what to say there.
#[derive(Clone, Copy)]
struct Place<'s> {
    span: Span,
    label: &'s str,
}

/// The related places that do not lie in one another with the finding's own, which says enough then.
fn apart<'s>(finding: &'s Finding) -> impl Iterator<Item = Place<'s>> {
    let own = finding.span;
    let places = finding.related.iter().map(|other| Place { span: other.span, label: &other.message });
    places.filter(move |place| !place.span.contains(own) && !own.contains(place.span))
}

/// The lines of a finding: those around its own place first, then others.
fn parts(config: &Linted, finding: &Finding, terminal: Terminal) -> Vec<Part> {
    let line = |place: &Place<'_>| config.sources.get(place.span.file).map_or(0, |file| file.position(place.span.start).line);
    let mut groups = vec![vec![Place { span: finding.span, label: &finding.label }]];
    for place in apart(finding).take(MAX_RELATED) {
        let is_near = |known: &Place<'_>| known.span.file == place.span.file && line(known).abs_diff(line(&place)) <= MAX_GAP;
        match groups.iter_mut().find(|group| group.iter().any(is_near)) {
            Some(group) => group.push(place),
            None => groups.push(vec![place]),
        }
    }
    let severity = match finding.severity {
        Severity::Error => miette::Severity::Error,
        Severity::Warning => miette::Severity::Warning,
        Severity::Info => miette::Severity::Advice,
    };
    let mut groups = groups.into_iter().enumerate();
    let part = |(index, mut group): (usize, Vec<Place<'_>>)| {
        let file = config.sources.get(group[0].span.file)?;
        let message = match index {
            0 => format!("{}: {}", finding.rule, printable(&finding.message)),
            _ => printable(std::mem::take(&mut group[0].label)),
        };
        Some(Part::new(message, if index == 0 { severity } else { miette::Severity::Advice }, file, &group, terminal))
    };
    groups.by_ref().filter_map(part).collect()
}

/// Lines of a file below a sentence, in the terms of the renderer.
struct Part {
    message: String,
    severity: miette::Severity,
    excerpt: Excerpt,
    labels: Vec<LabeledSpan>,
}

impl Part {
    /// The first of the places is the one that the header names.
    fn new(message: String, severity: miette::Severity, file: &SourceFile, places: &[Place<'_>], terminal: Terminal) -> Part {
        let spans: Vec<_> = places.iter().map(|place| place.span).collect();
        let excerpt = Excerpt::new(file, &spans, terminal.width.saturating_sub(GUTTER));
        let label = |(index, place): (usize, &Place<'_>)| {
            let range = excerpt.range(file, place.span);
            let text = (!place.label.is_empty()).then(|| printable(place.label));
            let new = if index == 0 { LabeledSpan::new_primary_with_span } else { LabeledSpan::new_with_span };
            (!range.is_empty()).then(|| new(text, (range.start, range.len())))
        };
        let mut labels: Vec<_> = places.iter().enumerate().filter_map(label).collect();
        labels.sort_by_key(LabeledSpan::offset);
        Part { message, severity, excerpt, labels }
    }

    fn render(&self, terminal: Terminal, text: &mut String) -> io::Result<()> {
        let primary = self.labels.iter().position(LabeledSpan::primary).unwrap_or(0);
        let start = text.len();
        terminal.renderer(self.severity, self.labels.len(), primary).render_report(text, self).map_err(io::Error::other)?;
        // The renderer leaves a line for the name of the diagnostic.
        let blank = text[start..].len() - text[start..].trim_start_matches('\n').len();
        text.drain(start..start + blank);
        Ok(())
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Part {}

impl Diagnostic for Part {
    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.excerpt)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty()).then(|| Box::new(self.labels.iter().cloned()) as Box<dyn Iterator<Item = LabeledSpan>>)
    }
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
    if let Some(fixes) = fixes(run) {
        write!(out, "{faint}; {fixes}{faint:#}")?;
    }
    if told.all() > 0 {
        write!(out, "{faint}; `proxylint explain RULE` tells more{faint:#}")?;
    }
    writeln!(out)
}

/// How many findings can be fixed, and how.
fn fixes(run: &Run<'_>) -> Option<String> {
    let count =
        |safety| run.findings().filter(|(_, finding)| finding.fix.as_ref().is_some_and(|fix| fix.safety == safety)).count();
    match (count(Safety::Safe), count(Safety::Unsafe)) {
        (0, 0) => None,
        (safe, 0) => Some(format!("{safe} fixable with --fix")),
        (0, more) => Some(format!("{more} fixable with --fix=unsafe")),
        (safe, more) => Some(format!("{safe} fixable with --fix, {more} more with --fix=unsafe")),
    }
}
