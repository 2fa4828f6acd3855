//! Where a document belongs: a file that another one includes is linted in the context of that one.

use std::path::{Path, PathBuf};

use super::LspOptions;
use super::documents::{Document, Documents};
use crate::cli::Failure;
use crate::cli::check::{CheckOptions, Goal, Pass, Progress};
use crate::cli::options::Machinery;
use crate::collect::{self, Filter, Root};
use crate::lint::{Input, Linted, Loaded};
use crate::server::Server;
use crate::source::FileSystem;

/// How many folders above a document are looked at where the editor names no folder to stay in.
const MAX_ABOVE: usize = 2;

/// How many files are looked at for one that includes a document.
const MAX_NEIGHBOURS: usize = 1000;

/// The check of a path, as the command line makes it.
pub(super) struct Check {
    options: CheckOptions,
    goal: Goal,
    machinery: Machinery,
    progress: Progress,
}

impl Check {
    pub(super) fn new(path: &Path, options: &LspOptions) -> Result<Check, Failure> {
        let options = CheckOptions::of_path(path.to_path_buf(), &options.common, options.pedantic);
        let goal = Goal::new(&options)?;
        let machinery = Machinery::new(options.common(), &goal.settings)?;
        Ok(Check { options, goal, machinery, progress: Progress::default() })
    }

    fn pass<'a>(&'a self, roots: &'a [Root]) -> Pass<'a> {
        Pass { options: &self.options, goal: &self.goal, machinery: &self.machinery, roots, progress: &self.progress }
    }

    /// The findings of a config; none where it cannot be read.
    pub(super) fn lint(&self, root: &Root, documents: &Documents) -> Option<Linted> {
        let pass = self.pass(std::slice::from_ref(root));
        let loaded = pass.load(&documents.files).0.pop()?;
        let mut linted = pass.findings_of(loaded);
        self.goal.hold_back(std::slice::from_mut(&mut linted));
        Some(linted)
    }

    /// The configs that a document is part of; none where it is no config.
    pub(super) fn roots(&self, document: &Document, documents: &Documents, workspace: Option<&Path>) -> Vec<Root> {
        let filter = self.options.filter(&self.goal);
        let Some(server) = server(document, &filter) else { return Vec::new() };
        let mut roots = vec![Root { server, input: Input::file(&document.path) }];
        for path in neighbours(&document.path, documents, workspace) {
            if collect::recognise(&path, &filter).is_some_and(|other| other.name() == server.name()) {
                roots.push(Root { server, input: Input::file(path) });
            }
        }
        let holds = |config: &Loaded| {
            let place = |path: &PathBuf| documents.files.resolve(path).unwrap_or_else(|_| path.clone());
            config.sources.iter().any(|file| place(&file.path) == document.path)
        };
        let (configs, _) = self.pass(&roots).load(&documents.files);
        let wholes = configs.iter().filter(|config| holds(config)).filter_map(|config| config.sources.iter().next());
        wholes.map(|file| Root { server, input: Input::file(&file.path) }).collect()
    }
}

/// What the editor says, or else the text as in a folder: an editor shows us whatever ends in `.conf`.
fn server(document: &Document, filter: &Filter) -> Option<&'static dyn Server> {
    let filter = Filter { server: filter.server.or(document.server), ..filter.clone() };
    collect::server_of(&document.path, document.text.as_bytes(), filter.server.is_some(), &filter)
}

/// Files that may include a document: those in the folders above it, up to the folder that the editor works in.
fn neighbours(path: &Path, documents: &Documents, workspace: Option<&Path>) -> Vec<PathBuf> {
    let workspace = workspace.and_then(|folder| folder.canonicalize().ok()).filter(|folder| path.starts_with(folder));
    let folders = path.ancestors().skip(1).enumerate().take_while(|(above, folder)| match &workspace {
        Some(workspace) => folder.starts_with(workspace),
        None => *above < MAX_ABOVE,
    });
    let entries = folders.flat_map(|(_, folder)| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
        files.sort();
        files
    });
    let open = documents.iter().map(|document| document.path.clone());
    open.chain(entries).filter(|other| other != path).take(MAX_NEIGHBOURS).collect()
}
