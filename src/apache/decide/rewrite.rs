//! mod_rewrite's engine (`apply_rewrite_list` in `modules/mappers/mod_rewrite.c`).

use std::sync::Arc;

use super::super::expr::wildcard;
use super::super::site::rewrite::{Cond, CondKind, RewriteRule};
use super::super::text::Piece;
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
    /// `[P]`: a URL without `proxy:`, and whether it goes on as it is.
    Proxy(String, bool),
    /// A URL of another host, and the status of the redirect.
    Redirect(u16),
    /// `[PT]`: a path for the modules that come next.
    PassThrough(String),
    Local(Local),
    /// What cannot be told: a map's answer is needed.
    Unknown,
}

/// A path that rules made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Local {
    pub(super) path: String,
    /// The text with which the substitution of the last rule begins: only what it spells out may name a folder of the disk.
    pub(super) literal: Box<str>,
    /// Whether it was a URL of this server.
    pub(super) reduced: bool,
}

/// The state of one run over a list.
struct Work<'w> {
    /// The path of the section that the rules stand in, with a slash at its end.
    folder: Option<&'w str>,
    /// Whether the request is proxied, which leaves the path of the section in place.
    proxied: bool,
    changed: bool,
    no_escape: bool,
    redirect: Option<u16>,
    pass_through: bool,
    literal: Box<str>,
    reduced: bool,
    status: Option<u16>,
    unknown: bool,
}

impl Run<'_, '_, '_> {
    /// Applies the rules to the file's name; `folder` is the path of the section they stand in.
    pub(super) fn rewrite(&mut self, rules: &[Arc<RewriteRule>], start: String, folder: Option<&str>) -> Phase<Rewritten> {
        let kept = std::mem::replace(&mut self.mapping.filename, start);
        let mut work = Work {
            folder,
            proxied: self.mapping.proxied.is_some(),
            changed: false,
            no_escape: false,
            redirect: None,
            pass_through: false,
            literal: "".into(),
            reduced: false,
            status: None,
            unknown: false,
        };
        self.rewrite_all(rules, &mut work);
        let uri = std::mem::replace(&mut self.mapping.filename, kept);
        Ok(self.outcome(work, uri))
    }

    fn rewrite_all(&mut self, rules: &[Arc<RewriteRule>], work: &mut Work<'_>) {
        let phase = if work.folder.is_some() { "fixups" } else { "translate_name" };
        let mut rounds = 1;
        let mut index = 0;
        while let Some(rule) = rules.get(index) {
            index += 1;
            if self.subrequest && (rule.flags.not_in_subrequests || rule.flags.redirect) {
                continue;
            }
            let Some(matched) = self.rule_matches(rule, work) else {
                let mut failed = rule;
                while failed.flags.chain && index < rules.len() {
                    failed = &rules[index];
                    index += 1;
                }
                continue;
            };
            let target = self.expand(rule, &matched, work);
            self.set_env(rule, &matched);
            if let Some(handler) = &rule.flags.handler {
                self.mapping.handler = Some(handler.clone());
            }
            let status = rule.flags.status.or(work.status);
            if let Some(status) = status {
                work.status = Some(status);
                let step = self.step(phase, "RewriteRule", rule.span, "answers by itself");
                self.decided = Some(step);
                return;
            }
            if let Some(target) = target {
                self.substitute(rule, target, work);
                let step = self.step(phase, "RewriteRule", rule.span, "rewrites the path");
                if rule.flags.proxy || work.redirect.is_some() {
                    self.decided = Some(step);
                }
            }
            if rule.flags.pass_through {
                work.pass_through = true;
                work.changed = true;
                return;
            }
            self.mapping.ended |= rule.flags.end;
            if rule.flags.end || rule.flags.proxy || rule.flags.last {
                return;
            }
            if rule.flags.next {
                rounds += 1;
                if rounds >= rule.flags.rounds || self.mapping.filename.len() > 2 * Self::MAX_LINE {
                    work.status = Some(500);
                    return;
                }
                index = 0;
                continue;
            }
            index += rule.flags.skip;
        }
    }

    fn outcome(&mut self, work: Work<'_>, uri: String) -> Rewritten {
        let absolute = is_absolute(&uri);
        let touched = work.changed || work.status.is_some();
        if work.unknown {
            Rewritten::Unknown
        } else if touched && (!absolute || work.no_escape) && self.mapping.url.query.as_deref().is_some_and(is_unsafe_query) {
            Rewritten::Status(403)
        } else if let Some(status) = work.status {
            Rewritten::Status(status)
        } else if !work.changed {
            Rewritten::Unchanged
        } else if work.pass_through {
            Rewritten::PassThrough(uri)
        } else if let Some(url) = uri.strip_prefix("proxy:") {
            Rewritten::Proxy(url.to_owned(), work.no_escape)
        } else if absolute {
            Rewritten::Redirect(work.redirect.unwrap_or(302))
        } else {
            Rewritten::Local(Local { path: uri, literal: work.literal, reduced: work.reduced })
        }
    }

    /// The groups of a rule that matches with all its conditions.
    fn rule_matches(&mut self, rule: &RewriteRule, work: &Work<'_>) -> Option<Matched> {
        // In a section the rest of the path counts as well, and the section's own path does not.
        let whole = work
            .folder
            .filter(|_| !self.mapping.path_info.is_empty())
            .map(|_| format!("{}{}", self.mapping.filename, self.mapping.path_info));
        let subject = whole.as_deref().unwrap_or(&self.mapping.filename);
        let subject = match work.folder {
            Some(folder) if !work.proxied => subject.strip_prefix(folder).unwrap_or(subject),
            _ => subject,
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
        self.conds_hold(rule, &mut matched).then_some(matched)
    }

    /// Conditions hold together; those joined by `[OR]` are alternatives of the one that ends their chain.
    fn conds_hold(&mut self, rule: &RewriteRule, matched: &mut Matched) -> bool {
        let conds = &rule.conds;
        let mut index = 0;
        while let Some(cond) = conds.get(index) {
            index += 1;
            let holds = self.cond_holds(cond, rule.uses_cond_groups, matched);
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

    fn cond_holds(&mut self, cond: &Cond, wants_groups: bool, matched: &mut Matched) -> bool {
        let wants_groups = wants_groups && matches!(cond.kind, CondKind::Pattern(_)) && !cond.negated;
        if let Some(set) = cond.methods.filter(|_| !wants_groups) {
            return self.method_is(set);
        }
        if let CondKind::Expr(expr) = &cond.kind {
            let mut groups = Matched::default();
            let holds = self.expr_with(expr, &mut groups) != cond.negated;
            if holds && groups.rule.is_some() {
                matched.cond = groups.rule;
            }
            return holds;
        }
        let mut value = self.text(&cond.test, matched);
        if let Value::ByMethod(texts) = &value
            && wants_groups
        {
            value = Value::Plain(self.ask.settle(texts).unwrap_or_default());
        }
        let holds = match (&cond.kind, &value) {
            (CondKind::File, Value::Plain(path)) => self.file_exists(path),
            (CondKind::Folder, Value::Plain(path)) => self.ask.fact(Fact::FolderExists(path.trim_end_matches('/').into()), false),
            (CondKind::Other('s' | 'F'), Value::Plain(path)) => self.file_exists(path),
            (CondKind::Other('U'), Value::Plain(path)) => self.is_reachable(path),
            (CondKind::Other('l' | 'h' | 'L'), Value::Plain(_)) if self.ask.sees_disk() => false,
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
                Some(name) => self.mapping.env.push((name.to_owned(), None)),
                None => {
                    let value = self.text(&rewrite_text(value), matched);
                    self.mapping.env.push((name, Some(value)));
                }
            }
        }
    }

    /// The substitution with its variables filled in; `None` for `-`.
    fn expand(&mut self, rule: &RewriteRule, matched: &Matched, work: &mut Work<'_>) -> Option<String> {
        let target = rule.target.as_ref()?;
        let escaped;
        let matched = match &rule.flags.escape {
            Some(escape) => {
                escaped = matched.map(|group| escape.apply(group));
                &escaped
            }
            None => matched,
        };
        let mut expanded = String::new();
        let mut is_query = false;
        for piece in target {
            let value = match self.text(std::slice::from_ref(piece), matched) {
                Value::Plain(value) => value,
                Value::ByMethod(values) => self.ask.settle(&values).unwrap_or_default(),
                Value::Unknown(why) => {
                    self.ask.doubt(format!("a rewrite rule puts {why} into the path"));
                    work.unknown = true;
                    String::new()
                }
            };
            // A question mark that the client wrote as %3F must not begin the query.
            if !is_query && value.contains('?') {
                is_query = true;
                if !matches!(piece, Piece::Literal(_)) && !rule.flags.allow_question_mark {
                    work.status = Some(403);
                }
            }
            expanded.push_str(&value);
        }
        Some(expanded)
    }

    /// Puts the substitution in the place of the path.
    fn substitute(&mut self, rule: &RewriteRule, mut uri: String, work: &mut Work<'_>) {
        work.changed = true;
        work.no_escape = rule.flags.no_escape;
        work.literal = match rule.target.as_deref() {
            Some([Piece::Literal(literal), ..]) => literal.clone(),
            _ => "".into(),
        };
        let mut prefixed = false;
        if !work.proxied && !uri.starts_with('/') && !is_absolute(&uri) {
            match work.folder {
                Some(folder) => (uri, prefixed) = (format!("{folder}{uri}"), true),
                None if !rule.flags.proxy && !rule.flags.redirect => (uri, prefixed) = (format!("/{uri}"), true),
                None => {}
            }
        }
        if work.folder.is_some() && rule.flags.discard_path_info {
            self.mapping.path_info.clear();
        }
        self.split_query(rule, &mut uri);
        if rule.flags.proxy {
            uri = format!("proxy:{}", self.qualify(uri));
        } else if rule.flags.redirect {
            uri = self.qualify(uri);
            work.redirect = Some(rule.flags.redirect_status);
        } else {
            if let Some(path) = self.reduce(&uri) {
                (uri, work.reduced) = (path, true);
            }
            if is_absolute(&uri) {
                work.redirect = Some(rule.flags.redirect_status);
            } else if !prefixed && !work.literal.starts_with("//") {
                let slashes = uri.len() - uri.trim_start_matches('/').len();
                uri.drain(..slashes.saturating_sub(1));
            }
        }
        self.mapping.filename = uri;
    }

    /// A query in the substitution replaces the request's own, or comes before it with `[QSA]` (`splitout_queryargs`).
    fn split_query(&mut self, rule: &RewriteRule, uri: &mut String) {
        if rule.flags.no_query {
            self.mapping.url.query = None;
            return;
        }
        if rule.flags.discard_query {
            self.mapping.url.query = None;
        }
        let split = if rule.flags.last_question_mark { uri.rsplit_once('?') } else { uri.split_once('?') };
        let Some((path, query)) = split.map(|(path, query)| (path.to_owned(), query.to_owned())) else { return };
        let query = match self.mapping.url.query.take() {
            own if rule.flags.append_query && query.is_empty() => own.unwrap_or_default(),
            own if rule.flags.append_query => format!("{query}&{}", own.unwrap_or_default()),
            _ => query,
        };
        let query = query.strip_suffix('&').unwrap_or(&query);
        self.mapping.url.query = (!query.is_empty()).then(|| query.to_owned());
        *uri = path;
    }

    /// A URL of the server's own host as a path (`reduce_uri`).
    fn reduce(&self, uri: &str) -> Option<String> {
        let (scheme, rest) = uri.split_once("://")?;
        if !scheme.eq_ignore_ascii_case(&self.ask.request().scheme) {
            return None;
        }
        let (host, path) = rest.find('/').map_or((rest, ""), |end| rest.split_at(end));
        let default = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
        let (name, port) = match host.split_once(':') {
            Some((name, port)) => (name, port.parse().unwrap_or(0)),
            None => (host, default),
        };
        // Only a port that `ServerName` spells out is the server's own.
        (self.is_own_name(name) && self.server.names.name_port == Some(port))
            .then(|| if path.is_empty() { "/".to_owned() } else { path.to_owned() })
    }

    /// Whether a host is one of the server which has the request (`ap_matches_request_vhost`).
    pub(super) fn is_own_name(&self, host: &str) -> bool {
        let names = &self.server.names;
        let host = host.to_ascii_lowercase();
        names.name.as_ref() == Some(&host)
            || names.aliases.contains(&host)
            || names.wild.iter().any(|pattern| wildcard(pattern, &host))
    }

    /// A path as a URL of this server (`fully_qualify_uri`).
    fn qualify(&self, path: String) -> String {
        if is_absolute(&path) {
            return path;
        }
        let request = self.ask.request();
        let name = self.server.names.name.as_deref().unwrap_or("localhost");
        let port = self.server_port();
        let slash = if path.starts_with('/') { "" } else { "/" };
        match (&*request.scheme, port) {
            ("http", 80) | ("https", 443) => format!("{}://{name}{slash}{path}", request.scheme),
            _ => format!("{}://{name}:{port}{slash}{path}", request.scheme),
        }
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

/// Blanks and control signs, which no query may hold unescaped.
fn is_unsafe_query(query: &str) -> bool {
    query.bytes().any(|byte| byte <= b' ' || byte == 0x7f)
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
