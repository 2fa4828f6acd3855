//! Special responses: built-in error pages, and `error_page` instead of them (`ngx_http_special_response.c`).

use super::{Exchange, Method, Next};
use crate::http::{Answer, Part};
use crate::nginx::site::{ErrorPage, ErrorStatus, Flag, pick};

const PAGE_HELP: &str = "let the error page be a file, or a named location where the method is to be kept; the client of a refused write should see the refusal";

impl<'m> Exchange<'m, '_, '_> {
    /// `ngx_http_special_response_handler`
    pub(super) fn special_response(&mut self, status: u16) -> Next {
        // `ngx_http_finalize_request`: these end the connection, and so does a success that nobody has sent.
        if matches!(status, 408 | 444 | 499) || status < 300 && !matches!(status, 201 | 204) {
            return Next::Done(Answer::Close);
        }
        self.kept_status = Some(status);
        if !self.in_error_page && self.changes_left > 0 {
            let pages = self.model.inherited(self.scope, pick!(ErrorPages));
            if let Some((pages, _)) = pages {
                self.in_error_page = !self.model.is_on(self.scope, Flag::RecursiveErrorPages);
                if let Some(page) = pages.iter().find(|page| page.codes.contains(&status)) {
                    return self.send_error_page(page);
                }
            }
        }
        Next::Done(Answer::respond(shown(status)))
    }

    /// `ngx_http_send_error_page`
    fn send_error_page(&mut self, page: &'m ErrorPage) -> Next {
        self.step("error page", "error_page", page.span, "takes the response over");
        self.plays(Part::ErrorPage { help: PAGE_HELP });
        let step = self.steps.len() - 1;
        match page.status {
            // These codes are nginx's own (`ngx_http_core_error_page`).
            ErrorStatus::Keep => self.kept_status = self.kept_status.map(shown),
            ErrorStatus::Take => self.kept_status = None,
            ErrorStatus::Fixed(status) => self.kept_status = Some(status).filter(|status| *status > 0),
        }
        let Some(target) = self.settled(&page.target) else {
            self.ask.doubt("the target of an `error_page` cannot be told");
            return Next::Done(Answer::respond(self.kept_status.unwrap_or(200)));
        };
        if target.starts_with('@') {
            return self.named_location(&target);
        }
        if target.starts_with('/') {
            // HEAD stays, anything else becomes GET.
            if !self.method_in(&["HEAD"]) {
                if !self.method_in(&["GET"]) {
                    self.decided_by = Some(step);
                }
                for map in std::mem::take(&mut self.looked_at) {
                    self.variable(map);
                }
                self.method = Method::Get;
            }
            let (uri, args) = target.split_once('?').unwrap_or((&target, ""));
            return self.internal_redirect(uri.to_owned(), args.to_owned());
        }
        let redirect = match page.status {
            ErrorStatus::Fixed(status @ (301 | 302 | 303 | 307 | 308)) => status,
            _ => 302,
        };
        Next::Done(Answer::respond(redirect))
    }
}

/// Some codes tell why TLS failed, or that a header is too large; the client gets 400.
fn shown(status: u16) -> u16 {
    if matches!(status, 494..=497) { 400 } else { status }
}
