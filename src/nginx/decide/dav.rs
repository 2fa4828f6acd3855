//! WebDAV on files: `ngx_http_dav_module` and the dav-ext module.

use crate::http::MethodSet;
use crate::nginx::site::{Flag, pick};

use super::files::Mapped;
use super::{Exchange, Next};

impl<'m> Exchange<'m, '_, '_> {
    /// `ngx_http_dav_handler`
    pub(super) fn dav(&mut self) -> Result<Option<Next>, Next> {
        let methods = self.model.inherited(self.scope, pick!(DavMethods));
        let Some((methods, span)) = methods else { return Ok(None) };
        if !self.takes(*methods, &["PUT", "DELETE", "MKCOL", "COPY", "MOVE"]) {
            return Ok(None);
        }
        self.decide_by("content", "dav_methods", span, "takes the method");
        let uri = self.uri.clone();
        let next = if self.method_in(&["PUT"]) {
            self.put(&uri)?
        } else if self.has_body() {
            Next::Fail(415)
        } else if self.method_in(&["DELETE"]) {
            self.delete(&uri)?
        } else if self.method_in(&["MKCOL"]) {
            self.make_collection(&uri)?
        } else {
            self.copy_or_move(&uri)?
        };
        Ok(Some(next))
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

    /// The path on the disk; where the root cannot be told, the method is taken to succeed.
    fn stored(&mut self, uri: &str, success: u16) -> Result<String, Next> {
        match self.mapped(uri) {
            Mapped::Path(path) => Ok(path),
            Mapped::Refused => Err(Next::Fail(500)),
            Mapped::Unknown => {
                self.ask.doubt("the document root cannot be told");
                Err(Next::Send(success))
            }
        }
    }

    /// `ngx_http_dav_put_handler`
    fn put(&mut self, uri: &str) -> Result<Next, Next> {
        if uri.ends_with('/') {
            return Ok(Next::Fail(409));
        }
        if self.header("content-range").is_some() {
            return Ok(Next::Fail(501));
        }
        if let Some(next) = self.read_body() {
            return Ok(next);
        }
        let chunked = self.ask.request().header("transfer-encoding").is_some();
        if !chunked && self.ask.header("content-length").is_none() {
            return Ok(Next::Fail(500));
        }
        // The body must lie in a file, for which it is too late where somebody read it into memory.
        if self.body_is_read && self.body_fits_memory() {
            return Ok(Next::Fail(500));
        }
        let path = self.stored(uri, 201)?;
        if self.folder_exists(&path, false) {
            return Ok(Next::Fail(409));
        }
        if self.file_exists(&path, false) {
            return Ok(Next::Send(204));
        }
        let creates = self.model.is_on(self.scope, Flag::CreateFullPutPath) && !self.is_below_file(&path);
        if !creates && !self.folder_exists(parent(&path), true) {
            return Ok(Next::Fail(500));
        }
        Ok(Next::Send(201))
    }

    /// `ngx_http_dav_delete_handler`
    fn delete(&mut self, uri: &str) -> Result<Next, Next> {
        let depth = self.model.inherited(self.scope, pick!(MinDeleteDepth));
        // Slashes that something follows.
        let segments = uri.trim_end_matches('/').matches('/').count();
        if let Some((depth, span)) = depth
            && segments < *depth
        {
            self.decide_by("content", "min_delete_depth", span, "the path is too short");
            return Ok(Next::Fail(409));
        }
        let path = self.stored(uri, 204)?;
        let is_collection = uri.ends_with('/');
        let depth = self.depth_header();
        if self.folder_exists(&path, is_collection) {
            return Ok(Next::Fail(match depth {
                _ if !is_collection => 409,
                Depth::Infinity => 204,
                _ => 400,
            }));
        }
        Ok(Next::Fail(match self.file_exists(path.trim_end_matches('/'), !is_collection) {
            true if is_collection => 409,
            true if matches!(depth, Depth::Zero | Depth::Infinity) => 204,
            true => 400,
            false if self.is_below_file(&path) => 409,
            false => 404,
        }))
    }

    /// `ngx_http_dav_mkcol_handler`
    fn make_collection(&mut self, uri: &str) -> Result<Next, Next> {
        if !uri.ends_with('/') {
            return Ok(Next::Fail(409));
        }
        let path = self.stored(uri, 201)?;
        let bare = path.trim_end_matches('/');
        if self.folder_exists(bare, false) || self.file_exists(bare, false) {
            return Ok(Next::Fail(405));
        }
        Ok(Next::Fail(if self.folder_exists(parent(bare), true) { 201 } else { 409 }))
    }

    /// `ngx_http_dav_copy_move_handler`
    fn copy_or_move(&mut self, uri: &str) -> Result<Next, Next> {
        let Some(target) = self.header("destination").and_then(|sent| self.destination_uri(&sent)) else {
            return Ok(Next::Fail(400));
        };
        if target.ends_with('/') != uri.ends_with('/') {
            return Ok(Next::Fail(409));
        }
        let moves = self.method_in(&["MOVE"]);
        match self.depth_header() {
            Depth::Infinity => {}
            Depth::Zero if !moves => {}
            _ => return Ok(Next::Fail(400)),
        }
        let overwrite = match self.header("overwrite").as_deref() {
            None | Some("T" | "t") => true,
            Some("F" | "f") => false,
            Some(_) => return Ok(Next::Fail(400)),
        };
        let path = self.stored(uri, 204)?;
        let copy = self.stored(&target, 204)?;
        let is_collection = uri.ends_with('/');
        let taken_by_folder = self.folder_exists(&copy, false);
        if taken_by_folder && !copy.ends_with('/') {
            return Ok(Next::Fail(409));
        }
        if (taken_by_folder || self.file_exists(copy.trim_end_matches('/'), false)) && !overwrite {
            return Ok(Next::Fail(412));
        }
        if self.is_below_file(&copy) {
            return Ok(Next::Fail(404));
        }
        if self.folder_exists(&path, is_collection) {
            let creates = self.folder_exists(parent(copy.trim_end_matches('/')), true);
            return Ok(Next::Fail(match is_collection {
                true if creates => 201,
                true => 404,
                false => 400,
            }));
        }
        if is_collection || !self.file_exists(&path, true) {
            return Ok(Next::Fail(404));
        }
        let creates = moves || self.folder_exists(parent(&copy), true);
        Ok(Next::Fail(if creates { 204 } else { 500 }))
    }

    /// The path of a `Destination` header, which must be of this host.
    fn destination_uri(&mut self, sent: &str) -> Option<String> {
        let target = if sent.starts_with('/') {
            sent
        } else {
            let host = self.host.clone();
            let behind = sent.strip_prefix(&format!("{}://", self.ask.request().scheme))?.strip_prefix(&*host)?;
            if host.is_empty() {
                return None;
            }
            &behind[behind.find('/')?..]
        };
        super::uri::parse(target, true).map(|parsed| parsed.path)
    }

    fn depth_header(&mut self) -> Depth {
        match self.header("depth").as_deref() {
            None | Some("infinity") => Depth::Infinity,
            Some("0") => Depth::Zero,
            Some("1") => Depth::One,
            Some(_) => Depth::Invalid,
        }
    }

    /// Whether a folder of the path is a file in truth; only a look at the disk tells.
    fn is_below_file(&mut self, path: &str) -> bool {
        let above = parent(path.trim_end_matches('/')).to_owned();
        self.ask.sees_disk() && !above.is_empty() && (self.file_exists(&above, false) || self.is_below_file(&above))
    }

    /// The dav-ext module answers before the stock one.
    pub(super) fn dav_ext(&mut self) -> Result<Option<Next>, Next> {
        let methods = self.model.inherited(self.scope, pick!(DavExtMethods));
        let Some((methods, span)) = methods else { return Ok(None) };
        if !self.takes(*methods, &["PROPFIND", "OPTIONS", "LOCK", "UNLOCK"]) {
            return Ok(None);
        }
        self.decide_by("content", "dav_ext_methods", span, "takes the method");
        if self.method_in(&["OPTIONS"]) {
            return Ok(Some(Next::Send(200)));
        }
        if self.method_in(&["PROPFIND"]) {
            return self.list_properties().map(Some);
        }
        let locks = self.model.is_on(self.scope, Flag::DavLocks);
        if !locks {
            return Ok(Some(Next::Fail(405)));
        }
        if self.method_in(&["UNLOCK"]) {
            return Ok(Some(Next::Send(204)));
        }
        self.lock().map(Some)
    }

    fn list_properties(&mut self) -> Result<Next, Next> {
        let body = self.ask.request().body.trim_start();
        if !body.is_empty() && !body.starts_with('<') {
            return Ok(Next::Fail(400));
        }
        // Without the header the depth is 0 here.
        match self.depth_header() {
            Depth::Invalid => return Ok(Next::Fail(400)),
            Depth::Infinity if self.header("depth").is_some() => return Ok(Next::Fail(403)),
            _ => {}
        }
        let uri = self.uri.clone();
        let path = self.path(&uri)?;
        let bare = path.trim_end_matches('/');
        if !self.folder_exists(bare, uri.ends_with('/')) && !self.file_exists(bare, true) {
            return Ok(Next::Fail(404));
        }
        Ok(Next::Send(207))
    }

    /// A lock on a name without a file makes an empty file. Whether somebody else has locked it is a matter of the moment.
    fn lock(&mut self) -> Result<Next, Next> {
        if !matches!(self.depth_header(), Depth::Zero | Depth::Infinity) {
            return Ok(Next::Fail(400));
        }
        let uri = self.uri.clone();
        let path = self.path(&uri)?;
        if self.folder_exists(&path, uri.ends_with('/')) || self.file_exists(&path, true) {
            return Ok(Next::Send(200));
        }
        let creates = !uri.ends_with('/') && self.folder_exists(parent(&path), true);
        Ok(if creates { Next::Send(201) } else { Next::Fail(409) })
    }
}

/// What the `Depth` header says; `infinity` where it is missing.
#[derive(Clone, Copy)]
enum Depth {
    Zero,
    One,
    Infinity,
    Invalid,
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}
