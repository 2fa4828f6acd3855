//! From a named file to a site and its findings.

mod fingerprint;
mod template;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Policy;
use crate::contract::{Contract, Held};
use crate::finding::{Finding, Severity};
use crate::http::Universe;
use crate::rules;
use crate::server::{Server, Site, Task};
use crate::source::{FileSystem, LoadError, Reader, Settings, SourceFile, Sources};
use crate::suppress;

/// Folders of a server's own folder, in which the pieces of its config lie.
const PIECES: &[&str] = &[
    "sites-available",
    "sites-enabled",
    "conf-available",
    "conf-enabled",
    "mods-available",
    "mods-enabled",
    "conf.d",
    "conf.modules.d",
    "modules-available",
    "modules-enabled",
    "http.d",
    "stream.d",
    "snippets",
    "vhosts",
    "vhosts.d",
    "default.d",
    "includes",
    "templates",
];

/// The machine that a run works on.
#[derive(Clone, Copy)]
pub struct Machine<'a> {
    pub files: &'a dyn FileSystem,
    pub settings: &'a Settings,
    /// The current folder.
    pub here: &'a Path,
}

/// A main file: one on the disk, or text from elsewhere that is taken to lie at `path`.
#[derive(Clone, Debug)]
pub struct Input {
    pub path: PathBuf,
    pub content: Option<Vec<u8>>,
}

impl Input {
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Input { path: path.into(), content: None }
    }
}

/// A config that was read, with all of its files.
pub struct Loaded {
    pub server: &'static dyn Server,
    pub sources: Sources,
    pub site: Box<dyn Site>,
    /// The folders of the config itself; what it reads from elsewhere belongs to others.
    pub homes: Vec<PathBuf>,
    target_is_told: bool,
}

impl Loaded {
    /// Reads a config from its main files.
    ///
    /// # Errors
    /// Where a main file cannot be read.
    pub fn read(machine: Machine<'_>, server: &'static dyn Server, inputs: &[Input], task: &Task) -> Result<Loaded, LoadError> {
        let mut reader = Reader::new(machine.files, machine.settings);
        let mut main = Vec::with_capacity(inputs.len());
        let mut all_homes = Vec::new();
        for input in inputs {
            main.push(load(&mut reader, input)?);
            for home in homes(machine, &input.path) {
                reader.allow(&home);
                all_homes.push(home);
            }
        }
        let site = server.read(&mut reader, &main, task);
        Ok(Loaded { server, sources: reader.sources, site, homes: all_homes, target_is_told: task.told })
    }

    /// All that there is to say about it, in the order of its files.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = rules::check(self.server, self.site.as_ref());
        template::doubt(&mut findings, self.site.trees());
        if !self.target_is_told {
            // Which release will run it is a guess then, and commercial ones have directives that the open ones dropped.
            for finding in findings.iter_mut().filter(|finding| finding.rule == "server-too-old") {
                (finding.severity, finding.invalid) = (Severity::Info, false);
            }
        }
        findings
    }
}

/// A config's findings, in the order in which they are told.
pub struct Linted {
    /// The name of the server.
    pub server: &'static str,
    pub sources: Sources,
    /// How many of the sources make up the config; statements of a contract come after them.
    pub files: usize,
    /// The folders of the config itself.
    pub homes: Vec<PathBuf>,
    pub universe: Universe,
    pub reports: Vec<Report>,
    /// What was linted. Taking a large site apart costs as much as some rules, so a command that ends may forget it instead.
    pub site: Option<Box<dyn Site>>,
}

/// A finding that is told.
#[derive(Clone, Debug)]
pub struct Report {
    pub finding: Finding,
    /// Stays the same while the rule, the file's name and the text of the directive do.
    pub fingerprint: u64,
}

impl Linted {
    pub fn new(mut loaded: Loaded, policy: &Policy, contract: &Contract, held: &Held<'_>) -> Self {
        let files = loaded.sources.len();
        let findings = loaded.findings();
        let (findings, unsaid) = contract.tell(held, &mut loaded, findings);
        let sources = &loaded.sources;
        let told = |finding: Finding| {
            let path = sources.get(finding.span.file).map_or(Path::new(""), |file| &file.path);
            policy.apply(finding, path)
        };
        let findings: Vec<_> = suppress::apply(findings, &unsaid, loaded.site.trees()).into_iter().filter_map(told).collect();
        let fingerprints = fingerprint::all(&findings, sources);
        let reports = findings.into_iter().zip(fingerprints);
        Linted {
            server: loaded.server.name(),
            files,
            homes: std::mem::take(&mut loaded.homes),
            universe: loaded.site.universe().clone(),
            reports: reports.map(|(finding, fingerprint)| Report { finding, fingerprint }).collect(),
            sources: loaded.sources,
            site: Some(loaded.site),
        }
    }

    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.reports.iter().map(|report| &report.finding)
    }
}

fn load(reader: &mut Reader<'_>, input: &Input) -> Result<Arc<SourceFile>, LoadError> {
    match &input.content {
        Some(content) => Ok(reader.add(&input.path.display().to_string(), &input.path, content.clone())),
        None => reader.load(&input.path),
    }
}

/// The folders that a config may include from: its own, the server's where the config is a piece of one, and the current
/// folder where the config lies in it.
fn homes(machine: Machine<'_>, path: &Path) -> Vec<PathBuf> {
    let own = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let Ok(own) = machine.files.resolve(own) else { return Vec::new() };
    let is_piece = |folder: &&Path| folder.file_name().is_some_and(|name| PIECES.iter().any(|piece| name == *piece));
    let whole = own.ancestors().take_while(is_piece).last().and_then(Path::parent).map(Path::to_path_buf);
    let here = machine.files.resolve(machine.here).ok().filter(|here| own.starts_with(here));
    // The root of the file system is nobody's config folder: it would let a config include anything.
    [Some(own), whole, here].into_iter().flatten().filter(|folder| folder.parent().is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::MemoryFiles;

    fn homes_of(path: &str, here: &str) -> Vec<PathBuf> {
        let files = MemoryFiles::default().with(path, "").with("/home/me/x", "");
        let settings = Settings::default();
        homes(Machine { files: &files, settings: &settings, here: Path::new(here) }, Path::new(path))
    }

    #[test]
    fn a_piece_of_a_config_may_include_from_the_servers_folder() {
        assert_eq!(
            homes_of("/etc/nginx/sites-enabled/a", "/home/me"),
            ["/etc/nginx/sites-enabled", "/etc/nginx"].map(PathBuf::from)
        );
        assert_eq!(homes_of("/etc/nginx/nginx.conf", "/etc"), ["/etc/nginx", "/etc"].map(PathBuf::from));
    }

    #[test]
    fn no_config_may_include_from_the_root() {
        assert_eq!(homes_of("/conf.d/a", "/"), ["/conf.d"].map(PathBuf::from));
        assert!(homes_of("/a.conf", "/").is_empty());
    }
}
