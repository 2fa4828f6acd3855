//! Text with macros, such as `%{tx.allowed_methods}`.

use super::variable::Target;

#[derive(Clone, Debug)]
pub(super) struct Template {
    pub(super) parts: Vec<Part>,
}

#[derive(Clone, Debug)]
pub(super) enum Part {
    Text(Box<str>),
    Macro(Target),
}

impl Template {
    /// A macro of an unknown variable stands for nothing, as in ModSecurity; an unclosed one is text.
    pub(super) fn parse(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("%{") {
            let Some((name, behind)) = after.split_once('}') else { break };
            push(&mut parts, before);
            parts.extend(Target::of_macro(name).map(Part::Macro));
            rest = behind;
        }
        push(&mut parts, rest);
        Template { parts }
    }

    /// The text where no macro is in it.
    pub(super) fn constant(&self) -> Option<&str> {
        match &self.parts[..] {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    pub(super) fn targets(&self) -> impl Iterator<Item = &Target> {
        self.parts.iter().filter_map(|part| match part {
            Part::Macro(target) => Some(target),
            Part::Text(_) => None,
        })
    }
}

fn push(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Text(text.into()));
    }
}
