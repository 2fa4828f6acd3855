//! The interpreters' only window on what they do not know.
//!
//! A wing's `decide` is plain code from top to bottom. Where it needs something about the request or the world it asks
//! [`Ask`]. An [`Explorer`] runs it: when a question is open, the run takes the plainest answer, and the other answers are put
//! on a list; `decide` is run again for each of them, repeating the earlier answers, until all are taken or the bound is
//! reached. Method and client are such questions too: a run starts with every method and every client at once and splits only
//! where a directive tells them apart.

mod explore;

use std::borrow::Cow;
use std::sync::Arc;

pub use self::explore::{Branch, Exploration, Explorer};
use crate::http::{ByMethod, MethodSet, Request, Universe};
use crate::source::Kind;

/// A part of the request that a config may look at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Input {
    /// A header, its name in lower case.
    Header(Arc<str>),
    Cookie(Arc<str>),
    /// An argument of the query.
    Argument(Arc<str>),
    /// The client's address.
    Client,
}

impl Input {
    /// Whether it is the header by which a TLS terminator tells how the client came.
    fn is_scheme(&self) -> bool {
        matches!(self, Input::Header(name) if **name == *"x-forwarded-proto")
    }

    /// Whether ordinary requests have it with this value: a config that asks for the header of a terminator stands behind one.
    fn is_usual(&self, value: &str) -> bool {
        self.is_scheme() && value.eq_ignore_ascii_case("https")
    }
}

/// Something about the world that neither config nor request tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    FileExists(Arc<str>),
    FolderExists(Arc<str>),
    /// That a file which exists may be run.
    ProgramRuns(Arc<str>),
    /// A sentence for either case: what is true when the answer is yes, and when it is no.
    Told {
        yes: Cow<'static, str>,
        no: Cow<'static, str>,
    },
}

impl Fact {
    pub fn told(yes: impl Into<Cow<'static, str>>, no: impl Into<Cow<'static, str>>) -> Self {
        Fact::Told { yes: yes.into(), no: no.into() }
    }

    fn sentence(&self, holds: bool) -> String {
        match (self, holds) {
            (Fact::FileExists(path), true) => format!("the file {path} exists"),
            (Fact::FileExists(path), false) => format!("the file {path} does not exist"),
            (Fact::FolderExists(path), true) => format!("the folder {path} exists"),
            (Fact::FolderExists(path), false) => format!("the folder {path} does not exist"),
            (Fact::ProgramRuns(path), true) => format!("the file {path} may be run"),
            (Fact::ProgramRuns(path), false) => format!("the file {path} may not be run"),
            (Fact::Told { yes, .. }, true) => yes.to_string(),
            (Fact::Told { no, .. }, false) => no.to_string(),
        }
    }
}

#[derive(Clone, Debug)]
enum Question {
    Method,
    Client,
    Input(Input, Vec<Option<Arc<str>>>),
    Fact(Fact, bool),
    Choice(Arc<str>, Vec<Arc<str>>),
}

#[derive(Clone, Debug)]
struct Decision {
    question: Question,
    taken: u16,
    of: u16,
}

/// What one run of `decide` may ask. The same question has the same answer throughout a run.
pub struct Ask<'a> {
    request: &'a Request,
    explorer: &'a Explorer<'a>,
    methods: MethodSet,
    /// The clients that this run still speaks of, the plainest first; none before anything has looked at them.
    clients: Vec<Arc<str>>,
    /// Whether the first of several ways stood for all.
    chose: bool,
    script: &'a [u16],
    made: Vec<Decision>,
    doubts: Vec<Cow<'static, str>>,
    notices: Vec<&'static str>,
}

impl<'a> Ask<'a> {
    /// Questions that one run may leave open; what is asked past that gets its plainest answer, and a doubt.
    const MAX_QUESTIONS: usize = 1000;

    /// The request, of which `method` means nothing here: ask [`Ask::method_is`] or [`Ask::settle`]. Headers and the client's
    /// address are asked for by [`Ask::header`] and [`Ask::client`].
    pub fn request(&self) -> &'a Request {
        self.request
    }

    pub fn universe(&self) -> &'a Universe {
        self.explorer.universe
    }

    /// Whether the request is complete: what it does not state is not there.
    pub fn is_complete(&self) -> bool {
        self.explorer.candidates.is_none()
    }

    /// The methods that this run still speaks of.
    pub fn methods(&self) -> MethodSet {
        self.methods
    }

    /// Whether the client's method is one of `set`. Splits the run where some of its methods are and some are not.
    pub fn method_is(&mut self, set: MethodSet) -> bool {
        let inside = self.methods & set;
        if inside.is_empty() {
            return false;
        }
        if inside == self.methods {
            return true;
        }
        let outside = self.methods - set;
        let plain_inside = inside.meets(self.methods.lowest());
        let sides = if plain_inside { [inside, outside] } else { [outside, inside] };
        let taken = self.decide(Question::Method, 2);
        self.methods = sides[taken];
        (taken == 0) == plain_inside
    }

    /// The value for the method of this run. Splits the run where its methods have different values.
    pub fn settle<T: Clone + Eq>(&mut self, value: &ByMethod<T>) -> Option<T> {
        if let Some(value) = value.constant() {
            return Some(value.clone());
        }
        let cases: Vec<_> = value.cases().iter().filter(|(set, _)| set.meets(self.methods)).collect();
        let Some(plain) = cases.iter().position(|(set, _)| set.meets(self.methods.lowest())) else {
            return cases.first().map(|(_, value)| value.clone());
        };
        if cases.len() == 1 {
            return Some(cases[0].1.clone());
        }
        let taken = self.decide(Question::Method, cases.len());
        // The plain method's case is taken first; the others follow in their order.
        let index = if taken == 0 { plain } else { taken - usize::from(taken <= plain) };
        self.methods = self.methods & cases[index].0;
        Some(cases[index].1.clone())
    }

    /// The value of a header, or `None` where the request has no such header.
    pub fn header(&mut self, name: &str) -> Option<Arc<str>> {
        if let Some(value) = self.request.header(name) {
            return Some(value.into());
        }
        self.input(Input::Header(name.to_ascii_lowercase().into()))
    }

    pub fn cookie(&mut self, name: &str) -> Option<Arc<str>> {
        let sent = self.request.header("cookie");
        if let Some(value) = sent.as_deref().and_then(|cookies| {
            cookies
                .split(';')
                .filter_map(|pair| pair.trim().split_once('='))
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value)
        }) {
            return Some(value.into());
        }
        self.input(Input::Cookie(name.into()))
    }

    /// The value of an argument in the request's query, not decoded.
    pub fn argument(&mut self, name: &str) -> Option<Arc<str>> {
        let query = self.request.query().unwrap_or("");
        if let Some((_, value)) =
            query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).find(|(known, _)| *known == name)
        {
            return Some(value.into());
        }
        self.input(Input::Argument(name.into()))
    }

    /// The client's address.
    pub fn client(&mut self) -> Arc<str> {
        self.meet_clients();
        if self.clients.len() > 1 {
            let taken = self.decide(Question::Client, self.clients.len());
            self.clients = vec![self.clients.swap_remove(taken)];
        }
        Arc::clone(&self.clients[0])
    }

    /// Whether the client's address is one for which something holds, such as being of a range. Splits the run where some of
    /// its clients are such and some are not; `examples` are addresses that might be the ones of the other kind.
    pub fn client_is(&mut self, holds: impl Fn(&str) -> bool, examples: impl IntoIterator<Item = Arc<str>>) -> bool {
        let is_first = self.meet_clients();
        let plain = holds(&self.clients[0]);
        let (like, mut unlike): (Vec<_>, Vec<_>) = self.clients.drain(..).partition(|client| holds(client) == plain);
        if unlike.is_empty() && is_first && !self.is_complete() {
            // What the run has asked about other clients before may not be true of these.
            unlike.extend(examples.into_iter().find(|example| holds(example) != plain));
        }
        let taken = if unlike.is_empty() { 0 } else { self.decide(Question::Client, 2) };
        self.clients = if taken == 0 { like } else { unlike };
        plain == (taken == 0)
    }

    /// Makes the list of clients; true where there was none before.
    fn meet_clients(&mut self) -> bool {
        let is_first = self.clients.is_empty();
        if is_first {
            let worthwhile = self.explorer.candidates.map(|candidates| candidates.candidates(&Input::Client));
            self.clients.push((*self.request.client).into());
            let worthwhile = worthwhile.into_iter().flatten().take(Explorer::MAX_CANDIDATES);
            self.clients.extend(worthwhile.filter(|client| **client != *self.request.client));
        }
        is_first
    }

    fn input(&mut self, input: Input) -> Option<Arc<str>> {
        let candidates = self.explorer.candidates?;
        for decision in &self.made {
            if let Question::Input(known, values) = &decision.question
                && *known == input
            {
                return values[decision.taken as usize].clone();
            }
        }
        let worthwhile = candidates.candidates(&input);
        if worthwhile.is_empty() {
            return None;
        }
        let worthwhile = worthwhile.into_iter().take(Explorer::MAX_CANDIDATES).map(Some);
        let mut values: Vec<_> = std::iter::once(None).chain(worthwhile).collect();
        if let Some(usual) = values.iter().position(|value| value.as_ref().is_some_and(|value| input.is_usual(value))) {
            values.swap(0, usual);
        }
        let (count, plain) = (values.len(), values[0].clone());
        match (self.decide(Question::Input(input, values), count), self.made.last()) {
            (0, _) => plain,
            (taken, Some(Decision { question: Question::Input(_, values), .. })) => values[taken].clone(),
            _ => None,
        }
    }

    /// Whether files are looked up, so that asking for one is no assumption.
    pub fn sees_disk(&self) -> bool {
        self.explorer.disk.is_some()
    }

    /// The names in a folder that begin so, where files are looked up.
    pub fn names_in(&self, folder: &str, start: &str) -> Vec<String> {
        let Some(disk) = self.explorer.disk else { return Vec::new() };
        let escaped = |text: &str| glob::Pattern::escape(text);
        let found = disk.glob(&format!("{}/{}*", escaped(folder.trim_end_matches('/')), escaped(start)));
        found.iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect()
    }

    /// Whether a fact holds that the config cannot tell; `likely` is the answer on an ordinary day.
    pub fn fact(&mut self, fact: Fact, likely: bool) -> bool {
        if let Some(disk) = self.explorer.disk {
            match &fact {
                Fact::FileExists(path) => return disk.kind(path.as_ref().as_ref()) == Some(Kind::File),
                Fact::FolderExists(path) => return disk.kind(path.as_ref().as_ref()) == Some(Kind::Folder),
                Fact::ProgramRuns(path) => return disk.is_program(path.as_ref().as_ref()),
                Fact::Told { .. } => {}
            }
        }
        for decision in &self.made {
            if let Question::Fact(known, likely) = &decision.question
                && *known == fact
            {
                return *likely == (decision.taken == 0);
            }
        }
        let taken = self.decide(Question::Fact(fact, likely), 2);
        likely == (taken == 0)
    }

    /// One of several ways that the proxy may go by itself and that treat a request alike, such as the servers of a balanced
    /// group. `options` says each of them as an assumption: "the server 10.0.0.1:80 is chosen". While inputs are open the
    /// first stands for all: what is asked then is what happens to a method, not where.
    pub fn choose(&mut self, what: &str, options: &[Arc<str>]) -> usize {
        if options.len() < 2 {
            return 0;
        }
        if !self.is_complete() {
            self.chose = true;
            return 0;
        }
        for decision in &self.made {
            if let Question::Choice(known, _) = &decision.question
                && **known == *what
            {
                return decision.taken as usize;
            }
        }
        self.decide(Question::Choice(what.into(), options.to_vec()), options.len())
    }

    /// Notes that the config holds something on the way which cannot be modelled, and what: "the Lua code may answer itself".
    pub fn doubt(&mut self, what: impl Into<Cow<'static, str>>) {
        let what = what.into();
        if !self.doubts.contains(&what) {
            self.doubts.push(what);
        }
    }

    /// Notes what the client sees of an answer where that is no answer at all; there is no other side to it.
    pub fn notice(&mut self, what: &'static str) {
        if !self.notices.contains(&what) {
            self.notices.push(what);
        }
    }

    fn decide(&mut self, question: Question, of: usize) -> usize {
        if self.made.len() == Self::MAX_QUESTIONS {
            self.doubt("more about the request is asked than is looked at here");
            return 0;
        }
        let taken = self.script.get(self.made.len()).copied().unwrap_or(0);
        self.made.push(Decision { question, taken, of: of as u16 });
        taken as usize
    }
}

/// Values that are worth trying for an input, because the config looks for them.
pub trait Candidates {
    fn candidates(&self, input: &Input) -> Vec<Arc<str>>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Answer, Verdict};

    struct Values(&'static [&'static str]);

    impl Candidates for Values {
        fn candidates(&self, _: &Input) -> Vec<Arc<str>> {
            self.0.iter().map(|&value| value.into()).collect()
        }
    }

    fn verdict(status: u16) -> Verdict {
        Verdict { answer: Answer::respond(status), steps: Vec::new(), decided_by: None }
    }

    #[test]
    fn a_run_splits_only_where_the_config_looks() {
        let universe = Universe::default();
        let writes = universe.set(["PUT", "DELETE"]);
        let explorer = Explorer { universe: &universe, candidates: None, disk: None, runs: 9 };
        let found = explorer.of(&Request::default(), universe.all(), |ask| {
            let refused = ask.method_is(writes);
            assert_eq!(ask.method_is(writes), refused);
            verdict(if refused { 403 } else { 200 })
        });
        assert_eq!(found.branches.len(), 2);
        assert_eq!(found.branches[0].verdict, verdict(200));
        assert_eq!(found.branches[1].methods, writes);
    }

    #[test]
    fn inputs_and_facts_are_tried_plainest_first() {
        let universe = Universe::default();
        let explorer = Explorer { universe: &universe, candidates: Some(&Values(&["a", "b"])), disk: None, runs: 99 };
        let found = explorer.of(&Request::default(), universe.all(), |ask| match ask.header("X").as_deref() {
            Some("a") if ask.fact(Fact::told("open", "closed"), true) => verdict(200),
            Some(_) => verdict(403),
            None => verdict(204),
        });
        let statuses: Vec<_> = found.branches.iter().map(|branch| branch.verdict.answer.status()).collect();
        assert_eq!(statuses, [Some(204), Some(200), Some(403), Some(403)]);
        assert_eq!(found.branches[3].when(), ["closed"]);
        assert!(!found.branches[3].is_compatible(&found.branches[1]));
        assert_eq!(found.branches[1].request(&Request::default(), "GET").headers, [("x".to_owned(), "a".to_owned())]);
    }

    #[test]
    fn a_run_splits_by_clients_that_fare_differently() {
        let universe = Universe::default();
        let writes = universe.set(["PUT"]);
        let explorer =
            Explorer { universe: &universe, candidates: Some(&Values(&["10.0.0.1", "10.0.0.2"])), disk: None, runs: 99 };
        let within = |ask: &mut Ask<'_>, range: &str, example: &str| {
            ask.client_is(|client| client.starts_with(range), [Arc::from(example)])
        };
        let found = explorer.of(&Request::default(), universe.standard(), |ask| {
            let range = if ask.method_is(writes) { "10.0.0.1" } else { "10." };
            verdict(if within(ask, range, "10.9.9.9") { 200 } else { 403 })
        });
        let of = |status: u16, methods: MethodSet| {
            let fits = |branch: &&Branch| branch.verdict.answer.status() == Some(status) && branch.methods.meets(methods);
            found.branches.iter().find(fits).unwrap()
        };
        let clients = |branch: &Branch| branch.clients.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(found.branches.len(), 4);
        assert_eq!(clients(of(200, universe.only("GET"))), ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(clients(of(403, writes)), ["127.0.0.1", "10.0.0.2"]);
        assert!(of(200, universe.only("GET")).is_compatible(of(403, writes)));
        assert!(!of(403, universe.only("GET")).is_compatible(of(200, writes)));
        assert_eq!(of(200, writes).request(&Request::default(), "PUT").client, "10.0.0.1");

        let found =
            explorer.of(&Request::default(), writes, |ask| verdict(if within(ask, "192.", "192.0.2.1") { 200 } else { 403 }));
        assert_eq!(found.branches.iter().map(clients).collect::<Vec<_>>()[1], ["192.0.2.1"]);
        assert!(found.branches.iter().all(|branch| !branch.is_certain));
    }

    #[test]
    fn values_settle_one_by_one() {
        let universe = Universe::default();
        let explorer = Explorer { universe: &universe, candidates: None, disk: None, runs: 99 };
        let kind = ByMethod::each(&universe, universe.all(), |name| match name {
            "PUT" => 1,
            "POST" => 2,
            _ => 0,
        });
        let found = explorer.of(&Request::default(), universe.all(), |ask| verdict(200 + ask.settle(&kind).unwrap()));
        let seen: Vec<_> = found.branches.iter().map(|branch| (branch.verdict.answer.status(), branch.methods.len())).collect();
        assert_eq!(seen, [(Some(200), universe.all().len() - 2), (Some(202), 1), (Some(201), 1)]);
    }

    #[test]
    fn the_bound_makes_it_inexhaustive_not_wrong() {
        let universe = Universe::default();
        let explorer = Explorer { universe: &universe, candidates: None, disk: None, runs: 5 };
        let found = explorer.of(&Request::default(), universe.all(), |ask| {
            for fact in 0..40 {
                ask.fact(Fact::told(format!("{fact}"), format!("not {fact}")), true);
            }
            verdict(200)
        });
        assert_eq!((found.branches.len(), found.exhaustive), (5, false));
    }
}
