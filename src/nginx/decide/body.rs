//! The body of the request, as far as nginx looks at it (`ngx_http_request_body.c`).

use super::{Exchange, Next};
use crate::nginx::site::Flag;

/// What the chunks of a body come to.
enum Chunks {
    Size(u64),
    Malformed,
}

impl<'m> Exchange<'m, '_, '_> {
    /// What a handler that reads the body meets: the size of one in chunks is known only now.
    pub(super) fn read_body(&mut self) -> Option<Next> {
        let request = self.ask.request();
        if self.outer_method.is_some() || self.body_refused || request.header("transfer-encoding").is_none() {
            return None;
        }
        let size = match measure(&request.body) {
            Chunks::Size(size) => size,
            Chunks::Malformed => return Some(Next::Fail(400)),
        };
        let (limit, span) = self.body_limit();
        if limit == 0 || size <= limit {
            return None;
        }
        self.body_refused = true;
        if let Some(span) = span {
            self.decide_by("content", "client_max_body_size", span, "the body is larger");
        }
        Some(Next::Fail(413))
    }

    /// Whether a body that is read goes into memory: it fits into the usual `client_body_buffer_size`, and files are not asked for.
    pub(super) fn body_fits_memory(&self) -> bool {
        const BUFFER: usize = 16 << 10;
        self.ask.request().body.len() <= BUFFER && !self.model.is_on(self.scope, Flag::BodyInFileOnly)
    }
}

/// `ngx_http_parse_chunked`
fn measure(body: &str) -> Chunks {
    let mut rest = body.as_bytes();
    let mut size = 0u64;
    while !rest.is_empty() {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { break };
        let line = std::str::from_utf8(&rest[..end]).unwrap_or("");
        let digits = line.split([';', ' ', '\t', '\r']).next().unwrap_or("");
        let Ok(chunk) = u64::from_str_radix(digits, 16) else { return Chunks::Malformed };
        size = size.saturating_add(chunk);
        let after = usize::try_from(chunk).ok().and_then(|chunk| rest.get(end + 1 + chunk..)).unwrap_or(&[]);
        if chunk == 0 {
            break;
        }
        rest = match after {
            [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => rest,
            [] | [b'\r'] => break,
            _ => return Chunks::Malformed,
        };
    }
    Chunks::Size(size)
}
