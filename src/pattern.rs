//! Regular expressions of configs, which are PCRE's.
//!
//! What this crate cannot read is "cannot tell", never "no match", and no pattern takes unbounded time. PCRE works on bytes unless
//! a pattern asks for UTF mode, and so does this.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use regex_syntax::hir::Look;

mod engine;
mod example;
mod literal;
mod pcre;

use engine::Engine;
pub use literal::Literal;
use pcre::Problem;

/// A pattern, read when it is first asked.
#[derive(Debug)]
pub struct Pattern {
    source: Box<str>,
    ignore_case: bool,
    literals: OnceLock<Option<Vec<Literal>>>,
    engine: OnceLock<Result<Engine, Problem>>,
    refused: OnceLock<bool>,
    path: OnceLock<Option<Box<str>>>,
}

/// The groups of a match; group 0 is the whole match. A group that took no part is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Groups {
    pub numbered: Vec<Option<String>>,
    pub named: Vec<(String, String)>,
}

impl Pattern {
    pub fn new(source: &str, ignore_case: bool) -> Self {
        Pattern {
            source: source.into(),
            ignore_case,
            literals: OnceLock::new(),
            engine: OnceLock::new(),
            refused: OnceLock::new(),
            path: OnceLock::new(),
        }
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    pub fn ignores_case(&self) -> bool {
        self.ignore_case
    }

    /// Whether the pattern matches anywhere in the text; `None` where that cannot be told.
    pub fn matches(&self, text: &str) -> Option<bool> {
        if self.depends_on_newlines(text) {
            return None;
        }
        if let Some(literals) = self.literals() {
            return Some(literals.iter().any(|literal| literal.is_in(text, self.ignore_case)));
        }
        self.engine_for(text)?.is_match(text)
    }

    /// Where the first match starts; the outer `None` where that cannot be told, the inner one where nothing matches.
    pub fn find(&self, text: &str) -> Option<Option<usize>> {
        if self.depends_on_newlines(text) {
            return None;
        }
        self.engine_for(text)?.find(text)
    }

    /// The groups of the first match; the outer `None` where that cannot be told, the inner one where nothing matches.
    pub fn groups(&self, text: &str) -> Option<Option<Groups>> {
        if self.matches(text)? { self.groups_of_match(text).map(Some) } else { Some(None) }
    }

    /// Whether PCRE reads the pattern; `None` where that cannot be told.
    pub fn is_valid(&self) -> Option<bool> {
        if self.literals().is_some() {
            return Some(true);
        }
        match self.engine() {
            Ok(_) => Some(true),
            Err(Problem::Refused) => Some(false),
            Err(Problem::Unread) => None,
        }
    }

    /// Whether PCRE certainly refuses the pattern, which is told without making an engine for it.
    pub fn is_refused(&self) -> bool {
        let refuses = || self.literals().is_none() && matches!(pcre::translate(&self.source), Err(Problem::Refused));
        *self.refused.get_or_init(refuses)
    }

    /// How many groups of the pattern have a number; `None` where it cannot be read.
    pub fn group_count(&self) -> Option<u32> {
        pcre::translate(&self.source).ok().map(|translation| translation.groups)
    }

    /// A short text that matches, of printable signs without blanks.
    pub fn example(&self) -> Option<String> {
        self.examples().next()
    }

    /// A short path that matches.
    pub fn example_path(&self) -> Option<&str> {
        self.path.get_or_init(|| self.example_after("/").map(Into::into)).as_deref()
    }

    /// A short text that matches and begins with this, such as `/` for a URL's path.
    pub fn example_after(&self, start: &str) -> Option<String> {
        self.examples_after(start).next()
    }

    /// Short texts that match and begin with this, the plainest first.
    pub fn examples_after(&self, start: &str) -> impl Iterator<Item = String> {
        let longer = move |text: String| {
            let bare = text.strip_prefix(start).unwrap_or(&text);
            let joined = [format!("{start}x{bare}"), format!("{start}x/{bare}")];
            std::iter::once(if text.starts_with(start) { text } else { format!("{start}{text}") }).chain(joined)
        };
        self.examples().flat_map(longer).filter(|text| self.matches(text) == Some(true))
    }

    /// The plain texts that the pattern looks for, where it is no more than that: `^(GET|POST)$`, `\.(jpe?g|png)$`.
    pub fn alternatives(&self) -> Option<&[Literal]> {
        self.literals()
    }

    /// Whether a match can only begin where the text begins.
    pub fn is_anchored_start(&self) -> bool {
        self.is_anchored(|literal| literal.at_start, Look::Start)
    }

    /// Whether a match can only end where the text ends.
    pub fn is_anchored_end(&self) -> bool {
        self.is_anchored(|literal| literal.at_end, Look::End)
    }

    fn is_anchored(&self, literal_is: impl Fn(&Literal) -> bool, look: Look) -> bool {
        if let Some(literals) = self.literals() {
            return literals.iter().all(literal_is);
        }
        let plain = pcre::translate(&self.source).ok().and_then(|translation| translation.plain);
        let mut parser = regex_syntax::ParserBuilder::new().utf8(false).unicode(false).nest_limit(100).build();
        let Some(hir) = plain.and_then(|plain| parser.parse(&plain).ok()) else { return false };
        let properties = hir.properties();
        let sides = if look == Look::Start { properties.look_set_prefix() } else { properties.look_set_suffix() };
        sides.contains(look)
    }

    fn examples(&self) -> impl Iterator<Item = String> + '_ {
        let plain = pcre::translate(&self.source).ok().and_then(|translation| translation.plain);
        plain.into_iter().flat_map(|plain| example::candidates(&plain)).filter(|text| self.matches(text) == Some(true))
    }

    fn literals(&self) -> Option<&[Literal]> {
        self.literals.get_or_init(|| literal::literals(&self.source)).as_deref()
    }

    fn engine(&self) -> &Result<Engine, Problem> {
        self.engine.get_or_init(|| Engine::new(&pcre::translate(&self.source)?, self.ignore_case))
    }

    fn engine_for(&self, text: &str) -> Option<&Engine> {
        self.engine().as_ref().ok().filter(|engine| text.is_ascii() || !engine.ascii_only)
    }

    /// Whether `$` and `.` may see line ends, which servers configure differently (`PCRE2_DOLLAR_ENDONLY`, `PCRE2_DOTALL`).
    fn depends_on_newlines(&self, text: &str) -> bool {
        text.contains('\n') && self.source.contains(['$', '.', 'Z', 'N'])
    }

    fn groups_of_match(&self, text: &str) -> Option<Groups> {
        let engine = self.engine_for(text)?;
        let part = |place: Option<Range<usize>>| match place {
            None => Some(None),
            // A group may split a sign, which no text of ours can hold.
            Some(place) => text.get(place).map(|part| Some(part.to_owned())),
        };
        let numbered = engine.groups(text)??.into_iter().map(part).collect::<Option<Vec<_>>>()?;
        let names = engine.names().into_iter().zip(&numbered);
        let named = names.filter_map(|(name, part)| Some((name?.to_owned(), part.clone()?))).collect();
        Some(Groups { numbered, named })
    }
}

/// All patterns of a config: equal ones are read once, whichever threads ask for them.
#[derive(Debug, Default)]
pub struct Patterns {
    exact: Mutex<HashMap<Box<str>, Arc<Pattern>>>,
    ignoring_case: Mutex<HashMap<Box<str>, Arc<Pattern>>>,
}

impl Patterns {
    pub fn get(&self, source: &str, ignore_case: bool) -> Arc<Pattern> {
        let known = if ignore_case { &self.ignoring_case } else { &self.exact };
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pattern) = known.get(source) {
            return pattern.clone();
        }
        let pattern = Arc::new(Pattern::new(source, ignore_case));
        known.insert(source.into(), pattern.clone());
        pattern
    }
}

#[cfg(test)]
mod tests;
