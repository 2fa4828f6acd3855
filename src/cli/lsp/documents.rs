//! What is open in the editor.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gen_lsp_types::Uri;

use crate::server::{SERVERS, Server};
use crate::source::Overlay;
use crate::uri;

/// A text that the editor holds.
pub(super) struct Document {
    /// Where it lies, links resolved; for a text that has no file yet its name.
    pub(super) path: PathBuf,
    pub(super) uri: Uri,
    pub(super) version: i32,
    /// The server that the editor takes it for, where it knows the language.
    pub(super) server: Option<&'static dyn Server>,
    pub(super) text: String,
}

/// All of them, and the disk as it is with them.
#[derive(Default)]
pub(super) struct Documents {
    open: BTreeMap<PathBuf, Document>,
    pub(super) files: Overlay,
}

impl Documents {
    pub(super) fn insert(&mut self, uri: Uri, language: &str, version: i32, text: String) -> PathBuf {
        let path = path_of(&uri);
        self.files.insert(path.clone(), text.clone().into_bytes());
        let document = Document { path: path.clone(), uri, version, server: server_of(language), text };
        self.open.insert(path.clone(), document);
        path
    }

    pub(super) fn change(&mut self, uri: &Uri, version: i32, text: String) -> Option<PathBuf> {
        let document = self.open.get_mut(&path_of(uri))?;
        self.files.insert(document.path.clone(), text.clone().into_bytes());
        (document.version, document.text) = (version, text);
        Some(document.path.clone())
    }

    pub(super) fn remove(&mut self, uri: &Uri) -> PathBuf {
        let path = path_of(uri);
        self.files.remove(&path);
        self.open.remove(&path);
        path
    }

    pub(super) fn get(&self, path: &Path) -> Option<&Document> {
        self.open.get(path)
    }

    pub(super) fn of_uri(&self, uri: &Uri) -> Option<&Document> {
        self.open.get(&path_of(uri))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Document> {
        self.open.values()
    }

    /// The name by which the editor knows a file.
    pub(super) fn uri(&self, path: &Path) -> Uri {
        self.get(path).map_or_else(|| Uri(uri::of(&path.to_string_lossy())), |document| document.uri.clone())
    }
}

fn path_of(uri: &Uri) -> PathBuf {
    let path = uri::path(&uri.0).unwrap_or_else(|| PathBuf::from(&uri.0));
    path.canonicalize().unwrap_or(path)
}

/// The server of a language, by the names that editors give them.
fn server_of(language: &str) -> Option<&'static dyn Server> {
    let name = match language.to_ascii_lowercase().as_str() {
        "nginx" => "nginx",
        "apache" | "apacheconf" | "apache-conf" | "htaccess" => "apache",
        "haproxy" | "haproxy-config" => "haproxy",
        _ => return None,
    };
    SERVERS.iter().find(|server| server.name() == name).copied()
}
