//! What happens inside of a namespace: stubs and the server start, requests are sent, all is noted.

use std::fs::{self, File};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::case::{Observed, Request, Seen};
use crate::client;
use crate::namespace::Job;
use crate::stubs::Stubs;

/// How long a server may take to listen, on a machine that does much else.
const START: Duration = Duration::from_secs(30);

pub(crate) fn run(job: &Job) -> Outcome<()> {
    for folder in ["logs", "tmp"] {
        fs::create_dir_all(job.prefix.join(folder))?;
    }
    let observed = observe(job)?;
    fs::write(&job.answer, serde_json::to_vec(&observed)?)?;
    Ok(())
}

fn observe(job: &Job) -> Outcome<Observed> {
    let check = job.server.check(&job.prefix, &job.config).output()?;
    let accepted = check.status.success();
    if !accepted || job.check_only {
        let log = String::from_utf8_lossy(&[check.stderr, check.stdout].concat()).into_owned();
        return Ok(Observed { accepted, log, results: Vec::new() });
    }
    let stubs = Stubs::start()?;
    let log = job.prefix.join("live.log");
    let mut server = Running(
        job.server
            .start(&job.prefix, &job.config)
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .spawn()?,
    );
    let mut observed = Observed { accepted, ..Observed::default() };
    if job.requests.first().is_none_or(|request| server.listens(request.port)) {
        observed.results = job.requests.iter().map(|request| send(request, &stubs)).collect();
    } else {
        observed.log = fs::read_to_string(&log)?;
    }
    Ok(observed)
}

fn send(request: &Request, stubs: &Stubs) -> Seen {
    stubs.take();
    let Ok(response) = client::send(request) else {
        return Seen { by: Some("nobody".into()), ..Seen::default() };
    };
    // A mirrored request may reach its upstream a little after the response reached the client.
    thread::sleep(Duration::from_millis(10));
    let reached = stubs.take();
    let last = reached.last().cloned();
    Seen {
        status: response.status,
        by: response.status.map(|_| if response.header("x-stub").is_some() { "upstream".into() } else { "proxy".into() }),
        upstream_port: last.as_ref().map(|(port, ..)| *port),
        upstream_method: last.as_ref().map(|(_, method, _)| method.clone()),
        upstream_target: last.map(|(.., target)| target),
        allow: response.header("allow"),
        location: response.header("location"),
        upstreams: if reached.len() > 1 { reached } else { Vec::new() },
    }
}

/// A server that is ended when the case is over.
struct Running(Child);

impl Running {
    /// Waits until the port takes connections; gives up where the server has ended.
    fn listens(&mut self, port: u16) -> bool {
        let start = Instant::now();
        while start.elapsed() < START {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return true;
            }
            if matches!(self.0.try_wait(), Ok(Some(_)) | Err(_)) {
                return false;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Running {
    /// SIGTERM lets nginx and httpd end their children as well.
    fn drop(&mut self) {
        let _ = std::process::Command::new("kill").arg(self.0.id().to_string()).status();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
