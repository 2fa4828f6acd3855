//! `--fix` and `--diff`.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};
use std::path::PathBuf;

use similar::TextDiff;

use super::pass::Pass;
use super::{Failure, FixLevel, Status, base, status, tell, write_all};
use crate::collect::Problem;
use crate::finding::{Finding, Fix, Safety, Severity, Witness};
use crate::fix;
use crate::http::Answer;
use crate::lint::{Linted, Report};
use crate::report::{Run, Summary, plural};
use crate::source::{Disk, FileId, FileSystem, Overlay};
use crate::trace;

/// Fixes may uncover others; after so many rounds the rest has to wait.
const MAX_ROUNDS: usize = 10;

/// The files that change.
#[derive(Clone, Default)]
struct Changes {
    files: BTreeMap<PathBuf, Changed>,
    overlay: Overlay,
}

#[derive(Clone)]
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
    let (configs, unread) = pass.lint(&Disk);
    let (mut changes, mut configs, fixed) = fixed(pass, configs, safety);
    pass.progress.end();
    changes.files.retain(|_, file| file.old != file.new);
    if pass.options.diff {
        diff(&changes, out)?;
    } else {
        for (path, file) in &changes.files {
            std::fs::write(path, &file.new).map_err(|source| Failure::Create { what: file.name.clone(), source })?;
        }
    }
    let done = if pass.options.diff { "would fix" } else { "fixed" };
    writeln!(io::stderr(), "{done} {} in {}", plural(fixed, "finding"), plural(changes.files.len(), "file"))?;
    forget_failed(pass, &mut configs, safety);
    let summary = Summary::of(&configs);
    pass.goal.hold_back(&mut configs);
    let run = Run { configs: &configs, summary, here: pass.machinery.here(), base: &base(pass.machinery) };
    if !pass.options.diff {
        write_all(pass.options, &run, out)?;
    }
    tell(problems)?;
    tell(&unread)?;
    let failed = unread.iter().any(Problem::is_failure);
    Ok(if failed { Status::Failed } else { status(problems, &configs, &run.summary, pass.goal.fail_on) })
}

/// What could have been fixed and is still there has no fix that holds.
fn forget_failed(pass: &Pass<'_>, configs: &mut [Linted], safety: Safety) {
    for Report { finding, .. } in configs.iter_mut().flat_map(|config| &mut config.reports) {
        let tried = |fix: &mut Fix| is_told(pass, finding.severity) && (fix.safety == Safety::Safe || safety == Safety::Unsafe);
        _ = finding.fix.take_if(tried);
    }
}

/// Only what is told is changed.
fn is_told(pass: &Pass<'_>, severity: Severity) -> bool {
    pass.goal.pedantic || severity > Severity::Info
}

/// Applies fixes and holds them against the interpreter: a request that showed what was wrong must fare otherwise in the end.
/// Fixes that do not bring that about are left out, and the rest is done anew.
fn fixed(pass: &Pass<'_>, mut configs: Vec<Linted>, safety: Safety) -> (Changes, Vec<Linted>, usize) {
    let mut failed = HashSet::new();
    for _ in 0..MAX_ROUNDS {
        let (changes, then, promises) = rounds(pass, configs, safety, &mut failed);
        let broken = promises.iter().filter(|promise| promise.is_broken(&then)).map(|promise| promise.key.clone());
        let broken: Vec<Key> = broken.collect();
        let before = failed.len();
        failed.extend(broken);
        if failed.len() == before {
            return (changes, then, promises.len());
        }
        configs = pass.lint(&Disk).0;
    }
    // What does not settle is left alone.
    (Changes::default(), configs, 0)
}

/// Applies fixes round by round. A fix after which its finding is still there, or the server would refuse the config, is not
/// made.
fn rounds(
    pass: &Pass<'_>,
    mut configs: Vec<Linted>,
    safety: Safety,
    failed: &mut HashSet<Key>,
) -> (Changes, Vec<Linted>, Vec<Promise>) {
    let (mut changes, mut promises) = (Changes::default(), Vec::new());
    for _ in 0..MAX_ROUNDS {
        let mut next = changes.clone();
        let taken = take(pass, &configs, safety, failed, &mut next);
        if taken.is_empty() {
            break;
        }
        let (then, _) = pass.lint(&next.overlay);
        let left: HashSet<Mark> = then.iter().flat_map(marks).collect();
        let all = refused(&then) > refused(&configs);
        let useless = taken.iter().filter(|promise| all || left.contains(&promise.mark));
        let useless: Vec<Key> = useless.map(|promise| promise.key.clone()).collect();
        if useless.is_empty() {
            promises.extend(taken);
            (changes, configs) = (next, then);
        }
        failed.extend(useless);
    }
    (changes, configs, promises)
}

/// A finding that is fixed, and the request that showed it.
struct Promise {
    /// The index of its config.
    config: usize,
    key: Key,
    /// The finding as it would be if the fix were for nothing.
    mark: Mark,
    witness: Option<Box<Witness>>,
}

impl Promise {
    fn new(index: usize, config: &Linted, report: &Report, start: u32) -> Self {
        let mark = mark(config, &report.finding, start);
        Promise { config: index, key: key(config, report), mark, witness: report.finding.witness.clone() }
    }

    /// Whether the request still gets the answer that was wrong.
    fn is_broken(&self, configs: &[Linted]) -> bool {
        let site = configs.get(self.config).and_then(|config| config.site.as_ref());
        let (Some(site), Some(witness)) = (site, &self.witness) else { return false };
        let traced = trace::one(site.as_ref(), &witness.request, None);
        traced.outcomes.iter().any(|outcome| is_alike(&outcome.verdict.answer, &witness.predicted))
    }
}

/// Whether a client sees no difference but for headers.
fn is_alike(one: &Answer, other: &Answer) -> bool {
    match (one.status(), other.status()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// What tells a finding from others as long as its statement stays.
type Key = (PathBuf, u64);

fn key(config: &Linted, report: &Report) -> Key {
    (path(config, &report.finding), report.fingerprint)
}

fn path(config: &Linted, finding: &Finding) -> PathBuf {
    config.sources.get(finding.span.file).map_or(PathBuf::new(), |file| file.path.clone())
}

/// What tells a finding from others in one state of the files: the file and the byte, the rule and the message.
type Mark = (PathBuf, u32, &'static str, String);

fn mark(config: &Linted, finding: &Finding, start: u32) -> Mark {
    (path(config, finding), start, finding.rule, finding.message.clone())
}

fn marks(config: &Linted) -> impl Iterator<Item = Mark> {
    config.findings().map(|finding| mark(config, finding, finding.span.start))
}

/// How many times the servers would refuse the configs.
fn refused(configs: &[Linted]) -> usize {
    configs.iter().flat_map(Linted::findings).filter(|finding| finding.invalid).count()
}

/// Puts the fixed files into the overlay and tells which findings that fixes.
fn take(pass: &Pass<'_>, configs: &[Linted], safety: Safety, failed: &HashSet<Key>, changes: &mut Changes) -> Vec<Promise> {
    let mut taken = Vec::new();
    for (index, config) in configs.iter().enumerate() {
        let may = |report: &Report, fix: &Fix| {
            let told = is_told(pass, report.finding.severity);
            told && fix.edits.iter().all(|edit| is_own(config, edit.span.file)) && !failed.contains(&key(config, report))
        };
        let plan = fix::plan(config, safety, may);
        let promise = |report: &&Report| Promise::new(index, config, report, plan.start_of(report.finding.span));
        taken.extend(plan.taken.iter().map(promise));
        for fixed in plan.files {
            let file = fixed.file;
            let old = || Changed { name: file.name.clone(), old: file.bytes().to_vec(), new: Vec::new() };
            changes.overlay.insert(file.path.clone(), fixed.content.clone());
            changes.files.entry(file.path.clone()).or_insert_with(old).new = fixed.content;
        }
    }
    taken
}

/// Whether a file lies in a folder of the config, and not behind a link or where only reading was allowed.
fn is_own(config: &Linted, file: FileId) -> bool {
    let place = config.sources.get(file).and_then(|file| Disk.resolve(&file.path).ok());
    place.is_some_and(|place| config.homes.iter().any(|home| place.starts_with(home)))
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
