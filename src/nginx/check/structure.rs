//! Each statement against the directive table: known, allowed here, with a block or without, with enough arguments
//! (`ngx_conf_handler`); and how often it may stand in a level.

use std::collections::HashMap;

use super::{Checker, both_present};
use crate::finding::{Finding, Severity};
use crate::grammar::{Arity, Entry, NGINX};
use crate::nginx::site::Place;
use crate::syntax::{Directive, Quote};

/// Where a statement stands.
#[derive(Clone, Copy)]
pub(super) struct Level<'d> {
    /// As the directive table calls it.
    pub context: &'static str,
    /// The block; none at the top of a file.
    pub block: Option<Directive<'d>>,
    /// The innermost location around, itself included.
    pub location: Option<Directive<'d>>,
    depth: usize,
}

/// Blocks nest no deeper in any sane config; deeper ones are not checked.
const MAX_DEPTH: usize = 64;

impl<'d> Checker<'d> {
    pub(super) fn structure(&mut self) {
        let context = match self.place {
            Place::Main => "main",
            Place::Http => "http",
            Place::Server => "server",
            Place::Location => "location",
            Place::Stream => "stream",
        };
        let document = self.document;
        let top: Vec<_> = document.statements().collect();
        self.sections(&top);
        let mut open = vec![(Level { context, block: None, location: None, depth: 0 }, top)];
        while let Some((level, statements)) = open.pop() {
            self.level(level, &statements);
            for statement in &statements {
                if let Some(inner) = inner_level(level, *statement) {
                    if inner.depth > MAX_DEPTH {
                        self.remark(
                            "config-rejected",
                            Severity::Warning,
                            statement.head(),
                            format!("blocks nest more than {MAX_DEPTH} deep; what is below is not checked"),
                            "flatten the blocks",
                        );
                        continue;
                    }
                    open.push((inner, document.inside(*statement).collect()));
                }
            }
        }
    }

    /// A whole config needs `events { }`.
    fn sections(&mut self, top: &[Directive<'d>]) {
        let has = |name: &str| top.iter().any(|one| one.name() == name && one.is_block());
        let complete = self.place == Place::Main && !self.is_template && self.document.findings.is_empty();
        if let (true, false, Some(http)) = (complete, has("events"), top.iter().find(|one| one.name() == "http")) {
            // nginx does not start with it; but then nobody runs it as it stands, and it is a piece or an example.
            let finding = Finding::rejected(http.name_span(), "the config has no `events` block").help("add `events { }`");
            self.add(Finding { severity: Severity::Info, ..finding });
        }
    }

    fn level(&mut self, level: Level<'d>, statements: &[Directive<'d>]) {
        let mut once: HashMap<&str, Directive<'d>> = HashMap::new();
        for statement in statements {
            if self.entry(level, *statement) {
                self.values(level, *statement);
            }
            let name = statement.name();
            if !NGINX.find(name).any(|entry| entry.once && entry.allowed_in(level.context)) {
                continue;
            }
            match once.get(name) {
                Some(first) if both_present(*first, *statement) => {
                    self.add_repeat(*first, *statement, format!("`{name}` is duplicate"), "remove one of them");
                }
                Some(_) => {}
                None => _ = once.insert(name, *statement),
            }
        }
        self.blocks(level, statements);
    }

    /// Gives false where nothing more can be said about the statement.
    fn entry(&mut self, level: Level<'d>, statement: Directive<'d>) -> bool {
        let Some(name) = statement.words().first() else { return false };
        if name.template {
            return false;
        }
        let name = statement.name();
        let entries: Vec<&Entry> = NGINX.find(name).collect();
        if entries.is_empty() {
            self.unknown(level, statement);
            return false;
        }
        let here: Vec<_> = entries.iter().copied().filter(|entry| entry.allowed_in(level.context)).collect();
        if here.is_empty() {
            if entries.iter().all(|entry| entry.module == "gone") {
                self.gone(statement, entries[0]);
            } else {
                self.misplaced(level, statement, &entries);
            }
            return false;
        }
        let Some(entry) = here.iter().find(|entry| entry.known_to(self.target)) else {
            self.gone(statement, here[0]);
            return false;
        };
        // A piece may be meant for `upstream`, whose servers are no blocks.
        let is_piece = self.place != Place::Main && level.block.is_none();
        if is_piece && entries.iter().any(|entry| entry.block == statement.is_block()) && entry.block != statement.is_block() {
            return false;
        }
        self.shape(statement, entry)
    }

    fn unknown(&mut self, level: Level<'d>, statement: Directive<'d>) {
        let name = statement.name();
        if ["else", "elseif", "elsif", "elif"].contains(&name) {
            let help = "use a `map`, or set a variable in several `if`s";
            return self.reject_with(statement.head(), format!("nginx knows no `{name}`"), help);
        }
        if name.chars().any(|sign| sign.is_control() || !sign.is_ascii()) {
            let help = "a blank that is none, or a letter that only looks like one, is part of the name";
            return self.reject_with(statement.name_span(), "this is no name of a directive", help);
        }
        self.has_strangers = true;
        let here = NGINX.suggest_among(name, |entry| entry.allowed_in(level.context));
        let Some(meant) = here.or_else(|| NGINX.suggest(name)) else { return };
        let typo = strsim::osa_distance(&name.to_ascii_lowercase(), meant) <= 1;
        let severity = if typo { Severity::Error } else { Severity::Warning };
        let message = format!("`{name}` is no directive that nginx knows");
        let mut finding = Finding::new("unknown-directive", severity, statement.name_span(), message);
        // Another module might bring the name, but hardly one that is so close to nginx's own.
        finding.invalid = typo && !self.has_modules;
        self.add(finding.help(format!("did you mean `{meant}`?")));
    }

    fn gone(&mut self, statement: Directive<'d>, entry: &Entry) {
        let (name, target) = (statement.name(), self.target);
        let (message, help) = match (entry.since.filter(|since| *since > target), entry.until) {
            (Some(since), _) => (
                format!("nginx {target} does not know `{name}`, which came with {since}"),
                format!("use nginx {since} or later, or do without it"),
            ),
            (None, Some(until)) => {
                (format!("nginx {target} does not know `{name}`, which was last in {until}"), "remove it".to_owned())
            }
            (None, None) => return,
        };
        let mut finding = Finding::new("server-too-old", Severity::Error, statement.name_span(), message).help(help);
        finding.invalid = true;
        self.add(finding);
    }

    fn misplaced(&mut self, level: Level<'d>, statement: Directive<'d>, entries: &[&Entry]) {
        // A fragment may be meant for another place than the one it was taken for, and so may the parts of a template.
        if (self.place != Place::Main || self.is_template) && level.block.is_none() {
            return;
        }
        let name = statement.name();
        let mut places: Vec<_> = entries.iter().flat_map(|entry| entry.contexts).map(|context| words(context)).collect();
        places.dedup();
        let message = format!("`{name}` is not allowed {}", inside(level.context));
        let help = format!("it may stand in {}", places.join(", "));
        let mut finding = Finding::rejected(statement.head(), message).help(help);
        if let Some(block) = level.block {
            finding = finding.related(block.head(), "in this block");
        }
        self.add(finding);
    }

    /// Whether it has a block, and how many arguments.
    fn shape(&mut self, statement: Directive<'d>, entry: &Entry) -> bool {
        let name = statement.name();
        let is_raw = statement.words().last().is_some_and(|word| word.quote == Quote::Raw);
        if entry.block != statement.is_block() && !is_raw {
            let (message, help) = if entry.block {
                (format!("`{name}` has no opening `{{`"), "it needs a block")
            } else {
                (format!("`{name}` is not terminated by `;`"), "it takes no block")
            };
            self.reject_with(statement.head(), message, help);
            return false;
        }
        if statement.has_template() {
            return true;
        }
        let count = statement.args().len();
        if !entry.arity.takes(count) {
            let message = format!("`{name}` has {count} argument{}", if count == 1 { "" } else { "s" });
            self.reject_with(statement.head(), message, format!("it takes {}", entry.arity));
            return false;
        }
        let value = statement.arg(0).unwrap_or("");
        let is_switch = value.eq_ignore_ascii_case("on") || value.eq_ignore_ascii_case("off");
        if entry.arity == Arity::Flag && !is_switch {
            self.reject(statement.head(), format!("the value of `{name}` must be `on` or `off`"));
            return false;
        }
        if let Some(kind) = entry.value {
            self.typed(statement, kind);
        }
        true
    }
}

/// The level that a block opens; none where its content is no directives.
fn inner_level<'d>(level: Level<'d>, block: Directive<'d>) -> Option<Level<'d>> {
    if !block.is_block() {
        return None;
    }
    let context = match (level.context, block.name()) {
        ("main", "events") => "events",
        ("main", "http") => "http",
        ("main", "mail") => "mail",
        ("main", "stream") => "stream",
        ("http", "server") => "server",
        ("http", "upstream") => "upstream",
        ("mail", "server") => "mail-server",
        ("stream", "server") => "stream-server",
        ("stream", "upstream") => "stream-upstream",
        ("server" | "location", "location") => "location",
        ("location", "limit_except") => "limit_except",
        ("server", "if") => "if-in-server",
        ("location", "if") => "if-in-location",
        _ => return None,
    };
    let location = if context == "location" { Some(block) } else { level.location };
    Some(Level { context, block: Some(block), location, depth: level.depth + 1 })
}

fn inside(context: &str) -> String {
    match context {
        "main" => "outside of all blocks".to_owned(),
        "if-in-server" => "in an `if` of a server".to_owned(),
        "if-in-location" => "in an `if` of a location".to_owned(),
        context => format!("in `{}`", context.trim_start_matches("stream-").trim_start_matches("mail-")),
    }
}

fn words(context: &str) -> String {
    match context {
        "main" => "the top of the config".to_owned(),
        "if-in-server" => "`if` of a server".to_owned(),
        "if-in-location" => "`if` of a location".to_owned(),
        context => format!("`{context}`"),
    }
}
