//! Rules of authorization that do not protect what they seem to.

use std::collections::HashSet;

use super::super::site::ApacheSite;
use super::super::site::authz::{Merging, Node, Rule};
use super::super::site::handlers::Dav;
use super::super::site::section::{DirConfig, Matcher, Section, takes_path};
use super::{List, all_configs, method_list};
use crate::finding::{Finding, Severity};
use crate::http::MethodSet;
use crate::source::Span;

pub(super) fn check(site: &ApacheSite) -> Vec<Finding> {
    let mut findings = Vec::new();
    for server in &site.servers {
        lost_outer(site, &server.locations, &mut findings);
        lost_outer(site, &server.directories, &mut findings);
    }
    let told: HashSet<Span> = findings.iter().map(|finding| finding.span).collect();
    all_configs(site, &mut |config| {
        if let Some(root) = config.authz.as_ref().and_then(|authz| authz.root.as_ref()) {
            void_denial(site, root, &mut findings);
            // What an outer section guarded is said already.
            if !told.contains(&root.span) {
                open_rest(site, config, root, &mut findings);
            }
        }
        satisfy_any(site, config, &mut findings);
    });
    findings
}

/// Alternatives: beside `Require all granted` no denial counts.
fn void_denial(site: &ApacheSite, node: &Node, findings: &mut Vec<Finding>) {
    let children = node.children();
    if !node.is_all() {
        let granted = children.iter().find(|child| !child.negated && matches!(child.rule, Rule::Granted));
        for denied in children.iter().filter(|child| matches!(child.rule, Rule::Denied) && child.limited != site.universe.all()) {
            let Some(granted) = granted.filter(|granted| granted.limited.contains(denied.limited)) else { continue };
            let message = "this denial has no effect: `Require` lines of one section are alternatives, and one grants all";
            findings.push(
                Finding::new("method-check-ineffective", Severity::Error, denied.span, message)
                    .help("put both lines into `<RequireAll>`, or drop the grant")
                    .related(granted.span, "this line grants the request"),
            );
        }
    }
    children.iter().for_each(|child| void_denial(site, child, findings));
}

/// A rule for listed methods alone leaves all other methods open.
fn open_rest(site: &ApacheSite, config: &DirConfig, root: &Node, findings: &mut Vec<Finding>) {
    let dav = config.rest.as_ref().and_then(|rest| rest.dav.as_ref()).is_some_and(|dav| dav.value == Dav::On);
    let open = site.universe.all() - root.limited;
    let standard = site.universe.standard();
    let reads = site.universe.set(["GET", "HEAD", "OPTIONS"]);
    let merged = config.authz.as_ref().and_then(|authz| authz.merging).is_some_and(|merging| merging != Merging::Off);
    if dav || merged || open.is_empty() || root.is_only_negative() {
        return;
    }
    // Unregistered methods are part of what `<LimitExcept>` covers: a list that leaves them out was made by `<Limit>`.
    let listed = !root.limited.meets(site.registry.unregistered);
    let guards = root.children().iter().find(|child| is_guard(child));
    let Some(guard) = guards.filter(|_| listed && !(root.limited & standard).is_empty()) else { return };
    // Guarding reads but not writes is surely a slip; guarding some writes may have forgotten others.
    let writes_open = (standard - reads) & open;
    if writes_open.is_empty() {
        return;
    }
    let names: Vec<&str> = site.universe.names(writes_open).collect();
    let message = format!("`<Limit>` guards only the methods it lists: {} and any other method pass", names.join(", "));
    findings.push(
        Finding::new("method-check-bypassed", Severity::Warning, guard.span, message)
            .help("use `<LimitExcept>` with the methods to leave open, or no `<Limit>` at all")
            .methods(writes_open),
    );
}

/// The rule of a section that turns some methods away and not others.
pub(super) fn by_method<'n>(site: &ApacheSite, node: &'n Node) -> Option<&'n Node> {
    node.children().iter().find_map(|child| match &child.rule {
        Rule::Methods(_) => Some(child),
        Rule::All(_) | Rule::Any(_) => by_method(site, child),
        _ => (child.limited != site.universe.all() && is_guard(child)).then_some(child),
    })
}

/// Whether a rule turns some requests away.
fn is_guard(node: &Node) -> bool {
    match &node.rule {
        Rule::Granted => false,
        Rule::All(list) | Rule::Any(list) => list.iter().any(is_guard),
        _ => !node.negated,
    }
}

/// An inner section with any `Require` discards the outer ones, for all methods.
fn lost_outer(site: &ApacheSite, sections: &[Section], findings: &mut Vec<Finding>) {
    let all = site.universe.all();
    let rules = |section: &Section| section.config.authz.as_ref().and_then(|authz| authz.root.as_ref().map(|root| root.limited));
    let inner = sections.iter().enumerate().filter(|(_, section)| rules(section).is_some_and(|limited| limited != all));
    const MOST: usize = 200;
    for (index, section) in inner.take(MOST) {
        let Matcher::Path(path) = &section.matcher else { continue };
        let authz = section.config.authz.as_deref();
        if authz.and_then(|authz| authz.merging).is_some_and(|merging| merging != Merging::Off) {
            continue;
        }
        let Some(limited) = rules(section) else { continue };
        let outer = sections[..index].iter().rev().find(|outer| {
            matches!(&outer.matcher, Matcher::Path(above) if above != path && takes_path(above.trim_end_matches('/'), path))
                && rules(outer).is_some()
        });
        let guarded = outer.and_then(|outer| outer.config.authz.as_ref()?.root.as_ref());
        let Some(root) = guarded.filter(|root| root.limited == all && guards_all(root)) else { continue };
        let lost: MethodSet = all - limited;
        let message = "the `Require` of this section replaces the outer one for all methods: those it does not list pass";
        let span = section.config.authz.as_ref().and_then(|authz| authz.root.as_ref()).map_or(section.span, |root| root.span);
        findings.push(
            Finding::new("method-check-bypassed", Severity::Error, span, message)
                .help("set `AuthMerging And` here, or repeat the outer `Require`")
                .related(root.span, "this rule no longer holds below the inner section")
                .methods(lost),
        );
    }
}

/// Whether a section's rules turn some requests of every method away.
fn guards_all(root: &Node) -> bool {
    let grants = |child: &Node| !child.negated && matches!(child.rule, Rule::Granted);
    !root.children().iter().any(grants)
}

/// `Satisfy Any` makes every other check an alternative.
fn satisfy_any(site: &ApacheSite, config: &DirConfig, findings: &mut Vec<Finding>) {
    let Some(access) = &config.access else { return };
    let Some((_, any)) = access.satisfy_any.iter().find(|(_, any)| any.value) else { return };
    let grants = |node: &Node| node.children().iter().any(|child| !child.negated && matches!(child.rule, Rule::Granted));
    let granted = config.authz.as_ref().and_then(|authz| authz.root.as_ref()).is_some_and(grants);
    if let (true, Some((span, list @ (List::AllowMethods | List::Deny)))) = (granted, method_list(site, config)) {
        let message = format!("{list} has no effect: `Satisfy Any` and a `Require` that grants all let every method through");
        findings.push(
            Finding::new("method-check-ineffective", Severity::Warning, span, message)
                .help("drop `Satisfy Any`")
                .related(any.span, "either check is enough"),
        );
    }
}
