//! Representative requests: for each frontend the plainest one, and one for each condition on paths and hosts that it or the
//! backends behind it test.

mod probe;
mod values;

pub(super) use self::values::Values;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use self::probe::{Probe, Variables};
use super::site::Config;
use super::site::acl::{Condition, Criterion, Term};
use super::site::action::{Action, Rule};
use super::site::bind::Bind;
use super::site::proxy::{Mode, Proxy, Role};
use super::site::resolve::rules_of;
use super::site::sample::{Converter, Fetch, Sample};
use super::value::Datum;
use crate::http::Request;
use crate::server::{Extent, Route, Thinning};
use crate::source::Span;

/// Through how many entries the rules of one backend are looked at.
const ENTRIES: usize = 3;
/// How many keys of a map are tried.
const KEYS: usize = 16;
/// How many sockets of a frontend are tried.
const SOCKETS: usize = 8;

pub(super) fn routes(config: &Config) -> Vec<Route> {
    let mut entered: HashMap<usize, usize> = HashMap::new();
    let mut fronts = Vec::new();
    for proxy in config.proxies.iter().filter(|proxy| proxy.role.is_frontend() && !proxy.settings.disabled) {
        let mut requests: Vec<Request> = Vec::new();
        for request in proxy.binds.iter().filter_map(knock).take(SOCKETS) {
            if !requests.iter().any(|known| (known.port, &known.address) == (request.port, &request.address)) {
                requests.push(request);
            }
        }
        if requests.is_empty() {
            continue;
        }
        let doors: Vec<usize> = entries(config, proxy).collect();
        // Several frontends may lead to one backend; of their ways into it the first ones are looked at.
        let before = doors.iter().filter_map(|backend| Some((*backend, *entered.get(backend)?))).collect();
        doors.iter().for_each(|backend| *entered.entry(*backend).or_default() += 1);
        fronts.push((proxy, requests, before));
    }
    let (parts, variables) = (fronts.len(), Variables::new(config));
    let plan = |(proxy, requests, entries): (&Proxy, Vec<Request>, HashMap<usize, usize>)| {
        let thinning = Thinning::new(Extent::walked_whole(size(config, proxy), 0), parts);
        let mut planner = Planner { config, variables: &variables, routes: Vec::new(), seen: HashSet::new(), entries, thinning };
        let mut schemes = HashSet::new();
        for request in &requests {
            // Rules often part plain connections from those over TLS; of the sockets of one kind one is enough.
            match schemes.insert(&request.scheme) {
                true => planner.frontend(proxy, request),
                false => planner.push(request.clone(), proxy.span, cors(proxy)),
            }
        }
        planner.routes
    };
    let planned: Vec<Vec<Route>> = fronts.into_par_iter().map(plan).collect();
    // Copied once, into room for all.
    let mut routes = Vec::with_capacity(planned.iter().map(Vec::len).sum());
    planned.into_iter().for_each(|of_front| routes.extend(of_front));
    routes
}

/// A request that reaches a socket.
fn knock(bind: &Bind) -> Option<Request> {
    let (port, _) = bind.ports?;
    let address = match &*bind.address {
        "" | "127.0.0.1" => Cow::Borrowed("127.0.0.1"),
        other => other.to_owned().into(),
    };
    let scheme = if bind.tls { "https" } else { "http" };
    Some(Request { scheme: scheme.into(), address, port, ..Request::default() })
}

/// The backends that a frontend leads to, once for each way.
fn entries<'c>(config: &'c Config, proxy: &'c Proxy) -> impl Iterator<Item = usize> + use<'c> {
    let switched = proxy.switches.iter().flat_map(|switch| {
        let backend = switch.to.constant().and_then(|name| config.backends.get(name)).copied();
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
    variables: &'c Variables<'c>,
    routes: Vec<Route>,
    /// Port, host, target and version of the requests so far.
    seen: HashSet<(u16, Option<String>, String, Cow<'static, str>)>,
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
            let backend = switch.to.constant().and_then(|name| self.config.backends.get(name)).copied();
            let cors = plain_cors.or_else(|| backend.and_then(|backend| cors(&self.config.proxies[backend])));
            for group in groups(switch.condition.as_ref()) {
                self.add(base, group, switch.span, cors);
                if let Some(backend) = backend {
                    self.backend(backend, base, group, cors);
                }
            }
            switch.to.samples().for_each(|sample| self.keys(sample, base, switch.span));
        }
        match default {
            Some(backend) => self.backend(backend, base, &[], plain_cors),
            // Requests that reach no backend show little of the rules: those that reach one by a condition show more.
            None if proxy.role == Role::Frontend => {
                for entry in proxy.switches.iter().take(ENTRIES).flat_map(|switch| groups(switch.condition.as_ref()).take(1)) {
                    self.rules(proxy, base, entry, plain_cors);
                }
            }
            None => {}
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
                if let Some(request) = probe::for_key(self.variables, sample, map.matching(), key, base) {
                    self.push(request, span, None);
                }
            }
        }
    }

    fn add(&mut self, base: &Request, terms: &[Term], span: Span, cors: Option<Span>) {
        if let Some(request) = Probe::new(self.config, self.variables, terms).request(base) {
            let version = if self.want_old(terms) { Cow::Borrowed("1.0") } else { request.version.clone() };
            self.push(Request { version, ..request }, span, cors);
        }
    }

    /// Whether the terms want what only a request in HTTP/1.0 has.
    fn want_old(&self, terms: &[Term]) -> bool {
        let is = |criterion: &Criterion, version: &str| criterion.patterns.matches(&Datum::Text(version.into())) == Some(true);
        terms.iter().any(|term| {
            let versions = self.config.criteria_of(term.acl).iter().take(ENTRIES);
            let mut versions = versions.filter(|criterion| criterion.sample.fetch == Fetch::Version);
            versions.any(|criterion| is(criterion, "1.0") != term.negated && is(criterion, "1.1") == term.negated)
        })
    }

    fn push(&mut self, request: Request, span: Span, cors: Option<Span>) {
        if self.seen.insert((request.port, request.host.clone(), request.target.clone(), request.version.clone())) {
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::haproxy::Haproxy;
    use crate::server::{Release, Server, Task};
    use crate::source::{MemoryFiles, Reader, Settings};

    /// The requests of a frontend `f` on port 80 with these lines: scheme, host and target, and the version where it is old.
    fn requests(lines: &[&str]) -> Vec<String> {
        let head = "defaults\n mode http\nbackend b\n server s 127.0.0.1:1\nfrontend f\n bind 127.0.0.1:80\n ";
        let text = format!("{head}{}\n", lines.join("\n "));
        let files = MemoryFiles::default()
            .with("/c/haproxy.cfg", text.as_str())
            .with("/c/hosts.map", "a.example#/x b\nb.example b\n")
            .with("/c/a.pem", "");
        let settings = Settings::default();
        let mut reader = Reader::new(&files, &settings);
        reader.allow(Path::new("/c"));
        let main = reader.load(Path::new("/c/haproxy.cfg")).expect("the file is there");
        let site = Haproxy.read(&mut reader, &[main], &Task::new(&Haproxy, Some(Release(2, 6, 12)), Vec::new()));
        let written = |request: crate::http::Request| {
            let version = if request.version == "1.0" { " 1.0" } else { "" };
            format!("{}://{}:{}{}{version}", request.scheme, request.host.unwrap_or_default(), request.port, request.target)
        };
        site.routes().into_iter().map(|route| written(route.request)).collect()
    }

    #[test]
    fn alternatives_that_contradict_a_rule_give_way_to_others() {
        let lines = ["acl api path_beg /api /v2/api", "http-request deny if api { path_beg /v2 } METH_PUT", "default_backend b"];
        assert_eq!(requests(&lines), ["http://localhost:80/", "http://localhost:80/v2/api"]);
    }

    #[test]
    fn rules_meet_plain_connections_and_those_over_tls() {
        let lines = [
            "bind 127.0.0.1:443 ssl crt /c/a.pem",
            "bind 127.0.0.1:8443 ssl crt /c/a.pem",
            "http-request deny if { path /a }",
            "default_backend b",
        ];
        let found = requests(&lines);
        assert_eq!(found[..2], ["http://localhost:80/", "http://localhost:80/a"]);
        assert_eq!(found[2..], ["https://localhost:443/", "https://localhost:443/a", "https://localhost:8443/"]);
    }

    #[test]
    fn without_a_default_backend_rules_are_met_on_the_way_to_others() {
        let lines = ["acl v2 path_beg /v2/", "http-request deny if { path_sub /users } METH_POST", "use_backend b if v2"];
        assert!(requests(&lines).contains(&"http://localhost:80/v2/users".to_owned()));
    }

    #[test]
    fn keys_may_join_host_and_path_and_rules_may_want_old_requests() {
        let lines = [
            "http-request set-var(req.b) var(req.base),map(/c/hosts.map)",
            "http-request deny if HTTP_1.0 METH_POST",
            "default_backend b",
        ];
        assert_eq!(requests(&lines), ["http://localhost:80/", "http://a.example:80/x", "http://localhost:80/ 1.0"]);
    }
}
