//! Precontent: `try_files` and `mirror`.

use crate::nginx::site::{Flag, Text, pick};
use crate::source::Span;

use super::files::Mapping;
use super::{Exchange, Next};

impl<'m> Exchange<'m, '_, '_> {
    pub(super) fn precontent(&mut self) -> Next {
        if let Some((files, span)) = &self.model.scope(self.scope).try_files
            && let Some(next) = self.try_files(files, *span)
        {
            return next;
        }
        let mirror = self.model.inherited(self.scope, pick!(Mirror));
        if let (Some((targets, span)), None) = (mirror, self.outer_method)
            && !targets.is_empty()
        {
            self.step("precontent", "mirror", span, "sends a copy of the request elsewhere");
            if self.model.flag(self.scope, Flag::MirrorRequestBody).is_none_or(|(on, _)| on) {
                self.body_is_read = true;
                if let Some(refused) = self.read_body() {
                    return refused;
                }
            }
        }
        Next::Content
    }

    /// `ngx_http_try_files_handler`: a file that exists stays in the location; only the last argument jumps.
    fn try_files(&mut self, files: &'m [Text], span: Span) -> Option<Next> {
        let (last, tests) = files.split_last()?;
        self.step("precontent", "try_files", span, "looks for files");
        let uri = self.uri.clone();
        if let Err(next @ Next::Fail(_)) = self.path(&uri) {
            return Some(next);
        }
        let (mapping, root) = self.mapping();
        for file in tests {
            let (Some(value), Some(root)) = (self.listed(file), &root) else {
                self.ask.doubt("a file of `try_files` cannot be told");
                if self.assume(&format!("the test for the file `{}` of `try_files`", file.source)) {
                    return None;
                }
                continue;
            };
            let is_folder = file.source.ends_with('/');
            // A folder is written with a slash, which nginx takes off when it reads the config.
            let value = value.strip_suffix('/').filter(|_| is_folder).unwrap_or(&value);
            let name = self.without_alias(file, value, mapping).to_owned();
            let path = format!("{root}{name}");
            let found = match is_folder {
                true => self.folder_exists(&path, name.trim_end_matches('/').is_empty()),
                false => self.file_exists(&path, self.internal),
            };
            if !found {
                continue;
            }
            match mapping {
                Mapping::Root => self.uri = name,
                Mapping::Prefix(replaced) => self.uri = format!("{}{name}", self.uri.get(..replaced).unwrap_or("")),
                Mapping::Whole if is_folder => {}
                Mapping::Whole => (self.uri, self.adds_uri_to_alias) = (name, true),
            }
            return None;
        }
        self.decided_by = Some(self.steps.len() - 1);
        if let Some(code) = last.source.strip_prefix('=').and_then(|code| code.parse().ok()) {
            return Some(Next::Fail(code));
        }
        let Some(target) = self.listed(last) else {
            self.ask.doubt("the last argument of `try_files` cannot be told");
            return Some(Next::Fail(500));
        };
        let target = self.without_alias(last, &target, mapping).to_owned();
        if target.starts_with('@') {
            return Some(self.named_location(&target));
        }
        let (uri, args) = target.split_once('?').unwrap_or((&target, ""));
        Some(self.internal_redirect(uri.to_owned(), args.to_owned()))
    }

    /// A value with variables that starts as the location's URI does loses that part to the `alias`.
    fn without_alias<'t>(&self, text: &Text, value: &'t str, mapping: Mapping) -> &'t str {
        let Mapping::Prefix(replaced) = mapping else { return value };
        let starts_alike = self.uri.get(..replaced).is_some_and(|start| value.starts_with(start));
        if text.constant().is_none() && starts_alike { &value[replaced..] } else { value }
    }
}
