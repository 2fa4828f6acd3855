//! How a directive is changed so that methods fare otherwise.

mod condition;
mod redirect;
mod refusal;

use std::sync::Arc;

use self::condition::Condition;
use crate::finding::Edit;
use crate::mend::{Statements, Wish, insert, remove, replace, twin};
use crate::source::Span;
use crate::syntax::{Directive, Tree};

pub(super) fn mend(statement: Directive<'_>, all: &Statements<'_>, wish: Wish<'_>) -> Vec<Edit> {
    let edits = match (wish, statement.name()) {
        (Wish::Admit { methods, .. }, "limit_except") => list(statement, methods),
        (Wish::Admit { methods, like }, "if") => admit(statement, all, methods, like),
        (Wish::MethodNotAllowed { allow }, "if" | "return") => refusal::answer(statement, all, allow),
        (Wish::MethodNotAllowed { .. }, "limit_except") => refusal::listed(statement, all),
        (Wish::KeepMethod, _) => redirect::keep(statement),
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

/// Lets methods past the refusal in an `if`, and names them in its Allow header.
fn admit(statement: Directive<'_>, all: &Statements<'_>, methods: &[&str], like: &[&str]) -> Option<Vec<Edit>> {
    let mut edits = Condition::of(statement)?.admit(all, methods, like)?;
    let header = refusal::allow_more(statement, methods);
    edits.extend(header.filter(|header| !edits.iter().any(|edit| edit.span.contains(header.span))));
    Some(edits)
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
        crate::mend::mended(&crate::nginx::Nginx, super::super::parse::parse(&source).0, wish)
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
                "if ($request_method !~ ^(GET|PUT)$) { add_header Allow \"GET, PUT\" always; return 405; }",
                "if ($request_method !~ ^(GET|PUT|PATCH)$) { add_header Allow \"GET, PUT, PATCH\" always; return 405; }",
            ),
            ("if ($request_method = PATCH) { add_header Allow \"GET\"; return 405; }", ""),
            (
                "set $ok 0;\nif ($request_method = GET) { set $ok 1; }\nif ($ok = 0) { return 405; }",
                "set $ok 0;\nif ($request_method ~ ^(GET|PATCH)$) { set $ok 1; }\nif ($ok = 0) { return 405; }",
            ),
            (
                "location /a { if ($request_method !~ ^(GET|PUT)$) { set $bad 1; } if ($bad) { return 405; } }",
                "location /a { if ($request_method !~ ^(GET|PUT|PATCH)$) { set $bad 1; } if ($bad) { return 405; } }",
            ),
            (
                "if ($request_method = PATCH) { set $bad yes; }\nif ($bad = yes) { return 405; }",
                "if ($bad = yes) { return 405; }",
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
        assert_eq!(mended("if ($a) { return 444; }", Wish::MethodNotAllowed { allow: &[] }), "if ($a) { return 405; }");
        let allow = Wish::MethodNotAllowed { allow: &["GET", "POST"] };
        assert_eq!(mended("server { if ($a) { return 444; } }", allow), "server { if ($a) { return 405; } }");
        for (before, after) in [
            (
                "location /a {\n  if ($a) {\n    return 501;\n  }\n}",
                "location /a {\n  if ($a) {\n    add_header Allow \"GET, POST\" always;\n    return 405;\n  }\n}",
            ),
            (
                "add_header X y;\nlocation /a { if ($a) { return 501; } }",
                "add_header X y;\nlocation /a { if ($a) { return 405; } }",
            ),
            (
                "location /a {\n  limit_except GET POST {\n    deny all;\n  }\n}",
                "location /a {\n  if ($request_method !~ ^(GET|HEAD|POST)$) {\n    add_header Allow \"GET, HEAD, POST\" always;\n    return 405;\n  }\n}",
            ),
        ] {
            assert_eq!(mended(before, allow), after);
        }
        for kept in [
            "location /a { limit_except GET { allow 10.0.0.1; deny all; } }",
            "location /a { if ($a) { set $b 1; } limit_except GET { deny all; } }",
            "location /a { internal; limit_except GET { deny all; } }",
            "satisfy any; location /a { limit_except GET { deny all; } }",
            "location /b { auth_request /a; } location /a { limit_except GET { deny all; } }",
        ] {
            assert_eq!(mended(kept, allow), kept);
        }
        assert_eq!(mended("return 301 /x;", Wish::KeepMethod), "return 308 /x;");
        for (before, after) in [
            ("rewrite ^ https://$host$request_uri? permanent;", "return 308 https://$host$request_uri;"),
            ("rewrite ^/(.*)$ /new redirect;", "return 307 /new$is_args$args;"),
            ("rewrite ^/(.*)$ https://a.test/$1 permanent;", "rewrite ^/(.*)$ https://a.test/$1 permanent;"),
            ("rewrite ^/old /new permanent;", "rewrite ^/old /new permanent;"),
            ("rewrite ^ /a?b=$arg_b permanent;", "rewrite ^ /a?b=$arg_b permanent;"),
        ] {
            assert_eq!(mended(before, Wish::KeepMethod), after);
        }
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
