//! `HttpProtocolOptions`: which methods httpd reads at all (`ap_parse_request_line` in `server/protocol.c`).

use std::collections::HashSet;

use super::super::site::ApacheSite;
use crate::finding::{Finding, Severity};

pub(super) fn check(site: &ApacheSite) -> Vec<Finding> {
    let mut findings = too_late(site);
    let is_void = |span| findings.iter().any(|finding| finding.span == span);
    let mut lines = site.servers.iter().filter_map(|server| server.protocol.registered);
    if let Some(only) = lines.find(|only| only.value && !is_void(only.span)) {
        let unregistered = site.registry.unregistered & site.universe.set(crate::http::REGISTERED.iter().copied());
        let names: Vec<&str> = site.universe.names(unregistered).take(3).collect();
        let message = format!("methods that nothing registers are answered with 501, such as {}", names.join(", "));
        findings.push(
            Finding::new("method-not-implemented", Severity::Info, only.span, message)
                .help("name those that an application takes in `RegisterHttpMethod`")
                .methods(unregistered),
        );
    }
    findings
}

/// The first virtual host of an address decides before httpd knows which host a request is for.
fn too_late(site: &ApacheSite) -> Vec<Finding> {
    let mut findings = Vec::new();
    let first: HashSet<usize> = site.hosts.groups().filter_map(|(.., group)| group.members.first().copied()).collect();
    for server in site.servers.iter().skip(1).filter(|server| !first.contains(&server.index)) {
        let Some(own) = server.protocol.registered else { continue };
        let message =
            "this line has no effect: the first virtual host of the address decides before the name of the host is known";
        findings.push(
            Finding::new("method-check-ineffective", Severity::Warning, own.span, message)
                .help("put it into the main server, or into the first virtual host of the address"),
        );
    }
    findings
}
