//! One phase: the rules in their order, for all methods at once.

use std::borrow::Cow;
use std::sync::Arc;

use super::action::{Change, Disruption, Effect, Engine, Scope};
use super::context::Edition;
use super::operator::{Test, number};
use super::policy::{Entry, Policy};
use super::request::{Inspected, Text, Value};
use super::rule::{Check, Link, Rule};
use super::template::{Part, Template};
use super::transaction::{Cause, Memory, Stored, Thread};
use super::variable::{Target, Variable};
use crate::ask::{Ask, Fact};
use crate::http::{Answer, MethodSet, Universe};
use crate::source::Span;

/// Longer values of variables are not followed: a rule may double one again and again.
const LONGEST_VALUE: usize = 1 << 16;

/// The rule that ends the request, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) answer: Answer,
    pub(super) span: Span,
    pub(super) directive: &'static str,
    pub(super) note: &'static str,
}

pub(super) struct Run<'p, 'a, 'b> {
    policy: &'p Policy,
    entries: &'p [Entry],
    ask: &'a mut Ask<'b>,
    universe: &'b Universe,
    request: Inspected<'b>,
}

/// A thread inside of the phase.
struct Runner {
    thread: Thread,
    /// The index of the entry that it meets next.
    next: usize,
    outcome: Option<Outcome>,
}

/// A thread inside of a rule.
struct Matching {
    thread: Thread,
    /// The values that matched in the chain so far, the last one last.
    matched: Vec<Value<'static>>,
}

/// A value that matched, as the operator saw it.
struct Hit {
    member: String,
    /// `None` where only the running server knows it.
    text: Option<String>,
}

impl<'p, 'a, 'b> Run<'p, 'a, 'b> {
    pub(super) fn new(policy: &'p Policy, entries: &'p [Entry], ask: &'a mut Ask<'b>) -> Self {
        let request = Inspected::new(ask.request(), policy.body_access);
        Run { policy, entries, universe: ask.universe(), ask, request }
    }

    /// Takes all threads through the phase.
    pub(super) fn all(mut self, threads: Vec<Thread>) -> Vec<(Thread, Option<Outcome>)> {
        let start = |thread: Thread| {
            let passes = matches!(thread.memory.allowed, Some(Scope::All | Scope::Request));
            Runner { thread, next: if passes { self.entries.len() } else { 0 }, outcome: None }
        };
        let mut runners: Vec<Runner> = threads.into_iter().map(start).collect();
        while let Some(at) = runners.iter().map(|runner| runner.next).min().filter(|at| *at < self.entries.len()) {
            let (rule, landing) = match &self.entries[at] {
                Entry::Rule { rule, matters: true, landing } if rule.needs.met_by(self.request.parts) => (rule, *landing),
                _ => {
                    runners.iter_mut().filter(|runner| runner.next == at).for_each(|runner| runner.next += 1);
                    continue;
                }
            };
            let meets = |runner: &Runner| runner.next == at && !surely_fails(rule, &runner.thread.memory);
            if !runners.iter().any(meets) {
                runners.iter_mut().filter(|runner| runner.next == at).for_each(|runner| runner.next += 1);
                continue;
            }
            let mut after = Vec::with_capacity(runners.len());
            for runner in runners {
                if runner.next == at { self.rule(at, rule, landing, runner, &mut after) } else { join(&mut after, runner) }
            }
            runners = after;
        }
        runners.into_iter().map(|runner| (runner.thread, runner.outcome)).collect()
    }

    fn rule(&mut self, at: usize, rule: &Rule, landing: usize, mut runner: Runner, after: &mut Vec<Runner>) {
        runner.next = at + 1;
        let memory = &runner.thread.memory;
        let engine = memory.engine.unwrap_or(self.policy.engine);
        if engine == Engine::Off || memory.removed().iter().any(|removed| removed.name(&rule.actions)) {
            return join(after, runner);
        }
        let causes = runner.thread.causes.len();
        let mut matching = vec![Matching { thread: runner.thread, matched: Vec::new() }];
        for (index, link) in rule.links.iter().enumerate() {
            let mut matched = Vec::new();
            for going in matching {
                self.link(rule, index, link, going, &mut matched, &mut |mut thread: Thread| {
                    thread.causes.truncate(causes);
                    join(after, Runner { thread, next: at + 1, outcome: None });
                });
            }
            matching = matched;
        }
        for going in matching {
            let runner = self.conclude(landing, rule, going.thread, engine, causes);
            join(after, runner);
        }
    }

    /// Takes one thread through one link of a chain: `matched` gets the methods that match, `unmatched` the others.
    fn link(
        &mut self,
        rule: &Rule,
        index: usize,
        link: &Link,
        mut going: Matching,
        matched: &mut Vec<Matching>,
        unmatched: &mut dyn FnMut(Thread),
    ) {
        let Some(check) = &link.check else {
            self.take_effect(link, None, &mut going);
            return matched.push(going);
        };
        let values = self.values(rule, check, &going);
        if values.is_empty() {
            return unmatched(going.thread);
        }
        if !depends_on_method(check, &values) {
            let hits = self.hits(rule, link, check, &values, None, &going);
            if hits.is_empty() {
                return unmatched(going.thread);
            }
            hits.into_iter().for_each(|hit| self.take_effect(link, Some(hit), &mut going));
            return matched.push(going);
        }
        for (methods, hits) in self.by_method(rule, index, link, check, &values, &going) {
            let whole = methods == going.thread.methods;
            let thread = Thread { methods, ..going.thread.clone() };
            if hits.is_empty() {
                unmatched(thread);
                continue;
            }
            let mut part = Matching { thread, matched: going.matched.clone() };
            if !whole {
                part.thread.causes.push(Cause { span: link.span, list: list_of(check, &part.thread) });
            }
            hits.into_iter().for_each(|hit| self.take_effect(link, Some(hit), &mut part));
            matched.push(part);
        }
    }

    /// The methods of a thread by what they match. Where a text is needed later that holds the method, each method that
    /// matches is by itself.
    fn by_method(
        &mut self,
        rule: &Rule,
        index: usize,
        link: &Link,
        check: &Check,
        values: &[Value<'_>],
        going: &Matching,
    ) -> Vec<(MethodSet, Vec<Hit>)> {
        let apart = rule.needs_text_of(index);
        let mut groups: Vec<(MethodSet, Vec<Hit>)> = Vec::new();
        for single in going.thread.methods.singles() {
            let Some(method) = self.universe.first(single) else { continue };
            let hits = self.hits(rule, link, check, values, Some(method), going);
            let same = |known: &[Hit]| {
                known.len() == hits.len() && known.iter().zip(&hits).all(|(known, hit)| known.member == hit.member)
            };
            match groups.iter_mut().find(|(_, known)| (hits.is_empty() || !apart) && same(known)) {
                Some((methods, _)) => *methods |= single,
                None => groups.push((single, hits)),
            }
        }
        groups
    }

    /// The values that the operator matches.
    fn hits(
        &mut self,
        rule: &Rule,
        link: &Link,
        check: &Check,
        values: &[Value<'_>],
        method: Option<&str>,
        going: &Matching,
    ) -> Vec<Hit> {
        let parameter = self.expand(&check.operator.parameter, going, method);
        let mut hits = Vec::new();
        for value in values {
            let text = transformed(link, &value.text, method);
            let answer = match (&text, &parameter) {
                _ if check.operator.takes_everything() => Some(true),
                (Some(text), Some(parameter)) => check.operator.matches(text, parameter),
                _ => None,
            };
            if answer.unwrap_or_else(|| self.cannot_tell(rule, check)) {
                hits.push(Hit { member: value.member.clone().into_owned(), text: text.map(Cow::into_owned) });
            }
        }
        hits
    }

    fn cannot_tell(&mut self, rule: &Rule, check: &Check) -> bool {
        let name = rule.name();
        let reason = match check.operator.test {
            Test::Unknown(reason) => reason,
            _ => "a value that the config does not tell",
        };
        self.ask.doubt(format!("ModSecurity's {name} asks `@{}`, which depends on {reason}", check.operator.name));
        self.ask.fact(Fact::told(format!("ModSecurity's {name} matches"), format!("ModSecurity's {name} does not match")), false)
    }

    /// The values that a check looks at, without those that it leaves out.
    fn values(&mut self, rule: &Rule, check: &Check, going: &Matching) -> Vec<Value<'b>> {
        let mut values = Vec::new();
        for target in &check.targets.included {
            let excluded = going.thread.memory.excluded().iter();
            let excluded = excluded.filter(|(rules, _)| rules.name(&rule.actions)).map(|(_, target)| target);
            let excluded: Vec<&Target> =
                check.targets.excluded.iter().chain(excluded).filter(|out| out.variable == target.variable).collect();
            let mut found = self.values_of(target, going);
            found.retain(|value| !excluded.iter().any(|out| out.selects(&value.member) == Some(true)));
            match target.count {
                true => values.push(Value::known("", found.len().to_string())),
                false => values.append(&mut found),
            }
        }
        values
    }

    fn values_of(&mut self, target: &Target, going: &Matching) -> Vec<Value<'b>> {
        let memory = &going.thread.memory;
        match target.variable {
            Variable::Stored(collection) => {
                let value = |member: String, value: Option<Arc<str>>| Value {
                    member: member.into(),
                    text: value.map_or(Text::Unknown, |value| Text::Known(value.to_string().into())),
                };
                if let Some(key) = &target.key {
                    let stored = memory.get(key).into_iter();
                    return stored.map(|stored| value(key[collection.len() + 1..].to_owned(), stored.value.clone())).collect();
                }
                let members = memory.members(collection).filter(|(member, _)| target.selects(member) == Some(true));
                members.map(|(member, stored)| value(member.to_owned(), stored.value.clone())).collect()
            }
            Variable::MatchedValue => going.matched.last().cloned().into_iter().collect(),
            Variable::MatchedValues => going.matched.clone(),
            Variable::MatchedName => going.matched.last().map(name_of).into_iter().collect(),
            Variable::MatchedNames => going.matched.iter().map(name_of).collect(),
            _ => self.request.values(target, memory.force_body, self.ask),
        }
    }

    /// The template with its macros resolved; `None` where one of them is not known.
    fn expand<'t>(&mut self, template: &'t Template, going: &Matching, method: Option<&str>) -> Option<Cow<'t, str>> {
        if let Some(constant) = template.constant() {
            return Some(constant.into());
        }
        let mut text = String::new();
        for part in &template.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Macro(target) => {
                    let values = self.values_of(target, going);
                    let Some(value) = values.first() else { continue };
                    text.push_str(&concrete(&value.text, method.or_else(|| self.only_method(going.thread.methods)))?);
                }
            }
            if text.len() > LONGEST_VALUE {
                return None;
            }
        }
        Some(text.into())
    }

    /// The method of a thread that speaks of one method alone.
    fn only_method(&self, methods: MethodSet) -> Option<&'b str> {
        self.universe.first(methods).filter(|_| methods.len() == 1)
    }

    fn take_effect(&mut self, link: &Link, hit: Option<Hit>, going: &mut Matching) {
        let text = hit.as_ref().and_then(|hit| hit.text.clone());
        if let Some(hit) = hit {
            let text = hit.text.map_or(Text::Unknown, |text| Text::Known(text.into()));
            going.matched.push(Value { member: hit.member.into(), text });
        }
        if link.actions.capture
            && let (Some(check), Some(text)) = (&link.check, text)
        {
            capture(link, check, &text, going);
        }
        for effect in &link.actions.effects {
            self.apply(link, effect, going);
        }
    }

    fn apply(&mut self, link: &Link, effect: &Effect, going: &mut Matching) {
        match effect {
            Effect::Set { name, value, change } => {
                let Some(name) = self.expand(name, going, None) else {
                    return self.ask.doubt("a ModSecurity rule sets a variable whose name is not known");
                };
                let name = name.to_ascii_lowercase();
                let value = self.expand(value, going, None);
                let memory = &mut going.thread.memory;
                let value: Option<Arc<str>> = match change {
                    Change::Assign => value.map(|value| Arc::from(&*value)),
                    Change::Add => match memory.get(&name) {
                        Some(stored) => stored.value.as_deref().map(number),
                        None => Some(0),
                    }
                    // Counters never go below zero (re_actions.c, msre_action_setvar_execute).
                    .and_then(|old| Some(old.saturating_add(number(&value?)).max(0).to_string().into())),
                };
                memory.set(&name, value, link.span);
            }
            Effect::Unset(name) => {
                if let Some(name) = self.expand(name, going, None) {
                    going.thread.memory.unset(&name.to_ascii_lowercase());
                }
            }
            Effect::Engine(engine) => going.thread.memory.engine = Some(*engine),
            Effect::Remove(rules) => going.thread.memory.remove(rules),
            Effect::Exclude(rules, target) => going.thread.memory.exclude(rules, target),
            Effect::ForceBody => going.thread.memory.force_body = true,
            Effect::Unknown(what) => self.ask.doubt(*what),
        }
    }

    /// What a rule does whose whole chain matched.
    fn conclude(&mut self, landing: usize, rule: &Rule, mut thread: Thread, engine: Engine, causes: usize) -> Runner {
        if !rule.matters() {
            thread.causes.truncate(causes);
        }
        let mut runner = Runner { thread, next: landing, outcome: None };
        let disruption = match &rule.actions.disruption {
            Some(Disruption::Block) => Some(&rule.block),
            other => other.as_ref(),
        };
        if engine != Engine::On {
            return runner;
        }
        let (answer, note) = match disruption {
            None | Some(Disruption::Pass | Disruption::Block) => return runner,
            Some(Disruption::Allow(scope)) => {
                runner.thread.memory.allowed = Some(*scope);
                runner.next = self.entries.len();
                return runner;
            }
            Some(Disruption::Proxy) => {
                self.ask.doubt("a ModSecurity rule sends the request elsewhere");
                return runner;
            }
            Some(Disruption::Drop) if self.policy.edition == Edition::Module => (Answer::Close, "drops the connection"),
            Some(Disruption::Deny | Disruption::Drop) => {
                (Answer::respond(self.policy.edition.sent(rule.actions.status.unwrap_or(403))), "denies the request")
            }
            Some(Disruption::Redirect(to)) => {
                let status = rule.actions.status.filter(|status| matches!(status, 301 | 302 | 303 | 307)).unwrap_or(302);
                let going = Matching { thread: runner.thread.clone(), matched: Vec::new() };
                let to: Arc<str> = self.expand(to, &going, None).unwrap_or_default().into();
                (Answer::Respond { status, headers: vec![("location", to)] }, "redirects the request")
            }
        };
        let link = &rule.links[0];
        runner.outcome = Some(Outcome { answer, span: link.span, directive: link.directive(), note });
        runner.next = self.entries.len();
        runner
    }
}

/// Whether a rule that looks at one stored variable cannot match. Most rules of the Core Rule Set ask for its own settings in
/// this way, and need no closer look.
fn surely_fails(rule: &Rule, memory: &Memory) -> bool {
    let link = &rule.links[0];
    let Some(Check { targets, operator }) = &link.check else { return false };
    let ([target], [], []) = (&targets.included[..], &targets.excluded[..], &link.actions.transformations[..]) else {
        return false;
    };
    let (Some(key), Some(parameter)) = (&target.key, operator.parameter.constant()) else { return false };
    let value = match (target.count, memory.get(key)) {
        (true, stored) => {
            if stored.is_some() {
                "1"
            } else {
                "0"
            }
        }
        (false, Some(Stored { value: Some(value), .. })) => value,
        (false, Some(_)) => return false,
        (false, None) => return true,
    };
    operator.matches(value, parameter) == Some(false)
}

/// Adds a runner, together with one that cannot be told apart from it any more.
fn join(runners: &mut Vec<Runner>, runner: Runner) {
    let same = runners.iter_mut().find(|known| {
        known.next == runner.next
            && known.outcome == runner.outcome
            && known.thread.causes == runner.thread.causes
            && known.thread.memory.is_same(&runner.thread.memory)
    });
    match same {
        Some(known) => known.thread.methods |= runner.thread.methods,
        None => runners.push(runner),
    }
}

fn depends_on_method(check: &Check, values: &[Value<'_>]) -> bool {
    values.iter().any(|value| matches!(value.text, Text::Method(_)))
        || check.operator.parameter.targets().any(Target::depends_on_method)
}

/// Where the list was set that a check compares the method with.
fn list_of(check: &Check, thread: &Thread) -> Option<Span> {
    check.operator.parameter.targets().find_map(|target| match target.variable {
        Variable::Stored(_) => thread.memory.get(target.key.as_deref()?).map(|stored| stored.set_at),
        _ => None,
    })
}

/// The value after the link's transformations; `None` where it is not known.
fn transformed<'v>(link: &Link, text: &'v Text<'_>, method: Option<&str>) -> Option<Cow<'v, str>> {
    let value = concrete(text, method)?;
    link.actions.transformations.iter().try_fold(value, |value, transformation| transformation.apply(value))
}

fn concrete<'v>(text: &'v Text<'_>, method: Option<&str>) -> Option<Cow<'v, str>> {
    match text {
        Text::Known(text) => Some(Cow::Borrowed(text)),
        Text::Method(rest) => Some(format!("{}{rest}", method?).into()),
        Text::Unknown => None,
    }
}

/// `capture` stores the groups of a regex as `TX:0` to `TX:9`.
fn capture(link: &Link, check: &Check, text: &str, going: &mut Matching) {
    let Test::Pattern(pattern) = &check.operator.test else { return };
    let groups = pattern.groups(text);
    for index in 0..10 {
        let name = format!("tx.{index}");
        match &groups {
            None => going.thread.memory.set(&name, None, link.span),
            Some(groups) => match groups.as_ref().and_then(|groups| groups.numbered.get(index)) {
                Some(group) => {
                    going.thread.memory.set(&name, Some(group.as_deref().unwrap_or("").into()), link.span);
                }
                None => going.thread.memory.unset(&name),
            },
        }
    }
}

fn name_of(value: &Value<'static>) -> Value<'static> {
    Value::known(value.member.clone(), value.member.clone())
}
