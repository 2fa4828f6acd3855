//! Preaccess and access: limits, addresses, credentials (`ngx_http_core_access_phase`).

use super::{Escapes, Exchange, Method, Next, password};
use crate::ask::Fact;
use crate::http::Answer;
use crate::nginx::site::{CodePhase, Flag, LimitKind, Network, ScopeKind, Setting, Text, pick};
use crate::source::Span;

/// What one module of the access phase says.
enum Access {
    /// It has nothing to say (`NGX_DECLINED`).
    Declined,
    Granted,
    Refused(u16, Option<usize>),
    /// The phase ends with this, whatever `satisfy` says.
    Ended(Next),
}

impl<'m> Exchange<'m, '_, '_> {
    /// The web application firewall, then `limit_req` and `limit_conn`: whether a client is over its limit is a matter of the moment.
    pub(super) fn preaccess(&mut self) -> Next {
        if let Some(next) = self.security_body() {
            return next;
        }
        let limits = self.model.inherited(self.scope, pick!(Limits));
        for limit in limits.map_or(&[][..], |(limits, _)| limits) {
            // A request whose key is empty is not counted.
            let key = self.model.zones.get(&limit.zone).and_then(|key| self.settled(key));
            if key.is_some_and(|key| key.is_empty()) {
                continue;
            }
            let within = Fact::told(
                format!("the client is within the limit of zone {}", limit.zone),
                format!("the client is over the limit of zone {}", limit.zone),
            );
            if !self.ask.fact(within, true) {
                let status = self.model.inherited(self.scope, |setting| match setting {
                    Setting::LimitStatus(kind, status) if *kind == limit.kind => Some(status),
                    _ => None,
                });
                let name = if limit.kind == LimitKind::Requests { "limit_req" } else { "limit_conn" };
                self.decide_by("preaccess", name, limit.span, "the client is over its limit");
                return Next::Fail(status.map_or(503, |(status, _)| *status));
            }
        }
        Next::Access
    }

    pub(super) fn access(&mut self) -> Next {
        // Subrequests pass the whole phase by.
        if self.outer_method.is_some() {
            return Next::Precontent;
        }
        let any = self.model.is_on(self.scope, Flag::SatisfyAny);
        let mut refused: Option<(u16, Option<usize>)> = None;
        for check in [Self::check_address, Self::check_password, Self::ask_service] {
            match check(self) {
                Access::Declined => {}
                Access::Granted if any => {
                    refused = None;
                    break;
                }
                Access::Granted => {}
                Access::Refused(status, step) if any => {
                    // 401 stays even where a later check refuses with 403.
                    if refused.is_none_or(|(status, _)| status != 401) {
                        refused = Some((status, step));
                    }
                }
                Access::Refused(status, step) => {
                    self.decided_by = step.or(self.decided_by);
                    return Next::Fail(status);
                }
                Access::Ended(next) => return next,
            }
        }
        if let Some((status, step)) = refused {
            self.decided_by = step.or(self.decided_by);
            return Next::Fail(status);
        }
        self.module_code(CodePhase::Access).unwrap_or(Next::Precontent)
    }

    /// `ngx_http_access_module`: the first rule that fits decides.
    fn check_address(&mut self) -> Access {
        let rules = self.model.inherited(self.scope, pick!(Access));
        let Some((rules, _)) = rules else { return Access::Declined };
        for rule in rules {
            let fits = match rule.network {
                Network::All => true,
                Network::Unknown => self.assume("an address rule whose network is filled in later"),
                network => self.client_is_in(network),
            };
            if fits {
                let name = if rule.allow { "allow" } else { "deny" };
                self.step("access", name, rule.span, "fits the client's address");
                return if rule.allow { Access::Granted } else { self.refused(403) };
            }
        }
        Access::Declined
    }

    fn client_is_in(&mut self, network: Network) -> bool {
        let is_inside = |client: &str| client.parse().is_ok_and(|client| network.contains(client) == Some(true));
        if self.model.bodies.real_ip {
            return is_inside(&self.client());
        }
        self.ask.client_is(is_inside, network.example().map(|example| example.to_string().into()))
    }

    /// A refusal by the last step, or by the `limit_except` around it.
    fn refused(&mut self, status: u16) -> Access {
        let last = self.steps.len() - 1;
        let span = self.steps[last].span;
        let around = match self.model.scope(self.scope).kind {
            ScopeKind::LimitExcept if self.is_own(span) => self.steps.iter().rposition(|step| step.directive == "limit_except"),
            _ => None,
        };
        Access::Refused(status, around.or(Some(last)))
    }

    /// Whether a setting stands in the current level itself and is not inherited.
    fn is_own(&self, span: Span) -> bool {
        self.model.scope(self.scope).settings.iter().any(|(setting, own)| match setting {
            Setting::Access(rules) => rules.iter().any(|rule| rule.span == span),
            _ => *own == span,
        })
    }

    /// `ngx_http_auth_basic_module`
    fn check_password(&mut self) -> Access {
        let realm = self.model.inherited(self.scope, pick!(AuthBasic));
        let file = self.model.inherited(self.scope, pick!(AuthFile));
        let (Some((realm, span)), Some((file, _))) = (realm, file) else { return Access::Declined };
        if self.settled(realm).is_some_and(|realm| &*realm == "off") {
            return Access::Declined;
        }
        self.step("access", "auth_basic", span, "asks for a password");
        let Some(credentials) = self.credentials() else { return self.refused(401) };
        if let Some(file) = self.settled(file) {
            let path = self.configured(&file);
            let known = self.model.passwords.get(&*path).filter(|_| self.ask.is_complete());
            match known.and_then(|file| password::admits(file, &credentials)) {
                Some(true) => return Access::Granted,
                Some(false) => return self.refused(401),
                None if !self.file_exists(&path, true) => return self.refused(403),
                None => {}
            }
        }
        if self.ask.fact(Fact::told("the password is right", "the password is wrong"), true) {
            Access::Granted
        } else {
            self.refused(401)
        }
    }

    /// `ngx_http_auth_request_module`: a subrequest whose status decides.
    fn ask_service(&mut self) -> Access {
        let target = self.model.inherited(self.scope, pick!(AuthRequest));
        let Some((Some(target), span)) = target else { return Access::Declined };
        self.step("access", "auth_request", span, "asks another location");
        let step = self.steps.len() - 1;
        match self.authorise(target) {
            Some(Answer::Forward { status, .. }) if status.is_none_or(|status| (200..300).contains(&status)) => Access::Granted,
            Some(Answer::Forward { status: Some(status @ (401 | 403)), .. }) => Access::Refused(status, Some(step)),
            Some(Answer::Respond { status, .. }) if (200..300).contains(&status) => Access::Granted,
            Some(Answer::Respond { status: status @ (401 | 403), .. }) => Access::Refused(status, Some(step)),
            Some(Answer::Close) => Access::Ended(Next::Done(Answer::Close)),
            None => Access::Granted,
            Some(_) => {
                self.decided_by = Some(step);
                Access::Ended(Next::Fail(500))
            }
        }
    }

    /// Runs the subrequest: its method is GET, and it sees no access phase of its own.
    fn authorise(&mut self, target: &Text) -> Option<Answer> {
        if self.depth >= 8 {
            return None;
        }
        let scope = self.model.servers[self.server].scope;
        // Variables are those of the main request, in both directions.
        let (assigned, cached) = (std::mem::take(&mut self.assigned), std::mem::take(&mut self.cached));
        let mut sub = Exchange {
            model: self.model,
            ask: self.ask,
            server: self.server,
            scope,
            uri: target.source.to_string(),
            args: String::new(),
            host: self.host.clone(),
            method: Method::Get,
            target: self.target.clone(),
            assigned,
            cached,
            looked_at: Vec::new(),
            changed_headers: self.changed_headers.clone(),
            transaction: None,
            inspected: false,
            script: None,
            captured: None,
            escapes: Escapes::default(),
            handler: None,
            internal: true,
            changes_left: super::MAX_URI_CHANGES + 1,
            in_error_page: false,
            kept_status: None,
            uri_changed: false,
            target_is_valid: false,
            location_is_valid: true,
            adds_uri_to_alias: false,
            quoted: false,
            has_plus: false,
            body_refused: true,
            body_is_read: false,
            outer_method: Some(self.outer_method.unwrap_or(self.method)),
            steps: Vec::new(),
            decided_by: None,
            depth: self.depth + 1,
            written: self.written,
        };
        let answer = sub.run(Next::ServerRewrite);
        (self.assigned, self.cached) = (sub.assigned, sub.cached);
        Some(answer)
    }
}
