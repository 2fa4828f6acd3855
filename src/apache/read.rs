//! What httpd does while it reads its files: what is included, defined, expanded and skipped before any directive takes effect
//! (`EXEC_ON_READ` in `server/config.c`; mod_so, mod_macro, mod_version).
//!
//! The outcome is one flat list of statements in the order in which httpd walks them; a section comes before its content.

mod conditions;
mod macros;
mod modules;

pub(super) use modules::Modules;

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use self::macros::Macro;
use super::parse::{line_at, parse};
use super::words::{first, values};
use crate::finding::{Finding, Severity};
use crate::server::{Release, Task};
use crate::source::{FileId, IncludeError, Kind, Reader, SourceFile, Span};
use crate::syntax::{Directive, NodeId, SyntaxError, Tree};

/// The statements of a config after reading.
#[derive(Debug, Default)]
pub(super) struct Config {
    pub(super) trees: Vec<Arc<Tree>>,
    lines: Vec<Line>,
    pub(super) modules: Modules,
    pub(super) server_root: Option<PathBuf>,
    pub(super) findings: Vec<Finding>,
    defines: HashMap<String, String>,
    /// Whether httpd reads it with a request, long after it has started: a `.htaccess` file.
    at_runtime: bool,
}

#[derive(Debug)]
struct Line {
    tree: u32,
    node: NodeId,
    /// One past the last statement of a section.
    end: u32,
    /// Where `${NAME}` or a macro changed the text.
    text: Option<Box<Text>>,
    /// How many modules were loaded when the line was read.
    modules: u16,
}

#[derive(Debug)]
struct Text {
    name: String,
    args: String,
    /// Whether something in it is not known here.
    open: bool,
    /// The `Use` line that brought it.
    used: Option<Span>,
}

/// One statement as it takes effect.
#[derive(Clone, Copy)]
pub(super) struct Statement<'c> {
    config: &'c Config,
    index: u32,
}

impl Config {
    pub(super) fn statements(&self) -> Statements<'_> {
        Statements { config: self, next: 0, end: self.lines.len() as u32 }
    }

    /// Every statement, sections before their content.
    pub(super) fn all(&self) -> impl Iterator<Item = Statement<'_>> {
        (0..self.lines.len() as u32).map(|index| Statement { config: self, index })
    }

    /// The same for work that takes each statement by itself.
    pub(super) fn all_at_once(&self) -> impl IndexedParallelIterator<Item = Statement<'_>> {
        (0..self.lines.len() as u32).into_par_iter().map(|index| Statement { config: self, index })
    }
}

impl<'c> Statement<'c> {
    fn line(&self) -> &'c Line {
        &self.config.lines[self.index as usize]
    }

    pub(super) fn directive(&self) -> Directive<'c> {
        let line = self.line();
        self.config.trees[line.tree as usize].get(line.node)
    }

    /// The place of the statement in the order of the config.
    pub(super) fn index(&self) -> u32 {
        if self.config.at_runtime { u32::MAX } else { self.index }
    }

    pub(super) fn is_at_runtime(&self) -> bool {
        self.config.at_runtime
    }

    /// The name as written; that of a section without its `<`.
    pub(super) fn name(&self) -> &'c str {
        match &self.line().text {
            Some(text) => &text.name,
            None => self.directive().name(),
        }
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name)
    }

    pub(super) fn is_any(&self, names: &[&str]) -> bool {
        let own = self.name();
        names.iter().any(|name| own.eq_ignore_ascii_case(name))
    }

    pub(super) fn is_section(&self) -> bool {
        self.directive().is_block()
    }

    /// What stands after the name, up to the last `>` of a section's line.
    pub(super) fn raw(&self) -> Cow<'c, str> {
        match &self.line().text {
            Some(text) => Cow::Borrowed(&text.args),
            None => raw_args(self.directive()),
        }
    }

    pub(super) fn args(&self) -> Vec<Cow<'c, str>> {
        match &self.line().text {
            Some(text) => values(&text.args),
            None => self.directive().values().map(Cow::Borrowed).collect(),
        }
    }

    pub(super) fn arg(&self, index: usize) -> Option<Cow<'c, str>> {
        match &self.line().text {
            Some(text) => values(&text.args).into_iter().nth(index),
            None => self.directive().arg(index).map(Cow::Borrowed),
        }
    }

    /// The line as written, without what follows it.
    pub(super) fn span(&self) -> Span {
        self.directive().head()
    }

    /// The place of an argument; the whole line where it was put in by a definition or a macro.
    pub(super) fn arg_span(&self, index: usize) -> Span {
        match &self.line().text {
            Some(_) => self.span(),
            None => self.directive().arg_span(index).unwrap_or_else(|| self.span()),
        }
    }

    /// Whether a template or a variable of the environment decides what the line says, or whether it is there at all.
    pub(super) fn is_open(&self) -> bool {
        let directive = self.directive();
        let templated = || directive.has_template() || directive.control().is_some();
        self.line().text.as_ref().is_some_and(|text| text.open) || templated()
    }

    /// The `Use` line whose macro holds this statement.
    pub(super) fn used_by(&self) -> Option<Span> {
        self.line().text.as_ref().and_then(|text| text.used)
    }

    /// How many modules were loaded when httpd read this line.
    pub(super) fn modules_before(&self) -> usize {
        usize::from(self.line().modules)
    }

    pub(super) fn children(&self) -> Statements<'c> {
        Statements { config: self.config, next: self.index + 1, end: self.line().end }
    }
}

/// Statements that follow one another in one section.
#[derive(Clone)]
pub(super) struct Statements<'c> {
    config: &'c Config,
    next: u32,
    end: u32,
}

impl<'c> Iterator for Statements<'c> {
    type Item = Statement<'c>;

    fn next(&mut self) -> Option<Statement<'c>> {
        if self.next >= self.end {
            return None;
        }
        let found = Statement { config: self.config, index: self.next };
        self.next = found.line().end;
        Some(found)
    }
}

/// The arguments of a line as one text, continuations joined.
fn raw_args<'t>(directive: Directive<'t>) -> Cow<'t, str> {
    let text = directive.tree.source.text();
    let span = directive.span();
    let name_end = directive.name_span().end as usize;
    let rest = text.get(name_end..if directive.is_block() { text.len() } else { span.end as usize }).unwrap_or("");
    let line = rest.split('\n').next().unwrap_or("");
    // A line without a joint is a slice of the file.
    let joined = line.trim_end_matches('\r').ends_with('\\') || (!directive.is_block() && line.len() < rest.len());
    if !joined {
        return Cow::Borrowed(arguments_of(line, directive.is_block()));
    }
    let line = line_at(text, span.start);
    Cow::Owned(arguments_of(first(&line).1, directive.is_block()).to_owned())
}

/// What follows the name of a line: of a section's line only what comes before its last `>`.
fn arguments_of(rest: &str, section: bool) -> &str {
    let end = if section { rest.rfind('>').unwrap_or(rest.len()) } else { rest.len() };
    rest[..end].trim_matches(super::words::is_blank)
}

/// Reads a config from its main file.
pub(super) fn read(reader: &mut Reader<'_>, main: &[Arc<SourceFile>], task: &Task) -> Config {
    let mut parsed = HashMap::new();
    let config = read_with(reader, main, task, Modules::named(), &mut parsed);
    // Without any LoadModule line the file is a part of a config whose modules are loaded elsewhere.
    if config.modules.are_all_named() { config } else { read_with(reader, main, task, Modules::all(), &mut parsed) }
}

fn read_with(
    reader: &mut Reader<'_>,
    main: &[Arc<SourceFile>],
    task: &Task,
    modules: Modules,
    parsed: &mut HashMap<FileId, Parsed>,
) -> Config {
    let defines = reader.settings.defines.iter().map(|(name, value)| (name.clone(), value.clone().unwrap_or_default())).collect();
    let server_root = reader.settings.prefix.clone();
    let config = Config { modules, server_root, ..Config::default() };
    let release = task.target;
    let mut reading =
        Reading { reader, config, parsed, release, defines, macros: HashMap::new(), expansions: 0, used: None, told: Vec::new() };
    for file in main {
        reading.environment(file);
        reading.file(file, file.folder(), 0);
    }
    Config { defines: reading.defines, ..reading.config }
}

/// Reads a `.htaccess` file as the running server does.
pub(super) fn folder(reader: &mut Reader<'_>, file: &Arc<SourceFile>, server: &Config, release: Release) -> Config {
    let config = Config {
        modules: server.modules.clone(),
        server_root: server.server_root.clone(),
        at_runtime: true,
        ..Config::default()
    };
    let mut reading = Reading {
        reader,
        config,
        parsed: &mut HashMap::new(),
        release,
        defines: server.defines.clone(),
        macros: HashMap::new(),
        expansions: 0,
        used: None,
        told: Vec::new(),
    };
    reading.file(file, file.folder(), 0);
    reading.config
}

#[derive(Clone)]
struct Parsed {
    tree: Arc<Tree>,
    errors: Arc<Vec<SyntaxError>>,
}

struct Reading<'r, 'f> {
    reader: &'r mut Reader<'f>,
    config: Config,
    parsed: &'r mut HashMap<FileId, Parsed>,
    release: Release,
    defines: HashMap<String, String>,
    macros: HashMap<String, Macro>,
    /// How many lines macros have brought, which bounds macros that use one another.
    expansions: usize,
    used: Option<Span>,
    /// Files whose syntax errors are told already: a file may be included twice.
    told: Vec<FileId>,
}

impl Reading<'_, '_> {
    /// Sections deeper than this are left out, and the config is said to be so.
    const MAX_DEPTH: usize = 200;
    /// Lines are filled in up to this length: definitions that use one another grow without end.
    const LONGEST_LINE: usize = 1 << 16;

    /// Debian starts httpd with the variables of `envvars`, which lies beside apache2.conf.
    fn environment(&mut self, main: &Arc<SourceFile>) {
        let path = main.folder().join("envvars");
        if main.name.starts_with('<') || self.reader.files.kind(&path) != Some(Kind::File) {
            return;
        }
        let Ok(file) = self.reader.load(&path) else { return };
        for line in file.text().lines() {
            let line = line.trim();
            let line = line.strip_prefix("export ").unwrap_or(line);
            let Some((name, value)) = line.split_once('=') else { continue };
            if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                let value = value.trim_matches(['"', '\'']).replace("$SUFFIX", "").replace("${SUFFIX}", "");
                self.defines.entry(name.to_owned()).or_insert(value);
            }
        }
    }

    fn file(&mut self, file: &Arc<SourceFile>, base: &Path, depth: usize) {
        let Parsed { tree, errors } = self
            .parsed
            .entry(file.id)
            .or_insert_with(|| {
                let (tree, errors) = parse(file);
                Parsed { tree: Arc::new(tree), errors: Arc::new(errors) }
            })
            .clone();
        if !self.told.contains(&file.id) {
            self.told.push(file.id);
            self.config.findings.extend(errors.iter().map(syntax_finding));
        }
        let known = self.config.trees.iter().position(|known| known.source.id == file.id);
        let index = known.unwrap_or_else(|| {
            self.config.trees.push(Arc::clone(&tree));
            self.config.trees.len() - 1
        });
        let base = base.to_path_buf();
        for directive in tree.statements() {
            self.statement(index as u32, directive, &base, depth);
        }
    }

    fn statement(&mut self, tree: u32, directive: Directive<'_>, base: &Path, depth: usize) {
        let raw = raw_args(directive);
        let name = directive.name();
        let text = self.substitute(name, &raw);
        let (name, args) = match &text {
            Some(text) => (text.name.as_str(), Cow::Borrowed(text.args.as_str())),
            None => (name, raw),
        };
        if self.at_reading(name, &args, tree, directive, base, depth) {
            return;
        }
        self.push(tree, directive, text, base, depth);
    }

    /// Adds a statement and its content.
    fn push(&mut self, tree: u32, directive: Directive<'_>, text: Option<Box<Text>>, base: &Path, depth: usize) {
        let index = self.config.lines.len();
        let modules = self.config.modules.len().min(usize::from(u16::MAX)) as u16;
        self.config.lines.push(Line { tree, node: directive.id, end: 0, text, modules });
        if directive.is_block() {
            if depth < Self::MAX_DEPTH {
                for child in directive.children() {
                    self.statement(tree, child, base, depth + 1);
                }
            } else {
                self.too_deep(directive.head());
            }
        }
        self.config.lines[index].end = self.config.lines.len() as u32;
    }

    /// Carries out a directive that takes effect at once; false for all others.
    fn at_reading(&mut self, name: &str, args: &str, tree: u32, directive: Directive<'_>, base: &Path, depth: usize) -> bool {
        if directive.is_block() {
            if let Some(holds) = self.condition(name, args, directive) {
                // The content of a false section is skipped, that of a true one stands in its place.
                match holds {
                    true if depth >= Self::MAX_DEPTH => self.too_deep(directive.head()),
                    true => directive.children().for_each(|child| self.statement(tree, child, base, depth + 1)),
                    false => {}
                }
                return true;
            }
            if name.eq_ignore_ascii_case("Macro") && self.config.modules.has("macro") {
                self.define_macro(args, tree, directive);
                return true;
            }
            return false;
        }
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if self.config.at_runtime && !is("Define") && !is("UnDefine") {
            return false;
        }
        match name.as_bytes().first().map(u8::to_ascii_lowercase) {
            Some(b'i') if is("Include") || is("IncludeOptional") => {
                self.include(args, is("IncludeOptional"), directive, base, depth)
            }
            Some(b'l') if is("LoadModule") => self.load_module(args, tree, directive, base, depth),
            Some(b'd') if is("Define") => self.define(args, directive),
            Some(b'u') if is("UnDefine") => {
                if let [name] = &values(args)[..] {
                    self.defines.remove(&**name);
                }
            }
            Some(b'u') if (is("Use") || is("UndefMacro")) && !self.config.modules.has("macro") => return false,
            Some(b'u') if is("Use") => self.use_macro(args, tree, directive, base, depth),
            Some(b'u') if is("UndefMacro") => {
                if self.macros.remove(&args.trim().to_ascii_lowercase()).is_none() && self.config.modules.are_known() {
                    let message = format!("`UndefMacro`: there is no macro `{}`", args.trim());
                    self.config.findings.push(Finding::rejected(directive.head(), message));
                }
            }
            Some(b's') if is("ServerRoot") => {
                if let [root] = &values(args)[..] {
                    let place = self.reader.place(root, base);
                    if self.reader.settings.prefix.is_none() {
                        self.config.server_root = Some(place);
                    }
                }
                return false;
            }
            _ => return false,
        }
        true
    }

    fn load_module(&mut self, args: &str, tree: u32, directive: Directive<'_>, base: &Path, depth: usize) {
        if let [name, ..] = &values(args)[..] {
            self.config.modules.load(name);
        }
        let text = self.substitute(directive.name(), &raw_args(directive));
        self.push(tree, directive, text, base, depth);
    }

    fn define(&mut self, args: &str, directive: Directive<'_>) {
        match &values(args)[..] {
            [name, ..] if name.contains(':') => {
                let message = "the name that `Define` gives must not hold a colon";
                self.config.findings.push(Finding::rejected(directive.head(), message));
            }
            [name] => _ = self.defines.insert(name.to_string(), String::new()),
            [name, value] => _ = self.defines.insert(name.to_string(), value.to_string()),
            _ if directive.has_template() => {}
            _ => self.config.findings.push(Finding::rejected(directive.head(), "`Define` takes a name and perhaps a value")),
        }
    }

    /// Relative paths start at ServerRoot; without one, at the folder of the main file.
    fn root<'p>(&'p self, base: &'p Path) -> &'p Path {
        self.config.server_root.as_deref().unwrap_or(base)
    }

    fn include(&mut self, args: &str, optional: bool, directive: Directive<'_>, base: &Path, depth: usize) {
        let [path] = &values(args)[..] else {
            self.config.findings.push(Finding::rejected(directive.head(), format!("`{}` takes one path", directive.name())));
            return;
        };
        if directive.has_template() || path.contains("${") {
            return;
        }
        let root = self.root(base).to_path_buf();
        let found = match self.reader.find(path, &root) {
            Ok(found) => found,
            Err(error) => return self.include_failed(&error, optional, directive),
        };
        if found.is_empty() && !optional {
            // Where the folder before the first wildcard is at hand, the files should be as well.
            let fixed =
                path.split(['*', '?', '[']).next().and_then(|fixed| fixed.rsplit_once('/')).map_or(".", |(fixed, _)| fixed);
            let inside = self.reader.find(fixed, &root).is_ok();
            let place = self.reader.place(path, &root);
            self.include_failed(&IncludeError::Missing { path: place, inside }, optional, directive);
        }
        for path in found {
            self.include_path(&path, optional, directive, base, depth, 0);
        }
    }

    /// A folder brings all files below it, in the order of their names (`ap_process_resource_config`).
    fn include_path(&mut self, path: &Path, optional: bool, directive: Directive<'_>, base: &Path, depth: usize, level: usize) {
        if self.reader.files.kind(path) == Some(Kind::Folder) {
            if level < Reader::MAX_DEPTH {
                let folder = escape_glob(&path.to_string_lossy());
                let mut inside = self.reader.files.glob(&format!("{folder}/*"));
                inside.extend(self.reader.files.glob(&format!("{folder}/.*")));
                inside.sort();
                for inner in inside {
                    self.include_path(&inner, optional, directive, base, depth, level + 1);
                }
            }
            return;
        }
        match self.reader.open(path) {
            Ok(file) => {
                self.file(&file, base, depth + 1);
                self.reader.close();
            }
            Err(error) => self.include_failed(&error, optional, directive),
        }
    }

    fn include_failed(&mut self, error: &IncludeError, optional: bool, directive: Directive<'_>) {
        let severity = match error {
            IncludeError::Missing { .. } | IncludeError::Outside { .. } if optional => return,
            IncludeError::Missing { inside: true, .. } => Severity::Warning,
            IncludeError::Missing { .. } | IncludeError::Outside { .. } => Severity::Info,
            _ => Severity::Warning,
        };
        let mut finding = Finding::new("include-missing", severity, directive.head(), error.to_string());
        finding.invalid = matches!(error, IncludeError::Missing { inside: true, .. }) && directive.control().is_none();
        self.config.findings.push(finding.help("httpd refuses to start without the file; `IncludeOptional` does not"));
    }

    fn too_deep(&mut self, span: Span) {
        let message = format!("sections nested more than {} deep are not read", Self::MAX_DEPTH);
        self.config.findings.push(Finding::new("syntax-error", Severity::Warning, span, message));
    }

    /// The line with its `${NAME}` filled in, or `None` where it has none (`ap_resolve_env`).
    fn substitute(&self, name: &str, args: &str) -> Option<Box<Text>> {
        let used = self.used;
        // Most lines are settled by the sign alone.
        if !args.contains('$') && !name.contains('$') {
            return None;
        }
        if !args.contains("${") && !name.contains("${") {
            return None;
        }
        let mut open = false;
        let args = self.fill(args, &mut open);
        let name = self.fill(name, &mut open);
        Some(Box::new(Text { name, args, open, used }))
    }

    fn fill(&self, text: &str, open: &mut bool) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if filled.len() > Self::LONGEST_LINE {
                *open = true;
                break;
            }
            let Some(length) = rest[start..].find('}') else { break };
            let name = &rest[start + 2..start + length];
            filled.push_str(&rest[..start]);
            match self.defines.get(name) {
                Some(value) => filled.push_str(value),
                // httpd leaves an undefined name as it stands; but it may be defined where the server is started.
                None => {
                    *open |= !name.contains(':');
                    filled.push_str(&rest[start..=start + length]);
                }
            }
            rest = &rest[start + length + 1..];
        }
        filled + rest
    }
}

pub(super) fn escape_glob(path: &str) -> String {
    path.chars().map(|c| if matches!(c, '*' | '?' | '[' | ']') { format!("[{c}]") } else { c.to_string() }).collect()
}

fn syntax_finding(error: &SyntaxError) -> Finding {
    let severity = if error.fatal { Severity::Error } else { Severity::Info };
    let finding = Finding { invalid: error.fatal, ..Finding::new("syntax-error", severity, error.span, error.message.clone()) };
    match &error.help {
        Some(help) => finding.help(help.clone()),
        None => finding,
    }
}
