//! How a directive is changed so that methods fare otherwise.

mod refusal;

use crate::finding::Edit;
use crate::mend::{Statements, Wish, insert, remove, replace, twin, with_alternatives, without_alternatives};
use crate::modsecurity;
use crate::source::Span;
use crate::syntax::Directive;

pub(super) fn mend(statement: Directive<'_>, all: &Statements<'_>, wish: Wish<'_>) -> Vec<Edit> {
    let edits = match wish {
        Wish::Admit { methods, .. } => admit(statement, methods),
        Wish::MethodNotAllowed { .. } => refusal::refuse(statement, all),
        Wish::KeepMethod => keep(statement),
        Wish::PassUnchanged => None,
        Wish::Route { path } => route(statement, path),
    };
    edits.unwrap_or_default()
}

fn is(statement: Directive<'_>, name: &str) -> bool {
    statement.name().eq_ignore_ascii_case(name)
}

fn admit(statement: Directive<'_>, methods: &[&str]) -> Option<Vec<Edit>> {
    if is(statement, "SecRule") || is(statement, "SecAction") {
        return modsecurity::admit(statement, methods);
    }
    if is(statement, "RewriteRule") {
        return conditions(statement).into_iter().find_map(|cond| admit_in_cond(cond, methods));
    }
    if is(statement, "AllowMethods") || is_require_method(statement) {
        return append(statement, methods);
    }
    let mut around = statement.parent();
    while let Some(section) = around {
        if is(section, "LimitExcept") {
            return append(section, methods);
        }
        if is(section, "Limit") {
            return unlist(section, methods);
        }
        if is(section, "If") || is(section, "ElseIf") {
            return admit_in_expression(section, methods);
        }
        around = section.parent();
    }
    None
}

/// Another `ProxyPass` to the same server, with its section where the path stands there.
fn route(statement: Directive<'_>, path: &str) -> Option<Vec<Edit>> {
    if !is(statement, "ProxyPass") {
        return None;
    }
    let own =
        if statement.args().len() > 1 { statement } else { statement.parent().filter(|section| is(*section, "Location"))? };
    let prefix = own.arg(0).filter(|prefix| prefix.starts_with('/') && prefix.len() > 1)?;
    Some(vec![twin(own, prefix, path)])
}

fn is_require_method(statement: Directive<'_>) -> bool {
    is(statement, "Require") && statement.arg(0).is_some_and(|provider| provider.eq_ignore_ascii_case("method"))
}

fn append(statement: Directive<'_>, methods: &[&str]) -> Option<Vec<Edit>> {
    let more: String = methods.iter().flat_map(|method| [" ", method]).collect();
    Some(vec![insert(&statement.tree.source, statement.args().last()?.end, more)])
}

/// Takes methods off the list of a `<Limit>`, or takes the section away.
fn unlist(section: Directive<'_>, methods: &[&str]) -> Option<Vec<Edit>> {
    let source = &section.tree.source;
    let listed = section.args().iter().filter(|word| methods.contains(&section.tree.value(word)));
    let listed: Vec<_> = listed.collect();
    match listed.len() {
        0 => None,
        count if count == section.args().len() => {
            let span = section.span();
            Some(vec![remove(source, span.start..span.end)])
        }
        _ => Some(listed.into_iter().map(|word| replace(source.span(word.start - 1..word.end), "")).collect()),
    }
}

/// The conditions of a rule on the method, the nearest first.
fn conditions(rule: Directive<'_>) -> Vec<Directive<'_>> {
    let siblings: Vec<_> = match rule.parent() {
        Some(section) => section.children().take_while(|other| other.id != rule.id).collect(),
        None => rule.tree.statements().take_while(|other| other.id != rule.id).collect(),
    };
    let own = siblings.into_iter().rev().take_while(|other| !is(*other, "RewriteRule"));
    own.filter(|cond| is(*cond, "RewriteCond") && cond.arg(0) == Some("%{REQUEST_METHOD}")).collect()
}

fn admit_in_cond(cond: Directive<'_>, methods: &[&str]) -> Option<Vec<Edit>> {
    let pattern = cond.arg_span(1)?;
    let raw = cond.tree.source.slice(pattern.start..pattern.end);
    let bare = raw.trim_start_matches('"');
    if bare.trim_start_matches('!').starts_with(['=', '<', '>', '-']) {
        return None;
    }
    match bare.starts_with('!') {
        true => Some(vec![replace(pattern, with_alternatives(raw, methods)?)]),
        false => match without_alternatives(raw, methods)? {
            rest if rest.is_empty() => None,
            rest => Some(vec![replace(pattern, rest)]),
        },
    }
}

/// `%{REQUEST_METHOD} !~ /^(GET)$/` and `! %{REQUEST_METHOD} in {'GET'}`
fn admit_in_expression(section: Directive<'_>, methods: &[&str]) -> Option<Vec<Edit>> {
    let span = section.arg_span(0)?;
    let raw = section.tree.source.slice(span.start..span.end);
    let place =
        |at: usize, len: usize| -> Span { section.tree.source.span(span.start + at as u32..span.start + (at + len) as u32) };
    let after = raw.find("REQUEST_METHOD")?;
    let rest = &raw[after..];
    if let Some(at) = rest.find("!~") {
        let regex = &rest[at..];
        return Some(vec![replace(place(after + at, regex.len()), with_alternatives(regex, methods)?)]);
    }
    if let (Some(_), Some(at)) = (rest.find(" in "), rest.rfind('}')) {
        let quote = if rest.contains('\'') { '\'' } else { return None };
        let more: String = methods.iter().map(|method| format!(", {quote}{method}{quote}")).collect();
        return Some(vec![insert(&section.tree.source, place(after + rest[..at].trim_end().len(), 0).start, more)]);
    }
    let at = rest.find("=~")?;
    let regex = &rest[at..];
    let less = without_alternatives(regex, methods).filter(|less| !less.is_empty())?;
    Some(vec![replace(place(after + at, regex.len()), less)])
}

fn flag_name(flag: &str) -> String {
    flag.split('=').next().unwrap_or(flag).trim().to_ascii_lowercase()
}

/// Changes flags of a `RewriteRule`.
fn rule_flags(rule: Directive<'_>, change: impl Fn(&str) -> Option<String>) -> Option<Vec<Edit>> {
    let span = rule.arg_span(2).filter(|_| is(rule, "RewriteRule"))?;
    let raw = rule.tree.source.slice(span.start..span.end);
    let inside = raw.trim_matches('"').strip_prefix('[')?.strip_suffix(']')?;
    let flags: Vec<_> = inside.split(',').map(|flag| change(flag.trim()).unwrap_or_else(|| flag.to_owned())).collect();
    let changed = raw.replace(inside, &flags.join(","));
    (changed != raw).then(|| vec![replace(span, changed)])
}

/// 308 for 301 and 307 for 302: RFC 9110, sections 15.4.8 and 15.4.9.
fn keep(statement: Directive<'_>) -> Option<Vec<Edit>> {
    let name = statement.name_span();
    match statement.name().to_ascii_lowercase().as_str() {
        "rewriterule" => rule_flags(statement, |flag| match (flag_name(flag).as_str(), flag.split_once('=')) {
            ("r" | "redirect", Some((_, "301" | "permanent"))) => Some("R=308".to_owned()),
            ("r" | "redirect", Some((_, "302" | "303" | "temp" | "seeother")) | None) => Some("R=307".to_owned()),
            _ => None,
        }),
        "redirect" | "redirectmatch" => {
            let status = statement.spanned(0)?;
            match status.value {
                "permanent" | "301" => Some(vec![replace(status.span, "308")]),
                "temp" | "302" | "seeother" | "303" => Some(vec![replace(status.span, "307")]),
                // Any other status is no redirect, and without one it is 302.
                other if other == "gone" || other.bytes().all(|byte| byte.is_ascii_digit()) => None,
                _ => Some(vec![insert(&statement.tree.source, name.end, " 307")]),
            }
        }
        "redirectpermanent" => Some(vec![replace(name, "Redirect 308")]),
        "redirecttemp" => Some(vec![replace(name, "Redirect 307")]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::source::{FileId, SourceFile};

    fn mended(text: &str, wish: Wish<'_>) -> String {
        let source = Arc::new(SourceFile::new(FileId(0), "t".into(), "t".into(), text.into()));
        crate::mend::mended(&crate::apache::Apache, super::super::parse::parse(&source).0, wish)
    }

    #[test]
    fn methods_are_admitted_where_they_are_refused() {
        let wish = Wish::Admit { methods: &["PATCH"], like: &["GET"] };
        for (before, after) in [
            ("AllowMethods GET POST", "AllowMethods GET POST PATCH"),
            (
                "<LimitExcept GET>\nRequire all denied\n</LimitExcept>",
                "<LimitExcept GET PATCH>\nRequire all denied\n</LimitExcept>",
            ),
            ("<Limit PUT PATCH>\nRequire all denied\n</Limit>", "<Limit PUT>\nRequire all denied\n</Limit>"),
            ("A b\n<Limit PATCH>\nRequire all denied\n</Limit>\nC d", "A b\nC d"),
            ("Require method GET", "Require method GET PATCH"),
            (
                "SecAction \"id:900200,phase:1,pass,setvar:'tx.allowed_methods=GET HEAD'\"",
                "SecAction \"id:900200,phase:1,pass,setvar:'tx.allowed_methods=GET HEAD PATCH'\"",
            ),
            (
                "SecRule REQUEST_METHOD \"!@within GET PUT\" \"id:1,deny\"",
                "SecRule REQUEST_METHOD \"!@within GET PUT PATCH\" \"id:1,deny\"",
            ),
            (
                "SecRule REQUEST_METHOD \"!@rx ^(?:GET|PUT)$\" \"id:1,deny\"",
                "SecRule REQUEST_METHOD \"!@rx ^(?:GET|PUT|PATCH)$\" \"id:1,deny\"",
            ),
            (
                "RewriteCond %{REQUEST_METHOD} !^(GET|PUT)$\nRewriteRule .* - [F]",
                "RewriteCond %{REQUEST_METHOD} !^(GET|PUT|PATCH)$\nRewriteRule .* - [F]",
            ),
            (
                "RewriteCond %{REQUEST_METHOD} ^(PATCH|PUT)$\nRewriteRule .* - [F]",
                "RewriteCond %{REQUEST_METHOD} ^(PUT)$\nRewriteRule .* - [F]",
            ),
            (
                "<If \"%{REQUEST_METHOD} !~ /^(GET)$/\">\nRequire all denied\n</If>",
                "<If \"%{REQUEST_METHOD} !~ /^(GET|PATCH)$/\">\nRequire all denied\n</If>",
            ),
            (
                "<If \"! %{REQUEST_METHOD} in { 'GET', 'PUT' }\">\nRequire all denied\n</If>",
                "<If \"! %{REQUEST_METHOD} in { 'GET', 'PUT', 'PATCH' }\">\nRequire all denied\n</If>",
            ),
        ] {
            assert_eq!(mended(before, wish), after);
        }
    }

    #[test]
    fn statuses_are_put_right() {
        assert_eq!(mended("RewriteRule .* - [F,L]", Wish::MethodNotAllowed { allow: &[] }), "RewriteRule .* - [R=405,L]");
        assert_eq!(mended("RewriteRule .* - [R=501,L]", Wish::MethodNotAllowed { allow: &[] }), "RewriteRule .* - [R=405,L]");
        let refuse = |text: &str| mended(text, Wish::MethodNotAllowed { allow: &["GET"] });
        let load = "LoadModule allowmethods_module modules/mod_allowmethods.so\n";
        let list = "<Location /a>\n<LimitExcept GET POST>\nRequire all denied\n</LimitExcept>\n</Location>";
        assert_eq!(refuse(&format!("{load}{list}")), format!("{load}<Location /a>\nAllowMethods GET POST\n</Location>"));
        assert_eq!(
            refuse(&format!("{load}<Location /a>\nRequire method GET\n</Location>")),
            format!("{load}<Location /a>\nAllowMethods GET\n</Location>")
        );
        for kept in [
            list.to_owned(),
            format!("{load}{list}\n<Location />\nRequire ip 10.0.0.1\n</Location>"),
            format!("{load}{}", list.replace("POST", "PURGE")),
            format!("{load}{}", list.replace("Location", "VirtualHost")),
        ] {
            assert_eq!(refuse(&kept), kept);
        }
        assert_eq!(mended("RewriteRule a /b [R,L]", Wish::KeepMethod), "RewriteRule a /b [R=307,L]");
        assert_eq!(mended("RewriteRule a /b [L,R=301]", Wish::KeepMethod), "RewriteRule a /b [L,R=308]");
        assert_eq!(mended("Redirect permanent /a /b", Wish::KeepMethod), "Redirect 308 /a /b");
        assert_eq!(mended("Redirect 410 /a", Wish::KeepMethod), "Redirect 410 /a");
        assert_eq!(mended("RedirectMatch ^/a /b", Wish::KeepMethod), "RedirectMatch 307 ^/a /b");
        assert_eq!(
            mended("ProxyPass /a/ http://x/a/", Wish::Route { path: "/b/" }),
            "ProxyPass /b/ http://x/b/\nProxyPass /a/ http://x/a/"
        );
        assert_eq!(mended("RedirectPermanent /a /b", Wish::KeepMethod), "Redirect 308 /a /b");
    }
}
