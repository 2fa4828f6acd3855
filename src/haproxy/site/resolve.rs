//! What HAProxy settles when all files are read: names, modes, and the methods that the config tells apart (src/cfgparse.c,
//! check_config_validity).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::Config;
use super::acl::{self, Criterion};
use super::action::{Action, Rule};
use super::build::{Builder, Refused};
use super::proxy::{Mode, Proxy, Role};
use super::reads::Reads;
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
        let config = &self.config;
        let (listeners, reads) = rayon::join(|| Listeners::new(&config.proxies), || Reads::new(config));
        (self.config.listeners, self.config.reads) = (listeners, reads);
        self.settle_methods(methods);
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
        let mut fronts: HashMap<&str, Span> = HashMap::with_capacity(self.config.proxies.len());
        self.config.backends.reserve(self.config.proxies.len());
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
                taken = taken.or(fronts.insert(&*proxy.name, proxy.span));
            }
            if taken.is_some() {
                refused.push(Refused::new(proxy.span, format!("there is already a section `{}` of this kind", proxy.name)));
            }
        }
        if self.config.release >= Release(3, 3, 0) {
            for proxy in self.config.proxies.iter().filter(|proxy| proxy.role == Role::Backend) {
                if fronts.contains_key(&*proxy.name) {
                    refused.push(Refused::new(proxy.span, format!("a frontend is named `{}` already", proxy.name)));
                }
            }
        }
        refused.into_iter().for_each(|refused| self.refuse(refused));
    }

    fn check_names(&mut self) {
        let config = &self.config;
        let mut refused: Vec<_> = config.proxies.par_iter().flat_map_iter(|proxy| config.misnamed(proxy)).collect();
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
        let config = &self.config;
        let bad: Vec<_> = config.proxies.par_iter().flat_map_iter(|proxy| config.bad_backends(proxy)).collect();
        for bad in bad {
            let refused = match bad {
                BadBackend::Missing(name, span) => self.no_backend(&name, span),
                BadBackend::Unfit(refused) => refused,
            };
            self.refuse(refused);
        }
    }

    fn no_backend(&mut self, name: &str, span: Span) -> Refused {
        let backends = self.config.proxies.iter().filter(|proxy| proxy.role.is_backend()).map(|proxy| &*proxy.name);
        let known = self.kept.guessed(backends, self.config.backends.len());
        let missing = Refused::new(span, format!("there is no backend `{name}`"));
        match super::words::nearest(name, known) {
            Some(best) => missing.help(format!("did you mean `{best}`?")),
            None => missing,
        }
    }

    /// Collects the odd methods that the config names, and computes which methods each criterion matches.
    fn settle_methods(&mut self, methods: &[String]) {
        let config = &self.config;
        let compared = config.proxies.par_iter().flat_map_iter(compared_methods);
        let set = config.proxies.par_iter().flat_map_iter(set_methods);
        let odd: Vec<&str> = compared.chain(set).filter(|text| may_be_method(text)).collect();
        // A request to trace may bear what is no method at all; it stands before what the config names.
        let universe = Universe::new(methods.iter().map(String::as_str).chain(odd));
        let methods: Vec<_> =
            universe.all().singles().filter_map(|single| Some((single, acl::method(universe.first(single)?)))).collect();
        let criteria = |proxy: &mut Proxy| {
            proxy.acls.iter_mut().flat_map(|acl| &mut acl.criteria).for_each(|criterion| criterion.settle(&methods));
        };
        self.config.proxies.par_iter_mut().with_min_len(100).for_each(criteria);
        self.config.universe = universe;
    }
}

/// A backend that a frontend cannot send its requests to.
enum BadBackend {
    Missing(Arc<str>, Span),
    Unfit(Refused),
}

impl Config {
    /// The names in a section that mean nothing.
    fn misnamed(&self, proxy: &Proxy) -> Vec<Refused> {
        let mut refused = Vec::new();
        if let Some(app) = &proxy.fcgi_app
            && !self.fcgi_apps.contains_key(&*app.value)
        {
            refused.push(Refused::new(app.span, format!("there is no `fcgi-app` section `{}`", app.value)));
        }
        if proxy.fcgi_app.is_some() != proxy.servers.iter().any(|server| server.fcgi) && proxy.role.is_backend() {
            let span = proxy.fcgi_app.as_ref().map_or(proxy.span, |app| app.span);
            refused.push(Refused::new(span, "a FastCGI backend needs both `use-fcgi-app` and servers with `proto fcgi`"));
        }
        if proxy.role == Role::Defaults || proxy.server_rules.is_empty() {
            return refused;
        }
        let servers: HashSet<&str> = proxy.servers.iter().map(|server| &*server.name).collect();
        let named = proxy.server_rules.iter().filter_map(|switch| Some((switch.to.constant()?, switch.span)));
        let missing = named.filter(|(name, _)| !servers.contains(name));
        refused
            .extend(missing.map(|(name, span)| Refused::new(span, format!("there is no server `{name}` in `{}`", proxy.name))));
        refused
    }

    /// The backends that a frontend names and cannot use.
    fn bad_backends<'c>(&'c self, proxy: &'c Proxy) -> impl Iterator<Item = BadBackend> + use<'c> {
        let switched = proxy.switches.iter().filter_map(|switch| Some((switch.to.constant()?, switch.span)));
        let default = proxy.settings.default_backend.as_ref().map(|name| (&*name.value, name.span));
        let named = switched.chain(default).filter(|_| proxy.role.is_frontend());
        named.filter_map(move |(name, span)| {
            let Some(backend) = self.backends.get(name) else { return Some(BadBackend::Missing(name.into(), span)) };
            let unfit = proxy.settings.mode == Mode::Http && self.proxies[*backend].settings.mode == Mode::Tcp;
            let message = || format!("the HTTP {} `{}` cannot use the TCP backend `{name}`", proxy.role.name(), proxy.name);
            unfit.then(|| BadBackend::Unfit(Refused::new(span, message()).help("write `mode http` in the backend")))
        })
    }
}

/// The methods that a section compares something with.
fn compared_methods(proxy: &Proxy) -> impl Iterator<Item = &str> {
    let looks = |criterion: &&Criterion| {
        let fetch = &criterion.sample.fetch;
        matches!(fetch, Fetch::Method | Fetch::CapturedMethod | Fetch::Variable(..) | Fetch::ConstantMethod(_))
    };
    let criteria = proxy.acls.iter().flat_map(|acl| &acl.criteria).filter(looks);
    criteria.flat_map(|criterion| criterion.patterns.texts()).map(|text| &**text)
}

/// The methods that a section makes of others, or checks its servers with.
fn set_methods(proxy: &Proxy) -> impl Iterator<Item = &str> {
    let set = rules_of(proxy).filter_map(|rule| match &rule.action {
        Action::SetMethod(format) => format.constant(),
        _ => None,
    });
    set.chain([&*proxy.settings.check.method])
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
