//! Runs an interpreter again and again, until every open question has had each of its answers.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::{Ask, Candidates, Decision, Fact, Input, Question};
use crate::http::{MethodSet, Request, Universe, Verdict};
use crate::source::FileSystem;

/// Runs an interpreter on one request.
#[derive(Clone, Copy)]
pub struct Explorer<'a> {
    pub universe: &'a Universe,
    /// Where inputs that the request does not state are open; `None` takes the request as complete.
    pub candidates: Option<&'a dyn Candidates>,
    /// Where files are looked up; `None` makes their existence an assumption.
    pub disk: Option<&'a dyn FileSystem>,
    /// How many runs may be spent.
    pub runs: usize,
}

/// One way that a request can go.
#[derive(Clone, Debug)]
pub struct Branch {
    pub methods: MethodSet,
    /// What the request holds on this branch, besides what it states.
    pub inputs: Vec<(Input, Option<Arc<str>>)>,
    /// The clients that it is told of, the plainest first; none where nothing tells clients apart.
    pub clients: Vec<Arc<str>>,
    /// What is taken to be true or false about the world.
    pub facts: Vec<(Fact, bool)>,
    /// What the proxy is taken to choose by itself: the question, and the choice as a sentence.
    pub choices: Vec<(Arc<str>, Arc<str>)>,
    /// What could not be modelled on the way.
    pub doubts: Vec<Cow<'static, str>>,
    /// What the client sees of an answer that is none.
    pub notices: Vec<&'static str>,
    /// Whether the request, its method and the config alone decide.
    pub is_certain: bool,
    /// How many answers on the way were not the plainest ones; methods do not count.
    pub distance: u32,
    pub verdict: Verdict,
}

impl Branch {
    /// The assumptions about the world, a sentence each.
    pub fn when(&self) -> Vec<String> {
        let facts = self.facts.iter().map(|(fact, holds)| fact.sentence(*holds));
        facts.chain(self.choices.iter().map(|(_, choice)| choice.to_string())).collect()
    }

    /// Whether the client has not come by TLS to a config behind a terminator of it.
    pub fn is_unsecured(&self) -> bool {
        let is_usual = |input: &Input, value: &Option<Arc<str>>| value.as_ref().is_some_and(|value| input.is_usual(value));
        self.inputs.iter().any(|(input, value)| input.is_scheme() && !is_usual(input, value))
    }

    /// Whether one request in one world can go both ways, but for its method.
    pub fn is_compatible(&self, other: &Branch) -> bool {
        let is_anyone = self.clients.is_empty() || other.clients.is_empty();
        let may_meet = is_anyone || self.clients.iter().any(|client| other.clients.contains(client));
        may_meet && agree(&self.inputs, &other.inputs) && agree(&self.facts, &other.facts) && agree(&self.choices, &other.choices)
    }

    /// The request that goes this way, with a method of the branch.
    pub fn request(&self, base: &Request, method: impl Into<Cow<'static, str>>) -> Request {
        let mut request = Request { method: method.into(), ..base.clone() };
        for (input, value) in &self.inputs {
            let Some(value) = value else { continue };
            match input {
                Input::Header(name) => request.headers.push((name.to_string(), value.to_string())),
                Input::Cookie(name) => match request.headers.iter_mut().find(|(known, _)| known == "cookie") {
                    Some((_, cookies)) => *cookies = format!("{cookies}; {name}={value}"),
                    None => request.headers.push(("cookie".into(), format!("{name}={value}"))),
                },
                Input::Argument(name) => {
                    let sign = if request.target.contains('?') { '&' } else { '?' };
                    request.target = format!("{}{sign}{name}={value}", request.target);
                }
                // No answer of its own: `clients` tells.
                Input::Client => {}
            }
        }
        if let Some(client) = self.clients.first() {
            request.client = client.to_string().into();
        }
        request
    }
}

/// All ways that were found, the plainest first.
#[derive(Clone, Debug)]
pub struct Exploration {
    pub branches: Vec<Branch>,
    /// False where the bound was reached or something on the way could not be modelled.
    pub exhaustive: bool,
}

impl Explorer<'_> {
    /// Values tried for one input, besides its absence.
    pub const MAX_CANDIDATES: usize = 6;

    /// Every way for the request's own method, which must be of the universe.
    pub fn one(&self, request: &Request, decide: impl Fn(&mut Ask<'_>) -> Verdict) -> Exploration {
        self.of(request, self.universe.only(&request.method), decide)
    }

    /// Every way for the given methods in place of the request's own.
    pub fn of(&self, request: &Request, methods: MethodSet, decide: impl Fn(&mut Ask<'_>) -> Verdict) -> Exploration {
        let mut queue = BinaryHeap::from([Reverse((0u32, 0u32, Vec::<u16>::new()))]);
        let mut queued = 0;
        let mut branches = Vec::new();
        let mut exhaustive = true;
        while let Some(Reverse((distance, _, script))) = queue.pop() {
            if branches.len() == self.runs {
                exhaustive = false;
                break;
            }
            let mut ask = Ask {
                request,
                explorer: self,
                methods,
                clients: Vec::new(),
                chose: false,
                script: &script,
                made: Vec::new(),
                doubts: Vec::new(),
                notices: Vec::new(),
            };
            let verdict = decide(&mut ask);
            // Of the answers that one run leaves, no more than there are runs left come to their turn, whether further or not.
            let mut room = [self.runs - branches.len(); 2];
            for (index, decision) in ask.made.iter().enumerate().skip(script.len()) {
                let further = u32::from(!matches!(decision.question, Question::Method));
                for other in 1..decision.of {
                    let room = &mut room[further as usize];
                    if *room == 0 {
                        exhaustive = false;
                        break;
                    }
                    *room -= 1;
                    queued += 1;
                    let script = ask.made[..index].iter().map(|decision| decision.taken).chain([other]).collect();
                    queue.push(Reverse((distance + further, queued, script)));
                }
            }
            exhaustive &= ask.doubts.is_empty();
            branches.push(branch(ask, distance, verdict));
        }
        Exploration { branches, exhaustive }
    }
}

/// A run that came to its end.
fn branch(ask: Ask<'_>, distance: u32, verdict: Verdict) -> Branch {
    let Ask { methods, mut clients, made, doubts, notices, chose, .. } = ask;
    let has_asked = made.iter().any(|decision| !matches!(decision.question, Question::Method));
    if !made.iter().any(|decision| matches!(decision.question, Question::Client)) {
        clients.clear();
    }
    let mut branch = Branch {
        methods,
        inputs: Vec::new(),
        clients,
        facts: Vec::new(),
        choices: Vec::new(),
        is_certain: !has_asked && !chose && doubts.is_empty() && notices.is_empty(),
        doubts,
        notices,
        distance,
        verdict,
    };
    for Decision { question, taken, .. } in made {
        match question {
            Question::Method | Question::Client => {}
            Question::Input(input, mut values) => branch.inputs.push((input, values.swap_remove(taken as usize))),
            Question::Fact(fact, likely) => branch.facts.push((fact, likely == (taken == 0))),
            Question::Choice(what, mut options) => branch.choices.push((what, options.swap_remove(taken as usize))),
        }
    }
    branch
}

/// Whether no question has different answers in the two lists.
fn agree<Q: PartialEq, A: PartialEq>(one: &[(Q, A)], other: &[(Q, A)]) -> bool {
    one.iter().all(|(question, answer)| other.iter().all(|(asked, given)| asked != question || given == answer))
}
