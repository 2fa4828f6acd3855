//! The engines behind patterns.
//!
//! Most patterns of a config are regular, and are asked a handful of short texts. For those an automaton that is walked as it
//! stands costs far less than one that is prepared for speed. Look-around, back-references and the like need an engine that
//! goes back over its steps.

use std::ops::Range;

use fancy_regex::{BytesMode, Regex, RegexBuilder};
use regex_automata::nfa::thompson::backtrack::BoundedBacktracker;
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::nfa::thompson::{self, NFA};
use regex_automata::util::primitives::PatternID;
use regex_automata::{Input, util::primitives::NonMaxUsize};

use regex_syntax::hir::{Hir, HirKind, Look};

use super::pcre::{Problem, Translation};

#[derive(Debug)]
pub(super) struct Engine {
    kind: Kind,
    /// Whether only ASCII texts can be told.
    pub(super) ascii_only: bool,
}

#[derive(Debug)]
enum Kind {
    Regular(BoundedBacktracker, Start),
    Fancy(Regex),
}

/// What stands behind the `^` of a pattern: most texts are told apart by it, and cost nothing more.
#[derive(Debug, Default)]
struct Start {
    text: Box<[u8]>,
    ignore_case: bool,
}

/// Where each group of a match lies; group 0 is the whole match.
pub(super) type Places = Vec<Option<Range<usize>>>;

impl Engine {
    /// Steps that one match may backtrack; past that the pattern counts as one that cannot be told.
    const BACKTRACKS: usize = 100_000;
    /// What a compiled pattern may take, in bytes and in steps.
    const BYTES: usize = 1 << 20;
    const STEPS: usize = 20_000;

    pub(super) fn new(translation: &Translation, ignore_case: bool) -> Result<Self, Problem> {
        let kind = if translation.regular {
            let (automaton, start) = Self::regular(&translation.engine, ignore_case).ok_or(Problem::Unread)?;
            Kind::Regular(automaton, start)
        } else {
            Kind::Fancy(Self::fancy(&translation.engine, ignore_case).ok_or(Problem::Unread)?)
        };
        Ok(Engine { kind, ascii_only: translation.ascii_only })
    }

    fn regular(pattern: &str, ignore_case: bool) -> Option<(BoundedBacktracker, Start)> {
        let read = |ignore_case| {
            let mut parser = regex_syntax::ParserBuilder::new();
            parser.utf8(false).unicode(false).case_insensitive(ignore_case).build().parse(pattern).ok()
        };
        let hir = read(ignore_case)?;
        let start = Start::new(if ignore_case { read(false)? } else { hir.clone() }, ignore_case);
        let limits = thompson::Config::new().utf8(false).nfa_size_limit(Some(Self::BYTES));
        let nfa = thompson::Compiler::new().configure(limits).build_from_hir(&hir).ok()?;
        Some((BoundedBacktracker::new_from_nfa(nfa).ok()?, start))
    }

    pub(super) fn fancy(pattern: &str, ignore_case: bool) -> Option<Regex> {
        let mut builder = RegexBuilder::new(pattern);
        builder.case_insensitive(ignore_case).bytes_mode(BytesMode::Ascii).backtrack_limit(Self::BACKTRACKS);
        builder.delegate_size_limit(Self::BYTES).delegate_dfa_size_limit(Self::BYTES).max_prog_size(Self::STEPS);
        builder.build().ok()
    }

    /// `None` where it cannot be told, as everywhere here.
    pub(super) fn is_match(&self, text: &str) -> Option<bool> {
        match &self.kind {
            Kind::Regular(_, start) if !start.opens(text.as_bytes()) => Some(false),
            Kind::Regular(regular, _) => Some(search(regular, Input::new(text).earliest(true), &mut [])),
            Kind::Fancy(regex) => regex.is_match(text.as_bytes()).ok(),
        }
    }

    /// Where the first match starts.
    pub(super) fn find(&self, text: &str) -> Option<Option<usize>> {
        match &self.kind {
            Kind::Regular(regular, _) => {
                let mut slots = [None; 2];
                search(regular, Input::new(text), &mut slots);
                Some(slots[0].map(NonMaxUsize::get))
            }
            Kind::Fancy(regex) => Some(regex.find(text.as_bytes()).ok()?.map(|found| found.start())),
        }
    }

    /// The groups of the first match.
    pub(super) fn groups(&self, text: &str) -> Option<Option<Places>> {
        match &self.kind {
            Kind::Regular(regular, _) => {
                let mut slots = vec![None; regular.get_nfa().group_info().slot_len()];
                let place = |pair: &[Option<NonMaxUsize>]| Some(pair[0]?.get()..pair[1]?.get());
                let found = search(regular, Input::new(text), &mut slots);
                Some(found.then(|| slots.chunks_exact(2).map(place).collect()))
            }
            Kind::Fancy(regex) => {
                let Some(found) = regex.captures(text.as_bytes()).ok()? else { return Some(None) };
                Some(Some((0..found.len()).map(|index| found.get(index).map(|group| group.range())).collect()))
            }
        }
    }

    /// The names of the groups, by number.
    pub(super) fn names(&self) -> Vec<Option<&str>> {
        match &self.kind {
            Kind::Regular(regular, _) => regular.get_nfa().group_info().pattern_names(PatternID::ZERO).collect(),
            Kind::Fancy(regex) => regex.capture_names().collect(),
        }
    }
}

impl Start {
    fn new(hir: Hir, ignore_case: bool) -> Start {
        let HirKind::Concat(parts) = hir.into_kind() else { return Start::default() };
        match (parts[0].kind(), parts[1].kind()) {
            (HirKind::Look(Look::Start), HirKind::Literal(literal)) => Start { text: literal.0.clone(), ignore_case },
            _ => Start::default(),
        }
    }

    fn opens(&self, text: &[u8]) -> bool {
        let Some(opening) = text.get(..self.text.len()) else { return false };
        if self.ignore_case { opening.eq_ignore_ascii_case(&self.text) } else { *opening == *self.text }
    }
}

/// Walks the automaton, in two ways that find the same: one keeps a bit for each state and position, the other none for texts
/// that are too long for that.
fn search(regular: &BoundedBacktracker, input: Input<'_>, slots: &mut [Option<NonMaxUsize>]) -> bool {
    match regular.try_search_slots(&mut regular.create_cache(), &input, slots) {
        Ok(found) => found.is_some(),
        Err(_) => long_search(regular.get_nfa(), &input, slots),
    }
}

fn long_search(nfa: &NFA, input: &Input<'_>, slots: &mut [Option<NonMaxUsize>]) -> bool {
    let Ok(machine) = PikeVM::new_from_nfa(nfa.clone()) else { return false };
    machine.search_slots(&mut machine.create_cache(), input, slots).is_some()
}
