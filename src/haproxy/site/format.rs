//! Log-format strings, which are the values of headers, paths and methods (configuration manual, 8.2.4).

use std::sync::Arc;

use super::sample::{self, Files, Flaw, Sample};
use super::words;

/// A log-format string, cut into what stands for itself and what is looked up.
#[derive(Debug, Default)]
pub(in crate::haproxy) struct Format {
    pub(in crate::haproxy) pieces: Vec<Piece>,
    /// Whether an alias in it stands for something of the request line.
    pub(in crate::haproxy) wants_request: bool,
    /// Whether an alias in it is there in HTTP mode only.
    pub(in crate::haproxy) wants_http: bool,
}

#[derive(Debug)]
pub(in crate::haproxy) enum Piece {
    Literal(Arc<str>),
    Sample(Sample),
    Alias(Alias),
}

/// The aliases of log formats that follow from the request; all others are `Unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum Alias {
    Method,
    Path,
    PathOnly,
    Query,
    Uri,
    Version,
    Client,
    FrontendAddress,
    FrontendPort,
    Frontend,
    Backend,
    Nothing,
    Unknown,
}

const ALIASES: &[(&str, Alias)] = &[
    ("HM", Alias::Method),
    ("HP", Alias::Path),
    ("HPO", Alias::PathOnly),
    ("HQ", Alias::Query),
    ("HU", Alias::Uri),
    ("HV", Alias::Version),
    ("ci", Alias::Client),
    ("fi", Alias::FrontendAddress),
    ("fp", Alias::FrontendPort),
    ("f", Alias::Frontend),
    ("ft", Alias::Frontend),
    ("b", Alias::Backend),
    ("o", Alias::Nothing),
];

/// Aliases whose values the config does not tell.
const UNKNOWN: &[&str] = &[
    "B", "CC", "CS", "H", "ID", "ST", "T", "Ta", "Tc", "Td", "Th", "Ti", "Tl", "Tq", "TR", "Tr", "Ts", "Tt", "Tu", "Tw", "U",
    "ac", "bc", "bi", "bp", "bq", "cp", "fc", "hr", "hrl", "hs", "hsl", "lc", "ms", "pid", "r", "rc", "rt", "s", "sc", "si",
    "sp", "sq", "sslc", "sslv", "t", "tr", "trg", "trl", "ts", "tsc",
];

/// Aliases that need the request line (src/log.c, LW_REQ).
const OF_REQUEST_LINE: &[&str] = &["HM", "HP", "HPO", "HQ", "HU", "HV", "r", "rt"];

/// Aliases of HTTP mode (src/log.c, PR_MODE_HTTP).
const OF_HTTP: &[&str] =
    &["CC", "CS", "HM", "HP", "HPO", "HQ", "HU", "HV", "Ta", "Ti", "TR", "Tq", "Tr", "r", "tr", "trg", "trl"];

impl Format {
    pub(in crate::haproxy) fn literal(text: &str) -> Self {
        Format { pieces: vec![Piece::Literal(text.into())], wants_request: false, wants_http: false }
    }

    /// The whole text where nothing in it is looked up.
    pub(in crate::haproxy) fn constant(&self) -> Option<&str> {
        match &self.pieces[..] {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    pub(in crate::haproxy) fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Sample(sample) => Some(sample),
            _ => None,
        })
    }
}

/// Reads a log-format string.
///
/// # Errors
/// What HAProxy refuses about it.
pub(in crate::haproxy) fn parse(text: &str, files: &mut dyn Files) -> Result<Format, Flaw> {
    if !text.is_empty() && !text.contains('%') {
        return Ok(Format::literal(text));
    }
    let mut format = Format::default();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        literal.push_str(&rest[..at]);
        let mut after = &rest[at + 1..];
        if let Some(next) = after.strip_prefix('%') {
            literal.push('%');
            rest = next;
            continue;
        }
        // Flags such as {+Q} change how a value is quoted in logs.
        if after.starts_with('{') {
            let end = after.find('}').ok_or_else(|| format!("the flags of `{text}` are never closed"))?;
            after = &after[end + 1..];
        }
        if !literal.is_empty() {
            format.pieces.push(Piece::Literal(std::mem::take(&mut literal).into()));
        }
        if let Some(expression) = after.strip_prefix('[') {
            let (sample, end) = sample::parse_prefix(expression, files)?;
            rest = end.strip_prefix(']').ok_or_else(|| format!("`]` is missing in `{text}`"))?;
            format.pieces.push(Piece::Sample(sample));
        } else {
            let end = after.find(|sign: char| !sign.is_ascii_alphanumeric()).unwrap_or(after.len());
            format.pieces.push(Piece::Alias(alias(&after[..end])?));
            format.wants_request |= OF_REQUEST_LINE.contains(&&after[..end]);
            format.wants_http |= OF_HTTP.contains(&&after[..end]);
            rest = &after[end..];
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        format.pieces.push(Piece::Literal(literal.into()));
    }
    format.pieces.shrink_to_fit();
    Ok(format)
}

fn alias(name: &str) -> Result<Alias, String> {
    if let Some((_, alias)) = ALIASES.iter().find(|(known, _)| *known == name) {
        return Ok(*alias);
    }
    if UNKNOWN.contains(&name) {
        return Ok(Alias::Unknown);
    }
    let known = ALIASES.iter().map(|(name, _)| *name).chain(UNKNOWN.iter().copied());
    Err(format!("{}; a percent sign itself is written `%%`", words::unknown("format variable", name, known)))
}
