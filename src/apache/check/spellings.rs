//! Conditions on the method that name none: names in small letters, several names in one text.

use super::super::expr::{Comparison, Expr, parse};
use super::super::read::Statement;
use super::super::site::ApacheSite;
use super::super::site::rewrite::{Cond, CondKind};
use super::super::text::{Piece, Text, Var};
use super::super::words::first;
use super::all_configs;
use super::expressions::condition;
use super::names::is_known;
use crate::finding::{Finding, Severity};
use crate::http::Universe;
use crate::pattern::Pattern;
use crate::source::Span;

pub(super) fn check(site: &ApacheSite) -> Vec<Finding> {
    let universe = &site.universe;
    let mut findings = Vec::new();
    for statement in site.config.all().filter(|statement| !statement.is_open()) {
        findings.extend(in_expression(statement, universe));
        findings.extend(in_variable(statement, universe));
    }
    let mut conds = Vec::new();
    for server in &site.servers {
        conds.extend(server.rewrite.rules.iter().flat_map(|rule| &rule.conds));
    }
    all_configs(site, &mut |config| {
        let rules = config.rewrite.iter().flat_map(|rewrite| &rewrite.rules);
        conds.extend(rules.flat_map(|rule| &rule.conds));
    });
    findings.extend(conds.into_iter().filter_map(|cond| in_cond(cond, universe)));
    findings
}

fn in_expression(statement: Statement<'_>, universe: &Universe) -> Option<Finding> {
    let source = condition(statement).filter(|source| source.contains("REQUEST_METHOD"))?;
    let expr = parse(&source).ok()?;
    let mut mistake = None;
    expr.leaves(&mut |leaf| {
        mistake = mistake.take().or_else(|| match leaf {
            Expr::Compare(Comparison::Equal | Comparison::Unequal, one, other) => match (is_method(one), is_method(other)) {
                (true, false) => Mistake::of_name(literal(other)?),
                (false, true) => Mistake::of_name(literal(one)?),
                _ => None,
            },
            Expr::In(value, list) if is_method(value) => list.iter().filter_map(literal).find_map(Mistake::of_name),
            Expr::Match(value, pattern) if is_method(value) => Mistake::of_pattern(pattern, universe),
            _ => None,
        });
    });
    mistake.map(|mistake| mistake.finding(statement.span(), "`in {'GET', 'POST'}` or `=~ /^(GET|POST)$/`"))
}

fn in_variable(statement: Statement<'_>, universe: &Universe) -> Option<Finding> {
    if !statement.is("SetEnvIf") {
        return None;
    }
    let raw = statement.raw();
    let (attribute, rest) = first(&raw);
    if !attribute.eq_ignore_ascii_case("Request_Method") {
        return None;
    }
    let mistake = Mistake::of_pattern(&Pattern::new(&first(rest).0, false), universe)?;
    Some(mistake.finding(statement.span(), "`SetEnvIfNoCase`"))
}

fn in_cond(cond: &Cond, universe: &Universe) -> Option<Finding> {
    if !is_method(&cond.test) {
        return None;
    }
    let mistake = match &cond.kind {
        CondKind::Compare(Comparison::Equal, name, false) => Mistake::of_name(name),
        CondKind::Pattern(pattern) => Mistake::of_pattern(pattern, universe),
        _ => None,
    };
    Some(mistake?.finding(cond.span, "`^(GET|POST)$`, with `[NC]` where letter case is no matter"))
}

fn is_method(text: &Text) -> bool {
    matches!(text[..], [Piece::Var(Var::Method)])
}

fn literal(text: &Text) -> Option<&str> {
    match &text[..] {
        [Piece::Literal(text)] => Some(text),
        _ => None,
    }
}

/// Why a text is the name of no method.
enum Mistake {
    SmallLetters { written: String, meant: String },
    SeveralNames(String),
}

impl Mistake {
    /// A text that is compared with the method as a whole.
    fn of_name(text: &str) -> Option<Mistake> {
        let mut names = names(text);
        match (names.next(), names.next()) {
            (Some(one), Some(other)) if is_known(&one.to_ascii_uppercase()) && is_known(&other.to_ascii_uppercase()) => {
                Some(Mistake::SeveralNames(text.to_owned()))
            }
            (Some(one), None) if one == text => Mistake::of_letters(one),
            _ => None,
        }
    }

    /// A pattern that no method matches.
    fn of_pattern(pattern: &Pattern, universe: &Universe) -> Option<Mistake> {
        let mut methods = universe.names(universe.all());
        let is_void = methods.all(|method| pattern.matches(method) == Some(false));
        if is_void { names(pattern.source()).find_map(Mistake::of_letters) } else { None }
    }

    fn of_letters(name: &str) -> Option<Mistake> {
        let upper = name.to_ascii_uppercase();
        let is_slip = upper != name && is_known(&upper);
        is_slip.then(|| Mistake::SmallLetters { written: name.to_owned(), meant: upper })
    }

    fn finding(self, span: Span, form: &str) -> Finding {
        let (message, help) = match self {
            Mistake::SmallLetters { written, meant } => {
                let message = format!("no request has the method `{written}`: names of methods tell letter case apart");
                (message, format!("write `{meant}`, or take {form}"))
            }
            Mistake::SeveralNames(text) => {
                (format!("the method is compared with `{text}` as a whole, which no request has"), format!("write {form}"))
            }
        };
        Finding::new("method-check-ineffective", Severity::Error, span, message).help(help)
    }
}

/// The words of a text that may be names of methods.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphabetic() && c != '-').filter(|name| !name.is_empty())
}
