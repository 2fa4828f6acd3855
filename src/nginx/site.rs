//! A config as nginx holds it in memory after start: servers, locations, and the settings of each.
//!
//! nginx copies inherited settings down when it starts ("merging"). Here each [`Scope`] keeps only what is written in it, and
//! [`Model::inherited`] walks up: the result is the same, and a setting's span stays that of the directive.

mod access;
mod build;
mod listen;
mod locations;
mod lua;
mod map;
mod methods;
mod referers;
mod rewrite;
mod security;
mod settings;
mod text;
mod variables;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use crate::http::{ByMethod, MethodSet, Universe};
use crate::pattern::Pattern;
use crate::source::{Reader, Span};

pub(super) use access::{AccessRule, Network};
pub(super) use build::directives::size;
pub(super) use build::{LISTABLE, Place, build};
pub(super) use listen::{Address, Listen, ServerName};
pub(super) use locations::{Found, Locations};
pub(super) use lua::{Effect, EffectKind};
pub(super) use map::{Geo, Lookup, Map, Split};
pub(super) use methods::odd_methods;
pub(super) use rewrite::{Condition, Flag as RewriteFlag, Instruction, Replacement, Test};
pub(super) use security::Security;
pub(super) use settings::{
    CodePhase, Destination, ErrorPage, ErrorStatus, Flag, HeaderChange, Limit, LimitKind, Param, Pass, PassKind, Root, Setting,
    pick,
};
pub(super) use text::{Part, Text};
pub(super) use variables::{Builtin, Definition, VarId, Variables};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ScopeId(pub u32);

/// One level at which settings can stand: what nginx calls a location configuration (`loc_conf`).
#[derive(Debug)]
pub(super) struct Scope {
    pub kind: ScopeKind,
    pub parent: Option<ScopeId>,
    /// The head of its block.
    pub span: Span,
    /// The location's name; for `if` and `limit_except` that of the location around.
    pub name: Arc<str>,
    pub settings: Vec<(Setting, Span)>,
    /// What the rewrite phase runs.
    pub code: Vec<Instruction>,
    pub handler: Option<Handler>,
    pub try_files: Option<(Vec<Text>, Span)>,
    pub limit_except: Option<LimitExcept>,
    pub internal: Option<Span>,
    pub locations: Option<Box<Locations>>,
}

#[derive(Debug)]
pub(super) enum ScopeKind {
    Http,
    Server,
    Location(Matching),
    If,
    LimitExcept,
}

#[derive(Debug)]
pub(super) enum Matching {
    Exact,
    Prefix,
    /// `^~`: the regexes of its level are not tried.
    PrefixNoRegex,
    Regex(Arc<Pattern>),
    Named,
    /// The name is a template's placeholder.
    Unknown,
}

/// `limit_except` swaps the location's configuration for the methods that it does not name.
#[derive(Debug)]
pub(super) struct LimitExcept {
    pub restricted: MethodSet,
    pub scope: ScopeId,
    pub span: Span,
}

/// What produces the content of a location.
#[derive(Debug)]
pub(super) enum Handler {
    Pass(Box<Pass>),
    /// A small built-in handler that takes GET and HEAD only; its directive.
    ReadOnly(&'static str, Span),
    /// Code or a module that proxylint cannot run; its directive.
    Opaque(Box<str>, Vec<Effect>, Span),
}

#[derive(Debug)]
pub(super) struct ServerBlock {
    pub scope: ScopeId,
    pub listens: Vec<Listen>,
    pub names: Vec<ServerName>,
    pub named: HashMap<Box<str>, ScopeId>,
    pub merge_slashes: bool,
}

/// An `upstream` block.
#[derive(Debug)]
pub(super) struct Group {
    pub servers: Vec<Arc<str>>,
}

#[derive(Debug)]
pub(super) struct Model {
    pub scopes: Vec<Scope>,
    pub servers: Vec<ServerBlock>,
    pub variables: Variables,
    pub groups: HashMap<Box<str>, Group>,
    /// Where the statements outside of all blocks belong.
    pub place: Place,
    pub universe: Universe,
    pub methods: Methods,
    /// Where relative roots start.
    pub prefix: String,
    /// Where other relative paths start: the folder of the main config file.
    pub folder: String,
    /// Hosts that some `*_pass` without variables names: nginx knows their addresses from its start.
    pub literal_hosts: HashSet<Arc<str>>,
    pub has_resolver: bool,
    /// The rules of ModSecurity.
    pub security: Security,
    /// `$memcached_key`, which `memcached_pass` reads.
    pub memcached_key: Option<VarId>,
    /// The content of password files, by path, as far as they lie beside the config.
    pub passwords: HashMap<Box<str>, Arc<str>>,
    /// The keys of `limit_req_zone` and `limit_conn_zone`, by zone.
    pub zones: HashMap<Box<str>, Text>,
    pub bodies: Bodies,
}

/// The sets of methods that the phases ask for, made once: they are asked for on every request.
#[derive(Debug)]
pub(super) struct Methods {
    /// Those that the request line may hold (`ngx_http_parse_request_line`).
    pub tokens: MethodSet,
    /// Those that nginx refuses by itself.
    pub refused: MethodSet,
    pub get: MethodSet,
    /// The name of each method, by method.
    pub names: ByMethod<Arc<str>>,
}

impl Methods {
    pub(super) fn new(universe: &Universe) -> Self {
        let is_token = |name: &str| !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'_' | b'-'));
        Methods {
            tokens: universe.matching(is_token),
            refused: universe.set(["CONNECT", "TRACE"]),
            get: universe.only("GET"),
            names: ByMethod::each(universe, universe.all(), |name| Arc::from(name)),
        }
    }
}

/// Whether modules outside of stock nginx take part; the interpreter asks before it looks for their settings.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bodies {
    pub real_ip: bool,
}

impl Model {
    /// Reads the password files that may be read: those in the config's own tree.
    pub(super) fn read_passwords(&mut self, reader: &mut Reader<'_>, folder: &Path) {
        let settings = self.scopes.iter().flat_map(|scope| &scope.settings);
        let files = settings.filter_map(|(setting, _)| match setting {
            Setting::AuthFile(file) => file.constant(),
            _ => None,
        });
        for file in files {
            let found = reader.find(file, folder).ok().and_then(|paths| reader.open(paths.first()?).ok());
            let Some(found) = found else { continue };
            reader.close();
            let path = if file.starts_with('/') { file.to_string() } else { format!("{}/{file}", self.folder) };
            self.passwords.insert(path.into(), found.text().into());
        }
    }

    pub(super) fn scope(&self, id: ScopeId) -> &Scope {
        &self.scopes[id.0 as usize]
    }

    /// The setting of the innermost level that has it, with its span.
    pub(super) fn inherited<'m, T: ?Sized>(
        &'m self,
        from: ScopeId,
        pick: impl Fn(&'m Setting) -> Option<&'m T>,
    ) -> Option<(&'m T, Span)> {
        let mut next = Some(from);
        while let Some(id) = next {
            let scope = self.scope(id);
            for (setting, span) in &scope.settings {
                if let Some(found) = pick(setting) {
                    return Some((found, *span));
                }
            }
            next = scope.parent;
        }
        None
    }

    /// `internal` holds for the nested locations as well.
    pub(super) fn internal(&self, from: ScopeId) -> Option<Span> {
        let scope = self.scope(from);
        scope.internal.or_else(|| self.internal(scope.parent?))
    }

    pub(super) fn flag(&self, from: ScopeId, flag: Flag) -> Option<(bool, Span)> {
        let pick = |setting: &Setting| matches!(setting, Setting::Flag(known, _) if *known == flag);
        let (setting, span) = self.inherited(from, |setting| pick(setting).then_some(setting))?;
        match setting {
            Setting::Flag(_, value) => Some((*value, span)),
            _ => None,
        }
    }

    pub(super) fn is_on(&self, from: ScopeId, flag: Flag) -> bool {
        self.flag(from, flag).is_some_and(|(value, _)| value)
    }

    /// The handler's own settings for this scope: `if` and `limit_except` take a `*_pass` over from the location around
    /// (`clcf->noname` in the `merge_loc_conf` of each such module).
    pub(super) fn pass(&self, from: ScopeId, kind: PassKind) -> Option<&Pass> {
        let scope = self.scope(from);
        match (&scope.handler, &scope.kind) {
            (Some(Handler::Pass(pass)), _) if pass.kind == kind => Some(pass),
            (_, ScopeKind::If | ScopeKind::LimitExcept) => self.pass(scope.parent?, kind),
            _ => None,
        }
    }

    /// The scopes with their names.
    pub(super) fn scopes(&self) -> impl Iterator<Item = (ScopeId, &Scope)> {
        self.scopes.iter().enumerate().map(|(index, scope)| (ScopeId(index as u32), scope))
    }

    /// The server that a scope belongs to.
    pub(super) fn server_scope(&self, mut scope: ScopeId) -> ScopeId {
        while let (false, Some(parent)) = (matches!(self.scope(scope).kind, ScopeKind::Server), self.scope(scope).parent) {
            scope = parent;
        }
        scope
    }
}
