//! What HAProxy does with a request, in its own order: parsing, TCP rules, `monitor-uri`, the frontend's HTTP rules, statistics,
//! redirects, the choice of a backend, the backend's rules, the choice of a server, and the rules for the response
//! (src/http_ana.c, src/stream.c).

mod act;
mod balance;
mod capture;
mod condition;
mod convert;
mod fetch;
mod hop;
mod host;
mod json;
mod message;
mod normalize;
mod request_line;
mod respond;
mod service;
mod target;
mod transaction;

pub(super) use self::convert::expand;
use std::ops::ControlFlow;
use std::sync::Arc;

use self::act::Flow;
use self::condition::Fetched;
pub(super) use self::hop::{check_fails, failing_checks};
pub(super) use self::request_line::SpecialMethods;
use self::transaction::{Transaction, settle};
use super::site::Config;
use super::site::action::Action;
use super::site::proxy::{Mode, Proxy, Restriction, Role};
use super::site::words;
use super::value::Value;
use crate::ask::{Ask, Fact};
use crate::http::{Answer, Part, Verdict};

/// How many sockets on one address are told apart.
const MOST_SHARING: usize = 64;

/// The verdict on the request behind `ask`.
pub(super) fn decide(config: &Config, ask: &mut Ask<'_>) -> Verdict {
    let request = ask.request();
    let listeners = config.listeners.find(&request.address, request.port);
    let listener = match &listeners[..] {
        [] => return Verdict { answer: Answer::Close, steps: Vec::new(), decided_by: None },
        [only] => *only,
        several => {
            // Sockets may share an address; the kernel then gives each of them a part of the connections.
            if several.len() > MOST_SHARING {
                ask.doubt("more sockets share the address than are looked at");
            }
            let takes = |index: usize| {
                format!("the {} `{}` takes the connection", several[index].role(config), several[index].name(config))
            };
            let options: Vec<Arc<str>> = (0..several.len().min(MOST_SHARING)).map(|index| takes(index).into()).collect();
            several[ask.choose("listener", &options)]
        }
    };
    let mut transaction = Transaction::new(config, listener, request);
    transaction.finish(ask)
}

impl<'c> Transaction<'c> {
    pub(super) fn finish(&mut self, ask: &mut Ask<'_>) -> Verdict {
        match self.run(ask) {
            ControlFlow::Break(verdict) => verdict,
            ControlFlow::Continue(()) => self.verdict(Answer::Close, None),
        }
    }

    fn run(&mut self, ask: &mut Ask<'_>) -> Flow {
        let (config, frontend) = (self.config, self.frontend);
        self.rules(ask, config.global.variables.iter())?;
        self.variables.extend(config.reads.lasting.iter().map(|name| (Arc::clone(name), Value::Unknown)));
        self.connection_rules(ask, frontend)?;
        if frontend.settings.mode != Mode::Http {
            return self.run_tcp(ask);
        }
        if let Some(status) = self.malformed(ask) {
            return Flow::Break(self.refuse_unparsed(status));
        }
        self.normalize_scheme(ask);
        self.content_rules(ask, frontend)?;
        self.take_in(ask)?;
        self.monitor(ask)?;
        self.proxy_rules(ask, frontend)?;
        let Some(backend) = self.choose_backend(ask) else {
            let step = frontend.switches.last().map(|switch| {
                let step = self.step("backend", "use_backend", switch.span, "no backend is chosen");
                self.steps[step].part = Part::NoRoute;
                step
            });
            return Flow::Break(self.refuse_at(ask, 503, step));
        };
        self.enter_backend(ask, backend)
    }

    fn enter_backend(&mut self, ask: &mut Ask<'_>, backend: &'c Proxy) -> Flow {
        self.backend = Some(backend);
        // The rules of a disabled backend are never set up.
        if !std::ptr::eq(backend, self.frontend) && !backend.settings.disabled {
            self.content_rules(ask, backend)?;
            self.proxy_rules(ask, backend)?;
        }
        Flow::Break(self.reach_server(ask, backend))
    }

    /// The first analyser of HTTP: it refuses the preface of HTTP/2, and fills the captures (src/http_ana.c, http_wait_for_request).
    fn take_in(&mut self, ask: &mut Ask<'_>) -> Flow {
        if ask.method_is(self.config.special.preface) && self.received_method.is_none() {
            return Flow::Break(self.refuse(ask, 400, None));
        }
        self.is_taken_in = true;
        self.capture_headers(ask);
        Flow::Continue(())
    }

    /// A TCP frontend passes every byte on; an HTTP backend behind it parses them after all.
    fn run_tcp(&mut self, ask: &mut Ask<'_>) -> Flow {
        let frontend = self.frontend;
        self.has_arrived = self.waits_for_request(ask);
        self.content_rules(ask, frontend)?;
        let backend = self.choose_backend(ask);
        self.has_arrived = true;
        let Some(backend) = backend else {
            return Flow::Break(self.verdict(Answer::Close, None));
        };
        if backend.settings.mode == Mode::Http {
            if let Some(status) = self.malformed(ask) {
                return Flow::Break(self.refuse_unparsed(status));
            }
            self.normalize_scheme(ask);
            self.take_in(ask)?;
            // The upgraded stream goes through the frontend's HTTP rules as well.
            self.monitor(ask)?;
            self.proxy_rules(ask, frontend)?;
            return self.enter_backend(ask, backend);
        }
        self.backend = Some(backend);
        if !std::ptr::eq(backend, frontend) {
            self.content_rules(ask, backend)?;
        }
        Flow::Break(self.reach_server(ask, backend))
    }

    /// Whether the request is there when a TCP frontend looks at it. Where no rule waits for it, that depends on the network; as a
    /// rule the connection comes first (src/tcp_rules.c, tcp_inspect_request).
    fn waits_for_request(&self, ask: &mut Ask<'_>) -> bool {
        let (config, frontend) = (self.config, self.frontend);
        let switches = frontend.switches.iter().filter_map(|switch| switch.condition.as_ref());
        let inherited = frontend.parent.map_or(&[][..], |parent| &config.proxies[parent].tcp_content);
        let rules = inherited.iter().chain(&frontend.tcp_content).filter_map(|rule| rule.condition.as_ref());
        if config.waits_for_request(frontend) || !rules.chain(switches).any(|condition| self.is_blind(condition)) {
            return true;
        }
        let (there, late) =
            ("the request is there when the frontend looks at it", "the frontend looks at the request before it is there");
        ask.fact(Fact::told(there, late), false)
    }

    /// `tcp-request connection` and `session`, before any byte is read.
    fn connection_rules(&mut self, ask: &mut Ask<'_>, proxy: &'c Proxy) -> Flow {
        let config = self.config;
        let parent = proxy.parent.map(|parent| &config.proxies[parent]);
        let connection = parent.map_or(&[][..], |parent| &parent.tcp_connection).iter().chain(&proxy.tcp_connection);
        self.early(ask, connection)?;
        let session = parent.map_or(&[][..], |parent| &parent.tcp_session).iter().chain(&proxy.tcp_session);
        self.early(ask, session)
    }

    /// Rules that see the connection only: a criterion that needs the request never matches there.
    fn early<'r>(&mut self, ask: &mut Ask<'_>, rules: impl Iterator<Item = &'r super::site::action::Rule>) -> Flow {
        for rule in rules {
            let blind = rule.condition.as_ref().is_some_and(|condition| self.is_blind(condition));
            if blind {
                continue;
            }
            if !self.holds(ask, rule.condition.as_ref()) {
                continue;
            }
            match rule.action {
                Action::Allow => break,
                Action::Reject | Action::SilentDrop => {
                    self.notice_silence(ask, &rule.action);
                    let step = self.step("connection", rule.name.to_string(), rule.span, "ends the connection");
                    return Flow::Break(self.verdict(Answer::Close, Some(step)));
                }
                _ => self.act(ask, rule)?,
            }
        }
        Flow::Continue(())
    }

    /// `silent-drop` forgets the connection without telling the client, which waits.
    fn notice_silence(&self, ask: &mut Ask<'_>, action: &Action) {
        if matches!(action, Action::SilentDrop) {
            ask.notice("the client waits until it gives up: nothing tells it that the connection is gone");
        }
    }

    fn content_rules(&mut self, ask: &mut Ask<'_>, proxy: &'c Proxy) -> Flow {
        let config = self.config;
        let inherited = proxy.parent.map_or(&[][..], |parent| &config.proxies[parent].tcp_content);
        self.rules(ask, inherited.iter().chain(&proxy.tcp_content))
    }

    /// `monitor-uri` answers every method before any HTTP rule.
    fn monitor(&mut self, ask: &mut Ask<'_>) -> Flow {
        let frontend = self.frontend;
        let Some(uri) = &frontend.settings.monitor_uri else { return Flow::Continue(()) };
        let is_meant = self.uri.map(|target| {
            let path = target::path_and_query(target).filter(|_| uri.value.starts_with('/'));
            path == Some(&*uri.value) || *target == uri.value
        });
        if !self.is_target(ask, &is_meant, "monitor-uri") {
            return Flow::Continue(());
        }
        let step = self.step("monitor", "monitor-uri", uri.span, "answers health checks of this proxy itself");
        for condition in &frontend.monitor_fail {
            if self.holds(ask, Some(condition)) {
                let fails = self.step("monitor", "monitor fail", condition.span, "says that the proxy is unwell");
                return Flow::Break(self.refuse_at(ask, 503, Some(fails)));
            }
        }
        Flow::Break(self.refuse_at(ask, 200, Some(step)))
    }

    /// `http-request` rules, the check of header names, statistics and `redirect` rules of one proxy.
    fn proxy_rules(&mut self, ask: &mut Ask<'_>, proxy: &'c Proxy) -> Flow {
        self.request_rules(ask, proxy)?;
        self.restrict_names(ask, proxy)?;
        self.stats(ask, proxy)?;
        for rule in &proxy.redirects {
            if self.holds(ask, rule.condition.as_ref())
                && let Action::Redirect(redirect) = &rule.action
                && let Some(verdict) = self.redirect(ask, redirect, rule)
            {
                return Flow::Break(verdict);
            }
        }
        Flow::Continue(())
    }

    /// Headers with other names than letters, digits and `-` make up.
    pub(super) fn restrict_names(&mut self, ask: &mut Ask<'_>, proxy: &'c Proxy) -> Flow {
        let Some(restriction) = proxy.settings.restrict_names else { return Flow::Continue(()) };
        let sent = ask.request().headers.iter().map(|(name, _)| Arc::from(name.to_ascii_lowercase()));
        let mut names: Vec<Arc<str>> =
            sent.chain(self.headers.keys().cloned()).filter(|name| !words::is_plain_name(name)).collect();
        names.retain(|name| self.lines(ask, name) != Value::Known(Vec::new()));
        match restriction {
            _ if names.is_empty() => {}
            Restriction::Delete => self.headers.extend(names.into_iter().map(|name| (name, Value::Known(Vec::new())))),
            Restriction::Reject(span) => {
                let step = self.step("http-request", "option http-restrict-req-hdr-names", span, "refuses the name of a header");
                return Flow::Break(self.refuse_at(ask, 403, Some(step)));
            }
        }
        Flow::Continue(())
    }

    /// The page of statistics takes GET, HEAD and POST below its URI (http_stats_check_uri).
    fn stats(&mut self, ask: &mut Ask<'_>, proxy: &'c Proxy) -> Flow {
        let Some(stats) = &proxy.settings.stats else { return Flow::Continue(()) };
        let is_below = self.uri.map(|uri| uri.starts_with(&*stats.uri));
        if !self.is_target(ask, &is_below, "stats uri") || !ask.method_is(self.config.special.stats) {
            return Flow::Continue(());
        }
        let step = self.step("stats", "stats uri", stats.span, "answers with the page of statistics");
        self.rules(ask, stats.rules.iter())?;
        if !stats.users.is_empty() && !self.is_stats_user(ask, &stats.users) {
            return Flow::Break(self.respond(ask, 401, Vec::new(), step));
        }
        if ask.method_is(self.config.special.post) {
            let admin = match &stats.admin {
                Some(condition) => self.holds(ask, condition.as_ref().as_ref()),
                None => false,
            };
            let result = match admin {
                true if ask.request().body.is_empty() => "NONE",
                true => "UNKN",
                false => "DENY",
            };
            let location = format!("{};st={result}", stats.uri);
            return Flow::Break(
                self.verdict(Answer::Respond { status: 303, headers: vec![("location", location.into())] }, Some(step)),
            );
        }
        Flow::Break(self.verdict(Answer::respond(200), Some(step)))
    }

    /// Whether the target is the one that a directive is about. One that cannot be told hardly is.
    fn is_target(&self, ask: &mut Ask<'_>, is: &Value<bool>, directive: &str) -> bool {
        let unsure = || {
            let (yes, no) = ("the target is that of", "the target is not that of");
            Fact::told(format!("{yes} `{directive}`"), format!("{no} `{directive}`"))
        };
        settle(ask, is, |ask| ask.fact(unsure(), false))
    }

    fn is_stats_user(&mut self, ask: &mut Ask<'_>, users: &[(Box<str>, Box<str>)]) -> bool {
        let Value::Known(lines) = self.lines(ask, "authorization") else { return false };
        let secret = lines.first().and_then(|line| line.split_once(' ')).and_then(|(_, secret)| convert::base64(secret.trim()));
        secret
            .as_deref()
            .and_then(|secret| secret.split_once(':'))
            .is_some_and(|(user, password)| users.iter().any(|(known, right)| **known == *user && **right == *password))
    }

    /// The first `use_backend` whose condition holds, else `default_backend`, else a `listen` itself.
    fn choose_backend(&mut self, ask: &mut Ask<'_>) -> Option<&'c Proxy> {
        let config = self.config;
        let frontend = self.frontend;
        let mut last = Fetched::default();
        for switch in &frontend.switches {
            if !self.holds_again(ask, switch.condition.as_ref(), &mut last) {
                continue;
            }
            let name = self.format(ask, &switch.to);
            let name = match name {
                Value::Known(name) => name,
                Value::ByMethod(names) => ask.settle(&names)?,
                Value::Unknown => self.any_backend(ask, switch)?,
            };
            self.step("backend", "use_backend", switch.span, "chooses the backend");
            match config.backends.get(&name) {
                Some(backend) => return Some(&config.proxies[*backend]),
                // A name that is made at run time and means nothing leaves the rest of the rules unread.
                None => break,
            }
        }
        let named = frontend.settings.default_backend.as_ref().and_then(|name| config.backends.get(&name.value));
        match named {
            Some(backend) => Some(&config.proxies[*backend]),
            None if frontend.role == Role::Listen => Some(frontend),
            None => None,
        }
    }

    /// A name that cannot be told may be that of any backend.
    fn any_backend(&mut self, ask: &mut Ask<'_>, switch: &super::site::proxy::Switch) -> Option<Arc<str>> {
        const MANY: usize = 8;
        let config = self.config;
        let mut names: Vec<Arc<str>> = config.backends.keys().cloned().collect();
        names.sort();
        if names.len() > MANY {
            ask.doubt(format!("which backend `{}` means cannot be told", config.text(switch.span)));
            return None;
        }
        let options: Vec<Arc<str>> = names.iter().map(|name| format!("the backend `{name}` is chosen").into()).collect();
        names.get(ask.choose(config.text(switch.span), &options)).cloned()
    }
}
