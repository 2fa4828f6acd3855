//! What is wrong with a config without looking at any request.

pub(super) mod context;
mod expressions;
mod limits;
mod names;
mod proxied;
mod requires;
mod rewrites;
pub(super) mod values;

use super::read::Config;
use super::site::section::{DirConfig, Section};
use super::site::{ApacheSite, Server};
use crate::finding::Finding;
use crate::server::Task;

pub(super) fn check(site: &ApacheSite, config: &Config, task: &Task, htaccess: bool) -> Vec<Finding> {
    let mut findings = context::check(config, task.target, htaccess);
    findings.extend(names::check(site, config));
    findings.extend(values::check(config));
    findings.extend(limits::check(config));
    findings.extend(expressions::check(config));
    findings.extend(requires::check(site));
    findings.extend(proxied::check(site, &config.trees));
    findings.extend(rewrites::check(site, config));
    findings
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
