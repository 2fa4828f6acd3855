//! The methods that a config names besides the registered ones.

use crate::http::Universe;
use crate::nginx::document::Document;
use crate::syntax::Directive;

/// Tokens such as `PURGE` or `BAN` in the places where a config speaks of methods.
pub(in super::super) fn odd_methods(document: &Document) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for statement in document.trees.iter().flat_map(|tree| tree.all()) {
        for text in places(statement) {
            for word in text.split(|sign: char| !(sign.is_ascii_alphabetic() || matches!(sign, '_' | '-'))) {
                let is_token =
                    word.len() > 1 && word.len() < 32 && word.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'_' | b'-'));
                if found.len() < Universe::MAX
                    && is_token
                    && word.bytes().any(|byte| byte.is_ascii_uppercase())
                    && !found.iter().any(|known| known == word)
                {
                    found.push(word.to_owned());
                }
            }
        }
    }
    found
}

fn places(statement: Directive<'_>) -> Vec<&str> {
    let speaks_of_method = |one: &Directive<'_>| one.values().any(|value| value.contains("request_method"));
    match statement.name() {
        "if" if speaks_of_method(&statement) => statement.values().collect(),
        "map" if speaks_of_method(&statement) => statement.children().map(|entry| entry.name()).collect(),
        "proxy_method" | "limit_except" => statement.values().collect(),
        _ => Vec::new(),
    }
}
