//! mod_rewrite's engine (`apply_rewrite_list` in `modules/mappers/mod_rewrite.c`).

use std::sync::Arc;

use super::super::site::rewrite::{Cond, CondKind, RewriteRule};
use super::super::text::rewrite_text;
use super::values::{Matched, Value};
use super::{End, Phase, Run};
use crate::ask::Fact;

/// What a list of rules makes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rewritten {
    /// No rule changed anything.
    Unchanged,
    Status(u16),
    /// `[P]`: a URL without `proxy:`.
    Proxy(String),
    /// A URL of another host, and the status of the redirect.
    Redirect(u16),
    /// `[PT]`: a path for the modules that come next.
    PassThrough(String),
    /// A path.
    Local(String),
    /// What cannot be told: a map's answer is needed.
    Unknown,
}

/// The state of one run over a list.
struct Work {
    /// What the patterns match against.
    uri: String,
    changed: bool,
    proxy: bool,
    redirect: Option<u16>,
    pass_through: bool,
    unknown: bool,
}

const MAX_ROUNDS: usize = 32;

impl Run<'_, '_, '_> {
    /// Applies the rules; `folder` is the path of the section they stand in, with a slash at its end.
    pub(super) fn rewrite(&mut self, rules: &[Arc<RewriteRule>], start: String, folder: Option<&str>) -> Phase<Rewritten> {
        let mut work = Work { uri: start, changed: false, proxy: false, redirect: None, pass_through: false, unknown: false };
        let phase = if folder.is_some() { "fixups" } else { "translate_name" };
        let mut rounds = 0;
        let mut index = 0;
        while let Some(rule) = rules.get(index) {
            index += 1;
            if self.subrequest && (rule.flags.not_in_subrequests || rule.flags.redirect) {
                continue;
            }
            let Some(matched) = self.rule_matches(rule, &work, folder) else {
                let mut failed = rule;
                while failed.flags.chain && index < rules.len() {
                    failed = &rules[index];
                    index += 1;
                }
                continue;
            };
            self.set_env(rule, &matched);
            if let Some(handler) = &rule.flags.handler {
                self.handler = Some(handler.clone());
            }
            if let Some(status) = rule.flags.status {
                let step = self.step(phase, "RewriteRule", rule.span, "answers by itself");
                self.decided = Some(step);
                return Ok(Rewritten::Status(status));
            }
            if rule.target.is_some() {
                self.substitute(rule, &matched, &mut work, folder);
                let step = self.step(phase, "RewriteRule", rule.span, "rewrites the path");
                if rule.flags.proxy || work.redirect.is_some() {
                    self.decided = Some(step);
                }
            }
            if rule.flags.pass_through {
                work.pass_through = true;
                work.changed = true;
                break;
            }
            if rule.flags.end {
                self.ended = true;
                break;
            }
            if rule.flags.proxy || rule.flags.last {
                break;
            }
            if rule.flags.next {
                rounds += 1;
                if rounds >= MAX_ROUNDS {
                    return Ok(Rewritten::Status(500));
                }
                index = 0;
                continue;
            }
            index += rule.flags.skip;
        }
        Ok(self.outcome(work))
    }

    fn outcome(&mut self, work: Work) -> Rewritten {
        if work.unknown {
            Rewritten::Unknown
        } else if !work.changed {
            Rewritten::Unchanged
        } else if work.proxy || work.uri.starts_with("proxy:") {
            Rewritten::Proxy(work.uri.strip_prefix("proxy:").unwrap_or(&work.uri).to_owned())
        } else if is_absolute(&work.uri) {
            Rewritten::Redirect(work.redirect.unwrap_or(302))
        } else if work.pass_through {
            Rewritten::PassThrough(work.uri)
        } else {
            Rewritten::Local(work.uri)
        }
    }

    /// The groups of a rule that matches with all its conditions.
    fn rule_matches(&mut self, rule: &RewriteRule, work: &Work, folder: Option<&str>) -> Option<Matched> {
        let subject = match folder {
            Some(folder) if self.proxied.is_none() => work.uri.strip_prefix(folder).unwrap_or(&work.uri),
            _ => &work.uri,
        };
        let mut matched = Matched::default();
        match rule.pattern.groups(subject) {
            Some(Some(groups)) if !rule.negated => matched.rule = Some(groups),
            Some(None) if rule.negated => {}
            Some(_) => return None,
            None => {
                self.ask.doubt("the pattern of a rewrite rule cannot be tested here");
                let source = rule.pattern.source().to_owned();
                if !self.suppose(&format!("`RewriteRule {source}` matches the path"), false) {
                    return None;
                }
            }
        }
        self.conds_hold(&rule.conds, &mut matched).then_some(matched)
    }

    /// Conditions hold together; those joined by `[OR]` are alternatives of the one that ends their chain.
    fn conds_hold(&mut self, conds: &[Cond], matched: &mut Matched) -> bool {
        let mut index = 0;
        while let Some(cond) = conds.get(index) {
            index += 1;
            let holds = self.cond_holds(cond, matched);
            if holds {
                let mut chained = cond;
                while chained.or_next && index < conds.len() {
                    chained = &conds[index];
                    index += 1;
                }
            } else if !cond.or_next {
                return false;
            }
        }
        true
    }

    fn cond_holds(&mut self, cond: &Cond, matched: &mut Matched) -> bool {
        if let Some(set) = cond.methods {
            return self.method_is(set);
        }
        if let CondKind::Expr(expr) = &cond.kind {
            return self.expr(expr) != cond.negated;
        }
        let value = self.text(&cond.test, matched);
        let holds = match (&cond.kind, &value) {
            (CondKind::File, Value::Plain(path)) => self.file_exists(path),
            (CondKind::Folder, Value::Plain(path)) => self.ask.fact(Fact::FolderExists(path.trim_end_matches('/').into()), false),
            (CondKind::Other('s' | 'F'), Value::Plain(path)) => self.file_exists(path),
            (CondKind::Other(sign), _) => self.suppose(&format!("the test `-{sign}` of a rewrite condition holds"), false),
            (CondKind::Pattern(pattern), Value::Plain(text)) => match pattern.groups(text) {
                Some(Some(groups)) => {
                    if !cond.negated {
                        matched.cond = Some(groups);
                    }
                    true
                }
                Some(None) => false,
                None => {
                    self.ask.doubt("the pattern of a rewrite condition cannot be tested here");
                    self.suppose("the pattern of a rewrite condition matches", false)
                }
            },
            (kind, _) => self.test(vec![value], "a rewrite condition holds", |values| kind.holds(&values[0])),
        };
        holds != cond.negated
    }

    pub(super) fn file_exists(&mut self, path: &str) -> bool {
        self.ask.fact(Fact::FileExists(path.into()), false)
    }

    fn set_env(&mut self, rule: &RewriteRule, matched: &Matched) {
        for line in &rule.flags.env {
            let (name, value) = split_env(line);
            let Value::Plain(name) = self.text(&rewrite_text(name), matched) else {
                self.ask.doubt("which variable a rewrite rule sets cannot be told");
                continue;
            };
            match name.strip_prefix('!') {
                Some(name) => self.env.push((name.to_owned(), None)),
                None => {
                    let value = self.text(&rewrite_text(value), matched);
                    self.env.push((name, Some(value)));
                }
            }
        }
    }

    /// Puts the substitution in the place of the path.
    fn substitute(&mut self, rule: &RewriteRule, matched: &Matched, work: &mut Work, folder: Option<&str>) {
        let Some(target) = &rule.target else { return };
        let target = match self.text(target, matched) {
            Value::Plain(target) => target,
            Value::ByMethod(targets) => self.ask.settle(&targets).unwrap_or_default(),
            Value::Unknown(why) => {
                self.ask.doubt(format!("a rewrite rule puts {why} into the path"));
                work.unknown = true;
                return;
            }
        };
        work.changed = true;
        let mut uri = target;
        if self.proxied.is_none() && !uri.starts_with('/') && !is_absolute(&uri) {
            match folder {
                Some(folder) => uri = format!("{folder}{uri}"),
                None if !rule.flags.proxy && !rule.flags.redirect => uri = format!("/{uri}"),
                None => {}
            }
        }
        self.split_query(rule, &mut uri);
        if is_absolute(&uri) {
            uri = self.reduce(uri);
        }
        if rule.flags.proxy {
            if !is_absolute(&uri) && !uri.starts_with("proxy:") {
                uri = self.qualify(&uri);
            }
            work.proxy = true;
        } else if rule.flags.redirect {
            if !is_absolute(&uri) {
                if let (Some(folder), Some(base)) = (folder, self.rewrite_base()) {
                    uri = uri.strip_prefix(folder).map_or_else(|| uri.clone(), |rest| join_base(&base, rest));
                }
                uri = self.qualify(&uri);
            }
            work.redirect = Some(rule.flags.redirect_status);
        }
        work.uri = uri;
    }

    /// A query in the substitution replaces the request's own, or comes before it with `[QSA]` (`splitout_queryargs`).
    fn split_query(&mut self, rule: &RewriteRule, uri: &mut String) {
        if rule.flags.no_query {
            self.url.query = None;
        }
        let Some((path, query)) = uri.split_once('?').map(|(path, query)| (path.to_owned(), query.to_owned())) else { return };
        let own = self.url.query.take().filter(|own| !own.is_empty() && rule.flags.append_query);
        let query = match own {
            Some(own) if query.is_empty() => own,
            Some(own) => format!("{query}&{own}"),
            None => query,
        };
        self.url.query = (!query.is_empty()).then_some(query);
        *uri = path;
    }

    /// A URL of the server's own host is a path (`reduce_uri`).
    fn reduce(&self, uri: String) -> String {
        let Some((scheme, rest)) = uri.split_once("://") else { return uri };
        let request = self.ask.request();
        if !scheme.eq_ignore_ascii_case(&request.scheme) {
            return uri;
        }
        let (host, path) = rest.find('/').map_or((rest, ""), |end| rest.split_at(end));
        let default = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().unwrap_or(default)),
            None => (host, default),
        };
        let own = self.server.names.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name));
        let same_port = self.server_port() == port;
        if own && same_port { if path.is_empty() { "/".to_owned() } else { path.to_owned() } } else { uri }
    }

    /// A path as a URL of this server (`fully_qualify_uri`).
    fn qualify(&self, path: &str) -> String {
        let request = self.ask.request();
        let name = self.server.names.name.as_deref().unwrap_or("localhost");
        let port = self.server_port();
        let slash = if path.starts_with('/') { "" } else { "/" };
        match (request.scheme.as_str(), port) {
            ("http", 80) | ("https", 443) => format!("{}://{name}{slash}{path}", request.scheme),
            _ => format!("{}://{name}:{port}{slash}{path}", request.scheme),
        }
    }

    pub(super) fn rewrite_base(&self) -> Option<String> {
        let (_, last) = self.stack.iter().rev().find(|(_, config)| config.rewrite.is_some())?;
        last.rewrite.as_ref()?.base.clone()
    }

    /// What a request that no rule can be told for becomes.
    pub(super) fn rewrite_unknown<T>(&mut self) -> Phase<T> {
        Err(End::Status(404))
    }
}

/// The name and the value of `[E=name:value]`; a colon within `%{ENV:X}` or `${map:key}` does not part them.
fn split_env(line: &str) -> (&str, &str) {
    let mut depth = 0;
    for (at, sign) in line.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            ':' if depth == 0 => return (&line[..at], &line[at + 1..]),
            _ => {}
        }
    }
    (line, "")
}

pub(super) fn join_base(base: &str, rest: &str) -> String {
    format!("{}/{}", base.trim_end_matches('/'), rest.trim_start_matches('/'))
}

/// Whether mod_rewrite takes a text for a URL with a host (`is_absolute_uri`).
pub(super) fn is_absolute(uri: &str) -> bool {
    const SCHEMES: &[&str] = &[
        "ajp://",
        "balancer://",
        "ftp://",
        "fcgi://",
        "gopher://",
        "http://",
        "https://",
        "h2://",
        "h2c://",
        "ldap://",
        "ldaps://",
        "mailto:",
        "news:",
        "nntp://",
        "redis://",
        "rediss://",
        "scgi://",
        "unix:",
        "uwsgi://",
        "ws://",
        "wss://",
    ];
    SCHEMES.iter().any(|scheme| uri.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}
