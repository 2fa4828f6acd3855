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
        let parts = pieces(source).map(|piece| match piece {
            Piece::Literal(text) => Part::Literal(text.into()),
            Piece::Capture(number) => {
                variables.reads_groups = true;
                Part::Capture(number)
            }
            Piece::Variable(name) => Part::Variable(variables.usage(name, span)),
            Piece::Nameless => {
                // nginx refuses it; the value is taken as written.
                variables.nameless.push(span);
                Part::Literal("$".into())
            }
        });
        Text { source: source.into(), parts: Some(parts.collect()), span }
    }

    /// Notes the variables of a value that does not bear on what becomes of a request.
    pub(super) fn mention(source: &str, span: Span, variables: &mut Variables) {
        for piece in pieces(source) {
            match piece {
                Piece::Variable(name) => variables.mention(name, span),
                Piece::Nameless => variables.nameless.push(span),
                Piece::Literal(_) | Piece::Capture(_) => {}
            }
        }
    }

    pub(in super::super) fn parts(&self) -> Option<&[Part]> {
        self.parts.as_deref()
    }

    /// The value where it holds no variable.
    pub(in super::super) fn constant(&self) -> Option<&Arc<str>> {
        self.parts.is_none().then_some(&self.source)
    }

    /// The variables in it, in order.
    pub(in super::super) fn variables(&self) -> impl Iterator<Item = VarId> {
        self.parts().unwrap_or_default().iter().filter_map(|part| match part {
            Part::Variable(id) => Some(*id),
            _ => None,
        })
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

enum Piece<'t> {
    Literal(&'t str),
    Capture(usize),
    Variable(&'t str),
    /// A `$` that no name follows.
    Nameless,
}

/// The name that follows a `$`, in braces or without, and the rest.
pub(super) fn name(rest: &str) -> (&str, &str) {
    match rest.strip_prefix('{').and_then(|body| body.split_once('}')) {
        Some((name, after)) => (name, after),
        None => rest.split_at(rest.find(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_').unwrap_or(rest.len())),
    }
}

/// A value taken apart as nginx does.
fn pieces(source: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = source;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(behind) = rest.strip_prefix('$') else {
            let (text, after) = rest.split_at(rest.find('$').unwrap_or(rest.len()));
            rest = after;
            return Some(Piece::Literal(text));
        };
        if let Some(digit @ '1'..='9') = behind.chars().next() {
            rest = &behind[1..];
            return Some(Piece::Capture(digit as usize - '0' as usize));
        }
        let (name, after) = name(behind);
        if name.is_empty() {
            rest = behind;
            return Some(Piece::Nameless);
        }
        rest = after;
        Some(Piece::Variable(name))
    })
}
