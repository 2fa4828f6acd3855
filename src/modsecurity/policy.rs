//! What ModSecurity does with a request in phases 1 and 2.

use std::collections::HashMap;
use std::sync::Arc;

use super::action::{Disruption, Effect, Engine};
use super::context::{Context, Edition, Item};
use super::rule::Rule;
use super::run::{Outcome, Run};
use super::transaction::{Thread, Transaction};
use super::variable::Variable;
use crate::ask::{Ask, Input};
use crate::http::{Answer, MethodSet, Part, Step};

/// A phase that can answer a request before its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Phase 1, which Apache runs before everything else, with the server's own rules.
    RequestHeaders,
    /// Phase 2, with the rules of the location.
    RequestBody,
}

impl Phase {
    fn index(self) -> usize {
        match self {
            Phase::RequestHeaders => 0,
            Phase::RequestBody => 1,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Phase::RequestHeaders => "modsecurity phase 1",
            Phase::RequestBody => "modsecurity phase 2",
        }
    }
}

/// The rules of a section in the form in which requests meet them.
#[derive(Debug)]
pub struct Policy {
    pub(super) engine: Engine,
    pub(super) edition: Edition,
    pub(super) body_access: bool,
    phases: [Vec<Entry>; 2],
    unknown: Vec<&'static str>,
    /// Whether a rule can turn the engine on.
    may_turn_on: bool,
}

#[derive(Debug)]
pub(super) enum Entry {
    Rule {
        rule: Arc<Rule>,
        /// Whether a match has consequences.
        matters: bool,
        /// The index of the entry that is next after a match.
        landing: usize,
    },
    Marker(Box<str>),
}

/// ModSecurity's own answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intervention {
    pub answer: Answer,
    /// The directives that led to it: an allow-list, the rules that tell methods apart, and last the rule that answers.
    pub steps: Vec<Step>,
    /// The index of the step that a person would change.
    pub decided_by: usize,
}

impl Policy {
    /// The policy of a section that has inherited ([`Context::within`]).
    pub fn new(context: &Context) -> Self {
        let mut phases = [Vec::new(), Vec::new()];
        for item in context.effective() {
            match item {
                Item::Rule(rule) if matches!(rule.phase, 1 | 2) => {
                    let (rule, matters) = (Arc::clone(rule), rule.matters());
                    phases[rule.phase as usize - 1].push(Entry::Rule { rule, matters, landing: 0 });
                }
                Item::Rule(_) => {}
                Item::Marker(name) => phases.iter_mut().for_each(|entries| entries.push(Entry::Marker(name.clone()))),
            }
        }
        phases.iter_mut().for_each(|entries| find_landings(entries));
        let turns_on = |rule: &Arc<Rule>| {
            let effects = rule.links.iter().flat_map(|link| &link.actions.effects);
            effects.into_iter().any(|effect| matches!(effect, Effect::Engine(Engine::On)))
        };
        Policy {
            engine: context.engine().map_or(Engine::Off, |engine| engine.value),
            edition: context.edition(),
            body_access: context.body_access.unwrap_or(false),
            may_turn_on: context.rules().any(turns_on),
            unknown: context.unknown.clone(),
            phases,
        }
    }

    /// Whether ModSecurity can answer any request at all.
    pub fn can_intervene(&self) -> bool {
        self.engine == Engine::On && (!self.unknown.is_empty() || self.phases.iter().flatten().any(Entry::disrupts))
            || self.may_turn_on
    }

    /// Whether the phase can neither answer nor leave anything behind for the next one, which may have another policy.
    fn is_idle(&self, phase: Phase, transaction: &Transaction) -> bool {
        match phase {
            Phase::RequestHeaders => {
                self.engine == Engine::Off || self.phases[phase.index()].is_empty() && self.unknown.is_empty()
            }
            Phase::RequestBody => !self.can_intervene() && !transaction.is_turned_on(),
        }
    }

    /// What ModSecurity answers in this phase, if it does. `transaction` is the one of the request in all of its phases, also
    /// where these have different policies.
    pub fn decide(&self, phase: Phase, transaction: &mut Transaction, ask: &mut Ask<'_>) -> Option<Intervention> {
        if self.is_idle(phase, transaction) {
            return None;
        }
        self.unknown.iter().for_each(|what| ask.doubt(*what));
        let entries = &self.phases[phase.index()];
        let threads = transaction.take(ask.methods());
        let done = Run::new(self, entries, ask).all(threads);
        let intervention = settle(done, transaction, ask)?;
        Some(self.intervention(phase, intervention))
    }

    /// Values worth trying for an input, because a rule that answers requests looks for them.
    pub fn candidates(&self, input: &Input) -> Vec<Arc<str>> {
        let rules = self.phases.iter().flatten().filter_map(|entry| match entry {
            Entry::Rule { rule, matters: true, .. } if rule.disrupts() => Some(rule),
            _ => None,
        });
        let checks = rules.flat_map(|rule| &rule.links).filter_map(|link| link.check.as_ref());
        let mut values = Vec::new();
        for check in checks {
            let looks = check.targets.included.iter().any(|target| match (input, target.variable) {
                (Input::Header(name), Variable::Headers) => target.name().is_some_and(|own| own.eq_ignore_ascii_case(name)),
                (Input::Cookie(name), Variable::Cookies) | (Input::Argument(name), Variable::Arguments { query: true, .. }) => {
                    target.name() == Some(name)
                }
                (Input::Client, Variable::Client) => true,
                _ => false,
            });
            if looks {
                values.extend(check.operator.examples().into_iter().filter(|value| !values.contains(value)).collect::<Vec<_>>());
            }
        }
        values
    }

    fn intervention(&self, phase: Phase, Decided { thread, outcome }: Decided) -> Intervention {
        let mut steps = Vec::new();
        let mut decided_by = None;
        for cause in &thread.causes {
            if let Some(setter) = cause.list {
                decided_by.get_or_insert(steps.len());
                steps.push(Step {
                    phase: phase.name(),
                    directive: "setvar".into(),
                    span: setter,
                    note: "sets the list that the method is compared with".into(),
                    part: Part::Says,
                });
            }
            decided_by.get_or_insert(steps.len());
            steps.push(Step {
                phase: phase.name(),
                directive: "SecRule".into(),
                span: cause.span,
                note: "matches by the method".into(),
                part: Part::Says,
            });
        }
        if steps.last().is_none_or(|step| step.span != outcome.span) {
            steps.push(Step {
                phase: phase.name(),
                directive: outcome.directive.into(),
                span: outcome.span,
                note: outcome.note.into(),
                part: Part::Says,
            });
        }
        let decided_by = decided_by.unwrap_or(steps.len() - 1);
        Intervention { answer: outcome.answer, steps, decided_by }
    }
}

impl Entry {
    fn disrupts(&self) -> bool {
        matches!(self, Entry::Rule { rule, matters: true, .. } if rule.disrupts())
    }
}

impl Rule {
    /// Whether a match answers the request.
    pub(super) fn disrupts(&self) -> bool {
        let disruption = match self.actions.disruption.as_ref() {
            Some(Disruption::Block) => Some(&self.block),
            other => other,
        };
        matches!(disruption, Some(Disruption::Deny | Disruption::Drop | Disruption::Redirect(_) | Disruption::Proxy))
    }
}

/// Where the phase goes on after a match of each rule: `skipAfter` jumps behind the next marker or rule of that name, or out of
/// the phase; `skip` jumps over so many rules.
fn find_landings(entries: &mut [Entry]) {
    let mut behind_markers: HashMap<Box<str>, usize> = HashMap::new();
    let mut behind_rules: HashMap<u64, usize> = HashMap::new();
    // The indexes of the rules further down, the next one last.
    let mut rules = Vec::new();
    let end = entries.len();
    for (index, entry) in entries.iter_mut().enumerate().rev() {
        match entry {
            Entry::Marker(name) => _ = behind_markers.insert(name.clone(), index + 1),
            Entry::Rule { rule, landing, .. } => {
                *landing = match (&rule.actions.skip_after, rule.actions.skip) {
                    (Some(name), _) => {
                        let rule = name.parse().ok().and_then(|id: u64| behind_rules.get(&id));
                        behind_markers.get(name).into_iter().chain(rule).min().copied().unwrap_or(end)
                    }
                    (None, 0) => index + 1,
                    (None, skip) => {
                        let skipped: Option<&usize> = rules.len().checked_sub(skip).and_then(|last| rules.get(last));
                        skipped.map_or(end, |last| last + 1)
                    }
                };
                behind_rules.extend(rule.actions.id.map(|id| (id, index + 1)));
                rules.push(index);
            }
        }
    }
}

struct Decided {
    thread: Thread,
    outcome: Outcome,
}

/// Splits the run of `ask` where the threads end differently, and keeps those that the run still speaks of.
fn settle(done: Vec<(Thread, Option<Outcome>)>, transaction: &mut Transaction, ask: &mut Ask<'_>) -> Option<Decided> {
    let mut on = Vec::new();
    let mut ended: Vec<(MethodSet, Decided)> = Vec::new();
    for (thread, outcome) in done {
        let Some(outcome) = outcome else {
            on.push(thread);
            continue;
        };
        let same = |known: &Decided| known.outcome == outcome && known.thread.causes == thread.causes;
        match ended.iter_mut().find(|(_, known)| same(known)) {
            Some((methods, _)) => *methods |= thread.methods,
            None => ended.push((thread.methods, Decided { thread, outcome })),
        }
    }
    for (methods, decided) in ended {
        if ask.method_is(methods) {
            return Some(decided);
        }
    }
    transaction.put(on);
    None
}
