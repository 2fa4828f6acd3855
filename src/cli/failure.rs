//! Why a run could not do what it was asked to.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::Mistake;
use crate::contract::NotOpenApi;
use crate::report::human::{self, Terminal};
use crate::source::{LoadError, SourceFile};

/// What ends a run with status 2, and what to type next.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Usage(clap::Error),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("cannot tell which server {} is for", .0.display())]
    UnknownServer(PathBuf),
    #[error("{what} is not a request: {source}")]
    Request { what: String, source: serde_json::Error },
    #[error("`{0}` is not a URL")]
    Url(String),
    #[error("{what}: {why}")]
    Misuse { what: String, why: String },
    #[error("there is no request to trace")]
    NoRequest,
    #[error("cannot read {what}: {source}")]
    Read { what: String, source: io::Error },
    #[error("cannot write {what}: {source}")]
    Create { what: String, source: io::Error },
    #[error("{what} is not a baseline: {source}")]
    Baseline { what: String, source: serde_json::Error },
    #[error("{what} is not an OpenAPI description: {source}")]
    OpenApi { what: String, source: NotOpenApi },
    #[error("the settings in {} cannot be used", file.name)]
    Settings { file: Arc<SourceFile>, mistakes: Vec<Mistake> },
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

impl Failure {
    /// Whether the reader of the output went away.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Failure::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Says what is wrong and what to do.
    ///
    /// # Errors
    /// Where `to` cannot be written.
    pub fn print(&self, to: &mut dyn Write) -> io::Result<()> {
        if let Failure::Usage(error) = self {
            return error.print();
        }
        writeln!(to, "error: {self}")?;
        if let Failure::Settings { file, mistakes } = self {
            return human::mistakes(file, mistakes, Terminal::PLAIN, to);
        }
        match self.help() {
            Some(help) => writeln!(to, "  help: {help}"),
            None => Ok(()),
        }
    }

    fn help(&self) -> Option<&'static str> {
        Some(match self {
            Failure::Load(LoadError::Io { source, .. }) => match source.kind() {
                io::ErrorKind::NotFound => "check the spelling; paths are relative to the current folder",
                io::ErrorKind::PermissionDenied => "the file is not readable for this user; copy it or run as its owner",
                io::ErrorKind::IsADirectory => "name a file of it",
                _ => return None,
            },
            Failure::UnknownServer(_) => "say it with `--server nginx`, `--server apache` or `--server haproxy`",
            Failure::Request { .. } => {
                "each line is a JSON object such as {\"method\": \"PATCH\", \"host\": \"a.example\", \"target\": \"/\"}"
            }
            Failure::Url(_) => "write it as http://host:port/path",
            Failure::Baseline { .. } => "write it anew with `--update-baseline`",
            Failure::OpenApi { .. } => "name a description of OpenAPI 3.0 or later, in YAML or JSON",
            Failure::NoRequest => "add a URL such as http://localhost/path, or `--requests FILE`",
            _ => return None,
        })
    }
}
