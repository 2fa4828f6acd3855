//! Paths below a document root, and whether something lies there.

use crate::ask::Fact;
use crate::nginx::site::{Setting, Text};

use super::Exchange;

impl<'m> Exchange<'m, '_, '_> {
    /// The root of the current level, made absolute; `None` where it cannot be told.
    pub(super) fn root(&mut self) -> Option<String> {
        let root = self.model.inherited(self.scope, |setting| match setting {
            Setting::Root(root) => Some(root),
            _ => None,
        });
        let Some((root, _)) = root else { return Some(format!("{}/html", self.model.prefix)) };
        let path = self.settled(&root.path)?;
        Some(self.absolute(&path))
    }

    /// `ngx_http_map_uri_to_path`
    pub(super) fn path(&mut self, uri: &str) -> Option<String> {
        let root = self.model.inherited(self.scope, |setting| match setting {
            Setting::Root(root) => Some(root),
            _ => None,
        });
        let alias = root.and_then(|(root, _)| root.alias);
        let root = self.root()?;
        Some(match alias {
            None => format!("{}{uri}", root.trim_end_matches('/')),
            Some(Some(replaced)) => format!("{root}{}", uri.get(replaced..).unwrap_or("")),
            // In a regex location the alias is the whole path.
            Some(None) => root,
        })
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
