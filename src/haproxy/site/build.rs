//! Reads the sections of a config into the model, proxies side by side, and notes what HAProxy would refuse.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;

use super::Config;
use super::action::RuleNames;
use super::forms;
use super::proxy::{Proxy, Role, opens_nothing};
use super::references::Reference;
use super::section::{Kept, Outside, SectionBuilder};
use crate::finding::{Edit, Finding, Safety, Severity};
use crate::server::Release;
use crate::source::{Reader, Span};
use crate::syntax::{Directive, Tree};

/// A word of a line with its place.
#[derive(Clone, Copy, Debug)]
pub(in crate::haproxy) struct Word<'w> {
    pub(in crate::haproxy) text: &'w str,
    pub(in crate::haproxy) span: Span,
}

/// Why HAProxy refuses something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum Reason {
    Wrong,
    /// A later release would take it.
    TooOld,
    /// A word of sample expressions that no release up to [`LATEST`] has.
    UnknownWord,
}

/// The last release whose words are listed (grammars/haproxy.toml).
const LATEST: Release = Release(3, 4, u16::MAX);

/// What HAProxy refuses about a line.
#[derive(Debug)]
pub(in crate::haproxy) struct Refused {
    pub(in crate::haproxy) span: Span,
    pub(in crate::haproxy) message: String,
    pub(in crate::haproxy) help: Option<String>,
    pub(in crate::haproxy) reason: Reason,
    /// What it was evidently meant to be.
    pub(in crate::haproxy) edit: Option<Edit>,
}

impl Refused {
    pub(in crate::haproxy) fn new(span: Span, message: impl Into<String>) -> Self {
        Refused { span, message: message.into(), help: None, reason: Reason::Wrong, edit: None }
    }

    pub(in crate::haproxy) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(in crate::haproxy) fn fix(mut self, edit: Edit) -> Self {
        self.edit = Some(edit);
        self
    }

    pub(in crate::haproxy) fn too_old(mut self) -> Self {
        self.reason = Reason::TooOld;
        self
    }

    /// What is told of it. Nothing about words that a release may have which is not listed.
    pub(super) fn finding(self, release: Release) -> Option<Finding> {
        if release > LATEST && self.reason == Reason::UnknownWord {
            return None;
        }
        let finding = if self.reason == Reason::TooOld {
            let mut finding = Finding::new("server-too-old", Severity::Error, self.span, self.message);
            finding.invalid = true;
            finding
        } else {
            Finding::rejected(self.span, self.message)
        };
        let finding = match self.edit {
            Some(edit) => finding.fix(Safety::Safe, vec![edit]),
            None => finding,
        };
        Some(match self.help {
            Some(help) => finding.help(help),
            None => finding,
        })
    }
}

/// What is noted while sections are read, for when all of them are.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) findings: Vec<Finding>,
    pub(super) references: Vec<Reference>,
    /// Proxies and `peers` sections that have tables.
    pub(super) tables: HashSet<Box<str>>,
    /// `errorfiles` lines above their section: the proxy, the section, the statuses.
    pub(super) late_errorfiles: Vec<(usize, Box<str>, Vec<u16>)>,
}

impl Notes {
    /// Adds those of a section further down.
    fn append(&mut self, later: Notes) {
        self.findings.extend(later.findings);
        self.references.extend(later.references);
        self.tables.extend(later.tables);
        self.late_errorfiles.extend(later.late_errorfiles);
    }
}

/// The `defaults` sections so far.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    pub(super) last: Option<usize>,
    /// The latest one of each name.
    pub(super) named: HashMap<Arc<str>, usize>,
}

impl Defaults {
    fn add(&mut self, name: Arc<str>, index: usize) {
        self.last = Some(index);
        self.named.insert(name, index);
    }
}

/// The model while it is made.
pub(in crate::haproxy) struct Builder<'r, 'a> {
    reader: &'r mut Reader<'a>,
    pub(super) kept: Kept,
    pub(super) config: Config,
    pub(super) notes: Notes,
    /// Sections of these kinds have names of their own: the kind and the name.
    pub(super) sections: HashSet<(Box<str>, Box<str>)>,
    defaults: Defaults,
    names: RuleNames,
}

impl<'r, 'a> Builder<'r, 'a> {
    /// How many proxies are read before what they bring is put together.
    const BATCH: usize = 512;

    pub(in crate::haproxy) fn new(reader: &'r mut Reader<'a>, base: PathBuf, config: Config) -> Self {
        Builder {
            reader,
            kept: Kept::new(base),
            config,
            notes: Notes::default(),
            sections: HashSet::new(),
            defaults: Defaults::default(),
            names: RuleNames::default(),
        }
    }

    /// Reads all sections of a file.
    pub(in crate::haproxy) fn file(&mut self, tree: &Tree) {
        let statements: Vec<_> = tree.statements().collect();
        let sections: Vec<_> = statements.into_par_iter().with_min_len(Self::BATCH).filter_map(Section::new).collect();
        self.config.proxies.reserve(sections.iter().filter(|section| section.is_heir).count());
        let mut room = Vec::new();
        for run in sections.chunk_by(|one, next| one.is_heir && next.is_heir) {
            match run {
                [section] => self.section(section.directive),
                heirs => heirs.chunks(Self::BATCH).for_each(|batch| self.heirs(batch, &mut room)),
            }
        }
    }

    pub(in crate::haproxy) fn finish(self) -> (Config, Vec<Finding>) {
        (self.config, self.notes.findings)
    }

    fn section(&mut self, section: Directive<'_>) {
        if !section.is_block() {
            let message = format!("`{}` stands outside of any section", section.name());
            return self.refuse(Refused::new(section.head(), message));
        }
        match section.name() {
            "global" => self.global(section),
            "defaults" | "frontend" | "backend" | "listen" => self.proxy(section),
            "userlist" => self.userlist(section),
            "http-errors" => self.http_errors(section),
            "fcgi-app" => self.fcgi_app(section),
            "peers" => {
                self.plain_section(section, forms::PEERS);
                let name = section.arg(0).unwrap_or("");
                let tables = section.children().filter(|line| line.name() == "table").filter_map(|line| line.arg(0));
                self.notes.tables.extend(tables.map(|table| format!("{name}/{table}").into()));
            }
            "cache" => {
                self.plain_section(section, forms::CACHE);
                if !section.children().any(|line| line.name() == "total-max-size") {
                    self.refuse(Refused::new(section.head(), "a `cache` needs a `total-max-size`"));
                }
            }
            "resolvers" => self.plain_section(section, forms::RESOLVERS),
            "mailers" => self.plain_section(section, forms::MAILERS),
            "ring" => self.plain_section(section, forms::RING),
            "log-forward" => self.plain_section(section, forms::LOG_FORWARD),
            "program" if self.config.release >= Release(3, 4, 0) => {
                self.refuse(Refused::new(section.head(), "sections `program` are gone since HAProxy 3.4"));
            }
            _ => {}
        }
    }

    /// Proxies that take nothing over from one another are read side by side, but for those that need what is there for one at a time.
    fn heirs(&mut self, batch: &[Section<'_>], room: &mut Vec<Option<(Proxy, Notes)>>) {
        let (config, defaults, first) = (&self.config, &self.defaults, self.config.proxies.len());
        let read = |names: &mut RuleNames, (index, section): (usize, &Section<'_>)| {
            let mut ahead = SectionBuilder::ahead(config, defaults, first + index, names);
            let proxy = ahead.proxy(section.directive);
            Some((proxy, ahead.finish()?))
        };
        batch.par_iter().enumerate().map_init(RuleNames::default, read).collect_into_vec(room);
        for (section, read) in batch.iter().zip(room.drain(..)) {
            match read {
                Some((proxy, notes)) => {
                    self.config.proxies.push(proxy);
                    self.notes.append(notes);
                }
                None => self.proxy(section.directive),
            }
        }
    }

    fn proxy(&mut self, section: Directive<'_>) {
        let proxy = self.with_turn(|turn| turn.proxy(section));
        if proxy.role == Role::Defaults {
            self.defaults.add(Arc::clone(&proxy.name), self.config.proxies.len());
        }
        self.config.proxies.push(proxy);
    }

    /// Reads something with all that a section may draw on.
    pub(super) fn with_turn<T>(&mut self, read: impl FnOnce(&mut SectionBuilder<'_, '_>) -> T) -> T {
        let outside = Outside { reader: self.reader, kept: &mut self.kept };
        let index = self.config.proxies.len();
        let mut turn = SectionBuilder::in_turn(&self.config, &self.defaults, index, &mut self.names, outside);
        let value = read(&mut turn);
        let notes = std::mem::take(&mut turn.notes);
        self.notes.append(notes);
        value
    }

    pub(super) fn refuse(&mut self, refused: Refused) {
        self.notes.findings.extend(refused.finding(self.config.release));
    }
}

/// A statement that stands in no section: most often the header of one.
struct Section<'t> {
    directive: Directive<'t>,
    /// Whether it is a proxy from which no other one takes anything over.
    is_heir: bool,
}

impl<'t> Section<'t> {
    /// `None` for what means nothing here.
    fn new(directive: Directive<'t>) -> Option<Self> {
        let name = directive.name();
        if name.is_empty() || name.starts_with('.') || opens_nothing(directive) {
            return None;
        }
        Some(Section { directive, is_heir: directive.is_block() && matches!(name, "frontend" | "backend" | "listen") })
    }
}

/// The words of a line up to the first empty one, at which HAProxy stops reading.
pub(in crate::haproxy) fn words(line: Directive<'_>) -> Vec<Word<'_>> {
    let written = line.words();
    let mut words = Vec::with_capacity(written.len());
    let read = written.iter().map(|word| Word { text: line.tree.value(word), span: line.tree.span(word) });
    words.extend(read.take_while(|word| !word.text.is_empty()));
    words
}
