//! `--fix` and `--diff`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use similar::TextDiff;

use super::pass::Pass;
use super::{Failure, FixLevel, Status, status, tell, write_all};
use crate::collect::Problem;
use crate::finding::Safety;
use crate::fix;
use crate::lint::Linted;
use crate::report::{Run, Summary};
use crate::source::{Disk, Overlay};

/// Fixes may uncover others; after so many rounds the rest has to wait.
const MAX_ROUNDS: usize = 10;

/// The files that change.
#[derive(Default)]
struct Changes {
    files: BTreeMap<PathBuf, Changed>,
    overlay: Overlay,
}

struct Changed {
    name: String,
    old: Vec<u8>,
    new: Vec<u8>,
}

pub(super) fn run(pass: &Pass<'_>, problems: &[Problem], out: &mut dyn Write) -> Result<Status, Failure> {
    if pass.roots.iter().any(|root| root.input.content.is_some()) {
        return Err(Failure::Misuse { what: "standard input".to_owned(), why: "only files can be fixed".to_owned() });
    }
    let safety = Safety::from(pass.options.fix.unwrap_or(FixLevel::Safe));
    let mut changes = Changes::default();
    let (mut configs, unread) = pass.lint(&Disk);
    let mut fixed = 0;
    for _ in 0..MAX_ROUNDS {
        let count = take(&configs, safety, &mut changes);
        if count == 0 {
            break;
        }
        fixed += count;
        configs = pass.lint(&changes.overlay).0;
    }
    pass.progress.end();
    changes.files.retain(|_, file| file.old != file.new);
    if pass.options.diff {
        diff(&changes, out)?;
    } else {
        for (path, file) in &changes.files {
            std::fs::write(path, &file.new).map_err(|source| Failure::Create { what: file.name.clone(), source })?;
        }
        writeln!(io::stderr(), "fixed {fixed} in {} files", changes.files.len())?;
    }
    let summary = Summary::of(&configs);
    pass.goal.hold_back(&mut configs);
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
fn take(configs: &[Linted], safety: Safety, changes: &mut Changes) -> usize {
    let mut count = 0;
    for config in configs {
        for fixed in fix::plan(config, safety) {
            count += fixed.count;
            let file = fixed.file;
            let old = || Changed { name: file.name.clone(), old: file.bytes().to_vec(), new: Vec::new() };
            changes.overlay.insert(file.path.clone(), fixed.content.clone());
            changes.files.entry(file.path.clone()).or_insert_with(old).new = fixed.content;
        }
    }
    count
}

fn diff(changes: &Changes, out: &mut dyn Write) -> io::Result<()> {
    for file in changes.files.values() {
        let (old, new) = (String::from_utf8_lossy(&file.old), String::from_utf8_lossy(&file.new));
        let name = file.name.trim_start_matches("./");
        let patch =
            TextDiff::from_lines(&*old, &*new).unified_diff().header(&format!("a/{name}"), &format!("b/{name}")).to_string();
        out.write_all(patch.as_bytes())?;
    }
    Ok(())
}
