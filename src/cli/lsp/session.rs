//! What is open, what was found in it, and what the editor knows of that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use gen_lsp_types::{
    Diagnostic, DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams, MessageType,
    PublishDiagnosticsParams, ShowMessageParams, TextDocumentContentChangeEvent, Uri,
};
use lsp_server::Notification;

use super::LspOptions;
use super::convert::{Encoding, Places};
use super::documents::{Document, Documents};
use super::places::Check;
use crate::cli::Failure;
use crate::collect::Root;
use crate::lint::Linted;
use crate::source::{FileSystem, SourceFile};

/// A config that was linted.
pub(super) struct Checked {
    pub(super) linted: Linted,
    /// Its files, links resolved.
    files: Vec<PathBuf>,
}

impl Checked {
    fn new(linted: Linted, documents: &Documents) -> Checked {
        let place = |file: &std::sync::Arc<SourceFile>| documents.files.resolve(&file.path).unwrap_or_else(|_| file.path.clone());
        Checked { files: linted.sources.iter().map(place).collect(), linted }
    }

    /// The file of the config that lies at a path.
    pub(super) fn file(&self, path: &Path) -> Option<&SourceFile> {
        let index = self.files.iter().position(|file| file == path)?;
        self.linted.sources.iter().nth(index).map(|file| &**file)
    }
}

pub(super) struct Session<'a> {
    options: &'a LspOptions,
    pub(super) encoding: Encoding,
    workspace: Option<PathBuf>,
    pub(super) documents: Documents,
    /// Documents that changed since they were linted.
    stale: BTreeSet<PathBuf>,
    /// The configs that each document is part of.
    homes: BTreeMap<PathBuf, Vec<Root>>,
    /// The findings of each config, by its main file.
    checked: BTreeMap<PathBuf, Checked>,
    published: BTreeMap<PathBuf, Vec<Diagnostic>>,
    /// What was said aloud last, so that it is not said at every key.
    said: Option<String>,
}

impl<'a> Session<'a> {
    pub(super) fn new(options: &'a LspOptions, encoding: Encoding, workspace: Option<PathBuf>) -> Self {
        Session {
            options,
            encoding,
            workspace,
            documents: Documents::default(),
            stale: BTreeSet::new(),
            homes: BTreeMap::new(),
            checked: BTreeMap::new(),
            published: BTreeMap::new(),
            said: None,
        }
    }

    pub(super) fn open(&mut self, params: DidOpenTextDocumentParams) {
        let item = params.text_document;
        self.documents.insert(item.uri, &item.language_id.to_string(), item.version, item.text);
        // It may include files that stood alone until now.
        self.forget();
    }

    pub(super) fn change(&mut self, params: DidChangeTextDocumentParams) {
        let document = params.text_document;
        // Only whole texts come, as that is what was asked for.
        let Some(TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(whole)) =
            params.content_changes.into_iter().next_back()
        else {
            return;
        };
        let path = self.documents.change(&document.text_document_identifier.uri, document.version, whole.text);
        self.stale.extend(path);
    }

    pub(super) fn close(&mut self, params: DidCloseTextDocumentParams) {
        self.documents.remove(&params.text_document.uri);
        self.forget();
    }

    /// What lies on the disk may be other than it was.
    pub(super) fn forget(&mut self) {
        self.homes.clear();
        self.checked.clear();
        self.stale = self.documents.iter().map(|document| document.path.clone()).collect();
        // Where nothing is open, there is still something to take back.
        self.stale.extend(self.published.keys().cloned());
    }

    pub(super) fn is_stale(&self) -> bool {
        !self.stale.is_empty()
    }

    /// The configs that a file is part of.
    pub(super) fn configs<'s>(&'s self, path: &'s Path) -> impl Iterator<Item = (&'s Checked, &'s SourceFile)> {
        self.checked.values().filter_map(move |checked| Some((checked, checked.file(path)?)))
    }

    /// The name by which the editor knows a file of a config.
    pub(super) fn uri(&self, path: &Path) -> Uri {
        self.documents.uri(&self.documents.files.resolve(path).unwrap_or_else(|_| path.to_path_buf()))
    }

    /// Lints what changed, and says what the editor does not know yet.
    pub(super) fn refresh(&mut self) -> Vec<Notification> {
        let changed = std::mem::take(&mut self.stale);
        if changed.is_empty() {
            return Vec::new();
        }
        let mut notes = Vec::new();
        let mut faults = BTreeMap::new();
        if self.lint(&changed, &mut faults, &mut notes) {
            // A file came in or went out: others may belong elsewhere now.
            self.forget();
            self.stale.clear();
            let all = self.documents.iter().map(|document| document.path.clone()).collect();
            self.lint(&all, &mut faults, &mut notes);
        }
        let open: Vec<_> = self.documents.iter().map(|document| document.path.clone()).collect();
        self.checked.retain(|_, checked| open.iter().any(|path| checked.file(path).is_some()));
        notes.extend(self.publish(faults, &changed));
        notes
    }

    /// Lints the configs of documents that changed, and tells whether one has other files than before.
    fn lint(
        &mut self,
        changed: &BTreeSet<PathBuf>,
        faults: &mut BTreeMap<PathBuf, Vec<Diagnostic>>,
        notes: &mut Vec<Notification>,
    ) -> bool {
        let is_old = |checked: &Checked| changed.iter().any(|path| checked.file(path).is_some());
        let all = std::mem::take(&mut self.checked).into_iter();
        let (old, current): (BTreeMap<_, _>, BTreeMap<_, _>) = all.partition(|(_, checked)| is_old(checked));
        self.checked = current;
        let touched = |document: &&Document| {
            changed.contains(&document.path) || old.values().any(|checked| checked.file(&document.path).is_some())
        };
        let mut failure = None;
        for document in self.documents.iter().filter(touched) {
            let check = match Check::new(&document.path, self.options) {
                Ok(check) => check,
                Err(wrong) => {
                    failure = Some(wrong);
                    continue;
                }
            };
            let known = self.homes.entry(document.path.clone());
            let roots = known.or_insert_with(|| check.roots(document, &self.documents, self.workspace.as_deref()));
            for root in roots.iter() {
                if !self.checked.contains_key(&root.input.path) {
                    let linted = check.lint(root, &self.documents).map(|linted| Checked::new(linted, &self.documents));
                    self.checked.extend(linted.map(|checked| (root.input.path.clone(), checked)));
                }
            }
        }
        match failure {
            Some(failure) => self.complain(failure, faults, notes),
            None => self.said = None,
        }
        let moved = |(path, before): (&PathBuf, &Checked)| self.checked.get(path).is_none_or(|now| now.files != before.files);
        old.iter().any(moved)
    }

    /// Settings that cannot be read are shown where they stand, anything else aloud.
    fn complain(&mut self, failure: Failure, faults: &mut BTreeMap<PathBuf, Vec<Diagnostic>>, notes: &mut Vec<Notification>) {
        if let Failure::Settings { file, mistakes } = &failure {
            let places = Places { encoding: self.encoding, uri: &|path| self.uri(path) };
            let shown = mistakes.iter().map(|mistake| places.mistake(file, mistake)).collect();
            faults.insert(file.path.clone(), shown);
        }
        let message = failure.to_string();
        if self.said.as_ref() != Some(&message) {
            let shown = ShowMessageParams { kind: MessageType::Error, message: format!("proxylint: {message}") };
            notes.push(Notification::new("window/showMessage".to_owned(), shown));
            self.said = Some(message);
        }
    }

    fn publish(&mut self, faults: BTreeMap<PathBuf, Vec<Diagnostic>>, changed: &BTreeSet<PathBuf>) -> Vec<Notification> {
        let mut now = faults;
        let places = Places { encoding: self.encoding, uri: &|path| self.uri(path) };
        for checked in self.checked.values() {
            for finding in checked.linted.findings() {
                let Some(path) = checked.files.get(finding.span.file.0 as usize) else { continue };
                let shown: &mut Vec<_> = now.entry(path.clone()).or_default();
                // A file that several configs include has the same findings in each.
                shown.extend(places.diagnostic(&checked.linted, finding).filter(|diagnostic| !shown.contains(diagnostic)));
            }
        }
        let mut paths: BTreeSet<_> = now.keys().chain(self.published.keys()).cloned().collect();
        paths.extend(changed.iter().filter(|path| self.documents.get(path).is_some()).cloned());
        let news = paths.into_iter().filter(|path| changed.contains(path) || now.get(path) != self.published.get(path));
        let notes = news.map(|path| {
            let diagnostics = now.get(&path).cloned().unwrap_or_default();
            let version = self.documents.get(&path).map(|document| document.version);
            let params = PublishDiagnosticsParams { uri: self.documents.uri(&path), version, diagnostics };
            Notification::new("textDocument/publishDiagnostics".to_owned(), params)
        });
        let notes = notes.collect();
        self.published = now;
        notes
    }
}
