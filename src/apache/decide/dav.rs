//! mod_dav on the file system (`modules/dav/main/mod_dav.c`).

use super::super::site::handlers::Dav;
use super::{End, Phase, Run};
use crate::ask::Fact;

impl Run<'_, '_, '_> {
    /// Whether mod_dav takes the request; GET, HEAD and POST stay with the files.
    pub(super) fn takes_dav(&mut self) -> bool {
        if !self.has("dav") || self.proxied.is_some() {
            return false;
        }
        // An inner `Dav Off` does not undo an outer provider.
        let on = self
            .stack
            .iter()
            .any(|(_, config)| config.rest.as_ref().and_then(|rest| rest.dav.as_ref()).is_some_and(|dav| dav.value == Dav::On));
        let files = self.ask.universe().set(["GET", "HEAD", "POST"]);
        on && !self.method_is(files)
    }

    pub(super) fn dav_handler(&mut self) -> Phase {
        let universe = self.ask.universe();
        let is = |name: &str| universe.only(name);
        let (options, put, delete, mkcol) = (is("OPTIONS"), is("PUT"), is("DELETE"), is("MKCOL"));
        let (propfind, proppatch, lock, unlock) = (is("PROPFIND"), is("PROPPATCH"), is("LOCK"), is("UNLOCK"));
        let copies = universe.set(["COPY", "MOVE"]);
        let named = universe.set([
            "REPORT",
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
        ]);
        if self.method_is(options) {
            return Err(End::Status(200));
        }
        let file = self.filename.trim_end_matches('/').to_owned();
        if self.method_is(mkcol) {
            let coding = self.ask.header("transfer-encoding");
            if coding.is_some_and(|coding| !coding.eq_ignore_ascii_case("chunked")) {
                return Err(End::Status(501));
            }
            let exists = self.exists(&file, false);
            let status = if exists { 405 } else { self.made_below() };
            return Err(End::Status(status));
        }
        if self.method_is(put) {
            if self.ask.fact(Fact::FolderExists(file.as_str().into()), false) {
                return Err(End::Status(409));
            }
            let exists = self.ask.fact(Fact::FileExists(file.into()), false);
            let status = if exists { 204 } else { self.made_below() };
            return Err(End::Status(status));
        }
        if self.method_is(delete) {
            let exists = self.exists(&file, true);
            return Err(End::Status(if exists { 204 } else { 404 }));
        }
        if self.method_is(propfind) {
            if !self.exists(&file, true) {
                return Err(End::Status(404));
            }
            let depth = self.ask.header("depth");
            let infinite = depth.is_none_or(|depth| depth.eq_ignore_ascii_case("infinity"));
            let refused = infinite && self.ask.fact(Fact::FolderExists(file.into()), false);
            return Err(End::Status(if refused { 403 } else { 207 }));
        }
        if self.method_is(copies) {
            if !self.exists(&file, true) {
                return Err(End::Status(404));
            }
            let to = self.ask.header("destination");
            return Err(End::Status(if to.is_some() { 201 } else { 400 }));
        }
        if self.method_is(proppatch) {
            let exists = self.exists(&file, true);
            return Err(End::Status(if !exists { 404 } else { 400 }));
        }
        if self.method_is(lock) || self.method_is(unlock) {
            return Err(End::Status(400));
        }
        if self.method_is(named) {
            return Err(End::Status(405));
        }
        Ok(())
    }

    /// What is made needs the folder above it.
    fn made_below(&mut self) -> u16 {
        if self.parents_exist() { 201 } else { 409 }
    }

    fn exists(&mut self, file: &str, likely: bool) -> bool {
        self.ask.fact(Fact::FileExists(file.into()), likely) || self.ask.fact(Fact::FolderExists(file.into()), false)
    }
}
