//! The directives that each server knows, from the tables of `grammars/`.
//!
//! The tables are sorted statics: looking a directive up is a binary search, and a run that looks nothing up pays nothing.

use std::fmt;

use crate::server::Release;

/// One directive of one module. A name may have several: nginx's `server` of `http`, of `stream` and of `upstream`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: &'static str,
    /// The module that defines it; for HAProxy the section, line or place whose keyword it is: `proxy`, `http-request`, `server`.
    pub module: &'static str,
    /// Where it may stand; `any` is everywhere.
    pub contexts: &'static [&'static str],
    pub arity: Arity,
    /// Whether it opens a block or section.
    pub block: bool,
    /// Whether the name may go on, as in `track-sc0` and `set-var(txn.x)`.
    pub prefix: bool,
    /// Apache: the classes of `AllowOverride` that allow it in .htaccess files, of which one is enough; none means never.
    pub overrides: &'static [&'static str],
    /// The first release that has it, where that is later than the table's first.
    pub since: Option<Release>,
    /// The last release that has it, where it is gone.
    pub until: Option<Release>,
    /// nginx: what its arguments are, where it leaves reading them to nginx's core.
    pub value: Option<Value>,
    /// nginx: whether it is refused where a level has it already.
    pub once: bool,
}

/// What nginx's own readers of values take (`ngx_conf_set_num_slot` and its kin).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    Number,
    /// A number of bytes with `k` or `m`; an offset takes `g` as well.
    Size,
    Offset,
    /// A time with units down to milliseconds, or to seconds.
    Time,
    Seconds,
    /// A number and a size.
    Buffers,
    /// Any of these words, in any case.
    Words(&'static [&'static str]),
}

impl Entry {
    pub fn allowed_in(&self, context: &str) -> bool {
        self.contexts.iter().any(|&known| known == context || known == "any")
    }

    pub fn known_to(&self, release: Release) -> bool {
        self.since.is_none_or(|since| since <= release) && self.until.is_none_or(|until| release <= until)
    }
}

/// How many arguments a directive takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    Unknown,
    /// The directive reads the rest of the line itself.
    Raw,
    /// One argument, `on` or `off`.
    Flag,
    /// Bit n says that n arguments are taken; the highest bit stands for all larger counts.
    Counts(u16),
}

impl Arity {
    pub fn takes(self, count: usize) -> bool {
        match self {
            Arity::Unknown | Arity::Raw => true,
            Arity::Flag => count == 1,
            Arity::Counts(counts) => counts >> count.min(15) & 1 == 1,
        }
    }
}

/// "one argument", "1 to 3 arguments", "at least 2 arguments"
impl fmt::Display for Arity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Arity::Counts(counts) = self else {
            return f.write_str(if *self == Arity::Flag { "`on` or `off`" } else { "any number of arguments" });
        };
        let (least, most) = (counts.trailing_zeros(), 15 - counts.leading_zeros().min(15));
        match (least, most) {
            (0, 0) => f.write_str("no arguments"),
            (1, 1) => f.write_str("one argument"),
            (0, 15) => f.write_str("any number of arguments"),
            (_, 15) => write!(f, "at least {least} argument{}", if least == 1 { "" } else { "s" }),
            _ if least == most => write!(f, "{least} arguments"),
            _ if counts.count_ones() == 2 => write!(f, "{least} or {most} arguments"),
            _ => write!(f, "{least} to {most} arguments"),
        }
    }
}

/// The directives of one server.
#[derive(Debug)]
pub struct Table {
    /// Sorted by name, letter case aside.
    entries: &'static [Entry],
    /// How each name starts, by which it is looked up.
    starts: &'static [u64],
    fold_case: bool,
}

pub static NGINX: Table = Table { entries: NGINX_ENTRIES, starts: &NGINX_STARTS, fold_case: false };
pub static APACHE: Table = Table { entries: APACHE_ENTRIES, starts: &APACHE_STARTS, fold_case: true };
pub static HAPROXY: Table = Table { entries: HAPROXY_ENTRIES, starts: &HAPROXY_STARTS, fold_case: false };

include!(concat!(env!("OUT_DIR"), "/tables.rs"));

impl Table {
    /// What the server knows by this name; the name of an Apache section comes without its `<`.
    pub fn find<'a>(&'static self, name: &'a str) -> impl Iterator<Item = &'static Entry> + use<'a> {
        let exact = self.named(name);
        let (found, longer) = if exact.is_empty() { (self.prefix_of(name), true) } else { (exact, false) };
        let fold_case = self.fold_case;
        found.iter().filter(move |entry| if longer { entry.prefix } else { fold_case || entry.name == name })
    }

    pub fn knows(&'static self, name: &str) -> bool {
        self.find(name).next().is_some()
    }

    /// The name that was meant, where one is close enough to be no guess.
    pub fn suggest(&'static self, name: &str) -> Option<&'static str> {
        self.suggest_among(name, |_| true)
    }

    /// The same among the entries that fit the place.
    pub fn suggest_among(&'static self, name: &str, fits: impl Fn(&Entry) -> bool) -> Option<&'static str> {
        const LONGEST: usize = 60;
        if name.len() > LONGEST {
            return None;
        }
        let written = name.to_ascii_lowercase();
        let (limit, letters) = (typos_in(written.len()), letters_of(&written));
        let close = |entry: &Entry| {
            let apart = entry.name.len().abs_diff(written.len()) > limit
                || (letters_of(entry.name) ^ letters).count_ones() as usize > 2 * limit;
            if apart || !fits(entry) || entry.name == name {
                return None;
            }
            Some(strsim::osa_distance(&written, &entry.name.to_ascii_lowercase())).filter(|&distance| distance <= limit)
        };
        let distances = self.entries.iter().filter_map(|entry| Some((close(entry)?, entry)));
        distances.min_by_key(|(distance, entry)| (*distance, entry.until.is_some())).map(|(_, entry)| entry.name)
    }

    pub fn entries(&'static self) -> &'static [Entry] {
        self.entries
    }

    /// The entries whose name differs in letter case at most.
    fn named(&self, name: &str) -> &'static [Entry] {
        let start = start_of(name);
        let from = self.starts.partition_point(|known| *known < start);
        let alike = self.starts[from..].iter().take_while(|known| **known == start).count();
        let alike = &self.entries[from..from + alike];
        let is = |entry: &&Entry| entry.name.eq_ignore_ascii_case(name);
        let first = alike.iter().position(|entry| is(&entry)).unwrap_or(alike.len());
        let equal = alike[first..].iter().take_while(is).count();
        &alike[first..first + equal]
    }

    /// The entries of the name without what it may go on with: `set-var` of `set-var(txn.x)`, `track-sc` of `track-sc0`.
    fn prefix_of(&self, name: &str) -> &'static [Entry] {
        let bare =
            name.split_once('(').map_or_else(|| name.trim_end_matches(|sign: char| sign.is_ascii_digit()), |(bare, _)| bare);
        self.named(bare)
    }
}

/// The first eight letters in lower case, which sort as the name does.
const fn start_of(name: &str) -> u64 {
    let name = name.as_bytes();
    let mut start = 0;
    let mut index = 0;
    while index < 8 {
        let letter = if index < name.len() { name[index].to_ascii_lowercase() } else { 0 };
        start = start << 8 | letter as u64;
        index += 1;
    }
    start
}

const fn starts<const N: usize>(entries: &[Entry]) -> [u64; N] {
    let mut starts = [0; N];
    let mut index = 0;
    while index < N {
        starts[index] = start_of(entries[index].name);
        index += 1;
    }
    starts
}

/// How many letters may be wrong before another name is a guess.
fn typos_in(length: usize) -> usize {
    match length {
        0..=3 => 0,
        4..=5 => 1,
        6..=13 => 2,
        _ => 3,
    }
}

/// The letters of a name as a set, which tells most names apart without measuring them.
fn letters_of(name: &str) -> u32 {
    name.bytes().filter(u8::is_ascii_alphabetic).fold(0, |set, byte| set | 1 << (byte.to_ascii_lowercase() - b'a'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: [&Table; 3] = [&NGINX, &APACHE, &HAPROXY];

    fn only(table: &'static Table, name: &str) -> &'static Entry {
        let found: Vec<_> = table.find(name).collect();
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        found[0]
    }

    #[test]
    fn tables_are_sorted_and_find_each_of_their_entries() {
        for table in TABLES {
            assert!(table.entries.len() > 700);
            assert!(table.entries.is_sorted_by_key(|entry| entry.name.to_ascii_lowercase()));
            for entry in table.entries {
                assert!(table.find(entry.name).any(|found| found == entry), "{entry:?}");
                assert!(!entry.contexts.is_empty() && entry.since <= entry.until.or(Some(Release(u16::MAX, 0, 0))), "{entry:?}");
            }
        }
    }

    #[test]
    fn nginx_directives_have_contexts_and_arities() {
        let limit_except = only(&NGINX, "limit_except");
        assert!(limit_except.block && limit_except.allowed_in("location") && !limit_except.allowed_in("server"));
        assert!(!limit_except.arity.takes(0) && limit_except.arity.takes(9));
        assert!(only(&NGINX, "include").allowed_in("upstream"));
        assert_eq!(only(&NGINX, "proxy_buffering").arity, Arity::Flag);
        assert_eq!(NGINX.find("server").count(), 5);
        assert!(!NGINX.knows("Server"));
        assert!(!only(&NGINX, "http2").known_to(Release(1, 22, 1)));
        assert!(only(&NGINX, "spdy_headers_comp").known_to(Release(1, 19, 6)));
        assert!(!only(&NGINX, "spdy_headers_comp").known_to(Release(1, 19, 7)));
    }

    #[test]
    fn apache_directives_come_in_any_case_and_with_their_override_classes() {
        let limit = only(&APACHE, "limitEXCEPT");
        assert!(limit.block && limit.name == "LimitExcept");
        assert_eq!(limit.overrides, ["AuthConfig", "Limit"]);
        assert!(only(&APACHE, "AllowMethods").overrides.is_empty());
        let rule = only(&APACHE, "rewriterule");
        assert!(rule.allowed_in("server") && rule.allowed_in("directory") && rule.overrides == ["FileInfo"]);
        assert!(!only(&APACHE, "SSLMutex").known_to(Release(2, 4, 58)));
        assert!(only(&APACHE, "TraceEnable").arity.takes(1));
        assert_eq!(only(&APACHE, "Listen").module, "event");
    }

    #[test]
    fn haproxy_keywords_know_their_place_and_may_go_on() {
        let actions = |name| HAPROXY.find(name).filter(|entry| entry.module == "http-request").count();
        for name in ["deny", "set-method", "set-var(txn.method)", "track-sc0", "sc-inc-gpc0(1)", "return"] {
            assert_eq!(actions(name), 1, "{name}");
        }
        assert_eq!(actions("denny"), 0);
        let place = |name, module| HAPROXY.find(name).find(|entry| entry.module == module);
        assert!(place("use_backend", "proxy").is_some_and(|entry| !entry.allowed_in("backend")));
        assert!(place("return", "http-request").is_some_and(|entry| !entry.known_to(Release(2, 0, 33))));
        assert!(place("reqrep", "proxy").is_some_and(|entry| entry.known_to(Release(2, 0, 33))));
        assert!(place("reqrep", "proxy").is_some_and(|entry| !entry.known_to(Release(2, 1, 0))));
        assert!(place("method", "fetch").is_some() && place("lower", "converter").is_some());
        assert!(!HAPROXY.knows("METH_PATCH"));
    }

    #[test]
    fn only_close_names_are_suggested() {
        assert_eq!(NGINX.suggest("proxy_metod"), Some("proxy_method"));
        assert_eq!(NGINX.suggest("Limit_Except"), Some("limit_except"));
        assert_eq!(APACHE.suggest("AllowMethod"), Some("AllowMethods"));
        assert_eq!(APACHE.suggest("LimitExecpt"), Some("LimitExcept"));
        assert_eq!(HAPROXY.suggest_among("denny", |entry| entry.module == "http-request"), Some("deny"));
        for name in ["", "x", "more_set_headers", "proxy", &"a".repeat(10_000)] {
            assert_eq!(NGINX.suggest(name), None, "{name}");
        }
    }

    #[test]
    fn arities_read_as_sentences() {
        let said =
            [0b1, 0b10, 0b100, 0b110, 0b1010, 0b1110, 0xfffe, 0xfffc, 0xffff].map(|counts| Arity::Counts(counts).to_string());
        insta::assert_snapshot!(said.join("; "), @"no arguments; one argument; 2 arguments; 1 or 2 arguments; 1 or 3 arguments; 1 to 3 arguments; at least 1 argument; at least 2 arguments; any number of arguments");
    }
}
