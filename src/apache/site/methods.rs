//! The methods that httpd knows by number (`ap_method_register` in `modules/http/http_protocol.c`).
//!
//! Everything that works on a bit mask of methods (`Limit`, `AllowMethods`, `Require method`) sees numbers: HEAD shares GET's,
//! and all tokens without a number share one.

use std::collections::HashMap;

use crate::http::{MethodSet, Universe, is_token};

/// The methods with a number of their own, besides HEAD.
const BUILT_IN: &[&str] = &[
    "GET",
    "PUT",
    "POST",
    "DELETE",
    "CONNECT",
    "OPTIONS",
    "TRACE",
    "PATCH",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "VERSION-CONTROL",
    "CHECKOUT",
    "UNCHECKOUT",
    "CHECKIN",
    "UPDATE",
    "LABEL",
    "REPORT",
    "MKWORKSPACE",
    "MKACTIVITY",
    "BASELINE-CONTROL",
    "MERGE",
];

/// How many numbers are left for other names.
const CUSTOM: usize = 36;

#[derive(Clone, Debug, Default)]
pub(in crate::apache) struct Registry {
    /// Names that the config registers, and the statement that does it first.
    custom: HashMap<String, u32>,
    /// The methods of the universe that a request line may hold.
    pub(in crate::apache) tokens: MethodSet,
    /// The methods of the universe that have no number.
    pub(in crate::apache) unregistered: MethodSet,
}

impl Registry {
    /// Takes the names in the order in which the config registers them.
    pub(in crate::apache) fn new<'n>(universe: &Universe, names: impl IntoIterator<Item = (&'n str, u32)>) -> Self {
        let mut custom = HashMap::new();
        for (name, statement) in names {
            if !is_built_in(name) && custom.len() < CUSTOM {
                custom.entry(name.to_owned()).or_insert(statement);
            }
        }
        let registered = universe.matching(|name| is_built_in(name) || custom.contains_key(name));
        let unregistered = universe.all() - registered;
        Registry { custom, tokens: universe.matching(is_token), unregistered }
    }

    /// The methods that a name stands for in a bit mask.
    pub(in crate::apache) fn covered(&self, universe: &Universe, name: &str) -> MethodSet {
        match name {
            "GET" | "HEAD" => universe.set(["GET", "HEAD"]),
            _ if is_built_in(name) || self.custom.contains_key(name) => universe.only(name),
            _ => self.unregistered,
        }
    }

    /// Whether httpd knows a name when it walks over a statement.
    pub(in crate::apache) fn knows(&self, name: &str, statement: u32) -> bool {
        is_built_in(name) || self.custom.get(name).is_some_and(|first| *first < statement)
    }
}

pub(in crate::apache) fn is_built_in(name: &str) -> bool {
    name == "HEAD" || BUILT_IN.contains(&name)
}
