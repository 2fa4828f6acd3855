//! Precontent and content: `try_files`, `mirror`, and what produces the answer.

use crate::nginx::site::{Flag, Handler, ScopeKind, Setting, Text};

use super::{Exchange, Next};

impl<'m> Exchange<'m, '_, '_> {
    pub(super) fn precontent(&mut self) -> Next {
        if let Some((files, span)) = &self.model.scope(self.scope).try_files
            && let Some(next) = self.try_files(files, *span)
        {
            return next;
        }
        let mirror = self.model.inherited(self.scope, |setting| match setting {
            Setting::Mirror(targets) => Some(targets),
            _ => None,
        });
        if let (Some((targets, span)), false) = (mirror, self.subrequest)
            && !targets.is_empty()
        {
            self.step("precontent", "mirror", span, "sends a copy of the request elsewhere");
        }
        Next::Content
    }

    /// `ngx_http_try_files_handler`: a file that exists stays in the location; only the last argument jumps.
    fn try_files(&mut self, files: &'m [Text], span: crate::source::Span) -> Option<Next> {
        let (last, tests) = files.split_last()?;
        self.step("precontent", "try_files", span, "looks for files");
        for file in tests {
            let Some(uri) = self.listed(file) else {
                self.ask.doubt("a file of `try_files` cannot be told");
                continue;
            };
            let path = self.path(&uri)?;
            let is_folder = file.source.ends_with('/');
            let found = if is_folder {
                self.folder_exists(&path, uri.trim_end_matches('/').is_empty())
            } else {
                self.file_exists(&path, self.internal)
            };
            if found {
                // A folder is written with a slash, which nginx takes off when it reads the config.
                self.uri = uri.strip_suffix('/').filter(|_| is_folder).map(str::to_owned).unwrap_or(uri);
                return None;
            }
        }
        if let Some(code) = last.source.strip_prefix('=').and_then(|code| code.parse().ok()) {
            self.decided_by = Some(self.steps.len() - 1);
            return Some(Next::Fail(code));
        }
        let Some(target) = self.listed(last) else {
            self.ask.doubt("the last argument of `try_files` cannot be told");
            return Some(Next::Fail(500));
        };
        self.decided_by = Some(self.steps.len() - 1);
        if target.starts_with('@') {
            return Some(self.named_location(&target));
        }
        let (uri, args) = target.split_once('?').unwrap_or((&target, ""));
        Some(self.internal_redirect(uri.to_owned(), args.to_owned()))
    }

    /// `ngx_http_core_content_phase`
    pub(super) fn content(&mut self) -> Next {
        match self.handler {
            Some(Handler::Pass(pass)) => self.pass_on(pass.kind),
            Some(Handler::ReadOnly(name, span)) => self.read_only(name, *span),
            Some(Handler::Opaque(name, span)) => {
                if &**name != "echo" {
                    self.ask.doubt(format!("`{name}` makes the answer"));
                }
                self.step("content", "location", *span, "another module answers");
                Next::Send(200)
            }
            None => self.files(),
        }
    }

    fn read_only(&mut self, name: &'static str, span: crate::source::Span) -> Next {
        self.decide_by("content", name, span, "answers GET and HEAD alone");
        if !self.method_in(&["GET", "HEAD"]) {
            return Next::Fail(405);
        }
        if matches!(name, "flv" | "mp4") {
            return self.static_file();
        }
        Next::Send(200)
    }

    /// The modules that serve files, in the order in which they are asked.
    fn files(&mut self) -> Next {
        if let Some(next) = self.dav_ext() {
            return next;
        }
        if self.uri.ends_with('/') {
            let listed = [Self::random_index, Self::index, Self::autoindex].iter().find_map(|module| module(self));
            if let Some(next) = listed {
                return next;
            }
        }
        self.dav().unwrap_or_else(|| self.static_file())
    }

    fn random_index(&mut self) -> Option<Next> {
        if !self.model.is_on(self.scope, Flag::RandomIndex) || !self.method_in(&["GET", "HEAD", "POST"]) {
            return None;
        }
        self.ask.doubt("`random_index` chooses a file");
        Some(Next::Send(200))
    }

    /// `ngx_http_index_handler`
    fn index(&mut self) -> Option<Next> {
        if !self.method_in(&["GET", "HEAD", "POST"]) {
            return None;
        }
        let index = self.model.inherited(self.scope, |setting| match setting {
            Setting::Index(files) => Some(files),
            _ => None,
        });
        let uri = self.uri.clone();
        let folder = self.path(&uri)?;
        let names: Vec<Option<String>> = match index {
            Some((files, _)) => files.iter().map(|file| self.listed(file)).collect(),
            None => vec![Some("index.html".to_owned())],
        };
        for name in names.into_iter().flatten() {
            if name.starts_with('/') {
                return Some(self.internal_redirect(name, self.args.clone()));
            }
            if self.file_exists(&format!("{folder}{name}"), true) {
                return Some(self.internal_redirect(format!("{uri}{name}"), self.args.clone()));
            }
            if !self.folder_exists(&folder, true) {
                return Some(Next::Fail(404));
            }
        }
        None
    }

    fn autoindex(&mut self) -> Option<Next> {
        let (on, span) = self.model.flag(self.scope, Flag::Autoindex)?;
        if !on || !self.method_in(&["GET", "HEAD"]) {
            return None;
        }
        self.step("content", "autoindex", span, "lists the folder");
        let uri = self.uri.clone();
        let folder = self.path(&uri)?;
        Some(if self.folder_exists(&folder, true) { Next::Send(200) } else { Next::Fail(404) })
    }

    /// `ngx_http_static_handler`, and what `ngx_http_core_content_phase` says when no module answered.
    fn static_file(&mut self) -> Next {
        let around = self.model.scope(self.scope);
        if !self.method_in(&["GET", "HEAD", "POST"]) {
            if matches!(around.kind, ScopeKind::Location(_) | ScopeKind::If | ScopeKind::LimitExcept) {
                self.step("content", "location", around.span, "serves files, to GET and HEAD alone");
                self.decided_by.get_or_insert(self.steps.len() - 1);
            }
            return Next::Fail(405);
        }
        if self.uri.ends_with('/') {
            return Next::Fail(403);
        }
        let uri = self.uri.clone();
        let Some(path) = self.path(&uri) else {
            self.ask.doubt("the document root cannot be told");
            return Next::Send(200);
        };
        if !self.file_exists(&path, true) {
            if self.folder_exists(&path, false) {
                return Next::Fail(301);
            }
            let packed = self.model.is_on(self.scope, Flag::GzipStatic) && self.method_in(&["GET", "HEAD"]);
            if packed && self.file_exists(&format!("{path}.gz"), false) {
                return Next::Send(200);
            }
            return Next::Fail(404);
        }
        if self.method_in(&["POST"]) {
            if matches!(around.kind, ScopeKind::Location(_) | ScopeKind::If | ScopeKind::LimitExcept) {
                self.step("content", "location", around.span, "serves files, to GET and HEAD alone");
                self.decided_by.get_or_insert(self.steps.len() - 1);
            }
            return Next::Fail(405);
        }
        Next::Send(200)
    }
}
