//! What the actions of `http-request` rules do (src/http_act.c).

use std::ops::ControlFlow;
use std::sync::Arc;

use super::condition::Fetched;
use super::convert;
use super::fetch::stored;
use super::normalize;
use super::target;
use super::transaction::{Transaction, settle};
use crate::ask::{Ask, Fact};
use crate::haproxy::site::action::{Action, Body, DeleteBy, Part, Redirect, RedirectKind, Reply, Rule};
use crate::haproxy::site::errors::ErrorPage;
use crate::haproxy::site::format::Format;
use crate::haproxy::site::proxy::Proxy;
use crate::haproxy::site::words;
use crate::haproxy::value::{Data, Datum, Value};
use crate::http::{Answer, Verdict};
use crate::pattern::Pattern;
use crate::server::Release;

/// How a rule set ended.
pub(super) type Flow = ControlFlow<Verdict>;

impl<'c> Transaction<'c> {
    /// The rules of one proxy: those of its `defaults`, then its own. `allow` ends both.
    pub(super) fn request_rules(&mut self, ask: &mut Ask<'_>, proxy: &Proxy) -> Flow {
        let config = self.config;
        let inherited = proxy.parent.map_or(&[][..], |parent| &config.proxies[parent].request);
        self.rules(ask, inherited.iter().chain(&proxy.request))
    }

    pub(super) fn rules<'r>(&mut self, ask: &mut Ask<'_>, rules: impl Iterator<Item = &'r Rule>) -> Flow {
        let mut last = Fetched::default();
        for rule in rules {
            if !self.matters(&rule.action) || !self.holds_again(ask, rule.condition.as_ref(), &mut last) {
                continue;
            }
            if matches!(rule.action, Action::Allow) {
                break;
            }
            last = Fetched::default();
            self.act(ask, rule)?;
        }
        Flow::Continue(())
    }

    /// Whether an action can change the answer at all: what nobody reads need not be set.
    fn matters(&self, action: &Action) -> bool {
        let reads = &self.config.reads;
        match action {
            Action::Nothing => false,
            // The Host header is a part of absolute targets.
            Action::SetHeader(name, _) | Action::AddHeader(name, _) | Action::ReplaceHeader { name, .. } => {
                reads.any_header || reads.headers.contains(name) || **name == *"host"
            }
            // `option http-restrict-req-hdr-names` looks at odd names, and patterns may mean any.
            Action::DeleteHeader(name, by) => {
                let odd = *by != DeleteBy::Text || !words::is_plain_name(name);
                odd || reads.any_header || reads.headers.contains(name)
            }
            Action::SetVariable(name, sample) => reads.variables.contains(name) || sample.has_effect(),
            Action::Capture(_, slot) => reads.slots.contains(slot),
            Action::SetVariableFormat(name, _) | Action::UnsetVariable(name) => reads.variables.contains(name),
            _ => true,
        }
    }

    pub(super) fn act(&mut self, ask: &mut Ask<'_>, rule: &Rule) -> Flow {
        match &rule.action {
            Action::Deny(reply) | Action::Tarpit(reply) | Action::Return(reply) => {
                let step = self.step("http-request", Arc::clone(&rule.name).to_string(), rule.span, "");
                return Flow::Break(self.reply(ask, reply, step));
            }
            Action::Reject | Action::SilentDrop => {
                self.notice_silence(ask, &rule.action);
                let step = self.step("http-request", rule.name.to_string(), rule.span, "ends the connection without a response");
                return Flow::Break(self.verdict(Answer::Close, Some(step)));
            }
            Action::Redirect(redirect) => {
                if let Some(verdict) = self.redirect(ask, redirect, rule) {
                    return Flow::Break(verdict);
                }
            }
            Action::Authenticate => {
                let step = self.step("http-request", rule.name.to_string(), rule.span, "asks for credentials");
                return Flow::Break(self.respond(ask, 401, Vec::new(), step));
            }
            Action::Service(service) => return Flow::Break(self.serve(ask, *service, rule)),
            Action::SetMethod(format) => {
                let method = self.format(ask, format);
                self.step("http-request", "http-request set-method", rule.span, "replaces the method");
                match method {
                    Value::Unknown => self.set_any_method(ask, rule),
                    method => self.line_method = Some(method),
                }
            }
            Action::SetPath(format) => {
                let path = self.format(ask, format);
                self.rewrite(ask, rule, path, target::replace_path);
            }
            Action::SetPathAndQuery(format) => {
                let path = self.format(ask, format);
                self.query_is_clients = false;
                self.rewrite(ask, rule, path, target::replace_path_and_query);
            }
            Action::SetQuery(format) => {
                let query = self.format(ask, format);
                self.query_is_clients = false;
                self.rewrite(ask, rule, query, target::replace_query);
            }
            Action::SetUri(format) => {
                let uri = self.format(ask, format);
                self.query_is_clients = false;
                self.rewrite(ask, rule, uri, |_, uri| uri.to_owned());
                if !self.update_host(ask) {
                    return self.fail(ask, rule);
                }
            }
            Action::Replace(part, pattern, format) => {
                self.replace(ask, rule, *part, pattern, format);
                if *part == Part::Uri && !self.update_host(ask) {
                    return self.fail(ask, rule);
                }
            }
            Action::SetVariable(name, sample) => {
                let value = self.value(ask, sample);
                let keeps_text = self.config.release >= Release(3, 4, 0);
                let value = stored(sample, value, keeps_text);
                self.variables.insert(Arc::clone(name), value);
            }
            Action::SetVariableFormat(name, format) => {
                let value = self.format(ask, format).map(|text| Data::text(Arc::clone(text)));
                self.variables.insert(Arc::clone(name), value);
            }
            Action::UnsetVariable(name) => _ = self.variables.insert(Arc::clone(name), Value::Known(Data::Nothing)),
            Action::Capture(sample, slot) => self.capture(ask, sample, *slot),
            Action::SetSource(sample) => {
                let new = self.value(ask, sample).map(|data| data.each(|datum| datum.address().map(Datum::Address)));
                let old = self.client(ask);
                self.source = Some(old.zip(&new, latest));
            }
            Action::SetDestinationPort(sample) => {
                let new = self.value(ask, sample).map(|data| data.each(|datum| datum.number().map(Datum::Number)));
                let old = self.destination_port();
                self.destination_port = Some(old.zip(&new, latest));
            }
            Action::Normalize(normalizer) => {
                let normal = self.uri.map(|uri| normalize::normalize(uri, *normalizer).map(Arc::<str>::from));
                if settle(ask, &normal.map(Option::is_none), |_| false) {
                    let step = self.step("http-request", rule.name.to_string(), rule.span, "refuses the target");
                    return Flow::Break(self.refuse(ask, 400, Some(step)));
                }
                self.uri = normal.map(|uri| uri.clone().unwrap_or_default());
            }
            Action::Opaque => {
                self.opaque = true;
                ask.doubt(format!("what `{}` does cannot be told", self.config.text(rule.span)));
            }
            action => {
                self.change_header(ask, action);
                if action.writes_host() && self.lines(ask, "host") != Value::Known(Vec::new()) && !self.update_authority(ask) {
                    return self.fail(ask, rule);
                }
            }
        }
        Flow::Continue(())
    }

    /// A change that cannot be made ends the request (src/http_act.c, ACT_RET_ERR).
    fn fail(&mut self, ask: &mut Ask<'_>, rule: &Rule) -> Flow {
        let step = self.step("http-request", rule.name.to_string(), rule.span, "cannot put the host into the target");
        Flow::Break(self.refuse(ask, 500, Some(step)))
    }

    /// A method that cannot be told may be any.
    fn set_any_method(&mut self, ask: &mut Ask<'_>, rule: &Rule) {
        const USUAL: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
        let text = self.config.text(rule.span);
        ask.doubt(format!("the method that `{text}` sets cannot be told"));
        let same = std::iter::once(format!("`{text}` sets the same method"));
        let others = USUAL.iter().map(|method| format!("`{text}` sets {method}"));
        let options: Vec<Arc<str>> = same.chain(others).map(Arc::from).collect();
        if let Some(index) = ask.choose(text, &options).checked_sub(1) {
            self.line_method = Some(Value::Known(USUAL[index].into()));
        }
    }

    fn change_header(&mut self, ask: &mut Ask<'_>, action: &Action) {
        match action {
            Action::SetHeader(name, format) => {
                let value = self.format(ask, format);
                self.headers.insert(Arc::clone(name), value.map(|value| vec![Arc::clone(value)]));
            }
            Action::AddHeader(name, format) => {
                let value = self.format(ask, format);
                let lines = self.lines(ask, name);
                let lines = lines.zip(&value, |lines, value| lines.iter().chain([value]).cloned().collect());
                self.headers.insert(Arc::clone(name), lines);
            }
            Action::DeleteHeader(name, DeleteBy::Text) => _ = self.headers.insert(Arc::clone(name), Value::Known(Vec::new())),
            Action::DeleteHeader(pattern, by) => {
                let sent = ask.request().headers.iter().map(|(name, _)| Arc::<str>::from(name.to_ascii_lowercase()));
                let gone = self.config.reads.headers.iter().cloned().chain(sent).filter(|name| match by {
                    DeleteBy::Begin => name.starts_with(&**pattern),
                    DeleteBy::End => name.ends_with(&**pattern),
                    DeleteBy::Substring => name.contains(&**pattern),
                    _ => Pattern::new(pattern, true).matches(name).unwrap_or(false),
                });
                for name in gone {
                    self.headers.insert(name, Value::Known(Vec::new()));
                }
            }
            Action::ReplaceHeader { name, pattern, with, values } => {
                let template = self.format(ask, with);
                let lines = self.lines(ask, name);
                let replaced = lines.zip(&template, |lines, template| {
                    let replace = |text: &str| convert_line(pattern, text, template);
                    let line = |line: &Arc<str>| {
                        if !*values {
                            return replace(line);
                        }
                        let parts: Option<Vec<String>> = line.split(',').map(|part| replace(part.trim())).collect();
                        parts.map(|parts| parts.join(","))
                    };
                    lines.iter().map(|text| line(text).map(Into::into)).collect::<Option<Vec<Arc<str>>>>()
                });
                self.headers.insert(Arc::clone(name), replaced.try_map(Clone::clone));
            }
            _ => {}
        }
    }

    fn rewrite(&mut self, ask: &mut Ask<'_>, rule: &Rule, with: Value<Arc<str>>, how: impl Fn(&str, &str) -> String) {
        self.uri = self.uri.zip(&with, |uri, with| how(uri, with).into());
        if self.uri == Value::Unknown {
            ask.doubt(format!("the target that `{}` makes cannot be told", self.config.text(rule.span)));
        }
    }

    fn replace(&mut self, ask: &mut Ask<'_>, rule: &Rule, part: Part, pattern: &Pattern, format: &Format) {
        let template = self.format(ask, format);
        let uri = self.uri.zip(&template, |uri, template| {
            let old = match part {
                Part::Path => target::path(uri),
                Part::PathAndQuery => target::path_and_query(uri),
                Part::Uri => Some(&**uri),
            };
            let Some(old) = old.filter(|old| !old.is_empty()) else { return Some(Arc::clone(uri)) };
            let Some(groups) = pattern.groups(old)? else { return Some(Arc::clone(uri)) };
            let new = convert::expand(template, &groups.numbered)?;
            Some(match part {
                Part::Path => target::replace_path(uri, &new).into(),
                Part::PathAndQuery => target::replace_path_and_query(uri, &new).into(),
                Part::Uri => new.into(),
            })
        });
        self.uri = uri.try_map(Clone::clone);
        self.query_is_clients &= part == Part::Path;
        if self.uri == Value::Unknown {
            ask.doubt(format!("the target that `{}` makes cannot be told", self.config.text(rule.span)));
        }
    }

    /// `None` where an empty location means that there is no redirect.
    pub(super) fn redirect(&mut self, ask: &mut Ask<'_>, redirect: &Redirect, rule: &Rule) -> Option<Verdict> {
        let to = self.format(ask, &redirect.to);
        let host = self.lines(ask, "host");
        let location = to.zip(&self.uri, |to, uri| {
            let rest = target::path_and_query(uri).unwrap_or("/");
            let rest = if redirect.drop_query { rest.split('?').next().unwrap_or(rest) } else { rest };
            (Arc::clone(to), rest.to_owned())
        });
        let location = location.zip(&host, |(to, rest), host| {
            let mut location = match redirect.kind {
                RedirectKind::Location => return to.to_string(),
                RedirectKind::Prefix if **to == *"/" => rest.clone(),
                RedirectKind::Prefix => format!("{to}{rest}"),
                RedirectKind::Scheme => format!("{to}://{}{rest}", host.first().map_or("", |host| host)),
            };
            if redirect.append_slash && !location.ends_with('/') {
                location.push('/');
            }
            location
        });
        if redirect.ignore_empty {
            let text = self.config.text(rule.span);
            let unsure = || Fact::told(format!("`{text}` has no target"), format!("`{text}` has a target"));
            if settle(ask, &location.map(String::is_empty), |ask| ask.fact(unsure(), false)) {
                return None;
            }
        }
        let headers = match location {
            Value::Known(location) => vec![("location", location.into())],
            _ => Vec::new(),
        };
        let step = self.step("http-request", rule.name.to_string(), rule.span, "sends the client elsewhere");
        Some(self.respond(ask, redirect.code, headers, step))
    }

    /// A reply of `deny`, `return` and their kin.
    pub(super) fn reply(&mut self, ask: &mut Ask<'_>, reply: &Reply, step: usize) -> Verdict {
        let config = self.config;
        let page = match &reply.body {
            Body::Own => None,
            Body::ErrorPages => self.error_page(reply.status),
            Body::Section(name) => config.http_errors.get(name).and_then(|pages| pages.get(&reply.status)),
            Body::File(page) => Some(page),
        };
        let mut headers = Vec::new();
        for (name, format) in &reply.headers {
            if let Some(known) = ["allow", "location"].into_iter().find(|known| **known == **name)
                && let Value::Known(value) = self.format(ask, format)
            {
                headers.push((known, value));
            }
        }
        self.page(ask, reply.status, page, headers, step)
    }

    /// The status with the error page that the config has for it.
    pub(super) fn refuse(&mut self, ask: &mut Ask<'_>, status: u16, step: Option<usize>) -> Verdict {
        let page = self.error_page(status);
        match step {
            Some(step) => self.page(ask, status, page, Vec::new(), step),
            None => match page {
                Some(page) => {
                    let step = self.page_step(page);
                    let mut verdict = self.page(ask, status, Some(page), Vec::new(), 0);
                    verdict.decided_by = step.filter(|_| verdict.answer.status() != Some(status));
                    verdict
                }
                None => {
                    let mut verdict = self.respond(ask, status, Vec::new(), 0);
                    verdict.decided_by = verdict.decided_by.filter(|_| verdict.answer.status() != Some(status));
                    verdict
                }
            },
        }
    }

    /// What the parser refuses is answered before there is a stream: response rules never see it.
    /// From 2.4 on the parser knows empty error files only, and all of them since 3.4 (src/mux_h1.c, h1_send_error).
    pub(super) fn refuse_unparsed(&mut self, status: u16) -> Verdict {
        let release = self.config.release;
        let knows_pages = release < Release(2, 4, 0) || release >= Release(3, 4, 0);
        let known = |page: &&ErrorPage| knows_pages || matches!(page, ErrorPage::Silence(_));
        match self.frontend.settings.errors.get(&status).filter(known) {
            Some(page @ ErrorPage::File { status: other, .. }) => {
                let step = self.page_step(page);
                self.verdict(Answer::respond(*other), step.filter(|_| *other != status))
            }
            Some(page @ ErrorPage::Silence(_)) => {
                let step = self.page_step(page);
                self.verdict(Answer::Close, step)
            }
            Some(page @ ErrorPage::Location { code, to, .. }) => {
                let step = self.page_step(page);
                self.verdict(Answer::Respond { status: *code, headers: vec![("location", Arc::clone(to))] }, step)
            }
            _ => self.verdict(Answer::respond(status), None),
        }
    }

    fn page_step(&mut self, page: &ErrorPage) -> Option<usize> {
        match page {
            ErrorPage::File { span, .. } => Some(self.step("error", "errorfile", *span, "is sent instead")),
            ErrorPage::Silence(span) => Some(self.step("error", "errorfile", *span, "is empty, so nothing is sent")),
            ErrorPage::Location { span, .. } => Some(self.step("error", "errorloc", *span, "sends the client elsewhere")),
            ErrorPage::Same | ErrorPage::Unread(_) => None,
        }
    }

    /// Pages of the backend come before those of the frontend (src/http_ana.c, http_error_message). Those of a disabled backend are
    /// never set up.
    fn error_page(&self, status: u16) -> Option<&'c ErrorPage> {
        let of = |proxy: &'c Proxy| proxy.settings.errors.get(&status).filter(|_| !proxy.settings.disabled);
        of(self.current()).or_else(|| of(self.frontend))
    }

    fn page(
        &mut self,
        ask: &mut Ask<'_>,
        status: u16,
        page: Option<&ErrorPage>,
        headers: Vec<(&'static str, Arc<str>)>,
        step: usize,
    ) -> Verdict {
        match page {
            None | Some(ErrorPage::Same) => self.respond(ask, status, headers, step),
            Some(ErrorPage::File { status, .. }) => self.respond(ask, *status, headers, step),
            Some(ErrorPage::Silence(_)) => self.verdict(Answer::Close, Some(step)),
            Some(ErrorPage::Location { code, to, .. }) => self.respond(ask, *code, vec![("location", Arc::clone(to))], step),
            Some(ErrorPage::Unread(_)) => {
                ask.doubt("an error file that is not read here may hold another status");
                self.respond(ask, status, headers, step)
            }
        }
    }
}

/// A sample that gives nothing changes nothing.
fn latest(old: &Data, new: &Data) -> Data {
    new.last().or(old.last()).cloned().map_or(Data::Nothing, Data::One)
}

fn convert_line(pattern: &Pattern, text: &str, template: &str) -> Option<String> {
    match pattern.groups(text)? {
        Some(groups) => convert::expand(template, &groups.numbered),
        None => Some(text.to_owned()),
    }
}
