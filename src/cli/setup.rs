//! `proxylint init`, `config`, `completions` and `man`: what surrounds the use of the tool.

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

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

/// One page for the whole program: its commands are sections, as they have no pages of their own.
pub(super) fn man(out: &mut dyn Write) -> Result<Status, Failure> {
    let mut cli = Cli::command();
    cli.build();
    let page = Man::new(cli.clone());
    page.render_title(out)?;
    page.render_name_section(out)?;
    writeln!(out, ".SH SYNOPSIS\n\\fBproxylint\\fR [\\fIOPTIONS\\fR] [\\fIPATH\\fR]...\n.br")?;
    writeln!(out, "\\fBproxylint\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]...")?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    // What happens without a command is told already.
    for command in
        cli.get_subcommands().filter(|command| !command.is_hide_set() && !matches!(command.get_name(), "help" | "check"))
    {
        section(command, out)?;
    }
    out.write_all(STATUSES.as_bytes())?;
    page.render_version_section(out)?;
    Ok(Status::Clean)
}

/// What ends a run, in roff.
const STATUSES: &str = ".SH EXIT STATUS
.TP
0
no finding at or above \\-\\-fail\\-on
.TP
1
findings at or above it
.TP
2
wrong usage, or something that cannot be read
.TP
3
nothing to lint
";

fn section(command: &Command, out: &mut dyn Write) -> io::Result<()> {
    let mut text = Vec::new();
    let page = Man::new(command.clone());
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    writeln!(out, ".SH PROXYLINT {}", command.get_name().to_uppercase())?;
    // The parts of a command's page become parts of its section.
    out.write_all(String::from_utf8_lossy(&text).replace(".SH ", ".SS ").as_bytes())
}
