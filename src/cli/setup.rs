//! `proxylint init`, `config`, `completions` and `man`: what surrounds the use of the tool.

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Failure, Status};
use crate::config;

#[derive(Args)]
pub(super) struct InitOptions {
    /// The folder that gets the settings.
    #[arg(default_value = ".")]
    folder: PathBuf,
}

#[derive(Args)]
pub(super) struct ConfigOptions {
    /// A file or folder of the project.
    #[arg(default_value = ".")]
    path: PathBuf,
}

#[derive(Args)]
pub(super) struct CompletionsOptions {
    shell: Shell,
}

/// Settings that say what holds without them.
const TEMPLATE: &str = include_str!("setup/proxylint.toml");

pub(super) fn init(options: &InitOptions, out: &mut dyn Write) -> Result<Status, Failure> {
    let path = options.folder.join(config::NAME);
    let what = path.display().to_string();
    let file = std::fs::File::create_new(&path).and_then(|mut file| file.write_all(TEMPLATE.as_bytes()));
    match file {
        Ok(()) => writeln!(out, "wrote {what}")?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Failure::Misuse { what, why: "the file is there already".to_owned() });
        }
        Err(source) => return Err(Failure::Create { what, source }),
    }
    Ok(Status::Clean)
}

/// Tells which settings hold for a path.
pub(super) fn config(options: &ConfigOptions, out: &mut dyn Write) -> Result<Status, Failure> {
    let folder = if options.path.is_dir() { options.path.as_path() } else { options.path.parent().unwrap_or(Path::new(".")) };
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    match config::find(folder) {
        Some(path) => {
            super::settings::read(&path)?;
            let text = std::fs::read_to_string(&path).map_err(|source| read_failure(&path, source))?;
            writeln!(out, "# {}\n{}", path.display(), text.trim_end())?;
        }
        None => writeln!(out, "# no {} here or above: these are the defaults\n{}", config::NAME, TEMPLATE.trim_end())?,
    }
    Ok(Status::Clean)
}

fn read_failure(path: &Path, source: io::Error) -> Failure {
    Failure::Read { what: path.display().to_string(), source }
}

pub(super) fn completions(options: &CompletionsOptions, out: &mut dyn Write) -> Result<Status, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "proxylint", &mut script);
    out.write_all(&script)?;
    Ok(Status::Clean)
}

pub(super) fn man(out: &mut dyn Write) -> Result<Status, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    out.write_all(&page)?;
    Ok(Status::Clean)
}
