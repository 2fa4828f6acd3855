//! From the paths that a user names to the configs behind them.

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use globset::GlobSet;
use ignore::WalkBuilder;

use crate::dialect;
use crate::lint::Input;
use crate::server::{SERVERS, Server};

/// What to look for, and where not to.
#[derive(Clone, Default)]
pub struct Filter {
    /// The server that was named, if one was.
    pub server: Option<&'static dyn Server>,
    /// The servers that the settings name for some paths.
    pub servers: Vec<(GlobSet, &'static dyn Server)>,
    /// The files that folders bring; without any, those that are configs by their content.
    pub include: Globs,
    /// Files that are left out of folders.
    pub exclude: Globs,
    /// Whether files that were named are left out by the same rules as those of folders: for callers that name every file
    /// that changed.
    pub force: bool,
    /// What standard input is taken for.
    pub stdin_name: Option<PathBuf>,
}

impl Filter {
    /// The server that a file is for, by its name and its start.
    fn judge(&self, path: &Path, text: &[u8], named: bool) -> Result<&'static dyn Server, Problem> {
        if text.is_empty() && (!named || self.server.is_none()) {
            return Err(Problem::EmptyFile(path.to_path_buf()));
        }
        if let Some(offset) = text.iter().position(|byte| *byte == 0) {
            return Err(Problem::Binary { path: path.to_path_buf(), offset });
        }
        if let (Some(server), true) = (self.server, named) {
            return Ok(server);
        }
        if !self.servers.is_empty() {
            let relative = self.exclude.relative(path);
            if let Some((_, server)) = self.servers.iter().rev().find(|(globs, _)| globs.is_match(&relative)) {
                return Ok(*server);
            }
        }
        let text = String::from_utf8_lossy(text);
        let told = if named { dialect::detect(path, &text) } else { dialect::recognise(path, &text) };
        let told = told.and_then(by_name).ok_or_else(|| Problem::Unknown(path.to_path_buf()))?;
        match self.server {
            Some(wanted) if wanted.name() != told.name() => Err(Problem::Unknown(path.to_path_buf())),
            _ => Ok(told),
        }
    }
}

/// Globs of paths, relative to the folder of the settings that hold them.
#[derive(Clone, Debug, Default)]
pub struct Globs {
    pub base: PathBuf,
    pub globs: GlobSet,
}

impl Globs {
    fn holds(&self, path: &Path) -> bool {
        !self.globs.is_empty() && self.relative(path).ancestors().any(|part| self.globs.is_match(part))
    }

    fn relative(&self, path: &Path) -> PathBuf {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        path.strip_prefix(&self.base).map(Path::to_path_buf).unwrap_or(path)
    }
}

/// A main file, and the server that reads it.
pub struct Root {
    pub server: &'static dyn Server,
    pub input: Input,
}

/// What became of the paths.
#[derive(Default)]
pub struct Collected {
    /// In the order in which they were named; those of a folder in the order of their names.
    pub roots: Vec<Root>,
    /// Whether a path was named and left out, as whoever names all changed files wants it.
    pub left_out: bool,
    pub problems: Vec<Problem>,
}

/// A path that brings no config.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("cannot read {}: {}", path.display(), plain(source))]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("no file matches {0}")]
    NoMatch(String),
    #[error("{} holds no config of a known server", .0.display())]
    EmptyFolder(PathBuf),
    #[error("{} is empty", .0.display())]
    EmptyFile(PathBuf),
    #[error("{} is not a text file: byte {offset} is zero", path.display())]
    Binary { path: PathBuf, offset: usize },
    #[error("{} has {size} bytes; files of 4 GiB and more are not read", path.display())]
    TooLarge { path: PathBuf, size: u64 },
    #[error("cannot tell which server {} is for", .0.display())]
    Unknown(PathBuf),
}

impl Problem {
    /// Whether something could not be done that was asked for, and not merely that there was nothing to do.
    pub fn is_failure(&self) -> bool {
        !matches!(self, Problem::EmptyFolder(_) | Problem::EmptyFile(_))
    }

    /// The next step.
    pub fn help(&self) -> &'static str {
        match self {
            Problem::Unreadable { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => "check the spelling; paths are relative to the current folder",
                io::ErrorKind::PermissionDenied => "run as a user who may read it, or lint a copy",
                _ => "name ordinary files and folders",
            },
            Problem::NoMatch(_) => "quote the pattern only where the shell should not expand it",
            Problem::EmptyFolder(_) => "name the files themselves, with `--server` where their names do not tell it",
            Problem::EmptyFile(_) => "there is nothing to lint in it",
            Problem::Binary { .. } => "name the config and not what a program made of it",
            Problem::TooLarge { .. } => "name the config itself",
            Problem::Unknown(_) => "say it with `--server nginx`, `--server apache` or `--server haproxy`",
        }
    }
}

/// The system's own words without the number that the standard library puts behind them.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// How much of a file is looked at to tell its server.
const HEAD: usize = 64 * 1024;

/// Files of this size and more are no configs that somebody wrote; they are read only where they are named.
const MAX_WALKED: u64 = 64 * 1024 * 1024;

/// Finds the configs behind `paths`.
pub fn collect(paths: &[PathBuf], filter: &Filter) -> Collected {
    let mut collector = Collector { filter, found: Collected::default(), seen: HashSet::new() };
    for path in paths {
        collector.path(path);
    }
    collector.found
}

struct Collector<'a> {
    filter: &'a Filter,
    found: Collected,
    seen: HashSet<PathBuf>,
}

impl Collector<'_> {
    fn path(&mut self, path: &Path) {
        if path.as_os_str() == "-" {
            return self.stdin();
        }
        match std::fs::metadata(path) {
            Ok(about) if about.is_dir() => self.folder(path),
            Ok(_) => self.named(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.glob(path, error),
            Err(source) => self.found.problems.push(Problem::Unreadable { path: path.to_path_buf(), source }),
        }
    }

    fn stdin(&mut self) {
        let path = self.filter.stdin_name.clone().unwrap_or_else(|| "<stdin>".into());
        if self.filter.force && self.filter.exclude.holds(&path) {
            self.found.left_out = true;
            return;
        }
        let mut content = Vec::new();
        if let Err(source) = io::stdin().lock().read_to_end(&mut content) {
            return self.found.problems.push(Problem::Unreadable { path, source });
        }
        match self.filter.judge(&path, &content, true) {
            Ok(server) => self.found.roots.push(Root { server, input: Input { path, content: Some(content) } }),
            Err(problem) => self.found.problems.push(problem),
        }
    }

    /// A pattern that the shell did not expand.
    fn glob(&mut self, path: &Path, error: io::Error) {
        let pattern = path.to_string_lossy();
        if !pattern.contains(['*', '?', '[']) {
            return self.found.problems.push(Problem::Unreadable { path: path.to_path_buf(), source: error });
        }
        let mut paths: Vec<_> = glob::glob(&pattern).into_iter().flatten().flatten().collect();
        paths.sort();
        if paths.is_empty() {
            self.found.problems.push(Problem::NoMatch(pattern.into_owned()));
        }
        for path in paths {
            if path.is_dir() { self.folder(&path) } else { self.walked(&path) }
        }
    }

    fn folder(&mut self, folder: &Path) {
        let before = self.found.roots.len();
        let excluded = self.filter.exclude.clone();
        let mut walk = WalkBuilder::new(folder);
        // `.htaccess` is hidden by its name, and files that a checkout ignores are configs all the same where there is none.
        walk.hidden(false)
            .sort_by_file_name(Ord::cmp)
            .filter_entry(move |entry| entry.file_name() != ".git" && !(entry.depth() > 0 && excluded.holds(entry.path())));
        for entry in walk.build() {
            match entry {
                Ok(entry) if entry.file_type().is_some_and(|kind| !kind.is_dir()) => self.walked(entry.path()),
                Ok(_) => {}
                Err(error) => {
                    let path = folder.to_path_buf();
                    let source = error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into());
                    self.found.problems.push(Problem::Unreadable { path, source });
                }
            }
        }
        if self.found.roots.len() == before {
            self.found.problems.push(Problem::EmptyFolder(folder.to_path_buf()));
        }
    }

    /// A file that was found and not named: what is no config is passed over.
    fn walked(&mut self, path: &Path) {
        let is_included = self.filter.include.holds(path);
        if self.filter.exclude.holds(path) || !(is_included || self.filter.include.globs.is_empty()) {
            return;
        }
        let Ok(about) = std::fs::metadata(path) else { return };
        if !about.is_file() || about.len() > MAX_WALKED {
            return;
        }
        match head(path) {
            Ok(text) => {
                if let Ok(server) = self.filter.judge(path, &text, is_included) {
                    self.add(path, server);
                }
            }
            Err(source) => self.found.problems.push(Problem::Unreadable { path: path.to_path_buf(), source }),
        }
    }

    fn named(&mut self, path: &Path) {
        if self.filter.force && self.filter.exclude.holds(path) {
            self.found.left_out = true;
            return;
        }
        let judged = match head(path) {
            Ok(text) => self.filter.judge(path, &text, true),
            Err(source) => Err(Problem::Unreadable { path: path.to_path_buf(), source }),
        };
        match judged {
            Ok(server) => self.add(path, server),
            // Whoever names every changed file does not mean that all of them are configs.
            Err(Problem::Unknown(_) | Problem::Binary { .. } | Problem::EmptyFile(_)) if self.filter.force => {
                self.found.left_out = true;
            }
            Err(problem) => self.found.problems.push(problem),
        }
    }

    fn add(&mut self, path: &Path, server: &'static dyn Server) {
        let place = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        if self.seen.insert(place) {
            self.found.roots.push(Root { server, input: Input::file(path) });
        }
    }
}

/// The server of a file that was found and not named, where it is a config of one.
pub fn recognise(path: &Path, filter: &Filter) -> Option<&'static dyn Server> {
    server_of(path, &head(path).ok()?, false, filter)
}

/// The server of a text that lies at a path, where it is a config of one and not excluded.
pub fn server_of(path: &Path, text: &[u8], is_named: bool, filter: &Filter) -> Option<&'static dyn Server> {
    if filter.exclude.holds(path) { None } else { filter.judge(path, text, is_named).ok() }
}

/// The server that a named file is for.
pub fn detect(path: &Path, text: &str) -> Option<&'static dyn Server> {
    dialect::detect(path, text).and_then(by_name)
}

fn by_name(name: &str) -> Option<&'static dyn Server> {
    SERVERS.iter().find(|server| server.name() == name).copied()
}

fn head(path: &Path) -> io::Result<Vec<u8>> {
    let about = std::fs::metadata(path)?;
    if !about.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not an ordinary file"));
    }
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(HEAD as u64).read_to_end(&mut text)?;
    Ok(text)
}
