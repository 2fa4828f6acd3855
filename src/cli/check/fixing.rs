//! `--fix` and `--diff`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use similar::TextDiff;

use super::pass::Pass;
use super::{Failure, FixLevel, Status, hold_back, status, tell, write_all};
use crate::collect::Problem;
use crate::finding::Safety;
use crate::fix;
use crate::lint::Linted;
use crate::report::{Run, Summary};
use crate::source::{Disk, FileSystem, Kind};

/// Fixes may uncover others; after so many rounds the rest has to wait.
const MAX_ROUNDS: usize = 10;

/// The disk, with some files as they will be.
#[derive(Default)]
struct Overlay {
    files: BTreeMap<PathBuf, Fixed>,
}

struct Fixed {
    name: String,
    old: Vec<u8>,
    new: Vec<u8>,
}

impl FileSystem for Overlay {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.files.get(path) {
            Some(fixed) => Ok(fixed.new.clone()),
            None => Disk.read(path),
        }
    }

    fn kind(&self, path: &Path) -> Option<Kind> {
        Disk.kind(path)
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Disk.resolve(path)
    }

    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        Disk.glob(pattern)
    }
}

pub(super) fn run(pass: &Pass<'_>, problems: &[Problem], out: &mut dyn Write) -> Result<Status, Failure> {
    if pass.roots.iter().any(|root| root.input.content.is_some()) {
        return Err(Failure::Misuse { what: "standard input".to_owned(), why: "only files can be fixed".to_owned() });
    }
    let safety = Safety::from(pass.options.fix.unwrap_or(FixLevel::Safe));
    let mut overlay = Overlay::default();
    let (mut configs, unread) = pass.lint(&overlay);
    let mut fixed = 0;
    for _ in 0..MAX_ROUNDS {
        let count = take(&configs, safety, &mut overlay);
        if count == 0 {
            break;
        }
        fixed += count;
        configs = pass.lint(&overlay).0;
    }
    overlay.files.retain(|_, file| file.old != file.new);
    if pass.options.diff {
        diff(&overlay, out)?;
    } else {
        for (path, file) in &overlay.files {
            std::fs::write(path, &file.new).map_err(|source| Failure::Create { what: file.name.clone(), source })?;
        }
        writeln!(io::stderr(), "fixed {fixed} in {} files", overlay.files.len())?;
    }
    let summary = Summary::of(&configs);
    hold_back(pass.goal, &mut configs);
    let run = Run { configs: &configs, summary, here: pass.machinery.here() };
    if !pass.options.diff {
        write_all(pass.options, &run, out)?;
    }
    tell(problems)?;
    tell(&unread)?;
    let failed = unread.iter().any(Problem::is_failure);
    Ok(if failed { Status::Failed } else { status(problems, &configs, &run.summary, pass.goal.fail_on) })
}

/// Puts the fixed files into the overlay and tells how many findings that fixes.
fn take(configs: &[Linted], safety: Safety, overlay: &mut Overlay) -> usize {
    let mut count = 0;
    for config in configs {
        for fixed in fix::plan(config, safety) {
            count += fixed.count;
            let file = fixed.file;
            let entry = overlay.files.entry(file.path.clone());
            let old = || Fixed { name: file.name.clone(), old: file.bytes().to_vec(), new: Vec::new() };
            entry.or_insert_with(old).new = fixed.content;
        }
    }
    count
}

fn diff(overlay: &Overlay, out: &mut dyn Write) -> io::Result<()> {
    for file in overlay.files.values() {
        let (old, new) = (String::from_utf8_lossy(&file.old), String::from_utf8_lossy(&file.new));
        let name = file.name.trim_start_matches("./");
        let patch =
            TextDiff::from_lines(&*old, &*new).unified_diff().header(&format!("a/{name}"), &format!("b/{name}")).to_string();
        out.write_all(patch.as_bytes())?;
    }
    Ok(())
}
