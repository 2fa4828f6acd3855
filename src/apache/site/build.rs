//! Walks over the statements of a config and hands each to the module that understands it (`ap_walk_config`).

mod access;
mod directory;
mod hosts;
mod htaccess;
mod mapping;
mod server;
mod serving;
mod wording;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rayon::prelude::*;

use super::super::candidates::Values;
use super::super::read::{Config, Statement};
use super::super::words::values;
use super::htaccess::Allowed;
use super::methods::Registry;
use super::patterns::Patterns;
use super::proxy::Balancer;
use super::rewrite::Cond;
use super::section::DirConfig;
use super::security::Security;
use super::vhost::Hosts;
use super::{ApacheSite, Context, Listen, Server};
use crate::finding::Finding;
use crate::http::{MethodSet, Universe};
use crate::server::Task;
use crate::source::{Reader, SourceFile};

/// Builds the site of a config that was read.
pub(in crate::apache) fn build(reader: &mut Reader<'_>, mut config: Config, main: &[Arc<SourceFile>], task: &Task) -> ApacheSite {
    let folder_config = main.first().filter(|file| file.path.file_name().is_some_and(|name| name == ".htaccess"));
    let folders = match folder_config {
        Some(_) => BTreeMap::new(),
        None => htaccess::find(reader, &config, task.target),
    };
    let names: BTreeSet<String> = std::iter::once(&config).chain(folders.values()).flat_map(named_methods).collect();
    let universe = Universe::new(names.iter().map(String::as_str).chain(task.methods.iter().map(String::as_str)));
    let registry = registry(&config, &universe);
    let mut builder = Builder::new(reader, &config, &universe, &registry);
    match folder_config {
        Some(file) => builder.lone_htaccess(&config, file.folder()),
        None => builder.server(config.statements(), 0),
    }
    builder.virtual_hosts();
    builder.finish_hosts();
    builder.inherit_rewrite();
    let read = |(path, config): (&String, &Config)| (path.clone(), builder.folder(path, config, task.target));
    let read_folders = folders.iter().map(read).collect();
    let Builder { context, mut servers, hosts, balancers, listens, .. } = builder;
    let (security, policies) = Security::new(servers.iter_mut().map(|server| server.defaults.security.take()).collect());
    let mut findings = context.findings;
    findings.extend(policies);
    findings.append(&mut config.findings);
    let mut site = ApacheSite {
        trees: config.trees.iter().cloned().chain(folders.into_values().flat_map(|folder| folder.trees)).collect(),
        is_htaccess: folder_config.is_some(),
        config,
        release: task.target,
        universe,
        registry,
        servers,
        hosts,
        balancers,
        listens,
        findings,
        candidates: Values::default(),
        security,
        folders: read_folders,
    };
    site.candidates = Values::of(&site);
    site
}

/// Names of variables that hold the method, and of the one that lists methods for ModSecurity's core rules.
const SPEAKS_OF_METHODS: &[&str] = &["allowed_methods", "REQUEST_METHOD", "Request_Method", "THE_REQUEST", "request_method"];

/// Tokens that the config takes for methods, besides the registered ones.
fn named_methods(config: &Config) -> BTreeSet<String> {
    let named = config.all_at_once().with_min_len(1024).fold(BTreeSet::new, |mut names, statement| {
        name_methods(statement, &mut names);
        names
    });
    named.reduce(BTreeSet::new, |mut names, more| {
        names.extend(more);
        names
    })
}

fn name_methods(statement: Statement<'_>, names: &mut BTreeSet<String>) {
    let is_token = |word: &str| {
        !word.is_empty() && word.len() < 40 && word.bytes().all(|c| c.is_ascii_alphabetic() || c == b'-' || c == b'_')
    };
    if statement.is_any(&["Limit", "LimitExcept", "AllowMethods", "RegisterHttpMethod", "Script"]) {
        names.extend(statement.args().into_iter().map(|word| word.into_owned()).filter(|word| word.len() < 60));
    } else if statement.is("Require") {
        let args = statement.args();
        if args.iter().take(2).any(|word| word.eq_ignore_ascii_case("method")) {
            names.extend(args.into_iter().map(|word| word.into_owned()));
        }
    }
    let raw = statement.raw();
    if raw.contains('_') && SPEAKS_OF_METHODS.iter().any(|name| raw.contains(name)) {
        let words = raw.split(|c: char| !(c.is_ascii_alphabetic() || c == '-' || c == '_'));
        let upper = |word: &&str| {
            word.len() > 2 && is_token(word) && !word.contains('_') && !word.bytes().any(|c| c.is_ascii_lowercase())
        };
        names.extend(words.filter(upper).map(str::to_owned));
    }
}

/// The methods that the config registers, in the order of its statements.
fn registry(config: &Config, universe: &Universe) -> Registry {
    let mut names: Vec<_> = config.all_at_once().with_min_len(1024).flat_map_iter(registered).collect();
    if config.modules.are_known() && config.modules.has("dav") {
        names.extend(["BIND", "SEARCH"].map(|name| (name.to_owned(), u32::MAX)));
    }
    Registry::new(universe, names.iter().map(|(name, statement)| (name.as_str(), *statement)))
}

/// The methods that one statement registers, and since which place.
fn registered(statement: Statement<'_>) -> impl Iterator<Item = (String, u32)> {
    let most = match statement.is("Script") {
        true => 1,
        false if statement.is_any(&["Limit", "LimitExcept", "RegisterHttpMethod"]) => usize::MAX,
        false => 0,
    };
    let names = if most == 0 { Vec::new() } else { statement.args() };
    names.into_iter().take(most).map(move |name| (name.into_owned(), statement.index()))
}

struct Builder<'c> {
    reader: &'c Reader<'c>,
    context: Context<'c>,
    /// The main server, then virtual hosts.
    servers: Vec<Server>,
    /// Virtual hosts that are yet to be read.
    waiting: Vec<Statement<'c>>,
    hosts: Hosts,
    /// The addresses of each virtual host, until its names are known.
    addresses: Vec<(usize, Vec<String>)>,
    balancers: HashMap<String, Balancer>,
    listens: Vec<Listen>,
    /// What the `.htaccess` file that is read may say.
    allowed: Allowed,
}

/// Where a directive stands.
#[derive(Clone, Copy)]
struct Place<'p> {
    server: usize,
    /// The path of the section, `None` outside of all sections.
    path: Option<&'p str>,
    kind: Kind,
    /// The methods that `Limit` and `LimitExcept` leave.
    limited: MethodSet,
    depth: usize,
}

/// The section that is read, and what its statements need of one another.
struct Within<'w, 'p> {
    config: &'w mut DirConfig,
    place: Place<'p>,
    /// The conditions that wait for the next rule.
    conds: &'w mut Vec<Cond>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Server,
    Directory,
    Location,
    Files,
    Proxy,
    If,
    Htaccess,
}

impl<'c> Builder<'c> {
    fn new(reader: &'c Reader<'c>, config: &'c Config, universe: &'c Universe, registry: &'c Registry) -> Self {
        Builder {
            reader,
            context: Context { config, universe, registry, patterns: Patterns::default(), findings: Vec::new() },
            servers: vec![Server::default()],
            waiting: Vec::new(),
            hosts: Hosts::default(),
            addresses: Vec::new(),
            balancers: HashMap::new(),
            listens: Vec::new(),
            allowed: Allowed::all(),
        }
    }

    /// Says that httpd would refuse a statement; under a template's condition nothing is certain.
    fn refuse(&mut self, statement: Statement<'_>, message: impl Into<String>) {
        if !statement.is_open() {
            self.context.findings.push(Finding::rejected(statement.span(), message));
        }
    }
}

/// The argument of a section that takes one path, and whether `~` makes it a regular expression.
fn section_path(raw: &str) -> Option<(String, bool)> {
    match &values(raw)[..] {
        [tilde, path] if tilde == "~" => Some((path.to_string(), true)),
        [path] => Some((path.to_string(), false)),
        _ => None,
    }
}
