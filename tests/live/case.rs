//! The recorded cases: a config, requests, and what the real server did with them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::server::Server;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) config: String,
    /// Files that are made besides those of the folder: documents, includes.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) requests: Vec<Request>,
    /// Whether the config is only checked.
    #[serde(default)]
    pub(crate) check_only: bool,
    pub(crate) server: Server,
    #[serde(skip)]
    pub(crate) folder: PathBuf,
    #[serde(skip)]
    pub(crate) observed: Observed,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    /// `None` sends no Host header.
    pub(crate) host: Option<String>,
    pub(crate) port: u16,
    /// A header that is null is not sent.
    pub(crate) headers: BTreeMap<String, Option<String>>,
    pub(crate) body: String,
    pub(crate) version: String,
}

impl Default for Request {
    fn default() -> Self {
        Request {
            method: "GET".into(),
            target: "/".into(),
            host: Some("localhost".into()),
            port: 18080,
            headers: BTreeMap::new(),
            body: String::new(),
            version: "1.1".into(),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} http://{}:{}{}", self.method, self.host.as_deref().unwrap_or("-"), self.port, self.target)?;
        if self.headers.is_empty() { Ok(()) } else { write!(f, " with {:?}", self.headers) }
    }
}

/// What a server did with a config and its requests.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Observed {
    pub(crate) accepted: bool,
    /// What the server had to say where it did not start.
    #[serde(default)]
    pub(crate) log: String,
    pub(crate) results: Vec<Seen>,
}

/// What became of one request.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// `None` where the connection was closed without a response.
    pub(crate) status: Option<u16>,
    /// Who made the response: `proxy` or `upstream`; `nobody` where no server took the request or none answered in time.
    pub(crate) by: Option<String>,
    pub(crate) upstream_port: Option<u16>,
    pub(crate) upstream_method: Option<String>,
    pub(crate) upstream_target: Option<String>,
    pub(crate) allow: Option<String>,
    pub(crate) location: Option<String>,
    /// All requests that reached upstreams, where they are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) upstreams: Vec<(u16, String, String)>,
}

impl Seen {
    /// Whether both are the same but for the order of the methods in `Allow`, which differs from run to run.
    pub(crate) fn is_same(&self, other: &Seen) -> bool {
        let methods = |allow: &Option<String>| {
            let mut methods: Vec<_> =
                allow.iter().flat_map(|allow| allow.split(',')).map(|method| method.trim().to_owned()).collect();
            methods.sort();
            methods
        };
        self.status == other.status
            && self.by == other.by
            && self.upstream_port == other.upstream_port
            && self.upstream_method == other.upstream_method
            && self.upstream_target == other.upstream_target
            && methods(&self.allow) == methods(&other.allow)
            && self.location == other.location
            && self.upstreams == other.upstreams
    }
}

impl Case {
    pub(crate) fn all(server: Server) -> Outcome<Vec<Case>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(server.name());
        let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
        let mut folders = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        folders.retain(|folder| folder.join("case.json").exists());
        folders.sort();
        let mut cases = folders.iter().map(|folder| Case::read(folder)).collect::<Outcome<Vec<_>>>()?;
        let must_run = std::env::var("PROXYLINT_LIVE").is_ok_and(|value| value == "1");
        cases.retain(|case| match case.missing_module() {
            Some(module) if !must_run => {
                println!("{} is skipped: there is no {}", case.name(), module.display());
                false
            }
            _ => true,
        });
        Ok(cases)
    }

    /// A config without recordings.
    pub(crate) fn of(server: Server, folder: PathBuf, config: String) -> Case {
        let (files, requests, observed) = (BTreeMap::new(), Vec::new(), Observed::default());
        Case { config, files, requests, check_only: false, server, folder, observed }
    }

    /// A module that the config loads by its path and that this machine does not have.
    pub(crate) fn missing_module(&self) -> Option<PathBuf> {
        let config = fs::read_to_string(self.folder.join(&self.config)).ok()?;
        let lines = config.lines().filter_map(|line| line.trim().strip_prefix("load_module ")?.strip_suffix(';'));
        lines.map(PathBuf::from).find(|module| module.is_absolute() && !module.exists())
    }

    fn read(folder: &Path) -> Outcome<Case> {
        let told = |error: serde_json::Error| format!("{}: {error}", folder.display());
        let case: Case = serde_json::from_slice(&fs::read(folder.join("case.json"))?).map_err(told)?;
        let observed = serde_json::from_slice(&fs::read(folder.join("observed.json"))?).map_err(told)?;
        Ok(Case { folder: folder.to_path_buf(), observed, ..case })
    }

    pub(crate) fn name(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}
