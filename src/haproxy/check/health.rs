//! Health checks whose method an origin may refuse.

use super::Checks;
use crate::finding::{Finding, Severity};
use crate::haproxy::decide::check_fails;
use crate::haproxy::site::proxy::{Proxy, Role};
use crate::haproxy::site::server::{CheckKind, HealthCheck, Server};

impl Checks<'_> {
    pub(super) fn health(&self, proxy: &Proxy, findings: &mut Vec<Finding>) {
        let check = &proxy.settings.check;
        let checked = proxy.servers.iter().any(|server| server.check.is_some() && !server.disabled);
        if check.kind != CheckKind::Http || !proxy.role.is_backend() || !checked || proxy.role == Role::Defaults {
            return;
        }
        if let Some(span) = proxy.check_steps.waits_in_vain() {
            let message = format!(
                "the check of `{}` sends nothing and waits for an answer, so its servers go down: a section with steps of its own \
                 takes no check over from its `defaults`",
                proxy.name
            );
            let help = "repeat `option httpchk` here, or add `http-check send` above";
            findings.push(Finding::new("health-check-method", Severity::Error, span, message).help(help));
            return;
        }
        let help = "check with a method that the origin is sure to know: `option httpchk GET /health`";
        if let Some(span) = proxy.servers.iter().find_map(|server| server.failing_check) {
            // Where GET would fail as well, the method is not to blame.
            if !proxy.servers.iter().any(|server| server.failing_check.is_some() && self.would_hold(check, server)) {
                return;
            }
            let message = format!(
                "this config itself refuses the {} of the check, which takes the servers of `{}` down",
                check.method, proxy.name
            );
            findings.push(Finding::new("health-check-method", Severity::Error, span, message).help(help));
            return;
        }
        let Some(option) = check.explicit.or(check.option) else { return };
        // What the check expects may well be that refusal.
        if accepts_refusals(check) || matches!(&*check.method, "GET" | "HEAD") {
            return;
        }
        let usual = &*check.method == "OPTIONS" && check.explicit.is_some();
        if usual {
            return;
        }
        let message = match check.explicit {
            Some(_) => format!("an origin that answers {} with 405 or 501 is taken down by its health check", check.method),
            None => "the check sends OPTIONS, and an origin that answers it with 405 or 501 is taken down".to_owned(),
        };
        let finding = Finding::new("health-check-method", Severity::Info, option, message);
        findings.push(finding.help(help));
    }
}

impl Checks<'_> {
    /// Whether the check of a server would find it up if it asked with GET.
    fn would_hold(&self, check: &HealthCheck, server: &Server) -> bool {
        let with_get = HealthCheck { method: "GET".into(), ..check.clone() };
        let of = server.check.as_ref();
        let address = of.and_then(|check| check.address.as_ref()).unwrap_or(&server.address);
        let port = of.and_then(|check| check.port).or(server.port.fixed());
        port.is_some_and(|port| !check_fails(self.config, &with_get, address, port))
    }
}

fn accepts_refusals(check: &HealthCheck) -> bool {
    check.accepts(405) != Some(false) || check.accepts(501) != Some(false)
}
