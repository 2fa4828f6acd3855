//! What the rewrite phase runs (`ngx_http_rewrite_module.c`).

use std::sync::Arc;

use super::ScopeId;
use super::text::Text;
use super::variables::VarId;
use crate::http::MethodSet;
use crate::pattern::Pattern;
use crate::source::Span;

#[derive(Debug)]
pub(in super::super) enum Instruction {
    If {
        condition: Condition,
        body: Vec<Instruction>,
        /// In a location, the configuration that a true condition switches to.
        scope: Option<ScopeId>,
        span: Span,
    },
    Set {
        variable: VarId,
        value: Text,
        span: Span,
    },
    Return {
        status: u16,
        text: Option<Text>,
        span: Span,
    },
    Rewrite {
        pattern: Arc<Pattern>,
        replacement: Replacement,
        flag: Flag,
        span: Span,
    },
    Break,
    /// Code of another module that runs among them; its directive.
    Code(Box<str>),
}

/// What a `rewrite` puts in the place of the URI.
#[derive(Debug)]
pub(in super::super) struct Replacement {
    pub path: Text,
    /// What follows its first question mark.
    pub args: Option<Text>,
    /// The arguments of the request follow, unless it ends with a question mark.
    pub keeps_args: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Flag {
    None,
    Last,
    Break,
    /// 302, or 301 for `permanent`.
    Redirect(u16),
}

#[derive(Debug)]
pub(in super::super) struct Condition {
    pub test: Test,
    /// The methods for which it holds, where nothing but the client's method decides it.
    pub methods: Option<MethodSet>,
    /// As written, for the assumption that it holds; empty where the method alone decides.
    pub text: Box<str>,
}

#[derive(Debug)]
pub(in super::super) enum Test {
    True(VarId),
    Equal {
        variable: VarId,
        value: Text,
        negated: bool,
    },
    Match {
        variable: VarId,
        pattern: Arc<Pattern>,
        negated: bool,
    },
    File {
        kind: char,
        path: Text,
        negated: bool,
    },
    /// A placeholder of a template, or what nginx refuses.
    Unknown,
}
