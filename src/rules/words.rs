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
