//! What proxylint says about a case, as far as a request can show it.

use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

use crate::Outcome;
use crate::case::{Case, Request, Seen};
use crate::stage::Stage;

/// A finding with a witness that needs no assumption.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) rule: String,
    pub(crate) request: Request,
    /// An answer as in the JSON report.
    pub(crate) predicted: Value,
}

#[derive(Deserialize)]
struct Report {
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    rule: String,
    witness: Option<Value>,
    predicted: Option<Value>,
    #[serde(default)]
    when: Vec<String>,
}

/// The claims of all findings of a case.
pub(crate) fn claims(case: &Case, stage: &Stage, release: &str) -> Outcome<Vec<Claim>> {
    let output = Command::new(env!("CARGO_BIN_EXE_proxylint"))
        .args(["--pedantic", "--format", "json", "--server", case.server.name()])
        .arg(format!("--target={}={release}", case.server.name()))
        .arg(&stage.config)
        .current_dir(stage.prefix())
        .output()?;
    let report: Report = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("no report: {error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let mut claims = Vec::new();
    for finding in report.findings {
        let Finding { rule, witness: Some(witness), predicted: Some(predicted), when } = finding else { continue };
        // The namespace has one client, on the loopback interface, which speaks no TLS.
        let reachable = witness["client"].as_str().is_none_or(|client| client == "127.0.0.1") && witness["scheme"] != "https";
        if when.is_empty() && reachable {
            claims.push(Claim { rule, request: serde_json::from_value(witness)?, predicted });
        }
    }
    Ok(claims)
}

impl Claim {
    /// Whether the real server did what was predicted.
    pub(crate) fn holds(&self, seen: &Seen) -> bool {
        let says = |name: &str| self.predicted[name].as_str().unwrap_or("");
        match says("kind") {
            "respond" => seen.by.as_deref() == Some("proxy") && self.predicted["status"].as_u64() == seen.status.map(u64::from),
            "close" => seen.status.is_none() && seen.by.is_none(),
            "forward" => seen.all_upstreams().iter().any(|(port, method, target)| {
                says("to").trim_end_matches('/').ends_with(&format!(":{port}"))
                    && says("method") == method.trim_start_matches("stored:")
                    && self.predicted["target"].as_str().is_none_or(|predicted| predicted == target)
            }),
            _ => false,
        }
    }
}

impl Seen {
    /// The requests that reached upstreams: port, method and target of each.
    fn all_upstreams(&self) -> Vec<(u16, String, String)> {
        let last = self.upstream_port.map(|port| {
            (port, self.upstream_method.clone().unwrap_or_default(), self.upstream_target.clone().unwrap_or_default())
        });
        if self.upstreams.is_empty() { last.into_iter().collect() } else { self.upstreams.clone() }
    }
}
