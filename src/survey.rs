//! Asks a site what happens to every method on one of its routes.

use std::cell::OnceCell;

use crate::ask::{Branch, Exploration, Explorer};
use crate::http::{Answer, MethodSet, Part, Request, UpstreamMethod};
use crate::server::{Route, Site};

/// What was found out about one route.
pub struct Survey<'s> {
    pub site: &'s dyn Site,
    pub route: &'s Route,
    /// What happens to the standard methods and to one that nobody knows, the plainest first.
    pub branches: Vec<Branch>,
    /// The same of the methods of no registry, once somebody asks.
    odd: OnceCell<Vec<Branch>>,
    standard: MethodSet,
}

impl<'s> Survey<'s> {
    /// Runs for one route: enough for each standard method to meet some headers, files and credentials.
    const RUNS: usize = 48;

    pub fn new(site: &'s dyn Site, route: &'s Route) -> Self {
        let (standard, stand_in) = (site.universe().standard(), site.universe().stand_in());
        Survey { site, route, branches: explore(site, route, standard | stand_in), odd: OnceCell::new(), standard }
    }

    /// The methods of [`crate::http::STANDARD`].
    pub fn standard(&self) -> MethodSet {
        self.standard
    }

    /// The standard methods among the given names.
    pub fn set(&self, names: &[&str]) -> MethodSet {
        self.site.universe().set(names.iter().copied())
    }

    /// Whether any method that is surveyed reaches an upstream on this route.
    pub fn is_proxied(&self) -> bool {
        self.branches.iter().any(|branch| matches!(branch.verdict.answer, Answer::Forward { .. }))
    }

    /// The standard methods that fare as `how` says in the world of `branch`.
    pub fn siblings(&self, branch: &Branch, how: impl Fn(&Branch) -> bool) -> MethodSet {
        self.same_world(branch, &self.branches, how) & self.standard
    }

    /// The methods of no registry that do: the config itself names them, such as PURGE.
    pub fn named(&self, branch: &Branch, how: impl Fn(&Branch) -> bool) -> MethodSet {
        self.same_world(branch, self.odd.get_or_init(|| explore(self.site, self.route, self.site.universe().odd())), how)
    }

    fn same_world(&self, branch: &Branch, among: &[Branch], how: impl Fn(&Branch) -> bool) -> MethodSet {
        among.iter().filter(|other| how(other) && other.is_compatible(branch)).map(|other| other.methods).collect()
    }
}

fn explore(site: &dyn Site, route: &Route, methods: MethodSet) -> Vec<Branch> {
    if methods.is_empty() {
        return Vec::new();
    }
    let explorer = Explorer { universe: site.universe(), candidates: Some(site), disk: None, runs: Survey::RUNS };
    explorer.of(&route.request, methods, |ask| site.decide(ask)).branches
}

/// Whether the proxy itself turns the request away as one that it does not want: statuses such as 401, 404 or 503 speak of
/// credentials, files and upstreams instead. A 503 for want of any route is a refusal as well.
pub fn is_refused(branch: &Branch) -> bool {
    match &branch.verdict.answer {
        Answer::Respond { status: 503, .. } => branch.verdict.decision().is_some_and(|step| step.part == Part::NoRoute),
        Answer::Respond { status, .. } => matches!(status, 400 | 403 | 405 | 501),
        Answer::Forward { .. } => false,
        Answer::Close => true,
    }
}

/// The methods of a branch that the upstream sees as another one, and that one.
pub fn rewritten<'b>(site: &dyn Site, branch: &'b Branch) -> Option<(MethodSet, &'b str)> {
    let Answer::Forward { method: UpstreamMethod::Replaced(new), .. } = &branch.verdict.answer else { return None };
    let methods = branch.methods - site.universe().only(new);
    (!methods.is_empty()).then_some((methods, new))
}

/// Sends a complete request through the interpreter, as the real server would get it.
pub fn send(site: &dyn Site, request: &Request) -> Exploration {
    let explorer = Explorer { universe: site.universe(), candidates: None, disk: None, runs: Survey::RUNS };
    explorer.one(request, |ask| site.decide(ask))
}
