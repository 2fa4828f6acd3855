//! The answers that rules make: replies with their payloads, and redirects (src/http_act.c, src/http_rules.c).

use std::sync::Arc;

use super::{Action, Parts, Rule};
use crate::haproxy::site::build::{Refused, Word};
use crate::haproxy::site::errors::{ErrorPage, is_default_status, known_statuses};
use crate::haproxy::site::format::Format;
use crate::haproxy::site::forms;
use crate::haproxy::site::references::Named;
use crate::haproxy::site::section::SectionBuilder;
use crate::server::Release;
use crate::source::Span;

/// An answer that the proxy makes.
#[derive(Debug)]
pub(in crate::haproxy) struct Reply {
    pub(in crate::haproxy) status: u16,
    pub(in crate::haproxy) body: Body,
    pub(in crate::haproxy) headers: Vec<(Arc<str>, Format)>,
    /// Where the status is written.
    pub(in crate::haproxy) status_span: Option<Span>,
}

#[derive(Debug)]
pub(in crate::haproxy) enum Body {
    /// Nothing, or a text of the rule's own.
    Own,
    /// What the proxy has configured for the status.
    ErrorPages,
    /// What a section `http-errors` has for the status.
    Section(Arc<str>),
    File(ErrorPage),
}

#[derive(Debug)]
pub(in crate::haproxy) struct Redirect {
    pub(in crate::haproxy) kind: RedirectKind,
    pub(in crate::haproxy) to: Format,
    pub(in crate::haproxy) code: u16,
    pub(in crate::haproxy) drop_query: bool,
    pub(in crate::haproxy) append_slash: bool,
    pub(in crate::haproxy) ignore_empty: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum RedirectKind {
    Location,
    Prefix,
    Scheme,
}

impl SectionBuilder<'_, '_> {
    /// `deny` and `tarpit`: without a payload they send the error page of their status.
    pub(super) fn refusal(&mut self, parts: &mut Parts<'_>, default: u16, line: Span) -> Result<Reply, Refused> {
        if parts.at_condition() {
            return Ok(Reply { status: default, body: Body::ErrorPages, headers: Vec::new(), status_span: None });
        }
        if parts.peek().is_some_and(|word| word.text == "deny_status") {
            parts.next();
            let code = parts.need("the status of `deny_status`", line)?;
            if parts.at_condition() {
                let status = self.refusal_status(&code, default)?;
                return Ok(Reply { status, body: Body::ErrorPages, headers: Vec::new(), status_span: Some(code.span) });
            }
            parts.at -= 2;
        }
        self.reply(parts, default, true, line)
    }

    /// A status that is sent with its error page must be one that HAProxy has a page for.
    fn refusal_status(&mut self, code: &Word<'_>, default: u16) -> Result<u16, Refused> {
        let (status, code) = (number(code), code.span);
        let release = self.config.release;
        if is_default_status(status, release) {
            return Ok(status);
        }
        if release < Release(2, 2, 0) {
            self.too_old(code, format!("HAProxy {release} has no error page for {status} and sends {default} instead"));
            return Ok(default);
        }
        let list = known_statuses(release).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let refused = Refused::new(code, format!("a refusal cannot have the status {status}"));
        if (501, true) == (status, release < Release(2, 4, 0)) {
            return Err(refused.help("HAProxy 2.4 and later can send 501").too_old());
        }
        Err(refused.help(format!("use one of {list}, or add `content-type` and `string`")))
    }

    pub(super) fn reply(&mut self, parts: &mut Parts<'_>, default: u16, refuses: bool, line: Span) -> Result<Reply, Refused> {
        let mut reply = Reply { status: default, body: Body::Own, headers: Vec::new(), status_span: None };
        let mut payload = Payload::default();
        let first = parts.at;
        while let Some(word) = parts.peek() {
            match word.text {
                // The older word for a status is known as the first of all only (src/http_act.c, parse_http_deny).
                "deny_status" if !refuses || parts.at != first => break,
                "status" | "deny_status" => {
                    parts.next();
                    let code = parts.need("the status", line)?;
                    reply.status = number(&code);
                    reply.status_span = Some(code.span);
                    if !(200..=599).contains(&reply.status) {
                        return Err(Refused::new(code.span, format!("`{}` is no status from 200 to 599", code.text)));
                    }
                }
                "content-type" => {
                    parts.next();
                    payload.kind = Some(parts.need("the content type", line)?.span);
                }
                "default-errorfiles" | "errorfiles" | "errorfile" | "file" | "string" | "lf-file" | "lf-string" => {
                    parts.next();
                    if let Some(first) = payload.source {
                        return Err(Refused::new(
                            word.span,
                            format!("`{}` is not expected, `{first}` is already there", word.text),
                        ));
                    }
                    self.payload(word, parts, line, &mut reply, &mut payload)?;
                }
                "hdr" => {
                    parts.next();
                    let name = parts.need("the name of the header", line)?;
                    let value = parts.need("the value of the header", line)?;
                    reply.headers.push((name.text.to_ascii_lowercase().into(), self.format(&value)?));
                }
                _ => break,
            }
        }
        check_payload(&reply, &payload, line)?;
        if matches!(reply.body, Body::ErrorPages | Body::Section(_)) && !is_default_status(reply.status, self.config.release) {
            let span = reply.status_span.unwrap_or(line);
            return Err(Refused::new(span, format!("HAProxy has no error page for {}", reply.status)));
        }
        Ok(reply)
    }

    fn payload(
        &mut self,
        word: Word<'_>,
        parts: &mut Parts<'_>,
        line: Span,
        reply: &mut Reply,
        payload: &mut Payload,
    ) -> Result<(), Refused> {
        payload.source = Some(match word.text {
            "default-errorfiles" => {
                reply.body = Body::ErrorPages;
                "default-errorfiles"
            }
            "errorfiles" => {
                let name = parts.need("the name of the `http-errors` section", line)?;
                self.want(Named::ErrorPages, name.text, name.span);
                reply.body = Body::Section(name.text.into());
                "errorfiles"
            }
            "errorfile" => {
                let path = parts.need("the path of the file", line)?;
                reply.body = Body::File(self.error_file(&path, reply.status)?);
                "errorfile"
            }
            "string" => {
                payload.filled = !parts.need_any("the text", line)?.text.is_empty();
                "string"
            }
            "lf-string" => {
                let text = parts.need_any("the text", line)?;
                self.format(&text)?;
                payload.formatted = true;
                "lf-string"
            }
            "lf-file" => {
                self.payload_file(parts, line)?;
                payload.formatted = true;
                "lf-file"
            }
            _ => {
                payload.filled = self.payload_file(parts, line)?;
                "file"
            }
        });
        Ok(())
    }

    /// Whether the file holds anything.
    fn payload_file(&mut self, parts: &mut Parts<'_>, line: Span) -> Result<bool, Refused> {
        let path = parts.need("the path of the file", line)?;
        Ok(self.needed_file(&path)?.is_none_or(|file| !file.is_empty()))
    }

    pub(in crate::haproxy::site) fn redirect_line(&mut self, words: &[Word<'_>], line: Span) -> Result<Rule, Refused> {
        let mut parts = Parts { words, at: 0 };
        let action = Action::Redirect(self.redirect(&mut parts, line, false)?);
        let condition = self.rest_condition(&mut parts, "redirect")?;
        Ok(Rule { action, condition, name: "redirect".into(), span: line })
    }

    /// The older `redirect` takes its target as it is, `http-request redirect` as a format.
    pub(super) fn redirect(&mut self, parts: &mut Parts<'_>, line: Span, formatted: bool) -> Result<Redirect, Refused> {
        let mut target = None;
        let mut redirect = Redirect {
            kind: RedirectKind::Location,
            to: Format::default(),
            code: 302,
            drop_query: false,
            append_slash: false,
            ignore_empty: false,
        };
        while let Some(word) = parts.peek() {
            match word.text {
                "location" | "prefix" | "scheme" => {
                    parts.next();
                    redirect.kind = match word.text {
                        "location" => RedirectKind::Location,
                        "prefix" => RedirectKind::Prefix,
                        _ => RedirectKind::Scheme,
                    };
                    target = Some(parts.need(format_args!("the value of `{}`", word.text), line)?);
                }
                "code" => {
                    parts.next();
                    let code = parts.need("the code", line)?;
                    redirect.code = code.text.parse().unwrap_or(0);
                    if !matches!(redirect.code, 301 | 302 | 303 | 307 | 308) {
                        let refused = Refused::new(code.span, format!("`{}` is no code of a redirect", code.text));
                        return Err(refused.help("use 301, 302, 303, 307 or 308"));
                    }
                }
                "set-cookie" | "clear-cookie" => {
                    parts.next();
                    parts.need("the cookie", line)?;
                }
                "drop-query" => redirect.drop_query = parts.next().is_some(),
                "append-slash" => redirect.append_slash = parts.next().is_some(),
                "ignore-empty" => redirect.ignore_empty = parts.next().is_some(),
                "keep-query" if self.config.release >= Release(3, 2, 0) => _ = parts.next(),
                "if" | "unless" => break,
                other => return Err(Refused::new(word.span, format!("`redirect` knows no `{other}`"))),
            }
        }
        let Some(target) = target else {
            return Err(Refused::new(line, "a redirect needs `location`, `prefix` or `scheme`"));
        };
        redirect.to = if formatted { self.format(&target)? } else { Format::literal(target.text) };
        Ok(redirect)
    }
}

/// What was said about the body of a reply.
#[derive(Default)]
struct Payload {
    kind: Option<Span>,
    source: Option<&'static str>,
    filled: bool,
    formatted: bool,
}

fn check_payload(reply: &Reply, payload: &Payload, line: Span) -> Result<(), Refused> {
    if (payload.filled || payload.formatted) && matches!(reply.status, 204 | 304) {
        return Err(Refused::new(line, format!("a response with status {} has no body", reply.status)));
    }
    if (payload.filled || payload.formatted) && payload.kind.is_none() {
        return Err(Refused::new(line, "a body needs a `content-type`"));
    }
    Ok(())
}

/// A status, as far as it can be one.
fn number(status: &Word<'_>) -> u16 {
    u16::try_from(forms::leading_number(status.text)).unwrap_or(0)
}
