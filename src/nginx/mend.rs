//! How a directive is changed so that methods fare otherwise.

use std::sync::Arc;

use crate::finding::Edit;
use crate::mend::{Wish, insert, remove, replace, twin, with_alternatives, without_alternatives};
use crate::source::Span;
use crate::syntax::{Directive, Tree, Word};

pub(super) fn mend(statement: Directive<'_>, trees: &[Arc<Tree>], wish: Wish<'_>) -> Vec<Edit> {
    let edits = match (wish, statement.name()) {
        (Wish::Admit { methods, .. }, "limit_except") => list(statement, methods),
        (Wish::Admit { methods, like }, "if") => {
            Condition::of(statement).and_then(|condition| condition.admit(trees, methods, like))
        }
        (Wish::MethodNotAllowed, "if") => answer(statement),
        (Wish::MethodNotAllowed, "return") => status(statement, "405"),
        (Wish::KeepMethod, "return") => match statement.arg(0) {
            Some("301") => status(statement, "308"),
            Some("302" | "303") => status(statement, "307"),
            _ => None,
        },
        (Wish::PassUnchanged, "proxy_method") => Some(vec![without(statement)]),
        (Wish::PassUnchanged, "fastcgi_param" | "scgi_param" | "uwsgi_param") if statement.arg(0) == Some("REQUEST_METHOD") => {
            statement.arg_span(1).map(|value| vec![replace(value, "$request_method")])
        }
        (Wish::Route { path }, "location") => match statement.args() {
            [_] => statement.arg(0).filter(|own| own.starts_with('/')).map(|own| vec![twin(statement, own, path)]),
            _ => None,
        },
        _ => None,
    };
    edits.unwrap_or_default()
}

fn without(statement: Directive<'_>) -> Edit {
    let span = statement.span();
    remove(&statement.tree.source, span.start..span.end)
}

/// Only these may stand in `limit_except` (`ngx_http_core_limit_except`).
fn list(statement: Directive<'_>, methods: &[&str]) -> Option<Vec<Edit>> {
    let listable = |method: &&str| super::site::LISTABLE.contains(method);
    let last = statement.args().last().filter(|_| methods.iter().all(listable))?;
    let more: String = methods.iter().flat_map(|method| [" ", method]).collect();
    Some(vec![insert(&statement.tree.source, last.end, more)])
}

/// The `return` of a refusing `if`.
fn answer(statement: Directive<'_>) -> Option<Vec<Edit>> {
    status(statement.children().find(|inner| inner.name() == "return")?, "405")
}

fn status(statement: Directive<'_>, status: &str) -> Option<Vec<Edit>> {
    let old = statement.spanned(0).filter(|old| old.value.parse::<u16>().is_ok())?;
    Some(vec![replace(old.span, status)])
}

/// The places of the operator and of the text in `if ($request_method = text)`, which stands at a span.
pub(super) fn comparison(trees: &[Arc<Tree>], span: Span) -> Option<(Span, Span)> {
    let tree = trees.iter().find(|tree| tree.source.id == span.file)?;
    let statement = tree.statement_at(span.start).filter(|statement| statement.name() == "if" && !statement.has_template())?;
    let (operator, text) = Condition::of(statement)?.operator?;
    Some((tree.span(operator), text))
}

/// `($variable operator text)`
struct Condition<'t> {
    statement: Directive<'t>,
    variable: &'t str,
    /// With the place of the text that it compares with.
    operator: Option<(&'t Word, Span)>,
}

impl<'t> Condition<'t> {
    fn of(statement: Directive<'t>) -> Option<Self> {
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

    fn admit(&self, trees: &[Arc<Tree>], methods: &[&str], like: &[&str]) -> Option<Vec<Edit>> {
        let Some((operator, text)) = self.operator else { return admit_in_map(trees, self.variable, methods, like) };
        if self.variable != "$request_method" {
            return None;
        }
        let tree = self.statement.tree;
        let operator_span = tree.span(operator);
        match tree.value(operator) {
            "!=" => {
                let names = methods.iter().flat_map(|method| ["|", method]).collect::<String>();
                let regex = format!("^({}{names})$", self.text(text));
                Some(vec![replace(operator_span, "!~"), replace(text, regex)])
            }
            "!~" | "!~*" => Some(vec![replace(text, with_alternatives(self.text(text), methods)?)]),
            "=" if methods.contains(&self.text(text)) => Some(vec![without(self.statement)]),
            "~" | "~*" => Some(match without_alternatives(self.text(text), methods)? {
                rest if rest.is_empty() => vec![without(self.statement)],
                rest => vec![replace(text, rest)],
            }),
            _ => None,
        }
    }
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
fn admit_in_map(trees: &[Arc<Tree>], variable: &str, methods: &[&str], like: &[&str]) -> Option<Vec<Edit>> {
    let statements = trees.iter().flat_map(|tree| tree.all());
    let is_meant = |map: &Directive<'_>| map.name() == "map" && map.is_block() && map.arg(1) == Some(variable);
    let map = statements.into_iter().find(is_meant).filter(|map| map.arg(0) == Some("$request_method"))?;
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

/// The line break and the blanks before a statement, or one blank.
fn between(statement: Directive<'_>) -> &str {
    let before = &statement.tree.source.text()[..statement.span().start as usize];
    let blanks = &before[before.trim_end_matches([' ', '\t', '\r', '\n']).len()..];
    blanks.rfind('\n').map_or(" ", |at| &blanks[if blanks[..at].ends_with('\r') { at - 1 } else { at }..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, SourceFile};

    fn mended(text: &str, wish: Wish<'_>) -> String {
        let source = Arc::new(SourceFile::new(FileId(0), "t".into(), "t".into(), text.into()));
        let tree = Arc::new(super::super::parse::parse(&source).0);
        let trees = [Arc::clone(&tree)];
        let edits = tree.all().map(|statement| mend(statement, &trees, wish)).find(|edits| !edits.is_empty()).unwrap_or_default();
        let mut text = text.to_owned();
        for edit in edits.iter().rev() {
            text.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
        }
        text
    }

    #[test]
    fn methods_are_admitted_where_they_are_refused() {
        let wish = Wish::Admit { methods: &["PATCH"], like: &["GET"] };
        for (before, after) in [
            ("limit_except GET { deny all; }", "limit_except GET PATCH { deny all; }"),
            (
                "if ($request_method !~ ^(GET|PUT)$ ) { return 405; }",
                "if ($request_method !~ ^(GET|PUT|PATCH)$ ) { return 405; }",
            ),
            ("if ($request_method !~ \"^(GET)$\") { return 405; }", "if ($request_method !~ \"^(GET|PATCH)$\") { return 405; }"),
            ("if ($request_method != GET) { return 405; }", "if ($request_method !~ ^(GET|PATCH)$) { return 405; }"),
            ("if ($request_method ~ ^(PUT|PATCH)$) { return 405; }", "if ($request_method ~ ^(PUT)$) { return 405; }"),
            ("a;\nif ($request_method = PATCH) { return 405; }\nb;", "a;\nb;"),
            (
                "map $request_method $bad { default 1;\n  GET 0;\n}\nif ($bad) { return 405; }",
                "map $request_method $bad { default 1;\n  GET 0;\n  PATCH 0;\n}\nif ($bad) { return 405; }",
            ),
            (
                "map $request_method $no { PATCH 1; default 0; }\nif ($no) { }",
                "map $request_method $no { PATCH 0; default 0; }\nif ($no) { }",
            ),
        ] {
            assert_eq!(mended(before, wish), after);
        }
    }

    #[test]
    fn statuses_and_methods_are_put_right() {
        assert_eq!(mended("if ($a) { return 444; }", Wish::MethodNotAllowed), "if ($a) { return 405; }");
        assert_eq!(mended("return 301 /x;", Wish::KeepMethod), "return 308 /x;");
        assert_eq!(mended("return 302 /x;", Wish::KeepMethod), "return 307 /x;");
        assert_eq!(mended("a;\r\n  proxy_method POST;\r\nb;", Wish::PassUnchanged), "a;\r\nb;");
        assert_eq!(
            mended("fastcgi_param REQUEST_METHOD POST;", Wish::PassUnchanged),
            "fastcgi_param REQUEST_METHOD $request_method;"
        );
        assert_eq!(
            mended("  location /a/ { proxy_pass http://x/a/; }", Wish::Route { path: "/b/" }),
            "  location /b/ { proxy_pass http://x/b/; }\n  location /a/ { proxy_pass http://x/a/; }"
        );
    }
}
