//! Options that several commands share.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anstream::{AutoStream, ColorChoice};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::Failure;
use super::settings::Settings;
use crate::collect;
use crate::lint::{Input, Machine};
use crate::report::human::Terminal;
use crate::server::{Release, SERVERS, Server, Task};
use crate::source::{self, Disk, FileSystem, Kind, LoadError};

/// What the config is for, and on which machine.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "What the config is for")]
pub(super) struct Common {
    /// The server that reads the config (default: told from name and content).
    #[arg(long, value_parser = server_names().try_map(|name| by_name(&name).ok_or("no such server")))]
    pub(super) server: Option<ServerName>,
    /// The server's release, such as nginx=1.22,haproxy=2.6 (default: a current one).
    #[arg(long, value_name = "SERVER=RELEASE", value_delimiter = ',', value_parser = target)]
    pub(super) target: Vec<(&'static str, Release)>,
    /// The folder where the server's own relative paths start (nginx's prefix, Apache's ServerRoot).
    #[arg(long, value_name = "DIR")]
    pub(super) prefix: Option<PathBuf>,
    /// A folder that stands for `/`, as in a container image or a checkout of /etc.
    #[arg(long, value_name = "DIR")]
    pub(super) root: Option<PathBuf>,
    /// A name that the config tests: Apache's -D, HAProxy's environment.
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = define)]
    pub(super) define: Vec<(String, Option<String>)>,
    /// A further folder that the config may include files from.
    #[arg(long, value_name = "DIR")]
    pub(super) allow_include: Vec<PathBuf>,
    /// The settings [default: the nearest proxylint.toml above the first path].
    #[arg(long = "config", value_name = "FILE")]
    pub(super) settings_file: Option<PathBuf>,
    /// When to colour the output.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, help_heading = "Output")]
    pub(super) color: Color,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// A server by its name on the command line.
#[derive(Clone, Copy)]
pub(super) struct ServerName(pub(super) &'static dyn Server);

impl Common {
    pub(super) fn settings(&self) -> source::Settings {
        source::Settings {
            prefix: self.prefix.clone(),
            root: self.root.clone(),
            defines: self.define.iter().cloned().collect::<BTreeMap<_, _>>(),
            allowed: self.allow_include.clone(),
            upstream_status: None,
        }
    }

    /// The release of a server that `--target` names.
    fn release(&self, server: &dyn Server) -> Option<Release> {
        self.target.iter().rev().find(|(name, _)| *name == server.name()).map(|(_, release)| *release)
    }

    pub(super) fn terminal(&self) -> Terminal {
        let colored = self.is_colored();
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).or(width);
        Terminal { width: width.unwrap_or(Terminal::PLAIN.width).clamp(40, 160), colored, links: colored && has_links() }
    }
}

/// Whether the terminal follows links (OSC 8); what knows of them says so in one of these ways.
fn has_links() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let program = std::env::var("TERM_PROGRAM").unwrap_or_default();
    let known = matches!(program.as_str(), "iTerm.app" | "WezTerm" | "vscode" | "ghostty" | "Hyper");
    io::stdout().is_terminal()
        && (known || set("VTE_VERSION") || set("WT_SESSION") || set("KITTY_WINDOW_ID") || set("KONSOLE_VERSION"))
}

fn server_names() -> PossibleValuesParser {
    PossibleValuesParser::new(SERVERS.iter().map(|server| server.name()))
}

fn by_name(name: &str) -> Option<ServerName> {
    SERVERS.iter().find(|server| server.name() == name).map(|server| ServerName(*server))
}

fn target(text: &str) -> Result<(&'static str, Release), String> {
    let (name, release) = text.split_once('=').ok_or("write it as SERVER=RELEASE, such as nginx=1.22")?;
    let server = by_name(name).ok_or_else(|| format!("no server is called `{name}`"))?;
    Ok((server.0.name(), release.parse::<Release>().map_err(|error| error.to_string())?))
}

fn define(text: &str) -> Result<(String, Option<String>), String> {
    match text.split_once('=') {
        Some(("", _)) => Err("the name is empty".to_owned()),
        Some((name, value)) => Ok((name.to_owned(), Some(value.to_owned()))),
        None => Ok((text.to_owned(), None)),
    }
}

impl Common {
    pub(super) fn is_colored(&self) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            // NO_COLOR, CLICOLOR_FORCE and whether the output is a terminal are all asked here.
            Color::Auto => AutoStream::choice(&io::stdout()) != ColorChoice::Never,
        }
    }
}

/// How the answer to a question about requests is written.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum Rendering {
    #[default]
    Human,
    Json,
}

/// The machine that the command works on: its disk, and what the user told about the server's.
pub(super) struct Machinery {
    pub(super) settings: source::Settings,
    here: PathBuf,
    releases: Vec<(&'static str, Release)>,
}

impl Machinery {
    pub(super) fn new(common: &Common, project: &Settings) -> Result<Self, Failure> {
        let here = std::env::current_dir().map_err(|source| Failure::Read { what: "the current folder".to_owned(), source })?;
        let mut settings = common.settings();
        project.complete(&mut settings);
        let release = |server: &&'static dyn Server| Some((server.name(), project.release(*server)?));
        Ok(Machinery { settings, here, releases: SERVERS.iter().filter_map(release).collect() })
    }

    pub(super) fn machine(&self) -> Machine<'_> {
        Machine { files: &Disk, settings: &self.settings, here: &self.here }
    }

    /// What to read a config for: the release as the command line says, or the project, or a current one.
    pub(super) fn task(&self, common: &Common, server: &dyn Server, methods: Vec<String>) -> Task {
        let of_project = || self.releases.iter().find(|(name, _)| *name == server.name()).map(|(_, release)| *release);
        Task::new(server, common.release(server).or_else(of_project), methods)
    }

    pub(super) fn here(&self) -> &Path {
        &self.here
    }

    /// The server that a config is for: the one that was named, or else the one that its name and text tell.
    pub(super) fn server(&self, common: &Common, input: &Input) -> Result<&'static dyn Server, Failure> {
        if let Some(named) = common.server {
            return Ok(named.0);
        }
        let text = Disk.read(&input.path).map_err(|source| LoadError::Io { path: input.path.clone(), source })?;
        let told = collect::detect(&input.path, &String::from_utf8_lossy(&text));
        told.ok_or_else(|| Failure::UnknownServer(input.path.clone()))
    }

    /// The disk as the server sees it, with `--root` as its `/`.
    pub(super) fn rooted(&self) -> Rooted {
        Rooted(self.settings.root.clone())
    }
}

/// The disk below a folder that stands for `/`.
pub(super) struct Rooted(Option<PathBuf>);

impl Rooted {
    fn place(&self, path: &Path) -> PathBuf {
        match &self.0 {
            Some(root) if !path.starts_with(root) => root.join(path.strip_prefix("/").unwrap_or(path)),
            _ => path.to_path_buf(),
        }
    }
}

impl FileSystem for Rooted {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Disk.read(&self.place(path))
    }

    fn kind(&self, path: &Path) -> Option<Kind> {
        Disk.kind(&self.place(path))
    }

    fn is_program(&self, path: &Path) -> bool {
        Disk.is_program(&self.place(path))
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Disk.resolve(&self.place(path))
    }

    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        Disk.glob(&self.place(Path::new(pattern)).to_string_lossy())
    }
}
