//! What happens to given requests.

use std::collections::BTreeSet;

use crate::ask::{Branch, Explorer, Fact};
use crate::http::{Answer, Request, STAND_IN, Universe, UpstreamMethod, Verdict};
use crate::lint::Loaded;
use crate::server::Site;
use crate::source::{FileSystem, LoadError};

/// A request and all that can become of it.
#[derive(Clone, Debug)]
pub struct Traced {
    pub request: Request,
    pub exhaustive: bool,
    pub outcomes: Vec<Outcome>,
}

/// One thing that can become of a request.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// On what it depends, besides the config and the request.
    pub when: Vec<String>,
    pub verdict: Verdict,
}

/// How many runs of the interpreter one request may take.
const RUNS: usize = 256;

/// How many methods one reading tells apart for requests; the rest of the universe is for those that the config names.
const BATCH: usize = 40;

/// Traces the requests, in their order, each by a site that tells its method apart. `read` reads the config for the given
/// methods; it is called again where the requests have more methods than one site can tell apart.
///
/// # Errors
/// Where the config cannot be read.
pub fn all(
    requests: &[Request],
    disk: Option<&dyn FileSystem>,
    mut read: impl FnMut(Vec<String>) -> Result<Loaded, LoadError>,
    mut each: impl FnMut(&Loaded, Traced),
) -> Result<(), LoadError> {
    let mut rest = requests;
    while let Some(first) = rest.first() {
        let mut methods = BTreeSet::new();
        let mut count = 0;
        for request in rest {
            if methods.len() == BATCH && !methods.contains(&*request.method) {
                break;
            }
            methods.insert(request.method.to_string());
            count += 1;
        }
        let loaded = read(methods.into_iter().collect())?;
        // A config that names very many methods of its own may leave no room for all of these.
        let known = rest[..count].iter().take_while(|request| !loaded.site.universe().only(&request.method).is_empty());
        let known = known.count();
        for request in &rest[..known] {
            each(&loaded, one(loaded.site.as_ref(), request, disk));
        }
        rest = &rest[known..];
        if known == 0 {
            let alone = read(vec![first.method.to_string()])?;
            each(&alone, one(alone.site.as_ref(), first, disk));
            rest = &rest[1..];
        }
    }
    Ok(())
}

/// Traces one request through a site.
pub fn one(site: &dyn Site, request: &Request, disk: Option<&dyn FileSystem>) -> Traced {
    let universe = site.universe();
    let explorer = Explorer { universe, candidates: None, disk, runs: RUNS };
    let mut found = explorer.one(&asked(universe, request), |ask| site.decide(ask));
    for branch in &mut found.branches {
        name_method(&mut branch.verdict.answer, &request.method);
    }
    let mut outcomes = merge(&found.branches);
    let cut_short = !found.exhaustive && found.branches.len() >= RUNS;
    if cut_short {
        for outcome in &mut outcomes {
            outcome.when.push(format!("only {RUNS} of the possible ways were looked at"));
        }
    }
    Traced { request: request.clone(), exhaustive: found.exhaustive, outcomes }
}

/// The request with a method that the universe knows: a token that nobody names behaves as any other.
fn asked(universe: &Universe, request: &Request) -> Request {
    let known = !universe.only(&request.method).is_empty();
    Request { method: if known { request.method.clone() } else { STAND_IN.into() }, ..request.clone() }
}

/// The client's method is spelled out, so that answers compare as what the upstream sees.
pub(crate) fn name_method(answer: &mut Answer, client: &str) {
    if let Answer::Forward { method, .. } = answer
        && matches!(method, UpstreamMethod::Replaced(name) if **name == *client)
    {
        *method = UpstreamMethod::Unchanged;
    }
}

/// Branches that have equal answers are one outcome, under what is common to them.
fn merge(branches: &[Branch]) -> Vec<Outcome> {
    let ways: Vec<_> = branches.iter().map(Way::new).collect();
    let mut groups: Vec<(&Branch, Vec<Vec<String>>)> = Vec::new();
    for (when, branch) in simplify(ways) {
        match groups.iter_mut().find(|(known, _)| known.verdict.answer == branch.verdict.answer) {
            Some((plain, alternatives)) => {
                alternatives.push(when);
                if branch.distance < plain.distance {
                    *plain = branch;
                }
            }
            None => groups.push((branch, vec![when])),
        }
    }
    groups.sort_by_key(|(branch, _)| branch.distance);
    let outcome = |(plain, alternatives): (&Branch, Vec<Vec<String>>)| {
        let mut when = join(alternatives);
        let same = branches.iter().filter(|branch| branch.verdict.answer == plain.verdict.answer);
        for doubt in same.flat_map(|branch| &branch.doubts) {
            if !when.iter().any(|known| *known == *doubt) {
                when.push(doubt.to_string());
            }
        }
        when.extend(plain.notices.iter().map(|notice| (*notice).to_owned()));
        Outcome { when, verdict: plain.verdict.clone() }
    };
    groups.into_iter().map(outcome).collect()
}

/// A branch, and those of its assumptions that are not yet dealt with.
struct Way<'b> {
    assumptions: Vec<(Question<'b>, String)>,
    branch: &'b Branch,
}

#[derive(Clone, Copy, PartialEq)]
enum Question<'b> {
    Fact(&'b Fact),
    Choice(&'b str),
}

impl<'b> Way<'b> {
    fn new(branch: &'b Branch) -> Self {
        let facts = branch.facts.iter().map(|(fact, _)| Question::Fact(fact));
        let questions = facts.chain(branch.choices.iter().map(|(what, _)| Question::Choice(what)));
        Way { assumptions: questions.zip(branch.when()).collect(), branch }
    }

    fn asks(&self, question: Question<'_>) -> bool {
        self.assumptions.iter().any(|(asked, _)| *asked == question)
    }
}

/// The assumptions that matter. Branches form a tree: one question is asked on all of them, and each answer to it leads to
/// further ones. A question whose answers all lead to the same is left out.
fn simplify(ways: Vec<Way<'_>>) -> Vec<(Vec<String>, &Branch)> {
    let Some(first) = ways.first() else { return Vec::new() };
    if ways.iter().all(|way| way.branch.verdict.answer == first.branch.verdict.answer) {
        return vec![(Vec::new(), first.branch)];
    }
    let mut questions = first.assumptions.iter().map(|(question, _)| *question);
    let Some(root) = questions.find(|question| ways.iter().all(|way| way.asks(*question))) else {
        let sentences = |way: Way<'_>| way.assumptions.into_iter().map(|(_, sentence)| sentence).collect();
        return ways.into_iter().map(|way| (way.branch, sentences(way))).map(|(branch, when)| (when, branch)).collect();
    };
    let mut sides: Vec<(String, Vec<Way<'_>>)> = Vec::new();
    for mut way in ways {
        let Some(index) = way.assumptions.iter().position(|(question, _)| *question == root) else { continue };
        let (_, answer) = way.assumptions.remove(index);
        match sides.iter_mut().find(|(known, _)| *known == answer) {
            Some((_, side)) => side.push(way),
            None => sides.push((answer, vec![way])),
        }
    }
    let mut sides: Vec<_> = sides.into_iter().map(|(answer, side)| (answer, simplify(side))).collect();
    if sides.len() > 1 && sides.windows(2).all(|pair| is_same(&pair[0].1, &pair[1].1)) {
        return sides.swap_remove(0).1;
    }
    let under = |answer: String, side: Vec<(Vec<String>, _)>| {
        side.into_iter().map(move |(when, branch)| ([vec![answer.clone()], when].concat(), branch))
    };
    sides.into_iter().flat_map(|(answer, side)| under(answer, side)).collect()
}

fn is_same(one: &[(Vec<String>, &Branch)], other: &[(Vec<String>, &Branch)]) -> bool {
    let mut pairs = one.iter().zip(other);
    one.len() == other.len() && pairs.all(|(a, b)| a.0 == b.0 && a.1.verdict.answer == b.1.verdict.answer)
}

/// Several sets of assumptions as one: what all of them hold, and the rest as alternatives.
fn join(mut alternatives: Vec<Vec<String>>) -> Vec<String> {
    let Some(first) = alternatives.first() else { return Vec::new() };
    let common: Vec<String> =
        first.iter().filter(|sentence| alternatives.iter().all(|other| other.contains(sentence))).cloned().collect();
    if alternatives.len() == 1 {
        return common;
    }
    for alternative in &mut alternatives {
        alternative.retain(|sentence| !common.contains(sentence));
    }
    if alternatives.iter().any(Vec::is_empty) {
        return common;
    }
    let rest = alternatives.iter().map(|alternative| alternative.join(" and ")).collect::<Vec<_>>().join(", or ");
    common.into_iter().chain([rest]).collect()
}
