//! The server that a request is sent to (src/backend.c).

use std::sync::Arc;

use super::convert;
use super::fetch::Wanted;
use super::respond::Response;
use super::target;
use super::transaction::{Transaction, settle};
use crate::ask::{Ask, Fact};
use crate::haproxy::select::Listener;
use crate::haproxy::site::fcgi::Parameter;
use crate::haproxy::site::proxy::{Mode, Proxy};
use crate::haproxy::site::server::{Port, Server, whole};
use crate::haproxy::value::Value;
use crate::http::{Answer, Part, UpstreamMethod, Verdict};

/// An address and a port of it.
pub(super) struct Place {
    pub(super) address: Arc<str>,
    pub(super) port: u16,
}

impl<'c> Transaction<'c> {
    pub(super) fn reach_server(&mut self, ask: &mut Ask<'_>, backend: &'c Proxy) -> Verdict {
        let Some(server) = self.choose_server(ask, backend) else {
            if let Some(to) = &backend.dispatch {
                return self.forward(ask, Arc::clone(to), backend, None);
            }
            let down = backend.servers.iter().find_map(|server| server.failing_check);
            let step = match down {
                Some(check) => self.step("server", "option httpchk", check, "takes the servers down: the check is refused"),
                None => self.step("server", "backend", backend.span, "has no server that could take the request"),
            };
            if backend.servers.is_empty() {
                self.steps[step].part = Part::NoRoute;
            }
            if backend.settings.mode != Mode::Http {
                return self.verdict(Answer::Close, Some(step));
            }
            return self.refuse(ask, 503, Some(step));
        };
        if server.fcgi {
            self.set_request_uri(ask, backend);
        }
        if server.fcgi && backend.settings.mode == Mode::Http && !settle(ask, &self.uri.map(|uri| names_script(uri)), |_| true) {
            let status = if ask.method_is(self.config.special.connect) { 502 } else { 500 };
            let step = self.step("server", "server", server.span, "cannot be told a script: the target has no readable path");
            return self.refuse(ask, status, Some(step));
        }
        self.step("server", "server", server.span, "takes the request");
        let (to, place) = self.whereabouts(server);
        let own = place.and_then(|place| {
            let listener = self.config.listeners.own(&self.config.proxies, &place.address, place.port)?;
            Some((listener, place))
        });
        self.forward(ask, to, backend, own)
    }

    /// Where a server is: address and port that its line leaves open are those that the client came to (assign_server_address).
    fn whereabouts(&self, server: &Server) -> (Arc<str>, Option<Place>) {
        let is_open = matches!(&*server.address, "" | "*" | "0.0.0.0" | "::");
        let address = if is_open { &self.address } else { &server.address };
        let port = match server.port {
            Port::Mapped(offset) => self.port_from(offset),
            port => port.fixed(),
        };
        let to = match is_open || port != server.port.fixed() {
            true => whole(server.scheme, address, port).into(),
            false => Arc::clone(&server.to),
        };
        (to, port.map(|port| Place { address: Arc::clone(address), port }))
    }

    fn port_from(&self, offset: i32) -> Option<u16> {
        let Value::Known(data) = self.destination_port() else { return None };
        let port = data.last()?.number()?.checked_add(i64::from(offset))?;
        u16::try_from(port).ok()
    }

    /// The target as the `fcgi-app` tells it; an empty one is not told (src/fcgi-app.c, fcgi_flt_http_headers).
    fn set_request_uri(&mut self, ask: &mut Ask<'_>, backend: &'c Proxy) {
        let app = backend.fcgi_app.as_ref().and_then(|app| self.config.fcgi_apps.get(&app.value));
        let Some(app) = app else { return };
        let mut holding = app.request_uri.iter().rev();
        let Some(last) = holding.find(|parameter| self.is_told(ask, parameter)) else { return };
        let told = self.format(ask, &last.value);
        self.uri = self.uri.zip(&told, |uri, told| Arc::clone(if told.is_empty() { uri } else { told }));
    }

    fn is_told(&self, ask: &mut Ask<'_>, parameter: &Parameter) -> bool {
        let text = self.config.text(parameter.span);
        let unsure = || Fact::told(format!("`{text}` applies"), format!("`{text}` does not apply"));
        !parameter.conditional || ask.fact(unsure(), false)
    }

    fn choose_server(&mut self, ask: &mut Ask<'_>, backend: &'c Proxy) -> Option<&'c Server> {
        if backend.settings.disabled {
            return None;
        }
        for rule in &backend.server_rules {
            if !self.holds(ask, rule.condition.as_ref()) {
                continue;
            }
            let Value::Known(name) = self.format(ask, &rule.to) else { continue };
            // A name that is made at run time and means nothing ends the search; a server out of service does not.
            let Some(server) = backend.servers.iter().find(|server| server.name == name) else { break };
            if is_up(server) {
                self.step("server", "use-server", rule.span, "chooses the server");
                return Some(server);
            }
        }
        if let Some(server) = self.known_server(ask, backend) {
            return Some(server);
        }
        let usable = |backup: bool| {
            let all = backend.servers.iter().filter(move |server| server.backup == backup && server.weight > 0);
            all.filter(|server| is_up(server)).collect::<Vec<_>>()
        };
        let mut group = usable(false);
        if group.is_empty() {
            group = usable(true);
            if !backend.settings.all_backups {
                group.truncate(1);
            }
        }
        match &group[..] {
            [] => None,
            [only] => Some(only),
            several => {
                let options: Vec<Arc<str>> = several.iter().map(|server| Arc::clone(&server.chosen)).collect();
                Some(several[ask.choose(&backend.name, &options)])
            }
        }
    }

    /// The server that the client's cookie names (src/http_ana.c, http_manage_client_side_cookies). Only a client that was here
    /// before has one, so nobody is asked for it.
    fn known_server(&mut self, ask: &mut Ask<'_>, backend: &'c Proxy) -> Option<&'c Server> {
        let cookie = backend.settings.cookie.as_ref().filter(|cookie| !cookie.dynamic && ask.is_complete())?;
        if backend.settings.mode != Mode::Http {
            return None;
        }
        let rule = backend.persist_rules.iter().find(|rule| self.holds(ask, Some(&rule.condition)));
        let forces = rule.is_some_and(|rule| rule.forces);
        if rule.is_some() && !forces {
            return None;
        }
        let Value::Known(values) = self.cookie(ask, &cookie.name, Wanted::All) else { return None };
        let named = values.all().iter().filter_map(|value| {
            let text = value.text();
            let name = text.split(cookie.end).next()?;
            backend.servers.iter().find(|server| server.cookie.as_deref() == Some(name))
        });
        let mut usable = named.filter(|server| is_up(server) || forces || backend.settings.persist);
        usable.next()
    }

    /// The request goes upstream, and its response comes back through the rules.
    fn forward(&mut self, ask: &mut Ask<'_>, to: Arc<str>, backend: &'c Proxy, own: Option<(Listener, Place)>) -> Verdict {
        if let Some((listener, place)) = own {
            return self.hop(ask, listener, place, backend);
        }
        let target = match self.uri.clone() {
            Value::Known(uri) => Some(uri),
            Value::ByMethod(uris) => ask.settle(&uris),
            Value::Unknown => None,
        };
        let replaced = match self.line_method.clone().or_else(|| self.received_method.clone()) {
            Some(Value::Known(method)) => Some(method),
            Some(Value::ByMethod(methods)) => ask.settle(&methods),
            _ => None,
        };
        let setter = self.steps.iter().rposition(|step| step.directive == "http-request set-method");
        let method = replaced.map_or(UpstreamMethod::Unchanged, UpstreamMethod::Replaced);
        let mut decided_by = setter.filter(|_| method != UpstreamMethod::Unchanged);
        let mut status = None;
        if backend.settings.mode == Mode::Http {
            match self.response(ask) {
                Response::Replaced(verdict) => {
                    let Answer::Respond { status, .. } = verdict.answer else { return verdict };
                    return Verdict { answer: Answer::Forward { to, method, target, status: Some(status) }, ..verdict };
                }
                Response::Passed(changed, step) => {
                    status = changed;
                    decided_by = step.or(decided_by);
                }
            }
        }
        self.verdict(Answer::Forward { to, method, target, status }, decided_by)
    }
}

/// Whether FastCGI can be told which script is meant: it is named by the path, with its escapes resolved (src/mux_fcgi.c,
/// fcgi_set_default_param).
fn names_script(uri: &str) -> bool {
    target::path(uri).is_some_and(|path| convert::url_decode(path, false).is_some())
}

/// Whether requests may be sent to the server: it is not switched off, and its check is not known to fail.
fn is_up(server: &Server) -> bool {
    !server.disabled && server.failing_check.is_none()
}
