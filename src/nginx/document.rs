//! The files of one config: the main file and all that it includes, each parsed once.
//!
//! nginx reads an include as if the file's statements stood in its place (`ngx_conf_include`), in any context. So the includes
//! are resolved here, and the rest of the wing walks statements through [`Document::inside`] without knowing about files.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::finding::{Finding, Severity};
use crate::source::{FileId, IncludeError, Reader, SourceFile, Span};
use crate::syntax::{Children, Directive, NodeId, SyntaxError, Tree};

use super::parse::parse;

/// How many included statements all walks together may meet: files that include each other twice double at every level.
const MAX_INCLUDED: usize = 5_000_000;

pub(super) struct Document {
    /// In the order in which nginx reads them.
    pub trees: Vec<Arc<Tree>>,
    /// Syntax errors, and includes that bring nothing.
    pub findings: Vec<Finding>,
    /// The folder of the main config file: nginx's `conf_prefix`.
    pub folder: PathBuf,
    main: Vec<FileId>,
    by_file: HashMap<FileId, usize>,
    includes: HashMap<(FileId, NodeId), Vec<FileId>>,
    /// Includes whose file is not here: walks meet the statement itself.
    unread: HashSet<(FileId, NodeId)>,
    spent: AtomicUsize,
}

impl Document {
    pub(super) fn load(reader: &mut Reader<'_>, main: &[Arc<SourceFile>]) -> Self {
        let folder = main.first().map(|file| home(reader, file)).unwrap_or_default();
        let mut document = Document {
            trees: Vec::new(),
            findings: Vec::new(),
            folder,
            main: main.iter().map(|file| file.id).collect(),
            by_file: HashMap::new(),
            includes: HashMap::new(),
            unread: HashSet::new(),
            spent: AtomicUsize::new(0),
        };
        for file in main {
            reader.enter(file);
            document.add(reader, file);
            reader.close();
        }
        document
    }

    /// The statements outside of all blocks.
    pub(super) fn statements(&self) -> Statements<'_> {
        let open = self.main.iter().rev().filter_map(|file| self.tree(*file)).map(|tree| (0, tree.statements())).collect();
        Statements { document: self, open }
    }

    /// The statements inside of a block, with those of included files in their places.
    pub(super) fn inside(&self, block: Directive<'_>) -> Statements<'_> {
        let children = self.tree(block.span().file).map(|tree| tree.get(block.id).children());
        Statements { document: self, open: children.map(|children| (0, children)).into_iter().collect() }
    }

    /// Whether a file is a whole config of its own, not a piece that another file includes.
    pub(super) fn is_whole(&self) -> bool {
        self.main.iter().filter_map(|file| self.tree(*file)).any(|tree| {
            tree.statements().any(|one| one.is_block() && matches!(one.name(), "events" | "http" | "stream" | "mail"))
        })
    }

    /// Whether any file is a template that is still to be filled in.
    pub(super) fn is_template(&self) -> bool {
        self.trees.iter().any(|tree| tree.is_template())
    }

    /// Whether walks left included statements out because there were too many.
    pub(super) fn is_exhausted(&self) -> bool {
        self.spent.load(Ordering::Relaxed) > MAX_INCLUDED
    }

    fn tree(&self, file: FileId) -> Option<&Tree> {
        self.by_file.get(&file).map(|index| &*self.trees[*index])
    }

    /// Parses a file and, depth first, what it includes.
    fn add(&mut self, reader: &mut Reader<'_>, file: &Arc<SourceFile>) {
        let (tree, errors) = parse(file);
        let tree = Arc::new(tree);
        self.by_file.insert(file.id, self.trees.len());
        self.trees.push(Arc::clone(&tree));
        self.findings.extend(errors.into_iter().map(syntax_error));
        for include in tree.all().filter(is_include) {
            let files = self.follow(reader, include);
            self.includes.insert((file.id, include.id), files);
        }
    }

    fn follow(&mut self, reader: &mut Reader<'_>, include: Directive<'_>) -> Vec<FileId> {
        let (Some(path), folder) = (include.arg(0), self.folder.clone()) else { return Vec::new() };
        let paths = match reader.find(path, &folder) {
            Ok(paths) => paths,
            Err(error) => {
                self.findings.push(missing(include.head(), &error));
                self.unread.insert((include.span().file, include.id));
                return Vec::new();
            }
        };
        paths.iter().filter_map(|path| self.open(reader, path, include.head())).collect()
    }

    fn open(&mut self, reader: &mut Reader<'_>, path: &Path, span: Span) -> Option<FileId> {
        let file = match reader.open(path) {
            Ok(file) => file,
            Err(error) => {
                self.findings.push(missing(span, &error));
                return None;
            }
        };
        if !self.by_file.contains_key(&file.id) {
            self.add(reader, &file);
        }
        reader.close();
        Some(file.id)
    }
}

/// Statements that follow one another, whatever files they stand in.
pub(super) struct Statements<'d> {
    document: &'d Document,
    /// How deep in includes each of them is, and what is left of it.
    open: Vec<(usize, Children<'d>)>,
}

impl<'d> Iterator for Statements<'d> {
    type Item = Directive<'d>;

    fn next(&mut self) -> Option<Directive<'d>> {
        loop {
            let (depth, children) = self.open.last_mut()?;
            let depth = *depth;
            let Some(statement) = children.next() else {
                self.open.pop();
                continue;
            };
            if !is_include(&statement) || self.document.unread.contains(&(statement.span().file, statement.id)) {
                return Some(statement);
            }
            // A cycle was told when the files were read; here it only must end.
            if depth < Reader::MAX_DEPTH {
                self.include(statement, depth + 1);
            }
        }
    }
}

impl<'d> Statements<'d> {
    fn include(&mut self, statement: Directive<'d>, depth: usize) {
        let document = self.document;
        let files = document.includes.get(&(statement.span().file, statement.id)).into_iter().flatten().rev();
        for tree in files.filter_map(|file| document.tree(*file)) {
            let spent = document.spent.fetch_add(tree.len() + 1, Ordering::Relaxed);
            if spent < MAX_INCLUDED {
                self.open.push((depth, tree.statements()));
            }
        }
    }
}

fn is_include(statement: &Directive<'_>) -> bool {
    statement.name() == "include" && statement.args().len() == 1 && !statement.is_block() && !statement.has_template()
}

/// nginx starts relative paths at the folder of its main file. For a file of `sites-available` that is the folder above.
fn home(reader: &Reader<'_>, main: &SourceFile) -> PathBuf {
    let own = main.folder();
    let is_home = |folder: &&Path| reader.files.kind(&folder.join("nginx.conf")).is_some();
    own.ancestors().take(3).find(is_home).unwrap_or(own).to_path_buf()
}

fn syntax_error(error: SyntaxError) -> Finding {
    let severity = if error.fatal { Severity::Error } else { Severity::Warning };
    let mut finding = Finding::new("syntax-error", severity, error.span, error.message);
    finding.invalid = error.fatal;
    finding.help = error.help.map(Into::into);
    finding
}

fn missing(span: Span, error: &IncludeError) -> Finding {
    if matches!(error, IncludeError::Cycle) {
        return Finding::rejected(span, error.to_string()).help("remove one of the includes");
    }
    let inside = matches!(error, IncludeError::Missing { inside: true, .. });
    let severity = if inside { Severity::Warning } else { Severity::Info };
    let mut finding = Finding::new("include-missing", severity, span, error.to_string());
    finding.invalid = inside;
    finding
}
