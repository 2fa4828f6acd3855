//! A network of its own for each case, with nothing in it but the loopback interface.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::case::{Case, Observed, Request};
use crate::server::Server;
use crate::stage::Stage;

/// What the inner run of this binary is told, in a file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) server: Server,
    pub(crate) prefix: PathBuf,
    pub(crate) config: PathBuf,
    pub(crate) check_only: bool,
    pub(crate) requests: Vec<Request>,
    /// Where the answer goes.
    pub(crate) answer: PathBuf,
}

/// Names the file with the job.
const JOB: &str = "PROXYLINT_LIVE_JOB";

/// Whether this process may make namespaces.
pub(crate) fn check() -> Outcome<()> {
    let made = Command::new("unshare").args(["-n", "sh", "-c", "ip link set lo up"]).output();
    match made {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("no network namespaces: {}", String::from_utf8_lossy(&output.stderr).trim()).into()),
        Err(_) => Err("`unshare` is not installed".into()),
    }
}

/// The job of this process, where it runs inside of a namespace.
pub(crate) fn job() -> Option<Job> {
    let file = std::env::var_os(JOB)?;
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// Boots the case in a namespace and sends the requests.
pub(crate) fn run(case: &Case, stage: &Stage, requests: Vec<Request>) -> Outcome<Observed> {
    let folder = tempfile::tempdir()?;
    let (file, answer) = (folder.path().join("job.json"), folder.path().join("answer.json"));
    let job = Job {
        server: case.server,
        prefix: stage.prefix().to_path_buf(),
        config: stage.config.clone(),
        check_only: case.check_only,
        requests,
        answer: answer.clone(),
    };
    fs::write(&file, serde_json::to_vec(&job)?)?;
    let output = Command::new("unshare")
        .args(["-n", "sh", "-c", "ip link set lo up; exec \"$@\"", "sh"])
        .arg(std::env::current_exe()?)
        .args(["--exact", "one_case_inside_of_its_namespace", "--nocapture"])
        .env(JOB, &file)
        .output()?;
    match fs::read(answer) {
        Ok(answer) => Ok(serde_json::from_slice(&answer)?),
        Err(_) => {
            Err(format!("no answer: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
                .into())
        }
    }
}
