//! The `.htaccess` files below a config's folders (`ap_parse_htaccess` in `server/config.c`).
//!
//! httpd reads them with each request. Here they are read with the config, where they lie among the files that it may read.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::super::super::check::{context, values};
use super::super::super::read::{self, Config, Statement};
use super::super::super::select::takes_folder;
use super::super::Server;
use super::super::htaccess::{Allowed, Folder};
use super::super::section::{DirConfig, Matcher, Section};
use super::{Builder, Kind, Place};
use crate::finding::Finding;
use crate::grammar::{APACHE, Entry};
use crate::server::Release;
use crate::source::{self, Reader, SourceFile, Spanned};

/// How many folders are looked into: a document root may hold any number of them.
const MOST: usize = 4_000;

/// The files by the folders that they are for, as the config names these.
pub(super) fn find(reader: &mut Reader<'_>, config: &Config, release: Release) -> BTreeMap<String, Config> {
    let names = names(config);
    let mut queue: VecDeque<String> = roots(config).into();
    let mut seen = BTreeSet::new();
    let mut found = BTreeMap::new();
    while let Some(folder) = queue.pop_front() {
        if seen.len() >= MOST || !seen.insert(folder.clone()) {
            continue;
        }
        let place = reader.place(&folder, Path::new("/"));
        if reader.kind(&place) != Some(source::Kind::Folder) {
            continue;
        }
        queue.extend(subfolders(reader, &place).into_iter().map(|name| format!("{folder}/{name}")));
        // A file above the folder holds for it as well.
        queue.extend(folder.rsplit_once('/').map(|(above, _)| above.to_owned()).filter(|above| !above.is_empty()));
        if let Some(file) = names.iter().find_map(|name| load(reader, place.join(name))) {
            found.insert(folder, read::folder(reader, &file, config, release));
        }
    }
    found
}

fn load(reader: &mut Reader<'_>, path: PathBuf) -> Option<Arc<SourceFile>> {
    if reader.kind(&path) != Some(source::Kind::File) {
        return None;
    }
    reader.load(&path).ok()
}

fn subfolders(reader: &Reader<'_>, place: &Path) -> Vec<String> {
    let pattern = format!("{}/*", read::escape_glob(&place.to_string_lossy()));
    let inner = reader.files.glob(&pattern).into_iter().filter(|path| reader.kind(path) == Some(source::Kind::Folder));
    inner.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect()
}

/// `AccessFileName`.
fn names(config: &Config) -> Vec<String> {
    let line = config.all().filter(|statement| statement.is("AccessFileName")).last();
    match line {
        Some(line) => line.args().into_iter().map(|name| name.into_owned()).collect(),
        None => vec![".htaccess".to_owned()],
    }
}

/// The folders that requests may be mapped to.
fn roots(config: &Config) -> Vec<String> {
    let root = |statement: Statement<'_>| {
        let index = match () {
            () if statement.is_any(&["DocumentRoot", "Directory"]) => 0,
            () if statement.is_any(&["Alias", "ScriptAlias"]) => 1,
            () => return None,
        };
        let path = statement.arg(index)?;
        let path = match &config.server_root {
            Some(root) if !path.starts_with('/') => root.join(&*path).to_string_lossy().into_owned(),
            _ => path.into_owned(),
        };
        let path = path.trim_end_matches('/');
        (path.starts_with('/') && !path.contains(['*', '?', '[', '$'])).then(|| path.to_owned())
    };
    let mut roots: Vec<String> = config.all_at_once().with_min_len(1024).filter_map(root).collect();
    roots.sort();
    roots.dedup();
    roots
}

impl Builder<'_> {
    /// A `.htaccess` file that is linted by itself stands for the folder it lies in.
    pub(super) fn lone_htaccess(&mut self, config: &Config, folder: &Path) {
        let path = folder.to_string_lossy().into_owned();
        let path = if path.is_empty() { "/".to_owned() } else { path };
        let first = config.statements().next().map(|statement| statement.span());
        let section = self.htaccess(config, &path, 0);
        if let Some(span) = first {
            self.servers[0].document_root = Some(Spanned::new(path.clone(), span));
            self.servers[0].directories.push(Section { matcher: Matcher::Path(path), span, config: section });
        }
    }

    fn htaccess(&mut self, config: &Config, path: &str, server: usize) -> DirConfig {
        let place = Place { server, path: Some(path), kind: Kind::Htaccess, limited: self.context.universe.all(), depth: 0 };
        self.directory(config.statements(), place)
    }

    /// Reads a folder's file under all that some server lets it say.
    pub(super) fn folder(&mut self, path: &str, config: &Config, release: Release) -> Folder {
        let mut folder = Folder::new(config.statements().next().map(|statement| statement.span()));
        // What a server does not serve is read all the same, but its mistakes harm nobody there.
        let (serving, others): (Vec<usize>, Vec<usize>) = (0..self.servers.len()).partition(|index| self.serves(*index, path));
        let mut told = HashSet::new();
        let serving = serving.into_iter().map(|index| (index, true));
        for (index, serves) in serving.chain(others.into_iter().map(|index| (index, false))) {
            let allowed = allowed(&self.servers, index, path, !self.context.config.modules.are_known());
            if !allowed.looks_for_file() || folder.under(&allowed).is_some() {
                continue;
            }
            self.allowed = allowed.clone();
            let outer = std::mem::take(&mut self.context.findings);
            let section = self.htaccess(config, path, index);
            let mut found = std::mem::replace(&mut self.context.findings, outer);
            found.extend(config.findings.iter().cloned());
            found.extend(context::check_htaccess(config, release, &allowed));
            found.extend(values::check(config));
            let refused = found.iter().find(|finding| finding.invalid).map(|finding| finding.span);
            // Several servers may find the same mistakes.
            let new = found.into_iter().filter(|_| serves).map(at_runtime);
            self.context.findings.extend(new.filter(|finding| told.insert((finding.span, finding.message.clone()))));
            folder.add(allowed, refused.map_or(Ok(section), Err));
        }
        self.allowed = Allowed::all();
        folder
    }

    /// Whether requests of a server are mapped to files of a folder.
    fn serves(&self, index: usize, folder: &str) -> bool {
        let (main, server) = (&self.servers[0], &self.servers[index]);
        if index == 0 && self.servers.len() > 1 && self.hosts.left_over(&self.listens).is_none() {
            return false;
        }
        let below = |root: &str| {
            let rest = folder.strip_prefix(root.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let root = server.document_root.as_ref().or(main.document_root.as_ref());
        root.is_some_and(|root| below(&root.value))
            || server.aliases.iter().chain(&main.aliases).any(|alias| below(alias.to.split('$').next().unwrap_or("")))
            || [server, main].iter().any(|server| server.user_dirs.is_some() || server.root_by_host.is_some())
    }

    /// Whether the directive may stand where it does, as far as `AllowOverride` decides it.
    pub(super) fn permits(&self, statement: Statement<'_>) -> bool {
        if !statement.is_at_runtime() {
            return true;
        }
        let entries: Vec<&Entry> = APACHE.find(statement.name()).filter(|entry| entry.block == statement.is_section()).collect();
        entries.is_empty() || self.allowed.permits(statement.name(), &entries)
    }

    /// A method that a `.htaccess` file names and that httpd did not know when it started.
    pub(super) fn unknown_at_runtime(&self, statement: Statement<'_>) -> Option<String> {
        let unknown = |name: &str| !self.context.registry.knows(name, u32::MAX);
        let names = statement.is_at_runtime().then(|| statement.args())?;
        names.into_iter().find(|name| unknown(name)).map(|name| name.into_owned())
    }
}

/// What the sections of a server let the file of a folder say.
fn allowed(servers: &[Server], index: usize, folder: &str, is_piece: bool) -> Allowed {
    let own = if index == 0 { &[][..] } else { &servers[index..=index] };
    let servers = || servers[..1].iter().chain(own);
    let mut sections: Vec<&Section> = servers().flat_map(|server| &server.directories).collect();
    sections.retain(|section| {
        folder.match_indices('/').map(|(end, _)| &folder[..end]).chain([folder]).any(|above| takes_folder(section, above))
    });
    sections.sort_by_key(|section| super::super::super::select::depth(section));
    let configs = servers().map(|server| &server.defaults).chain(sections.into_iter().map(|section| &section.config));
    let configs: Vec<&DirConfig> = configs.collect();
    Allowed::by(configs.into_iter().rev(), is_piece)
}

/// What httpd would refuse in a config costs requests in a `.htaccess` file.
fn at_runtime(finding: Finding) -> Finding {
    if !finding.invalid {
        return finding;
    }
    let message = format!("httpd answers 500 to every request of this folder: {}", finding.message);
    Finding { invalid: false, message, ..finding }
}
