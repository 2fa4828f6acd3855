//! Sentences about methods and answers.

use crate::http::{Answer, MethodSet, Universe};

/// "PUT", "PUT and PATCH", "PUT, PATCH and DELETE".
pub(super) fn list(universe: &Universe, methods: MethodSet) -> String {
    let names: Vec<_> = universe.names(methods).collect();
    match &names[..] {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// "is", "are": the verb's form for as many methods.
pub(super) fn verb<'v>(methods: MethodSet, one: &'v str, several: &'v str) -> &'v str {
    if methods.len() == 1 { one } else { several }
}

/// What a refused client gets: "403", "a closed connection".
pub(super) fn refusal(answer: &Answer) -> String {
    match answer {
        Answer::Respond { status, .. } => status.to_string(),
        Answer::Forward { to, .. } => to.to_string(),
        Answer::Close => "a closed connection".to_owned(),
    }
}

/// What a refusal that is meant should be, where it is not: "; if not, …". RFC 9110, sections 15.5.1, 15.5.4, 15.5.6 and 15.6.4.
pub(super) fn if_meant(answer: &Answer) -> String {
    let misread = match answer {
        Answer::Respond { status: 403, .. } => "403 speaks of permissions",
        Answer::Respond { status: 400, .. } => "400 says that the request is malformed",
        Answer::Respond { status: 503, .. } => "503 says that the service is down",
        Answer::Respond { status: 404, .. } => "404 says that there is nothing at this address",
        Answer::Close => "a closed connection looks like a broken network",
        Answer::Respond { .. } | Answer::Forward { .. } => return String::new(),
    };
    format!("; where the refusal is meant, answer 405 with Allow: {misread}")
}
