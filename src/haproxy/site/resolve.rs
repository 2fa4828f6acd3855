//! What HAProxy settles when all files are read: names, modes, and the methods that the config tells apart (src/cfgparse.c,
//! check_config_validity).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::acl;
use super::action::{Action, Rule};
use super::build::{Builder, Refused};
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
        for (proxy, name, codes) in std::mem::take(&mut self.notes.late_errorfiles) {
            let Some(section) = self.config.http_errors.get(&*name) else { continue };
            let wanted = section.iter().filter(|(code, _)| codes.is_empty() || codes.contains(code));
            let pages: Vec<_> = wanted.map(|(code, page)| (*code, page.clone())).collect();
            if let Some(proxy) = self.config.proxies.get_mut(proxy) {
                Arc::make_mut(&mut proxy.settings.errors).extend(pages);
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
                && !self.config.fcgi_apps.contains_key(&*app.value)
            {
                refused.push(Refused::new(app.span, format!("there is no `fcgi-app` section `{}`", app.value)));
            }
            if proxy.fcgi_app.is_some() != proxy.servers.iter().any(|server| server.fcgi) && proxy.role.is_backend() {
                let span = proxy.fcgi_app.as_ref().map_or(proxy.span, |app| app.span);
                refused.push(Refused::new(span, "a FastCGI backend needs both `use-fcgi-app` and servers with `proto fcgi`"));
            }
        }
        refused.extend(self.bad_heirs());
        refused.extend(self.bad_references());
        refused.into_iter().for_each(|refused| self.refuse(refused));
    }

    /// A `defaults` section with rules is for frontends or for backends, and for no `listen`.
    fn bad_heirs(&self) -> Vec<Refused> {
        let proxies = &self.config.proxies;
        let mut heirs: BTreeMap<usize, Vec<&Proxy>> = BTreeMap::new();
        for heir in proxies {
            if let Some(parent) = heir.parent.filter(|parent| proxies[*parent].has_rules()) {
                heirs.entry(parent).or_default().push(heir);
            }
        }
        heirs.iter().flat_map(|(parent, heirs)| misfits(&proxies[*parent], heirs)).collect()
    }

    fn check_backends(&mut self) {
        let mut refused = Vec::new();
        for proxy in self.config.proxies.iter().filter(|proxy| proxy.role.is_frontend()) {
            let switched = proxy.switches.iter().filter_map(|switch| Some((switch.to.constant()?, switch.span)));
            let default = proxy.settings.default_backend.as_ref().map(|name| (Arc::clone(&name.value), name.span));
            for (name, span) in switched.chain(default) {
                let Some(backend) = self.config.backends.get(&name) else {
                    let known = self.kept.guessed(self.config.backends.keys().map(|name| &**name), self.config.backends.len());
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
            let named = proxy.server_rules.iter().filter_map(|switch| Some((switch, switch.to.constant()?)));
            let servers: HashSet<&Arc<str>> = match proxy.server_rules.is_empty() {
                true => HashSet::new(),
                false => proxy.servers.iter().map(|server| &server.name).collect(),
            };
            for (switch, name) in named {
                if !servers.contains(&name) {
                    refused.push(Refused::new(switch.span, format!("there is no server `{name}` in `{}`", proxy.name)));
                }
            }
        }
        refused.into_iter().for_each(|refused| self.refuse(refused));
    }

    /// Collects the odd methods that the config names, and computes which methods each criterion matches.
    fn settle_methods(&mut self, methods: &[String]) {
        let mut odd: Vec<String> = Vec::new();
        for criterion in self.config.criteria() {
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
        let criteria = |proxy: &mut Proxy| {
            proxy.acls.iter_mut().flat_map(|acl| &mut acl.criteria).for_each(|criterion| criterion.settle(&methods));
        };
        self.config.proxies.par_iter_mut().with_min_len(100).for_each(criteria);
        self.config.universe = universe;
    }
}

/// What is wrong with the sections that take over a `defaults` section with rules.
fn misfits(defaults: &Proxy, heirs: &[&Proxy]) -> Vec<Refused> {
    let all = |role: Role| heirs.iter().filter(move |heir| heir.role == role);
    let message = "a `listen` cannot take over a `defaults` section that has rules";
    let mut refused: Vec<Refused> = all(Role::Listen).map(|heir| Refused::new(heir.span, message)).collect();
    if !defaults.slots.is_empty() {
        let message = "a `defaults` section with slots for captures is for frontends";
        let wrong = all(Role::Backend).chain(all(Role::Defaults));
        refused.extend(wrong.map(|heir| Refused::new(heir.span, message)));
    }
    if all(Role::Frontend).next().is_some() && all(Role::Backend).next().is_some() {
        let message = "a `defaults` section with rules cannot serve frontends and backends alike";
        refused.push(Refused::new(defaults.span, message));
    }
    refused
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
