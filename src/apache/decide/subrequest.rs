//! Looks at what another path would be, without answering for it (`ap_sub_req_lookup_uri` in `server/request.c`).

use super::url::Url;
use super::values::Value;
use super::{DirConfig, Layer, Run};
use crate::http::MethodSet;
use crate::source::Span;

/// What belongs to the path of the request, set aside while another path is looked at.
pub(super) struct Outer<'s> {
    url: Url,
    stack: Vec<(Layer, &'s DirConfig)>,
    filename: String,
    path_info: String,
    inner_redirect: Option<String>,
    proxied: Option<String>,
    as_it_is: bool,
    local: bool,
    context: Option<(&'s str, &'s str)>,
    handler: Option<String>,
    script_alias: Option<Span>,
    env: Vec<(String, Option<Value>)>,
    ended: bool,
    excluded: Option<usize>,
    method: Option<MethodSet>,
    decided: Option<usize>,
    steps: usize,
}

impl<'s> Run<'s, '_, '_> {
    /// Turns to another path, with GET and the request's own query.
    pub(super) fn enter(&mut self, path: &str) -> Outer<'s> {
        let outer = Outer {
            url: self.url.clone(),
            stack: self.stack.clone(),
            filename: self.filename.clone(),
            path_info: self.path_info.clone(),
            inner_redirect: self.inner_redirect.clone(),
            proxied: self.proxied.clone(),
            as_it_is: self.as_it_is,
            local: self.local,
            context: self.context,
            handler: self.handler.clone(),
            script_alias: self.script_alias,
            env: self.env.clone(),
            ended: std::mem::replace(&mut self.ended, false),
            excluded: self.excluded,
            method: self.fixed_method,
            decided: self.decided,
            steps: self.steps.len(),
        };
        self.subrequest = true;
        self.checked.clone_from(&self.stack);
        self.outer_method = self.fixed_method;
        self.fixed_method = Some(self.ask.universe().only("GET"));
        let query = self.url.query.clone();
        self.restart(path);
        self.url.query = query;
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
        (self.url, self.stack, self.filename, self.path_info) = (outer.url, outer.stack, outer.filename, outer.path_info);
        (self.inner_redirect, self.proxied, self.as_it_is) = (outer.inner_redirect, outer.proxied, outer.as_it_is);
        (self.local, self.context, self.handler) = (outer.local, outer.context, outer.handler);
        (self.script_alias, self.env, self.ended) = (outer.script_alias, outer.env, outer.ended);
        self.excluded = outer.excluded;
    }
}
