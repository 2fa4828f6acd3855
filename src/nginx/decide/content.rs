//! Content: what produces the answer (`ngx_http_core_content_phase`).

use crate::http::Part;
use crate::nginx::site::{Flag, Handler, ScopeKind, pick};
use crate::source::Span;

use super::{Exchange, Next};

impl<'m> Exchange<'m, '_, '_> {
    pub(super) fn content(&mut self) -> Next {
        match self.handler {
            Some(Handler::Pass(pass)) => self.pass_on(pass.kind),
            Some(Handler::ReadOnly(name, span)) => self.read_only(name, *span),
            Some(Handler::Opaque(name, effects, span)) => {
                if &**name != "echo" {
                    self.ask.doubt(format!("`{name}` makes the answer"));
                }
                self.step("content", "location", *span, "another module answers");
                self.content_code(name, effects)
            }
            None => self.files().unwrap_or_else(|next| next),
        }
    }

    fn read_only(&mut self, name: &'static str, span: Span) -> Next {
        self.decide_by("content", name, span, "answers GET and HEAD alone");
        if !self.method_in(&["GET", "HEAD"]) {
            return Next::Fail(405);
        }
        if matches!(name, "flv" | "mp4") {
            return self.static_file().unwrap_or_else(|next| next);
        }
        Next::Send(200)
    }

    /// The modules that serve files, in the order in which they are asked.
    fn files(&mut self) -> Result<Next, Next> {
        if let Some(next) = self.dav_ext()? {
            return Ok(next);
        }
        if self.uri.ends_with('/') {
            for module in [Self::random_index, Self::fancy_index, Self::index, Self::autoindex] {
                if let Some(next) = module(self)? {
                    return Ok(next);
                }
            }
        }
        match self.dav()? {
            Some(next) => Ok(next),
            None => self.static_file(),
        }
    }

    /// `ngx_http_random_index_handler`
    fn random_index(&mut self) -> Result<Option<Next>, Next> {
        if !self.model.is_on(self.scope, Flag::RandomIndex) || !self.method_in(&["GET", "HEAD", "POST"]) {
            return Ok(None);
        }
        let uri = self.uri.clone();
        let folder = self.path(&uri)?;
        if !self.folder_exists(&folder, true) {
            return Ok(Some(Next::Fail(404)));
        }
        self.ask.doubt("`random_index` chooses a file");
        Ok(Some(if self.method_in(&["POST"]) { self.refuse_to_write() } else { Next::Send(200) }))
    }

    /// `ngx_http_index_handler`
    fn index(&mut self) -> Result<Option<Next>, Next> {
        if !self.method_in(&["GET", "HEAD", "POST"]) {
            return Ok(None);
        }
        let index = self.model.inherited(self.scope, pick!(Index));
        let uri = self.uri.clone();
        let names: Vec<Option<String>> = match index {
            Some((files, _)) => files.iter().map(|file| self.listed(file)).collect(),
            None => vec![Some("index.html".to_owned())],
        };
        for name in names.into_iter().flatten() {
            if name.starts_with('/') {
                return Ok(Some(self.internal_redirect(name, self.args.clone())));
            }
            let folder = self.path(&uri)?;
            let path = format!("{folder}{name}");
            if self.file_exists(&path, true) || self.ask.sees_disk() && self.folder_exists(&path, false) {
                return Ok(Some(self.internal_redirect(format!("{uri}{name}"), self.args.clone())));
            }
            if !self.folder_exists(&folder, true) {
                return Ok(Some(Next::Fail(404)));
            }
        }
        Ok(None)
    }

    fn autoindex(&mut self) -> Result<Option<Next>, Next> {
        self.listing(Flag::Autoindex, "autoindex")
    }

    fn fancy_index(&mut self) -> Result<Option<Next>, Next> {
        self.listing(Flag::FancyIndex, "fancyindex")
    }

    fn listing(&mut self, flag: Flag, directive: &'static str) -> Result<Option<Next>, Next> {
        let Some((true, span)) = self.model.flag(self.scope, flag) else { return Ok(None) };
        if !self.method_in(&["GET", "HEAD"]) {
            return Ok(None);
        }
        self.step("content", directive, span, "lists the folder");
        let uri = self.uri.clone();
        let folder = self.path(&uri)?;
        Ok(Some(if self.folder_exists(&folder, true) { Next::Send(200) } else { Next::Fail(404) }))
    }

    /// `ngx_http_static_handler`, and what `ngx_http_core_content_phase` says when no module answered.
    fn static_file(&mut self) -> Result<Next, Next> {
        if !self.method_in(&["GET", "HEAD", "POST"]) {
            return Ok(self.refuse_to_write());
        }
        if self.uri.ends_with('/') {
            return Ok(self.refuse(403, "lists no folder for this method"));
        }
        let uri = self.uri.clone();
        let path = self.path(&uri)?;
        if self.is_packed(&path) {
            return Ok(Next::Send(200));
        }
        if !self.file_exists(&path, true) {
            return Ok(Next::Fail(if self.folder_exists(&path, false) { 301 } else { 404 }));
        }
        if self.method_in(&["POST"]) {
            return Ok(self.refuse_to_write());
        }
        self.habit("serves a file");
        Ok(Next::Send(200))
    }

    /// `ngx_http_gzip_static_handler`: whether a packed copy of the file answers.
    fn is_packed(&mut self, path: &str) -> bool {
        if !self.model.is_on(self.scope, Flag::GzipStatic) || !self.method_in(&["GET", "HEAD"]) {
            return false;
        }
        let always = self.model.is_on(self.scope, Flag::GzipAlways);
        (always || self.takes_gzip()) && self.file_exists(&format!("{path}.gz"), false)
    }

    /// `ngx_http_gzip_ok`, with the settings that it has by default.
    fn takes_gzip(&mut self) -> bool {
        let accepts = self.header("accept-encoding").is_some_and(|sent| {
            let gzip = sent.to_ascii_lowercase();
            gzip.contains("gzip") && !gzip.replace(' ', "").contains("gzip;q=0")
        });
        accepts && self.ask.request().version != "1.0" && self.header("via").is_none()
    }

    /// Files are there for GET and HEAD alone.
    fn refuse_to_write(&mut self) -> Next {
        self.refuse(405, "serves files, to GET and HEAD alone")
    }

    /// A refusal that is the habit of the modules that serve files.
    fn refuse(&mut self, status: u16, note: &'static str) -> Next {
        self.habit(note);
        Next::Fail(status)
    }

    /// What the modules that serve files do by themselves.
    fn habit(&mut self, note: &'static str) {
        let around = self.model.scope(self.scope);
        let section = if matches!(around.kind, ScopeKind::Server) { "server" } else { "location" };
        self.step("content", section, around.span, note);
        self.plays(Part::Habit);
        self.decided_by.get_or_insert(self.steps.len() - 1);
    }
}
