//! The walks over the sections that a request meets (`server/request.c`).

use super::super::expr::Expr;
use super::super::select::{sections, takes_folder};
use super::super::site::htaccess::Allowed;
use super::super::site::section::{DirConfig, IfKind, Matcher, Section};
use super::values::Value;
use super::{End, Layer, Phase, Run};
use crate::ask::Fact;

impl<'s> Run<'s, '_, '_> {
    /// What stands outside of all sections: the main server's settings, then the virtual host's.
    pub(super) fn defaults(&self) -> Vec<(Layer, &'s DirConfig)> {
        let mut stack = Vec::with_capacity(8);
        stack.push((Layer::Defaults, &self.site.main().defaults));
        if !std::ptr::eq(self.server, self.site.main()) {
            stack.push((Layer::Defaults, &self.server.defaults));
        }
        stack
    }

    /// The first location walk, which serves the translation of the path.
    pub(super) fn walk_locations(&mut self) {
        self.mapping.stack = self.defaults();
        self.locations();
        self.walk_ifs();
    }

    /// The second one, after the folders and files; what it finds overrides them.
    pub(super) fn walk_locations_again(&mut self) {
        self.locations();
        self.walk_ifs();
    }

    fn locations(&mut self) {
        let (site, server) = (self.site, self.server);
        let path = std::mem::take(&mut self.mapping.url.path);
        // Slashes that `MergeSlashes Off` keeps count for regular expressions alone.
        let merged = path.contains("//").then(|| super::url::merge_slashes(&path));
        for section in sections(site, server, |server| &server.locations) {
            let merged = merged.as_ref().filter(|_| !matches!(section.matcher, Matcher::Pattern(_)));
            if self.takes(section, merged.unwrap_or(&path)) {
                self.mapping.stack.push((Layer::Location, &section.config));
            }
        }
        self.mapping.url.path = path;
    }

    fn takes(&mut self, section: &'s Section, subject: &str) -> bool {
        if let Matcher::Pattern(pattern) = &section.matcher
            && pattern.source().contains("(?<")
            && let Some(groups) = pattern.groups(subject)
        {
            let named = groups.iter().flat_map(|groups| &groups.named);
            let set =
                named.map(|(name, value)| (format!("MATCH_{}", name.to_ascii_uppercase()), Some(Value::Plain(value.clone()))));
            self.mapping.env.extend(set);
            return groups.is_some();
        }
        match section.takes(subject) {
            Some(takes) => takes,
            None => self.undecided(section),
        }
    }

    fn undecided(&mut self, section: &Section) -> bool {
        self.ask.doubt("a section's regular expression cannot be tested here");
        let Matcher::Pattern(pattern) = &section.matcher else { return false };
        let source = pattern.source();
        self.ask
            .fact(Fact::told(format!("`{source}` matches the request"), format!("`{source}` does not match the request")), true)
    }

    /// `<If>` sections, innermost last; they come after everything else.
    fn walk_ifs(&mut self) {
        let mut from = 0;
        for level in 0..=u8::MAX {
            let end = self.mapping.stack.len();
            let configs: Vec<&'s DirConfig> =
                self.mapping.stack[from..].iter().map(|(_, config)| *config).filter(|config| !config.ifs.is_empty()).collect();
            let mut previous = None;
            for inner in configs.iter().flat_map(|config| &config.ifs) {
                if inner.kind != IfKind::If && previous == Some(true) {
                    continue;
                }
                let holds = matches!(inner.test, Expr::Constant(true)) || self.expr(&inner.test);
                previous = (inner.kind != IfKind::Else).then_some(holds);
                if holds {
                    let name = match inner.kind {
                        IfKind::If => "If",
                        IfKind::ElseIf => "ElseIf",
                        IfKind::Else => "Else",
                    };
                    self.step("if_walk", name, inner.span, "holds");
                    self.mapping.stack.push((Layer::If(level), &inner.config));
                }
            }
            from = end;
            if self.mapping.stack.len() == end {
                break;
            }
        }
    }

    /// `<Directory>` sections from the root down, then `<DirectoryMatch>`, then `<Files>`.
    pub(super) fn walk_storage(&mut self) -> Phase {
        self.mapping.stack = self.defaults();
        // What `MergeSlashes Off` keeps in the path is no part of a file's name (`apr_filepath_merge`).
        if self.mapping.filename.contains("//") {
            self.mapping.filename = super::url::merge_slashes(&self.mapping.filename);
        }
        self.find_file();
        let (site, server) = (self.site, self.server);
        let filename = std::mem::take(&mut self.mapping.filename);
        let may_take = |section: &&Section| match &section.matcher {
            Matcher::Path(own) => filename.starts_with(own.trim_end_matches('/')),
            _ => true,
        };
        let mut directories: Vec<&'s Section> = sections(site, server, |server| &server.directories).filter(may_take).collect();
        directories.sort_by_cached_key(|section| super::super::select::depth(section));
        let folders = folders(&filename);
        for (index, folder) in folders.iter().enumerate() {
            for &section in &directories {
                if takes_folder(section, folder) && (index + 1 < folders.len() || self.is_folder(&filename)) {
                    self.mapping.stack.push((Layer::Storage, &section.config));
                }
            }
            self.own_file(folder, index + 1 < folders.len(), &filename)?;
        }
        for section in directories {
            if matches!(section.matcher, Matcher::Pattern(_)) && self.takes(section, &filename) {
                self.mapping.stack.push((Layer::Storage, &section.config));
            }
        }
        self.mapping.filename = filename;
        self.walk_files();
        Ok(())
    }

    /// Follows the path as far as it exists: what comes after a file, or after the first name that is none, is no part of the
    /// file's name (`ap_directory_walk`). Where files are not looked up, the whole path is taken for the name.
    fn find_file(&mut self) {
        if !self.ask.sees_disk() || self.is_folder(&self.mapping.filename.clone()) {
            return;
        }
        let ends: Vec<usize> = self.mapping.filename.match_indices('/').map(|(index, _)| index).skip(1).collect();
        for end in ends {
            let folder = self.mapping.filename[..end].to_owned();
            if !self.is_folder(&folder) {
                self.mapping.path_info = self.mapping.filename.split_off(end);
                return;
            }
        }
    }

    /// The `.htaccess` file of a folder on the way.
    fn own_file(&mut self, folder: &str, is_above: bool, filename: &str) -> Phase {
        let Some(own) = self.site.folders.get(folder) else { return Ok(()) };
        if !is_above && !self.is_folder(filename) {
            return Ok(());
        }
        let is_piece = !self.site.config.modules.are_known();
        match own.under(&Allowed::by(self.mapping.stack.iter().rev().map(|(_, config)| *config), is_piece)) {
            Some(Ok(config)) => {
                self.mapping.stack.push((Layer::Storage, config));
                Ok(())
            }
            Some(Err(span)) => {
                let note = "may not stand in a `.htaccess` file here";
                self.decided("map_to_storage", ".htaccess", *span, note, End::Status(500))
            }
            None => Ok(()),
        }
    }

    /// `<Files>` sections of all that was met so far.
    pub(super) fn walk_files(&mut self) {
        let all: Vec<&'s Section> = self.mapping.stack.iter().flat_map(|(_, config)| &config.files).collect();
        if all.is_empty() {
            return;
        }
        let name = self.mapping.filename.rsplit('/').next().unwrap_or("").to_owned();
        if name.is_empty() {
            return;
        }
        for section in all {
            let takes = match &section.matcher {
                Matcher::Path(own) => *own == name,
                _ => self.takes(section, &name),
            };
            if takes && (self.ask.sees_disk() || self.parents_exist()) {
                self.mapping.stack.push((Layer::Files, &section.config));
            }
        }
    }

    /// Whether all folders above the file exist: where one does not, the rest of the path is no part of the file's name.
    pub(super) fn parents_exist(&mut self) -> bool {
        if !self.mapping.path_info.trim_matches('/').is_empty() {
            return false;
        }
        let root = self.document_root().to_owned();
        let folders = folders(&self.mapping.filename);
        let below: Vec<String> = folders[..folders.len().saturating_sub(1)]
            .iter()
            .filter(|folder| folder.len() > root.trim_end_matches('/').len())
            .map(|folder| (*folder).to_owned())
            .collect();
        below.into_iter().all(|folder| self.ask.fact(Fact::FolderExists(folder.into()), true))
    }

    /// Whether the file that the request is mapped to is a folder.
    pub(super) fn is_folder(&mut self, filename: &str) -> bool {
        let slash = filename.ends_with('/');
        let folder = filename.trim_end_matches('/');
        self.ask.fact(Fact::FolderExists(folder.into()), slash)
    }
}

/// The folders on the way to a file, each without a slash at its end, the root as the empty text; the last one is the path itself.
fn folders(filename: &str) -> Vec<&str> {
    let path = filename.trim_end_matches('/');
    let mut folders: Vec<&str> = path.match_indices('/').map(|(index, _)| &path[..index]).collect();
    folders.push(path);
    folders
}
