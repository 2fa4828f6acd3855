//! `proxylint check`: the findings of configs.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::options::{Common, Machinery};
use super::{Failure, Status};
use crate::finding::Severity;
use crate::lint::{Input, Linted, Loaded};
use crate::report::{self, Summary};
use crate::server::Task;

#[derive(Args)]
pub(super) struct CheckOptions {
    /// Files, folders, globs, or `-` for standard input.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Report `info` findings too.
    #[arg(long)]
    pedantic: bool,
    /// The severity from which on findings make the exit status 1.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t)]
    fail_on: FailOn,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    #[default]
    Warning,
    Info,
    Never,
}

impl FailOn {
    fn meets(self, summary: &Summary) -> bool {
        match self {
            FailOn::Error => summary.error > 0,
            FailOn::Warning => summary.error + summary.warning > 0,
            FailOn::Info => summary.error + summary.warning + summary.info > 0,
            FailOn::Never => false,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Json,
}

pub(super) fn run(options: &CheckOptions, out: &mut dyn Write) -> Result<Status, Failure> {
    let machinery = Machinery::new(&options.common)?;
    let mut configs = Vec::new();
    for path in &options.paths {
        let input = Input::file(path);
        let server = machinery.server(&options.common, &input)?;
        let task = Task { target: options.common.release(server), methods: Vec::new() };
        let loaded = Loaded::read(machinery.machine(), server, &[input], &task)?;
        configs.push(Linted::new(loaded));
    }
    let summary = Summary::of(&configs);
    if !options.pedantic {
        for config in &mut configs {
            config.reports.retain(|report| report.finding.severity > Severity::Info);
        }
    }
    match options.format {
        Format::Json => report::json::check(&configs, &summary, out)?,
    }
    let status = match () {
        () if configs.is_empty() => Status::Nothing,
        () if options.fail_on.meets(&summary) => Status::Found,
        () => Status::Clean,
    };
    Ok(status)
}
