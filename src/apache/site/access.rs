//! `Order`, `Allow`, `Deny` and `Satisfy` (`modules/aaa/mod_access_compat.c`).

use crate::http::MethodSet;
use crate::source::{Span, Spanned};

use super::super::net::Net;

/// What one section sets; it replaces all that outer sections set.
#[derive(Clone, Debug, Default)]
pub(in crate::apache) struct Access {
    /// In the order of the config; for a method the last one counts.
    pub(in crate::apache) orders: Vec<(MethodSet, Spanned<Order>)>,
    pub(in crate::apache) rules: Vec<AccessRule>,
    pub(in crate::apache) satisfy_any: Vec<(MethodSet, Spanned<bool>)>,
    /// The methods that any of it looks at, the other ones pass.
    pub(in crate::apache) touched: MethodSet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::apache) enum Order {
    DenyAllow,
    AllowDeny,
    MutualFailure,
}

#[derive(Clone, Debug)]
pub(in crate::apache) struct AccessRule {
    pub(in crate::apache) allow: bool,
    pub(in crate::apache) from: From,
    pub(in crate::apache) limited: MethodSet,
    pub(in crate::apache) span: Span,
}

#[derive(Clone, Debug)]
pub(in crate::apache) enum From {
    All,
    Net(Net),
    Env(String),
    NoEnv(String),
    Host(String),
}

impl From {
    pub(in crate::apache) fn read(text: &str) -> From {
        let prefix = |prefix: &str| {
            text.get(..prefix.len()).filter(|start| start.eq_ignore_ascii_case(prefix)).map(|_| &text[prefix.len()..])
        };
        match prefix("env=") {
            Some(name) => match name.strip_prefix('!') {
                Some(name) => From::NoEnv(name.to_owned()),
                None => From::Env(name.to_owned()),
            },
            None if text.eq_ignore_ascii_case("all") => From::All,
            None => Net::parse(text).map_or_else(|| From::Host(text.to_owned()), From::Net),
        }
    }
}
