//! What proxylint has to say about one place of a config.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::http::{Answer, MethodSet, Request};
use crate::source::Span;

/// How bad a finding is; ordered from `Info` to `Error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; shown with `--pedantic`.
    Info,
    /// A likely mistake.
    Warning,
    /// A certain one: clients get a 501, a check is void, or the server would not start.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// How sure proxylint is that what it says happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    Low,
    Medium,
    /// It follows from the config for the plainest request.
    High,
}

/// One thing to say, about one place.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The name of a rule in the rule table.
    pub rule: &'static str,
    pub severity: Severity,
    pub confidence: Confidence,
    /// Whether the server itself would refuse the configuration.
    pub invalid: bool,
    /// One sentence, lower case, no full stop, directives in backticks.
    pub message: String,
    /// The next step.
    pub help: Option<String>,
    /// The directive that a person would change.
    pub span: Span,
    /// A few words to stand under the span.
    pub label: Cow<'static, str>,
    pub related: Vec<Related>,
    pub methods: MethodSet,
    /// A request that shows it, and what becomes of it.
    pub witness: Option<Box<Witness>>,
    pub fix: Option<Fix>,
}

impl Finding {
    pub fn new(rule: &'static str, severity: Severity, span: Span, message: impl Into<String>) -> Self {
        Finding {
            rule,
            severity,
            confidence: Confidence::High,
            invalid: false,
            message: message.into(),
            help: None,
            span,
            label: Cow::Borrowed(""),
            related: Vec::new(),
            methods: MethodSet::EMPTY,
            witness: None,
            fix: None,
        }
    }

    /// A finding that the server itself would refuse to start with.
    pub fn rejected(span: Span, message: impl Into<String>) -> Self {
        Finding { invalid: true, ..Finding::new("config-rejected", Severity::Error, span, message) }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub fn label(mut self, label: impl Into<Cow<'static, str>>) -> Self {
        self.label = label.into();
        self
    }

    pub fn related(mut self, span: Span, message: impl Into<String>) -> Self {
        self.related.push(Related { span, message: message.into() });
        self
    }

    pub fn methods(mut self, methods: MethodSet) -> Self {
        self.methods = methods;
        self
    }

    pub fn confidence(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    pub fn fix(mut self, safety: Safety, edits: Vec<Edit>) -> Self {
        self.fix = (!edits.is_empty()).then_some(Fix { safety, edits });
        self
    }
}

/// Another place that matters to a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    pub span: Span,
    pub message: String,
}

/// A request that anybody can send to the real server, and what it will show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    pub request: Request,
    pub predicted: Answer,
    /// Assumptions about what the config cannot tell.
    pub when: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// The config means the same afterwards, or what it evidently was meant to.
    Safe,
    /// The fix changes who may do what.
    Unsafe,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    pub safety: Safety,
    pub edits: Vec<Edit>,
}

/// Replaces the bytes of a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub span: Span,
    pub text: String,
}
