//! Who makes the response: `SetHandler`, `AddHandler`, `Action`, `Script`, error documents.

use crate::http::MethodSet;
use crate::source::{Span, Spanned};

/// What `SetHandler` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::apache) enum Handler {
    /// `proxy:fcgi://…` or another proxy URL.
    Proxy(String),
    Named(String),
    /// `None` switches an outer handler off.
    Off,
    /// An expression.
    Unknown,
}

impl Handler {
    pub(in crate::apache) fn read(name: &str) -> Handler {
        if name.eq_ignore_ascii_case("none") || name.is_empty() {
            Handler::Off
        } else if name.starts_with("expr=") {
            Handler::Unknown
        } else {
            match name.get(..6).filter(|start| start.eq_ignore_ascii_case("proxy:")) {
                Some(_) => Handler::Proxy(name[6..].to_owned()),
                None => Handler::Named(name.to_owned()),
            }
        }
    }
}

/// `Script PUT /cgi`.
#[derive(Clone, Debug)]
pub(in crate::apache) struct Script {
    pub(in crate::apache) methods: MethodSet,
    pub(in crate::apache) get: bool,
    pub(in crate::apache) path: String,
    pub(in crate::apache) span: Span,
}

/// `Action name /path [virtual]`.
#[derive(Clone, Debug)]
pub(in crate::apache) struct Action {
    pub(in crate::apache) name: String,
    pub(in crate::apache) path: String,
    pub(in crate::apache) is_virtual: bool,
    pub(in crate::apache) span: Span,
}

#[derive(Clone, Debug)]
pub(in crate::apache) struct ErrorDocument {
    pub(in crate::apache) status: u16,
    pub(in crate::apache) page: Page,
    pub(in crate::apache) span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::apache) enum Page {
    Text,
    Path(String),
    Url(String),
    Default,
}

/// `DavOn`, or a provider by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::apache) enum Dav {
    Off,
    On,
}

pub(in crate::apache) type Set<T> = Option<Spanned<T>>;
