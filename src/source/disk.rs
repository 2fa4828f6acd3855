//! The only window of the library on the file system.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    Folder,
}

/// Where files come from: the disk, or memory in tests and in the browser.
pub trait FileSystem: Send + Sync {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    fn kind(&self, path: &Path) -> Option<Kind>;
    /// Whether a file may be run as a program.
    fn is_program(&self, path: &Path) -> bool {
        self.kind(path) == Some(Kind::File)
    }
    /// The path with links and `..` resolved, for comparing places.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf>;
    /// The paths that match a glob(3) pattern, sorted; names that start with a dot only where the pattern spells the dot.
    fn glob(&self, pattern: &str) -> Vec<PathBuf>;
}

const GLOB: glob::MatchOptions =
    glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// The machine's own file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl FileSystem for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        // A pipe or a device may never end; only ordinary files are configs.
        let about = std::fs::metadata(path)?;
        if about.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a folder"));
        }
        if !about.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "is not an ordinary file"));
        }
        std::fs::read(path)
    }

    fn kind(&self, path: &Path) -> Option<Kind> {
        let about = std::fs::metadata(path).ok()?;
        Some(if about.is_dir() { Kind::Folder } else { Kind::File })
    }

    #[cfg(unix)]
    fn is_program(&self, path: &Path) -> bool {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        path.canonicalize()
    }

    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        // The crate finds no hidden name at all under these options, not even one that the pattern spells.
        let spells_dot = pattern.rsplit('/').next().is_some_and(|name| name.starts_with('.'));
        let options = glob::MatchOptions { require_literal_leading_dot: !spells_dot, ..GLOB };
        let Ok(paths) = glob::glob_with(pattern, options) else { return Vec::new() };
        let is_entry = |path: &PathBuf| !["/.", "/.."].iter().any(|end| path.to_string_lossy().ends_with(end));
        let mut paths: Vec<_> = paths.flatten().filter(is_entry).collect();
        paths.sort();
        paths
    }
}

/// Files held in memory, by absolute path.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl MemoryFiles {
    pub fn with(mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), content.into());
        self
    }
}

impl FileSystem for MemoryFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn kind(&self, path: &Path) -> Option<Kind> {
        let path = plain(path);
        if self.files.contains_key(&path) {
            return Some(Kind::File);
        }
        self.files.keys().any(|file| file.starts_with(&path)).then_some(Kind::Folder)
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        self.kind(path).map(|_| plain(path)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        let Ok(pattern) = glob::Pattern::new(pattern) else { return Vec::new() };
        let folders = self.files.keys().flat_map(|file| file.ancestors().skip(1));
        let paths: std::collections::BTreeSet<&Path> = self.files.keys().map(PathBuf::as_path).chain(folders).collect();
        paths.into_iter().filter(|path| pattern.matches_path_with(path, GLOB)).map(Path::to_path_buf).collect()
    }
}

/// The path with `.` and `..` taken out by name alone, for files that do not exist.
pub(crate) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}
