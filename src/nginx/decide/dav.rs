//! WebDAV on files: `ngx_http_dav_module` and the dav-ext module.

use crate::http::MethodSet;
use crate::nginx::site::{Flag, Setting};

use super::{Exchange, Next};

impl<'m> Exchange<'m, '_, '_> {
    /// `ngx_http_dav_handler`
    pub(super) fn dav(&mut self) -> Option<Next> {
        let methods = self.model.inherited(self.scope, |setting| match setting {
            Setting::DavMethods(methods) => Some(methods),
            _ => None,
        });
        let (methods, span) = methods?;
        if !self.takes(*methods, &["PUT", "DELETE", "MKCOL", "COPY", "MOVE"]) {
            return None;
        }
        self.decide_by("content", "dav_methods", span, "takes the method");
        let uri = self.uri.clone();
        let Some(path) = self.path(&uri) else {
            self.ask.doubt("the document root cannot be told");
            return Some(Next::Send(204));
        };
        Some(if self.method_in(&["PUT"]) {
            self.put(&uri, &path)
        } else if self.has_body() {
            Next::Fail(415)
        } else if self.method_in(&["DELETE"]) {
            self.delete(&uri, &path)
        } else if self.method_in(&["MKCOL"]) {
            self.make_collection(&uri, &path)
        } else {
            self.copy_or_move(&uri, &path)
        })
    }

    fn takes(&mut self, methods: MethodSet, known: &[&str]) -> bool {
        let known = self.ask.universe().set(known.iter().copied());
        self.method_is(methods & known)
    }

    fn has_body(&mut self) -> bool {
        let request = self.ask.request();
        let length = request.header("content-length").and_then(|length| length.parse::<u64>().ok()).unwrap_or(0);
        length > 0 || request.header("transfer-encoding").is_some()
    }

    fn put(&mut self, uri: &str, path: &str) -> Next {
        if uri.ends_with('/') {
            return Next::Fail(409);
        }
        if self.ask.header("content-range").is_some() {
            return Next::Fail(501);
        }
        let chunked = self.ask.request().header("transfer-encoding").is_some();
        if !chunked && self.ask.header("content-length").is_none() {
            return Next::Fail(500);
        }
        if self.folder_exists(path, false) {
            return Next::Fail(409);
        }
        if self.file_exists(path, false) {
            return Next::Send(204);
        }
        let creates = self.model.is_on(self.scope, Flag::CreateFullPutPath);
        if !creates && !self.folder_exists(parent(path), true) {
            return Next::Fail(409);
        }
        Next::Send(201)
    }

    fn delete(&mut self, uri: &str, path: &str) -> Next {
        let depth = self.model.inherited(self.scope, |setting| match setting {
            Setting::MinDeleteDepth(depth) => Some(depth),
            _ => None,
        });
        let segments = uri.split('/').filter(|part| !part.is_empty()).count();
        if let Some((depth, span)) = depth
            && segments < *depth
        {
            self.decide_by("content", "min_delete_depth", span, "the path is too short");
            return Next::Fail(409);
        }
        let is_collection = uri.ends_with('/');
        if self.folder_exists(path, is_collection) {
            return Next::Fail(if is_collection { 204 } else { 409 });
        }
        match self.file_exists(path.trim_end_matches('/'), !is_collection) {
            true if is_collection => Next::Fail(409),
            true => Next::Fail(204),
            false => Next::Fail(404),
        }
    }

    fn make_collection(&mut self, uri: &str, path: &str) -> Next {
        if !uri.ends_with('/') {
            return Next::Fail(409);
        }
        let bare = path.trim_end_matches('/');
        if self.folder_exists(bare, false) || self.file_exists(bare, false) {
            return Next::Fail(405);
        }
        Next::Fail(if self.folder_exists(parent(bare), true) { 201 } else { 409 })
    }

    fn copy_or_move(&mut self, uri: &str, path: &str) -> Next {
        let Some(destination) = self.ask.header("destination") else { return Next::Fail(400) };
        let target = match destination.split_once("://").map(|(_, rest)| rest) {
            None if destination.starts_with('/') => &*destination,
            None => return Next::Fail(400),
            Some(rest) => {
                let host = self.ask.request().host.clone().unwrap_or_default();
                match rest.strip_prefix(host.as_str()).filter(|path| path.starts_with('/')) {
                    Some(path) => path,
                    None => return Next::Fail(400),
                }
            }
        };
        if target.ends_with('/') != uri.ends_with('/') {
            return Next::Fail(409);
        }
        let overwrite = self.ask.header("overwrite");
        let overwrite = match overwrite.as_deref() {
            None | Some("T" | "t") => true,
            Some("F" | "f") => false,
            Some(_) => return Next::Fail(400),
        };
        let target = target.to_owned();
        let Some(copy) = self.path(&target) else { return Next::Send(204) };
        let taken = self.folder_exists(&copy, false) || self.file_exists(&copy, false);
        if taken && !overwrite {
            return Next::Fail(412);
        }
        let is_collection = uri.ends_with('/');
        if self.folder_exists(path, is_collection) {
            return Next::Fail(if is_collection { 201 } else { 409 });
        }
        if !self.file_exists(path.trim_end_matches('/'), true) {
            return Next::Fail(404);
        }
        Next::Fail(if is_collection { 409 } else { 204 })
    }

    /// The dav-ext module answers before the stock one.
    pub(super) fn dav_ext(&mut self) -> Option<Next> {
        let methods = self.model.inherited(self.scope, |setting| match setting {
            Setting::DavExtMethods(methods) => Some(methods),
            _ => None,
        });
        let (methods, span) = methods?;
        if !self.takes(*methods, &["PROPFIND", "OPTIONS", "LOCK", "UNLOCK"]) {
            return None;
        }
        self.decide_by("content", "dav_ext_methods", span, "takes the method");
        if self.method_in(&["OPTIONS"]) {
            return Some(Next::Send(200));
        }
        let uri = self.uri.clone();
        let path = self.path(&uri)?;
        let there = self.folder_exists(&path, uri.ends_with('/')) || self.file_exists(&path, true);
        if self.method_in(&["PROPFIND"]) {
            return Some(if there { Next::Send(207) } else { Next::Fail(404) });
        }
        if self.method_in(&["LOCK"]) {
            return Some(Next::Send(if there { 200 } else { 201 }));
        }
        let token = self.ask.header("lock-token");
        Some(if token.is_some() { Next::Send(204) } else { Next::Fail(400) })
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}
