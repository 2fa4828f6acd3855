//! The fetches and converters that HAProxy registers, with their types (grammars/haproxy-samples.tsv).

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::haproxy::arguments::Signature;

/// The types of samples (include/haproxy/sample-t.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum Kind {
    Any,
    Bool,
    Integer,
    Address,
    Text,
    Binary,
    Method,
    /// Not told: the word is none of those that are listed.
    Foreign,
}

impl Kind {
    fn named(name: &str) -> Kind {
        match name {
            "bool" => Kind::Bool,
            "sint" => Kind::Integer,
            "addr" | "ipv4" | "ipv6" => Kind::Address,
            "str" => Kind::Text,
            "bin" => Kind::Binary,
            "meth" => Kind::Method,
            _ => Kind::Any,
        }
    }

    /// Whether a sample of this type can be read as another (sample_casts in src/sample.c).
    pub(in crate::haproxy) fn casts_to(self, other: Kind) -> bool {
        use Kind::*;
        match (self, other) {
            (Any | Foreign, _) | (_, Any | Foreign) => true,
            (one, same) if one == same => true,
            (Bool | Integer, Method) | (Address, Method | Bool) | (Method, Bool | Integer | Address) => false,
            (Binary, Method | Bool | Integer | Address) => false,
            (Bool, Address) => false,
            _ => true,
        }
    }
}

/// What is known about a fetch.
#[derive(Clone, Copy, Debug)]
pub(in crate::haproxy) struct Fetch {
    pub(in crate::haproxy) takes: Signature,
    pub(in crate::haproxy) kind: Kind,
    pub(in crate::haproxy) session: bool,
    pub(in crate::haproxy) request: bool,
    pub(in crate::haproxy) response: bool,
    pub(in crate::haproxy) logs: bool,
    pub(in crate::haproxy) backend: bool,
}

#[derive(Clone, Copy, Debug)]
pub(in crate::haproxy) struct Converter {
    pub(in crate::haproxy) takes: Signature,
    pub(in crate::haproxy) from: Kind,
    pub(in crate::haproxy) to: Kind,
}

/// As many arguments as any word has.
const ANYTHING: Signature = Signature::new(0, "ssssssssssss");

impl Fetch {
    /// A word that is right and yet not listed.
    pub(super) const FOREIGN: Fetch =
        Fetch { takes: ANYTHING, kind: Kind::Foreign, session: true, request: true, response: true, logs: true, backend: true };
}

impl Converter {
    /// A word that is right and yet not listed.
    pub(super) const FOREIGN: Converter = Converter { takes: ANYTHING, from: Kind::Foreign, to: Kind::Foreign };
}

struct Vocabulary {
    fetches: HashMap<&'static str, Fetch>,
    converters: HashMap<&'static str, Converter>,
}

const TABLE: &str = include_str!("../../../grammars/haproxy-samples.tsv");

fn vocabulary() -> &'static Vocabulary {
    static VOCABULARY: OnceLock<Vocabulary> = OnceLock::new();
    VOCABULARY.get_or_init(|| {
        let mut known = Vocabulary { fetches: HashMap::new(), converters: HashMap::new() };
        for row in TABLE.lines() {
            let mut fields = row.split('\t');
            let mut next = || fields.next().unwrap_or("");
            let (what, name) = (next(), next());
            let takes = Signature::new(next().parse().unwrap_or(0), next().trim_matches('-'));
            let (first, second) = (next(), next());
            match what {
                "fetch" => {
                    let places = |sign| second.contains(sign);
                    let fetch = Fetch {
                        takes,
                        kind: Kind::named(first),
                        session: places('s'),
                        request: places('q') || places('b'),
                        response: places('r'),
                        logs: places('l'),
                        backend: places('k'),
                    };
                    known.fetches.insert(name, fetch);
                }
                "converter" => {
                    known.converters.insert(name, Converter { takes, from: Kind::named(first), to: Kind::named(second) });
                }
                _ => {}
            }
        }
        known
    })
}

pub(in crate::haproxy) fn fetch(name: &str) -> Option<Fetch> {
    vocabulary().fetches.get(name).copied()
}

pub(in crate::haproxy) fn converter(name: &str) -> Option<Converter> {
    vocabulary().converters.get(name).copied()
}

pub(in crate::haproxy) fn fetch_names() -> impl Iterator<Item = &'static str> {
    vocabulary().fetches.keys().copied()
}

pub(in crate::haproxy) fn converter_names() -> impl Iterator<Item = &'static str> {
    vocabulary().converters.keys().copied()
}
