//! The values of variables, and what expressions and conditions make of them.

use std::collections::HashMap;
use std::sync::Arc;

use md5::{Digest, Md5};
use sha1::Sha1;

use super::super::expr::Expr;
use super::super::net::Net;
use super::super::site::setenvif::{SetEnvIf, Test};
use super::super::text::{Function, Piece, Var};
use super::authn::User;
use super::encode_path;
use super::{Layer, Run};
use crate::ask::Fact;
use crate::base64::encode;
use crate::http::ByMethod;
use crate::pattern::{Groups, Pattern};

/// A text that may differ from method to method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Plain(String),
    ByMethod(ByMethod<String>),
    /// What it is cannot be told, and why.
    Unknown(Arc<str>),
}

impl Default for Value {
    fn default() -> Self {
        Value::Plain(String::new())
    }
}

impl Value {
    /// A value that is the same for all methods as what it is.
    pub(super) fn plain(self) -> Value {
        match self {
            Value::ByMethod(texts) => match texts.constant() {
                Some(text) => Value::Plain(text.clone()),
                None => Value::ByMethod(texts),
            },
            other => other,
        }
    }

    fn map(self, of: impl Fn(&str) -> String) -> Value {
        match self {
            Value::Plain(text) => Value::Plain(of(&text)),
            Value::ByMethod(texts) => Value::ByMethod(texts.map(|text| of(text))),
            unknown => unknown,
        }
    }

    fn join(self, other: Value) -> Value {
        match (self, other) {
            (Value::Unknown(why), _) | (_, Value::Unknown(why)) => Value::Unknown(why),
            (Value::Plain(left), Value::Plain(right)) => Value::Plain(left + &right),
            (Value::Plain(left), Value::ByMethod(right)) => Value::ByMethod(right.map(|right| format!("{left}{right}"))),
            (Value::ByMethod(left), Value::Plain(right)) => Value::ByMethod(left.map(|left| format!("{left}{right}"))),
            (Value::ByMethod(left), Value::ByMethod(right)) => {
                Value::ByMethod(left.zip(&right, |left, right| format!("{left}{right}")))
            }
        }
    }
}

/// The groups that `$N` and `%N` stand for.
#[derive(Clone, Debug, Default)]
pub(super) struct Matched {
    pub(super) rule: Option<Groups>,
    pub(super) cond: Option<Groups>,
}

impl Matched {
    /// The same with each group changed.
    pub(super) fn map(&self, change: impl Fn(&str) -> String) -> Matched {
        let all = |groups: &Option<Groups>| {
            groups.as_ref().map(|groups| Groups {
                numbered: groups.numbered.iter().map(|group| group.as_deref().map(&change)).collect(),
                named: Vec::new(),
            })
        };
        Matched { rule: all(&self.rule), cond: all(&self.cond) }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn group(groups: Option<&Groups>, number: u8) -> String {
    groups.and_then(|groups| groups.numbered.get(usize::from(number))?.clone()).unwrap_or_default()
}

impl Run<'_, '_, '_> {
    /// Asks whether something holds that cannot be worked out.
    pub(super) fn suppose(&mut self, what: &str, likely: bool) -> bool {
        self.ask.fact(Fact::told(what.to_owned(), format!("not: {what}")), likely)
    }

    /// Whether an expression holds.
    pub(super) fn expr(&mut self, expr: &Expr) -> bool {
        self.expr_with(expr, &mut Matched::default())
    }

    /// The same; a regular expression that matches leaves its groups to what follows it.
    pub(super) fn expr_with(&mut self, expr: &Expr, matched: &mut Matched) -> bool {
        match expr {
            Expr::Constant(value) => *value,
            Expr::Not(inner) => !self.expr_with(inner, matched),
            Expr::All(list) => list.iter().all(|inner| self.expr_with(inner, matched)),
            Expr::Any(list) => list.iter().any(|inner| self.expr_with(inner, matched)),
            Expr::Method(set) => self.method_is(*set),
            Expr::Match(text, pattern) => {
                let mut value = self.text(text, matched);
                // Groups that a later part of the expression uses are those of one method.
                if let Value::ByMethod(texts) = &value
                    && pattern.source().contains('(')
                {
                    value = Value::Plain(self.ask.settle(texts).unwrap_or_default());
                }
                if let Value::Plain(text) = &value
                    && let Some(groups) = pattern.groups(text)
                {
                    let holds = groups.is_some();
                    matched.rule = groups.or(matched.rule.take());
                    return holds;
                }
                self.test(vec![value], "an expression holds", |values| pattern.matches(&values[0]))
            }
            Expr::Unary('e', text) => match self.text(text, matched) {
                Value::Plain(path) => {
                    let path: Arc<str> = path.into();
                    self.ask.fact(Fact::FileExists(Arc::clone(&path)), false) || self.ask.fact(Fact::FolderExists(path), false)
                }
                _ => self.suppose("the file of an expression exists", false),
            },
            Expr::Unary('f' | 'F' | 's', text) => match self.text(text, matched) {
                Value::Plain(path) => self.ask.fact(Fact::FileExists(path.into()), false),
                _ => self.suppose("the file of an expression exists", false),
            },
            Expr::Unary('h' | 'L', _) if self.ask.sees_disk() => false,
            Expr::Unary('U' | 'A', text) => match self.text(text, matched) {
                Value::Plain(path) => self.is_reachable(&path),
                _ => self.suppose("the path of an expression can be reached", false),
            },
            Expr::Unary('d', text) => match self.text(text, matched) {
                Value::Plain(path) => self.ask.fact(Fact::FolderExists(path.into()), false),
                _ => self.suppose("the folder of an expression exists", false),
            },
            Expr::Unary('R', text) => match self.text(text, matched) {
                Value::Plain(net) => Net::parse(&net).is_some_and(|net| self.client_is_of(&[net])),
                _ => self.suppose("the client's address is of the expression's range", false),
            },
            leaf => {
                let values: Vec<Value> = leaf.texts().into_iter().map(|text| self.text(text, matched)).collect();
                self.test(values, "an expression holds", |values| leaf.holds(values))
            }
        }
    }

    /// Tests values, of which some may differ by method.
    pub(super) fn test(&mut self, values: Vec<Value>, what: &str, holds: impl Fn(&[String]) -> Option<bool>) -> bool {
        let mut joined: Option<ByMethod<Vec<String>>> = None;
        for value in values {
            let next = match value {
                Value::Plain(text) => ByMethod::same(vec![text]),
                Value::ByMethod(texts) => texts.map(|text| vec![text.clone()]),
                Value::Unknown(why) => return self.suppose(&format!("{what} that looks at {why}"), false),
            };
            joined = Some(match joined {
                None => next,
                Some(known) => known.zip(&next, |left, right| left.iter().chain(right).cloned().collect()),
            });
        }
        let outcome = joined.unwrap_or_else(|| ByMethod::same(Vec::new())).map(|values| holds(values));
        match self.ask.settle(&outcome) {
            Some(Some(holds)) => holds,
            _ => {
                self.ask.doubt("a condition cannot be tested here");
                self.suppose(what, false)
            }
        }
    }

    pub(super) fn text(&mut self, text: &[Piece], matched: &Matched) -> Value {
        let mut value = Value::default();
        for piece in text {
            let next = match piece {
                Piece::Literal(literal) => Value::Plain(literal.to_string()),
                Piece::Var(var) => self.var(var),
                Piece::Group(number) => Value::Plain(group(matched.rule.as_ref(), *number)),
                Piece::CondGroup(number) => Value::Plain(group(matched.cond.as_ref(), *number)),
                Piece::Call(Function::Lower, inner) => self.text(inner, matched).map(str::to_lowercase),
                Piece::Call(Function::Upper, inner) => self.text(inner, matched).map(str::to_uppercase),
                Piece::Call(Function::Base64, inner) => self.text(inner, matched).map(|text| encode(text.as_bytes())),
                Piece::Call(Function::Sha1, inner) => self.text(inner, matched).map(|text| hex(Sha1::digest(text).as_slice())),
                Piece::Call(Function::Md5, inner) => self.text(inner, matched).map(|text| hex(Md5::digest(text).as_slice())),
                Piece::Call(Function::Escape, inner) => self.text(inner, matched).map(encode_path),
                Piece::Call(Function::Unescape, inner) => self.text(inner, matched).map(super::url::decode_all),
                Piece::Call(Function::Unknown(name), _) => Value::Unknown(format!("`{name}`").into()),
                Piece::Map(call) => self.look_up_map(call, matched),
            };
            value = value.join(next);
        }
        value
    }

    /// The port of the Host header, else that of `ServerName`, else the scheme's (`ap_get_server_port`).
    pub(super) fn server_port(&self) -> u16 {
        let request = self.ask.request();
        let sent = request.host.as_deref().and_then(|host| host.rsplit_once(':')).and_then(|(_, port)| port.parse().ok());
        let default = if request.scheme == "https" { 443 } else { 80 };
        sent.or(self.server.names.name_port).unwrap_or(default)
    }

    fn method_text(&self) -> Value {
        match self.fixed_method {
            Some(_) => Value::Plain("GET".to_owned()),
            None => Value::ByMethod(ByMethod::each(self.ask.universe(), self.ask.methods(), str::to_owned)),
        }
    }

    pub(super) fn var(&mut self, var: &Var) -> Value {
        let request = self.ask.request();
        Value::Plain(match var {
            Var::Method => return self.method_text(),
            Var::TheRequest => {
                let rest = format!(" {} HTTP/{}", request.target, request.version);
                let method = Value::ByMethod(ByMethod::each(self.ask.universe(), self.ask.methods(), str::to_owned));
                return method.join(Value::Plain(rest));
            }
            Var::Uri => self.mapping.url.path.clone(),
            Var::Filename => match &self.mapping.proxied {
                Some(url) if self.mapping.filename.is_empty() => format!("proxy:{url}"),
                None if self.mapping.filename.is_empty() => self.mapping.url.path.clone(),
                _ => self.mapping.filename.clone(),
            },
            Var::PathInfo => self.mapping.path_info.clone(),
            Var::Status => "200".to_owned(),
            Var::Off => "off".to_owned(),
            Var::User => match &self.user {
                User::Nobody => String::new(),
                User::Named(name) => name.to_string(),
                User::Somebody => return Value::Unknown("the user's name".into()),
            },
            Var::IsSubrequest => if self.subrequest { "true" } else { "false" }.to_owned(),
            Var::Software => format!("Apache/{}", self.site.release),
            Var::LookAhead(inner) => return self.look_ahead(inner),
            Var::Query => self.mapping.url.query.clone().unwrap_or_default(),
            Var::Header(name) => self.header(name).map(|value| value.to_string()).unwrap_or_default(),
            Var::Env(name) => return self.env_value(name, 0).unwrap_or_default(),
            Var::RemoteAddress => self.ask.client().to_string(),
            Var::ServerPort => self.server_port().to_string(),
            Var::ServerName => match &self.server.names.name {
                Some(name) => name.clone(),
                None => return Value::Unknown("the server's name".into()),
            },
            Var::ServerAddress => request.address.to_string(),
            Var::DocumentRoot => self.document_root().to_owned(),
            Var::ContextPrefix => self.mapping.context.map_or("", |(prefix, _)| prefix).to_owned(),
            Var::Scheme => request.scheme.to_string(),
            Var::Https => if request.scheme == "https" { "on" } else { "off" }.to_owned(),
            Var::Protocol => format!("HTTP/{}", request.version),
            Var::Handler => self.mapping.handler.clone().unwrap_or_default(),
            Var::Empty => String::new(),
            Var::Unknown(name) => return Value::Unknown(format!("`%{{{name}}}`").into()),
        })
    }

    /// The value of a variable of the request's environment; what sets it last counts.
    pub(super) fn env_value(&mut self, name: &str, depth: usize) -> Option<Value> {
        const MAX_DEPTH: usize = 8;
        if depth > MAX_DEPTH {
            return None;
        }
        // Sections set theirs in the header parser, after rewrite rules of the server.
        for index in (0..self.mapping.stack.len()).rev() {
            let (layer, config) = self.mapping.stack[index];
            if layer == Layer::Defaults || config.env.is_empty() {
                continue;
            }
            if let Some(value) = self.set_by(&config.env, name, depth) {
                return value;
            }
        }
        if let Some((_, value)) = self.mapping.env.iter().rev().find(|(known, _)| known == name) {
            return value.clone();
        }
        let (site, server) = (self.site, self.server);
        for lines in [&server.env, &site.main().env] {
            if let Some(value) = self.set_by(lines, name, depth) {
                return value;
            }
            if std::ptr::eq(server, site.main()) {
                break;
            }
        }
        None
    }

    /// What the last of these lines that speaks of a variable and matches makes of it.
    fn set_by(&mut self, lines: &[SetEnvIf], name: &str, depth: usize) -> Option<Option<Value>> {
        // Long lists of clients to refuse ask for the same header on every line.
        let mut headers: HashMap<&Arc<str>, Value> = HashMap::new();
        for line in lines.iter().rev() {
            let Some((_, value)) = line.sets.iter().rev().find(|(known, _)| known == name) else { continue };
            let tested = match &line.test {
                Test::Method(set) if self.env_method_is(*set) => None,
                Test::Expr(expr) if self.expr(expr) => None,
                Test::Method(_) | Test::Expr(_) => continue,
                Test::AnyHeader(names, values) => Some((self.header_named(names), values)),
                Test::Var(Var::Header(header), pattern) => {
                    let value = headers.entry(header).or_insert_with(|| self.header_or_variable(header, depth));
                    Some((value.clone(), pattern))
                }
                Test::Var(var, pattern) => Some((self.var(var), pattern)),
            };
            if let Some((subject, pattern)) = &tested
                && !self.test(vec![subject.clone()], "the pattern of `SetEnvIf` matches", |values| pattern.matches(&values[0]))
            {
                continue;
            }
            self.step("post_read_request", "SetEnvIf", line.span, "sets a variable");
            let value = value.as_ref().map(|value| match &tested {
                Some((Value::Plain(subject), pattern)) if value.contains('$') => {
                    let groups = pattern.groups(subject).flatten().unwrap_or_default();
                    Value::Plain(super::translate::fill_groups(value, &groups))
                }
                _ => Value::Plain(value.clone()),
            });
            return Some(value);
        }
        None
    }

    /// `SetEnvIf` looks among the variables for what is no header.
    fn header_or_variable(&mut self, name: &str, depth: usize) -> Value {
        let value = self.header(name).map(|value| Value::Plain(value.to_string()));
        value.or_else(|| self.env_value(name, depth + 1)).unwrap_or_default()
    }

    /// The value of the first header whose name matches; without one the empty text.
    fn header_named(&mut self, names: &Pattern) -> Value {
        let headers = &self.ask.request().headers;
        let found = headers.iter().find(|(name, _)| names.matches(name).unwrap_or(false));
        Value::Plain(found.map(|(_, value)| value.clone()).unwrap_or_default())
    }
}
