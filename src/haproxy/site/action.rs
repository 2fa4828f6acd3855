//! Rules: an action, and the condition under which it is taken (src/http_act.c, src/tcp_rules.c).

mod reply;
mod values;

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::Arc;

pub(in crate::haproxy) use self::reply::{Body, Redirect, RedirectKind, Reply};

use super::acl::Condition;
use super::build::{Refused, Word};
use super::capture::Slot;
use super::format::Format;
use super::forms;
use super::keywords::known;
use super::proxy::Role;
use super::references::Named;
use super::sample::Sample;
use super::section::SectionBuilder;
use crate::pattern::Pattern;
use crate::server::Release;
use crate::source::Span;

/// The names of rules, of which even a large config has few.
#[derive(Default)]
pub(super) struct RuleNames {
    known: HashSet<Arc<str>>,
    /// The one that is looked up.
    written: String,
}

impl RuleNames {
    fn of(&mut self, family: &str, verb: &str) -> Arc<str> {
        self.written.clear();
        self.written.extend([family, " ", verb]);
        if let Some(known) = self.known.get(self.written.as_str()) {
            return Arc::clone(known);
        }
        let name: Arc<str> = self.written.as_str().into();
        self.known.insert(Arc::clone(&name));
        name
    }
}

/// One rule of a rule set.
#[derive(Debug)]
pub(in crate::haproxy) struct Rule {
    pub(in crate::haproxy) action: Action,
    pub(in crate::haproxy) condition: Option<Condition>,
    /// The directive's first words, such as `http-request deny`.
    pub(in crate::haproxy) name: Arc<str>,
    pub(in crate::haproxy) span: Span,
}

/// The rule sets that a proxy has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum Set {
    TcpConnection,
    TcpSession,
    TcpContent,
    TcpResponse,
    Request,
    Response,
    AfterResponse,
}

/// Where samples are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum Reach {
    Any,
    Connection,
    /// Before a backend is chosen.
    Frontend,
    Request,
    Response,
    Logs,
}

impl Set {
    fn reach(self) -> Reach {
        match self {
            Set::TcpConnection | Set::TcpSession => Reach::Connection,
            Set::Request | Set::TcpContent => Reach::Request,
            Set::Response | Set::AfterResponse => Reach::Response,
            _ => Reach::Any,
        }
    }

    /// The name under which the grammar lists the set's actions.
    fn place(self) -> &'static str {
        match self {
            Set::TcpConnection => "tcp-request connection",
            Set::TcpSession => "tcp-request session",
            Set::TcpContent => "tcp-request content",
            Set::TcpResponse => "tcp-response content",
            Set::Request => "http-request",
            Set::Response => "http-response",
            Set::AfterResponse => "http-after-response",
        }
    }
}

#[derive(Debug)]
pub(in crate::haproxy) enum Action {
    Allow,
    Deny(Reply),
    Tarpit(Reply),
    /// The connection ends without a response.
    Reject,
    SilentDrop,
    Return(Reply),
    Redirect(Redirect),
    Authenticate,
    Service(Service),
    SetMethod(Format),
    SetPath(Format),
    SetPathAndQuery(Format),
    SetQuery(Format),
    SetUri(Format),
    Replace(Part, Arc<Pattern>, Format),
    SetHeader(Arc<str>, Format),
    AddHeader(Arc<str>, Format),
    DeleteHeader(Arc<str>, DeleteBy),
    ReplaceHeader {
        name: Arc<str>,
        pattern: Arc<Pattern>,
        with: Format,
        values: bool,
    },
    SetVariable(Arc<str>, Sample),
    SetVariableFormat(Arc<str>, Format),
    UnsetVariable(Arc<str>),
    SetSource(Sample),
    SetDestinationPort(Sample),
    SetStatus(u16),
    Normalize(Normalizer),
    /// Puts a sample into a slot of the frontend.
    Capture(Sample, usize),
    /// Variables may change in ways that cannot be told, or the request may be answered: Lua, SPOE.
    Opaque,
    /// Nothing that bears on methods.
    Nothing,
}

/// What `use-service` hands a request to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum Service {
    Prometheus,
    /// A Lua function, which may answer anything.
    Lua,
}

/// What `normalize-uri` does to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum Normalizer {
    MergeSlashes,
    StripDot,
    StripDotDot { full: bool },
    SortQuery,
    UpperPercent { strict: bool },
    DecodeUnreserved { strict: bool },
    StripFragment,
    EncodeFragment,
}

/// The part of the URI that a `replace-` action looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum Part {
    Path,
    PathAndQuery,
    Uri,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum DeleteBy {
    Text,
    Begin,
    End,
    Substring,
    Regex,
}

impl Action {
    pub(in crate::haproxy) fn writes_host(&self) -> bool {
        match self {
            Action::SetHeader(name, _) | Action::AddHeader(name, _) | Action::ReplaceHeader { name, .. } => **name == *"host",
            _ => false,
        }
    }

    /// Whether no later rule of the set is reached.
    pub(in crate::haproxy) fn is_final(&self) -> bool {
        use Action::*;
        matches!(self, Allow | Deny(_) | Tarpit(_) | Reject | SilentDrop | Return(_) | Redirect(_) | Authenticate | Service(_))
    }
}

/// The words of a rule behind its family, split at `if` or `unless`.
struct Parts<'w> {
    words: &'w [Word<'w>],
    at: usize,
}

impl<'w> Parts<'w> {
    fn next(&mut self) -> Option<Word<'w>> {
        let word = self.words.get(self.at).copied()?;
        self.at += 1;
        Some(word)
    }

    fn peek(&self) -> Option<Word<'w>> {
        self.words.get(self.at).copied()
    }

    fn need(&mut self, what: impl Display, line: Span) -> Result<Word<'w>, Refused> {
        match self.peek() {
            Some(word) if !matches!(word.text, "if" | "unless") => {
                self.at += 1;
                Ok(word)
            }
            _ => Err(Refused::new(line, format!("{what} is missing"))),
        }
    }

    fn at_condition(&self) -> bool {
        self.peek().is_none_or(|word| matches!(word.text, "if" | "unless"))
    }
}

impl SectionBuilder<'_, '_> {
    /// Reads the words behind `http-request`, `http-response`, `tcp-request content` and their kin.
    pub(super) fn rule(&mut self, set: Set, family: &str, words: &[Word<'_>], line: Span) -> Result<Rule, Refused> {
        let mut parts = Parts { words, at: 0 };
        self.reach = set.reach();
        let Some(verb) = parts.next() else { return Err(Refused::new(line, format!("`{family}` needs an action"))) };
        let action = self.action(set, family, verb, &mut parts, line)?;
        let condition = self.rest_condition(&mut parts, family)?;
        let verb = verb.text.split('(').next().unwrap_or(verb.text);
        Ok(Rule { action, condition, name: self.names.of(family, verb), span: line })
    }

    /// What follows an action must be a condition or nothing.
    fn rest_condition(&mut self, parts: &mut Parts<'_>, family: &str) -> Result<Option<Condition>, Refused> {
        match parts.next() {
            None => Ok(None),
            Some(from) if matches!(from.text, "if" | "unless") => Ok(Some(self.condition(&parts.words[parts.at..], from)?)),
            Some(other) => {
                let message = format!("`{}` is not expected here: `{family}` goes on with `if` or `unless`", other.text);
                Err(Refused::new(other.span, message))
            }
        }
    }

    /// An optional condition at the end of a line.
    pub(super) fn trailing_condition(&mut self, words: &[Word<'_>], family: &str) -> Result<Option<Condition>, Refused> {
        self.rest_condition(&mut Parts { words, at: 0 }, family)
    }

    fn action(&mut self, set: Set, family: &str, verb: Word<'_>, parts: &mut Parts<'_>, line: Span) -> Result<Action, Refused> {
        self.check_verb(set, family, verb)?;
        let (name, argument) = match verb.text.split_once('(') {
            Some((name, rest)) => (name, Some(rest.trim_end_matches(')'))),
            None => (verb.text, None),
        };
        Ok(match name {
            "allow" | "accept" => Action::Allow,
            "deny" => {
                let status = if set == Set::Request { 403 } else { 502 };
                Action::Deny(self.refusal(parts, status, line)?)
            }
            "tarpit" => Action::Tarpit(self.refusal(parts, 500, line)?),
            "reject" | "close" => Action::Reject,
            "silent-drop" if self.config.release >= Release(2, 8, 0) => {
                while !parts.at_condition() {
                    parts.next();
                }
                Action::SilentDrop
            }
            "silent-drop" => Action::SilentDrop,
            "return" => Action::Return(self.reply(parts, 200, false, line)?),
            "redirect" => Action::Redirect(self.redirect(parts, line, true)?),
            "auth" => {
                if parts.peek().is_some_and(|word| word.text == "realm") {
                    parts.next();
                    parts.need("the realm of `auth`", line)?;
                }
                Action::Authenticate
            }
            "use-service" => self.service(parts, line)?,
            "set-method" | "set-path" | "set-pathq" | "set-query" | "set-uri" => {
                let value = parts.need(format_args!("the value of `{name}`"), line)?;
                if !parts.at_condition() {
                    let extra = parts.peek().map_or(value.span, |word| word.span);
                    return Err(Refused::new(extra, format!("`{name}` takes exactly one value")).help("put the value in quotes"));
                }
                let format = self.format(&value)?;
                match name {
                    "set-method" => Action::SetMethod(format),
                    "set-path" => Action::SetPath(format),
                    "set-pathq" => Action::SetPathAndQuery(format),
                    "set-query" => Action::SetQuery(format),
                    _ => Action::SetUri(format),
                }
            }
            "replace-path" | "replace-pathq" | "replace-uri" => {
                let pattern = self.pattern(&parts.need("the pattern", line)?)?;
                let with = parts.need("the replacement", line)?;
                let part = match name {
                    "replace-path" => Part::Path,
                    "replace-pathq" => Part::PathAndQuery,
                    _ => Part::Uri,
                };
                Action::Replace(part, pattern, self.format(&with)?)
            }
            "set-header" | "add-header" | "early-hint" => {
                let header = parts.need("the name of the header", line)?.text.to_ascii_lowercase().into();
                let value = parts.need("the value of the header", line)?;
                let format = self.format(&value)?;
                match name {
                    "set-header" => Action::SetHeader(header, format),
                    "add-header" => Action::AddHeader(header, format),
                    _ => Action::Nothing,
                }
            }
            "del-header" => {
                let header: Arc<str> = parts.need("the name of the header", line)?.text.to_ascii_lowercase().into();
                let mut by = DeleteBy::Text;
                if parts.peek().is_some_and(|word| word.text == "-m") {
                    parts.next();
                    let method = parts.need("the match method", line)?;
                    by = match method.text {
                        "str" => DeleteBy::Text,
                        "beg" => DeleteBy::Begin,
                        "end" => DeleteBy::End,
                        "sub" => DeleteBy::Substring,
                        "reg" => {
                            self.pattern(&Word { text: &header, span: method.span })?;
                            DeleteBy::Regex
                        }
                        other => return Err(Refused::new(method.span, format!("`del-header` knows no match method `{other}`"))),
                    };
                }
                Action::DeleteHeader(header, by)
            }
            "replace-header" | "replace-value" => {
                let header = parts.need("the name of the header", line)?.text.to_ascii_lowercase().into();
                let pattern = self.pattern(&parts.need("the pattern", line)?)?;
                let with = parts.need("the replacement", line)?;
                Action::ReplaceHeader { name: header, pattern, with: self.format(&with)?, values: name == "replace-value" }
            }
            "set-var" | "set-var-fmt" => {
                let variable = self.variable(argument, verb)?;
                if name == "set-var-fmt" {
                    let value = parts.need("the value of the variable", line)?;
                    Action::SetVariableFormat(variable, self.format(&value)?)
                } else {
                    Action::SetVariable(variable, self.needed_sample(parts, line)?)
                }
            }
            "unset-var" => Action::UnsetVariable(self.variable(argument, verb)?),
            "set-src" => Action::SetSource(self.needed_sample(parts, line)?),
            "set-dst-port" => Action::SetDestinationPort(self.needed_sample(parts, line)?),
            "set-status" => Action::SetStatus(self.set_status(parts, line)?),
            "normalize-uri" => {
                if !self.config.global.experimental {
                    let refused = Refused::new(verb.span, "`normalize-uri` is experimental and refused");
                    return Err(refused.help("write `expose-experimental-directives` in `global`"));
                }
                Action::Normalize(normalizer(parts, line)?)
            }
            _ if name.starts_with("track-sc") => {
                if name[8..].parse::<u8>().is_ok_and(|number| number > 2) && self.config.release < Release(2, 8, 0) {
                    return Err(Refused::new(verb.span, format!("`{name}` is one counter too many: there are sc0, sc1 and sc2")));
                }
                self.needed_sample(parts, line)?;
                let named = parts.peek().filter(|word| word.text == "table").map(|_| parts.next());
                let table = if named.is_some() { parts.need("the name of the table", line)? } else { Word { text: "", ..verb } };
                self.want(Named::Table, table.text, table.span);
                Action::Nothing
            }
            "capture" => self.capture(set, verb, parts, line)?,
            "set-timeout" if self.role == Role::Frontend => {
                return Err(Refused::new(verb.span, "`set-timeout` is for backends"));
            }
            "do-resolve" => self.do_resolve(argument, verb, parts)?,
            _ if name.starts_with("lua.") || name == "send-spoe-group" => {
                while !parts.at_condition() {
                    parts.next();
                }
                Action::Opaque
            }
            _ => {
                self.check_counter(argument, verb)?;
                self.bystander(name, parts, line)?;
                // Expressions of other actions may hold anything; their condition is what matters here.
                while !parts.at_condition() {
                    parts.next();
                }
                Action::Nothing
            }
        })
    }

    /// `do-resolve(VARIABLE,RESOLVERS,[ipv4|ipv6]) SAMPLE` (src/resolvers.c).
    fn do_resolve(&mut self, argument: Option<&str>, verb: Word<'_>, parts: &mut Parts<'_>) -> Result<Action, Refused> {
        self.variable(argument, verb)?;
        let Some(resolvers) = argument.and_then(|argument| argument.split(',').nth(1)) else {
            return Err(Refused::new(verb.span, "`do-resolve` needs a variable and the name of a `resolvers` section"));
        };
        self.want(Named::Resolvers, resolvers, verb.span);
        while !parts.at_condition() {
            parts.next();
        }
        Ok(Action::Opaque)
    }

    /// `capture SAMPLE len LENGTH` makes a slot, `capture SAMPLE id SLOT` uses one.
    fn capture(&mut self, set: Set, verb: Word<'_>, parts: &mut Parts<'_>, line: Span) -> Result<Action, Refused> {
        let sample = self.needed_sample(parts, line)?;
        let kind = parts.need(format_args!("`len` or `id` behind `{}`", sample.text), line)?;
        let number = parts.need("the number", line)?;
        let value = usize::try_from(forms::leading_number(number.text)).unwrap_or(0);
        match kind.text {
            "len" if value == 0 => Err(Refused::new(number.span, "the length must be more than 0")),
            // Slots for responses bear on no method.
            "len" | "id" if set == Set::Response => Ok(Action::Nothing),
            "len" if self.role == Role::Backend => Err(Refused::new(verb.span, "backends have no slots for captures")),
            "len" => {
                self.slots.push(Slot { header: None, length: value });
                Ok(Action::Capture(sample, self.slots.len() - 1))
            }
            "id" if set == Set::Request => Ok(Action::Capture(sample, value)),
            other => Err(Refused::new(kind.span, format!("`{other}` is not expected behind `capture`"))),
        }
    }

    /// `sc-inc-gpc0(0)` and its kin name one of the counters of `track-sc0` to `track-sc2`.
    fn check_counter(&self, argument: Option<&str>, verb: Word<'_>) -> Result<(), Refused> {
        // Later releases may have more of them.
        let fixed = verb.text.starts_with("sc-") && self.config.release < Release(2, 8, 0);
        let number = argument.and_then(|argument| argument.split(',').next_back()?.parse::<u32>().ok());
        match number.filter(|number| fixed && *number > 2) {
            Some(number) => Err(Refused::new(verb.span, format!("there is no counter {number}: there are 0, 1 and 2"))),
            None => Ok(()),
        }
    }

    /// The words of actions that change no answer, as far as HAProxy is strict about them.
    fn bystander(&mut self, name: &str, parts: &mut Parts<'_>, line: Span) -> Result<(), Refused> {
        const LEVELS: &[&str] = &["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", "silent"];
        let unexpected =
            |word: Word<'_>| Err(Refused::new(word.span, format!("`{}` is not expected behind `{name}`", word.text)));
        match name {
            "disable-l7-retry" => parts.peek().filter(|_| !parts.at_condition()).map_or(Ok(()), unexpected),
            "strict-mode" => {
                let mode = parts.need("`on` or `off`", line)?;
                if matches!(mode.text, "on" | "off") { Ok(()) } else { unexpected(mode) }
            }
            "set-log-level" => {
                let level = parts.need("the level", line)?;
                if LEVELS.contains(&level.text) { Ok(()) } else { unexpected(level) }
            }
            "set-nice" => parts.need("the value", line).map(|_| ()),
            "set-tos" | "set-mark" => {
                let value = parts.need("the value", line)?;
                let digits = value
                    .text
                    .strip_prefix("0x")
                    .map_or_else(|| value.text.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
                if digits.is_some() || self.config.release >= Release(3, 0, 0) { Ok(()) } else { unexpected(value) }
            }
            "set-map" => {
                let key = parts.need("the key", line)?;
                let value = parts.need("the value", line)?;
                self.format(&key).and_then(|_| self.format(&value)).map(|_| ())
            }
            "add-acl" | "del-acl" | "del-map" => {
                let key = parts.need("the key", line)?;
                self.format(&key).map(|_| ())
            }
            "set-priority-class" | "set-priority-offset" => self.needed_sample(parts, line).map(|_| ()),
            "wait-for-body" => {
                let word = parts.need("`time`", line)?;
                if word.text != "time" {
                    return unexpected(word);
                }
                let time = parts.need("the time", line)?;
                forms::time(time.text).map_err(|message| Refused::new(time.span, message))?;
                if parts.peek().is_some_and(|word| word.text == "at-least") {
                    parts.next();
                    parts.need("the length", line)?;
                }
                Ok(())
            }
            "cache-use" | "cache-store" => {
                let cache = parts.need("the name of the cache", line)?;
                self.want(Named::Cache, cache.text, cache.span);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn check_verb(&self, set: Set, family: &str, verb: Word<'_>) -> Result<(), Refused> {
        let name = verb.text.split('(').next().unwrap_or(verb.text);
        if name.starts_with("lua.") {
            if self.config.global.lua {
                return Ok(());
            }
            return Err(Refused::new(verb.span, format!("no Lua script is loaded that could register `{name}`")));
        }
        let missing = format_args!("`{family}` has no action `{name}`");
        let word = Word { text: name, ..verb };
        known(set.place(), &word, format_args!("{family} {name}"), missing, self.config.release).map(|_| ())
    }

    fn service(&mut self, parts: &mut Parts<'_>, line: Span) -> Result<Action, Refused> {
        let name = parts.need("the name of the service", line)?;
        if name.text == "prometheus-exporter" {
            return Ok(Action::Service(Service::Prometheus));
        }
        if name.text.starts_with("lua.") && self.config.global.lua {
            return Ok(Action::Service(Service::Lua));
        }
        Err(Refused::new(name.span, format!("there is no service `{}`", name.text)))
    }

    fn set_status(&mut self, parts: &mut Parts<'_>, line: Span) -> Result<u16, Refused> {
        let code = parts.need("the status", line)?;
        let status = code.text.parse::<u16>().unwrap_or(0);
        if !(100..=999).contains(&status) {
            return Err(Refused::new(code.span, format!("`{}` is no status from 100 to 999", code.text)));
        }
        if parts.peek().is_some_and(|word| word.text == "reason") {
            parts.next();
            parts.need("the reason", line)?;
        }
        Ok(status)
    }
}

impl<'w> Parts<'w> {
    /// The next word, whatever it is.
    fn need_any(&mut self, what: &str, line: Span) -> Result<Word<'w>, Refused> {
        self.next().ok_or_else(|| Refused::new(line, format!("{what} is missing")))
    }
}

/// `normalize-uri NORMALIZER [full|strict]` (src/http_act.c, parse_http_normalize_uri).
fn normalizer(parts: &mut Parts<'_>, line: Span) -> Result<Normalizer, Refused> {
    let name = parts.need("what to normalize", line)?;
    let mut has = |option: &str| {
        let there = parts.peek().is_some_and(|word| word.text == option);
        parts.at += usize::from(there);
        there
    };
    Ok(match name.text {
        "path-merge-slashes" => Normalizer::MergeSlashes,
        "path-strip-dot" => Normalizer::StripDot,
        "path-strip-dotdot" => Normalizer::StripDotDot { full: has("full") },
        "query-sort-by-name" => Normalizer::SortQuery,
        "percent-to-uppercase" => Normalizer::UpperPercent { strict: has("strict") },
        "percent-decode-unreserved" => Normalizer::DecodeUnreserved { strict: has("strict") },
        "fragment-strip" => Normalizer::StripFragment,
        "fragment-encode" => Normalizer::EncodeFragment,
        other => return Err(Refused::new(name.span, format!("`normalize-uri` knows no `{other}`"))),
    })
}
