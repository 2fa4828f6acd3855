//! Refusals that say 405, and what is allowed instead.

use super::{between, status};
use crate::finding::Edit;
use crate::mend::{Statements, insert, replace};
use crate::syntax::Directive;

/// A refusing `if`, or the `return` in it.
pub(super) fn answer(statement: Directive<'_>, all: &Statements<'_>, allow: &[&str]) -> Option<Vec<Edit>> {
    let refusal = match statement.name() {
        "return" => statement,
        _ => statement.children().find(|inner| inner.name() == "return")?,
    };
    if is_caught(all) {
        return None;
    }
    let mut edits = status(refusal, "405")?;
    if let Some(header) = refusal.parent().and_then(|block| allow_header(block, all, allow)) {
        edits.insert(0, insert(&refusal.tree.source, refusal.span().start, format!("{header}{}", between(refusal))));
    }
    Some(edits)
}

/// `limit_except` knows no status but 403. An `if` with the same list says 405, in the phase before: it lets nobody in whom the
/// block keeps out, as long as the block says `deny all` and nothing else, and no code of the location runs before it.
pub(super) fn listed(block: Directive<'_>, all: &Statements<'_>) -> Option<Vec<Edit>> {
    let mut inside = block.children();
    let deny = inside.next().filter(|rule| rule.name() == "deny" && rule.arg(0) == Some("all"))?;
    let location = block.parent().filter(|around| around.name() == "location")?;
    if inside.next().is_some() || runs_code_before(location, block) || is_lifted(location, all) || is_caught(all) {
        return None;
    }
    let source = &block.tree.source;
    let mut methods: Vec<String> = Vec::new();
    for name in block.values() {
        methods.push(name.to_ascii_uppercase());
        // Where GET is listed, HEAD is allowed.
        let head = name.eq_ignore_ascii_case("GET") && !block.values().any(|other| other.eq_ignore_ascii_case("HEAD"));
        methods.extend(head.then(|| "HEAD".to_owned()));
    }
    let names: Vec<&str> = methods.iter().map(String::as_str).collect();
    let condition = format!("if ($request_method !~ ^({})$)", names.join("|"));
    let header = allow_header(block, all, &names).map(|header| format!("{header}{}", between(deny)));
    Some(vec![replace(block.head(), condition), replace(deny.span(), format!("{}return 405;", header.unwrap_or_default()))])
        .filter(|_| source.slice(deny.span().start..deny.span().end).ends_with(';'))
}

/// More statements of one name are made by a machine, and not looked through.
const MOST: usize = 1000;

/// Whether a statement of this name is one that matters.
fn any(all: &Statements<'_>, name: &str, matters: impl Fn(&Directive<'_>) -> bool) -> bool {
    let known = all.named(name);
    known.len() > MOST || known.iter().any(matters)
}

/// Whether an `error_page` takes a 405 over: it may well send the request to an application.
fn is_caught(all: &Statements<'_>) -> bool {
    any(all, "error_page", |page| page.values().any(|code| code == "405"))
}

/// Restricted methods meet none of the code of their location; an `if` would stand among it.
fn runs_code_before(location: Directive<'_>, block: Directive<'_>) -> bool {
    let code = |one: &Directive<'_>| matches!(one.name(), "if" | "set" | "return" | "rewrite" | "break" | "include");
    location.children().take_while(|other| other.id != block.id).any(|other| code(&other))
}

/// Whether requests get past a `deny` of the access phase that would not get past an `if`: subrequests, and those that
/// `satisfy any` lets in.
fn is_lifted(location: Directive<'_>, all: &Statements<'_>) -> bool {
    let name = location.args().last().map(|word| location.tree.value(word));
    let leads_here = |other: &Directive<'_>| other.arg(0) == name;
    location.children().any(|other| other.name() == "internal")
        || any(all, "satisfy", |other| other.arg(0) == Some("any"))
        || ["auth_request", "mirror", "post_action"].iter().any(|name| any(all, name, leads_here))
}

/// Names methods in the Allow header of a refusal that is about to let them through.
pub(super) fn allow_more(block: Directive<'_>, methods: &[&str]) -> Option<Edit> {
    let is_allow = |header: &Directive<'_>| {
        header.name() == "add_header" && header.arg(0).is_some_and(|name| name.eq_ignore_ascii_case("Allow"))
    };
    let header = block.children().find(is_allow)?;
    let value = header.arg_span(1)?;
    let raw = header.tree.source.slice(value.start..value.end);
    let end = value.start + raw.trim_end_matches(['"', '\'']).len() as u32;
    let more: String = methods.iter().flat_map(|method| [", ", method]).collect();
    (raw.starts_with(['"', '\'']) && !raw.contains('$')).then(|| insert(&header.tree.source, end, more))
}

/// The header that a 405 owes (RFC 9110, section 15.5.6), where the block may set one and that takes no inherited one away.
fn allow_header(block: Directive<'_>, all: &Statements<'_>, allow: &[&str]) -> Option<String> {
    let in_location = block.parent().is_some_and(|around| around.name() == "location");
    let is_set = block.children().any(|other| matches!(other.name(), "add_header" | "more_set_headers"));
    if allow.is_empty() || !in_location || is_set || any(all, "add_header", |other| meets(*other, block)) {
        return None;
    }
    Some(format!("add_header Allow \"{}\" always;", allow.join(", ")))
}

/// Whether the block inherits a header.
fn meets(header: Directive<'_>, block: Directive<'_>) -> bool {
    let same_file = header.tree.source.id == block.tree.source.id;
    let is_around = |around: Directive<'_>| {
        let is_inner = matches!(around.name(), "location" | "if" | "limit_except");
        !is_inner || same_file && around.span().contains(block.span())
    };
    header.parent().is_none_or(is_around)
}
