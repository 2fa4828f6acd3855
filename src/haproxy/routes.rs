//! Representative requests: for each frontend the plainest one, and one for each condition on paths and hosts that it or the
//! backends behind it test.

mod probe;
mod values;

pub(super) use self::values::Values;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use self::probe::Probe;
use super::site::Config;
use super::site::acl::{Condition, Term};
use super::site::action::{Action, Rule};
use super::site::bind::Bind;
use super::site::proxy::{Mode, Proxy};
use super::site::resolve::rules_of;
use super::site::sample::{Converter, Sample};
use crate::http::Request;
use crate::server::{Part, Route, Thinning};
use crate::source::Span;

/// Through how many entries the rules of one backend are looked at.
const ENTRIES: usize = 3;
/// How many keys of a map are tried.
const KEYS: usize = 16;

pub(super) fn routes(config: &Config) -> Vec<Route> {
    let mut entered: HashMap<usize, usize> = HashMap::new();
    let mut fronts = Vec::new();
    for proxy in config.proxies.iter().filter(|proxy| proxy.role.is_frontend() && !proxy.settings.disabled) {
        let Some(request) = proxy.binds.iter().find_map(knock) else { continue };
        let doors: Vec<usize> = entries(config, proxy).collect();
        // Several frontends may lead to one backend; of their ways into it the first ones are looked at.
        let before = doors.iter().filter_map(|backend| Some((*backend, *entered.get(backend)?))).collect();
        doors.iter().for_each(|backend| *entered.entry(*backend).or_default() += 1);
        fronts.push((proxy, request, before));
    }
    let parts = fronts.len();
    let plan = |(proxy, request, entries)| {
        let thinning = Thinning::new(Part::walked_whole(size(config, proxy), 0), parts);
        let mut planner = Planner { config, routes: Vec::new(), seen: HashSet::new(), entries, thinning };
        planner.frontend(proxy, &request);
        planner.routes
    };
    fronts.into_par_iter().flat_map_iter(plan).collect()
}

/// A request that reaches a socket.
fn knock(bind: &Bind) -> Option<Request> {
    let (port, _) = bind.ports?;
    let address = if bind.address.is_empty() { "127.0.0.1".into() } else { bind.address.to_string().into() };
    let scheme = if bind.tls { "https" } else { "http" };
    Some(Request { scheme: scheme.into(), address, port, ..Request::default() })
}

/// The backends that a frontend leads to, once for each way.
fn entries<'c>(config: &'c Config, proxy: &'c Proxy) -> impl Iterator<Item = usize> + use<'c> {
    let switched = proxy.switches.iter().flat_map(|switch| {
        let backend = switch.to.constant().and_then(|name| config.backends.get(&name)).copied();
        groups(switch.condition.as_ref()).filter_map(move |_| backend)
    });
    let default = proxy.settings.default_backend.as_ref().and_then(|name| config.backends.get(&name.value)).copied();
    switched.chain(default)
}

/// How many rules a frontend has, with those of the backends behind it.
fn size(config: &Config, proxy: &Proxy) -> usize {
    let rules = |proxy: &Proxy| {
        let inherited = proxy.parent.map_or(0, |parent| rules_of(&config.proxies[parent]).count());
        inherited + rules_of(proxy).count()
    };
    let backends: HashSet<usize> = entries(config, proxy).collect();
    rules(proxy) + proxy.switches.len() + backends.iter().map(|backend| rules(&config.proxies[*backend])).sum::<usize>()
}

/// Finds the requests for one frontend.
struct Planner<'c> {
    config: &'c Config,
    routes: Vec<Route>,
    /// Host and target of the requests so far.
    seen: HashSet<(Option<String>, String)>,
    /// How many ways into each backend were looked at.
    entries: HashMap<usize, usize>,
    thinning: Thinning,
}

impl<'c> Planner<'c> {
    fn frontend(&mut self, proxy: &'c Proxy, base: &Request) {
        let default = proxy.settings.default_backend.as_ref().and_then(|name| self.config.backends.get(&name.value)).copied();
        let plain_cors = cors(proxy).or_else(|| default.and_then(|backend| cors(&self.config.proxies[backend])));
        self.add(base, &[], proxy.span, plain_cors);
        if proxy.settings.mode == Mode::Http
            && let Some(uri) = &proxy.settings.monitor_uri
        {
            self.push(Request { target: uri.value.to_string(), ..base.clone() }, uri.span, None);
        }
        self.rules(proxy, base, &[], plain_cors);
        for switch in &proxy.switches {
            if !self.thinning.takes() {
                continue;
            }
            let backend = switch.to.constant().and_then(|name| self.config.backends.get(&name)).copied();
            let cors = plain_cors.or_else(|| backend.and_then(|backend| cors(&self.config.proxies[backend])));
            for group in groups(switch.condition.as_ref()) {
                self.add(base, group, switch.span, cors);
                if let Some(backend) = backend {
                    self.backend(backend, base, group, cors);
                }
            }
            switch.to.samples().for_each(|sample| self.keys(sample, base, switch.span));
        }
        if let Some(backend) = default {
            self.backend(backend, base, &[], plain_cors);
        }
    }

    /// The rules of a backend, for requests that reach it through `entry`.
    fn backend(&mut self, index: usize, base: &Request, entry: &[Term], cors: Option<Span>) {
        let entries = self.entries.entry(index).or_default();
        *entries += 1;
        if *entries <= ENTRIES {
            let backend = &self.config.proxies[index];
            self.rules(backend, base, entry, cors);
        }
    }

    fn rules(&mut self, proxy: &'c Proxy, base: &Request, entry: &[Term], cors: Option<Span>) {
        let inherited = proxy.parent.map(|parent| &self.config.proxies[parent]);
        let inherited = inherited.into_iter().flat_map(rules_of);
        for rule in inherited.chain(rules_of(proxy)) {
            if !self.thinning.takes() {
                continue;
            }
            for group in groups(rule.condition.as_ref()) {
                let all: Vec<Term> = entry.iter().chain(group).copied().collect();
                self.add(base, &all, rule.span, cors);
                // The terms that must not hold are worth a request of their own.
                let reversed = group.iter().filter(|term| term.negated).map(|term| Term { negated: false, ..*term });
                let reversed: Vec<Term> = entry.iter().copied().chain(reversed).collect();
                if reversed.len() > entry.len() {
                    self.add(base, &reversed, rule.span, cors);
                }
            }
            if let Action::SetVariable(_, sample) = &rule.action {
                self.keys(sample, base, rule.span);
            }
        }
        if let Some(stats) = &proxy.settings.stats {
            self.push(Request { target: stats.uri.to_string(), ..base.clone() }, stats.span, None);
        }
    }

    /// A request for each key of the maps behind a path or a host.
    fn keys(&mut self, sample: &Sample, base: &Request, span: Span) {
        for converter in &sample.converters {
            let Converter::Map(map, ..) = converter else { continue };
            for key in map.keys().take(KEYS) {
                if let Some(request) = probe::for_key(sample, map.matching(), key, base) {
                    self.push(request, span, None);
                }
            }
        }
    }

    fn add(&mut self, base: &Request, terms: &[Term], span: Span, cors: Option<Span>) {
        if let Some(request) = Probe::new(self.config, terms).request(base) {
            self.push(request, span, cors);
        }
    }

    fn push(&mut self, request: Request, span: Span, cors: Option<Span>) {
        if self.seen.insert((request.host.clone(), request.target.clone())) {
            self.routes.push(Route { request, span, cors });
        }
    }
}

fn groups(condition: Option<&Condition>) -> impl Iterator<Item = &[Term]> {
    condition.into_iter().flat_map(|condition| condition.groups.iter().map(Vec::as_slice))
}

/// Where a proxy sets headers that let browsers of other origins in.
fn cors(proxy: &Proxy) -> Option<Span> {
    let allows = |name: &Arc<str>| name.starts_with("access-control-allow-");
    let sets = |rule: &&Rule| match &rule.action {
        Action::SetHeader(name, _) | Action::AddHeader(name, _) => allows(name),
        Action::Return(reply) => reply.headers.iter().any(|(name, _)| allows(name)),
        _ => false,
    };
    proxy.response.iter().chain(&proxy.after_response).chain(&proxy.request).find(sets).map(|rule| rule.span)
}
