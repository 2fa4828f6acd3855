//! Refusals that say 405.

use super::super::site::methods::is_built_in;
use super::{flag_name, is, is_require_method, rule_flags};
use crate::finding::Edit;
use crate::mend::{Statements, replace};
use crate::syntax::Directive;

pub(super) fn refuse(statement: Directive<'_>, all: &Statements<'_>) -> Option<Vec<Edit>> {
    if is_caught(all) {
        return None;
    }
    if is(statement, "RewriteRule") {
        return rule_flags(statement, |flag| match flag_name(flag).as_str() {
            "f" | "forbidden" => Some("R=405".to_owned()),
            "r" | "redirect" if flag.contains('=') => Some("R=405".to_owned()),
            _ => None,
        });
    }
    let (list, names) = match statement.parent() {
        Some(section) if is(section, "LimitExcept") && denies_all(section) => (section, section.args()),
        _ if is_require_method(statement) => (statement, statement.args().get(1..)?),
        _ => return None,
    };
    let names: Vec<&str> = names.iter().map(|name| statement.tree.value(name)).collect();
    // Other names must be registered before.
    let may_be_listed = names.iter().all(|name| is_built_in(name));
    let can_list = list.parent().is_some_and(|around| SECTIONS.iter().any(|name| is(around, name)));
    (may_be_listed && can_list && is_alone(list, all) && knows_allow_methods(all))
        .then(|| vec![replace(list.span(), format!("AllowMethods {}", names.join(" ")))])
}

/// Whether an `ErrorDocument` takes a 405 over: it may well fetch a page from an application.
fn is_caught(all: &Statements<'_>) -> bool {
    all.named_alike("ErrorDocument").any(|one| one.arg(0) == Some("405"))
}

/// Where `AllowMethods` may stand.
const SECTIONS: &[&str] =
    &["Location", "LocationMatch", "Directory", "DirectoryMatch", "Files", "FilesMatch", "Proxy", "ProxyMatch"];

fn denies_all(section: Directive<'_>) -> bool {
    let mut inside = section.children();
    let denies = |rule: Directive<'_>| is(rule, "Require") && rule.values().map(str::to_ascii_lowercase).eq(["all", "denied"]);
    inside.next().is_some_and(denies) && inside.next().is_none()
}

/// Whether nothing else says who gets in. A section's `Require` takes the place of the outer ones, which would come back without
/// it, and beside others it is one of several ways in.
fn is_alone(list: Directive<'_>, all: &Statements<'_>) -> bool {
    const AUTHORIZATION: &[&str] = &["Require", "Order", "Allow", "Deny", "Satisfy", "AuthMerging", "AllowMethods", "Limit"];
    let inside = |one: Directive<'_>| one.tree.source.id == list.tree.source.id && list.span().contains(one.span());
    let grants = |one: Directive<'_>| one.values().map(str::to_ascii_lowercase).eq(["all", "granted"]);
    AUTHORIZATION.iter().all(|name| all.named_alike(name).all(|one| grants(one) || inside(one)))
}

/// mod_allowmethods is not everywhere: Debian has it switched off.
fn knows_allow_methods(all: &Statements<'_>) -> bool {
    let loads = |one: Directive<'_>| one.arg(0) == Some("allowmethods_module");
    all.named_alike("LoadModule").any(loads)
}
