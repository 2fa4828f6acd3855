//! Reads and lints all configs of a run.

use std::collections::HashSet;
use std::path::PathBuf;

use rayon::prelude::*;

use super::goal::Goal;
use super::{CheckOptions, Progress};
use crate::cli::options::Machinery;
use crate::collect::{Problem, Root};
use crate::contract::{self, Held};
use crate::lint::{Linted, Loaded, Machine, Report};
use crate::source::{FileSystem, LoadError};

pub(in crate::cli) struct Pass<'a> {
    pub(in crate::cli) options: &'a CheckOptions,
    pub(in crate::cli) goal: &'a Goal,
    pub(in crate::cli) machinery: &'a Machinery,
    pub(in crate::cli) roots: &'a [Root],
    pub(in crate::cli) progress: &'a Progress,
}

impl Pass<'_> {
    /// The findings of each config, in the order of the roots, and what could not be read.
    pub(super) fn lint(&self, files: &dyn FileSystem) -> (Vec<Linted>, Vec<Problem>) {
        let (configs, problems) = self.load(files);
        self.progress.expect(configs.len());
        let mut held = self.map(configs.iter().collect(), |loaded| self.goal.contract.hold(loaded));
        contract::settle(&mut held);
        let mut linted = self.map(configs.into_iter().zip(held).collect(), |(loaded, held)| {
            let linted = self.findings(loaded, &held);
            self.progress.step();
            linted
        });
        without_repeats(&mut linted);
        (linted, problems)
    }

    fn findings(&self, loaded: Loaded, held: &Held<'_>) -> Linted {
        Linted::new(loaded, &self.goal.policy, &self.goal.contract, held)
    }

    /// The findings of one config alone.
    pub(in crate::cli) fn findings_of(&self, loaded: Loaded) -> Linted {
        let held = self.goal.contract.hold(&loaded);
        self.findings(loaded, &held)
    }

    /// The configs that no other one includes, and what could not be read.
    pub(in crate::cli) fn load(&self, files: &dyn FileSystem) -> (Vec<Loaded>, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut configs = Vec::new();
        for loaded in self.map(self.roots.iter().collect(), |root| self.read(root, files)) {
            match loaded {
                Ok(loaded) => configs.push(loaded),
                Err(LoadError::Io { path, source }) => problems.push(Problem::Unreadable { path, source }),
                Err(LoadError::TooLarge { path, size }) => problems.push(Problem::TooLarge { path, size }),
            }
        }
        (without_pieces(configs, files), problems)
    }

    /// Several configs are worth several threads; one is faster without.
    fn map<T: Send, U: Send>(&self, items: Vec<T>, of: impl Fn(T) -> U + Send + Sync) -> Vec<U> {
        if items.len() < 2 { items.into_iter().map(of).collect() } else { items.into_par_iter().map(of).collect() }
    }

    fn read(&self, root: &Root, files: &dyn FileSystem) -> Result<Loaded, LoadError> {
        let machine = Machine { files, ..self.machinery.machine() };
        let task = self.machinery.task(&self.options.common, root.server, self.goal.contract.methods());
        Loaded::read(machine, root.server, std::slice::from_ref(&root.input), &task)
    }
}

/// A file that another one includes is linted once, in its context.
fn without_pieces(configs: Vec<Loaded>, files: &dyn FileSystem) -> Vec<Loaded> {
    if configs.len() < 2 {
        return configs;
    }
    let place = |path: &PathBuf| files.resolve(path).unwrap_or_else(|_| path.clone());
    let mains: Vec<_> = configs.iter().map(|config| config.sources.iter().next().map(|file| place(&file.path))).collect();
    let known: HashSet<_> = mains.iter().flatten().collect();
    let mut included = HashSet::new();
    for (config, main) in configs.iter().zip(&mains) {
        // Where two files include each other, the first one stands for both.
        if main.as_ref().is_some_and(|main| included.contains(&(config.server.name(), main.clone()))) {
            continue;
        }
        let pieces = config.sources.iter().skip(1).map(|file| place(&file.path)).filter(|path| known.contains(path));
        included.extend(pieces.map(|path| (config.server.name(), path)));
    }
    let is_piece = |config: &Loaded, main: &Option<PathBuf>| {
        main.as_ref().is_some_and(|main| included.contains(&(config.server.name(), main.clone())))
    };
    let keep: Vec<_> = configs.iter().zip(&mains).map(|(config, main)| !is_piece(config, main)).collect();
    configs.into_iter().zip(keep).filter_map(|(config, keep)| keep.then_some(config)).collect()
}

/// A file that several configs include is told of once, unless what happens there differs.
fn without_repeats(configs: &mut [Linted]) {
    if configs.len() < 2 {
        return;
    }
    let mut seen = HashSet::new();
    for Linted { sources, reports, .. } in configs {
        reports.retain(|Report { finding, .. }| {
            let path = sources.get(finding.span.file).map(|file| file.path.clone());
            seen.insert((path, finding.span.start, finding.span.end, finding.rule, finding.message.clone()))
        });
    }
}
