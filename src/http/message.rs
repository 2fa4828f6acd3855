//! Requests and what becomes of them.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::source::Span;

/// A request as a client sends it. In the exploration of a site its method is left open, see [`crate::ask`].
///
/// Requests are made and copied by the hundred thousand, and most of their parts are one of a few texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    pub method: Cow<'static, str>,
    pub scheme: Cow<'static, str>,
    /// The Host header; `None` sends none, as HTTP/1.0 allows.
    pub host: Option<String>,
    /// The address and port of the listener that receives the request.
    pub address: Cow<'static, str>,
    pub port: u16,
    /// The target as it stands in the request line.
    pub target: String,
    pub version: Cow<'static, str>,
    /// Without Host; names in any case.
    #[serde(with = "header_map")]
    pub headers: Vec<(String, String)>,
    pub client: Cow<'static, str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
}

impl Default for Request {
    fn default() -> Self {
        Request {
            method: "GET".into(),
            scheme: "http".into(),
            host: Some("localhost".into()),
            address: "127.0.0.1".into(),
            port: 80,
            target: "/".into(),
            version: "1.1".into(),
            headers: Vec::new(),
            client: "127.0.0.1".into(),
            body: String::new(),
        }
    }
}

impl Request {
    /// The value of a header; the name in any case. `Host` and the length of the body count as headers.
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some((_, value)) = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Some(Cow::Borrowed(value));
        }
        if name.eq_ignore_ascii_case("host") {
            return self.host.as_deref().map(Cow::Borrowed);
        }
        let chunked = self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case("transfer-encoding"));
        (name.eq_ignore_ascii_case("content-length") && !self.body.is_empty() && !chunked)
            .then(|| Cow::Owned(self.body.len().to_string()))
    }

    /// The target up to the question mark.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    /// What follows the question mark.
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }
}

/// Headers are a JSON object on the outside; a header that is null is one that is not sent.
mod header_map {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(headers: &[(String, String)], to: S) -> Result<S::Ok, S::Error> {
        headers.iter().map(|(name, value)| (name, value)).collect::<BTreeMap<_, _>>().serialize(to)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Vec<(String, String)>, D::Error> {
        let headers = BTreeMap::<String, Option<String>>::deserialize(from)?;
        Ok(headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    }
}

/// The method that an upstream sees.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamMethod {
    /// The client's own.
    Unchanged,
    Replaced(Arc<str>),
}

/// What the proxy does with a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It answers by itself.
    Respond { status: u16, headers: Vec<(&'static str, Arc<str>)> },
    /// It sends the request on: `to` is `scheme://host:port`, `target` what stands in the upstream's request line.
    /// `status` is what the client gets in the end where that is not the upstream's own status.
    Forward { to: Arc<str>, method: UpstreamMethod, target: Option<Arc<str>>, status: Option<u16> },
    /// It ends the connection without a response.
    Close,
}

impl Answer {
    pub fn respond(status: u16) -> Self {
        Answer::Respond { status, headers: Vec::new() }
    }

    /// The status that the proxy answers with by itself.
    pub fn status(&self) -> Option<u16> {
        match self {
            Answer::Respond { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether two answers mean the same for a client's method: which upstream of a group is chosen does not matter.
    pub fn is_alike(&self, other: &Answer, client: &str) -> bool {
        fn seen<'m>(method: &'m UpstreamMethod, client: &'m str) -> &'m str {
            match method {
                UpstreamMethod::Unchanged => client,
                UpstreamMethod::Replaced(method) => method,
            }
        }
        match (self, other) {
            (Answer::Respond { status: one, .. }, Answer::Respond { status: other, .. }) => one == other,
            (Answer::Forward { method: one, .. }, Answer::Forward { method: other, .. }) => {
                seen(one, client) == seen(other, client)
            }
            (Answer::Close, Answer::Close) => true,
            _ => false,
        }
    }

    /// Whether the request gets through: forwarded, or answered below 400.
    pub fn passes(&self) -> bool {
        match self {
            Answer::Respond { status, .. } => *status < 400,
            Answer::Forward { .. } => true,
            Answer::Close => false,
        }
    }
}

/// One directive that took part in the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The server's own name of the phase.
    pub phase: &'static str,
    pub directive: Cow<'static, str>,
    pub span: Span,
    /// What it did, in a few words, lower case, no full stop.
    pub note: Cow<'static, str>,
    pub part: Part,
}

/// What part a directive has in an answer, for those who know no server's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// It says what becomes of the request.
    #[default]
    Says,
    /// It names the place whose files the server serves, as it always does.
    Habit,
    /// Nothing behind it takes the request.
    NoRoute,
    /// It fetches another page with GET in place of a refusal. What would help instead, as a sentence.
    ErrorPage { help: &'static str },
    /// A cache asks for the whole of what a client wants to know the head of. What would help, as a sentence.
    Cache { help: &'static str },
}

/// What becomes of one request, or of all requests with a method of one set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub answer: Answer,
    /// The directives that took part, in the order in which they did.
    pub steps: Vec<Step>,
    /// The index of the step that a person would change to change the answer; `None` where no directive decided it but the
    /// server's own habits, such as nginx's 405 for TRACE.
    pub decided_by: Option<usize>,
}

impl Verdict {
    pub fn decision(&self) -> Option<&Step> {
        self.steps.get(self.decided_by?)
    }
}
