//! Lines that a `ProxyPass` makes void.

use super::super::site::proxy::{From, ProxyPass};
use super::super::site::redirect::{From as RedirectFrom, alias_matches};
use super::super::site::section::Matcher;
use super::super::site::{ApacheSite, Server};
use super::{method_list, statement};
use crate::finding::{Edit, Finding, Safety, Severity};
use crate::mend::{copy, remove, without_repeat};
use crate::syntax::Directive;

pub(super) fn check(site: &ApacheSite) -> Vec<Finding> {
    let mut findings = Vec::new();
    for server in &site.servers {
        let passes: Vec<&ProxyPass> = match std::ptr::eq(server, site.main()) {
            true => server.proxies.iter().collect(),
            false => site.main().proxies.iter().chain(&server.proxies).collect(),
        };
        if !passes.is_empty() {
            shadowed(site, server, &passes, &mut findings);
            folders(site, server, &passes, &mut findings);
            files(site, server, &passes, &mut findings);
            redirects(server, &passes, &mut findings);
        }
    }
    findings
}

/// How many lines are compared with one another: more of them are made by a machine.
const MOST: usize = 400;

/// The first line that takes a path.
fn taker<'p>(passes: &[&'p ProxyPass], path: &str) -> Option<&'p ProxyPass> {
    passes.iter().copied().take(MOST).find(|pass| match &pass.from {
        From::Prefix(from) => alias_matches(path, from).is_some_and(|length| length > 0),
        From::Pattern(pattern) => pattern.matches(path).unwrap_or(false),
    })
}

/// The line that takes a path and all that lies below it, so that nothing below is left to other lines.
fn whole_taker<'p>(passes: &[&'p ProxyPass], path: &str) -> Option<&'p ProxyPass> {
    let taker = taker(passes, path).filter(|pass| pass.to.is_some() && matches!(pass.from, From::Prefix(_)))?;
    let below = |pass: &&ProxyPass| match &pass.from {
        From::Prefix(from) => pass.to.is_none() && from.starts_with(path.trim_end_matches('/')),
        From::Pattern(_) => pass.to.is_none(),
    };
    (!passes.iter().take(MOST).any(below)).then_some(taker)
}

/// A line after one that takes all of its paths never works.
fn shadowed(site: &ApacheSite, server: &Server, passes: &[&ProxyPass], findings: &mut Vec<Finding>) {
    for pass in server.proxies.iter().take(MOST) {
        let From::Prefix(path) = &pass.from else { continue };
        let Some(first) = taker(passes, path).filter(|first| !std::ptr::eq(*first, pass)) else { continue };
        let From::Prefix(above) = &first.from else { continue };
        let earlier = passes.iter().position(|known| std::ptr::eq(*known, first));
        let own = passes.iter().position(|known| std::ptr::eq(*known, pass));
        if earlier > own {
            continue;
        }
        let (line, line_above) = (statement(site, pass.span), statement(site, first.span));
        if first.to == pass.to {
            findings.extend(line.zip(line_above).and_then(|(line, above)| repeated(above, line)));
            continue;
        }
        // Where both map the same paths to the same server, the order is no matter.
        let host = |pass: &ProxyPass| pass.to.as_ref().map(|to| to.splitn(4, '/').take(3).map(str::to_owned).collect::<Vec<_>>());
        if host(first) == host(pass) {
            continue;
        }
        let message = format!("this line never works: an earlier `ProxyPass` takes all of `{path}`");
        let finding = Finding::new("method-check-ineffective", Severity::Warning, pass.span, message)
            .related(first.span, "this line takes the path");
        findings.push(match above == path {
            true => finding.help("the two are for the same path: remove one of them"),
            false => finding.help("put the longer path first").fix(Safety::Unsafe, moved_above(line, line_above)),
        });
    }
}

/// The same line again is for no use, and does no harm.
fn repeated(first: Directive<'_>, again: Directive<'_>) -> Option<Finding> {
    let edits = without_repeat(first, again);
    let finding = Finding::new("method-check-ineffective", Severity::Info, again.head(), "this line stands above already");
    let finding = finding.related(first.head(), "the first one").help("remove one of them");
    (!edits.is_empty()).then(|| finding.fix(Safety::Safe, edits))
}

/// Moves a line above another one of the same block.
fn moved_above(line: Option<Directive<'_>>, other: Option<Directive<'_>>) -> Vec<Edit> {
    let (Some(line), Some(other)) = (line, other) else { return Vec::new() };
    let block = |one: Directive<'_>| (one.tree.source.id, one.parent().map(|block| block.id));
    if block(line) != block(other) {
        return Vec::new();
    }
    let span = line.span();
    vec![copy(line, other), remove(&line.tree.source, span.start..span.end)]
}

/// `<Directory>` is about files: what is proxied never meets it.
fn folders(site: &ApacheSite, server: &Server, passes: &[&ProxyPass], findings: &mut Vec<Finding>) {
    let Some(root) = site.inherited(server, |server| server.document_root.as_ref()) else { return };
    for section in server.directories.iter().take(MOST) {
        let Matcher::Path(folder) = &section.matcher else { continue };
        let Some((span, list)) = method_list(site, &section.config) else { continue };
        let Some(rest) = folder.strip_prefix(root.value.trim_end_matches('/')) else { continue };
        let path = if rest.is_empty() { "/" } else { rest };
        let aliased = server.aliases.iter().any(|alias| folder.starts_with(alias.to.trim_end_matches('/')));
        if aliased || !path.starts_with('/') {
            continue;
        }
        if let Some(pass) = whole_taker(passes, path) {
            let message = format!("{list} has no effect here: requests for `{path}` are proxied and never meet `<Directory>`");
            findings.push(
                Finding::new("method-check-ineffective", Severity::Warning, span, message)
                    .help(format!("put it into `<Location \"{path}\">`"))
                    .related(pass.span, "this line proxies them"),
            );
        }
    }
}

/// So is `<Files>`.
fn files(site: &ApacheSite, server: &Server, passes: &[&ProxyPass], findings: &mut Vec<Finding>) {
    let Some(pass) = whole_taker(passes, "/") else { return };
    for section in server.defaults.files.iter().take(MOST) {
        let Some((span, list)) = method_list(site, &section.config) else { continue };
        let message = format!("{list} has no effect here: all requests are proxied and never meet `<Files>`");
        findings.push(
            Finding::new("method-check-ineffective", Severity::Warning, span, message)
                .help("put it into a `<Location>`")
                .related(pass.span, "this line proxies them"),
        );
    }
}

/// A `Redirect` of the server comes after `ProxyPass`.
fn redirects(server: &Server, passes: &[&ProxyPass], findings: &mut Vec<Finding>) {
    for redirect in server.redirects.iter().take(MOST) {
        let RedirectFrom::Prefix(path) = &redirect.from else { continue };
        if let Some(pass) = whole_taker(passes, path) {
            let message = format!("this redirect never works: `ProxyPass` takes `{path}` first");
            findings.push(
                Finding::new("method-check-ineffective", Severity::Warning, redirect.span, message)
                    .help(format!("put it into `<Location \"{path}\">`, or exclude the path with `ProxyPass {path} !` above"))
                    .related(pass.span, "this line takes the path"),
            );
        }
    }
}
