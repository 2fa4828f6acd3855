//! Bytes to tree: each line is a statement, each section a block of the lines that follow its header (src/cfgparse.c, readcfgfile).

mod conditional;
mod line;
mod markup;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use nom::branch::alt;
use nom::bytes::complete::take_until;
use nom::combinator::rest;
use nom::{IResult, Parser};

use self::conditional::World;
use self::line::{Line, Place};
use self::markup::Markup;
use super::environment::Environment;
use crate::server::Release;
use crate::source::{SourceFile, Span};
use crate::syntax::{SyntaxError, Tree, TreeBuilder};

/// The words that begin a section when they stand first on a line.
pub(super) const SECTIONS: &[&str] = &[
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "userlist",
    "peers",
    "resolvers",
    "mailers",
    "http-errors",
    "cache",
    "program",
    "ring",
    "fcgi-app",
    "log-forward",
    "crt-list",
    "dynamic-update",
    "traces",
    "crt-store",
    "log-profile",
    "acme",
];

/// HAProxy's MAXNESTEDCONDS.
const MAX_NESTING: usize = 16;

/// How many places of unset variables are remembered.
const MAX_UNSET: usize = 1000;

/// What the lines of a config are read with, from the first file to the last.
pub(super) struct Reading {
    pub(super) environment: Environment,
    pub(super) release: Release,
    /// Where unset variables are read.
    pub(super) unset: Vec<(Span, String)>,
}

/// Reads one file.
pub(super) fn parse(source: &Arc<SourceFile>, reading: &mut Reading) -> (Tree, Vec<SyntaxError>) {
    let builder = TreeBuilder::new(Arc::clone(source));
    let mut parser = FileParser {
        source,
        reading,
        builder,
        errors: Vec::new(),
        conditions: Vec::new(),
        section: String::new(),
        in_global: false,
        number: 0,
        line: Line::default(),
    };
    parser.file();
    (parser.builder.finish(), parser.errors)
}

/// How an `.if` stands at one of its branches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Branch {
    /// The lines count.
    Taken,
    /// They do not, but those of a later branch may.
    Dropped,
    /// An earlier branch was taken, or the whole `.if` stands where nothing counts.
    Skipped,
}

struct Condition {
    opened: Span,
    branch: Branch,
    last: bool,
}

struct FileParser<'p> {
    source: &'p Arc<SourceFile>,
    reading: &'p mut Reading,
    builder: TreeBuilder,
    errors: Vec<SyntaxError>,
    conditions: Vec<Condition>,
    section: String,
    in_global: bool,
    number: u32,
    /// The line that is being read. Few lines have more words than the room of those above.
    line: Line,
}

fn until_newline(text: &[u8]) -> IResult<&[u8], &[u8]> {
    alt((take_until("\n"), rest)).parse(text)
}

impl FileParser<'_> {
    fn file(&mut self) {
        // Offsets must be those of the text, in which bytes that are no UTF-8 are substituted one by one.
        let text = Arc::clone(self.source);
        let markup = Markup::new(text.text().as_bytes());
        let text = &*markup.text;
        if let Some(nul) = text.iter().position(|&byte| byte == 0) {
            self.nuls(text, nul);
        }
        let mut at = 0;
        while at < text.len() {
            let Ok((rest, line)) = until_newline(&text[at..]) else { break };
            self.number += 1;
            markup.tell(&(at as u32..(at + line.len()) as u32), &mut self.builder);
            self.line(line, at as u32, &markup);
            at = text.len() - rest.len() + 1;
        }
        self.end(text);
    }

    /// `first` is where the first one is.
    fn nuls(&mut self, text: &[u8], first: usize) {
        let mut at = first;
        for line in text[first..].split_inclusive(|&byte| byte == b'\n') {
            if let Some(nul) = line.iter().position(|&byte| byte == 0) {
                let nul = (at + nul) as u32;
                self.error(nul..nul + 1, "a NUL byte ends the line", None);
            }
            at += line.len();
        }
    }

    fn end(&mut self, text: &[u8]) {
        let end = text.len() as u32;
        if !text.is_empty() && !text.ends_with(b"\n") && self.reading.release >= Release(2, 4, 0) {
            let help = "end the file with a newline";
            self.error(
                end.saturating_sub(1)..end,
                "the last line has no newline, so the file counts as truncated",
                Some(help.into()),
            );
        }
        for condition in std::mem::take(&mut self.conditions) {
            let help = "close it with `.endif`".into();
            let message = "this `.if` is never closed".into();
            self.errors.push(SyntaxError { span: condition.opened, message, help: Some(help), fatal: true });
        }
    }

    fn line(&mut self, text: &[u8], offset: u32, markup: &Markup<'_>) {
        // Scopes such as `[name]` say for which programs the lines below are meant.
        let indent = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if text.get(indent) == Some(&b'[') {
            return self.builder.comment(offset + indent as u32..offset + text.len() as u32);
        }
        let place = Place { file: &self.source.name, line: self.number, section: &self.section };
        line::read(&mut self.line, text, offset, &self.reading.environment, &place);
        if let Some(refusal) = self.line.refusal.take() {
            self.error(refusal.bytes, refusal.message, None);
        }
        let ends = self.line.words.first().zip(self.line.words.last());
        let bytes = ends.map(|(first, last)| first.bytes.start..last.bytes.end);
        for word in self.line.words.drain(..) {
            match markup.touches(&word.bytes) {
                true => self.builder.placeholder(word.bytes, word.quote, word.value),
                false => self.builder.word(word.bytes, word.quote, word.value),
            }
        }
        if let Some(bytes) = bytes {
            self.statement(bytes);
        }
        if let Some(comment) = self.line.comment.take() {
            self.builder.comment(comment);
        }
    }

    fn statement(&mut self, bytes: Range<u32>) {
        let value = |index: usize| self.builder.pending_words().get(index).map(|word| self.builder.value(word));
        let first = value(0).unwrap_or("");
        if matches!(first, ".if" | ".elif" | ".else" | ".endif") {
            let first = first.to_owned();
            return self.directive(&first, bytes);
        }
        if self.conditions.last().is_some_and(|condition| condition.branch != Branch::Taken) {
            // A branch that is not taken is not read at all: it is a comment to HAProxy.
            self.builder.discard();
            return self.builder.comment(bytes);
        }
        let unset = self.line.unset.drain(..).map(|(place, name)| (self.source.span(place), name));
        self.reading.unset.extend(unset.take(MAX_UNSET - self.reading.unset.len()));
        if SECTIONS.contains(&first) {
            self.section = value(1).unwrap_or(first).to_owned();
            self.in_global = first == "global";
            self.builder.close(bytes.start);
            self.builder.open(bytes);
            return;
        }
        if first.starts_with('.') {
            let first = first.to_owned();
            self.message(&first, bytes.clone());
        }
        self.builder.simple(bytes);
        if self.in_global {
            self.note_environment();
        }
    }

    /// Lines of `global` change the environment for the lines after them.
    fn note_environment(&mut self) {
        if let Some(line) = self.builder.current().and_then(|section| section.last_child()) {
            self.reading.environment.apply(line);
        }
    }

    /// `.alert` and the like, and what no release knows.
    fn message(&mut self, name: &str, bytes: Range<u32>) {
        match name {
            ".alert" => self.error(bytes, "HAProxy stops at this `.alert`", None),
            ".notice" | ".warning" | ".diag" if self.builder.pending() > 2 => {
                self.error(bytes, format!("`{name}` takes one message: put it in quotes"), None);
            }
            ".notice" | ".warning" | ".diag" => {}
            _ if self.reading.release >= Release(2, 4, 0) => {
                self.error(bytes, format!("there is no directive `{name}`"), None);
            }
            _ => {}
        }
    }

    /// `.if` and what belongs to it.
    fn directive(&mut self, name: &str, bytes: Range<u32>) {
        let words = self.builder.pending_words().iter().skip(1).map(|word| self.builder.value(word));
        let expression = words.collect::<Vec<_>>().join(" ");
        self.builder.simple(bytes.clone());
        if self.reading.release < Release(2, 4, 0) {
            return self.error(bytes, format!("`{name}` is known since HAProxy 2.4"), None);
        }
        let span = self.source.span(bytes.clone());
        match name {
            ".if" => {
                if self.conditions.len() + 1 >= MAX_NESTING {
                    self.error(bytes.clone(), "`.if` may be nested 15 deep", None);
                }
                let counts = self.conditions.last().is_none_or(|outer| outer.branch == Branch::Taken);
                let branch = if !counts { Branch::Skipped } else { self.evaluate(&expression, bytes) };
                self.conditions.push(Condition { opened: span, branch, last: false });
            }
            ".endif" => {
                if self.conditions.pop().is_none() {
                    self.error(bytes, "there is no `.if` that this `.endif` could close", None);
                }
            }
            _ => self.branch(name, &expression, bytes),
        }
    }

    fn branch(&mut self, name: &str, expression: &str, bytes: Range<u32>) {
        let Some((branch, last)) = self.conditions.last().map(|condition| (condition.branch, condition.last)) else {
            return self.error(bytes, format!("there is no `.if` that this `{name}` could belong to"), None);
        };
        if last {
            return self.error(bytes, format!("`{name}` after `.else`"), None);
        }
        let next = match branch {
            Branch::Taken | Branch::Skipped => Branch::Skipped,
            Branch::Dropped if name == ".else" => Branch::Taken,
            Branch::Dropped => self.evaluate(expression, bytes),
        };
        if let Some(condition) = self.conditions.last_mut() {
            condition.branch = next;
            condition.last = name == ".else";
        }
    }

    fn evaluate(&mut self, expression: &str, bytes: Range<u32>) -> Branch {
        let world = World { environment: &self.reading.environment, release: self.reading.release };
        match conditional::holds(expression, &world) {
            Ok(true) => Branch::Taken,
            Ok(false) => Branch::Dropped,
            Err(message) => {
                self.error(bytes, message, None);
                Branch::Dropped
            }
        }
    }

    fn error(&mut self, bytes: Range<u32>, message: impl Into<Cow<'static, str>>, help: Option<Cow<'static, str>>) {
        self.errors.push(SyntaxError { span: self.source.span(bytes), message: message.into(), help, fatal: true });
    }
}
