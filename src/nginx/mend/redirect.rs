//! Redirects that keep method and body: RFC 9110, sections 15.4.8 and 15.4.9.

use super::status;
use crate::finding::Edit;
use crate::mend::replace;
use crate::syntax::Directive;

pub(super) fn keep(statement: Directive<'_>) -> Option<Vec<Edit>> {
    match (statement.name(), statement.arg(0)?) {
        ("return", "301") => status(statement, "308"),
        ("return", "302" | "303") => status(statement, "307"),
        ("rewrite", regex) if ALL.contains(&regex) => rewrite(statement),
        _ => None,
    }
}

/// Regular expressions that match every path.
const ALL: &[&str] = &["^", ".*", "^.*", "^.*$", "(.*)", "^(.*)", "^(.*)$", "/", "^/", "^/.*", "^/.*$", "^/(.*)", "^/(.*)$"];

/// `rewrite` knows 301 and 302 alone. A `return` says the same where the regular expression always matches and the new place is
/// made of nothing but fixed text and variables: groups hold the path as nginx has decoded and cleaned it, for which `return`
/// has no safe name.
fn rewrite(statement: Directive<'_>) -> Option<Vec<Edit>> {
    let status = match statement.arg(2)? {
        "permanent" => "308",
        "redirect" => "307",
        _ => return None,
    };
    let place = statement.arg_span(1)?;
    let text = statement.tree.source.slice(place.start..place.end);
    let is_plain = !text.contains(['"', '\'', '\\', '%', ';', '{']) && text.split('$').skip(1).all(is_safe);
    let whole = match text.strip_suffix('?') {
        Some(without_arguments) if !without_arguments.contains('?') => without_arguments.to_owned(),
        None if !text.contains('?') => format!("{text}$is_args$args"),
        _ => return None,
    };
    is_plain.then(|| vec![replace(statement.head(), format!("return {status} {whole}"))])
}

/// Whether what follows a `$` is a variable that `rewrite` and `return` write alike.
fn is_safe(rest: &str) -> bool {
    let end = rest.find(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_').unwrap_or(rest.len());
    matches!(&rest[..end], "scheme" | "host" | "http_host" | "server_name" | "server_port" | "hostname" | "request_uri")
}
