//! Requests that stand for the parts of a config.
//!
//! For each server one host that selects it, for each location the shortest target that reaches it; both are checked by the
//! selection itself, so that a shadowed location has no route. Named and internal locations are reached through others.

mod inputs;
mod paths;

use std::collections::HashSet;

use super::decide::escape;
use super::select::{Listener, Listeners, Named, locate};
use super::site::{
    Address, Builtin, Definition, Listen, Matching, Model, Place, ScopeId, ScopeKind, ServerBlock, ServerName, Setting, Test,
    VarId,
};
use crate::http::Request;
use crate::nginx::site::Instruction;
use crate::server::{Extent, Route, Thinning};
use crate::source::Span;

pub(super) use inputs::Inputs;

pub(super) fn routes(model: &Model, listeners: &Listeners) -> Vec<Route> {
    let mut routes = Vec::new();
    let mut seen = HashSet::new();
    let mapped = paths::mapped(model);
    let servers = model.servers.len();
    let patterns =
        model.servers.iter().flat_map(|server| &server.names).filter(|name| matches!(name, ServerName::Regex(_))).count();
    let hosts = Thinning::new(Extent { own: servers, places: servers, walked: patterns }, 1);
    for (index, server) in model.servers.iter().enumerate() {
        if !hosts.takes() {
            continue;
        }
        let doors = front_doors(model, server, index, listeners);
        if doors.is_empty() {
            continue;
        }
        let mut add = |scope: ScopeId, path: &str| {
            for door in &doors {
                let request = Request { target: escape(path), ..door.clone() };
                if seen.insert((request.host.clone(), request.port, request.target.clone())) {
                    routes.push(Route { request, span: model.scope(scope).span, cors: cors(model, scope) });
                }
            }
        };
        let reach = Reach { model, server: server.scope, thinning: Thinning::new(extent(model, server.scope), servers) };
        reach.locations(server.scope, "", &mut add);
        for path in
            paths::compared(model, &model.scope(server.scope).code).iter().chain(&mapped).filter(|_| reach.thinning.takes())
        {
            let chosen = locate(model, server.scope, path);
            if !chosen.redirect && model.internal(chosen.scope).is_none() {
                add(chosen.scope, path);
            }
        }
        // A file for a server that only sets something decides about no request.
        let decides = matches!(model.place, Place::Main | Place::Http) || !model.scope(server.scope).code.is_empty();
        let front = ["/", "/x"].into_iter().find(|path| reach.ends_at(server.scope, path));
        if let Some(path) = front.filter(|_| decides) {
            add(server.scope, path);
        }
    }
    routes
}

/// The locations of a server, and what a request of it meets one by one: regular expressions and the code of the server.
fn extent(model: &Model, scope: ScopeId) -> Extent {
    let own = model.scope(scope);
    let code = Extent { own: own.code.len(), places: own.code.len(), walked: own.code.len() };
    let Some(locations) = &own.locations else { return code };
    let with = |all: Extent, one: Extent| Extent { own: all.own + one.own + 1, places: all.places + one.places + 1, ..all };
    let part = locations.all().into_iter().map(|id| extent(model, id)).fold(code, with);
    Extent { walked: part.walked + locations.regexes.len(), ..part }
}

/// Requests that select the server: one, or one of each scheme where its code tells these apart.
fn front_doors(model: &Model, server: &ServerBlock, index: usize, listeners: &Listeners) -> Vec<Request> {
    let door = |listen: &Listen| {
        let base = knock(listen)?;
        let listener = listeners.find(&base)?;
        let host = hosts(server).find(|host| selects(listener, host, index))?;
        Some(Request { host: Some(host), ..base })
    };
    let mut doors: Vec<Request> = server.listens.iter().find_map(door).into_iter().collect();
    if let Some(first) = server.listens.iter().find(|listen| door(listen).is_some())
        && tests_connection(model, server.scope)
    {
        doors.extend(server.listens.iter().filter(|listen| listen.ssl != first.ssl).find_map(door));
    }
    doors
}

/// Whether the code of a level, or of one in it, tests how the client is connected.
fn tests_connection(model: &Model, scope: ScopeId) -> bool {
    let own = model.scope(scope);
    let tests = |instruction: &Instruction| match instruction {
        Instruction::If { condition, .. } => match &condition.test {
            Test::True(variable) | Test::Equal { variable, .. } | Test::Match { variable, .. } => {
                is_of_connection(model, *variable)
            }
            Test::File { .. } | Test::Unknown => false,
        },
        _ => false,
    };
    own.code.iter().any(tests)
        || own.locations.iter().flat_map(|locations| locations.all()).any(|inner| tests_connection(model, inner))
}

/// Whether a variable tells plain connections from those over TLS, by itself or by a map.
fn is_of_connection(model: &Model, variable: VarId) -> bool {
    let is_told = |variable: VarId| {
        matches!(
            model.variables.get(variable).definition,
            Definition::Builtin(Builtin::Scheme | Builtin::Https | Builtin::ServerPort)
        )
    };
    match &model.variables.get(variable).definition {
        Definition::Map(map) => map.source.variables().any(is_told),
        _ => is_told(variable),
    }
}

fn knock(listen: &Listen) -> Option<Request> {
    let address = match listen.address {
        Address::Any4 | Address::Unknown => "127.0.0.1".into(),
        Address::Any6 => "::1".into(),
        Address::One(address) => address.to_string().into(),
        Address::Unix => return None,
    };
    let scheme = if listen.ssl { "https" } else { "http" };
    let port = match listen.ports {
        (0, _) if listen.ssl => 443,
        (0, _) => 80,
        (first, _) => first,
    };
    Some(Request { scheme: scheme.into(), address, port, ..Request::default() })
}

/// Hosts that might select the server, the likeliest first.
fn hosts(server: &ServerBlock) -> impl Iterator<Item = String> + '_ {
    let named = server.names.iter().filter_map(|name| match name {
        ServerName::Exact(name) if name.bytes().all(|byte| byte > b' ' && byte != b'/') && !name.is_empty() => {
            Some(name.to_string())
        }
        ServerName::Head(suffix) => Some(format!("a{suffix}")),
        ServerName::Tail(prefix) => Some(format!("{prefix}test")),
        ServerName::Regex(pattern) => pattern.example(),
        ServerName::Exact(_) | ServerName::Unknown => None,
    });
    named.chain(["localhost".to_owned(), "other.test".to_owned()])
}

fn selects(listener: &Listener, host: &str, index: usize) -> bool {
    match listener.named(host) {
        Named::Server(found) | Named::Default(found) | Named::Regex(found, _) => found == index,
    }
}

/// Looks for targets that reach the locations of one server.
struct Reach<'m> {
    model: &'m Model,
    server: ScopeId,
    thinning: Thinning,
}

impl Reach<'_> {
    fn ends_at(&self, scope: ScopeId, path: &str) -> bool {
        if !is_normal(path) {
            return false;
        }
        let chosen = locate(self.model, self.server, path);
        chosen.scope == scope && !chosen.redirect
    }

    fn locations(&self, around: ScopeId, prefix: &str, add: &mut impl FnMut(ScopeId, &str)) {
        let Some(locations) = &self.model.scope(around).locations else { return };
        for id in locations.all().into_iter().filter(|_| self.thinning.takes()) {
            let scope = self.model.scope(id);
            let inner = if scope.name.starts_with('/') { &*scope.name } else { prefix };
            if self.model.internal(id).is_none()
                && let Some(path) = self.paths(id, prefix).find(|path| self.ends_at(id, path))
            {
                add(id, &path);
                let compared = paths::compared(self.model, &scope.code).into_iter();
                compared.filter(|path| self.ends_at(id, path)).for_each(|path| add(id, &path));
            }
            self.locations(id, inner, add);
        }
    }

    /// Paths that may reach a location.
    fn paths<'r>(&'r self, id: ScopeId, prefix: &'r str) -> Box<dyn Iterator<Item = String> + 'r> {
        let scope = self.model.scope(id);
        let ScopeKind::Location(matching) = &scope.kind else { return Box::new(std::iter::empty()) };
        match matching {
            Matching::Named => Box::new(std::iter::empty()),
            Matching::Exact => Box::new(std::iter::once(scope.name.to_string())),
            Matching::Prefix | Matching::PrefixNoRegex if !scope.name.starts_with('/') => {
                Box::new([format!("/{}", scope.name), "/".to_owned()].into_iter())
            }
            Matching::Prefix | Matching::PrefixNoRegex => {
                Box::new(["", "x", "x/y", "/x"].iter().map(|tail| format!("{}{tail}", scope.name)))
            }
            Matching::Regex(pattern) => {
                let slash = if prefix.is_empty() { "/" } else { prefix };
                Box::new(pattern.examples_after(slash).chain(pattern.examples_after("/")))
            }
            Matching::Unknown => Box::new(std::iter::once("/x".to_owned())),
        }
    }
}

/// Whether a path is sent as it is: nginx takes out double slashes and dots before it looks for a location.
fn is_normal(path: &str) -> bool {
    !path.contains("//") && !path.split('/').any(|part| matches!(part, "." | ".."))
}

/// Where a scope tells browsers that other sites may call it.
fn cors(model: &Model, scope: ScopeId) -> Option<Span> {
    let own = model.scope(scope).code.iter().find_map(|instruction| match instruction {
        Instruction::If { scope: Some(inner), .. } => cors_header(model, *inner),
        _ => None,
    });
    own.or_else(|| {
        // A level with an `add_header` of its own inherits none.
        let mut next = Some(scope);
        while let Some(id) = next {
            let level = model.scope(id);
            if level.settings.iter().any(|(setting, _)| matches!(setting, Setting::CorsHeader | Setting::OtherHeader)) {
                return cors_header(model, id);
            }
            next = level.parent;
        }
        None
    })
}

fn cors_header(model: &Model, scope: ScopeId) -> Option<Span> {
    model.scope(scope).settings.iter().find(|(setting, _)| matches!(setting, Setting::CorsHeader)).map(|(_, span)| *span)
}
