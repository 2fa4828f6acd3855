//! Handing the request to an upstream, and how that sees its method and target (`ngx_http_proxy_module.c`,
//! `ngx_http_upstream.c`).

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use super::values::Value;
use super::{Exchange, Method, Next, uri};
use crate::http::{Answer, Part, UpstreamMethod};
use crate::nginx::site::{Builtin, Definition, Destination, Flag, Param, Pass, PassKind, Place, Setting, Text, pick};

const CACHE_HELP: &str = "harmless where the upstream answers GET and HEAD alike; else `proxy_cache_convert_head off` with $request_method in the cache key";

impl<'m> Exchange<'m, '_, '_> {
    pub(super) fn pass_on(&mut self, kind: PassKind) -> Next {
        if kind == PassKind::Memcached {
            if !self.method_in(&["GET", "HEAD"]) {
                return Next::Fail(405);
            }
        } else if let Some(next) = self.read_body() {
            return next;
        }
        // An `if` keeps the handler of an earlier one, but not where that goes ("no upstream configuration").
        let Some(pass) = self.model.pass(self.scope, kind) else { return Next::Fail(500) };
        let method = self.outgoing_method(kind);
        self.step("content", kind.directive(), pass.span, "sends the request on");
        if method == UpstreamMethod::Unchanged || self.decided_by.is_none() {
            self.decided_by.get_or_insert(self.steps.len() - 1);
        }
        let destination = match &pass.fixed {
            Some(destination) => Cow::Borrowed(destination),
            None => match self.destination(pass) {
                Ok(destination) => Cow::Owned(destination),
                Err(next) => return next,
            },
        };
        let is_replaced = pass.fixed.is_some() && !destination.uri.is_empty() && self.location_is_valid;
        if kind == PassKind::Proxy && is_replaced && self.uri.len() < pass.replaced.len() {
            // `try_files` has made the URI shorter than the part that the URL replaces: the worker dies.
            return Next::Done(Answer::Close);
        }
        let target = self.outgoing_target(kind, pass, &destination);
        // A reader of the request line takes the blank for its end.
        let target = match kind {
            PassKind::Proxy => target.map(|target| target.split(' ').next().unwrap_or("").into()),
            _ => target,
        };
        let to = match self.server_of(&destination) {
            Some(server) => destination.address(&server),
            None => return Next::Fail(502),
        };
        if kind == PassKind::Memcached {
            let key = self.model.memcached_key.map(|key| self.variable(key));
            if key.and_then(|key| self.settle(&key)).is_some_and(|key| key.is_empty()) {
                return Next::Fail(500);
            }
            // The protocol has no methods; a key that is there answers 200.
            return Next::Done(Answer::Forward { to, method: UpstreamMethod::Unchanged, target: None, status: self.kept_status });
        }
        Next::Done(Answer::Forward { to, method, target, status: self.kept_status })
    }

    /// A URL with variables is read on each request.
    fn destination(&mut self, pass: &'m Pass) -> Result<Destination, Next> {
        let Some(url) = self.settled(&pass.url) else {
            let scheme = Destination::parse(pass.kind, &pass.url.source);
            return Ok(scheme.unwrap_or(Destination {
                scheme: "http",
                authority: Arc::clone(&pass.url.source),
                uri: Arc::from(""),
            }));
        };
        let Some(destination) = Destination::parse(pass.kind, &url) else { return Err(Next::Fail(500)) };
        let host = destination.authority.rsplit_once(':').map_or(&*destination.authority, |(host, _)| host);
        // A name with a port is not that of an `upstream` block.
        let known = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
            || host == "unix"
            || self.model.groups.contains_key(&*destination.authority)
            || self.model.literal_hosts.contains(&*destination.authority);
        if host.is_empty() {
            return Err(Next::Fail(500));
        }
        if !known && !self.model.has_resolver {
            return Err(Next::Fail(502));
        }
        Ok(destination)
    }

    /// The server of an `upstream` block that takes the request; `None` where all of them are down.
    fn server_of(&mut self, destination: &Destination) -> Option<Arc<str>> {
        let Some(group) = self.model.groups.get(&*destination.authority) else {
            return Some(Arc::clone(&destination.authority));
        };
        match &group.servers[..] {
            [] => None,
            [server] => Some(Arc::clone(server)),
            servers => {
                let options: Vec<Arc<str>> =
                    servers.iter().map(|server| format!("the upstream server {server} is chosen").into()).collect();
                let chosen = self.ask.choose(&destination.authority, &options);
                servers.get(chosen).cloned()
            }
        }
    }

    fn outgoing_method(&mut self, kind: PassKind) -> UpstreamMethod {
        let value = match kind {
            PassKind::Proxy => return self.proxy_method(),
            PassKind::FastCgi | PassKind::Uwsgi | PassKind::Scgi => self.method_param(kind),
            PassKind::Grpc | PassKind::Memcached => return self.same_method(),
        };
        self.compare(value)
    }

    fn proxy_method(&mut self) -> UpstreamMethod {
        if self.is_converted() {
            return self.compare(Value::text("GET"));
        }
        let method = self.model.inherited(self.scope, pick!(ProxyMethod));
        let Some((method, span)) = method else { return self.same_method() };
        if self.is_request_method(method) && self.outer_method.is_none() {
            return self.same_method();
        }
        let value = self.value(method);
        if let Value::Unknown = value {
            self.ask.doubt("the value of `proxy_method` cannot be told");
        }
        let outgoing = self.compare(value);
        if outgoing != UpstreamMethod::Unchanged {
            self.decide_by("content", "proxy_method", span, "sets the method that the upstream sees");
        }
        outgoing
    }

    /// `ngx_http_upstream_cache`: to fill the cache, HEAD goes out as GET.
    fn is_converted(&mut self) -> bool {
        let cache = self.model.inherited(self.scope, pick!(ProxyCache));
        let Some((zone, span)) = cache else { return false };
        let converts = self.model.flag(self.scope, Flag::ConvertHead).is_none_or(|(on, _)| on);
        if !converts || zone.constant().is_some_and(|zone| &**zone == "off") || !self.method_in(&["HEAD"]) {
            return false;
        }
        let on = match self.settled(zone) {
            Some(zone) => !matches!(&*zone, "off" | ""),
            None => self.assume("what turns `proxy_cache` on"),
        };
        if on {
            self.decide_by("content", "proxy_cache", span, "fetches HEAD as GET");
            self.plays(Part::Cache { help: CACHE_HELP });
        }
        on
    }

    /// FastCGI, uwsgi and SCGI say the method in a parameter; of several the applications take the last.
    fn method_param(&mut self, kind: PassKind) -> Value {
        let params = self.model.inherited(self.scope, |setting| match setting {
            Setting::Params(known, params) if *known == kind => Some(params),
            _ => None,
        });
        let found = params.and_then(|(params, _)| self.param(params, "REQUEST_METHOD"));
        if found.is_none()
            && self.model.inherited(self.scope, |setting| matches!(setting, Setting::Unread).then_some(setting)).is_some()
        {
            // Mostly nginx's own `fastcgi_params`, which tells the client's method.
            self.ask.doubt("an included file that is not here may set the parameters");
            return self.request_method();
        }
        let Some((_, span)) = params else {
            if self.model.place != Place::Main {
                self.ask.doubt("the `http` block that this file is for may set the parameters");
                return self.request_method();
            }
            return Value::empty();
        };
        let Some(value) = found else {
            self.decide_by("content", param_directive(kind), span, "tells no method");
            return Value::empty();
        };
        let is_own = value
            .variable()
            .is_some_and(|id| matches!(self.model.variables.get(id).definition, Definition::Builtin(Builtin::RequestMethod)));
        if !is_own {
            self.decide_by("content", param_directive(kind), value.span, "sets the method that the upstream sees");
        }
        self.value(value)
    }

    /// The last parameter of a name that is sent.
    fn param(&mut self, params: &'m [Param], name: &str) -> Option<&'m Text> {
        let mut named = params.iter().rev().filter(|param| &*param.name == name);
        let is_sent = |param: &&Param| !param.skips_empty || self.settled(&param.value).is_none_or(|value| !value.is_empty());
        named.find(is_sent).map(|param| &param.value)
    }

    /// The method as this request has it now: the client's, unless an `error_page` made it GET.
    fn same_method(&mut self) -> UpstreamMethod {
        match self.method {
            Method::Client => UpstreamMethod::Unchanged,
            Method::Get => self.compare(Value::text("GET")),
            Method::Set(_) => self.compare(self.request_method()),
        }
    }

    fn is_request_method(&self, text: &Text) -> bool {
        let definition = |id| &self.model.variables.get(id).definition;
        text.variable().is_some_and(|id| matches!(definition(id), Definition::Builtin(Builtin::RequestMethod)))
    }

    /// Compares what goes out with what the client sent, for all methods of the run at once.
    fn compare(&mut self, outgoing: Value) -> UpstreamMethod {
        let model = self.model;
        match outgoing {
            Value::Plain(text) if self.ask.method_is(model.universe.only(&text)) => UpstreamMethod::Unchanged,
            Value::Plain(text) => UpstreamMethod::Replaced(text),
            Value::Methods(values) => {
                let changed = |client: &Arc<str>, outgoing: &Arc<str>| (client != outgoing).then(|| Arc::clone(outgoing));
                match self.ask.settle(&model.methods.names.zip(&values, changed)).flatten() {
                    Some(method) => UpstreamMethod::Replaced(method),
                    None => UpstreamMethod::Unchanged,
                }
            }
            Value::Unknown => UpstreamMethod::Unchanged,
        }
    }

    /// `ngx_http_proxy_create_request`; the CGI protocols tell the target in a parameter.
    fn outgoing_target(&mut self, kind: PassKind, pass: &'m Pass, destination: &Destination) -> Option<Arc<str>> {
        match kind {
            PassKind::Proxy => {}
            PassKind::Grpc if self.target_is_valid => return Some(self.target.as_ref().into()),
            PassKind::Grpc => return Some(self.with_args(self.escaped(&self.uri)).into()),
            PassKind::Memcached => return None,
            PassKind::FastCgi | PassKind::Uwsgi | PassKind::Scgi => {
                let params = self.model.inherited(self.scope, |setting| match setting {
                    Setting::Params(known, params) if *known == kind => Some(params),
                    _ => None,
                });
                let value = self.param(params?.0, "REQUEST_URI")?;
                return self.settled(value);
            }
        }
        if pass.url.is_unknown() {
            return None;
        }
        if pass.fixed.is_none() && !destination.uri.is_empty() {
            // A URL with variables is sent as it is.
            return Some(slashed(&destination.uri).into());
        }
        if destination.uri.is_empty() && self.target_is_valid {
            return Some(self.target.as_ref().into());
        }
        if destination.uri.is_empty() || !self.location_is_valid {
            return Some(self.with_args(self.escaped(&self.uri)).into());
        }
        let rest = self.uri.get(pass.replaced.len()..).unwrap_or("");
        Some(self.with_args(format!("{}{}", destination.uri, self.escaped(rest))).into())
    }

    /// `ngx_http_fastcgi_split`: the parts of the URI, which stay what they were at their first use.
    pub(super) fn script(&mut self) -> (Arc<str>, Arc<str>) {
        if let Some(script) = &self.script {
            return script.clone();
        }
        let split = self.model.inherited(self.scope, pick!(SplitPath));
        let groups = split.and_then(|(pattern, _)| pattern.groups(&self.uri).flatten());
        let group = |number: usize| groups.as_ref()?.numbered.get(number)?.clone();
        let name = group(1).unwrap_or_else(|| self.uri.clone());
        let index = self.model.inherited(self.scope, pick!(ScriptIndex));
        let index = index.map_or("", |(index, _)| index).to_owned();
        let name = if name.ends_with('/') { format!("{name}{index}") } else { name };
        let script: (Arc<str>, Arc<str>) = (name.into(), group(2).unwrap_or_default().into());
        self.script = Some(script.clone());
        script
    }

    fn escaped(&self, path: &str) -> String {
        if self.quoted || self.internal { uri::escape(path) } else { path.to_owned() }
    }

    fn with_args(&self, path: String) -> String {
        if self.args.is_empty() { path } else { format!("{path}?{}", self.args) }
    }
}

fn slashed(uri: &str) -> String {
    if uri.starts_with('?') { format!("/{uri}") } else { uri.to_owned() }
}

fn param_directive(kind: PassKind) -> &'static str {
    match kind {
        PassKind::Uwsgi => "uwsgi_param",
        PassKind::Scgi => "scgi_param",
        _ => "fastcgi_param",
    }
}
