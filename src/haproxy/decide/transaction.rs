//! A request on its way through the proxy: what stands in it now, and what was noted about it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::host::names_host;
use crate::ask::Ask;
use crate::haproxy::select::Listener;
use crate::haproxy::site::Config;
use crate::haproxy::site::acl;
use crate::haproxy::site::bind::Bind;
use crate::haproxy::site::proxy::Proxy;
use crate::haproxy::value::{Data, Datum, Value};
use crate::http::{Answer, Part, Request, Step, Verdict};
use crate::source::Span;

/// Values of a header, one for each line.
pub(super) type Lines = Vec<Arc<str>>;

pub(super) struct Transaction<'c> {
    pub(super) config: &'c Config,
    pub(super) frontend: &'c Proxy,
    pub(super) bind: &'c Bind,
    /// The backend, once one is chosen.
    pub(super) backend: Option<&'c Proxy>,
    /// The address and port that the request came to.
    pub(super) address: Arc<str>,
    pub(super) port: u16,
    /// The target of the request line.
    pub(super) uri: Value<Arc<str>>,
    /// The target as this proxy received it.
    pub(super) received_uri: Value<Arc<str>>,
    /// Whether the target counts as one that names a host: so it came, or was set as a whole (HTX_SL_F_HAS_AUTHORITY).
    pub(super) names_host: Value<bool>,
    /// Whether the query is still the client's, so that its arguments may be asked for.
    pub(super) query_is_clients: bool,
    /// The method of the request line, where a rule replaced it.
    pub(super) line_method: Option<Value<Arc<str>>>,
    /// The method that this proxy received, where it is not the client's: another section sent the request here.
    pub(super) received_method: Option<Value<Arc<str>>>,
    /// Whether the request can be read at all: a TCP frontend may choose its backend before it is there.
    pub(super) has_arrived: bool,
    /// Whether an analyser of HTTP has taken the request in, so that its first line and its headers are captured.
    pub(super) is_taken_in: bool,
    /// What the slots of the frontend's captures hold.
    pub(super) captures: HashMap<usize, Value<Data>>,
    /// Headers that rules changed.
    pub(super) headers: HashMap<Arc<str>, Value<Lines>>,
    pub(super) variables: HashMap<Arc<str>, Value<Data>>,
    /// Whether code that cannot be read may have set variables.
    pub(super) opaque: bool,
    pub(super) source: Option<Value<Data>>,
    pub(super) destination_port: Option<Value<Data>>,
    /// Whether response rules are evaluated, which see less of the request.
    pub(super) responding: bool,
    /// Whether the credentials could not be read.
    pub(super) unauthorized: bool,
    /// The status of the response so far.
    pub(super) status: u16,
    pub(super) steps: Vec<Step>,
    /// How many sections of this config sent the request on to one another.
    pub(super) hops: u8,
    /// The bytes of all texts that were put together so far.
    pub(super) written: usize,
}

/// Whether something holds: the run is split where its methods differ in that, and `unsure` says what follows where it cannot be told.
pub(super) fn settle(ask: &mut Ask<'_>, holds: &Value<bool>, unsure: impl FnOnce(&mut Ask<'_>) -> bool) -> bool {
    match holds {
        Value::Known(holds) => *holds,
        Value::ByMethod(holds) => ask.settle(holds).unwrap_or(false),
        Value::Unknown => unsure(ask),
    }
}

impl<'c> Transaction<'c> {
    pub(super) fn new(config: &'c Config, listener: Listener, request: &Request) -> Self {
        let frontend = &config.proxies[listener.proxy];
        Transaction {
            config,
            frontend,
            bind: &frontend.binds[listener.bind],
            backend: None,
            address: (*request.address).into(),
            port: request.port,
            uri: Value::Known(request.target.as_str().into()),
            received_uri: Value::Known(request.target.as_str().into()),
            names_host: Value::Known(names_host(&request.target)),
            query_is_clients: true,
            line_method: None,
            received_method: None,
            has_arrived: true,
            is_taken_in: false,
            captures: HashMap::new(),
            headers: HashMap::new(),
            variables: HashMap::new(),
            opaque: false,
            source: None,
            destination_port: None,
            responding: false,
            unauthorized: false,
            status: config.upstream_status,
            steps: Vec::new(),
            hops: 0,
            written: 0,
        }
    }

    /// The proxy whose error pages come first.
    pub(super) fn current(&self) -> &'c Proxy {
        self.backend.unwrap_or(self.frontend)
    }

    pub(super) fn step(
        &mut self,
        phase: &'static str,
        directive: impl Into<Cow<'static, str>>,
        span: Span,
        note: impl Into<Cow<'static, str>>,
    ) -> usize {
        self.steps.push(Step { phase, directive: directive.into(), span, note: note.into(), part: Part::Says });
        self.steps.len() - 1
    }

    pub(super) fn verdict(&mut self, answer: Answer, decided_by: Option<usize>) -> Verdict {
        Verdict { answer, steps: std::mem::take(&mut self.steps), decided_by }
    }

    /// The lines of a header: those that a rule left, else the client's.
    pub(super) fn lines(&self, ask: &mut Ask<'_>, name: &str) -> Value<Lines> {
        if let Some(lines) = self.headers.get(name) {
            return lines.clone();
        }
        let sent = ask.request().headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let sent: Lines = sent.map(|(_, value)| value.trim().into()).collect();
        if !sent.is_empty() {
            return Value::Known(sent);
        }
        Value::Known(ask.header(name).map(|value| value.trim().into()).into_iter().collect())
    }

    /// The method as the fetch `method` gives it: the number of known ones is that of the received request, the text of others is
    /// read from the request line, and not at all once the response is here (src/http_fetch.c, smp_fetch_meth).
    pub(super) fn method(&self, ask: &Ask<'_>) -> Value<Data> {
        let received = self.received(ask).map(|name| acl::method(name));
        let line = if self.responding { None } else { self.line_method.as_ref() };
        let seen = match line {
            Some(line) => received.zip(line, |received, line| match received {
                Datum::Method { known: false, .. } => Datum::Method { known: false, text: Arc::clone(line) },
                known => known.clone(),
            }),
            None => received,
        };
        let responding = self.responding;
        seen.map(|datum| match datum {
            Datum::Method { known: false, .. } if responding => Data::Nothing,
            datum => Data::One(datum.clone()),
        })
    }

    /// The method that this proxy received.
    pub(super) fn received(&self, ask: &Ask<'_>) -> Value<Arc<str>> {
        match &self.received_method {
            Some(method) => method.clone(),
            None => Value::each_method(ask.universe(), ask.methods(), |name| name.into()),
        }
    }
}
