//! The condition of an `if`, and how methods get past it.

use super::{between, without};
use crate::finding::Edit;
use crate::mend::{Statements, insert, replace, with_alternatives, without_alternatives};
use crate::source::Span;
use crate::syntax::{Directive, Tree, Word};

/// `($variable operator text)`
pub(super) struct Condition<'t> {
    statement: Directive<'t>,
    variable: &'t str,
    /// With the place of the text that it compares with.
    pub(super) operator: Option<(&'t Word, Span)>,
}

impl<'t> Condition<'t> {
    pub(super) fn of(statement: Directive<'t>) -> Option<Self> {
        let tree = statement.tree;
        let words: Vec<&Word> = statement.args().iter().filter(|word| !matches!(tree.value(word), "(" | ")")).collect();
        let (first, rest) = words.split_first()?;
        let variable = tree.value(first).trim_start_matches('(').trim_end_matches(')');
        let operator = match rest {
            [operator, text] => Some((*operator, inside(tree, text))),
            _ => None,
        };
        Some(Condition { statement, variable, operator })
    }

    fn text(&self, span: Span) -> &'t str {
        self.statement.tree.source.slice(span.start..span.end)
    }

    /// Lets methods past a refusal that takes place where the condition holds.
    pub(super) fn admit(&self, all: &Statements<'_>, methods: &[&str], like: &[&str]) -> Option<Vec<Edit>> {
        if self.variable != "$request_method" {
            let of_map = || admit_in_map(all, self.variable, methods, like).filter(|_| self.operator.is_none());
            return of_map().or_else(|| self.admit_by_flag(all, methods, like));
        }
        let (operator, text) = self.operator?;
        match self.statement.tree.value(operator) {
            "!=" | "!~" | "!~*" => self.widen(methods),
            "=" if methods.contains(&self.text(text)) => Some(vec![without(self.statement)]),
            "~" | "~*" => Some(match without_alternatives(self.text(text), methods)? {
                rest if rest.is_empty() => vec![without(self.statement)],
                rest => vec![replace(text, rest)],
            }),
            _ => None,
        }
    }

    /// Adds methods to those that the condition names.
    fn widen(&self, methods: &[&str]) -> Option<Vec<Edit>> {
        let (operator, text) = self.operator?;
        let alternatives = |operator_now| {
            let names = methods.iter().flat_map(|method| ["|", method]).collect::<String>();
            let regex = format!("^({}{names})$", self.text(text));
            Some(vec![replace(self.statement.tree.span(operator), operator_now), replace(text, regex)])
        };
        match self.statement.tree.value(operator) {
            "=" => alternatives("~"),
            "!=" => alternatives("!~"),
            "~" | "~*" | "!~" | "!~*" => Some(vec![replace(text, with_alternatives(self.text(text), methods)?)]),
            _ => None,
        }
    }

    /// `set $ok 1` under conditions on the method, and a refusal where the variable says so: what sets the refused value must
    /// spare the methods, or what sets the other one must name them.
    fn admit_by_flag(&self, all: &Statements<'_>, methods: &[&str], like: &[&str]) -> Option<Vec<Edit>> {
        let mut flags = self.flags();
        flags.retain(|flag| flag.condition.variable == "$request_method");
        let (refusing, passing): (Vec<_>, Vec<_>) =
            flags.into_iter().filter_map(|flag| Some((self.holds_for(flag.value)?, flag))).partition(|(holds, _)| *holds);
        let narrowed: Vec<Edit> =
            refusing.iter().filter_map(|(_, flag)| flag.condition.admit(all, methods, like)).flatten().collect();
        if !narrowed.is_empty() {
            return Some(narrowed);
        }
        passing.iter().rev().find_map(|(_, flag)| flag.condition.widen(methods))
    }

    /// Whether the condition holds for this value of its variable; `None` where that is not plain to see.
    fn holds_for(&self, value: &str) -> Option<bool> {
        let Some((operator, text)) = self.operator else { return Some(!matches!(value, "" | "0")) };
        let text = self.text(text);
        if text.contains('$') {
            return None;
        }
        match self.statement.tree.value(operator) {
            "=" => Some(value == text),
            "!=" => Some(value != text),
            _ => None,
        }
    }

    /// The conditions above this one, in the same blocks, under which its variable gets a value.
    fn flags(&self) -> Vec<Flag<'t>> {
        let blocks = std::iter::successors(Some(self.statement), |inner| inner.parent());
        let above = blocks.flat_map(|inner| {
            let siblings = match inner.parent() {
                Some(block) => block.children(),
                None => inner.tree.statements(),
            };
            siblings.take_while(move |other| other.id != inner.id).filter(|other| other.name() == "if")
        });
        let flag = |statement: Directive<'t>| {
            let is_setter = |inner: &Directive<'t>| inner.name() == "set" && inner.arg(0) == Some(self.variable);
            let value = statement.children().find(is_setter)?.arg(1).filter(|value| !value.contains('$'))?;
            Some(Flag { condition: Condition::of(statement)?, value })
        };
        above.filter_map(flag).collect()
    }
}

/// An `if` that gives a variable a value.
struct Flag<'t> {
    condition: Condition<'t>,
    value: &'t str,
}

/// The bytes of a word without its quotes and the parenthesis that ends the condition.
fn inside(tree: &Tree, word: &Word) -> Span {
    let span = tree.span(word);
    let raw = tree.source.slice(span.start..span.end);
    let opened = raw.matches('(').count();
    let raw = if raw.matches(')').count() > opened { raw.strip_suffix(')').unwrap_or(raw) } else { raw };
    let bare = raw.trim_matches(['"', '\'']);
    let start = span.start + (raw.len() - raw.trim_start_matches(['"', '\'']).len()) as u32;
    tree.source.span(start..start + bare.len() as u32)
}

/// `map $request_method $bad { … }`: the methods get the value of one that is let through.
fn admit_in_map(all: &Statements<'_>, variable: &str, methods: &[&str], like: &[&str]) -> Option<Vec<Edit>> {
    let is_meant = |map: &&Directive<'_>| map.is_block() && map.arg(1) == Some(variable);
    let map = all.named("map").iter().find(is_meant).filter(|map| map.arg(0) == Some("$request_method"))?;
    let entry = |method: &str| map.children().find(|entry| entry.name().eq_ignore_ascii_case(method));
    let model = like.iter().find_map(|method| entry(method)).or_else(|| entry("default"))?;
    let value = model.args().first()?;
    let source = &map.tree.source;
    let value = source.slice(value.start..value.end);
    let mut edits = Vec::new();
    let mut more = String::new();
    for method in methods {
        match entry(method) {
            Some(known) => edits.push(replace(known.arg_span(0)?, value)),
            None => more.push_str(&format!("{}{method} {value};", between(model))),
        }
    }
    if !more.is_empty() {
        edits.push(insert(source, model.span().end, more));
    }
    Some(edits)
}
