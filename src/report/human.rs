//! `--format human`: findings for people, each with the lines it speaks of.

use std::io::{self, Write};

use annotate_snippets::renderer::{DecorStyle, Renderer};
use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Origin, Snippet};
use anstyle::{AnsiColor, Style};

use super::excerpt::Excerpt;
use super::style::Palette;
use super::text::{curl, printable, shown, when, wrapped};
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

    fn renderer(self) -> Renderer {
        let plain = Renderer::plain().decor_style(DecorStyle::Unicode).term_width(self.width);
        if !self.colored {
            return plain;
        }
        let bold = |color: AnsiColor| color.on_default().bold();
        plain
            .error(bold(AnsiColor::Red))
            .warning(bold(AnsiColor::Yellow))
            .info(bold(AnsiColor::Cyan))
            .note(Style::new().bold())
            .help(bold(AnsiColor::Green))
            .line_num(AnsiColor::BrightBlue.on_default())
            .context(bold(AnsiColor::BrightBlue))
            .emphasis(Style::new().bold())
            .hyperlink(self.links)
    }
}

/// Places besides the finding's own that are shown.
const MAX_RELATED: usize = 6;

/// Places of a file that are further apart are shown by themselves.
const MAX_LINES: u32 = 200;

/// The columns that line numbers and a sign of more to come take.
const GUTTER: usize = 12;

/// Writes each finding with its lines, and a summary.
pub(super) fn write(run: &Run<'_>, terminal: Terminal, out: &mut dyn Write) -> io::Result<()> {
    let renderer = terminal.renderer();
    for (config, finding) in run.findings() {
        let report = [group(config, finding, terminal)];
        writeln!(out, "{}\n", renderer.render(&report))?;
    }
    last_line(run, Palette::new(terminal.colored), out)
}

/// Writes what is wrong with a file of settings.
///
/// # Errors
/// Where `out` cannot be written.
pub fn mistakes(file: &SourceFile, mistakes: &[Mistake], terminal: Terminal, out: &mut dyn Write) -> io::Result<()> {
    let renderer = terminal.renderer();
    for mistake in mistakes {
        let span = file.span(mistake.range.start as u32..mistake.range.end as u32);
        let title = Level::ERROR.primary_title(wrapped(&printable(&mistake.message), terminal.width, "error: ".len()));
        let lines = part(file, terminal, &[Place { span, label: "", kind: AnnotationKind::Primary }]);
        let help = mistake.help.as_ref().map(|help| said(Level::HELP, &printable(help), terminal));
        let report = [title.elements(lines.into_iter().chain(help))];
        writeln!(out, "{}\n", renderer.render(&report))?;
    }
    Ok(())
}

/// A finding in the terms of the renderer.
fn group<'s>(config: &'s Linted, finding: &'s Finding, terminal: Terminal) -> Group<'s> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let indent = finding.severity.to_string().len() + finding.rule.len() + "[]: ".len();
    let title = level.primary_title(wrapped(&printable(&finding.message), terminal.width, indent)).id(finding.rule);
    let title = match rules::find(finding.rule) {
        Some(rule) if terminal.links => title.id_url(rule.url()),
        _ => title,
    };
    let hidden = finding.related.len().saturating_sub(MAX_RELATED);
    let more = (hidden > 0).then(|| said(Level::NOTE, &format!("{} more", plural(hidden, "related place")), terminal));
    let help = finding.help.as_ref().map(|help| said(Level::HELP, &printable(help), terminal));
    let elements = parts(config, finding, terminal).into_iter().flatten().chain(more).chain(help).chain(proof(finding, terminal));
    title.elements(elements)
}

/// A sentence below the lines.
fn said<'s>(level: Level<'s>, text: &str, terminal: Terminal) -> Element<'s> {
    level.message(wrapped(text, terminal.width, "      = help: ".len())).into()
}

/// How sure the finding is, and what anybody can do to see it.
fn proof<'s>(finding: &Finding, terminal: Terminal) -> Vec<Element<'s>> {
    let confidence = match finding.confidence {
        Confidence::High => None,
        Confidence::Medium => Some("medium"),
        Confidence::Low => Some("low"),
    };
    let mut elements: Vec<_> =
        confidence.map(|name| Level::NOTE.with_name("confidence").message(name).into()).into_iter().collect();
    let Some(witness) = &finding.witness else { return elements };
    // A command is not wrapped, so that it can be copied.
    let mut lines = vec![curl(&witness.request), format!("→ {}", shown(witness))];
    if witness.request.client != "127.0.0.1" {
        lines.push(format!("from the address {}", printable(&witness.request.client)));
    }
    if let Some(when) = when(finding) {
        lines.push(wrapped(&format!("provided that {when}"), terminal.width, "      = try: ".len()));
    }
    elements.push(Level::NOTE.with_name("try").message(lines.join("\n")).into());
    elements
}

/// A place and what to say there.
#[derive(Clone, Copy)]
struct Place<'s> {
    span: Span,
    label: &'s str,
    kind: AnnotationKind,
}

/// The lines of a finding: those around its own place first, then others.
fn parts<'s>(config: &'s Linted, finding: &'s Finding, terminal: Terminal) -> Vec<Vec<Element<'s>>> {
    let line = |span: Span| config.sources.get(span.file).map_or(0, |file| file.position(span.start).line);
    let own = Place { span: finding.span, label: &finding.label, kind: AnnotationKind::Primary };
    let mut groups = vec![vec![own]];
    for other in finding.related.iter().take(MAX_RELATED) {
        let place = Place { span: other.span, label: &other.message, kind: AnnotationKind::Context };
        let is_near = |group: &&mut Vec<Place<'_>>| {
            group[0].span.file == other.span.file && line(group[0].span).abs_diff(line(other.span)) <= MAX_LINES
        };
        match groups.iter_mut().find(is_near) {
            Some(group) => group.push(place),
            None => groups.push(vec![place]),
        }
    }
    let part = |group: Vec<Place<'s>>| Some(part(config.sources.get(group[0].span.file)?, terminal, &group));
    groups.into_iter().filter_map(part).collect()
}

/// Lines of a file, below its name and the place that comes first.
fn part<'s>(file: &SourceFile, terminal: Terminal, places: &[Place<'_>]) -> Vec<Element<'s>> {
    let spans: Vec<_> = places.iter().map(|place| place.span).collect();
    let excerpt = Excerpt::new(file, &spans, terminal.width.saturating_sub(GUTTER));
    let annotation = |place: &Place<'_>| -> Annotation<'s> {
        let label = (!place.label.is_empty()).then(|| printable(place.label));
        place.kind.span(excerpt.range(file, place.span)).label(label)
    };
    let annotations: Vec<_> = places.iter().map(annotation).collect();
    let name = printable(file.name.trim_start_matches("./"));
    let snippet = Snippet::source(excerpt.text).line_start(excerpt.first).annotations(annotations);
    if !excerpt.is_cut {
        return vec![snippet.path(name).into()];
    }
    // The renderer would count the column from where the shown part starts.
    let at = file.position(spans.first().map_or(0, |span| span.start));
    vec![Origin::path(name).line(at.line as usize).char_column(at.column as usize).into(), snippet.into()]
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
