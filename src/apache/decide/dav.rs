//! mod_dav on the file system (`modules/dav/main/mod_dav.c`).

use super::super::site::handlers::Dav;
use super::{End, Phase, Run};
use crate::ask::Fact;
use crate::http::MethodSet;

/// Gives the status that a method gets for a file.
type Handler<'s, 'r, 'a> = fn(&mut Run<'s, 'r, 'a>, String) -> u16;

impl<'s, 'r, 'a> Run<'s, 'r, 'a> {
    /// Whether mod_dav takes the request; GET, HEAD and POST stay with the files.
    pub(super) fn takes_dav(&mut self) -> bool {
        if !self.has("dav") || self.mapping.proxied.is_some() {
            return false;
        }
        // An inner `Dav Off` does not undo an outer provider.
        let on =
            self.mapping.stack.iter().any(|(_, config)| {
                config.rest.as_ref().and_then(|rest| rest.dav.as_ref()).is_some_and(|dav| dav.value == Dav::On)
            });
        let files = self.ask.universe().set(["GET", "HEAD", "POST"]);
        on && !self.method_is(files)
    }

    pub(super) fn dav_handler(&mut self) -> Phase {
        let universe = self.ask.universe();
        let is = |name: &str| universe.only(name);
        let file = self.mapping.filename.trim_end_matches('/').to_owned();
        let versions = universe.set(VERSIONS.iter().copied());
        let handlers: [(MethodSet, Handler<'s, 'r, 'a>); 10] = [
            (is("OPTIONS"), |_, _| 200),
            (is("PUT"), Self::dav_put),
            (is("DELETE"), Self::dav_delete),
            (is("MKCOL"), Self::dav_mkcol),
            (is("PROPFIND"), Self::dav_propfind),
            (is("PROPPATCH"), Self::dav_proppatch),
            (universe.set(["COPY", "MOVE"]), Self::dav_copy),
            (is("LOCK"), Self::dav_lock),
            (is("UNLOCK"), |_, _| 400),
            (is("REPORT"), |run, _| if run.ask.request().body.is_empty() { 400 } else { 405 }),
        ];
        for (methods, handler) in handlers {
            if self.method_is(methods) {
                return Err(End::Status(handler(self, file)));
            }
        }
        if self.method_is(versions) {
            return Err(End::Status(405));
        }
        Ok(())
    }

    fn dav_put(&mut self, file: String) -> u16 {
        if self.ask.fact(Fact::FolderExists(file.as_str().into()), false) {
            return 409;
        }
        let exists = self.ask.fact(Fact::FileExists(file.into()), false);
        if let Err(End::Status(status)) = self.check_body() {
            return status;
        }
        if self.breaks_condition(exists) {
            return 412;
        }
        if exists { 204 } else { self.made_below() }
    }

    fn dav_delete(&mut self, file: String) -> u16 {
        if !self.exists(&file, true) {
            return 404;
        }
        if self.breaks_condition(true) { 412 } else { 204 }
    }

    fn dav_mkcol(&mut self, file: String) -> u16 {
        let coding = self.header("transfer-encoding");
        if coding.is_some_and(|coding| !coding.eq_ignore_ascii_case("chunked")) {
            return 501;
        }
        if !self.ask.request().body.is_empty() {
            return 415;
        }
        if self.exists(&file, false) { 405 } else { self.made_below() }
    }

    fn dav_propfind(&mut self, file: String) -> u16 {
        if !self.exists(&file, true) {
            return 404;
        }
        let infinite = match self.header("depth").as_deref() {
            None => true,
            Some("0" | "1") => false,
            Some(depth) if depth.eq_ignore_ascii_case("infinity") => true,
            Some(_) => return 400,
        };
        if infinite && self.ask.fact(Fact::FolderExists(file.into()), false) {
            return 403;
        }
        let body = self.ask.request().body.as_str();
        let asks = |name: &str| body.contains(&format!("{name}>")) || body.contains(&format!("{name}/>"));
        let is_fine =
            body.is_empty() || root_name(body) == Some("propfind") && ["allprop", "propname", "prop"].into_iter().any(asks);
        if is_fine { 207 } else { 400 }
    }

    fn dav_proppatch(&mut self, file: String) -> u16 {
        if !self.exists(&file, true) {
            return 404;
        }
        if root_name(&self.ask.request().body) == Some("propertyupdate") { 207 } else { 400 }
    }

    /// COPY and MOVE, whose target is a URL (`dav_method_copymove`).
    fn dav_copy(&mut self, file: String) -> u16 {
        if !self.exists(&file, true) {
            return 404;
        }
        let Some(to) = self.header("destination") else { return 400 };
        let Some((scheme, rest)) = to.split_once("://") else { return 400 };
        if !scheme.eq_ignore_ascii_case(&self.ask.request().scheme) {
            return 502;
        }
        let path = rest.find('/').map_or("/", |start| &rest[start..]);
        let path = path.split(['?', '#']).next().unwrap_or(path);
        // The target lies below the same root as the source does.
        let root = self.mapping.filename.strip_suffix(&self.mapping.url.path).unwrap_or_else(|| self.document_root()).to_owned();
        let target = format!("{root}{}", super::url::decode_all(path)).trim_end_matches('/').to_owned();
        let exists = self.exists(&target, false);
        match self.header("overwrite").as_deref() {
            None | Some("T" | "t") => {}
            Some("F" | "f") if exists => return 412,
            Some("F" | "f") => {}
            Some(_) => return 400,
        }
        if target == file {
            return 403;
        }
        let depth = self.header("depth").unwrap_or_else(|| "infinity".into());
        let infinite = depth.eq_ignore_ascii_case("infinity");
        let moves = self.ask.universe().only("MOVE");
        if !infinite && (&*depth != "0" || self.ask.fact(Fact::FolderExists(file.into()), false) && self.method_is(moves)) {
            return 400;
        }
        let parent = target.rsplit_once('/').map_or("", |(parent, _)| parent);
        if !self.ask.fact(Fact::FolderExists(parent.into()), true) {
            return 409;
        }
        if exists { 204 } else { 201 }
    }

    fn dav_lock(&mut self, _file: String) -> u16 {
        if self.header("depth").is_some_and(|depth| &*depth != "0" && !depth.eq_ignore_ascii_case("infinity")) {
            return 400;
        }
        // Without a body an old lock is meant, which only the server knows.
        if root_name(&self.ask.request().body) != Some("lockinfo") {
            return 400;
        }
        if self.parents_exist() { 200 } else { 409 }
    }

    /// `If-Match` and `If-None-Match`; no entity tag of a client's is taken for the file's own.
    pub(super) fn breaks_condition(&mut self, exists: bool) -> bool {
        let expects = self.header("if-match");
        let forbids = self.header("if-none-match");
        expects.is_some_and(|tags| !exists || &*tags != "*") || forbids.is_some_and(|tags| exists && &*tags == "*")
    }

    /// What is made needs the folder above it.
    fn made_below(&mut self) -> u16 {
        if self.parents_exist() { 201 } else { 409 }
    }

    fn exists(&mut self, file: &str, likely: bool) -> bool {
        self.ask.fact(Fact::FileExists(file.into()), likely) || self.ask.fact(Fact::FolderExists(file.into()), false)
    }
}

/// The methods of versioned collections, which files have not.
const VERSIONS: &[&str] = &[
    "VERSION-CONTROL",
    "CHECKOUT",
    "UNCHECKOUT",
    "CHECKIN",
    "UPDATE",
    "LABEL",
    "MKWORKSPACE",
    "MKACTIVITY",
    "BASELINE-CONTROL",
    "MERGE",
    "BIND",
    "SEARCH",
];

/// The name of an XML document's root without its prefix, where the document looks whole.
fn root_name(body: &str) -> Option<&str> {
    let mut rest = body.trim();
    while let Some(inner) = rest.strip_prefix("<?").or_else(|| rest.strip_prefix("<!")) {
        rest = inner.split_once('>')?.1.trim_start();
    }
    let tag = rest.strip_prefix('<')?;
    let name = &tag[..tag.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/'))?];
    let closed = rest.ends_with(&format!("</{name}>")) || rest.ends_with("/>") && rest.matches('<').count() == 1;
    closed.then(|| name.rsplit_once(':').map_or(name, |(_, local)| local))
}

#[cfg(test)]
mod tests {
    use super::root_name;

    #[test]
    fn documents_have_a_root() {
        assert_eq!(root_name("<?xml version='1.0'?>\n<D:propfind xmlns:D='DAV:'><D:allprop/></D:propfind>"), Some("propfind"));
        assert_eq!(root_name("<lockinfo/>"), Some("lockinfo"));
        assert_eq!((root_name("<notxml"), root_name(""), root_name("<a><b></a")), (None, None, None));
    }
}
