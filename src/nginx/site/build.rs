//! Tree to [`Model`]: reads the blocks in the order and with the meaning that nginx gives them.

pub(in crate::nginx) mod directives;
mod rewrites;
mod tables;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::*;
use crate::grammar::NGINX;
use crate::nginx::document::Document;
use crate::pattern::{Pattern, Patterns};
use crate::syntax::{Directive, Word};

/// Locations nest no deeper in any sane config; deeper ones are left out.
const MAX_NESTING: usize = 48;

/// What the statements outside of all blocks are meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Place {
    /// A whole config with `http { }`.
    Main,
    /// A file for `http { include … }`.
    Http,
    /// A file for `server { include … }`.
    Server,
    /// A file for `location { include … }`.
    Location,
    /// A file for `stream { include … }`, which knows no requests.
    Stream,
}

pub(in super::super) fn build(document: &Document, universe: Universe, prefix: String) -> Model {
    let model = Model {
        scopes: Vec::new(),
        servers: Vec::new(),
        variables: Variables::default(),
        groups: HashMap::new(),
        place: place(document),
        methods: Methods::new(&universe),
        universe,
        prefix,
        folder: document.folder.display().to_string(),
        literal_hosts: HashSet::new(),
        has_resolver: false,
        security: Security::default(),
        memcached_key: None,
        passwords: HashMap::new(),
        zones: HashMap::new(),
        bodies: Bodies::default(),
    };
    let mut builder = Builder { document, model, shouted: shouted_variables(document), patterns: Patterns::default() };
    builder.file(builder.model.place);
    builder.model
}

/// Where a file without `http { }` would be included, told from what stands in it.
fn place(document: &Document) -> Place {
    if document.is_whole() {
        return Place::Main;
    }
    let names: Vec<_> = document.statements().map(|statement| statement.name()).collect();
    let any = |wanted: &[&str]| names.iter().any(|name| wanted.contains(name));
    if is_of_streams(document) {
        return Place::Stream;
    }
    if any(&["server", "upstream", "map", "geo", "split_clients", "log_format", "limit_req_zone", "proxy_cache_path"]) {
        Place::Http
    } else if any(&["location", "server_name", "listen", "ssl_certificate"]) {
        Place::Server
    } else if any(&["limit_except", "alias", "internal"])
        || names.iter().any(|name| name.ends_with("_pass"))
        || has_location_if(document)
    {
        Place::Location
    } else if any(&["if", "return", "rewrite", "try_files"]) {
        Place::Server
    } else {
        Place::Http
    }
}

/// Whether the servers of a fragment hold what only those of streams may, and nothing that only those of http may.
fn is_of_streams(document: &Document) -> bool {
    let servers = document.statements().filter(|statement| statement.name() == "server" && statement.is_block());
    let inside: Vec<_> = servers.flat_map(|server| document.inside(server)).collect();
    let only = |here: &str, not: &str| inside.iter().any(|one| stands_only(one.name(), here, not));
    only("stream-server", "server") && !only("server", "stream-server")
}

/// Whether an `if` holds what may only stand in one of a location, such as `add_header`.
fn has_location_if(document: &Document) -> bool {
    let ifs = document.statements().filter(|statement| statement.name() == "if");
    ifs.flat_map(|block| document.inside(block)).any(|one| stands_only(one.name(), "if-in-location", "if-in-server"))
}

fn stands_only(name: &str, here: &str, not: &str) -> bool {
    let is_in = |context| NGINX.find(name).any(|entry| entry.allowed_in(context));
    is_in(here) && !is_in(not)
}

/// Names in capitals are a template's, unless the config itself defines them.
fn shouted_variables(document: &Document) -> HashSet<String> {
    let defining = |name: &str| matches!(name, "set" | "map" | "geo" | "split_clients" | "auth_request_set");
    let statements = document.trees.iter().flat_map(|tree| tree.all()).filter(|one| defining(one.name()));
    let names = statements.flat_map(|one| one.values().filter_map(|value| value.strip_prefix('$')).collect::<Vec<_>>());
    names.filter(|name| name.contains(|sign: char| sign.is_ascii_uppercase())).map(str::to_owned).collect()
}

struct Builder<'d> {
    document: &'d Document,
    model: Model,
    shouted: HashSet<String>,
    patterns: Patterns,
}

impl<'d> Builder<'d> {
    fn file(&mut self, place: Place) {
        let statements: Vec<_> = self.document.statements().collect();
        match place {
            Place::Main => {
                for block in statements.into_iter().filter(|one| one.name() == "http" && one.is_block()) {
                    let inside: Vec<_> = self.document.inside(block).collect();
                    self.http(&inside, block.head());
                }
            }
            Place::Stream => {}
            Place::Http => {
                let Some(span) = whole(&statements) else { return };
                self.http(&statements, span);
            }
            Place::Server => {
                let Some(span) = whole(&statements) else { return };
                let http = self.scope(ScopeKind::Http, None, span, "".into());
                self.server(&statements, http, span);
            }
            Place::Location => {
                let Some(span) = whole(&statements) else { return };
                let http = self.scope(ScopeKind::Http, None, span, "".into());
                let server = self.server(&[], http, span);
                let location = self.location_of(&statements, Matching::Prefix, "/".into(), server, span, 0);
                let mut locations = Locations::default();
                self.arrange(&mut locations, location);
                locations.arrange();
                self.set_locations(server, locations);
            }
        }
    }

    fn scope(&mut self, kind: ScopeKind, parent: Option<ScopeId>, span: Span, name: Arc<str>) -> ScopeId {
        let id = ScopeId(self.model.scopes.len() as u32);
        self.model.scopes.push(Scope {
            kind,
            parent,
            span,
            name,
            settings: Vec::new(),
            code: Vec::new(),
            handler: None,
            try_files: None,
            limit_except: None,
            internal: None,
            locations: None,
        });
        id
    }

    fn scope_mut(&mut self, id: ScopeId) -> &mut Scope {
        &mut self.model.scopes[id.0 as usize]
    }

    fn http(&mut self, statements: &[Directive<'d>], span: Span) {
        let http = self.scope(ScopeKind::Http, None, span, "".into());
        for statement in statements {
            self.table(*statement);
        }
        for statement in statements {
            match statement.name() {
                "server" if statement.is_block() => {
                    let inside: Vec<_> = self.document.inside(*statement).collect();
                    // In a stream server `proxy_pass` stands outside of any location.
                    if !inside.iter().any(|one| one.name() == "proxy_pass") {
                        self.server(&inside, http, statement.head());
                    }
                }
                _ => self.setting(http, *statement),
            }
        }
    }

    fn server(&mut self, statements: &[Directive<'d>], http: ScopeId, span: Span) -> ScopeId {
        let scope = self.scope(ScopeKind::Server, Some(http), span, "".into());
        let mut server =
            ServerBlock { scope, listens: Vec::new(), names: Vec::new(), named: HashMap::new(), merge_slashes: true };
        let mut locations = Locations::default();
        for statement in statements {
            match statement.name() {
                "listen" => server.listens.extend(self.listen(*statement)),
                "server_name" => {
                    for (word, value) in statement.args().iter().zip(statement.values()) {
                        if self.is_opaque(word, value) {
                            server.names.push(ServerName::Unknown);
                        } else {
                            server.names.extend(self.server_names(value));
                        }
                    }
                }
                "merge_slashes" => server.merge_slashes = statement.arg(0) != Some("off"),
                "location" if statement.is_block() => {
                    if let Some(location) = self.location(*statement, scope, 0) {
                        self.place_location(location, &mut locations, Some(&mut server.named));
                    }
                }
                _ => self.setting(scope, *statement),
            }
        }
        if server.listens.is_empty() {
            server.listens.push(Listen::implied());
        }
        let code = self.code(statements, scope, false);
        self.scope_mut(scope).code = code;
        locations.arrange();
        self.set_locations(scope, locations);
        self.model.servers.push(server);
        scope
    }

    fn server_names(&mut self, word: &str) -> Vec<ServerName> {
        let names = ServerName::parse(word, &mut self.patterns);
        for name in &names {
            if let ServerName::Regex(pattern) = name {
                self.groups_of(pattern);
            }
        }
        names
    }

    fn listen(&mut self, statement: Directive<'d>) -> Option<Listen> {
        let (word, place) = (statement.args().first()?, statement.arg(0)?);
        let opaque = self.is_opaque(word, place);
        Some(Listen::parse(place, opaque, statement.values().skip(1)))
    }

    fn set_locations(&mut self, scope: ScopeId, locations: Locations) {
        self.scope_mut(scope).locations = Some(Box::new(locations));
    }

    /// One `location` block with all that is in it.
    fn location(&mut self, block: Directive<'d>, parent: ScopeId, depth: usize) -> Option<ScopeId> {
        if depth > MAX_NESTING {
            return None;
        }
        let (matching, name) = self.matching(block)?;
        let inside: Vec<_> = self.document.inside(block).collect();
        Some(self.location_of(&inside, matching, name, parent, block.head(), depth))
    }

    fn location_of(
        &mut self,
        statements: &[Directive<'d>],
        matching: Matching,
        name: Arc<str>,
        parent: ScopeId,
        span: Span,
        depth: usize,
    ) -> ScopeId {
        let scope = self.scope(ScopeKind::Location(matching), Some(parent), span, name);
        let mut locations = Locations::default();
        for statement in statements {
            match statement.name() {
                "location" if statement.is_block() => {
                    if let Some(nested) = self.location(*statement, scope, depth + 1) {
                        self.place_location(nested, &mut locations, None);
                    }
                }
                "limit_except" if statement.is_block() => self.limit_except(*statement, scope),
                "try_files" if statement.args().len() >= 2 => {
                    let files = self.texts(*statement);
                    self.scope_mut(scope).try_files = Some((files, statement.head()));
                }
                "internal" => self.scope_mut(scope).internal = Some(statement.head()),
                _ => {
                    self.handler(scope, *statement);
                    self.setting(scope, *statement);
                }
            }
        }
        let code = self.code(statements, scope, true);
        self.scope_mut(scope).code = code;
        locations.arrange();
        self.set_locations(scope, locations);
        scope
    }

    /// How the words after `location` match (`ngx_http_core_location`).
    fn matching(&mut self, block: Directive<'d>) -> Option<(Matching, Arc<str>)> {
        let (word, first) = (block.args().first()?, block.arg(0)?);
        if let (Some(name), Some(second)) = (block.arg(1), block.args().get(1)) {
            if self.is_opaque(second, name) {
                return Some((Matching::Unknown, name.into()));
            }
            return Some((self.modified(first, name)?, name.into()));
        }
        if self.is_opaque(word, first) {
            return Some((Matching::Unknown, first.into()));
        }
        // The modifier may be glued to the name; the longer ones first.
        for modifier in ["^~", "~*", "=", "~"] {
            if let Some(name) = first.strip_prefix(modifier) {
                return Some((self.modified(modifier, name)?, name.into()));
            }
        }
        let matching = if first.starts_with('@') { Matching::Named } else { Matching::Prefix };
        Some((matching, first.into()))
    }

    fn modified(&mut self, modifier: &str, name: &str) -> Option<Matching> {
        Some(match modifier {
            "=" => Matching::Exact,
            "^~" => Matching::PrefixNoRegex,
            "~" => Matching::Regex(self.pattern(name, false)),
            "~*" => Matching::Regex(self.pattern(name, true)),
            _ => return None,
        })
    }

    fn place_location(&mut self, id: ScopeId, level: &mut Locations, named: Option<&mut HashMap<Box<str>, ScopeId>>) {
        let scope = self.model.scope(id);
        match (&scope.kind, named) {
            (ScopeKind::Location(Matching::Named), Some(named)) => _ = named.entry(scope.name.as_ref().into()).or_insert(id),
            _ => self.arrange(level, id),
        }
    }

    fn arrange(&self, level: &mut Locations, id: ScopeId) {
        let scope = self.model.scope(id);
        let passes = matches!(scope.handler, Some(Handler::Pass(_)));
        let ScopeKind::Location(matching) = &scope.kind else { return };
        match matching {
            Matching::Exact => level.add_exact(&scope.name, id, passes),
            Matching::Prefix | Matching::PrefixNoRegex => level.add_prefix(&scope.name, id, passes),
            Matching::Regex(_) => level.regexes.push(id),
            Matching::Unknown => level.unknown.push(id),
            Matching::Named => {}
        }
    }

    fn limit_except(&mut self, block: Directive<'d>, location: ScopeId) {
        let name = Arc::clone(&self.model.scope(location).name);
        let scope = self.scope(ScopeKind::LimitExcept, Some(location), block.head(), name);
        let inside: Vec<_> = self.document.inside(block).collect();
        for statement in inside {
            self.handler(scope, statement);
            self.setting(scope, statement);
        }
        let universe = &self.model.universe;
        let listed = |method: &str| block.values().any(|value| value.eq_ignore_ascii_case(method));
        // GET lets HEAD in. A method without a bit of its own cannot be listed (`ngx_http_core_limit_except`).
        let allowed = universe.matching(|method| listed(method) || method == "HEAD" && listed("GET"));
        let restricted = universe.all() - (allowed & universe.set(LISTABLE.iter().copied()));
        let limit = LimitExcept { restricted, scope, span: block.head() };
        let location = self.scope_mut(location);
        if location.limit_except.is_none() {
            location.limit_except = Some(limit);
        }
    }

    fn is_opaque(&self, word: &Word, value: &str) -> bool {
        word.template && !self.is_defined(value)
    }

    /// Whether all that looks like a placeholder is a variable in capitals that the config defines.
    fn is_defined(&self, value: &str) -> bool {
        let mut rest = String::new();
        let mut parts = value.split('$');
        rest.push_str(parts.next().unwrap_or(""));
        for part in parts {
            let (name, after) = super::text::name(part);
            if self.shouted.contains(name) {
                rest.push_str(after);
            } else {
                rest.extend(["$", part]);
            }
        }
        rest.len() < value.len() && !rest.contains(['{', '%', '@']) && !rest.contains("__")
    }

    fn text(&mut self, statement: Directive<'d>, index: usize) -> Text {
        let Some(word) = statement.args().get(index) else { return Text::plain("", statement.head()) };
        let (value, span) = (statement.tree.value(word), statement.tree.span(word));
        if self.is_opaque(word, value) {
            return Text::unknown(value, span);
        }
        Text::compile(value, span, &mut self.model.variables)
    }

    /// A value that nginx takes as it is written, `$` and all.
    fn literal(&mut self, statement: Directive<'d>, index: usize) -> Text {
        let Some(word) = statement.args().get(index) else { return Text::plain("", statement.head()) };
        let (value, span) = (statement.tree.value(word), statement.tree.span(word));
        if self.is_opaque(word, value) { Text::unknown(value, span) } else { Text::plain(value, span) }
    }

    /// Notes the variables of a statement's arguments.
    fn mention(&mut self, statement: Directive<'d>) {
        for (word, value) in statement.args().iter().zip(statement.values()) {
            if value.contains('$') && !self.is_opaque(word, value) {
                Text::mention(value, statement.tree.span(word), &mut self.model.variables);
            }
        }
    }

    fn texts(&mut self, statement: Directive<'d>) -> Vec<Text> {
        (0..statement.args().len()).map(|index| self.text(statement, index)).collect()
    }

    /// A regex of the config; its named groups become variables.
    fn pattern(&mut self, source: &str, ignore_case: bool) -> Arc<Pattern> {
        let pattern = self.patterns.get(source, ignore_case);
        self.groups_of(&pattern);
        pattern
    }

    fn groups_of(&mut self, pattern: &Pattern) {
        let source = pattern.source();
        if !source.contains("(?") {
            return;
        }
        for opening in ["(?<", "(?P<", "(?'"] {
            for rest in source.split(opening).skip(1) {
                let end = rest.find(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_').unwrap_or(rest.len());
                if end > 0 && rest[end..].starts_with(['>', '\'']) {
                    self.model.variables.group(source, &rest[..end]);
                }
            }
        }
    }
}

/// The names that `limit_except` takes (`ngx_methods_names`).
pub(in super::super) const LISTABLE: &[&str] = &[
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "MKCOL",
    "COPY",
    "MOVE",
    "OPTIONS",
    "PROPFIND",
    "PROPPATCH",
    "LOCK",
    "UNLOCK",
    "PATCH",
];

fn whole(statements: &[Directive<'_>]) -> Option<Span> {
    let first = statements.first()?.head();
    Some(first)
}
