//! The interpreter of nginx's request processing, phase by phase (`ngx_http_core_module.c`, the phase engine).
//!
//! post-read → server rewrite → find location → location rewrite → (again while the URI changes) → preaccess → access →
//! precontent → content. Any phase may end in an error, which [`errors`] answers or sends round again.

mod access;
mod base64;
mod body;
mod code;
mod content;
mod dav;
mod errors;
mod files;
mod input;
mod links;
mod password;
mod precontent;
mod receive;
mod rewrite;
mod security;
mod tables;
mod upstream;
mod uri;
mod values;

use std::borrow::Cow;
use std::sync::Arc;

use crate::ask::Ask;
use crate::http::{Answer, MethodSet, Part, Step, Verdict};
use crate::modsecurity::Transaction;
use crate::source::Span;

use super::select::{Listeners, locate};
use super::site::{Handler, Model, ScopeId, VarId, pick};
pub(super) use uri::escape;
use values::{Captured, Value};

/// What nginx does with the request behind `ask`.
pub(super) fn decide(model: &Model, listeners: &Listeners, ask: &mut Ask<'_>) -> Verdict {
    let request = ask.request();
    let mut exchange = Exchange {
        model,
        ask,
        server: 0,
        scope: ScopeId(0),
        uri: String::new(),
        args: String::new(),
        host: Arc::from(""),
        method: Method::Client,
        target: Cow::Borrowed(&request.target),
        assigned: Vec::new(),
        cached: Vec::new(),
        looked_at: Vec::new(),
        changed_headers: Vec::new(),
        transaction: None,
        inspected: false,
        script: None,
        captured: None,
        escapes: Escapes::default(),
        handler: None,
        internal: false,
        changes_left: MAX_URI_CHANGES + 1,
        in_error_page: false,
        kept_status: None,
        uri_changed: false,
        target_is_valid: true,
        location_is_valid: true,
        adds_uri_to_alias: false,
        quoted: false,
        has_plus: false,
        body_refused: false,
        body_is_read: false,
        outer_method: None,
        steps: Vec::with_capacity(8),
        decided_by: None,
        depth: 0,
        written: 0,
    };
    let next = exchange.receive(listeners);
    let answer = exchange.run(next);
    Verdict { answer, steps: exchange.steps, decided_by: exchange.decided_by }
}

/// `NGX_HTTP_MAX_URI_CHANGES`
const MAX_URI_CHANGES: u8 = 10;

/// The phase that comes next, or how the request ends.
enum Next {
    ServerRewrite,
    FindLocation,
    LocationRewrite,
    Preaccess,
    Access,
    Precontent,
    Content,
    /// A special response: `error_page` may take it.
    Fail(u16),
    /// An answer that `error_page` does not touch.
    Send(u16),
    Done(Answer),
}

/// The method as `$request_method`, handlers and upstreams see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Client,
    /// An `error_page` with a URI made it GET.
    Get,
    /// Code of another module has set it: the one method of a set.
    Set(MethodSet),
}

/// Whether values encode the groups of a regex, as the engine of the rewrite phase does (`ngx_http_script_copy_capture_code`):
/// until a `rewrite` matches, and once one has written arguments.
#[derive(Clone, Copy, Debug, Default)]
struct Escapes {
    quote: bool,
    args: bool,
}

/// One request on its way through the phases.
struct Exchange<'m, 'a, 'k> {
    model: &'m Model,
    ask: &'k mut Ask<'a>,
    server: usize,
    /// The configuration that holds now (`r->loc_conf`).
    scope: ScopeId,
    uri: String,
    args: String,
    host: Arc<str>,
    method: Method,
    /// The target of the request line (`unparsed_uri`).
    target: Cow<'a, str>,
    assigned: Vec<(VarId, Value)>,
    /// Maps keep the value of their first use, whatever happens to the method later.
    cached: Vec<(VarId, Value)>,
    /// Maps whose value decided something already and is not in `cached` yet.
    looked_at: Vec<VarId>,
    /// Headers that a directive has set since the client sent them.
    changed_headers: Vec<(Arc<str>, Value)>,
    /// What ModSecurity remembers of the request, and whether it is done with it.
    transaction: Option<Transaction>,
    inspected: bool,
    /// `$fastcgi_script_name` and `$fastcgi_path_info`, as the location has first seen them.
    script: Option<(Arc<str>, Arc<str>)>,
    captured: Option<Captured>,
    escapes: Escapes,
    handler: Option<&'m Handler>,
    internal: bool,
    changes_left: u8,
    in_error_page: bool,
    /// The status that overrides what is sent (`r->err_status`).
    kept_status: Option<u16>,
    uri_changed: bool,
    target_is_valid: bool,
    location_is_valid: bool,
    /// `try_files` has found a file below an `alias` that stands for a regex.
    adds_uri_to_alias: bool,
    /// Whether the URI was decoded, so that it must be encoded again for an upstream.
    quoted: bool,
    /// Whether the path of the request line held a `+`.
    has_plus: bool,
    body_refused: bool,
    /// Whether somebody read the body before the handler.
    body_is_read: bool,
    /// In a subrequest, the method that the main request has (`r->main->method_name`).
    outer_method: Option<Method>,
    steps: Vec<Step>,
    decided_by: Option<usize>,
    depth: u8,
    /// The bytes of all texts that were put together so far.
    written: usize,
}

impl<'m, 'a> Exchange<'m, 'a, '_> {
    /// Rounds through the phases end by nginx's own counter; this bound is only a net.
    const MAX_ROUNDS: usize = 200;

    fn run(&mut self, mut next: Next) -> Answer {
        for _ in 0..Self::MAX_ROUNDS {
            next = match next {
                Next::ServerRewrite => self.server_rewrite(),
                Next::FindLocation => self.find_location(),
                Next::LocationRewrite => self.location_rewrite(),
                Next::Preaccess => self.preaccess(),
                Next::Access => self.access(),
                Next::Precontent => self.precontent(),
                Next::Content => self.content(),
                Next::Fail(status) => self.special_response(status),
                Next::Send(status) => Next::Done(Answer::respond(self.kept_status.unwrap_or(status))),
                Next::Done(answer) => return answer,
            };
        }
        self.ask.doubt("the request goes round through the config without end");
        Answer::respond(500)
    }

    /// `ngx_http_core_find_config_phase`
    fn find_location(&mut self) -> Next {
        self.handler = None;
        self.uri_changed = false;
        let server = self.model.servers[self.server].scope;
        let chosen = locate(self.model, server, &self.uri);
        if chosen.doubtful {
            self.ask.doubt("a regex of a `location` cannot be read");
        }
        for pattern in &chosen.patterns {
            self.capture(pattern, Value::Plain(self.uri.as_str().into()));
        }
        let location = self.model.scope(chosen.scope);
        if let (Some(internal), false) = (self.model.internal(chosen.scope), self.internal) {
            self.scope = chosen.scope;
            self.decide_by("find location", "internal", internal, "the location takes no request from outside");
            return Next::Fail(404);
        }
        if chosen.scope != server {
            self.step("find location", "location", location.span, "chosen");
        }
        self.enter(chosen.scope);
        if let Some(next) = self.check_body_size() {
            return next;
        }
        if chosen.redirect {
            self.decide_by("find location", "location", location.span, "redirects to the name with the slash");
            return Next::Fail(301);
        }
        Next::LocationRewrite
    }

    /// Makes a location's configuration the current one, or that of its `limit_except`
    /// (`ngx_http_update_location_config`).
    fn enter(&mut self, scope: ScopeId) {
        self.scope = scope;
        if let Some(limit) = &self.model.scope(scope).limit_except
            && self.method_is(limit.restricted)
        {
            self.scope = limit.scope;
            self.step("find location", "limit_except", limit.span, "the method is not listed");
        }
        self.take_handler();
    }

    /// `if` configurations keep the handler of the location unless they bring their own; `limit_except` takes over a `*_pass`
    /// alone.
    fn take_handler(&mut self) {
        use super::site::ScopeKind;
        let scope = self.model.scope(self.scope);
        if let Some(handler) = &scope.handler {
            self.handler = Some(handler);
            return;
        }
        if let (ScopeKind::LimitExcept, Some(parent)) = (&scope.kind, scope.parent)
            && let Some(handler @ Handler::Pass(pass)) = &self.model.scope(parent).handler
            && pass.kind != super::site::PassKind::Memcached
        {
            self.handler = Some(handler);
        }
    }

    /// The largest body that is taken, 0 for any, and where that is said.
    fn body_limit(&self) -> (u64, Option<Span>) {
        let limit = self.model.inherited(self.scope, pick!(BodyLimit));
        limit.map_or((1 << 20, None), |(limit, span)| (*limit, Some(span)))
    }

    fn check_body_size(&mut self) -> Option<Next> {
        let (limit, span) = self.body_limit();
        if limit == 0 || self.body_refused || self.outer_method.is_some() {
            return None;
        }
        let length: u64 = self.ask.request().header("content-length")?.trim().parse().ok()?;
        if length <= limit {
            return None;
        }
        self.body_refused = true;
        if let Some(span) = span {
            self.decide_by("find location", "client_max_body_size", span, "the body is larger");
        }
        Some(Next::Fail(413))
    }

    /// `ngx_http_internal_redirect`
    fn internal_redirect(&mut self, uri: String, args: String) -> Next {
        if !self.count_change() {
            return Next::Fail(500);
        }
        (self.uri, self.args) = (uri, args);
        self.internal = true;
        self.target_is_valid = false;
        self.location_is_valid = true;
        self.adds_uri_to_alias = false;
        self.script = None;
        self.handler = None;
        self.scope = self.model.servers[self.server].scope;
        Next::ServerRewrite
    }

    /// `ngx_http_named_location`
    fn named_location(&mut self, name: &str) -> Next {
        if !self.count_change() || self.uri.is_empty() {
            return Next::Fail(500);
        }
        let Some(scope) = self.model.servers[self.server].named.get(name).copied() else { return Next::Fail(500) };
        self.internal = true;
        self.uri_changed = false;
        self.script = None;
        self.handler = None;
        self.step("find location", "location", self.model.scope(scope).span, "named");
        self.enter(scope);
        Next::LocationRewrite
    }

    /// Gives false when the request has changed its URI too often.
    fn count_change(&mut self) -> bool {
        self.changes_left = self.changes_left.saturating_sub(1);
        self.changes_left > 0
    }

    fn step(&mut self, phase: &'static str, directive: &'static str, span: Span, note: &'static str) {
        self.steps.push(Step { phase, directive: Cow::Borrowed(directive), span, note: Cow::Borrowed(note), part: Part::Says });
    }

    /// Tells what part the last step has.
    fn plays(&mut self, part: Part) {
        if let Some(step) = self.steps.last_mut() {
            step.part = part;
        }
    }

    /// A step that, so far, is what a person would change.
    fn decide_by(&mut self, phase: &'static str, directive: &'static str, span: Span, note: &'static str) {
        self.decided_by = Some(self.steps.len());
        self.step(phase, directive, span, note);
    }
}
