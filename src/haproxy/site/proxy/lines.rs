//! The lines of a proxy section (src/cfgparse-listen.c).

use std::sync::Arc;

use super::{Mode, Proxy, Role, Stats, Switch, values};
use crate::finding::{Finding, Severity};
use crate::grammar;
use crate::haproxy::site::action::{Reach, Set};
use crate::haproxy::site::build::{Refused, Word, words};
use crate::haproxy::site::forms;
use crate::haproxy::site::keywords::known;
use crate::haproxy::site::log;
use crate::haproxy::site::persistence;
use crate::haproxy::site::references::Named;
use crate::haproxy::site::section::SectionBuilder;
use crate::haproxy::site::tables;
use crate::server::Release;
use crate::source::{Span, Spanned};
use crate::syntax::Directive;

impl SectionBuilder<'_, '_> {
    pub(super) fn proxy_line(&mut self, proxy: &mut Proxy, line: Directive<'_>) -> Result<(), Refused> {
        let all = words(line);
        let span = line.head();
        self.place = Some(span);
        self.http = proxy.settings.mode == Mode::Http;
        self.reach = Reach::Any;
        let (modifier, words) = match all.first() {
            Some(first) if matches!(first.text, "no" | "default") => (Some(*first), &all[1..]),
            _ => (None, &all[..]),
        };
        let Some(first) = words.first() else { return Ok(()) };
        if let Some(modifier) = modifier
            && !matches!(first.text, "option" | "log")
        {
            let message = format!("`{}` may stand before options and `log` only", modifier.text);
            return Err(Refused::new(modifier.span, message));
        }
        self.known_keyword(proxy.role, first)?;
        let rest = &words[1..];
        if modifier.is_none() {
            forms::check(forms::PROXY, first, rest, span)?;
        }
        let role = proxy.role;
        match first.text {
            "acl" => {
                self.rules_allowed(proxy, "acl", span)?;
                self.acl_line(rest, span)
            }
            "http-request" => self.rule_line(proxy, Set::Request, "http-request", rest, span),
            "http-response" => self.rule_line(proxy, Set::Response, "http-response", rest, span),
            "http-after-response" => self.rule_line(proxy, Set::AfterResponse, "http-after-response", rest, span),
            "tcp-request" => self.tcp_request(proxy, rest, span),
            "tcp-response" => self.tcp_response(proxy, rest, span),
            "redirect" => {
                let rule = self.redirect_line(rest, span)?;
                proxy.redirects.push(rule);
                Ok(())
            }
            "use_backend" | "default_backend"
                if role == Role::Backend && rest.first().is_some_and(|name| *name.text == *proxy.name) =>
            {
                Err(Refused::new(span, "this backend would use itself"))
            }
            "stick-table" => {
                tables::stick_table(rest, span, self.config.release)?;
                self.notes.tables.insert((&*proxy.name).into());
                Ok(())
            }
            // A frontend ignores it.
            "stick" if role.is_backend() => {
                let named = rest.iter().position(|word| word.text == "table").and_then(|at| rest.get(at + 1));
                let table = named.copied().unwrap_or(Word { text: "", span });
                self.want(Named::Table, table.text, table.span);
                Ok(())
            }
            "timeout" => values::timeout(rest, span),
            // What `global` says, or nothing any more.
            "log" if rest.first().is_some_and(|word| word.text == "global") || modifier.is_some() => Ok(()),
            "log" => log::log(rest, span),
            "compression" => values::compression(rest, span),
            "hash-type" => values::hash_type(rest),
            "tcp-check" => values::tcp_check(&mut proxy.check_steps, rest, span),
            "use_backend" if !role.is_frontend() => {
                self.ignored(first.span, "`use_backend` is ignored in a backend");
                Ok(())
            }
            "use_backend" | "use-server" => self.switch(proxy, first, rest, span),
            "default_backend" if role == Role::Backend => {
                self.ignored(first.span, "`default_backend` is ignored in a backend");
                Ok(())
            }
            "default_backend" => {
                let name = need(rest, 0, "the name of the backend", span)?;
                if let Some(extra) = rest.get(1) {
                    return Err(
                        Refused::new(extra.span, "`default_backend` takes one name").help("conditions belong to `use_backend`")
                    );
                }
                proxy.settings.default_backend = Some(Spanned::new(name.text.into(), name.span));
                Ok(())
            }
            "bind" if role == Role::Backend => {
                self.ignored(first.span, "`bind` is ignored in a backend");
                Ok(())
            }
            "bind" => {
                let binds = self.bind(rest, span)?;
                proxy.binds.extend(binds);
                Ok(())
            }
            "mode" => self.mode(proxy, rest, span),
            "disabled" => {
                proxy.settings.disabled = true;
                Ok(())
            }
            "enabled" => {
                proxy.settings.disabled = false;
                Ok(())
            }
            "monitor-uri" if role == Role::Backend => {
                self.ignored(first.span, "`monitor-uri` is ignored in a backend");
                Ok(())
            }
            "monitor-uri" => {
                let uri = need(rest, 0, "the URI", span)?;
                proxy.settings.monitor_uri = Some(Spanned::new(uri.text.into(), span));
                Ok(())
            }
            "monitor" => self.monitor(proxy, rest, span),
            "stats" => self.stats(proxy, rest, span),
            "server" | "server-template" if role == Role::Frontend || role == Role::Defaults => {
                Err(Refused::new(first.span, format!("`{}` cannot stand in a `{}`", first.text, role.name())))
            }
            "server" | "server-template" => {
                let http = proxy.settings.mode == Mode::Http;
                let servers = self.server(rest, span, &proxy.settings.server, http, first.text == "server-template")?;
                if let Some(second) = servers.iter().find(|server| self.server_names.contains(&server.name)) {
                    let message = format!("there is already a server `{}` in this section", second.name);
                    return Err(Refused::new(span, message));
                }
                self.server_names.extend(servers.iter().map(|server| Arc::clone(&server.name)));
                proxy.servers.extend(servers);
                Ok(())
            }
            "default-server" if role == Role::Frontend => {
                Err(Refused::new(first.span, "`default-server` cannot stand in a `frontend`"))
            }
            "default-server" => self.default_server(rest, &mut proxy.settings.server),
            "dispatch" => {
                let place = need(rest, 0, "the address", span)?;
                proxy.dispatch = Some(format!("http://{}", place.text).into());
                Ok(())
            }
            "errorfile" | "errorloc" | "errorloc302" | "errorloc303" => {
                let mut pages = Arc::unwrap_or_clone(std::mem::take(&mut proxy.settings.errors));
                let read = self.error_page(first.text, rest, span, &mut pages);
                proxy.settings.errors = Arc::new(pages);
                read
            }
            "errorfiles" => self.errorfiles(proxy, rest, span),
            "http-error" => self.http_error(proxy, rest, span),
            "option" => self.option(proxy, modifier.is_none(), rest, span),
            "http-check" => self.http_check(proxy, rest, span),
            "retry-on" if !role.is_backend() && role != Role::Defaults => {
                Err(Refused::new(first.span, "`retry-on` is for backends"))
            }
            "retry-on" => values::retry_on(rest),
            "balance" => values::balance(rest, span),
            "clitimeout" | "srvtimeout" | "contimeout" if self.config.release >= Release(2, 1, 0) => {
                Err(Refused::new(first.span, format!("`{}` is gone since HAProxy 2.1", first.text)).help("write `timeout`"))
            }
            "appsession" => Err(Refused::new(first.span, "`appsession` is gone since HAProxy 1.6")),
            "monitor-net" if self.config.release >= Release(2, 3, 0) => {
                Err(Refused::new(first.span, "`monitor-net` is gone: write `http-request return status 200 if { src … }`"))
            }
            "declare" if role == Role::Backend => Err(Refused::new(first.span, "`declare` is for frontends")),
            "capture" => self.capture_line(rest, span),
            "declare" => self.declare_line(rest, span),
            "force-persist" | "ignore-persist" => self.persist_rule(proxy, first, rest, span),
            "cookie" => {
                proxy.settings.cookie = Some(persistence::cookie(rest, span)?);
                Ok(())
            }
            "id" => {
                proxy.id = rest[0].text.parse().ok();
                Ok(())
            }
            "grace" if self.config.release >= Release(2, 5, 0) => {
                Err(Refused::new(first.span, "`grace` is gone since HAProxy 2.5"))
            }
            "use-fcgi-app" => {
                let name = need(rest, 0, "the name of the `fcgi-app`", span)?;
                proxy.fcgi_app = Some(Spanned::new(name.text.into(), name.span));
                Ok(())
            }
            "filter" => {
                let kind = need(rest, 0, "the kind of filter", span)?;
                if !grammar::HAPROXY.find(kind.text).any(|entry| entry.module == "filter") && !kind.text.starts_with("lua.") {
                    return Err(Refused::new(kind.span, format!("there is no filter `{}`", kind.text)));
                }
                if let (true, Some(cache)) = (kind.text == "cache", rest.get(1)) {
                    self.want(Named::Cache, cache.text, cache.span);
                }
                if rest.first().is_some_and(|kind| matches!(kind.text, "spoe" | "opentracing")) {
                    proxy.filter = Some(span);
                }
                Ok(())
            }
            "unique-id-format" | "log-format" | "error-log-format" | "log-format-sd" => {
                self.reach = if first.text == "unique-id-format" { Reach::Any } else { Reach::Logs };
                // These are read when the mode is settled.
                self.http = true;
                let format = need(rest, 0, "the format", span)?;
                let format = self.format(&format)?;
                if first.text == "log-format" {
                    proxy.settings.logs_request = format.wants_request || format.samples().next().is_some();
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn known_keyword(&self, role: Role, word: &Word<'_>) -> Result<(), Refused> {
        let missing = format_args!("there is no keyword `{}` in a `{}`", word.text, role.name());
        let entry = known("proxy", word, format_args!("{}", word.text), missing, self.config.release)
            .map_err(|refused| instead(word.text, refused))?;
        if role == Role::Defaults && !entry.allowed_in("defaults") {
            return Err(Refused::new(word.span, format!("`{}` cannot stand in a `defaults` section", word.text)));
        }
        Ok(())
    }

    /// What HAProxy ignores with a warning.
    fn ignored(&mut self, span: Span, message: &str) {
        self.notes.findings.push(Finding::new("method-check-ineffective", Severity::Info, span, message));
    }

    /// Rules and ACLs may stand in named `defaults` sections, since 2.5.
    fn rules_allowed(&self, proxy: &Proxy, what: &str, span: Span) -> Result<(), Refused> {
        if proxy.role != Role::Defaults {
            return Ok(());
        }
        if proxy.name.is_empty() || self.config.release < Release(2, 5, 0) {
            let refused = Refused::new(span, format!("`{what}` cannot stand in a `defaults` section without a name"));
            return Err(refused.help("give the section a name and take it over with `from`, or move the line"));
        }
        Ok(())
    }

    fn rule_line(&mut self, proxy: &mut Proxy, set: Set, family: &str, words: &[Word<'_>], span: Span) -> Result<(), Refused> {
        self.rules_allowed(proxy, family, span)?;
        let rule = self.rule(set, family, words, span)?;
        proxy.rules(set).push(rule);
        Ok(())
    }

    fn tcp_request(&mut self, proxy: &mut Proxy, words: &[Word<'_>], span: Span) -> Result<(), Refused> {
        let what = need(words, 0, "what is looked at", span)?;
        let rest = &words[1..];
        match what.text {
            "inspect-delay" => {
                self.rules_allowed(proxy, "tcp-request inspect-delay", span)?;
                let delay = need(rest, 0, "the delay", span)?;
                forms::time(delay.text).map_err(|message| Refused::new(delay.span, message))?;
                proxy.inspect_delay = true;
                Ok(())
            }
            "connection" if proxy.role.is_frontend() || proxy.role == Role::Defaults => {
                self.rule_line(proxy, Set::TcpConnection, "tcp-request connection", rest, span)
            }
            "session" if proxy.role.is_frontend() || proxy.role == Role::Defaults => {
                self.rule_line(proxy, Set::TcpSession, "tcp-request session", rest, span)
            }
            "content" => self.rule_line(proxy, Set::TcpContent, "tcp-request content", rest, span),
            other => Err(Refused::new(what.span, format!("`tcp-request {other}` is not allowed in a `{}`", proxy.role.name()))),
        }
    }

    fn tcp_response(&mut self, proxy: &mut Proxy, words: &[Word<'_>], span: Span) -> Result<(), Refused> {
        if proxy.role == Role::Frontend {
            return Err(Refused::new(span, "`tcp-response` is for backends"));
        }
        if words.first().is_none_or(|word| word.text != "content") {
            return Ok(());
        }
        self.rule(Set::TcpResponse, "tcp-response content", &words[1..], span).map(|_| ())
    }

    fn switch(&mut self, proxy: &mut Proxy, name: &Word<'_>, words: &[Word<'_>], span: Span) -> Result<(), Refused> {
        let to = need(words, 0, "a name", span)?;
        self.reach = Reach::Frontend;
        self.http = true;
        let format = self.format(&to)?;
        let condition = self.trailing_condition(&words[1..], name.text)?;
        if name.text == "use-server" {
            if condition.is_none() {
                return Err(Refused::new(span, "`use-server` needs `if` or `unless`"));
            }
            proxy.server_rules.push(Switch { to: format, condition, span });
        } else {
            proxy.switches.push(Switch { to: format, condition, span });
        }
        Ok(())
    }

    fn mode(&mut self, proxy: &mut Proxy, words: &[Word<'_>], span: Span) -> Result<(), Refused> {
        let mode = need(words, 0, "the mode", span)?;
        proxy.mode_span = Some(span);
        proxy.settings.mode = match mode.text {
            "http" => Mode::Http,
            "tcp" => Mode::Tcp,
            "health" if self.config.release < Release(2, 4, 0) => Mode::Other,
            "log" | "spop" | "haterm" if self.config.release >= Release(2, 9, 0) => Mode::Other,
            other => return Err(Refused::new(mode.span, format!("there is no mode `{other}`")).help("use `http` or `tcp`")),
        };
        Ok(())
    }

    fn monitor(&mut self, proxy: &mut Proxy, words: &[Word<'_>], span: Span) -> Result<(), Refused> {
        let fail = need(words, 0, "`fail`", span)?;
        if fail.text != "fail" {
            return Err(Refused::new(fail.span, "`monitor` knows `fail` only"));
        }
        let Some(condition) = self.trailing_condition(&words[1..], "monitor fail")? else {
            return Err(Refused::new(span, "`monitor fail` needs `if` or `unless`"));
        };
        proxy.monitor_fail.push(condition);
        Ok(())
    }

    fn stats(&mut self, proxy: &mut Proxy, words: &[Word<'_>], span: Span) -> Result<(), Refused> {
        let what = need(words, 0, "what about the statistics", span)?;
        // The first line of a section takes it off all that its `defaults` says (cfg_parse_listen).
        let section = self.index;
        let so_far = proxy.settings.stats.take().filter(|stats| stats.section == section || self.role == Role::Defaults);
        let mut stats = so_far.unwrap_or_else(|| Stats {
            section,
            uri: "/haproxy?stats".into(),
            span,
            users: Arc::new([]),
            admin: None,
            realm: false,
            rules: Arc::default(),
        });
        let read = self.stats_line(&mut stats, what, words, span);
        proxy.settings.stats = Some(stats);
        read
    }

    fn stats_line(&mut self, stats: &mut Stats, what: Word<'_>, words: &[Word<'_>], span: Span) -> Result<(), Refused> {
        match what.text {
            "uri" => {
                stats.uri = need(words, 1, "the URI", span)?.text.into();
                stats.span = span;
            }
            "auth" => {
                let account = need(words, 1, "the account", span)?;
                let (user, password) = account.text.split_once(':').unwrap_or((account.text, ""));
                let mut users = stats.users.to_vec();
                users.push((user.into(), password.into()));
                stats.users = users.into();
            }
            "admin" if self.role == Role::Defaults => {
                return Err(Refused::new(what.span, "`stats admin` cannot stand in a `defaults` section"));
            }
            "scope" => _ = need(words, 1, "the name of a proxy", span)?,
            "refresh" => {
                let interval = need(words, 1, "the interval", span)?;
                forms::time(interval.text).map_err(|message| Refused::new(interval.span, message))?;
            }
            "admin" => {
                let condition = self.trailing_condition(&words[1..], "stats admin")?;
                if condition.is_none() {
                    return Err(Refused::new(span, "`stats admin` needs `if` or `unless`"));
                }
                stats.admin = Some(Arc::new(condition));
            }
            "http-request" => {
                let rule = self.rule(Set::Request, "http-request", &words[1..], span)?;
                let mut rules = Arc::try_unwrap(std::mem::take(&mut stats.rules)).unwrap_or_default();
                rules.push(rule);
                stats.rules = Arc::new(rules);
            }
            "realm" => stats.realm = true,
            "enable" | "hide-version" | "show-legends" | "show-node" | "show-desc" | "show-modules" => {}
            other => return Err(Refused::new(what.span, format!("`stats` knows no `{other}`"))),
        }
        Ok(())
    }
}

/// What is written in place of keywords that are gone.
fn instead(keyword: &str, refused: Refused) -> Refused {
    let is_of = |start: &str| keyword.starts_with(start) && refused.help.is_none();
    match keyword {
        "block" => refused.help("write `http-request deny`"),
        _ if is_of("req") => refused.help("write an `http-request` rule"),
        _ if is_of("rsp") => refused.help("write an `http-response` rule"),
        _ => refused,
    }
}

/// The word at `index`, which must be there.
pub(in crate::haproxy::site) fn need<'w>(words: &[Word<'w>], index: usize, what: &str, line: Span) -> Result<Word<'w>, Refused> {
    words.get(index).copied().ok_or_else(|| Refused::new(line, format!("{what} is missing")))
}
