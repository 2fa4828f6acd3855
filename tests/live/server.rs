//! The real servers: how they are asked for their release, checked and started.

use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::Outcome;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Server {
    Nginx,
    Apache,
    Haproxy,
}

impl Server {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Server::Nginx => "nginx",
            Server::Apache => "apache",
            Server::Haproxy => "haproxy",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Server::Nginx => "nginx",
            Server::Apache => "apache2",
            Server::Haproxy => "haproxy",
        }
    }

    /// The installed release, such as 1.22.1.
    pub(crate) fn release(self) -> Outcome<String> {
        let output =
            Command::new(self.program()).arg("-v").output().map_err(|_| format!("{} is not installed", self.program()))?;
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let numbers =
            text.split([' ', '/', '-']).find(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit()));
        Ok(numbers.ok_or_else(|| format!("{} does not tell its release", self.program()))?.trim().to_owned())
    }

    /// Checks the config and ends.
    pub(crate) fn check(self, prefix: &Path, config: &Path) -> Command {
        let mut command = self.base(prefix, config);
        command.arg(if self == Server::Haproxy { "-c" } else { "-t" });
        command
    }

    /// Serves until it is ended, without leaving the foreground.
    pub(crate) fn start(self, prefix: &Path, config: &Path) -> Command {
        let mut command = self.base(prefix, config);
        match self {
            Server::Nginx => command.args(["-g", "daemon off;"]),
            Server::Apache => command.arg("-DFOREGROUND"),
            Server::Haproxy => command.arg("-db"),
        };
        command
    }

    fn base(self, prefix: &Path, config: &Path) -> Command {
        let mut command = Command::new(self.program());
        match self {
            Server::Nginx => command.arg("-p").arg(prefix).arg("-c").arg(config).args(["-e", "stderr"]),
            Server::Apache => command.arg("-d").arg(prefix).arg("-f").arg(config),
            Server::Haproxy => command.arg("-f").arg(config),
        };
        command
    }
}
