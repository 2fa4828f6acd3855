//! Error documents (`ap_die` in `modules/http/http_request.c`).

use super::super::site::handlers::Page;
use super::super::site::statuses;
use super::{End, Run};
use crate::http::Part;

const PAGE_HELP: &str = "let the error page be a file: the client of a refused write should see the refusal";

impl Run<'_, '_, '_> {
    /// What the client sees of an error. A local page is fetched with GET, whatever the method was.
    pub(super) fn error_document(&mut self, end: End) -> End {
        let (status, early) = match end {
            End::Status(status) | End::Rewritten(status) => (statuses::sent(status), false),
            End::Early(status) => (statuses::sent(status), true),
            end => return end,
        };
        let found = self.innermost(|config| config.errors.iter().rev().find(|page| page.status == status));
        let Some(document) = found else { return End::Status(status) };
        match &document.page {
            Page::Text | Page::Default => End::Status(status),
            Page::Url(_) if status == 401 => End::Status(status),
            Page::Url(_) => {
                self.step("error", "ErrorDocument", document.span, "sends the client to another URL");
                End::Status(302)
            }
            Page::Path(path) => {
                if early || self.fixed_method.is_some() {
                    return End::Status(status);
                }
                let path = path.clone();
                let step = self.step("error", "ErrorDocument", document.span, "fetches a page with GET");
                self.plays(Part::ErrorPage { help: PAGE_HELP });
                self.page(status, &path, step)
            }
        }
    }

    fn page(&mut self, status: u16, path: &str, step: usize) -> End {
        self.fixed_method = Some(self.ask.universe().only("GET"));
        let (decided, ended) = (self.decided, std::mem::replace(&mut self.mapping.ended, false));
        self.restart(path);
        self.loops += 1;
        let end = self.process();
        self.mapping.ended = ended;
        match end {
            // The refusal turned into a request of its own, which this line made.
            End::Forward { .. } => {
                self.decided = Some(step);
                end
            }
            End::Rewritten(_) => end,
            // The page's own failure does not show.
            _ => {
                self.decided = decided;
                End::Status(status)
            }
        }
    }
}
