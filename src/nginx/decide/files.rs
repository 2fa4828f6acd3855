//! Paths below a document root, and whether something lies there.

use crate::ask::Fact;
use crate::nginx::site::{Text, pick};

use super::{Exchange, Next};

/// Where the URI of the request leads on the disk.
pub(super) enum Mapped {
    Path(String),
    /// The root cannot be told.
    Unknown,
    /// `alias` stands for a part of the location's URI, which a `rewrite` has replaced.
    Refused,
}

/// How the path of a file comes from root and URI.
#[derive(Clone, Copy)]
pub(super) enum Mapping {
    Root,
    /// `alias` stands for so much of the URI.
    Prefix(usize),
    /// In a location with a regex, `alias` is the whole path.
    Whole,
}

impl<'m> Exchange<'m, '_, '_> {
    /// The root of the current level, made absolute; `None` where it cannot be told.
    pub(super) fn root(&mut self) -> Option<String> {
        self.mapping().1
    }

    /// How paths are made here, and from which root.
    pub(super) fn mapping(&mut self) -> (Mapping, Option<String>) {
        let root = self.model.inherited(self.scope, pick!(Root));
        let Some((root, _)) = root else { return (Mapping::Root, Some(format!("{}/html", self.model.prefix))) };
        let path = self.settled(&root.path).map(|path| self.absolute(&path));
        match root.alias {
            None => (Mapping::Root, path.map(|path| path.strip_suffix('/').map(str::to_owned).unwrap_or(path))),
            Some(Some(replaced)) => (Mapping::Prefix(replaced), path),
            Some(None) => (Mapping::Whole, path),
        }
    }

    /// `ngx_http_map_uri_to_path`
    pub(super) fn mapped(&mut self, uri: &str) -> Mapped {
        let (mapping, root) = self.mapping();
        if !matches!(mapping, Mapping::Root) && !self.location_is_valid {
            return Mapped::Refused;
        }
        let Some(root) = root else { return Mapped::Unknown };
        Mapped::Path(match mapping {
            Mapping::Root => format!("{root}{uri}"),
            Mapping::Prefix(replaced) => format!("{root}{}", uri.get(replaced..).unwrap_or("")),
            Mapping::Whole if self.adds_uri_to_alias => format!("{root}{uri}"),
            Mapping::Whole => root,
        })
    }

    /// The path, or what comes of it that there is none.
    pub(super) fn path(&mut self, uri: &str) -> Result<String, Next> {
        match self.mapped(uri) {
            Mapped::Path(path) => Ok(path),
            Mapped::Refused => Err(Next::Fail(500)),
            Mapped::Unknown => {
                self.ask.doubt("the document root cannot be told");
                Err(Next::Send(200))
            }
        }
    }

    /// Relative paths start at nginx's prefix.
    pub(super) fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.model.prefix) }
    }

    /// Files such as a password file start at the folder of the config.
    pub(super) fn configured(&self, path: &str) -> String {
        if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.model.folder) }
    }

    pub(super) fn file_exists(&mut self, path: &str, likely: bool) -> bool {
        self.ask.fact(Fact::FileExists(path.into()), likely)
    }

    pub(super) fn folder_exists(&mut self, path: &str, likely: bool) -> bool {
        self.ask.fact(Fact::FolderExists(path.trim_end_matches('/').into()), likely)
    }

    /// The value of a file name that a directive lists, as a path.
    pub(super) fn listed(&mut self, text: &Text) -> Option<String> {
        self.settled(text).map(|value| value.to_string())
    }
}
