//! How ACLs and maps compare samples with patterns (src/pattern.c).

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::vocabulary::Kind;
use crate::haproxy::value::{Datum, KNOWN_METHODS};
use crate::pattern::{self, Pattern};

/// The match methods that `-m` names, and the one of the fetch `method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum Matching {
    Found,
    Bool,
    Integer,
    Address,
    Binary,
    Length,
    Text,
    Begin,
    Substring,
    Directory,
    Domain,
    End,
    Regex,
    Method,
}

pub(in crate::haproxy) const MATCHINGS: &[(&str, Matching)] = &[
    ("found", Matching::Found),
    ("bool", Matching::Bool),
    ("int", Matching::Integer),
    ("ip", Matching::Address),
    ("bin", Matching::Binary),
    ("len", Matching::Length),
    ("str", Matching::Text),
    ("beg", Matching::Begin),
    ("sub", Matching::Substring),
    ("dir", Matching::Directory),
    ("dom", Matching::Domain),
    ("end", Matching::End),
    ("reg", Matching::Regex),
];

impl Matching {
    pub(in crate::haproxy) fn named(name: &str) -> Option<Matching> {
        MATCHINGS.iter().find(|(known, _)| *known == name).map(|(_, matching)| *matching)
    }

    /// What a sample of this type is compared by where nothing else is said.
    pub(in crate::haproxy) fn usual(kind: Kind) -> Option<Matching> {
        match kind {
            Kind::Bool => Some(Matching::Bool),
            Kind::Integer => Some(Matching::Integer),
            Kind::Address => Some(Matching::Address),
            Kind::Text | Kind::Foreign => Some(Matching::Text),
            Kind::Any | Kind::Binary | Kind::Method => None,
        }
    }

    /// The type that samples are read as before they are compared.
    pub(in crate::haproxy) fn kind(self) -> Kind {
        match self {
            Matching::Found => Kind::Any,
            Matching::Bool | Matching::Integer => Kind::Integer,
            Matching::Address => Kind::Address,
            Matching::Binary => Kind::Binary,
            Matching::Method => Kind::Method,
            _ => Kind::Text,
        }
    }
}

/// The pattern that HAProxy refuses, by its index, and why.
type Misfit = (usize, String);

/// An address, and how many of its bits count.
pub(in crate::haproxy) type Network = (IpAddr, u8);

/// The patterns of one ACL line; any of them may match.
#[derive(Debug)]
pub(in crate::haproxy) struct Patterns {
    pub(in crate::haproxy) matching: Matching,
    pub(in crate::haproxy) ignore_case: bool,
    items: Items,
    /// A file of patterns that could not be read, or a name that is looked up when HAProxy starts.
    pub(in crate::haproxy) missing: Option<Box<str>>,
}

#[derive(Debug)]
enum Items {
    None,
    Texts(Vec<Box<str>>),
    /// Many texts that must be equal: looked up by hash, as HAProxy does by tree.
    Many(Vec<Box<str>>, HashSet<Box<str>>),
    Ranges(Vec<(i64, i64)>),
    Networks(Vec<Network>),
    Regexes(Vec<Arc<Pattern>>),
}

impl Patterns {
    /// Reads patterns as written.
    ///
    /// # Errors
    /// The first that HAProxy refuses, by its index.
    pub(in crate::haproxy) fn new(
        matching: Matching,
        ignore_case: bool,
        resolves: bool,
        texts: Vec<String>,
        all: &pattern::Patterns,
    ) -> Result<Self, Misfit> {
        let mut missing = None;
        let items = match matching {
            Matching::Found | Matching::Bool => Items::None,
            Matching::Integer | Matching::Length => Items::Ranges(ranges(&texts)?),
            Matching::Address => {
                let (networks, name) = networks(&texts, resolves)?;
                missing = name;
                Items::Networks(networks)
            }
            Matching::Regex => Items::Regexes(texts.iter().map(|text| all.get(text, ignore_case)).collect()),
            _ if texts.len() > 12 && matching == Matching::Text && !ignore_case => {
                let texts: Vec<Box<str>> = texts.into_iter().map(Into::into).collect();
                let set = texts.iter().cloned().collect();
                Items::Many(texts, set)
            }
            _ => Items::Texts(texts.into_iter().map(Into::into).collect()),
        };
        Ok(Patterns { matching, ignore_case, items, missing })
    }

    /// Patterns that only have to be texts.
    pub(in crate::haproxy) fn texts(&self) -> &[Box<str>] {
        match &self.items {
            Items::Texts(texts) | Items::Many(texts, _) => texts,
            _ => &[],
        }
    }

    pub(in crate::haproxy) fn regexes(&self) -> &[Arc<Pattern>] {
        match &self.items {
            Items::Regexes(patterns) => patterns,
            _ => &[],
        }
    }

    pub(in crate::haproxy) fn networks(&self) -> &[Network] {
        match &self.items {
            Items::Networks(networks) => networks,
            _ => &[],
        }
    }

    pub(in crate::haproxy) fn ranges(&self) -> &[(i64, i64)] {
        match &self.items {
            Items::Ranges(ranges) => ranges,
            _ => &[],
        }
    }

    /// Whether one of the patterns matches; `None` where that cannot be told.
    pub(in crate::haproxy) fn matches(&self, datum: &Datum) -> Option<bool> {
        let known = self.known_match(datum);
        if known == Some(false) && self.missing.is_some() { None } else { known }
    }

    fn known_match(&self, datum: &Datum) -> Option<bool> {
        match self.matching {
            Matching::Found => Some(true),
            Matching::Bool => Some(datum.truth().unwrap_or(false)),
            Matching::Integer => Some(datum.number().is_some_and(|number| self.in_range(number))),
            Matching::Length => Some(self.in_range(datum.text().len() as i64)),
            Matching::Address => Some(datum.address().is_some_and(|address| self.in_network(address))),
            Matching::Regex => {
                let text = datum.text();
                let mut unsure = false;
                for pattern in self.regexes() {
                    match pattern.matches(&text) {
                        Some(true) => return Some(true),
                        Some(false) => {}
                        None => unsure = true,
                    }
                }
                if unsure { None } else { Some(false) }
            }
            Matching::Method => Some(self.texts().iter().any(|pattern| self.is_method(datum, pattern))),
            Matching::Binary => {
                let hex: String = datum.text().bytes().map(|byte| format!("{byte:02x}")).collect();
                Some(self.texts().iter().any(|pattern| pattern.eq_ignore_ascii_case(&hex)))
            }
            _ => Some(self.compare(&datum.text())),
        }
    }

    fn in_range(&self, number: i64) -> bool {
        self.ranges().iter().any(|&(low, high)| low <= number && number <= high)
    }

    /// An address of each network.
    pub(in crate::haproxy) fn members(&self) -> impl Iterator<Item = IpAddr> {
        self.networks().iter().map(|&(network, bits)| member(network, bits))
    }

    pub(in crate::haproxy) fn in_network(&self, address: IpAddr) -> bool {
        self.networks().iter().any(|&(network, bits)| is_within(address, network, bits))
    }

    /// Methods that HAProxy knows are compared by number, so that `-i` means nothing to them (src/http_acl.c, pat_match_meth).
    fn is_method(&self, datum: &Datum, pattern: &str) -> bool {
        let Datum::Method { known, text } = datum else { return false };
        // Most patterns are other methods, which is seen at once.
        if **text == *pattern {
            return *known == KNOWN_METHODS.contains(&pattern);
        }
        !known && self.ignore_case && text.eq_ignore_ascii_case(pattern) && !KNOWN_METHODS.contains(&pattern)
    }

    fn compare(&self, text: &str) -> bool {
        if let Items::Many(_, set) = &self.items {
            return set.contains(text);
        }
        self.texts().iter().any(|pattern| is_match(self.matching, self.ignore_case, pattern, text))
    }
}

/// Whether one pattern of a textual match method matches.
pub(in crate::haproxy) fn is_match(matching: Matching, ignore_case: bool, pattern: &str, text: &str) -> bool {
    if ignore_case && matching != Matching::Text {
        return is_match(matching, false, &pattern.to_ascii_lowercase(), &text.to_ascii_lowercase());
    }
    match matching {
        Matching::Text if ignore_case => text.eq_ignore_ascii_case(pattern),
        Matching::Begin => text.starts_with(pattern),
        Matching::End => text.ends_with(pattern),
        Matching::Substring => text.contains(pattern),
        Matching::Directory => is_word(text, pattern, &['/', '?']),
        Matching::Domain => is_word(text, pattern, &['/', '?', '.', ':']),
        _ => text == pattern,
    }
}

pub(in crate::haproxy) fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let shift = 32 - u32::from(bits.min(32));
            u32::from(address).checked_shr(shift) == u32::from(network).checked_shr(shift)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let shift = 128 - u32::from(bits.min(128));
            u128::from(address).checked_shr(shift) == u128::from(network).checked_shr(shift)
        }
        (IpAddr::V6(address), network) => {
            address.to_ipv4_mapped().is_some_and(|address| is_within(IpAddr::V4(address), network, bits))
        }
        (IpAddr::V4(_), IpAddr::V6(_)) => false,
    }
}

/// Whether the pattern stands in the text between delimiters; its own leading and trailing delimiters do not count.
fn is_word(text: &str, pattern: &str, delimiters: &[char]) -> bool {
    let pattern = pattern.trim_matches(delimiters).as_bytes();
    let text = text.as_bytes();
    let is_delimiter = |at: usize| text.get(at).is_none_or(|&byte| delimiters.contains(&char::from(byte)));
    // A word begins the text or follows a delimiter, and is none itself.
    let begins = |at: usize| (at == 0 || is_delimiter(at - 1)) && !is_delimiter(at);
    (0..text.len()).any(|at| begins(at) && text[at..].starts_with(pattern) && is_delimiter(at + pattern.len()))
        && !pattern.is_empty()
}

const OPERATORS: &[&str] = &["eq", "gt", "ge", "lt", "le"];

/// `10`, `10:20`, `10:`, `:20`, and operators before numbers.
fn ranges(texts: &[String]) -> Result<Vec<(i64, i64)>, Misfit> {
    let mut operator = "eq";
    let mut ranges = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        if let Some(known) = OPERATORS.iter().find(|known| *known == text) {
            operator = known;
            continue;
        }
        let refused = || (index, format!("`{text}` is neither a number nor a supported operator"));
        let (low, high) = range(text).ok_or_else(refused)?;
        ranges.push(match operator {
            "gt" => (low.saturating_add(1), i64::MAX),
            "ge" => (low, i64::MAX),
            "lt" => (i64::MIN, high.saturating_sub(1)),
            "le" => (i64::MIN, high),
            _ => (low, high),
        });
    }
    Ok(ranges)
}

/// One number, or the bounds of several: `10`, `10:20`, `10:`, `:20`. A minus sign separates as well (pat_parse_int).
pub(in crate::haproxy) fn range(text: &str) -> Option<(i64, i64)> {
    let number = |text: &str| text.parse::<i64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let (low, high) = match text.find([':', '-']) {
        None => return number(text).map(|number| (number, number)),
        Some(at) => (&text[..at], &text[at + 1..]),
    };
    match (low, high) {
        ("", "") => Some((0, i64::MAX)),
        ("", high) => Some((i64::MIN, number(high)?)),
        (low, "") => Some((number(low)?, i64::MAX)),
        (low, high) => Some((number(low)?, number(high)?)).filter(|(low, high)| low <= high),
    }
}

/// The networks, and the first name among them, which HAProxy looks up when it starts.
fn networks(texts: &[String], resolves: bool) -> Result<(Vec<Network>, Option<Box<str>>), Misfit> {
    let mut name = None;
    let mut networks = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match network(text) {
            Some(network) => networks.push(network),
            None if resolves && text == "localhost" => networks.push((IpAddr::from([127, 0, 0, 1]), 32)),
            None if resolves && is_host_name(text) => name = name.or(Some(text.as_str().into())),
            None => return Err((index, format!("`{text}` is no address or network"))),
        }
    }
    Ok((networks, name))
}

/// Whether a text may be a name that can be looked up: it has a letter, and none but a name's signs.
fn is_host_name(text: &str) -> bool {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    text.bytes().all(sign) && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `2001:db8::/32`, or an address.
pub(in crate::haproxy) fn network(text: &str) -> Option<Network> {
    let (address, mask) = text.split_once('/').map_or((text, None), |(address, mask)| (address, Some(mask)));
    let address = short_address(address)?;
    let all = if address.is_ipv4() { 32 } else { 128 };
    let bits = match mask {
        None => all,
        Some(mask) => match mask.parse::<u8>() {
            Ok(bits) if bits <= all => bits,
            Ok(_) => return None,
            Err(_) => match mask.parse::<IpAddr>().ok()? {
                IpAddr::V4(mask) => u32::from(mask).leading_ones() as u8,
                IpAddr::V6(mask) => u128::from(mask).leading_ones() as u8,
            },
        },
    };
    Some((address, bits))
}

/// C's inet_aton also reads `10`, `10.1` and `10.1.2`; `192.168` in a network stands for `192.168.0.0`.
fn short_address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let parts: Vec<u8> = text.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    (parts.len() < 4).then(|| {
        let part = |index: usize| parts.get(index).copied().unwrap_or(0);
        IpAddr::from([part(0), part(1), part(2), part(3)])
    })
}

/// An address of a network that is not the network's own.
fn member(network: IpAddr, bits: u8) -> IpAddr {
    match network {
        IpAddr::V4(address) if bits < 31 => std::net::Ipv4Addr::from(u32::from(address) | 1).into(),
        IpAddr::V6(address) if bits < 127 => std::net::Ipv6Addr::from(u128::from(address) | 1).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(matching: Matching, ignore_case: bool, patterns: &[&str], text: &str) -> bool {
        let texts = patterns.iter().map(ToString::to_string).collect();
        let patterns = Patterns::new(matching, ignore_case, true, texts, &pattern::Patterns::default()).unwrap();
        patterns.matches(&Datum::Text(text.into())).unwrap()
    }

    #[test]
    fn texts_match_by_method() {
        assert!(matches(Matching::Begin, false, &["/x", "/a"], "/api"));
        assert!(!matches(Matching::Begin, false, &["/A"], "/api"));
        assert!(matches(Matching::End, true, &[".JS"], "/a.js"));
        assert!(matches(Matching::Directory, false, &["/b/"], "/a/b/c"));
        assert!(!matches(Matching::Directory, false, &["b"], "/a/bc"));
        assert!(matches(Matching::Domain, false, &["example.com"], "www.example.com:80"));
        assert!(matches(Matching::Length, false, &["3:4"], "abc"));
        assert!(matches(Matching::Integer, false, &["gt", "3", "0"], "10"));
        assert!(matches(Matching::Address, false, &["10.0.0.0/8"], "10.1.2.3"));
    }

    #[test]
    fn known_methods_are_compared_by_number() {
        let patterns = |texts: &[&str]| {
            let texts = texts.iter().map(ToString::to_string).collect();
            Patterns::new(Matching::Method, true, true, texts, &pattern::Patterns::default()).unwrap()
        };
        let get = Datum::Method { known: true, text: "GET".into() };
        let rewritten = Datum::Method { known: false, text: "GET".into() };
        assert_eq!(patterns(&["get"]).matches(&get), Some(false));
        assert_eq!(patterns(&["GET"]).matches(&get), Some(true));
        assert_eq!(patterns(&["GET"]).matches(&rewritten), Some(false));
        assert_eq!(patterns(&["propfind"]).matches(&Datum::Method { known: false, text: "PROPFIND".into() }), Some(true));
    }
}
