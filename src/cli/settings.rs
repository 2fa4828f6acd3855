//! The settings of a run: the file, with the command line on top of it.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use globset::GlobSet;

use super::Failure;
use crate::config::{self, Loaded};
use crate::server::{Release, SERVERS, Server};
use crate::source;
use crate::source::{FileId, SourceFile};

pub(super) struct Settings {
    pub(super) loaded: Loaded,
    /// `None` where there is no such file.
    pub(super) file: Option<Arc<SourceFile>>,
}

impl Settings {
    /// The file that was named, or else the nearest one above `start`.
    pub(super) fn load(named: Option<&Path>, start: &Path) -> Result<Self, Failure> {
        match named.map(Path::to_path_buf).or_else(|| config::find(&folder(start))) {
            Some(path) => {
                let (loaded, file) = read(&path)?;
                Ok(Settings { loaded, file: Some(file) })
            }
            None => Ok(Settings { loaded: Loaded::none(PathBuf::new()), file: None }),
        }
    }

    /// The release of a server that the file names.
    pub(super) fn release(&self, server: &dyn Server) -> Option<Release> {
        let named = self.loaded.config.target.iter().find(|(name, _)| name.as_ref() == server.name());
        named.and_then(|(_, release)| release.as_ref().parse().ok())
    }

    /// Adds what the file says about the server's machine and the command line does not.
    pub(super) fn complete(&self, settings: &mut source::Settings) {
        let place = |path: &Option<PathBuf>| path.as_ref().map(|path| self.loaded.place(path));
        settings.prefix = settings.prefix.take().or_else(|| place(&self.loaded.config.prefix));
        settings.root = settings.root.take().or_else(|| place(&self.loaded.config.root));
        for (name, value) in &self.loaded.config.define {
            settings.defines.entry(name.clone()).or_insert_with(|| Some(value.clone()));
        }
    }

    /// The servers that the file names for some paths.
    pub(super) fn servers(&self) -> Vec<(GlobSet, &'static dyn Server)> {
        let named = |over: &config::Override| {
            let name = over.server.as_ref()?;
            let server = SERVERS.iter().find(|server| server.name() == name.as_ref())?;
            Some((config::globs(&over.paths), *server))
        };
        self.loaded.config.overrides.iter().filter_map(named).collect()
    }
}

/// The folder that a path names or lies in.
fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        _ if path.is_dir() => path.to_path_buf(),
        Some(folder) if folder.is_dir() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Reads a file of settings.
pub(super) fn read(path: &Path) -> Result<(Loaded, Arc<SourceFile>), Failure> {
    let what = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|source| Failure::Read { what: what.clone(), source })?;
    let place = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let name = shown(path);
    let file = Arc::new(SourceFile::new(FileId(0), name, place, bytes));
    let loaded = config::parse(&file).map_err(|mistakes| Failure::Settings { file: Arc::clone(&file), mistakes })?;
    // The file lies with the configs under lint, whose author may be anybody: it must not open other folders to includes.
    for path in [&loaded.config.prefix, &loaded.config.root].into_iter().flatten() {
        if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            let why = "it lies outside of the folder of the settings; name it on the command line".to_owned();
            return Err(Failure::Misuse { what: path.display().to_string(), why });
        }
    }
    Ok((loaded, file))
}

/// A path as reports show it: from the current folder on.
pub(super) fn shown(path: &Path) -> String {
    let below = std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok().map(Path::to_path_buf));
    below.unwrap_or_else(|| path.to_path_buf()).display().to_string()
}
