//! What reads the lines of one section.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::Config;
use super::acl::{Acl, Scope};
use super::action::{Reach, RuleNames};
use super::build::{Defaults, Notes, Refused, Word};
use super::capture::Slot;
use super::maps::{self, Content, Map};
use super::proxy::Role;
use super::references::Named;
use super::sample::Files;
use crate::finding::{Finding, Severity};
use crate::pattern::Pattern;
use crate::server::Release;
use crate::source::{FileId, Reader, SourceFile, Span};

/// What is kept from one section to the next for its own sake, not as a part of the model.
pub(super) struct Kept {
    base: PathBuf,
    maps: HashMap<(Box<str>, Box<str>), Arc<Map>>,
    elsewhere: HashSet<Box<str>>,
    /// How many names were compared to guess what was meant.
    compared: usize,
}

impl Kept {
    pub(super) fn new(base: PathBuf) -> Self {
        Kept { base, maps: HashMap::new(), elsewhere: HashSet::new(), compared: 0 }
    }

    /// The names among which the one that was meant is looked for, as long as this does not take too long.
    pub(super) fn guessed<'n>(&mut self, names: impl Iterator<Item = &'n str>, count: usize) -> impl Iterator<Item = &'n str> {
        const MOST_COMPARED: usize = 1 << 16;
        self.compared = self.compared.saturating_add(count);
        names.take(if self.compared < MOST_COMPARED { count } else { 0 })
    }
}

/// What is there for one section at a time: files, which are numbered in the order in which they are read, and what is told or done
/// once for all sections.
pub(super) struct Outside<'s, 'a> {
    pub(super) reader: &'s mut Reader<'a>,
    pub(super) kept: &'s mut Kept,
}

/// How a section is read.
pub(super) enum Turn<'s, 'a> {
    /// All sections above are read.
    Own(Outside<'s, 'a>),
    /// Side by side with the sections above.
    Ahead { asked_outside: bool },
}

impl<'s, 'a> Turn<'s, 'a> {
    fn outside(&mut self) -> Option<&mut Outside<'s, 'a>> {
        match self {
            Turn::Own(outside) => Some(outside),
            Turn::Ahead { asked_outside } => {
                *asked_outside = true;
                None
            }
        }
    }

    /// See [`Kept::guessed`].
    pub(super) fn guessed<'n>(&mut self, names: impl Iterator<Item = &'n str>, count: usize) -> impl Iterator<Item = &'n str> {
        self.outside().map(|outside| outside.kept.guessed(names, count)).into_iter().flatten()
    }
}

/// What the section at hand says so far about keeping the request line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Capture {
    pub(super) wanted: bool,
    /// Whether a sample of it needs HTTP, with which any sample in a log format asks for the request line as well.
    pub(super) needs_http: bool,
}

/// A section while it is read.
pub(super) struct SectionBuilder<'s, 'a> {
    /// What the sections above say, as far as sections below take it over.
    pub(super) config: &'s Config,
    pub(super) defaults: &'s Defaults,
    /// Its index among the proxies.
    pub(super) index: usize,
    pub(super) names: &'s mut RuleNames,
    pub(super) turn: Turn<'s, 'a>,
    pub(super) notes: Notes,
    pub(super) acls: Vec<Acl>,
    pub(super) scope: Scope,
    /// Where the samples of the line at hand are looked up.
    pub(super) reach: Reach,
    /// The kind of the section.
    pub(super) role: Role,
    /// Whether it is in HTTP mode so far.
    pub(super) http: bool,
    pub(super) capture: Capture,
    /// Its slots for captures so far.
    pub(super) slots: Vec<Slot>,
    /// The line that is being read.
    pub(super) place: Option<Span>,
    pub(super) server_names: HashSet<Arc<str>>,
}

impl<'s, 'a> SectionBuilder<'s, 'a> {
    pub(super) fn in_turn(
        config: &'s Config,
        defaults: &'s Defaults,
        index: usize,
        names: &'s mut RuleNames,
        outside: Outside<'s, 'a>,
    ) -> Self {
        SectionBuilder { turn: Turn::Own(outside), ..SectionBuilder::ahead(config, defaults, index, names) }
    }

    pub(super) fn ahead(config: &'s Config, defaults: &'s Defaults, index: usize, names: &'s mut RuleNames) -> Self {
        SectionBuilder {
            config,
            defaults,
            index,
            names,
            turn: Turn::Ahead { asked_outside: false },
            notes: Notes::default(),
            acls: Vec::new(),
            scope: Scope::default(),
            reach: Reach::Any,
            role: Role::Defaults,
            http: false,
            capture: Capture::default(),
            slots: Vec::new(),
            place: None,
            server_names: HashSet::new(),
        }
    }

    /// What was noted; `None` where the section asked for what only its own turn gives.
    pub(super) fn finish(self) -> Option<Notes> {
        (!self.is_out_of_turn()).then_some(self.notes)
    }

    /// Whether the rest need not be read, as all will be read again.
    pub(super) fn is_out_of_turn(&self) -> bool {
        matches!(self.turn, Turn::Ahead { asked_outside: true })
    }

    pub(super) fn refuse(&mut self, refused: Refused) {
        self.notes.findings.extend(refused.finding(self.config.release));
    }

    pub(super) fn too_old(&mut self, span: Span, message: String) {
        self.notes.findings.push(Finding::new("server-too-old", Severity::Warning, span, message));
    }

    /// Notes a file that lies where the linted tree does not reach, once.
    fn elsewhere(&mut self, span: Span, path: &str) {
        if self.turn.outside().is_some_and(|outside| outside.kept.elsewhere.insert(path.into())) {
            let message = format!("`{path}` is not read here, so what it holds is an assumption");
            let finding = Finding::new("include-missing", Severity::Info, span, message);
            self.notes.findings.push(finding.help("lint where the file lies, or name its folder with `--root`"));
        }
    }

    /// A file that must be there; `None` where it lies elsewhere.
    fn file_at(&mut self, path: &str, span: Span) -> Result<Option<Arc<SourceFile>>, Refused> {
        let content = self.turn.outside().map(|outside| maps::read(outside.reader, path, &outside.kept.base));
        match content {
            Some(Content::Text(file)) => Ok(Some(file)),
            Some(Content::Missing(missing)) => Err(Refused::new(span, format!("there is no file `{}`", missing.display()))),
            Some(Content::Elsewhere) | None => {
                self.elsewhere(span, path);
                Ok(None)
            }
        }
    }

    pub(super) fn needed_file(&mut self, path: &Word<'_>) -> Result<Option<Arc<SourceFile>>, Refused> {
        self.file_at(path.text, path.span)
    }
}

impl Files for SectionBuilder<'_, '_> {
    fn map(&mut self, path: &str, matching: &str) -> Arc<Map> {
        let key = (path.into(), matching.into());
        if let Some(known) = self.turn.outside().and_then(|outside| outside.kept.maps.get(&key)) {
            return Arc::clone(known);
        }
        let span = self.place.unwrap_or(Span::new(FileId(0), 0..0));
        let content = match self.file_at(path, span) {
            Ok(content) => content,
            Err(refused) => {
                self.refuse(refused);
                None
            }
        };
        let map = Arc::new(Map::new(matching, content.as_ref().map(|file| file.text())));
        if let Some(outside) = self.turn.outside() {
            outside.kept.maps.insert(key, Arc::clone(&map));
        }
        map
    }

    fn pattern(&self, source: &str, ignore_case: bool) -> Arc<Pattern> {
        self.config.patterns.get(source, ignore_case)
    }

    fn release(&self) -> Release {
        self.config.release
    }

    fn has_lua(&self) -> bool {
        self.config.global.lua
    }

    fn refer(&mut self, to: Named, name: &str) {
        if let Some(span) = self.place {
            self.want(to, name, span);
        }
    }
}
