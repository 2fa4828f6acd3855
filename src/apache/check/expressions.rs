//! Comparisons of the method as a number (`util_expr_eval.c` reads a word as 0).

use super::super::expr::{Expr, parse};
use super::super::read::{Config, Statement};
use super::super::text::{Piece, Text, Var};
use super::super::words::first;
use crate::finding::{Finding, Severity};

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for statement in config.all() {
        let Some(source) = condition(statement) else { continue };
        if !source.contains("REQUEST_METHOD") {
            continue;
        }
        let Ok(expr) = parse(&source) else { continue };
        let mut numbers = false;
        expr.leaves(&mut |leaf| {
            if let Expr::CompareNumbers(_, left, right) = leaf {
                numbers |= is_method(left) || is_method(right);
            }
        });
        if numbers {
            let message = "the method is compared as a number: every method counts as 0, as does the word beside it";
            findings.push(
                Finding::new("method-check-ineffective", Severity::Error, statement.span(), message)
                    .help("compare texts with `==`, or with `in {'GET', 'POST'}`"),
            );
        }
    }
    findings
}

fn is_method(text: &Text) -> bool {
    matches!(text[..], [Piece::Var(Var::Method)])
}

/// The condition that a statement holds.
pub(super) fn condition(statement: Statement<'_>) -> Option<String> {
    let name = statement.name();
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    if is("If") || is("ElseIf") {
        return statement.arg(0).map(|arg| arg.into_owned());
    }
    if is("Require") {
        let raw = statement.raw();
        let (provider, rest) = first(&raw);
        let (provider, rest) = if provider.eq_ignore_ascii_case("not") { first(rest) } else { (provider, rest) };
        let quoted = rest.starts_with(['"', '\'']);
        return provider.eq_ignore_ascii_case("expr").then(|| if quoted { first(rest).0.into_owned() } else { rest.to_owned() });
    }
    if is("RewriteCond") && statement.arg(0)?.eq_ignore_ascii_case("expr") {
        return statement.arg(1).map(|arg| arg.into_owned());
    }
    None
}
