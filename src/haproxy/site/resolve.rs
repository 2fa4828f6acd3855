//! What HAProxy settles when all files are read: names, modes, and the methods that the config tells apart (src/cfgparse.c,
//! check_config_validity).

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::acl;
use super::action::{Action, Rule};
use super::build::{Builder, Reference, Refused};
use super::proxy::{Mode, Proxy, Role};
use super::sample::Fetch;
use crate::haproxy::select::Listeners;
use crate::http::{Universe, is_token};
use crate::server::Release;
use crate::source::Span;

impl Builder<'_, '_> {
    /// Settles what needs all sections. `methods` are those of the requests to trace.
    pub(in crate::haproxy) fn resolve(&mut self, methods: &[String]) {
        self.late_errors();
        self.name_proxies();
        self.check_names();
        self.check_backends();
        self.config.listeners = Listeners::new(&self.config.proxies);
        self.settle_methods(methods);
        self.config.reads = super::reads::Reads::new(&self.config);
    }

    fn late_errors(&mut self) {
        for (proxy, name, codes, span) in std::mem::take(&mut self.late_errorfiles) {
            let Some(section) = self.config.http_errors.get(&*name) else { continue };
            let wanted = section.iter().filter(|(code, _)| codes.is_empty() || codes.contains(code));
            let pages: Vec<_> = wanted.map(|(code, page)| (*code, page.clone())).collect();
            let _ = span;
            if let Some(proxy) = self.config.proxies.get_mut(proxy) {
                Arc::make_mut(&mut proxy.settings.errors).extend(pages);
            }
        }
        for (proxy, named, rule) in std::mem::take(&mut self.wanted_tables) {
            let own = self.config.proxies.get(proxy).map_or("", |proxy| &proxy.name);
            let (name, span) = named.as_ref().map_or((own, rule), |(name, span)| (&**name, *span));
            if !self.tables.contains(name) {
                self.refuse(Refused::new(span, format!("there is no stick table `{name}`")));
            }
        }
        for (name, span) in std::mem::take(&mut self.wanted_caches) {
            if !self.caches.contains(&name) {
                self.refuse(Refused::new(span, format!("there is no `cache` section `{name}`")));
            }
        }
        for (name, span) in std::mem::take(&mut self.wanted_resolvers) {
            if &*name != "default" && !self.resolvers.contains(&name) {
                self.refuse(Refused::new(span, format!("there is no `resolvers` section `{name}`")));
            }
        }
        for (name, span) in std::mem::take(&mut self.wanted_errors) {
            if !self.config.http_errors.contains_key(&name) {
                self.refuse(Refused::new(span, format!("there is no `http-errors` section `{name}`")));
            }
        }
    }

    /// Names must be unique among frontends and among backends; since 3.3 among all.
    fn name_proxies(&mut self) {
        let mut fronts: HashMap<Arc<str>, Span> = HashMap::new();
        let mut refused = Vec::new();
        for (index, proxy) in self.config.proxies.iter().enumerate() {
            if proxy.role == Role::Defaults || proxy.name.is_empty() {
                continue;
            }
            let mut taken = None;
            if proxy.role.is_backend() {
                match self.config.backends.get(&proxy.name) {
                    // A `listen` is only held against frontends and other `listen`s.
                    Some(known) if proxy.role == Role::Backend => taken = Some(self.config.proxies[*known].span),
                    Some(_) => {}
                    None => _ = self.config.backends.insert(Arc::clone(&proxy.name), index),
                }
            }
            if proxy.role.is_frontend() {
                taken = taken.or(fronts.insert(Arc::clone(&proxy.name), proxy.span));
            }
            if taken.is_some() {
                refused.push(Refused::new(proxy.span, format!("there is already a section `{}` of this kind", proxy.name)));
            }
        }
        if self.config.release >= Release(3, 3, 0) {
            for proxy in self.config.proxies.iter().filter(|proxy| proxy.role == Role::Backend) {
                if fronts.contains_key(&proxy.name) {
                    refused.push(Refused::new(proxy.span, format!("a frontend is named `{}` already", proxy.name)));
                }
            }
        }
        refused.into_iter().for_each(|refused| self.refuse(refused));
    }

    fn check_names(&mut self) {
        let mut refused = Vec::new();
        for proxy in &self.config.proxies {
            if let Some(app) = &proxy.fcgi_app
                && !self.config.fcgi_apps.contains(&*app.value)
            {
                refused.push(Refused::new(app.span, format!("there is no `fcgi-app` section `{}`", app.value)));
            }
            if proxy.fcgi_app.is_some() != proxy.servers.iter().any(|server| server.fcgi) && proxy.role.is_backend() {
                let span = proxy.fcgi_app.as_ref().map_or(proxy.span, |app| app.span);
                refused.push(Refused::new(span, "a FastCGI backend needs both `use-fcgi-app` and servers with `proto fcgi`"));
            }
            if proxy.has_rules() && proxy.role == Role::Defaults {
                refused.extend(self.bad_heirs(proxy));
            }
        }
        let references = std::mem::take(&mut self.references);
        refused.extend(references.iter().filter_map(|reference| self.unresolved(reference)));
        refused.into_iter().for_each(|refused| self.refuse(refused));
    }

    /// What is wrong with a name in a sample, if it means nothing (src/sample.c, smp_resolve_args).
    fn unresolved(&self, reference: &Reference) -> Option<Refused> {
        let config = &self.config;
        let own = config.proxies.get(reference.proxy)?;
        let name = &*reference.name;
        let refused = |message: String| Some(Refused::new(reference.span, message));
        match reference.kind {
            b'u' if !config.userlists.contains_key(name) => refused(format!("there is no `userlist` section `{name}`")),
            b'b' if name.is_empty() && !own.role.is_backend() && own.role != Role::Defaults => {
                refused(format!("`{}` is no backend, so a backend must be named", own.name))
            }
            b'b' if !name.is_empty() && !config.backends.contains_key(name) => refused(format!("there is no backend `{name}`")),
            b'f' if !name.is_empty() && !self.is_frontend(name) => refused(format!("there is no frontend `{name}`")),
            b'f' if name.is_empty() && own.role == Role::Backend => {
                refused(format!("`{}` is no frontend, so one must be named", own.name))
            }
            b't' if name.is_empty() && own.role != Role::Defaults && !self.tables.contains(&*own.name) => {
                refused(format!("`{}` has no stick table, so one must be named", own.name))
            }
            b't' if !name.is_empty() && !self.tables.contains(name) => refused(format!("there is no stick table `{name}`")),
            b'v' => self.unknown_server(own, name).and_then(refused),
            _ => None,
        }
    }

    fn is_frontend(&self, name: &str) -> bool {
        self.config.proxies.iter().any(|proxy| proxy.role.is_frontend() && *proxy.name == *name)
    }

    fn unknown_server(&self, own: &Proxy, name: &str) -> Option<String> {
        let (backend, server) = match name.rsplit_once('/') {
            Some((backend, server)) => match self.config.backends.get(backend) {
                Some(index) => (&self.config.proxies[*index], server),
                None => return Some(format!("there is no backend `{backend}`")),
            },
            None => (own, name),
        };
        let known = backend.servers.iter().any(|known| *known.name == *server);
        (!known).then(|| format!("there is no server `{server}` in `{}`", backend.name))
    }

    /// A `defaults` section with rules is for frontends or for backends, and for no `listen`.
    fn bad_heirs(&self, defaults: &Proxy) -> Vec<Refused> {
        let is_parent = |proxy: &&Proxy| proxy.parent.is_some_and(|parent| self.config.proxies[parent].span == defaults.span);
        let heirs: Vec<&Proxy> = self.config.proxies.iter().filter(is_parent).collect();
        let mut refused = Vec::new();
        for heir in &heirs {
            if heir.role == Role::Listen {
                refused.push(Refused::new(heir.span, "a `listen` cannot take over a `defaults` section that has rules"));
            }
        }
        if !defaults.slots.is_empty() {
            let message = "a `defaults` section with slots for captures is for frontends";
            let wrong = heirs.iter().filter(|heir| matches!(heir.role, Role::Backend | Role::Defaults));
            refused.extend(wrong.map(|heir| Refused::new(heir.span, message)));
        }
        let mixed = heirs.iter().any(|heir| heir.role == Role::Frontend) && heirs.iter().any(|heir| heir.role == Role::Backend);
        if mixed {
            refused
                .push(Refused::new(defaults.span, "a `defaults` section with rules cannot serve frontends and backends alike"));
        }
        refused
    }

    fn check_backends(&mut self) {
        let mut refused = Vec::new();
        for proxy in self.config.proxies.iter().filter(|proxy| proxy.role.is_frontend()) {
            let switched = proxy.switches.iter().filter_map(|switch| Some((switch.to.constant()?, switch.span)));
            let default = proxy.settings.default_backend.as_ref().map(|name| (Arc::clone(&name.value), name.span));
            for (name, span) in switched.chain(default) {
                let Some(backend) = self.config.backends.get(&name) else {
                    let known = self.guessed(self.config.backends.keys().map(|name| &**name), self.config.backends.len());
                    let best = super::words::nearest(&name, known).map(|best| format!("did you mean `{best}`?"));
                    let missing = Refused::new(span, format!("there is no backend `{name}`"));
                    refused.push(match best {
                        Some(best) => missing.help(best),
                        None => missing,
                    });
                    continue;
                };
                let backend = &self.config.proxies[*backend];
                if proxy.settings.mode == Mode::Http && backend.settings.mode == Mode::Tcp {
                    let message = format!("the HTTP {} `{}` cannot use the TCP backend `{name}`", proxy.role.name(), proxy.name);
                    refused.push(Refused::new(span, message).help("write `mode http` in the backend"));
                }
            }
        }
        for proxy in self.config.proxies.iter().filter(|proxy| proxy.role != Role::Defaults) {
            for switch in &proxy.server_rules {
                let Some(name) = switch.to.constant() else { continue };
                if !proxy.servers.iter().any(|server| server.name == name) {
                    refused.push(Refused::new(switch.span, format!("there is no server `{name}` in `{}`", proxy.name)));
                }
            }
        }
        refused.into_iter().for_each(|refused| self.refuse(refused));
    }

    /// Collects the odd methods that the config names, and computes which methods each criterion matches.
    fn settle_methods(&mut self, methods: &[String]) {
        let mut odd: Vec<String> = Vec::new();
        for criterion in &self.config.criteria {
            let looks = matches!(
                criterion.sample.fetch,
                Fetch::Method | Fetch::CapturedMethod | Fetch::Variable(..) | Fetch::ConstantMethod(_)
            );
            if looks {
                odd.extend(criterion.patterns.texts().iter().filter(|text| may_be_method(text)).map(|text| text.to_string()));
            }
        }
        for proxy in &self.config.proxies {
            for rule in rules_of(proxy) {
                if let Action::SetMethod(format) = &rule.action
                    && let Some(method) = format.constant()
                {
                    odd.push(method.to_string());
                }
            }
            odd.push(proxy.settings.check.method.to_string());
        }
        // A request to trace may bear what is no method at all; it stands before what the config names.
        let named = odd.iter().map(String::as_str).filter(|text| may_be_method(text));
        let universe = Universe::new(methods.iter().map(String::as_str).chain(named));
        let methods: Vec<_> =
            universe.all().singles().filter_map(|single| Some((single, acl::method(universe.first(single)?)))).collect();
        self.config.criteria.par_iter_mut().with_min_len(1000).for_each(|criterion| criterion.settle(&methods));
        self.config.universe = universe;
    }
}

/// Every rule of a proxy.
pub(in crate::haproxy) fn rules_of(proxy: &Proxy) -> impl Iterator<Item = &Rule> {
    let tcp = proxy.tcp_connection.iter().chain(&proxy.tcp_session).chain(&proxy.tcp_content);
    tcp.chain(&proxy.request).chain(&proxy.redirects).chain(&proxy.response).chain(&proxy.after_response)
}

/// Whether a text can be a method at all, and is short enough to be meant as one.
pub(in crate::haproxy) fn may_be_method(text: &str) -> bool {
    text.len() <= 32 && is_token(text)
}
