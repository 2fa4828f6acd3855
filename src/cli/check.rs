//! `proxylint check`: the findings of configs.

mod fixing;
mod goal;
mod pass;
mod progress;

pub(super) use goal::Goal;
pub(super) use pass::Pass;
pub(super) use progress::Progress;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::options::{Common, Machinery};
use super::{Failure, Status};
use crate::baseline::Baseline;
use crate::collect::{Collected, Filter, Problem, collect};
use crate::config::{FailOn, Level};
use crate::finding::Safety;
use crate::lint::Linted;
use crate::report::{self, Format, Run, Summary};
use crate::rules;
#[derive(Args, Default)]
pub(super) struct CheckOptions {
    /// Files, folders, globs, or `-` for standard input [default: the current folder].
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Report `info` findings too.
    #[arg(long)]
    pedantic: bool,
    /// The severity from which on findings make the exit status 1 [default: warning].
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
    /// Report these rules only.
    #[arg(long, value_name = "RULES", value_delimiter = ',', value_parser = rule)]
    select: Vec<String>,
    /// Do not report these rules.
    #[arg(long, value_name = "RULES", value_delimiter = ',', value_parser = rule)]
    ignore: Vec<String>,
    /// The severity of a rule: off, info, warning or error.
    #[arg(long, value_name = "RULE=SEVERITY", value_delimiter = ',', value_parser = severity)]
    severity: Vec<(String, Level)>,
    /// Leave out findings that this file knows.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write the findings of this run into the baseline.
    #[arg(long, requires = "baseline")]
    update_baseline: bool,
    /// An OpenAPI file whose operations must work.
    #[arg(long, value_name = "FILE")]
    openapi: Vec<PathBuf>,
    /// The name of what comes from standard input.
    #[arg(long, value_name = "NAME")]
    stdin_filename: Option<PathBuf>,
    /// Leave out excluded and unknown files even where they are named.
    #[arg(long)]
    force_exclude: bool,
    /// Apply fixes: those that keep the meaning, or with `unsafe` those that change who may do what, too.
    #[arg(long, value_enum, value_name = "SAFETY", num_args = 0..=1, require_equals = true, default_missing_value = "safe")]
    fix: Option<FixLevel>,
    /// Show the fixes as a patch and write nothing.
    #[arg(long)]
    diff: bool,
    /// How findings are written [default: human; github in GitHub Actions].
    #[arg(long, value_enum, help_heading = "Output")]
    format: Option<Format>,
    /// Write the findings in a format to a file, too; may be repeated.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = output, help_heading = "Output")]
    output: Vec<(Format, PathBuf)>,
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FixLevel {
    Safe,
    Unsafe,
}

impl CheckOptions {
    /// The check of one path, as an editor wants it.
    #[cfg(feature = "lsp")]
    pub(super) fn of_path(path: PathBuf, common: &Common, pedantic: bool) -> Self {
        CheckOptions { paths: vec![path], common: common.clone(), pedantic, ..CheckOptions::default() }
    }

    #[cfg(feature = "lsp")]
    pub(super) fn common(&self) -> &Common {
        &self.common
    }

    pub(super) fn filter(&self, goal: &Goal) -> Filter {
        Filter {
            server: self.common.server.map(|name| name.0),
            servers: goal.settings.servers(),
            include: goal.settings.loaded.include(),
            exclude: goal.settings.loaded.exclude(),
            force: self.force_exclude,
            stdin_name: self.stdin_filename.clone(),
        }
    }
}

impl From<FixLevel> for Safety {
    fn from(level: FixLevel) -> Safety {
        match level {
            FixLevel::Safe => Safety::Safe,
            FixLevel::Unsafe => Safety::Unsafe,
        }
    }
}

fn rule(name: &str) -> Result<String, String> {
    match rules::find(name) {
        Some(rule) => Ok(rule.name.to_owned()),
        None => Err(format!("{}; {}", crate::config::unknown_rule(name), crate::config::rule_help(name))),
    }
}

fn severity(text: &str) -> Result<(String, Level), String> {
    let (name, level) = text.split_once('=').ok_or("write it as RULE=SEVERITY, such as method-denied=error")?;
    Ok((rule(name)?, level.parse()?))
}

fn output(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, file) = text.split_once('=').ok_or("write it as FORMAT=FILE, such as sarif=out.sarif")?;
    Ok((Format::from_str(format, false)?, file.into()))
}

pub(super) fn run(options: &CheckOptions, out: &mut dyn Write) -> Result<Status, Failure> {
    let goal = Goal::new(options)?;
    let machinery = Machinery::new(&options.common, &goal.settings)?;
    let here = PathBuf::from(".");
    let paths = if options.paths.is_empty() { std::slice::from_ref(&here) } else { &options.paths };
    let progress = Progress::start();
    let Collected { roots, left_out, mut problems } = collect(paths, &options.filter(&goal));
    let pass = Pass { options, goal: &goal, machinery: &machinery, roots: &roots, progress: &progress };
    if options.fix.is_some() || options.diff {
        return fixing::run(&pass, &problems, out);
    }
    let (mut configs, unread) = pass.lint(&crate::source::Disk);
    progress.end();
    problems.extend(unread);
    if let Some(path) = &options.baseline {
        baseline(path, options.update_baseline, &mut configs)?;
    }
    let summary = Summary::of(&configs);
    goal.hold_back(&mut configs);
    let run = Run { configs: &configs, summary, here: machinery.here(), base: &base(&machinery) };
    write_all(options, &run, out)?;
    tell(&problems)?;
    let status = match status(&problems, &configs, &run.summary, goal.fail_on) {
        // To leave out what was named is what such a caller asked for.
        Status::Nothing if left_out => Status::Clean,
        status => status,
    };
    // The process ends next, and the system takes its memory back at once.
    std::mem::forget(configs);
    Ok(status)
}

/// Where the paths start that CI servers read: at the root of what they checked out.
fn base(machinery: &Machinery) -> PathBuf {
    let told = ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let above = |folder: &PathBuf| folder.is_absolute() && machinery.here().starts_with(folder);
    told.into_iter().find(above).unwrap_or_else(|| machinery.here().to_path_buf())
}

fn baseline(path: &PathBuf, update: bool, configs: &mut [Linted]) -> Result<(), Failure> {
    let name = path.display().to_string();
    if update {
        let file = File::create(path).map_err(|source| Failure::Create { what: name.clone(), source })?;
        let mut file = BufWriter::new(file);
        Baseline::of(configs).write(&mut file)?;
        file.flush()?;
    }
    let text = std::fs::read_to_string(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => {
            let why = "there is no such baseline; `--update-baseline` writes it".to_owned();
            Failure::Misuse { what: name.clone(), why }
        }
        _ => Failure::Read { what: name.clone(), source },
    })?;
    let known = Baseline::parse(&text).map_err(|source| Failure::Baseline { what: name, source })?;
    known.apply(configs);
    Ok(())
}

fn write_all(options: &CheckOptions, run: &Run<'_>, out: &mut dyn Write) -> Result<(), Failure> {
    let in_actions = std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    let format = options.format.unwrap_or(if in_actions { Format::Github } else { Format::Human });
    report::write(format, run, options.common.terminal(), out)?;
    for (format, path) in &options.output {
        let what = path.display().to_string();
        let file = File::create(path).map_err(|source| Failure::Create { what: what.clone(), source })?;
        let mut file = BufWriter::new(file);
        let plain = report::human::Terminal::PLAIN;
        let written = report::write(*format, run, plain, &mut file).and_then(|()| file.flush());
        written.map_err(|source| Failure::Create { what, source })?;
    }
    Ok(())
}

fn tell(problems: &[Problem]) -> io::Result<()> {
    let mut to = io::stderr().lock();
    for problem in problems {
        let sign = if problem.is_failure() { "error" } else { "note" };
        writeln!(to, "{sign}: {problem}\n  help: {}", problem.help())?;
    }
    Ok(())
}

fn status(problems: &[Problem], configs: &[Linted], summary: &Summary, fail_on: FailOn) -> Status {
    let found = match fail_on {
        FailOn::Error => summary.error,
        FailOn::Warning => summary.error + summary.warning,
        FailOn::Info => summary.all(),
        FailOn::Never => 0,
    };
    match () {
        () if problems.iter().any(Problem::is_failure) => Status::Failed,
        () if configs.is_empty() => Status::Nothing,
        () if found > 0 => Status::Found,
        () => Status::Clean,
    }
}
