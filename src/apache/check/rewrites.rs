//! Rewrite rules that never work, and patterns of methods that match too much.

use super::super::read::Config;
use super::super::site::rewrite::{Cond, CondKind, RewriteRule};
use super::super::site::section::{DirConfig, Matcher};
use super::super::site::{ApacheSite, Server, Trace};
use super::super::text::{Piece, Var};
use super::statement;
use crate::finding::{Finding, Safety, Severity};
use crate::mend::replace;
use crate::pattern::Pattern;
use crate::source::Span;

pub(super) fn check(site: &ApacheSite) -> Vec<Finding> {
    let mut findings = Vec::new();
    not_inherited(site, &mut findings);
    for server in &site.servers {
        server.rewrite.rules.iter().for_each(|rule| unanchored(site, rule, &mut findings));
        for section in super::sections(server) {
            if let Some(rewrite) = &section.config.rewrite {
                rewrite.rules.iter().for_each(|rule| unanchored(site, rule, &mut findings));
            }
        }
        in_location(site, server, &mut findings);
    }
    trace_in_folders(site, &mut findings);
    left_over(&site.config, &mut findings);
    findings
}

fn is_about_methods(rule: &RewriteRule) -> bool {
    rule.conds.iter().any(|cond| cond.methods.is_some())
}

/// Whether a rule answers by itself to methods that applications take.
pub(super) fn refuses_methods(site: &ApacheSite, rule: &RewriteRule) -> bool {
    let standard = site.universe.standard();
    rule.flags.status.is_some_and(|status| status >= 400)
        && rule.conds.iter().filter_map(|cond| cond.methods).any(|set| set.meets(standard) && !set.contains(standard))
}

/// TRACE of what is not proxied is answered before httpd looks at folders and their files.
fn trace_in_folders(site: &ApacheSite, findings: &mut Vec<Finding>) {
    let trace = site.universe.only("TRACE");
    let standard = site.universe.standard();
    let is_off = |server: &Server| site.inherited(server, |server| server.trace).is_some_and(|trace| trace.value == Trace::Off);
    let sections = site.servers.iter().filter(|server| !is_off(server)).flat_map(|server| &server.directories);
    let own_files = site.folders.values().flat_map(|folder| folder.configs()).filter(|_| !is_off(site.main()));
    let rules = sections.map(|section| &section.config).chain(own_files).filter_map(|config| config.rewrite.as_ref());
    for rule in rules.flat_map(|rewrite| &rewrite.rules).filter(|rule| rule.flags.status.is_some()) {
        if rule.conds.iter().filter_map(|cond| cond.methods).any(|set| set.meets(trace) && !set.meets(standard)) {
            let message = "TRACE never meets this rule where files are served: httpd answers it before it looks at folders";
            findings.push(
                Finding::new("method-check-ineffective", Severity::Info, rule.span, message)
                    .help("set `TraceEnable off` for the server"),
            );
        }
    }
}

/// Rules of the main server do not hold in virtual hosts.
fn not_inherited(site: &ApacheSite, findings: &mut Vec<Finding>) {
    let main = site.main();
    let Some(rule) = main.rewrite.rules.iter().find(|rule| is_about_methods(rule) && rule.flags.status.is_some()) else { return };
    let engine = main.rewrite.engine.is_some_and(|engine| engine.value);
    let reaches_main = site.listens.is_empty() || site.hosts.left_over(&site.listens).is_some();
    if !engine || reaches_main || site.servers.len() < 2 || site.servers[1..].iter().any(|host| host.rewrite.merged.is_some()) {
        return;
    }
    let message = "this rule works nowhere: virtual hosts take all requests, and they do not inherit rules of the main server";
    findings.push(
        Finding::new("method-check-ineffective", Severity::Warning, rule.span, message)
            .help("put it into each virtual host, or set `RewriteOptions InheritDown` here and `RewriteEngine On` there"),
    );
}

/// In a `<Location>` that is proxied the pattern meets `proxy:http://…`, not the path.
fn in_location(site: &ApacheSite, server: &Server, findings: &mut Vec<Finding>) {
    for section in &server.locations {
        let Some(rewrite) = section.config.rewrite.as_deref().filter(|rewrite| !rewrite.rules.is_empty()) else { continue };
        let Matcher::Path(path) = &section.matcher else { continue };
        let Some(url) = proxied_url(site, server, &section.config, path) else { continue };
        let subject = format!("proxy:{url}");
        for rule in rewrite.rules.iter().filter(|rule| !rule.negated && rule.pattern.is_anchored_start()) {
            let looks_for_path = rule.pattern.source().starts_with("^/") || rule.pattern.source().starts_with("^(/");
            if looks_for_path && rule.pattern.matches(&subject) == Some(false) {
                let message = "this rule never matches: in a proxied `<Location>` the pattern meets `proxy:` and the URL";
                findings.push(
                    Finding::new("method-check-ineffective", Severity::Warning, rule.span, message)
                        .help("put the rule into the virtual host itself, or let the pattern be `.*`"),
                );
            }
        }
    }
}

fn proxied_url(site: &ApacheSite, server: &Server, config: &DirConfig, path: &str) -> Option<String> {
    use super::super::site::proxy::From;
    use super::super::site::redirect::alias_matches;
    if let Some(own) = &config.proxy_pass {
        return own.to.as_ref().map(|to| to.to_string());
    }
    let main = if std::ptr::eq(site.main(), server) { &[][..] } else { &site.main().proxies[..] };
    let pass = main.iter().chain(&server.proxies).take(400).find(|pass| match &pass.from {
        From::Prefix(from) => alias_matches(path, from).is_some_and(|length| length > 0),
        From::Pattern(pattern) => pattern.matches(path).unwrap_or(false),
    })?;
    pass.to.as_ref().map(|to| to.to_string())
}

/// An allow-list without anchors lets through what only contains a listed name.
fn unanchored(site: &ApacheSite, rule: &RewriteRule, findings: &mut Vec<Finding>) {
    if rule.flags.status.is_none_or(|status| status < 400) {
        return;
    }
    for cond in rule.conds.iter().filter(|cond| cond.negated && matches!(cond.test[..], [Piece::Var(Var::Method)])) {
        let CondKind::Pattern(pattern) = &cond.kind else { continue };
        if pattern.is_anchored_start() && pattern.is_anchored_end() || !names_methods(site, cond) {
            continue;
        }
        let message = format!("`{}` also matches longer names, so that such a method passes this check", pattern.source());
        let inner = pattern.source().trim_start_matches('^').trim_end_matches('$');
        let inner = if inner.starts_with('(') && inner.ends_with(')') { inner.to_owned() } else { format!("({inner})") };
        let anchored = format!("!^{inner}$");
        let finding = Finding::new("method-regex-unanchored", Severity::Info, cond.span, message);
        let finding = finding.help(format!("write `{anchored}`"));
        let plain = inner.matches('(').count() == 1 && !inner.contains(['^', '$']);
        findings.push(match place_of(site, cond, pattern).filter(|_| plain) {
            Some(pattern) => finding.fix(Safety::Safe, vec![replace(pattern, anchored)]),
            None => finding,
        });
    }
}

/// Where the pattern of a condition stands.
fn place_of(site: &ApacheSite, cond: &Cond, pattern: &Pattern) -> Option<Span> {
    let statement = statement(site, cond.span)?;
    let span = statement.arg_span(1)?;
    // In a macro it may stand elsewhere.
    statement.tree.source.slice(span.start..span.end).contains(pattern.source()).then_some(span)
}

/// Whether the pattern of a condition looks for some methods but not for all.
fn names_methods(site: &ApacheSite, cond: &Cond) -> bool {
    cond.methods.is_some_and(|set| !set.is_empty() && set != site.universe.all())
}

/// Conditions after the last rule of their section belong to none.
fn left_over(config: &Config, findings: &mut Vec<Finding>) {
    let mut open: Option<Span> = None;
    let mut parent = None;
    for statement in config.all() {
        let directive = statement.directive();
        let place = (directive.tree.source.id, directive.parent().map(|parent| parent.id));
        if parent != Some(place) {
            findings.extend(open.take().map(dead_cond));
            parent = Some(place);
        }
        if statement.is("RewriteCond") && !statement.is_open() {
            open = Some(statement.span());
        } else if statement.is_any(&["RewriteRule", "Use"]) {
            open = None;
        }
    }
    findings.extend(open.map(dead_cond));
}

fn dead_cond(span: Span) -> Finding {
    let message = "this condition belongs to no rule: a `RewriteCond` works on the next `RewriteRule` of its section";
    Finding::new("method-check-ineffective", Severity::Info, span, message)
}
