//! Methods and sets of methods.
//!
//! A run knows a bounded number of methods, its [`Universe`]: the registered ones, the odd tokens that the config names, and
//! one stand-in for any other token. A [`MethodSet`] is a set of members of that universe.

use std::fmt;

/// The methods that an ordinary HTTP API uses. A finding is about these; other methods are named along with them.
pub const STANDARD: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// The methods that a client may repeat (RFC 9110, section 9.2.2).
pub const IDEMPOTENT: &[&str] = &["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"];

/// Whether a text can be a method at all (RFC 9110, section 5.6.2).
pub fn is_token(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_sign)
}

/// IANA's registry of HTTP methods (without `*`), the ones of [`STANDARD`] first, then those of caches and proxies that are
/// widely used without registration.
pub const REGISTERED: &[&str] = &[
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "QUERY",
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "ORDERPATCH",
    "PRI",
    "PROPFIND",
    "PROPPATCH",
    "REBIND",
    "REPORT",
    "SEARCH",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// Stands for every token that nobody names. It is a valid token for all three servers.
pub const STAND_IN: &str = "XYZZY";

/// The methods that one run tells apart, at most 128.
#[derive(Clone, Debug)]
pub struct Universe {
    names: Vec<Box<str>>,
}

impl Default for Universe {
    fn default() -> Self {
        Universe::new([])
    }
}

impl Universe {
    pub const MAX: usize = 128;

    /// The registered methods, the stand-in and `odd`, the tokens that a config or a request names besides. Of the odd ones
    /// only so many are told apart as fit into a set.
    pub fn new<'n>(odd: impl IntoIterator<Item = &'n str>) -> Self {
        let mut names: Vec<Box<str>> = REGISTERED.iter().chain([&STAND_IN]).map(|&name| name.into()).collect();
        for name in odd {
            if names.len() == Self::MAX {
                break;
            }
            if !name.is_empty() && !names.iter().any(|known| **known == *name) {
                names.push(name.into());
            }
        }
        Universe { names }
    }

    pub fn all(&self) -> MethodSet {
        MethodSet(if self.names.len() == Self::MAX { u128::MAX } else { (1 << self.names.len()) - 1 })
    }

    /// The methods that `is` holds for.
    pub fn matching(&self, is: impl Fn(&str) -> bool) -> MethodSet {
        self.names.iter().enumerate().filter(|(_, name)| is(name)).map(|(index, _)| MethodSet(1 << index)).collect()
    }

    /// The one method of this name, exactly as written; the empty set where the run does not know it.
    pub fn only(&self, name: &str) -> MethodSet {
        self.names.iter().position(|known| **known == *name).map_or(MethodSet::EMPTY, |index| MethodSet(1 << index))
    }

    pub fn set<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> MethodSet {
        names.into_iter().map(|name| self.only(name)).collect()
    }

    pub fn standard(&self) -> MethodSet {
        MethodSet((1 << STANDARD.len()) - 1)
    }

    /// The methods of no registry, which the config or a request names.
    pub fn odd(&self) -> MethodSet {
        self.all() - MethodSet((1 << (REGISTERED.len() + 1)) - 1)
    }

    /// The method that stands for every token that nobody names, see [`STAND_IN`].
    pub fn stand_in(&self) -> MethodSet {
        MethodSet(1 << REGISTERED.len())
    }

    /// The names of a set's members, the standard ones first.
    pub fn names(&self, set: MethodSet) -> impl Iterator<Item = &str> {
        set.indices().filter_map(|index| self.names.get(index)).map(|name| &**name)
    }

    /// The plainest member: GET where it is one, else the first in the order of [`REGISTERED`].
    pub fn first(&self, set: MethodSet) -> Option<&str> {
        self.names(set).next()
    }
}

/// A set of methods of one [`Universe`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MethodSet(u128);

impl MethodSet {
    pub const EMPTY: MethodSet = MethodSet(0);

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    pub fn contains(self, other: MethodSet) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn meets(self, other: MethodSet) -> bool {
        self.0 & other.0 != 0
    }

    /// The first member alone.
    pub fn lowest(self) -> MethodSet {
        MethodSet(self.0 & self.0.wrapping_neg())
    }

    /// Each member as a set of its own.
    pub fn singles(self) -> impl Iterator<Item = MethodSet> {
        self.indices().map(|index| MethodSet(1 << index))
    }

    fn indices(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let index = rest.trailing_zeros() as usize;
            rest &= rest.checked_sub(1)?;
            Some(index)
        })
    }
}

impl std::ops::BitAnd for MethodSet {
    type Output = MethodSet;
    fn bitand(self, other: MethodSet) -> MethodSet {
        MethodSet(self.0 & other.0)
    }
}

impl std::ops::BitOr for MethodSet {
    type Output = MethodSet;
    fn bitor(self, other: MethodSet) -> MethodSet {
        MethodSet(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for MethodSet {
    fn bitor_assign(&mut self, other: MethodSet) {
        self.0 |= other.0;
    }
}

/// The members of the first set that are not in the second.
impl std::ops::Sub for MethodSet {
    type Output = MethodSet;
    fn sub(self, other: MethodSet) -> MethodSet {
        MethodSet(self.0 & !other.0)
    }
}

impl FromIterator<MethodSet> for MethodSet {
    fn from_iter<I: IntoIterator<Item = MethodSet>>(sets: I) -> Self {
        sets.into_iter().fold(MethodSet::EMPTY, |all, set| all | set)
    }
}

/// A value that may differ from method to method: `$request_method` itself, or a map over it.
///
/// A pure function of such a value is again one ([`ByMethod::map`], [`ByMethod::zip`]); [`crate::ask::Ask::settle`] makes it a
/// plain value by splitting the run.
#[derive(Clone, PartialEq, Eq)]
pub struct ByMethod<T> {
    /// Disjoint sets with different values; a method in none of them has the value of the first.
    cases: Vec<(MethodSet, T)>,
}

impl<T: Clone + Eq> ByMethod<T> {
    pub fn same(value: T) -> Self {
        ByMethod { cases: vec![(MethodSet(u128::MAX), value)] }
    }

    /// The value that each method of the set gets from `of`, which sees the method's name.
    pub fn each(universe: &Universe, set: MethodSet, of: impl Fn(&str) -> T) -> Self {
        let mut cases = Vec::new();
        for single in set.singles() {
            let Some(name) = universe.first(single) else { continue };
            merge(&mut cases, single, of(name));
        }
        ByMethod { cases }
    }

    /// The value where it is the same for all methods.
    pub fn constant(&self) -> Option<&T> {
        match &self.cases[..] {
            [(_, value)] => Some(value),
            _ => None,
        }
    }

    pub fn cases(&self) -> &[(MethodSet, T)] {
        &self.cases
    }

    pub fn map<U: Clone + Eq>(&self, of: impl Fn(&T) -> U) -> ByMethod<U> {
        let mut cases = Vec::with_capacity(self.cases.len());
        for (set, value) in &self.cases {
            merge(&mut cases, *set, of(value));
        }
        ByMethod { cases }
    }

    pub fn zip<U: Clone + Eq, V: Clone + Eq>(&self, other: &ByMethod<U>, of: impl Fn(&T, &U) -> V) -> ByMethod<V> {
        let mut cases = Vec::new();
        for (set, value) in &self.cases {
            for (other_set, other_value) in &other.cases {
                if set.meets(*other_set) {
                    merge(&mut cases, *set & *other_set, of(value, other_value));
                }
            }
        }
        ByMethod { cases }
    }

    /// The methods for which `is` holds of the value.
    pub fn methods(&self, is: impl Fn(&T) -> bool) -> MethodSet {
        self.cases.iter().filter(|(_, value)| is(value)).map(|(set, _)| *set).collect()
    }
}

fn merge<T: Eq>(cases: &mut Vec<(MethodSet, T)>, set: MethodSet, value: T) {
    match cases.iter_mut().find(|(_, known)| *known == value) {
        Some((known, _)) => *known |= set,
        None => cases.push((set, value)),
    }
}

impl<T: fmt::Debug> fmt::Debug for ByMethod<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.cases.iter().map(|(_, value)| value)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_methods_come_first() {
        assert_eq!(&REGISTERED[..STANDARD.len()], STANDARD);
        let universe = Universe::default();
        assert_eq!(universe.names(universe.standard()).collect::<Vec<_>>(), STANDARD);
    }

    #[test]
    fn odd_methods_come_last() {
        let universe = Universe::new(["PURGE", "GET"]);
        assert_eq!(universe.stand_in(), universe.only(STAND_IN));
        assert_eq!(universe.odd(), universe.only("PURGE"));
    }

    #[test]
    fn a_universe_holds_odd_tokens_once_and_never_too_many() {
        let odd: Vec<String> = (0..500).map(|n| format!("M{n}")).collect();
        let universe = Universe::new(odd.iter().map(String::as_str).chain(["GET"]));
        assert_eq!(universe.all().len() as usize, Universe::MAX);
        assert!(universe.only("M499").is_empty());
        assert_eq!(universe.first(universe.only("M3")), Some("M3"));
    }

    #[test]
    fn values_by_method_split_and_join() {
        let universe = Universe::default();
        let method = ByMethod::each(&universe, universe.all(), str::to_owned);
        let key = method.zip(&ByMethod::same("/x".to_owned()), |method, path| format!("{method}:{path}"));
        let allowed = key.map(|key| key == "GET:/x" || key == "HEAD:/x");
        assert_eq!(allowed.cases().len(), 2);
        assert_eq!(allowed.methods(|&yes| yes), universe.set(["GET", "HEAD"]));
    }
}
