//! Hosts and queries that conditions ask for, where what they decide differs by method.

use super::Finder;
use crate::apache::expr::{Comparison, Expr};
use crate::apache::select;
use crate::apache::site::rewrite::{CondKind, RewriteRule};
use crate::apache::text::{Piece, Text, Var};
use crate::pattern::Pattern;
use crate::source::Span;

/// What is asked for besides the path.
#[derive(Debug, Default)]
pub(super) struct Asked {
    hosts: Vec<String>,
    queries: Vec<String>,
}

impl Asked {
    /// What the conditions of a rule ask for; nothing where none of them is about the method.
    pub(super) fn of_rule(rule: &RewriteRule) -> Self {
        let mut asked = Asked::default();
        if !rule.conds.iter().any(|cond| cond.methods.is_some()) {
            return asked;
        }
        for cond in rule.conds.iter().filter(|cond| !cond.negated) {
            match &cond.kind {
                CondKind::Pattern(pattern) => asked.pattern(&cond.test, pattern),
                CondKind::Compare(Comparison::Equal, text, _) => asked.text(&cond.test, text),
                CondKind::Expr(expr) => asked.leaves(expr),
                _ => {}
            }
        }
        asked
    }

    /// The same of an `<If>`.
    pub(super) fn of_expr(expr: &Expr) -> Self {
        let mut is_about_method = false;
        expr.leaves(&mut |leaf| is_about_method |= matches!(leaf, Expr::Method(_)));
        let mut asked = Asked::default();
        if is_about_method {
            asked.leaves(expr);
        }
        asked
    }

    fn leaves(&mut self, expr: &Expr) {
        expr.leaves(&mut |leaf| match leaf {
            Expr::Match(text, pattern) => self.pattern(text, pattern),
            Expr::Compare(Comparison::Equal, text, with) => {
                if let [Piece::Literal(with)] = &with[..] {
                    self.text(text, with);
                }
            }
            _ => {}
        });
    }

    fn pattern(&mut self, text: &Text, pattern: &Pattern) {
        if !is_host(text) && !is_query(text) {
            return;
        }
        let Some(example) = pattern.example() else { return };
        // A pattern for the start of names leaves the rest open.
        let whole = format!("{example}test");
        let fits = is_host(text) && example.ends_with('.') && pattern.matches(&whole) == Some(true);
        self.text(text, if fits { &whole } else { &example });
    }

    fn text(&mut self, text: &Text, value: &str) {
        let plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if plain && is_host(text) {
            self.hosts.push(value.to_owned());
        } else if plain && is_query(text) {
            self.queries.push(value.to_owned());
        }
    }
}

fn is_host(text: &Text) -> bool {
    matches!(&text[..], [Piece::Var(Var::Header(name))] if **name == *"host")
}

fn is_query(text: &Text) -> bool {
    matches!(text[..], [Piece::Var(Var::Query)])
}

impl Finder<'_, '_> {
    /// A request for a path with the first host that this server takes, and the first query. Its own host and no query is what
    /// it is asked with in any case.
    pub(super) fn add_asked(&mut self, path: &str, asked: &Asked, span: Span) {
        let (site, request) = (self.site, self.request);
        let takes = |host: &&String| {
            std::ptr::eq(select::server(site, &request.address, request.port, Some(host.as_str())).0, self.server)
        };
        let (host, query) = (asked.hosts.iter().find(takes), asked.queries.first());
        let is_reached = host.is_some() || asked.hosts.is_empty();
        let other = host.filter(|host| request.host.as_ref() != Some(*host));
        if is_reached && (other.is_some() || query.is_some()) {
            self.add_request(path, other.cloned(), query.map(String::as_str), span);
        }
    }
}
