//! Error pages: what is sent instead of HAProxy's own message for a status (src/http_htx.c).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::build::{Refused, Word};
use super::section::SectionBuilder;
use crate::server::Release;
use crate::source::{SourceFile, Span};

/// What a client gets instead of a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum ErrorPage {
    /// A file; the status in its own first line is sent.
    File {
        status: u16,
        span: Span,
    },
    /// An empty file: the connection is closed without a word.
    Silence(Span),
    Location {
        code: u16,
        to: Arc<str>,
        span: Span,
    },
    /// A body of the config's own under the same status.
    Same,
    /// A file whose content is not known.
    Unread(Span),
}

pub(in crate::haproxy) type ErrorPages = BTreeMap<u16, ErrorPage>;

/// The statuses that HAProxy has messages for (include/haproxy/http-t.h, HTTP_ERR_*).
const STATUSES: &[(u16, Release)] = &[
    (200, Release(0, 0, 0)),
    (400, Release(0, 0, 0)),
    (401, Release(2, 2, 0)),
    (403, Release(0, 0, 0)),
    (404, Release(2, 2, 0)),
    (405, Release(0, 0, 0)),
    (407, Release(2, 2, 0)),
    (408, Release(0, 0, 0)),
    (410, Release(2, 2, 0)),
    (413, Release(2, 2, 0)),
    (414, Release(3, 2, 0)),
    (421, Release(0, 0, 0)),
    (422, Release(2, 5, 0)),
    (425, Release(0, 0, 0)),
    (429, Release(0, 0, 0)),
    (431, Release(3, 2, 0)),
    (500, Release(0, 0, 0)),
    (501, Release(2, 4, 0)),
    (502, Release(0, 0, 0)),
    (503, Release(0, 0, 0)),
    (504, Release(0, 0, 0)),
];

pub(in crate::haproxy) fn is_default_status(status: u16, release: Release) -> bool {
    STATUSES.iter().any(|&(known, since)| known == status && release >= since)
}

pub(in crate::haproxy) fn known_statuses(release: Release) -> Vec<u16> {
    STATUSES.iter().filter(|(_, since)| release >= *since).map(|(status, _)| *status).collect()
}

impl SectionBuilder<'_, '_> {
    /// `errorfile CODE FILE`, `errorloc CODE URL` and `http-error status CODE …`.
    pub(super) fn error_page(
        &mut self,
        name: &str,
        words: &[Word<'_>],
        line: Span,
        pages: &mut ErrorPages,
    ) -> Result<(), Refused> {
        let (Some(code), Some(value)) = (words.first(), words.get(1)) else {
            return Err(Refused::new(line, format!("`{name}` needs a status and a value")));
        };
        let status = self.page_status(code, name)?;
        let page = match name {
            "errorfile" => self.error_file(value, status)?,
            _ => {
                let code = if name == "errorloc303" { 303 } else { 302 };
                ErrorPage::Location { code, to: value.text.into(), span: line }
            }
        };
        let page = match page {
            ErrorPage::File { status, .. } => ErrorPage::File { status, span: line },
            ErrorPage::Silence(_) => ErrorPage::Silence(line),
            other => other,
        };
        pages.insert(status, page);
        Ok(())
    }

    pub(super) fn page_status(&mut self, code: &Word<'_>, name: &str) -> Result<u16, Refused> {
        let status = code.text.parse::<u16>().unwrap_or(0);
        let release = self.config.release;
        if is_default_status(status, release) || release < Release(2, 2, 0) {
            return Ok(status);
        }
        let list = known_statuses(release).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Err(Refused::new(code.span, format!("`{name}` cannot replace the status `{}`", code.text))
            .help(format!("use one of {list}")))
    }

    /// Reads a file that holds a whole response.
    pub(super) fn error_file(&mut self, path: &Word<'_>, _for: u16) -> Result<ErrorPage, Refused> {
        if path.text == "/dev/null" {
            return Ok(ErrorPage::Silence(path.span));
        }
        let Some(file) = self.needed_file(path)? else { return Ok(ErrorPage::Unread(path.span)) };
        if file.is_empty() {
            return Ok(ErrorPage::Silence(path.span));
        }
        match response_status(&file) {
            Ok(status) => Ok(ErrorPage::File { status, span: path.span }),
            Err(why) => Err(Refused::new(path.span, format!("`{}` is no complete HTTP response: {why}", path.text))
                .help("a status line, headers, an empty line, and as much of a body as `Content-Length` says")),
        }
    }
}

/// The status of a file that is a whole HTTP message (src/http_htx.c, http_str_to_htx).
fn response_status(file: &SourceFile) -> Result<u16, &'static str> {
    let text = file.text();
    let ends = ["\r\n\r\n", "\n\n"].into_iter().filter_map(|end| Some((text.find(end)?, end.len())));
    let (end, blank) = ends.min().ok_or("it has no empty line behind its headers")?;
    let mut lines = text[..end].lines();
    let status = lines.next().and_then(|first| first.strip_prefix("HTTP/")?.split_ascii_whitespace().nth(1));
    let status = status.filter(|status| status.len() == 3).and_then(|status| status.parse::<u16>().ok());
    let status = status.ok_or("it does not begin with a status line")?;
    let header = |name: &str| {
        text[..end].lines().skip(1).filter_map(|line| line.split_once(':')).find(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    let body = text.len() - end - blank;
    let announced = header("content-length").and_then(|(_, length)| length.trim().parse::<usize>().ok());
    match (status, announced) {
        (100 | 102..=199, _) => Err("its status is for messages before the response"),
        (204 | 304, _) if body > 0 => Err("its status forbids the body"),
        (204 | 304, _) => Ok(status),
        _ if header("transfer-encoding").is_some_and(|(_, coding)| coding.to_ascii_lowercase().contains("chunked")) => {
            Err("its body is in chunks")
        }
        (_, Some(length)) if length != body => Err("its body is not as long as `Content-Length` says"),
        _ => Ok(status),
    }
}
