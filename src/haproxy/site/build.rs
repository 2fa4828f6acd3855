//! Reads the sections of a config in load order into the model, and notes what HAProxy would refuse.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::Config;
use super::acl::CriterionId;
use super::action::Reach;
use super::capture::Slot;
use super::forms;
use super::maps::{self, Content, Map};
use super::proxy::Role;
use super::references::{Named, Reference};
use super::sample::Files;
use crate::finding::{Edit, Finding, Safety, Severity};
use crate::server::Release;
use crate::source::{Reader, SourceFile, Span};
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
}

/// What the section at hand says so far about keeping the request line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Capture {
    pub(super) wanted: bool,
    /// Whether a sample of it needs HTTP, with which any sample in a log format asks for the request line as well.
    pub(super) needs_http: bool,
}

/// The model while it is made.
pub(in crate::haproxy) struct Builder<'r, 'a> {
    pub(super) reader: &'r mut Reader<'a>,
    pub(super) base: PathBuf,
    pub(super) config: Config,
    pub(super) findings: Vec<Finding>,
    /// Criteria of predefined ACLs, which all sections share.
    pub(super) predefined: HashMap<Box<str>, CriterionId>,
    pub(super) names: HashSet<Arc<str>>,
    /// Sections of these kinds have names of their own: the kind and the name.
    pub(super) sections: HashSet<(Box<str>, Box<str>)>,
    maps: HashMap<(Box<str>, Box<str>), Arc<Map>>,
    elsewhere: HashSet<Box<str>>,
    pub(super) references: Vec<Reference>,
    /// Proxies and `peers` sections that have tables.
    pub(super) tables: HashSet<Box<str>>,
    /// Where the samples of the line at hand are looked up.
    pub(super) reach: Reach,
    /// The kind of the section that is being read.
    pub(super) role: Role,
    /// Whether it is in HTTP mode so far.
    pub(super) http: bool,
    pub(super) capture: Capture,
    /// The slots for captures of the section so far.
    pub(super) slots: Vec<Slot>,
    /// The line that is being read.
    pub(super) place: Option<Span>,
    /// The index of the latest `defaults` section.
    pub(super) last_defaults: Option<usize>,
    /// The latest `defaults` section of each name.
    pub(super) defaults: HashMap<Arc<str>, usize>,
    /// The servers of the section at hand.
    pub(super) server_names: HashSet<Arc<str>>,
    /// How many names were compared to guess what was meant.
    compared: Cell<usize>,
    /// `errorfiles` lines above their section: the proxy, the section, the statuses.
    pub(super) late_errorfiles: Vec<(usize, Box<str>, Vec<u16>)>,
}

impl<'r, 'a> Builder<'r, 'a> {
    pub(in crate::haproxy) fn new(reader: &'r mut Reader<'a>, base: PathBuf, config: Config) -> Self {
        Builder {
            reader,
            base,
            config,
            findings: Vec::new(),
            predefined: HashMap::new(),
            names: HashSet::new(),
            sections: HashSet::new(),
            maps: HashMap::new(),
            elsewhere: HashSet::new(),
            references: Vec::new(),
            tables: HashSet::new(),
            reach: Reach::Any,
            role: Role::Defaults,
            http: false,
            capture: Capture::default(),
            slots: Vec::new(),
            place: None,
            last_defaults: None,
            defaults: HashMap::new(),
            server_names: HashSet::new(),
            compared: Cell::new(0),
            late_errorfiles: Vec::new(),
        }
    }

    /// Reads all sections of a file.
    pub(in crate::haproxy) fn file(&mut self, tree: &Tree) {
        // Hardly a line has more than one condition.
        self.config.criteria.reserve(tree.len() / 2);
        self.config.acls.reserve(tree.len() / 2);
        for statement in tree.statements() {
            if statement.name().starts_with('.') || words(statement).is_empty() {
                continue;
            }
            if statement.is_block() {
                self.section(statement);
            } else {
                let message = format!("`{}` stands outside of any section", statement.name());
                self.refuse(Refused::new(statement.head(), message));
            }
        }
    }

    pub(in crate::haproxy) fn finish(self) -> (Config, Vec<Finding>) {
        (self.config, self.findings)
    }

    fn section(&mut self, section: Directive<'_>) {
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
                self.tables.extend(tables.map(|table| format!("{name}/{table}").into()));
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

    /// The names among which the one that was meant is looked for, as long as this does not take too long.
    pub(super) fn guessed<'n>(&self, names: impl Iterator<Item = &'n str>, count: usize) -> impl Iterator<Item = &'n str> {
        const MOST_COMPARED: usize = 1 << 16;
        let compared = self.compared.get().saturating_add(count);
        self.compared.set(compared);
        names.take(if compared < MOST_COMPARED { count } else { 0 })
    }

    pub(super) fn refuse(&mut self, refused: Refused) {
        if self.config.release > LATEST && refused.reason == Reason::UnknownWord {
            return;
        }
        let finding = if refused.reason == Reason::TooOld {
            let mut finding = Finding::new("server-too-old", Severity::Error, refused.span, refused.message);
            finding.invalid = true;
            finding
        } else {
            Finding::rejected(refused.span, refused.message)
        };
        let finding = match refused.edit {
            Some(edit) => finding.fix(Safety::Safe, vec![edit]),
            None => finding,
        };
        self.findings.push(match refused.help {
            Some(help) => finding.help(help),
            None => finding,
        });
    }

    pub(super) fn too_old(&mut self, span: Span, message: String) {
        self.findings.push(Finding::new("server-too-old", Severity::Warning, span, message));
    }

    /// Notes a file that lies where the linted tree does not reach, once.
    pub(super) fn elsewhere(&mut self, span: Span, path: &str) {
        if self.elsewhere.insert(path.into()) {
            let message = format!("`{path}` is not read here, so what it holds is an assumption");
            let finding = Finding::new("include-missing", Severity::Info, span, message);
            self.findings.push(finding.help("lint where the file lies, or name its folder with `--root`"));
        }
    }

    /// A file that must be there; `None` where it lies elsewhere.
    pub(super) fn file_at(&mut self, path: &str, span: Span) -> Result<Option<Arc<SourceFile>>, Refused> {
        let base = self.base.clone();
        match maps::read(self.reader, path, &base) {
            Content::Text(file) => Ok(Some(file)),
            Content::Elsewhere => {
                self.elsewhere(span, path);
                Ok(None)
            }
            Content::Missing(missing) => Err(Refused::new(span, format!("there is no file `{}`", missing.display()))),
        }
    }

    pub(super) fn needed_file(&mut self, path: &Word<'_>) -> Result<Option<Arc<SourceFile>>, Refused> {
        self.file_at(path.text, path.span)
    }
}

impl Files for Builder<'_, '_> {
    fn map(&mut self, path: &str, matching: &str) -> Arc<Map> {
        let key = (path.into(), matching.into());
        if let Some(known) = self.maps.get(&key) {
            return Arc::clone(known);
        }
        let span = self.place.unwrap_or(Span::new(crate::source::FileId(0), 0..0));
        let content = match self.file_at(path, span) {
            Ok(content) => content,
            Err(refused) => {
                self.refuse(refused);
                None
            }
        };
        let map = Arc::new(Map::new(matching, content.as_ref().map(|file| file.text())));
        self.maps.insert(key, Arc::clone(&map));
        map
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

/// The words of a line up to the first empty one, at which HAProxy stops reading.
pub(in crate::haproxy) fn words(line: Directive<'_>) -> Vec<Word<'_>> {
    let words = line.words().iter().map(|word| Word { text: line.tree.value(word), span: line.tree.span(word) });
    words.take_while(|word| !word.text.is_empty()).collect()
}
