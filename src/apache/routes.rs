//! Requests that stand for the places of a config that decide about requests.
//!
//! Each is made to reach its place: the path of a section, of a `ProxyPass`, of a rule. What a path cannot reach, because
//! another host or section has it, is left to the place that has it.

mod asked;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use self::asked::Asked;
use super::decide::encode_path;
use super::expr::{Comparison, Expr};
use super::select;
use super::site::proxy::From as PassFrom;
use super::site::redirect::From as AliasFrom;
use super::site::rewrite::RewriteRule;
use super::site::section::{DirConfig, Matcher, Section};
use super::site::setenvif::Test;
use super::site::userdir::{Home, home};
use super::site::vhost::end_of;
use super::site::{ApacheSite, Server};
use super::text::{Piece, Var};
use crate::http::Request;
use crate::server::{Extent, Route, Thinning};
use crate::source::Span;

pub(super) fn routes(site: &ApacheSite) -> Vec<Route> {
    let listeners = listeners(site);
    let wild = site.servers.iter().flat_map(|server| &server.names.wild).filter(|pattern| end_of(pattern).is_none()).count();
    let hosts = Thinning::new(Extent { own: site.servers.len(), places: site.servers.len(), walked: wild }, 1);
    let served = site.servers.iter().filter_map(|server| listeners.get(&server.index).map(|request| (server, request)));
    let served: Vec<_> = served.filter(|_| hosts.takes()).collect();
    let shared = size(site.main());
    served.into_par_iter().flat_map_iter(|(server, request)| routes_of(site, server, request, shared)).collect()
}

fn routes_of(site: &ApacheSite, server: &Server, request: &Request, shared: usize) -> Vec<Route> {
    let mut routes = Vec::new();
    let reached = select::server(site, &request.address, request.port, request.host.as_deref()).0;
    if !std::ptr::eq(reached, server) {
        return routes;
    }
    let shared = if std::ptr::eq(server, site.main()) { 0 } else { shared };
    let thinning = &Thinning::new(Extent::walked_whole(size(server), shared), site.servers.len());
    let cors = cors_sections(site, server);
    // The server of a `.htaccess` file may take both plain connections and those over TLS.
    let secured =
        (site.is_htaccess && site.candidates.tell_tls).then(|| Request { scheme: "https".into(), port: 443, ..request.clone() });
    for request in std::iter::once(request).chain(&secured) {
        Finder { site, server, request, seen: HashSet::new(), routes: &mut routes, cors: cors.clone(), thinning }.all();
    }
    routes
}

/// How many sections and rules of a server its requests are held against.
fn size(server: &Server) -> usize {
    fn of(config: &DirConfig) -> usize {
        let rules = config.rewrite.as_ref().map_or(0, |rewrite| rewrite.rules.len());
        1 + rules + config.files.len() + config.ifs.iter().map(|inner| of(&inner.config)).sum::<usize>()
    }
    let sections = server.locations.iter().chain(&server.directories).map(|section| of(&section.config)).sum::<usize>();
    let rules = server.rewrite.rules.len() + server.proxies.len() + server.redirects.len() + server.aliases.len();
    of(&server.defaults) + sections + server.proxy_sections.len() + rules + server.env.len()
}

/// A request that each server takes, where one can reach it.
fn listeners(site: &ApacheSite) -> HashMap<usize, Request> {
    let mut found = HashMap::new();
    let listen = site.listens.first();
    let default_port = listen.map_or(80, |listen| listen.port);
    for (address, port, group) in site.hosts.groups() {
        let port = if port == 0 { default_port } else { port };
        let listen = site.listens.iter().find(|listen| listen.port == port);
        let address = address.or(listen.and_then(|listen| listen.address.as_deref())).unwrap_or("127.0.0.1");
        for &member in &group.members {
            found.entry(member).or_insert_with(|| request(&site.servers[member], address, port));
        }
    }
    let main = match &site.listens[..] {
        [] => site.servers.len() == 1,
        _ => false,
    };
    if let Some(listen) = site.hosts.left_over(&site.listens) {
        let address = listen.address.as_deref().unwrap_or("127.0.0.1");
        found.insert(0, request(site.main(), address, listen.port));
    } else if main {
        found.insert(0, request(site.main(), "127.0.0.1", default_port));
    }
    found
}

fn request(server: &Server, address: &str, port: u16) -> Request {
    let names = &server.names;
    let wild = names.wild.first().map(|pattern| pattern.replace(['*', '?'], "a"));
    let host = names.name.clone().or_else(|| names.aliases.first().cloned()).or(wild).unwrap_or_else(|| "localhost".to_owned());
    let scheme = if server.ssl { "https" } else { "http" };
    let host = if host.contains(['$', '{', '%', '<', '@', '/', ' ']) { "localhost".to_owned() } else { host };
    Request { host: Some(host), address: address.to_owned().into(), port, scheme: scheme.into(), ..Request::default() }
}

fn cors_sections<'s>(site: &'s ApacheSite, server: &'s Server) -> Vec<&'s Section> {
    select::sections(site, server, |server| &server.locations).filter(|section| section.config.cors.is_some()).collect()
}

struct Finder<'s, 'r> {
    site: &'s ApacheSite,
    server: &'s Server,
    request: &'r Request,
    seen: HashSet<String>,
    routes: &'r mut Vec<Route>,
    cors: Vec<&'s Section>,
    thinning: &'r Thinning,
}

impl Finder<'_, '_> {
    fn all(&mut self) {
        let (server, thinning) = (self.server, self.thinning);
        for section in select::sections(self.site, server, |server| &server.locations).filter(|_| thinning.takes()) {
            if let Some(path) = example(&section.matcher) {
                self.add(&path, section.span);
                self.rules_of(&section.config, &path, |path| section.takes(path).unwrap_or(true));
                self.conditions_of(&section.config, &path);
            }
        }
        let has_proxy_sections = select::sections(self.site, server, |server| &server.proxy_sections).next().is_some();
        for pass in self.site.main().proxies.iter().chain(&server.proxies).filter(|_| thinning.takes()) {
            let path = match &pass.from {
                PassFrom::Prefix(path) => Some(path.clone()),
                PassFrom::Pattern(pattern) => pattern.example_path().map(str::to_owned),
            };
            // What lies below meets patterns of `<Proxy>` that the path itself does not.
            let below = path.as_ref().filter(|path| has_proxy_sections && !path.ends_with('/')).map(|path| format!("{path}/"));
            self.add_all(path, pass.span);
            self.add_all(below, pass.span);
        }
        self.proxy_sections();
        let own = server.rewrite.merged.as_ref().unwrap_or(&server.rewrite.rules);
        for rule in own.iter().filter(|_| thinning.takes()) {
            let path = if rule.negated { None } else { rule.pattern.example_path().map(str::to_owned) };
            self.add_asked(path.as_deref().unwrap_or("/"), &Asked::of_rule(rule), rule.span);
            self.add_all(path, rule.span);
            self.rule_uris(rule);
        }
        for redirect in server.redirects.iter().chain(&self.site.main().redirects).filter(|_| thinning.takes()) {
            let path = match &redirect.from {
                AliasFrom::All => None,
                AliasFrom::Prefix(path) => Some(path.clone()),
                AliasFrom::Pattern(pattern) => pattern.example_path().map(str::to_owned),
            };
            self.add_all(path, redirect.span);
        }
        for alias in server.aliases.iter().chain(&self.site.main().aliases).filter(|_| thinning.takes()) {
            if let AliasFrom::Prefix(path) = &alias.from {
                self.add(path, alias.span);
            }
        }
        for section in select::sections(self.site, server, |server| &server.directories).filter(|_| thinning.takes()) {
            if let Matcher::Path(folder) | Matcher::Wild(folder) = &section.matcher {
                self.directory(folder, section.span, &section.config);
            }
        }
        let site = self.site;
        for (path, folder) in &site.folders {
            if let (Some(span), Some(config)) = (folder.span, folder.configs().next()) {
                self.directory(path, span, config);
            }
        }
        for section in self.site.main().defaults.files.iter().chain(&server.defaults.files).filter(|_| thinning.takes()) {
            if let Some(name) = file_example(&section.matcher) {
                self.add(&format!("/{name}"), section.span);
            }
        }
        for line in self.site.main().env.iter().chain(&server.env).filter(|_| thinning.takes()) {
            if let Test::Var(Var::Uri, pattern) = &line.test {
                self.add_all(pattern.example_path().map(str::to_owned), line.span);
            }
        }
        for (path, span) in self.site.security.paths(server.index).filter(|_| thinning.takes()) {
            self.add(&path, span);
        }
        self.conditions_of(&server.defaults, "/");
        let span = server.document_root.as_ref().map(|root| root.span).or(server.span);
        let first = span.or_else(|| self.site.trees.first().and_then(|tree| tree.statements().next()).map(|line| line.head()));
        if let Some(span) = first {
            self.add("/", span);
        }
    }

    /// The paths that lead to the URLs of `<Proxy>` sections.
    fn proxy_sections(&mut self) {
        const MOST: usize = 100;
        let passes = || self.site.main().proxies.iter().chain(&self.server.proxies).take(MOST);
        let mut found = Vec::new();
        for section in select::sections(self.site, self.server, |server| &server.proxy_sections).take(MOST) {
            for pass in passes() {
                let (PassFrom::Prefix(from), Some(to)) = (&pass.from, &pass.to) else { continue };
                let url = match &section.matcher {
                    Matcher::Path(own) => Some(own.clone()),
                    Matcher::Wild(pattern) => Some(wildcards_filled(pattern)),
                    Matcher::Pattern(pattern) => pattern.example_after(to).filter(|url| pattern.matches(url) == Some(true)),
                    Matcher::Open => None,
                };
                if let Some(below) = url.as_deref().and_then(|url| url.strip_prefix(&**to)).filter(|below| !below.is_empty()) {
                    found.push((format!("{from}{below}"), section.span));
                }
            }
        }
        for (path, span) in found {
            self.add(&path, span);
        }
    }

    /// Paths, hosts and queries that the `<If>` sections of a config look for; `base` is a path with that config.
    fn conditions_of(&mut self, config: &DirConfig, base: &str) {
        let thinning = self.thinning;
        for inner in config.ifs.iter().filter(|_| thinning.takes()) {
            let mut paths = Vec::new();
            inner.test.leaves(&mut |leaf| match leaf {
                Expr::Match(text, pattern) if matches!(text[..], [Piece::Var(Var::Uri)]) => {
                    paths.extend(pattern.example_path().map(str::to_owned))
                }
                Expr::Compare(Comparison::Equal, one, other) => {
                    if let ([Piece::Var(Var::Uri)], [Piece::Literal(path)]) = (&one[..], &other[..]) {
                        paths.push(path.to_string());
                    }
                }
                _ => {}
            });
            self.add_asked(paths.first().map_or(base, String::as_str), &Asked::of_expr(&inner.test), inner.span);
            for path in paths {
                self.add(&path, inner.span);
            }
            self.conditions_of(&inner.config, base);
        }
    }

    /// A folder is reached through the document root or an alias.
    fn directory(&mut self, folder: &str, span: Span, config: &DirConfig) {
        let root = self.site.inherited(self.server, |server| server.document_root.as_ref());
        let roots = root.map(|root| ("", root.value.as_str()));
        let aliases = self.server.aliases.iter().chain(&self.site.main().aliases).filter_map(|alias| match &alias.from {
            AliasFrom::Prefix(path) => Some((path.as_str(), alias.to.as_str())),
            _ => None,
        });
        let users = self.site.inherited(self.server, |server| server.user_dirs.as_ref());
        let users = users.iter().flat_map(|dirs| &dirs.value.places).filter_map(|place| match home(place, "*") {
            Home::Folder(folder) | Home::OfUser { folder, .. } => Some(("/~*", folder)),
            Home::Elsewhere => None,
        });
        let all = roots.into_iter().chain(aliases).map(|(url, root)| (url, Cow::Borrowed(root)));
        let all = all.chain(users.map(|(url, folder)| (url, Cow::Owned(folder))));
        let url = all.into_iter().find_map(|(url, root)| {
            let rest = folder.strip_prefix(root.trim_end_matches('/'))?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{}{rest}", url.trim_end_matches('/')))
        });
        let Some(url) = url else { return };
        let url = format!("{}/", wildcards_filled(&url).trim_end_matches('/'));
        self.add(&url, span);
        for file in &config.files {
            if let Some(name) = file_example(&file.matcher) {
                self.add(&format!("{url}{name}"), file.span);
            }
        }
        self.rules_of(config, &url, |_| true);
    }

    /// Paths that the rules of a section look for.
    fn rules_of(&mut self, config: &DirConfig, path: &str, takes: impl Fn(&str) -> bool) {
        let Some(rewrite) = &config.rewrite else { return };
        let thinning = self.thinning;
        for rule in rewrite.rules.iter().filter(|_| thinning.takes()) {
            let example = rule.pattern.example().filter(|_| !rule.negated);
            let own = example.map(|rest| format!("{}/{}", path.trim_end_matches('/'), rest.trim_start_matches('/')));
            let own = own.filter(|path| takes(path));
            self.add_asked(own.as_deref().unwrap_or(path), &Asked::of_rule(rule), rule.span);
            self.add_all(own, rule.span);
            self.rule_uris(rule);
        }
    }

    /// Paths that the conditions of a rule look for.
    fn rule_uris(&mut self, rule: &RewriteRule) {
        use super::site::rewrite::CondKind;
        for cond in &rule.conds {
            let (CondKind::Pattern(pattern), [Piece::Var(Var::Uri)]) = (&cond.kind, &cond.test[..]) else { continue };
            self.add_all(pattern.example_path().map(str::to_owned), rule.span);
        }
    }

    fn add_all(&mut self, path: Option<String>, span: Span) {
        if let Some(path) = path {
            self.add(&path, span);
        }
    }

    fn add(&mut self, path: &str, span: Span) {
        self.add_request(path, None, None, span);
    }

    fn add_request(&mut self, path: &str, host: Option<String>, query: Option<&str>, span: Span) {
        if !path.starts_with('/') || path.contains("${") || path.contains("{{") || path.contains("<%") {
            return;
        }
        let path = path.trim_end_matches('$');
        let target = query.map_or_else(|| encode_path(path), |query| format!("{}?{query}", encode_path(path)));
        if !self.seen.insert(host.iter().map(String::as_str).chain([&*target]).collect()) {
            return;
        }
        let cors = self.cors.iter().find(|section| section.takes(path) == Some(true)).and_then(|section| section.config.cors);
        let cors = cors.or(self.server.defaults.cors).or(self.site.main().defaults.cors);
        let host = host.or_else(|| self.request.host.clone());
        self.routes.push(Route { request: Request { target, host, ..self.request.clone() }, span, cors });
    }
}

/// A path that a section takes.
fn example(matcher: &Matcher) -> Option<String> {
    match matcher {
        Matcher::Path(path) if path.is_empty() => Some("/".to_owned()),
        Matcher::Path(path) => Some(path.clone()),
        Matcher::Wild(pattern) => {
            let path = wildcards_filled(pattern);
            super::expr::file_wildcard(pattern, &path).then_some(path)
        }
        Matcher::Pattern(pattern) => pattern.example_path().map(str::to_owned),
        Matcher::Open => None,
    }
}

fn file_example(matcher: &Matcher) -> Option<String> {
    match matcher {
        Matcher::Pattern(pattern) => pattern.example().filter(|name| !name.contains('/') && !name.is_empty()),
        _ => example(matcher).filter(|name| !name.contains('/')),
    }
}

fn wildcards_filled(pattern: &str) -> String {
    let mut filled = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(at) = rest.find(['*', '?', '[']) {
        filled.push_str(&rest[..at]);
        let class = rest[at..].strip_prefix('[').and_then(|body| body.find(']').map(|end| (&body[..end], at + end + 2)));
        match class {
            Some((body, after)) => {
                filled.extend(body.chars().find(|c| !matches!(c, '!' | '^')));
                rest = &rest[after..];
            }
            None => {
                filled.push('a');
                rest = &rest[at + 1..];
            }
        }
    }
    filled + rest
}
