//! `SetEnvIf` and its kin (`modules/metadata/mod_setenvif.c`).

use std::sync::Arc;

use super::super::expr::{Expr, parse};
use super::super::text::Var;
use super::super::words::{first, is_blank};
use super::{Context, Refused};
use crate::http::MethodSet;
use crate::pattern::Pattern;
use crate::source::Span;

#[derive(Clone, Debug)]
pub(in crate::apache) struct SetEnvIf {
    pub(in crate::apache) test: Test,
    /// Names with the value they get; without one they are unset.
    pub(in crate::apache) sets: Vec<(String, Option<String>)>,
    pub(in crate::apache) span: Span,
}

#[derive(Clone, Debug)]
pub(in crate::apache) enum Test {
    Method(MethodSet),
    Var(Var, Arc<Pattern>),
    /// The first header whose name matches.
    AnyHeader(Arc<Pattern>, Arc<Pattern>),
    Expr(Expr),
}

/// Reads `SetEnvIf`, `SetEnvIfNoCase`, `BrowserMatch`, `BrowserMatchNoCase` and `SetEnvIfExpr`.
pub(in crate::apache) fn read(context: &mut Context<'_>, name: &str, raw: &str, span: Span) -> Result<SetEnvIf, Refused> {
    let lower = name.to_ascii_lowercase();
    let ignore_case = lower.ends_with("nocase");
    if lower == "setenvifexpr" {
        let (source, rest) = first(raw);
        let expr = parse(&source).map_err(|error| format!("`SetEnvIfExpr`: {}", error.message))?;
        let test = Test::Expr(expr.settled(context.universe));
        return Ok(SetEnvIf { test, sets: assignments(rest)?, span });
    }
    let (attribute, rest) = match lower.starts_with("browsermatch") {
        true => ("User-Agent".into(), raw),
        false => first(raw),
    };
    let (source, rest) = first(rest);
    if source.is_empty() && rest.is_empty() {
        return Err(format!("`{name}` lacks its regular expression"));
    }
    let sets = assignments(rest)?;
    let is = |known: &str| attribute.eq_ignore_ascii_case(known);
    let var = if is("Request_Method") {
        Var::Method
    } else if is("Request_URI") {
        Var::Uri
    } else if is("Remote_Addr") || is("Remote_Host") {
        Var::RemoteAddress
    } else if is("Remote_User") {
        Var::User
    } else if is("Server_Addr") {
        Var::ServerAddress
    } else if is("Request_Protocol") {
        Var::Protocol
    } else {
        Var::Header(attribute.to_ascii_lowercase().into())
    };
    if attribute.contains(['^', '*', '(', '[', '+', '?', '$', '|', '\\', '.']) && !matches!(var, Var::Method) {
        let (names, values) = (context.patterns.get(&attribute, ignore_case), context.patterns.get(&source, ignore_case));
        return Ok(SetEnvIf { test: Test::AnyHeader(names, values), sets, span });
    }
    let test = match var {
        Var::Method => match context.patterns.methods(context.universe, &source, ignore_case) {
            Some(set) => Test::Method(set),
            None => Test::Var(Var::Method, context.patterns.get(&source, ignore_case)),
        },
        var => Test::Var(var, context.patterns.get(&source, ignore_case)),
    };
    Ok(SetEnvIf { test, sets, span })
}

fn assignments(mut rest: &str) -> Result<Vec<(String, Option<String>)>, Refused> {
    let mut sets = Vec::new();
    while !rest.is_empty() {
        let (word, after) = first(rest);
        rest = after.trim_start_matches(is_blank);
        sets.push(match word.strip_prefix('!') {
            Some(name) => (name.to_owned(), None),
            None => match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word.into_owned(), Some("1".to_owned())),
            },
        });
    }
    if sets.is_empty() { Err("the variable to set is missing".to_owned()) } else { Ok(sets) }
}
