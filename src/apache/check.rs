//! What is wrong with a config without looking at any request.

pub(super) mod context;
mod expressions;
mod limits;
mod names;
mod order;
mod patterns;
mod protocol;
mod proxied;
mod requires;
mod rewrites;
mod spellings;
pub(super) mod values;

use std::fmt;

use super::site::section::{DirConfig, Section};
use super::site::{ApacheSite, Server};
use crate::finding::Finding;
use crate::source::Span;
use crate::syntax::Directive;

pub(super) fn check(site: &ApacheSite) -> Vec<Finding> {
    let config = &site.config;
    let mut findings = context::check(config, site.release, site.is_htaccess);
    findings.extend(names::check(config));
    findings.extend(values::check(config));
    findings.extend(limits::check(config));
    findings.extend(expressions::check(config));
    findings.extend(requires::check(site));
    findings.extend(proxied::check(site));
    findings.extend(rewrites::check(site));
    findings.extend(spellings::check(site));
    findings.extend(order::check(site));
    findings.extend(protocol::check(site));
    findings
}

/// What in a section looks at the method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    AllowMethods,
    Require,
    Deny,
    RewriteRule,
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            List::AllowMethods => "`AllowMethods`",
            List::Require => "`Require`",
            List::Deny => "`Deny`",
            List::RewriteRule => "`RewriteRule`",
        })
    }
}

/// The first directive of a section that lets some methods through and not others.
fn method_list(site: &ApacheSite, config: &DirConfig) -> Option<(Span, List)> {
    if let Some(allowed) = config.allow_methods.filter(|allowed| allowed.value.is_some()) {
        return Some((allowed.span, List::AllowMethods));
    }
    let root = config.authz.as_ref().and_then(|authz| authz.root.as_ref());
    if let Some(node) = root.and_then(|root| requires::by_method(site, root)) {
        return Some((node.span, List::Require));
    }
    let mut denials = config.access.iter().flat_map(|access| &access.rules).filter(|rule| !rule.allow);
    if let Some(denied) = denials.find(|rule| rule.limited != site.universe.all()) {
        return Some((denied.span, List::Deny));
    }
    let mut rules = config.rewrite.iter().flat_map(|rewrite| &rewrite.rules);
    rules.find(|rule| rewrites::refuses_methods(site, rule)).map(|rule| (rule.span, List::RewriteRule))
}

/// The statement at a span, where it is written out.
fn statement(site: &ApacheSite, span: Span) -> Option<Directive<'_>> {
    let tree = site.trees.iter().find(|tree| tree.source.id == span.file)?;
    tree.statement_at(span.start).filter(|statement| !statement.has_template())
}

/// The sections of a server that hold directives for a path or a folder.
fn sections(server: &Server) -> impl Iterator<Item = &Section> {
    server.directories.iter().chain(&server.locations).chain(&server.proxy_sections)
}

/// Visits what a section sets, and what the sections inside of it set.
fn configs<'s>(config: &'s DirConfig, visit: &mut dyn FnMut(&'s DirConfig)) {
    visit(config);
    config.files.iter().for_each(|section| configs(&section.config, visit));
    config.ifs.iter().for_each(|inner| configs(&inner.config, visit));
}

/// Visits every config of the site.
fn all_configs<'s>(site: &'s ApacheSite, visit: &mut dyn FnMut(&'s DirConfig)) {
    for server in &site.servers {
        configs(&server.defaults, visit);
        sections(server).for_each(|section| configs(&section.config, visit));
    }
    site.folders.values().flat_map(|folder| folder.configs()).for_each(|config| configs(config, visit));
}
