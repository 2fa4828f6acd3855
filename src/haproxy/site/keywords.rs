//! Which words a release knows in a place, and the keywords behind the address of `server` and `bind` lines, each alone or with a value
//! (src/server.c, src/listener.c).

use std::fmt::Arguments;

use super::build::{Refused, Word};
use super::forms::{self, Form};
use crate::grammar::{self, Entry};
use crate::server::Release;

/// The keywords of a line with their values, as far as the release knows them. `place` is the name of their table in the grammar.
pub(super) fn keywords<'w>(
    place: &str,
    words: &[Word<'w>],
    forms: &[Form],
    release: Release,
) -> Result<Vec<(Word<'w>, Option<Word<'w>>)>, Refused> {
    let mut read = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let missing = format_args!("there is no keyword `{}` of a `{place}` line", word.text);
        let entry = known(place, word, format_args!("{}", word.text), missing, release)?;
        let value = if entry.arity.takes(1) { rest.next() } else { None };
        match value {
            Some(value) => forms::check(forms, word, std::slice::from_ref(value), word.span)?,
            None if entry.arity.takes(0) => {}
            None => return Err(Refused::new(word.span, format!("`{}` needs a value", word.text))),
        }
        read.push((*word, value.copied()));
    }
    Ok(read)
}

/// The entry of a word in a table of the grammar, where the release has it. `shown` is how it is named, `missing` what is said where no
/// release has it.
pub(super) fn known(
    place: &str,
    word: &Word<'_>,
    shown: Arguments<'_>,
    missing: Arguments<'_>,
    release: Release,
) -> Result<&'static Entry, Refused> {
    let is_here = |entry: &Entry| entry.module == place;
    let Some(entry) = grammar::HAPROXY.find(word.text).find(|entry| is_here(entry)) else {
        let refused = Refused::new(word.span, missing.to_string());
        return Err(match grammar::HAPROXY.suggest_among(word.text, |entry| is_here(entry) && entry.known_to(release)) {
            Some(best) => refused.help(format!("did you mean `{best}`?")),
            None => refused,
        });
    };
    match (entry.since, entry.until) {
        (Some(since), _) if release < since => {
            let message = format!("`{shown}` is known since HAProxy {}.{}", since.0, since.1);
            Err(Refused::new(word.span, message).too_old())
        }
        (_, Some(until)) if release > until => {
            let message = format!("`{shown}` is gone: HAProxy {}.{} was the last to know it", until.0, until.1);
            Err(Refused::new(word.span, message))
        }
        _ => Ok(entry),
    }
}
