//! Looks at what another path would be, without answering for it (`ap_sub_req_lookup_uri` in `server/request.c`).

use super::{Mapping, Run};
use crate::http::MethodSet;

/// The request itself, set aside while another path is looked at.
pub(super) struct Outer<'s> {
    mapping: Mapping<'s>,
    method: Option<MethodSet>,
    decided: Option<usize>,
    steps: usize,
}

impl<'s> Run<'s, '_, '_> {
    /// Turns to another path, with GET and the request's own query.
    pub(super) fn enter(&mut self, path: &str) -> Outer<'s> {
        let outer =
            Outer { mapping: self.mapping.clone(), method: self.fixed_method, decided: self.decided, steps: self.steps.len() };
        self.subrequest = true;
        self.mapping.ended = false;
        self.checked.clone_from(&self.mapping.stack);
        self.outer_method = self.fixed_method;
        self.fixed_method = Some(self.ask.universe().only("GET"));
        let query = self.mapping.url.query.clone();
        self.restart(path);
        self.mapping.url.query = query;
        outer
    }

    /// Lets the other path take the request's place.
    pub(super) fn stay(&mut self, outer: &Outer<'s>) {
        self.subrequest = false;
        self.fixed_method = outer.method;
    }

    /// Turns back; what decided a refusal remains, as do the steps to it.
    pub(super) fn leave(&mut self, outer: Outer<'s>, refused: bool) {
        self.stay(&outer);
        if !refused {
            self.steps.truncate(outer.steps);
            self.decided = outer.decided;
        }
        self.mapping = outer.mapping;
    }
}
