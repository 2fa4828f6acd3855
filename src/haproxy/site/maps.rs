//! Files of patterns (`-f`) and of maps, which are read where the config may read them.

use std::path::{Path, PathBuf};

use super::matching::{self, Matching};
use super::vocabulary::Kind;
use crate::haproxy::decide::expand;
use crate::haproxy::value::Datum;
use crate::pattern::Pattern;
use crate::source::{IncludeError, Reader};

/// A map: keys, and the value of each.
#[derive(Debug)]
pub(in crate::haproxy) struct Map {
    matching: Matching,
    entries: Vec<Entry>,
    /// Whether `\1` in a value stands for a group of the key, as in `map_regm`.
    expands: bool,
    /// Whether the file could not be read, so that nothing is known about it.
    pub(in crate::haproxy) missing: bool,
}

#[derive(Debug)]
struct Entry {
    key: Box<str>,
    value: Box<str>,
    pattern: Option<Pattern>,
}

impl Map {
    pub(super) fn new(matching: &str, content: Option<&str>) -> Self {
        let expands = matching == "regm";
        let (matching, named) = match matching {
            "" => (Matching::Text, "str"),
            "regm" => (Matching::Regex, "reg"),
            other => (Matching::named(other).unwrap_or(Matching::Text), other),
        };
        let pattern = |key: &str| (named == "reg").then(|| Pattern::new(key, false));
        let entries = lines(content.unwrap_or("")).map(|line| {
            let (key, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
            let value = value.trim_matches([' ', '\t']);
            Entry { key: key.into(), value: value.into(), pattern: pattern(key) }
        });
        Map { matching, entries: entries.collect(), expands, missing: content.is_none() }
    }

    /// The first entry that the names of the converter do not fit: keys are numbers for `map_int`, values for `map_…_int`
    /// (src/map.c, sample_load_map).
    pub(super) fn misfit(&self, kind: Kind) -> Option<&str> {
        let bad = |entry: &&Entry| {
            let bad_key = self.matching == Matching::Integer && entry.key.starts_with(|sign: char| sign.is_ascii_alphabetic());
            bad_key || kind == Kind::Integer && !entry.value.is_empty() && entry.value.parse::<i64>().is_err()
        };
        self.entries.iter().find(bad).map(|entry| &*entry.key)
    }

    /// The value of the key that matches; the outer `None` where that cannot be told.
    pub(in crate::haproxy) fn lookup(&self, datum: &Datum) -> Option<Option<String>> {
        if self.missing {
            return None;
        }
        if self.matching != Matching::Regex {
            return Some(self.entry(datum).map(|entry| entry.value.to_string()));
        }
        let text = datum.text();
        for entry in &self.entries {
            let pattern = entry.pattern.as_ref()?;
            if !pattern.matches(&text)? {
                continue;
            }
            if !self.expands {
                return Some(Some(entry.value.to_string()));
            }
            let groups = pattern.groups(&text)??;
            return expand(&entry.value, &groups.numbered).map(Some);
        }
        Some(None)
    }

    fn entry(&self, datum: &Datum) -> Option<&Entry> {
        let text = datum.text();
        match self.matching {
            // Prefixes and networks lie in trees, where the longest one wins.
            Matching::Begin => {
                let fitting = self.entries.iter().filter(|entry| text.starts_with(&*entry.key));
                fitting.max_by_key(|entry| entry.key.len())
            }
            Matching::Address => {
                let address = datum.address()?;
                let networks = self.entries.iter().filter_map(|entry| Some((matching::network(&entry.key)?, entry)));
                let fitting = networks.filter(|((network, bits), _)| matching::is_within(address, *network, *bits));
                fitting.max_by_key(|((_, bits), _)| *bits).map(|(_, entry)| entry)
            }
            Matching::Integer => {
                let number = datum.number()?;
                self.entries
                    .iter()
                    .find(|entry| matching::range(&entry.key).is_some_and(|(low, high)| low <= number && number <= high))
            }
            other => self.entries.iter().find(|entry| matching::is_match(other, false, &entry.key, &text)),
        }
    }

    pub(in crate::haproxy) fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| &*entry.key)
    }

    pub(in crate::haproxy) fn matching(&self) -> Matching {
        self.matching
    }
}

/// The lines that count: without leading blanks, empty lines and comments; trailing blanks stay (src/pattern.c, pat_ref_read_from_file).
pub(super) fn lines(content: &str) -> impl Iterator<Item = &str> {
    let whole = content.split('\n').map(|line| line.split('\r').next().unwrap_or(line));
    whole.filter(|line| !line.starts_with('#')).map(|line| line.trim_start_matches([' ', '\t'])).filter(|line| !line.is_empty())
}

/// How a file that the config names could be read.
pub(in crate::haproxy) enum Content {
    Text(std::sync::Arc<crate::source::SourceFile>),
    /// It lies elsewhere and may well be there on the server.
    Elsewhere,
    /// It should be there and is not.
    Missing(PathBuf),
}

/// Reads a file that the config names.
pub(in crate::haproxy) fn read(reader: &mut Reader<'_>, path: &str, base: &Path) -> Content {
    let found = match reader.find(path, base) {
        Ok(found) => found.into_iter().next(),
        Err(IncludeError::Missing { path, inside: true }) => return Content::Missing(path),
        Err(_) => None,
    };
    let Some(found) = found else { return Content::Elsewhere };
    match reader.open(&found) {
        Ok(file) => {
            reader.close();
            Content::Text(file)
        }
        Err(_) => Content::Elsewhere,
    }
}
