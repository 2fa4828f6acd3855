//! Request line and headers: what nginx refuses before it looks at any location (`ngx_http_request.c`,
//! `ngx_http_parse.c`).

use std::borrow::Cow;
use std::sync::Arc;

use super::uri::{self, Parsed};
use super::values::Value;
use super::{Exchange, Next};
use crate::http::Answer;
use crate::nginx::select::{Listener, Listeners, Named};

impl<'m> Exchange<'m, '_, '_> {
    /// Reads the request and chooses its server.
    pub(super) fn receive(&mut self, listeners: &Listeners) -> Next {
        let Some(listener) = listeners.find(self.ask.request()) else { return Next::Done(Answer::Close) };
        self.choose_server(listener.default_server());
        if listener.plain_http2 {
            return Next::Done(Answer::Close);
        }
        if let Err(next) = self.request_line(listener) {
            return next;
        }
        self.headers(listener)
    }

    fn choose_server(&mut self, server: usize) {
        self.server = server;
        self.scope = self.model.servers[server].scope;
    }

    /// `ngx_http_parse_request_line`
    fn request_line(&mut self, listener: &Listener) -> Result<(), Next> {
        let request = self.ask.request();
        if !self.ask.method_is(self.model.methods.tokens) {
            return Err(Next::Fail(400));
        }
        let (host, target) = split_target(&request.target).ok_or(Next::Fail(400))?;
        check_version(&request.version)?;
        // A URL without a path has no target to send on (`empty_path_in_uri`).
        self.target_is_valid = target.starts_with('/');
        self.target = Cow::Borrowed(if target.is_empty() { "/" } else { target });
        let merge = self.model.servers[self.server].merge_slashes;
        let Parsed { path, args, quoted, has_plus } = uri::parse(target, merge).ok_or(Next::Fail(400))?;
        (self.uri, self.args, self.quoted, self.has_plus) = (path, args.to_owned(), quoted, has_plus);
        if let Some(host) = host {
            let host = valid_host(host).ok_or(Next::Fail(400))?;
            self.host = host.as_str().into();
        }
        if !self.host.is_empty() {
            self.choose_named(listener);
        }
        Ok(())
    }

    /// `ngx_http_process_request_header`, in its order.
    fn headers(&mut self, listener: &Listener) -> Next {
        let request = self.ask.request();
        let is_old = request.version == "1.0";
        match request.header("host").as_deref() {
            None if !is_old => return Next::Fail(400),
            None => {}
            Some(host) => {
                let Some(host) = valid_host(host) else { return Next::Fail(400) };
                if self.host.is_empty() {
                    self.host = host.as_str().into();
                    self.choose_named(listener);
                }
            }
        }
        if self.host.is_empty() {
            self.choose_named(listener);
        }
        let length = request.header("content-length");
        if length.as_deref().is_some_and(|length| length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit())) {
            return Next::Fail(400);
        }
        if let Some(coding) = request.header("transfer-encoding") {
            if is_old {
                return Next::Fail(400);
            }
            if !coding.eq_ignore_ascii_case("chunked") {
                return Next::Fail(501);
            }
            if length.is_some() {
                return Next::Fail(400);
            }
        }
        if self.ask.method_is(self.model.methods.refused) {
            return Next::Fail(405);
        }
        if listener.ssl && request.scheme == "http" {
            // The client speaks plain HTTP to a port for TLS.
            return Next::Fail(497);
        }
        Next::ServerRewrite
    }

    fn choose_named(&mut self, listener: &Listener) {
        let host = Arc::clone(&self.host);
        match listener.named(&host) {
            Named::Server(server) | Named::Default(server) => self.choose_server(server),
            Named::Regex(server, index) => {
                self.choose_server(server);
                if let Some(pattern) = listener.pattern(index) {
                    self.capture(pattern, Value::Plain(host));
                }
            }
        }
    }
}

/// The host of an absolute target, and the rest; `None` where nginx reads no target.
fn split_target(target: &str) -> Option<(Option<&str>, &str)> {
    if target.starts_with('/') {
        return Some((None, target));
    }
    let (scheme, rest) = target.split_once("://")?;
    if scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    if host.is_empty() {
        return None;
    }
    Some((Some(host), path))
}

fn check_version(version: &str) -> Result<(), Next> {
    let (major, minor) = version.split_once('.').ok_or(Next::Fail(400))?;
    let number = |text: &str| text.parse::<u16>().ok().filter(|_| text.len() <= 2 && !text.is_empty());
    let major = number(major).filter(|major| *major > 0).ok_or(Next::Fail(400))?;
    if major > 1 {
        return Err(Next::Fail(505));
    }
    number(minor).map(|_| ()).ok_or(Next::Fail(400))
}

/// `ngx_http_validate_host`: in lower case, without port and last dot.
fn valid_host(host: &str) -> Option<String> {
    let (name, port) = match host.rfind(']') {
        Some(end) if host.starts_with('[') => host.split_at(end + 1),
        _ => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let allowed = |byte: u8| byte > b' ' && byte != 0x7f && byte != b'/';
    if name.is_empty() || !host.bytes().all(allowed) || name.contains("..") || port.contains('/') {
        return None;
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    (!name.is_empty()).then(|| name.to_ascii_lowercase())
}
