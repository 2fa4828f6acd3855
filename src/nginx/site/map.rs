//! `map`, `geo` and `split_clients`: variables that are looked up in a table.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::access::{Network, masked};
use super::text::Text;
use super::variables::VarId;
use crate::http::ByMethod;
use crate::pattern::Pattern;

#[derive(Debug)]
pub(in super::super) struct Map {
    pub source: Text,
    pub values: Vec<Text>,
    /// By key in lower case: exact keys are compared so (`ngx_http_map_find` hashes the lower-cased value).
    pub exact: HashMap<Box<str>, usize>,
    /// `*.example.com` by `.example.com`, with `hostnames` alone.
    pub heads: Vec<(Box<str>, usize)>,
    /// `www.example.*` by `www.example.`.
    pub tails: Vec<(Box<str>, usize)>,
    pub regexes: Vec<(Arc<Pattern>, usize)>,
    pub default: Option<usize>,
    pub volatile: bool,
    pub hostnames: bool,
    /// The value for each method, where nothing but the client's method decides it.
    pub by_method: Option<ByMethod<Arc<str>>>,
}

/// What a table says about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Lookup {
    Value(usize),
    /// The regex of this index matched first.
    Regex(usize),
    Nothing,
    /// A regex that cannot be read might match.
    Unknown,
}

impl Map {
    pub(in super::super) fn lookup(&self, key: &str) -> Lookup {
        let lower = key.to_ascii_lowercase();
        let lower = if self.hostnames { lower.strip_suffix('.').unwrap_or(&lower) } else { &lower };
        if let Some(value) = self.exact.get(lower).or_else(|| self.wildcard(lower)) {
            return Lookup::Value(*value);
        }
        for (index, (pattern, _)) in self.regexes.iter().enumerate() {
            match pattern.matches(key) {
                Some(true) => return Lookup::Regex(index),
                Some(false) => {}
                None => return Lookup::Unknown,
            }
        }
        self.default.map_or(Lookup::Nothing, Lookup::Value)
    }

    fn wildcard(&self, key: &str) -> Option<&usize> {
        longest(&self.heads, |suffix| key.len() > suffix.len() && key.ends_with(suffix))
            .or_else(|| longest(&self.tails, |prefix| key.len() > prefix.len() && key.starts_with(prefix)))
    }

    /// The values that its keys spell out, for trying them, in the order of the table.
    pub(in super::super) fn keys(&self) -> impl Iterator<Item = &str> {
        let mut keys: Vec<_> = self.exact.iter().map(|(key, value)| (value, &**key)).collect();
        keys.sort_unstable();
        keys.into_iter().map(|(_, key)| key)
    }
}

fn longest(keys: &[(Box<str>, usize)], fits: impl Fn(&str) -> bool) -> Option<&usize> {
    keys.iter().filter(|(key, _)| fits(key)).max_by_key(|(key, _)| key.len()).map(|(_, value)| value)
}

#[derive(Debug, Default)]
pub(in super::super) struct Geo {
    /// The variable that holds the address; the client's where there is none.
    pub source: Option<VarId>,
    pub default: Option<Text>,
    /// By family and length of the network, then by its bits.
    networks: HashMap<(bool, u8), HashMap<u128, Text>>,
    pub ranges: Vec<(IpAddr, IpAddr, Text)>,
    pub examples: Vec<IpAddr>,
    /// Where a network cannot be read, the value cannot be told.
    pub unknown: bool,
}

impl Geo {
    pub(super) fn insert(&mut self, network: Network, value: Text) {
        match network {
            Network::Block { address, bits } => {
                self.networks.entry((address.is_ipv4(), bits)).or_default().insert(masked(address, bits), value);
                if self.examples.len() < 8 {
                    self.examples.push(address);
                }
            }
            Network::All | Network::Unix | Network::Unknown => self.unknown = true,
        }
    }

    /// The value of the longest network that holds the address.
    pub(in super::super) fn lookup(&self, address: IpAddr) -> Option<&Text> {
        let range = self.ranges.iter().find(|(from, to, _)| *from <= address && address <= *to).map(|(_, _, value)| value);
        let network = || {
            let longest = if address.is_ipv4() { 32 } else { 128 };
            (0..=longest).rev().find_map(|bits| self.networks.get(&(address.is_ipv4(), bits))?.get(&masked(address, bits)))
        };
        range.or_else(network).or(self.default.as_ref())
    }
}

#[derive(Debug)]
pub(in super::super) struct Split {
    pub source: Text,
    /// The share of each value in hundredths of a percent; `None` for the rest (`*`).
    pub parts: Vec<(Option<u32>, Text)>,
}

impl Split {
    /// `ngx_http_split_clients_variable`
    pub(in super::super) fn lookup(&self, key: &str) -> Option<&Text> {
        let hash = murmur(key.as_bytes());
        let mut sum = 0u64;
        for (share, value) in &self.parts {
            let Some(share) = share else { return Some(value) };
            sum += u64::from(*share);
            if u64::from(hash) < sum * 0xffff_ffff / 10_000 {
                return Some(value);
            }
        }
        None
    }
}

/// MurmurHash2 with seed 0 (`core/ngx_murmurhash.c`).
fn murmur(key: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = key.len() as u32;
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        let word = (word ^ (word >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ word;
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let bits = rest.iter().rev().fold(0u32, |bits, byte| (bits << 8) | u32::from(*byte));
        hash = (hash ^ bits).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}
