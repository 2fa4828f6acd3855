//! `docs/src/terminal.svg` is a picture of what proxylint prints, drawn from the real output.

use std::fmt::Write;
use std::process::Command;

use crate::generated::hold;
use crate::root;

const COLUMNS: usize = 100;
const CELL: (f64, f64) = (8.4, 19.0);
const MARGIN: f64 = 18.0;
const BAR: f64 = 34.0;

#[test]
fn the_picture_is_fresh() {
    let arguments = ["--color", "always", "samples/nginx/flagged/api.conf"];
    let output = Command::new(env!("CARGO_BIN_EXE_proxylint"))
        .args(arguments)
        .current_dir(root())
        .env("COLUMNS", COLUMNS.to_string())
        .env_remove("NO_COLOR")
        .env_remove("GITHUB_ACTIONS")
        .env_remove("CI")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let shown = format!("\x1b[32m$\x1b[0m proxylint {}\n{}", arguments[2], String::from_utf8(output.stdout).unwrap());
    hold("docs/src/terminal.svg", &draw(&shown));
}

/// How a run of characters looks.
#[derive(Clone, Copy, Default, PartialEq)]
struct Style {
    color: Option<u8>,
    bold: bool,
    faint: bool,
}

impl Style {
    /// Follows an escape sequence `ESC [ … m` (ECMA-48, SGR).
    fn apply(&mut self, codes: &str) {
        let mut codes = codes.split(';').map(|code| code.parse::<u8>().unwrap_or(0));
        while let Some(code) = codes.next() {
            match code {
                0 => *self = Style::default(),
                1 => self.bold = true,
                2 => self.faint = true,
                22 => (self.bold, self.faint) = (false, false),
                30..=37 => self.color = Some(code - 30),
                38 => {
                    // 38;5;N is a colour of the palette; its first sixteen are the ones that are drawn here.
                    self.color = codes.nth(1).map(|color| color % 8);
                }
                39 => self.color = None,
                90..=97 => self.color = Some(code - 90),
                _ => {}
            }
        }
    }

    fn classes(self) -> String {
        const NAMES: [&str; 8] = ["k", "r", "g", "y", "b", "m", "c", "w"];
        let color = self.color.map(|color| NAMES[usize::from(color % 8)]);
        [color, self.bold.then_some("s"), self.faint.then_some("f")].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Characters of one style, and the column where they start.
struct Run {
    column: usize,
    style: Style,
    text: String,
}

/// Cuts a terminal's text into lines of runs. Links (OSC 8) keep their words only.
fn runs(text: &str) -> Vec<Vec<Run>> {
    let mut lines = vec![Vec::<Run>::new()];
    let (mut style, mut column) = (Style::default(), 0);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(sequence) = rest.strip_prefix("\x1b[") {
            let end = sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap();
            style.apply(&sequence[..end]);
            rest = &sequence[end + 1..];
            continue;
        }
        if let Some(link) = rest.strip_prefix("\x1b]8;") {
            let end = link.find("\x1b\\").unwrap();
            rest = &link[end + 2..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        if c == '\n' {
            lines.push(Vec::new());
            column = 0;
            continue;
        }
        let line = lines.last_mut().unwrap();
        match line.last_mut() {
            Some(run) if run.style == style => run.text.push(c),
            _ => line.push(Run { column, style, text: c.to_string() }),
        }
        column += 1;
    }
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}

fn draw(text: &str) -> String {
    let lines = runs(text);
    let end = |line: &Vec<Run>| line.last().map_or(0, |run| run.column + run.text.chars().count());
    let columns = lines.iter().map(end).max().unwrap_or(0).max(COLUMNS);
    let width = 2.0 * MARGIN + CELL.0 * columns as f64;
    let height = BAR + 2.0 * MARGIN + CELL.1 * lines.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" \
         role=\"img\" aria-label=\"proxylint in a terminal\">\n\
         <!-- Drawn from the output of proxylint by tests/docs/picture.rs. -->\n\
         <style>\n\
         text {{ font: 14px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #d7dce2; white-space: pre; }}\n\
         .r {{ fill: #ff7b72; }} .g {{ fill: #7ee787; }} .y {{ fill: #f2cc60; }} .b {{ fill: #79c0ff; }}\n\
         .m {{ fill: #d2a8ff; }} .c {{ fill: #76e3ea; }} .k, .f {{ fill: #8b949e; }} .s {{ font-weight: bold; }}\n\
         </style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"#14181d\"/>\n"
    );
    for (index, color) in ["#ff5f57", "#febc2e", "#28c840"].iter().enumerate() {
        let x = MARGIN + 6.0 + 20.0 * index as f64;
        writeln!(svg, "<circle cx=\"{x}\" cy=\"20\" r=\"6\" fill=\"{color}\"/>").unwrap();
    }
    for (row, line) in lines.iter().enumerate() {
        let y = BAR + MARGIN + CELL.1 * (row as f64 + 0.75);
        for run in line.iter().filter(|run| !run.text.trim().is_empty()) {
            let x = MARGIN + CELL.0 * run.column as f64;
            let length = CELL.0 * run.text.chars().count() as f64;
            let class = match run.style.classes() {
                names if names.is_empty() => String::new(),
                names => format!(" class=\"{names}\""),
            };
            let text = escape(&run.text);
            writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" xml:space=\"preserve\"{class}>{text}</text>"
            )
            .unwrap();
        }
    }
    svg + "</svg>\n"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
