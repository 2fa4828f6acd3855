//! From what serves the path to the sections of files (`map_to_storage`).

use super::super::expr::wildcard;
use super::super::select::sections;
use super::super::site::Trace;
use super::super::site::section::Matcher;
use super::{End, Layer, Phase, Run};

impl Run<'_, '_, '_> {
    pub(super) fn map_to_storage(&mut self) -> Phase {
        if self.mapping.proxied.is_some() {
            self.walk_proxy();
            return Ok(());
        }
        let universe = self.ask.universe();
        let (trace, options) = (universe.only("TRACE"), universe.only("OPTIONS"));
        if self.mapping.url.raw == "*" {
            let status = if self.method_is(options) { 200 } else { 400 };
            return Err(End::Status(status));
        }
        if self.method_is(trace) {
            return self.trace_here();
        }
        self.walk_storage()
    }

    /// TRACE of what is not proxied is answered before any access rule (`ap_send_http_trace`).
    fn trace_here(&mut self) -> Phase {
        let (trace, span) = self.trace();
        let coding = self.header("transfer-encoding");
        if let (Trace::Off, Some(span)) = (trace, span) {
            return self.decided("map_to_storage", "TraceEnable", span, "refuses TRACE", End::Status(405));
        }
        if coding.is_some_and(|coding| !coding.eq_ignore_ascii_case("chunked")) {
            return Err(End::Status(501));
        }
        if trace == Trace::On && self.has_body() {
            return Err(End::Status(413));
        }
        Err(End::Status(200))
    }

    /// `<Proxy>` sections, by the URL that the request goes to.
    fn walk_proxy(&mut self) {
        self.mapping.stack = self.defaults();
        let url = self.mapping.proxied.clone().unwrap_or_default();
        let (site, server) = (self.site, self.server);
        for section in sections(site, server, |server| &server.proxy_sections) {
            let takes = match &section.matcher {
                Matcher::Path(own) => own == "*" || url.starts_with(own.as_str()),
                Matcher::Wild(pattern) => wildcard(pattern, &url),
                Matcher::Pattern(pattern) => pattern.matches(&url).unwrap_or(false),
                Matcher::Open => false,
            };
            if takes {
                self.mapping.stack.push((Layer::Storage, &section.config));
            }
        }
    }
}
