//! What a wing gives to the rest: the reading of a config, and the interpreter of the server's request processing.

mod thinning;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::ask::{Ask, Candidates};
use crate::finding::{Edit, Finding};
use crate::http::{Request, Universe, Verdict};
use crate::mend::{Statements, Wish};
use crate::source::{Reader, SourceFile, Span};
use crate::syntax::{Directive, Tree};

pub use thinning::{Extent, Thinning};

/// A server whose configs proxylint reads. All of them are in [`SERVERS`].
pub trait Server: Sync {
    /// The name that `--server` and `--target` take.
    fn name(&self) -> &'static str;

    /// The name in sentences: "Apache httpd".
    fn title(&self) -> &'static str;

    /// The release that is meant where `--target` does not say.
    fn current(&self) -> Release;

    /// Reads a config from its main files, in load order; nginx and Apache have one. Never fails: what is wrong with the
    /// config is told by [`Site::findings`].
    fn read(&self, reader: &mut Reader<'_>, main: &[Arc<SourceFile>], task: &Task) -> Box<dyn Site>;

    /// The edits of a statement that make it do what is wished, as far as its text tells; no edits where that is not known.
    fn mend(&self, statement: Directive<'_>, all: &Statements<'_>, wish: Wish<'_>) -> Vec<Edit>;
}

/// Every wing, in the order in which help names them.
pub const SERVERS: &[&dyn Server] = &[&crate::nginx::Nginx, &crate::apache::Apache, &crate::haproxy::Haproxy];

/// What a reading is for.
#[derive(Clone, Debug)]
pub struct Task {
    pub target: Release,
    /// Whether the user named the release; else it is the server's current one.
    pub told: bool,
    /// Methods to tell apart besides those that the config names: those of the requests to trace.
    pub methods: Vec<String>,
}

impl Task {
    /// Reads for the release that the user named, if any.
    pub fn new(server: &dyn Server, told: Option<Release>, methods: Vec<String>) -> Self {
        Task { target: told.unwrap_or_else(|| server.current()), told: told.is_some(), methods }
    }
}

/// A release of a server, such as 1.22.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release(pub u16, pub u16, pub u16);

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a release such as 1.22 or 2.4.58")]
pub struct NotARelease(String);

impl FromStr for Release {
    type Err = NotARelease;

    fn from_str(text: &str) -> Result<Self, NotARelease> {
        let mut parts = text.split('.').map(|part| part.parse::<u16>().map_err(|_| NotARelease(text.to_owned())));
        let mut next = || parts.next().unwrap_or(Ok(0));
        let release = Release(next()?, next()?, next()?);
        if parts.next().is_some() || text.is_empty() { Err(NotARelease(text.to_owned())) } else { Ok(release) }
    }
}

/// A config as its server understands it, with all that was read for it.
///
/// Sites are read-only and shared between threads: `decide` runs on many routes at once.
pub trait Site: Candidates + Send + Sync {
    /// The files that make up the config, in the order in which they were read.
    fn trees(&self) -> &[Arc<Tree>];

    /// The methods that this config can tell apart.
    fn universe(&self) -> &Universe;

    /// What is wrong with the config as such, without looking at any request: syntax errors, missing includes, what the
    /// server would refuse, checks that can never match. What happens to requests is the rules' part.
    fn findings(&self) -> Vec<Finding>;

    /// One or more requests for each place of the config that decides about requests; in parts with very many places, for a
    /// share of them, see [`Thinning`].
    fn routes(&self) -> Vec<Route>;

    /// What the server does with the request behind `ask`, in the order of its own phases.
    fn decide(&self, ask: &mut Ask<'_>) -> Verdict;
}

/// A request that represents all requests that a part of the config takes.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its method means nothing.
    pub request: Request,
    /// The part of the config that it stands for: a location, a vhost's section, a frontend or backend.
    pub span: Span,
    /// Where the config sets CORS headers for this route, so that browsers send it preflights.
    pub cors: Option<Span>,
}
