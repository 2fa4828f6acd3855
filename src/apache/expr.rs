//! Expressions: `<If>`, `Require expr`, `RewriteCond expr`, `SetEnvIfExpr` (`server/util_expr_parse.y`).

mod parse;

pub(super) use parse::{interpolated, parse};

use std::cmp::Ordering;
use std::sync::Arc;

use super::text::{Piece, Text, methods_with};
use crate::http::{MethodSet, Universe};
use crate::pattern::Pattern;

#[derive(Clone, Debug)]
pub(super) enum Expr {
    Constant(bool),
    Not(Box<Expr>),
    All(Vec<Expr>),
    Any(Vec<Expr>),
    /// What depends on the method alone.
    Method(MethodSet),
    Compare(Comparison, Text, Text),
    /// Numbers; a text that is none counts as 0, which is why `-eq` on words is always true.
    CompareNumbers(Comparison, Text, Text),
    In(Text, Vec<Text>),
    Match(Text, Arc<Pattern>),
    Unary(char, Text),
    Binary(Box<str>, Text, Text),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(super) fn holds(self, order: Ordering) -> bool {
        match self {
            Comparison::Equal => order == Ordering::Equal,
            Comparison::Unequal => order != Ordering::Equal,
            Comparison::Less => order == Ordering::Less,
            Comparison::LessOrEqual => order != Ordering::Greater,
            Comparison::Greater => order == Ordering::Greater,
            Comparison::GreaterOrEqual => order != Ordering::Less,
        }
    }
}

impl Expr {
    /// The test of one leaf on the values of its texts; `None` where it cannot be told.
    pub(super) fn holds(&self, values: &[String]) -> Option<bool> {
        let number = |text: &String| leading_number(text);
        match (self, values) {
            (Expr::Compare(comparison, ..), [left, right]) => Some(comparison.holds(left.as_bytes().cmp(right.as_bytes()))),
            (Expr::CompareNumbers(comparison, ..), [left, right]) => Some(comparison.holds(number(left).cmp(&number(right)))),
            (Expr::In(..), [value, list @ ..]) => Some(list.contains(value)),
            (Expr::Match(_, pattern), [value]) => pattern.matches(value),
            (Expr::Unary('n', _), [value]) => Some(!value.is_empty()),
            (Expr::Unary('z', _), [value]) => Some(value.is_empty()),
            (Expr::Unary('T', _), [value]) => {
                Some(!matches!(value.to_ascii_lowercase().as_str(), "" | "0" | "off" | "false" | "no"))
            }
            (Expr::Binary(operator, ..), [value, operand]) => binary(operator, value, operand),
            _ => None,
        }
    }

    /// The texts that a leaf looks at.
    pub(super) fn texts(&self) -> Vec<&Text> {
        match self {
            Expr::Compare(_, left, right) | Expr::CompareNumbers(_, left, right) | Expr::Binary(_, left, right) => {
                vec![left, right]
            }
            Expr::In(value, list) => std::iter::once(value).chain(list).collect(),
            Expr::Match(value, _) | Expr::Unary(_, value) => vec![value],
            _ => Vec::new(),
        }
    }

    /// Visits every leaf.
    pub(super) fn leaves<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        match self {
            Expr::Not(inner) => inner.leaves(visit),
            Expr::All(list) | Expr::Any(list) => list.iter().for_each(|inner| inner.leaves(visit)),
            leaf => visit(leaf),
        }
    }

    /// The same expression with each part that looks at nothing but the method worked out.
    pub(super) fn settled(self, universe: &Universe) -> Expr {
        // A regular expression whose groups are used must be run.
        let mut uses_groups = false;
        self.leaves(&mut |leaf| {
            let texts = leaf.texts();
            uses_groups |= texts.iter().any(|text| text.iter().any(|piece| matches!(piece, Piece::Group(_))));
        });
        if uses_groups { self } else { self.settle(universe) }
    }

    fn settle(self, universe: &Universe) -> Expr {
        let all = universe.all();
        match self {
            Expr::Not(inner) => match inner.settle(universe) {
                Expr::Method(set) => Expr::Method(all - set),
                Expr::Constant(value) => Expr::Constant(!value),
                inner => Expr::Not(Box::new(inner)),
            },
            Expr::All(list) => Expr::All(list.into_iter().map(|inner| inner.settle(universe)).collect()),
            Expr::Any(list) => Expr::Any(list.into_iter().map(|inner| inner.settle(universe)).collect()),
            leaf => match methods_with(universe, &leaf.texts(), |values| leaf.holds(values)) {
                Some(set) => Expr::Method(set),
                None => leaf,
            },
        }
    }
}

fn leading_number(text: &str) -> i64 {
    let text = text.trim_start();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let length = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let number: i64 = digits[..length].parse().unwrap_or(0);
    if text.starts_with('-') { -number } else { number }
}

fn binary(operator: &str, value: &str, operand: &str) -> Option<bool> {
    match operator {
        "strmatch" => Some(wildcard(operand, value)),
        "strcmatch" => Some(wildcard(&operand.to_lowercase(), &value.to_lowercase())),
        "fnmatch" => Some(file_wildcard(operand, value)),
        "ipmatch" => super::net::Net::parse(operand).map(|net| net.contains(value)),
        _ => None,
    }
}

/// `ap_strcmp_match`: `*` and `?` match any signs.
pub(super) fn wildcard(pattern: &str, text: &str) -> bool {
    glob(pattern.as_bytes(), text.as_bytes(), false)
}

/// `apr_fnmatch` with `APR_FNM_PATHNAME`: `*` and `?` do not match a slash.
pub(super) fn file_wildcard(pattern: &str, text: &str) -> bool {
    glob(pattern.as_bytes(), text.as_bytes(), true)
}

/// Matches greedily and steps back only to the last `*`, so that no pattern takes more than quadratic time.
fn glob(pattern: &[u8], text: &[u8], path: bool) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, from));
                at += 1;
                continue;
            }
            Some(b'?') if !(path && text[from] == b'/') => {
                (at, from) = (at + 1, from + 1);
                continue;
            }
            Some(b'[') if path => {
                if let Some((inside, length)) = class(&pattern[at..], text[from])
                    && inside
                    && text[from] != b'/'
                {
                    (at, from) = (at + length, from + 1);
                    continue;
                }
            }
            Some(&sign) if sign == text[from] => {
                (at, from) = (at + 1, from + 1);
                continue;
            }
            _ => {}
        }
        match star {
            Some((after, last)) if !(path && text[last] == b'/') => {
                star = Some((after, last + 1));
                (at, from) = (after, last + 1);
            }
            _ => return false,
        }
    }
    pattern[at..].iter().all(|sign| *sign == b'*')
}

/// Whether a sign is in the class `[…]` that starts here, and how long the class is.
fn class(pattern: &[u8], sign: u8) -> Option<(bool, usize)> {
    let end = pattern.iter().skip(2).position(|c| *c == b']')? + 2;
    let body = &pattern[1..end];
    let (negated, body) = match body.split_first() {
        Some((b'!' | b'^', rest)) => (true, rest),
        _ => (false, body),
    };
    let mut inside = false;
    let mut index = 0;
    while index < body.len() {
        if index + 2 < body.len() && body[index + 1] == b'-' {
            inside |= (body[index]..=body[index + 2]).contains(&sign);
            index += 3;
        } else {
            inside |= body[index] == sign;
            index += 1;
        }
    }
    Some((inside != negated, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stay_within_a_folder_in_paths() {
        assert!(file_wildcard("/a/*/c", "/a/b/c") && !file_wildcard("/a/*", "/a/b/c") && wildcard("/a/*", "/a/b/c"));
        assert!(file_wildcard("*.[cj]s?", "x.css") && !file_wildcard("*.[!c]s", "x.cs"));
        assert!(!wildcard(&"*a".repeat(5000), &"b".repeat(5000)));
    }
}
