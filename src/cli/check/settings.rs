//! The settings of a run: the file, with the command line on top of it.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use globset::GlobSet;

use super::{CheckOptions, Failure};
use crate::config::{self, FailOn, Loaded, Policy};
use crate::contract::Contract;
use crate::server::{SERVERS, Server};
use crate::source;
use crate::source::{FileId, SourceFile};

pub(super) struct Settings {
    pub(super) loaded: Loaded,
    pub(super) policy: Policy,
    pub(super) contract: Contract,
    fail_on: FailOn,
    pedantic: bool,
}

impl Settings {
    pub(super) fn load(options: &CheckOptions) -> Result<Self, Failure> {
        let path = match &options.config {
            Some(path) => Some(path.clone()),
            None => config::find(&start(options)),
        };
        let mut contract = Contract::default();
        let loaded = match path {
            Some(path) => {
                let (loaded, file) = read(&path)?;
                contract.expect(&file.name, file.path.clone(), file.text(), &loaded.config.expect);
                loaded
            }
            None => Loaded::none(PathBuf::new()),
        };
        let stated = loaded.config.openapi.iter().map(|path| loaded.place(path.as_ref()));
        for path in stated.chain(options.openapi.iter().cloned()) {
            openapi(&path, &mut contract)?;
        }
        let policy = Policy::new(&loaded, &options.select, &options.ignore, &options.severity);
        let fail_on = options.fail_on.or(loaded.config.fail_on).unwrap_or_default();
        let pedantic = options.pedantic || loaded.config.pedantic.unwrap_or_default();
        Ok(Settings { loaded, policy, contract, fail_on, pedantic })
    }

    pub(super) fn fail_on(&self) -> FailOn {
        self.fail_on
    }

    pub(super) fn is_pedantic(&self) -> bool {
        self.pedantic
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

/// The folder from which the file of settings is looked for.
fn start(options: &CheckOptions) -> PathBuf {
    let first = options.paths.first().filter(|path| path.as_os_str() != "-").or(options.stdin_filename.as_ref());
    match first {
        Some(path) if path.is_dir() => path.clone(),
        Some(path) => match path.parent() {
            Some(folder) if folder.is_dir() => folder.to_path_buf(),
            _ => PathBuf::from("."),
        },
        None => PathBuf::from("."),
    }
}

/// Reads a file of settings.
pub(in crate::cli) fn read(path: &Path) -> Result<(Loaded, Arc<SourceFile>), Failure> {
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

fn openapi(path: &Path, contract: &mut Contract) -> Result<(), Failure> {
    let what = shown(path);
    let text = std::fs::read_to_string(path).map_err(|source| Failure::Read { what: what.clone(), source })?;
    contract.openapi(&what, path.to_path_buf(), &text).map_err(|source| Failure::OpenApi { what, source })
}

/// A path as reports show it: from the current folder on.
fn shown(path: &Path) -> String {
    let below = std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok().map(Path::to_path_buf));
    below.unwrap_or_else(|| path.to_path_buf()).display().to_string()
}
