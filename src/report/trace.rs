//! A trace for people: the answer, and the directives on the way to it.

use std::io::{self, Write};

use super::style::Palette;
use super::text::{printable, route, sentence, spot};
use crate::http::{Request, Step};
use crate::source::Sources;
use crate::trace::{Outcome, Traced};

/// How much of a line of the config is shown.
const MAX_LINE: usize = 100;

/// Writes what becomes of one request.
///
/// # Errors
/// Where `out` cannot be written.
pub fn human(traced: &Traced, sources: &Sources, palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    let Palette { strong, doubt, .. } = palette;
    let request = &traced.request;
    writeln!(out, "{strong}{} {}{strong:#}", printable(&request.method), printable(&route(request)))?;
    for outcome in &traced.outcomes {
        if !outcome.when.is_empty() {
            let sign = if traced.outcomes.len() > 1 { "if" } else { "provided that" };
            writeln!(out, "\n  {doubt}{sign} {}{doubt:#}", printable(&outcome.when.join(", and ")))?;
        }
        human_outcome(outcome, request, sources, palette, out)?;
    }
    if !traced.exhaustive {
        writeln!(out, "\n  {doubt}other outcomes are possible: part of the way cannot be modelled{doubt:#}")?;
    }
    Ok(())
}

fn human_outcome(
    outcome: &Outcome,
    request: &Request,
    sources: &Sources,
    palette: Palette,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Palette { strong, faint, place, good, bad, .. } = palette;
    let verdict = &outcome.verdict;
    let rows: Vec<_> = verdict.steps.iter().map(|step| (step, spot(sources, step.span))).collect();
    let phases = rows.iter().map(|(step, _)| step.phase.chars().count()).max().unwrap_or(0);
    let places = rows.iter().map(|(_, spot)| spot.chars().count()).max().unwrap_or(0);
    if !rows.is_empty() {
        writeln!(out)?;
    }
    for (index, (step, spot)) in rows.iter().enumerate() {
        let decides = verdict.decided_by == Some(index);
        let (mark, style) = if decides { ('▶', strong) } else { (' ', anstyle::Style::new()) };
        write!(out, "{style}{mark} {:phases$}{style:#}  {place}{spot:places$}{place:#}  ", step.phase)?;
        writeln!(out, "{style}{}{style:#}", line(sources, step))?;
        if !step.note.is_empty() {
            writeln!(out, "  {:phases$}  {:places$}  {faint}{}{faint:#}", "", "", printable(&step.note))?;
        }
    }
    let style = if verdict.answer.passes() { good } else { bad };
    write!(out, "\n  {style}{}{style:#}", printable(&sentence(&verdict.answer, &request.method)))?;
    match verdict.decision() {
        Some(step) => writeln!(out, "  {faint}decided by `{}` at {}{faint:#}", step.directive, spot(sources, step.span)),
        None => writeln!(out),
    }
}

/// The directive of a step as written, as far as it stands on one line, with the sign that ends it.
fn line(sources: &Sources, step: &Step) -> String {
    let Some(file) = sources.get(step.span.file) else { return step.directive.to_string() };
    let rest = file.slice(step.span.end..file.len());
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let sign = if rest[blanks..].starts_with(['{', ';']) { blanks + 1 } else { 0 };
    let end = step.span.end + sign as u32;
    let text = file.slice(step.span.start..end).lines().next().unwrap_or("").trim_end();
    match text.char_indices().nth(MAX_LINE) {
        Some((end, _)) => format!("{}…", printable(&text[..end])),
        None => printable(text),
    }
}
