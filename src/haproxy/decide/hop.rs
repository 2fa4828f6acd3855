//! Requests that one section of a config sends to another through a socket: chained proxies, and health checks of endpoints
//! that the config itself answers.

use std::collections::HashMap;
use std::sync::Arc;

use super::balance::Place;
use super::host::names_host;
use super::respond::Response;
use super::transaction::Transaction;
use crate::ask::{Ask, Explorer};
use crate::haproxy::select::Listener;
use crate::haproxy::site::Config;
use crate::haproxy::site::proxy::{Mode, Proxy};
use crate::haproxy::site::server::{CheckKind, HealthCheck};
use crate::haproxy::value::{Data, Datum, Value};
use crate::http::{Answer, Request, Verdict};
use crate::source::Span;

/// A request that comes back to where it was is in a loop.
const MAX_HOPS: u8 = 8;

impl<'c> Transaction<'c> {
    /// The request goes on to another section, and the answer of that one comes back through this one's rules.
    pub(super) fn hop(&mut self, ask: &mut Ask<'_>, listener: Listener, place: Place, backend: &'c Proxy) -> Verdict {
        if self.hops >= MAX_HOPS {
            ask.doubt("the config sends the request to itself in a loop");
            return self.refuse(ask, 503, None);
        }
        let mut next = Transaction::new(self.config, listener, ask.request());
        (next.address, next.port) = (place.address, place.port);
        next.uri = self.uri.clone();
        next.received_uri = self.uri.clone();
        next.names_host = self.uri.map(|uri| names_host(uri));
        next.query_is_clients = self.query_is_clients;
        next.received_method = self.line_method.clone().or_else(|| self.received_method.clone());
        next.headers = std::mem::take(&mut self.headers);
        next.source = Some(Value::Known(Data::One(Datum::Address([127, 0, 0, 1].into()))));
        next.steps = std::mem::take(&mut self.steps);
        next.hops = self.hops + 1;
        let verdict = next.finish(ask);
        if backend.settings.mode == Mode::Http { self.relay(ask, verdict) } else { verdict }
    }

    fn relay(&mut self, ask: &mut Ask<'_>, verdict: Verdict) -> Verdict {
        let Verdict { answer, steps, decided_by } = verdict;
        self.steps = steps;
        self.status = match &answer {
            Answer::Respond { status, .. } => *status,
            Answer::Forward { status, .. } => status.unwrap_or(self.config.upstream_status),
            // The connection to the other section breaks before there is an answer.
            Answer::Close => {
                let mut broken = self.refuse(ask, 502, decided_by);
                broken.decided_by = broken.decided_by.or(decided_by);
                return broken;
            }
        };
        match self.response(ask) {
            Response::Replaced(replaced) => replaced,
            Response::Passed(None, _) => self.verdict(answer, decided_by),
            Response::Passed(Some(new), step) => {
                let answer = match answer {
                    Answer::Respond { headers, .. } => Answer::Respond { status: new, headers },
                    Answer::Forward { to, method, target, .. } => Answer::Forward { to, method, target, status: Some(new) },
                    Answer::Close => Answer::Close,
                };
                self.verdict(answer, step.or(decided_by))
            }
        }
    }
}

/// The servers whose HTTP check is answered by this config itself with a status that takes them down: the proxy, the server, and
/// where the check is configured.
pub(in crate::haproxy) fn failing_checks(config: &Config) -> Vec<(usize, usize, Span)> {
    /// Address, port, method and target of a check.
    type Check = (Arc<str>, u16, Arc<str>, Arc<str>);
    let mut known: HashMap<Check, bool> = HashMap::new();
    let mut failing = Vec::new();
    for (index, proxy) in config.proxies.iter().enumerate() {
        let health = &proxy.settings.check;
        if health.kind != CheckKind::Http {
            continue;
        }
        for (number, server) in proxy.servers.iter().enumerate() {
            let Some(check) = &server.check else { continue };
            let address = check.address.as_ref().unwrap_or(&server.address);
            let Some(port) = check.port.or(server.port.fixed()) else { continue };
            if config.listeners.own(&config.proxies, address, port).is_none() {
                continue;
            }
            let key = (Arc::clone(address), port, Arc::clone(&health.method), Arc::clone(&health.target));
            if *known.entry(key).or_insert_with(|| check_fails(config, health, address, port)) {
                failing.push((index, number, health.explicit.or(health.option).unwrap_or(check.span)));
            }
        }
    }
    failing
}

/// Whether every way that the check can go ends in a status that is not accepted.
pub(in crate::haproxy) fn check_fails(config: &Config, health: &HealthCheck, address: &Arc<str>, port: u16) -> bool {
    let request = Request {
        method: health.method.to_string().into(),
        host: health.host.as_ref().map(|host| host.to_string()),
        address: address.to_string().into(),
        port,
        target: health.target.to_string(),
        version: health.version.strip_prefix("HTTP/").unwrap_or("1.0").to_owned().into(),
        ..Request::default()
    };
    let explorer = Explorer { universe: &config.universe, candidates: None, disk: None, runs: 8 };
    let found = explorer.one(&request, |ask| super::decide(config, ask));
    found.exhaustive
        && found.branches.iter().all(|branch| match &branch.verdict.answer {
            Answer::Respond { status, .. } => health.accepts(*status) == Some(false),
            Answer::Close => true,
            Answer::Forward { .. } => false,
        })
}
