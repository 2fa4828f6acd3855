//! Reads the files of one configuration and guards which files a config may pull in.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::disk::plain;
use super::{FileId, FileSystem, Kind, SourceFile, Sources};

/// What the user told about the machine that the config is meant for.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where the server's own relative paths start (`--prefix`).
    pub prefix: Option<PathBuf>,
    /// A folder that stands for `/` (`--root`).
    pub root: Option<PathBuf>,
    /// `--define NAME[=VALUE]`: Apache's `-D`, HAProxy's environment.
    pub defines: BTreeMap<String, Option<String>>,
    /// Folders besides the config's own from which it may include (`--allow-include`).
    pub allowed: Vec<PathBuf>,
    /// The status that upstreams answer with (`--upstream-status`); `None` means 200.
    pub upstream_status: Option<u16>,
}

/// Folders of distribution packages: readable by everyone, so that nothing secret can leak from there.
const PACKAGED: &[&str] =
    &["/usr/share/nginx", "/usr/share/modsecurity-crs", "/etc/modsecurity/crs", "/usr/share/apache2", "/usr/share/haproxy"];

/// A file that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} has {size} bytes; files of 4 GiB and more are not read", path.display())]
    TooLarge { path: PathBuf, size: u64 },
}

/// An include that brings no file.
#[derive(Debug, thiserror::Error)]
pub enum IncludeError {
    #[error("no such file: {}", path.display())]
    Missing {
        path: PathBuf,
        /// Whether the path lies in the linted tree: then the file should be there. Elsewhere it may well exist on the server.
        inside: bool,
    },
    #[error("{} lies outside of the config's folder and is not read", path.display())]
    Outside { path: PathBuf },
    #[error("this file is already being read: the include never ends")]
    Cycle,
    #[error("includes are nested more than {} deep", Reader::MAX_DEPTH)]
    TooDeep,
    #[error("the includes add up to more than {} files", Reader::MAX_INCLUDES)]
    TooMany,
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Loads files, each of them once.
pub struct Reader<'a> {
    pub files: &'a dyn FileSystem,
    pub settings: &'a Settings,
    pub sources: Sources,
    by_path: BTreeMap<PathBuf, FileId>,
    homes: Vec<PathBuf>,
    open: Vec<FileId>,
    includes: usize,
}

impl<'a> Reader<'a> {
    /// Real configs nest includes 3 deep (95 % of them not at all).
    pub const MAX_DEPTH: usize = 64;
    /// How often one run follows an include; the same file counts every time, so that doubling chains end.
    pub const MAX_INCLUDES: usize = 100_000;

    pub fn new(files: &'a dyn FileSystem, settings: &'a Settings) -> Self {
        let homes = settings.allowed.iter().chain(&settings.root).chain(&settings.prefix);
        let homes = homes.map(|path| files.resolve(path).unwrap_or_else(|_| path.clone())).collect();
        Reader { files, settings, sources: Sources::default(), by_path: BTreeMap::new(), homes, open: Vec::new(), includes: 0 }
    }

    /// Lets the config include from this folder and below.
    pub fn allow(&mut self, folder: &Path) {
        let folder = self.files.resolve(folder).unwrap_or_else(|_| folder.to_path_buf());
        if !self.homes.contains(&folder) {
            self.homes.push(folder);
        }
    }

    /// Takes content that lies in no file, such as standard input.
    pub fn add(&mut self, name: &str, path: &Path, content: Vec<u8>) -> Arc<SourceFile> {
        let file = self.sources.add(name.to_owned(), path.to_path_buf(), content);
        self.by_path.insert(path.to_path_buf(), file.id);
        file
    }

    /// Reads a file that the user named.
    ///
    /// # Errors
    /// Where the file cannot be read or has 4 GiB or more.
    pub fn load(&mut self, path: &Path) -> Result<Arc<SourceFile>, LoadError> {
        if let Some(file) = self.by_path.get(path).and_then(|id| self.sources.get(*id)) {
            return Ok(Arc::clone(file));
        }
        let content = self.files.read(path).map_err(|source| LoadError::Io { path: path.to_path_buf(), source })?;
        if u32::try_from(content.len()).is_err() {
            return Err(LoadError::TooLarge { path: path.to_path_buf(), size: content.len() as u64 });
        }
        Ok(self.add(&path.display().to_string(), path, content))
    }

    /// Where a path of the config lies on this machine: absolute ones below `--root`, relative ones below `base`.
    pub fn place(&self, path: &str, base: &Path) -> PathBuf {
        let written = Path::new(path);
        match &self.settings.root {
            Some(root) if written.is_absolute() && !written.starts_with(root) => {
                root.join(written.components().filter(|part| matches!(part, Component::Normal(_))).collect::<PathBuf>())
            }
            _ if written.is_absolute() => written.to_path_buf(),
            _ => base.join(written),
        }
    }

    /// The files that an include names, in the server's order: those of a glob sorted, or the one file. A glob may match none.
    ///
    /// # Errors
    /// Where a path without wildcards names no file, or one that the config has no business with.
    pub fn find(&self, path: &str, base: &Path) -> Result<Vec<PathBuf>, IncludeError> {
        let place = self.place(path, base);
        if !path.contains(['*', '?', '[']) {
            self.check(&place)?;
            return match self.files.kind(&place) {
                Some(_) => Ok(vec![place]),
                None => Err(IncludeError::Missing { inside: self.is_inside(&place), path: place }),
            };
        }
        // The folder before the first wildcard decides: a glob over foreign folders would tell which files exist there.
        let fixed: PathBuf =
            place.components().take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '['])).collect();
        if let Err(outside @ IncludeError::Outside { .. }) = self.check(&fixed) {
            return Err(outside);
        }
        let found = self.files.glob(&place.to_string_lossy());
        Ok(found.into_iter().filter(|path| self.check(path).is_ok()).collect())
    }

    /// Opens an included file; [`Reader::close`] must follow when its statements are done.
    ///
    /// # Errors
    /// Where the file cannot be read, includes itself, or the bounds on includes are reached.
    pub fn open(&mut self, path: &Path) -> Result<Arc<SourceFile>, IncludeError> {
        self.check(path)?;
        self.includes += 1;
        if self.includes > Self::MAX_INCLUDES {
            return Err(IncludeError::TooMany);
        }
        if self.open.len() >= Self::MAX_DEPTH {
            return Err(IncludeError::TooDeep);
        }
        let file = self.load(path)?;
        if self.open.contains(&file.id) {
            return Err(IncludeError::Cycle);
        }
        self.open.push(file.id);
        Ok(file)
    }

    /// Opens the main file, so that an include of itself is seen as a cycle.
    pub fn enter(&mut self, file: &SourceFile) {
        self.open.push(file.id);
    }

    pub fn close(&mut self) {
        self.open.pop();
    }

    /// The text of a file that holds data, such as a list of phrases; larger ones are databases rather than parts of a config.
    pub fn data(&self, path: &Path) -> Option<String> {
        const MOST: usize = 4 << 20;
        self.check(path).ok()?;
        let bytes = self.files.read(path).ok().filter(|bytes| bytes.len() <= MOST)?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub fn kind(&self, path: &Path) -> Option<Kind> {
        self.check(path).ok()?;
        self.files.kind(path)
    }

    /// A config under lint may be hostile: `include /etc/shadow;` must not bring that file into a report, not even through a link.
    fn check(&self, path: &Path) -> Result<(), IncludeError> {
        let real = self.files.resolve(path).unwrap_or_else(|_| plain(path));
        let packaged = PACKAGED.iter().any(|folder| real.starts_with(folder));
        if packaged || self.homes.iter().any(|home| real.starts_with(home)) {
            return Ok(());
        }
        if self.files.kind(path).is_none() {
            return Err(IncludeError::Missing { path: path.to_path_buf(), inside: false });
        }
        Err(IncludeError::Outside { path: path.to_path_buf() })
    }

    /// Whether a path lies in the folders that the config may read from, by its name alone.
    pub fn is_inside(&self, path: &Path) -> bool {
        let path = plain(path);
        self.homes.iter().any(|home| path.starts_with(home))
    }
}

#[cfg(test)]
mod tests {
    use super::super::MemoryFiles;
    use super::*;

    #[test]
    fn a_config_reads_only_what_lies_below_its_home() {
        let files = MemoryFiles::default().with("/c/nginx.conf", "").with("/c/d/a.conf", "").with("/etc/shadow", "secret");
        let settings = Settings::default();
        let mut reader = Reader::new(&files, &settings);
        reader.allow(Path::new("/c"));
        assert_eq!(reader.find("d/*.conf", Path::new("/c")).unwrap(), [PathBuf::from("/c/d/a.conf")]);
        assert!(matches!(reader.find("/etc/shadow", Path::new("/c")), Err(IncludeError::Outside { .. })));
        assert!(matches!(reader.find("../etc/*", Path::new("/c")), Err(IncludeError::Outside { .. })));
        assert!(matches!(reader.find("d/b.conf", Path::new("/c")), Err(IncludeError::Missing { inside: true, .. })));
        assert!(matches!(
            reader.find("/etc/nginx/mime.types", Path::new("/c")),
            Err(IncludeError::Missing { inside: false, .. })
        ));
    }

    #[test]
    fn an_include_of_an_open_file_is_a_cycle() {
        let files = MemoryFiles::default().with("/c/a", "");
        let settings = Settings::default();
        let mut reader = Reader::new(&files, &settings);
        reader.allow(Path::new("/c"));
        reader.open(Path::new("/c/a")).unwrap();
        assert!(matches!(reader.open(Path::new("/c/a")), Err(IncludeError::Cycle)));
        reader.close();
        assert!(reader.open(Path::new("/c/a")).is_ok());
    }
}
