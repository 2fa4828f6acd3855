//! A value that may hold variables (`ngx_http_script_compile`).

use std::sync::Arc;

use super::variables::{VarId, Variables};
use crate::source::Span;

#[derive(Clone, Debug)]
pub(in super::super) struct Text {
    pub source: Arc<str>,
    /// `None` where the source holds no variable and is the value.
    parts: Option<Box<[Part]>>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub(in super::super) enum Part {
    Literal(Arc<str>),
    Variable(VarId),
    /// `$1` to `$9`: a group of the last regex that matched.
    Capture(usize),
    /// A placeholder of a template.
    Unknown,
}

impl Text {
    pub(in super::super) fn plain(source: &str, span: Span) -> Self {
        Text { source: source.into(), parts: None, span }
    }

    /// What a template will fill in.
    pub(in super::super) fn unknown(source: &str, span: Span) -> Self {
        Text { source: source.into(), parts: Some(Box::new([Part::Unknown])), span }
    }

    pub(in super::super) fn compile(source: &str, span: Span, variables: &mut Variables) -> Self {
        if !source.contains('$') {
            return Text::plain(source, span);
        }
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some(dollar) = rest.find('$') {
            literal(&mut parts, &rest[..dollar]);
            rest = reference(&rest[dollar + 1..], span, variables, &mut parts);
        }
        literal(&mut parts, rest);
        Text { source: source.into(), parts: Some(parts.into()), span }
    }

    pub(in super::super) fn parts(&self) -> Option<&[Part]> {
        self.parts.as_deref()
    }

    /// The value where it holds no variable.
    pub(in super::super) fn constant(&self) -> Option<&Arc<str>> {
        self.parts.is_none().then_some(&self.source)
    }

    /// The variable that is the whole value.
    pub(in super::super) fn variable(&self) -> Option<VarId> {
        match self.parts() {
            Some([Part::Variable(id)]) => Some(*id),
            _ => None,
        }
    }

    pub(in super::super) fn is_unknown(&self) -> bool {
        self.parts().is_some_and(|parts| parts.iter().any(|part| matches!(part, Part::Unknown)))
    }
}

fn literal(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Literal(text.into()));
    }
}

/// The name that follows a `$`, in braces or without, and the rest.
pub(super) fn name(rest: &str) -> (&str, &str) {
    match rest.strip_prefix('{').and_then(|body| body.split_once('}')) {
        Some((name, after)) => (name, after),
        None => rest.split_at(rest.find(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_').unwrap_or(rest.len())),
    }
}

/// Reads what follows a `$` and gives the rest.
fn reference<'t>(rest: &'t str, span: Span, variables: &mut Variables, parts: &mut Vec<Part>) -> &'t str {
    if let Some(digit @ '1'..='9') = rest.chars().next() {
        variables.reads_groups = true;
        parts.push(Part::Capture(digit as usize - '0' as usize));
        return &rest[1..];
    }
    let (name, after) = name(rest);
    if name.is_empty() {
        // nginx refuses a `$` without a name; the value is taken as written.
        variables.nameless.push(span);
        parts.push(Part::Literal("$".into()));
        return rest;
    }
    parts.push(Part::Variable(variables.usage(name, span)));
    after
}
