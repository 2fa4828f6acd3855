//! Services that answer in place of a server: their response goes through the rules for responses.

use std::ops::ControlFlow;

use super::convert;
use super::respond::Response;
use super::target;
use super::transaction::Transaction;
use crate::ask::Ask;
use crate::haproxy::site::action::{Rule, Service};
use crate::haproxy::value::Value;
use crate::http::{Answer, Verdict};

impl Transaction<'_> {
    pub(super) fn serve(&mut self, ask: &mut Ask<'_>, service: Service, rule: &Rule) -> Verdict {
        // The names of headers are looked at before the service gets to work.
        let current = self.current();
        if let ControlFlow::Break(refused) = self.restrict_names(ask, current) {
            return refused;
        }
        let step = self.step("http-request", rule.name.to_string(), rule.span, "a service answers");
        self.status = match (service, &self.uri) {
            (Service::Lua, _) => {
                ask.doubt(format!("the service of `{}` may answer anything", self.config.text(rule.span)));
                200
            }
            (Service::Prometheus, Value::Known(uri)) if !is_query_of_exporter(target::query(uri).unwrap_or("")) => 400,
            (Service::Prometheus, _) => 200,
        };
        match self.response(ask) {
            Response::Replaced(verdict) => verdict,
            Response::Passed(_, changed) => self.verdict(Answer::respond(self.status), changed.or(Some(step))),
        }
    }
}

/// Whether the exporter of metrics takes a query: it knows its scopes, and one `=` a parameter (promex_parse_uri).
fn is_query_of_exporter(query: &str) -> bool {
    const SCOPES: &[&str] = &["", "*", "global", "server", "backend", "frontend", "listener", "sticktable"];
    let query = query.split('#').next().unwrap_or(query);
    query.split('&').all(|parameter| {
        let (key, value) = parameter.split_once('=').map_or((parameter, None), |(key, value)| (key, Some(value)));
        let decoded = value.map(|value| convert::url_decode(value, true).filter(|_| !value.contains('=')));
        match (convert::url_decode(key, true).as_deref(), decoded) {
            (None, _) | (_, Some(None)) => false,
            (Some("scope"), value) => value.flatten().is_some_and(|value| SCOPES.contains(&value.as_str())),
            _ => true,
        }
    })
}
