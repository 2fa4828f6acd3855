//! The fixes, with the real servers as judges: a fixed config starts, and the requests that showed what was wrong fare as the
//! fixes promise.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::Outcome;
use crate::case::{Case, Observed, Request, Seen};
use crate::namespace;
use crate::server::Server;
use crate::stage::Stage;

fn proxylint(case: &Case, stage: &Stage, release: &str, more: &[&str]) -> Outcome<Vec<Value>> {
    let output = Command::new(env!("CARGO_BIN_EXE_proxylint"))
        .args(["--format", "json", "--server", case.server.name()])
        .arg(format!("--target={}={release}", case.server.name()))
        .args(more)
        .arg(&stage.config)
        .current_dir(stage.prefix())
        .output()?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("no report: {error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok(report["findings"].as_array().cloned().unwrap_or_default())
}

/// Fixes a case and sends the witnesses of what was fixed; gives how many those are, and where the server disagrees.
pub(crate) fn of_case(case: &Case, release: &str) -> Outcome<(usize, Vec<String>)> {
    let stage = Stage::new(case)?;
    let before = proxylint(case, &stage, release, &["--pedantic"])?;
    let can_show = |finding: &&Value| {
        !finding["fix"].is_null()
            && finding["witness"]["scheme"] == "http"
            && finding["witness"]["client"] == "127.0.0.1"
            && finding["when"].as_array().is_some_and(Vec::is_empty)
    };
    let candidates: Vec<&Value> = before.iter().filter(can_show).collect();
    if candidates.is_empty() {
        return Ok((0, Vec::new()));
    }
    let after = proxylint(case, &stage, release, &["--pedantic", "--fix=unsafe"])?;
    let left =
        |finding: &Value| after.iter().any(|other| other["rule"] == finding["rule"] && other["message"] == finding["message"]);
    let shown: Vec<&Value> = candidates.into_iter().filter(|finding| !left(finding)).collect();
    let requests: Vec<Request> =
        shown.iter().map(|finding| serde_json::from_value(finding["witness"].clone())).collect::<Result<_, _>>()?;
    if requests.is_empty() {
        return Ok((0, Vec::new()));
    }
    let seen = namespace::run(case, &stage, requests.clone())?;
    if !seen.accepted {
        return Ok((0, vec![format!("{}: the fixed config is refused: {}", case.name(), seen.log)]));
    }
    let mut complaints = Vec::new();
    for ((finding, request), seen) in shown.iter().zip(&requests).zip(&seen.results) {
        if !keeps_promise(finding, request, seen) {
            complaints.push(format!("{}: {} fixed, but {request} is {seen:?}", case.name(), finding["rule"]));
        }
    }
    Ok((requests.len(), complaints))
}

fn keeps_promise(finding: &Value, request: &Request, seen: &Seen) -> bool {
    let by_proxy = seen.by.as_deref() == Some("proxy");
    let refused = seen.status.is_none() || by_proxy && matches!(seen.status, Some(400 | 403 | 405 | 501));
    match finding["rule"].as_str().unwrap_or("") {
        "allow-list-outdated" | "method-denied" | "head-blocked" | "preflight-blocked" => !refused,
        "method-not-implemented" | "refusal-status" => !refused || seen.status == Some(405),
        "method-lost-in-redirect" => !by_proxy || !matches!(seen.status, Some(301..=303)),
        "method-override" => seen.upstream_method.as_ref().is_none_or(|method| *method == request.method),
        _ => true,
    }
}

/// The operations of `tests/contract/openapi.yaml`.
const OPERATIONS: &[(&str, &str)] = &[
    ("GET", "/v1/shipments/1"),
    ("PUT", "/v1/shipments/1"),
    ("PATCH", "/v1/shipments/1"),
    ("DELETE", "/v1/shipments/1"),
    ("GET", "/v1/pickups/1"),
    ("PUT", "/v1/pickups/1"),
    ("GET", "/v1/labels/1"),
    ("POST", "/v1/labels/1"),
];

/// A contract that a config breaks with a list that forgot a method, a method that is rewritten and a path that nothing routes, before and after its fixes: how many operations the real server serves.
pub(crate) fn of_contract(server: Server, release: &str) -> Outcome<[usize; 2]> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract");
    let openapi = folder.join("openapi.yaml");
    let config = if server == Server::Haproxy { "haproxy.cfg".to_owned() } else { format!("{}.conf", server.name()) };
    let case = Case::of(server, folder.join(server.name()), config);
    let stage = Stage::new(&case)?;
    let requests: Vec<Request> = OPERATIONS
        .iter()
        .map(|(method, target)| Request { method: (*method).into(), target: (*target).into(), ..Request::default() })
        .collect();
    let served = |seen: &Observed| {
        let serves = |(seen, (method, _)): &(&Seen, &(&str, &str))| {
            seen.by.as_deref() == Some("upstream") && seen.upstream_method.as_deref() == Some(*method)
        };
        seen.results.iter().zip(OPERATIONS).filter(serves).count()
    };
    let before = namespace::run(&case, &stage, requests.clone())?;
    let openapi = openapi.to_string_lossy().into_owned();
    let broken = |findings: &[Value]| findings.iter().filter(|finding| finding["rule"] == "contract-broken").count();
    let found = broken(&proxylint(&case, &stage, release, &["--openapi", &openapi])?);
    let left = broken(&proxylint(&case, &stage, release, &["--openapi", &openapi, "--fix=unsafe"])?);
    if found < 3 || left > 0 {
        return Err(format!("{found} breaches are found, {left} are left after the fixes").into());
    }
    let after = namespace::run(&case, &stage, requests)?;
    if !after.accepted {
        return Err(format!("the fixed config is refused: {}", after.log).into());
    }
    Ok([served(&before), served(&after)])
}

/// How many operations a server has to serve.
pub(crate) const ALL: usize = OPERATIONS.len();
