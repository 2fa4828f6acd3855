//! The command line: what may be said, and who does it.

mod check;
mod explain;
mod failure;
#[cfg(feature = "lsp")]
mod lsp;
mod matrix;
mod options;
mod settings;
mod setup;
mod trace;

pub use explain::page as rules_page;
pub use failure::Failure;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use check::CheckOptions;
use explain::ExplainOptions;
use matrix::MatrixOptions;
use options::Common;
use setup::{CompletionsOptions, ConfigOptions, InitOptions};
use trace::TraceOptions;

/// Finds the directives that make a proxy refuse or rewrite HTTP methods.
#[derive(Parser)]
#[command(name = "proxylint", version, args_conflicts_with_subcommands = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    check: CheckOptions,
}

#[derive(Subcommand)]
enum Command {
    /// Lint files, folders, globs or standard input (what happens without a command, too).
    Check(CheckOptions),
    /// Tell what happens to a request, and which directives decide it.
    Trace(TraceOptions),
    /// Show what every method gets on every route.
    Matrix(MatrixOptions),
    /// Print the manual of a rule, or tell 501 from 405.
    Explain(ExplainOptions),
    /// Write a proxylint.toml with the defaults.
    Init(InitOptions),
    /// Show the settings that hold for a path.
    Config(ConfigOptions),
    /// Print a completion script.
    Completions(CompletionsOptions),
    /// Serve editors by the Language Server Protocol, on standard input and output.
    #[cfg(feature = "lsp")]
    Lsp(lsp::LspOptions),
    /// Print the man page.
    #[command(hide = true)]
    Man,
}

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// No finding at or above `--fail-on`.
    Clean = 0,
    /// A finding at or above it.
    Found = 1,
    /// Wrong usage, unreadable input, or a mistake of ours.
    Failed = 2,
    /// Nothing to lint.
    Nothing = 3,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status as u8)
    }
}

/// Does what the arguments say and writes the result to `out`.
///
/// # Errors
/// Where the arguments make no sense, or what they name cannot be read.
pub fn run(arguments: impl IntoIterator<Item = OsString>, out: &mut dyn Write) -> Result<Status, Failure> {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => return Err(Failure::Usage(error)),
        Err(help) => {
            match Common::default().is_colored() {
                true => write!(out, "{}", help.render().ansi())?,
                false => write!(out, "{}", help.render())?,
            }
            return Ok(Status::Clean);
        }
    };
    match cli.command.unwrap_or(Command::Check(cli.check)) {
        Command::Check(options) => check::run(&options, out),
        Command::Trace(options) => trace::run(&options, out),
        Command::Matrix(options) => matrix::run(&options, out),
        Command::Explain(options) => explain::run(&options, out),
        Command::Init(options) => setup::init(&options, out),
        Command::Config(options) => setup::config(&options, out),
        Command::Completions(options) => setup::completions(&options, out),
        #[cfg(feature = "lsp")]
        Command::Lsp(options) => lsp::run(&options),
        Command::Man => setup::man(out),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_sound() {
        super::Cli::command().debug_assert();
    }
}
