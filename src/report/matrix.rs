//! Routes by methods: as a table for people, or JSON.

use std::io::{self, Write};

use serde::Serialize;

use super::json::AnswerJson;
use super::place::{Location, locate};
use super::style::Palette;
use super::text::{printable, route, spot};
use crate::http::{Answer, Request, STAND_IN, UpstreamMethod};
use crate::lint::Loaded;
use crate::matrix::{Cell, Row, columns};

/// Writes the table.
///
/// # Errors
/// Where `out` cannot be written.
pub fn human(loaded: &Loaded, rows: &[Row], palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    let Palette { strong, faint, .. } = palette;
    let names: Vec<_> = names(loaded).map(|name| if name == STAND_IN { "other" } else { name }).collect();
    let routes: Vec<_> = rows.iter().map(|row| printable(&route(&row.route.request))).collect();
    let texts: Vec<Vec<_>> = rows.iter().map(|row| row.cells.iter().map(text).collect()).collect();
    let first = routes.iter().map(|route| route.chars().count()).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = texts.iter().map(|row: &Vec<String>| row[column].chars().count());
        cells.chain([names[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..names.len()).map(width).collect();
    write!(out, "{:first$}", "")?;
    for (name, width) in names.iter().zip(&widths) {
        write!(out, "  {strong}{name:width$}{strong:#}")?;
    }
    writeln!(out)?;
    for ((row, route), texts) in rows.iter().zip(&routes).zip(&texts) {
        write!(out, "{route:first$}")?;
        for ((cell, text), width) in row.cells.iter().zip(texts).zip(&widths) {
            let style = style(cell, palette);
            write!(out, "  {style}{text:width$}{style:#}")?;
        }
        writeln!(out, "  {faint}{}{faint:#}", spot(&loaded.sources, row.route.span))?;
    }
    writeln!(out, "\n{faint}→ forwarded   → POST forwarded as POST   405 answered by the proxy   ✕ closed   * depends{faint:#}")
}

fn names(loaded: &Loaded) -> impl Iterator<Item = &str> {
    loaded.site.universe().names(columns(loaded.site.as_ref()))
}

fn text(cell: &Cell) -> String {
    let answer = match &cell.answer {
        None => "?".to_owned(),
        Some(Answer::Respond { status, .. }) => status.to_string(),
        Some(Answer::Forward { method: UpstreamMethod::Unchanged, .. }) => "→".to_owned(),
        Some(Answer::Forward { method: UpstreamMethod::Replaced(method), .. }) => format!("→ {}", printable(method)),
        Some(Answer::Close) => "✕".to_owned(),
    };
    if cell.depends { answer + "*" } else { answer }
}

fn style(cell: &Cell, palette: Palette) -> anstyle::Style {
    match &cell.answer {
        Some(Answer::Forward { method: UpstreamMethod::Replaced(_), .. }) => palette.doubt,
        Some(answer) if answer.passes() => palette.good,
        Some(_) => palette.bad,
        None => palette.doubt,
    }
}

#[derive(Serialize)]
struct RowJson<'a> {
    request: &'a Request,
    location: Location<'a>,
    methods: Vec<CellJson<'a>>,
}

#[derive(Serialize)]
struct CellJson<'a> {
    method: &'a str,
    answer: Option<AnswerJson<'a>>,
    depends: bool,
}

/// Writes one line for each route.
///
/// # Errors
/// Where `out` cannot be written.
pub fn json(loaded: &Loaded, rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
    for row in rows {
        let methods = names(loaded).zip(&row.cells).map(|(method, cell)| CellJson {
            method,
            answer: cell.answer.as_ref().map(|answer| AnswerJson::new(answer, method)),
            depends: cell.depends,
        });
        let line = RowJson {
            request: &row.route.request,
            location: locate(&loaded.sources, row.route.span),
            methods: methods.collect(),
        };
        serde_json::to_writer(&mut *out, &line)?;
        writeln!(out)?;
    }
    Ok(())
}
