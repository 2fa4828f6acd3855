//! Sections whose list of methods a later section replaces: `<Location>` sections hold in the order of the file, whatever the
//! length of their paths (`ap_location_walk` in `server/request.c`).

use super::super::site::ApacheSite;
use super::super::site::authz::Merging;
use super::super::site::section::{DirConfig, Matcher, Section, takes_path};
use super::{List, method_list};
use crate::finding::{Finding, Severity};

/// How many sections are compared with one another: more of them are made by a machine.
const MOST: usize = 200;

pub(super) fn check(site: &ApacheSite) -> Vec<Finding> {
    let mut findings = Vec::new();
    for server in &site.servers {
        for (index, section) in server.locations.iter().enumerate().take(MOST) {
            let later = &server.locations[index + 1..];
            findings.extend(replaced(site, section, later));
        }
    }
    findings
}

fn replaced(site: &ApacheSite, section: &Section, later: &[Section]) -> Option<Finding> {
    let (span, list) = method_list(site, &section.config)?;
    let above = later.iter().take(MOST).find(|other| lies_above(other, section) && replaces(&other.config, list))?;
    let message =
        format!("this {list} has no effect: a later `<Location>` takes the same paths, and its own takes this one's place");
    let finding = Finding::new("method-check-ineffective", Severity::Warning, span, message);
    Some(finding.help("put the section of the longer path last").related(above.span, "this section comes later"))
}

fn lies_above(other: &Section, section: &Section) -> bool {
    let (Matcher::Path(above), Matcher::Path(path)) = (&other.matcher, &section.matcher) else { return false };
    above.len() < path.len() && takes_path(above.trim_end_matches('/'), path)
}

/// Whether a section sets what puts an earlier section's list out of effect.
fn replaces(config: &DirConfig, list: List) -> bool {
    let merges = || config.authz.as_ref().and_then(|authz| authz.merging).is_some_and(|merging| merging != Merging::Off);
    match list {
        List::AllowMethods => config.allow_methods.is_some(),
        List::Require => config.authz.as_ref().is_some_and(|authz| authz.root.is_some()) && !merges(),
        List::Deny => config.access.is_some(),
        List::RewriteRule => config.rewrite.as_ref().is_some_and(|rewrite| !rewrite.rules.is_empty() && !rewrite.options.inherit),
    }
}
