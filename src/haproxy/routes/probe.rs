//! Makes a request that fulfils the terms of a condition, as far as they are about paths and hosts.

use std::collections::HashMap;
use std::sync::Arc;

use crate::haproxy::site::Config;
use crate::haproxy::site::acl::{Criterion, Term};
use crate::haproxy::site::action::Action;
use crate::haproxy::site::matching::Matching;
use crate::haproxy::site::resolve::rules_of;
use crate::haproxy::site::sample::{Converter, Fetch, Sample};
use crate::haproxy::value::Datum;
use crate::http::Request;

/// What a sample looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Path,
    PathAndQuery,
    Query,
    Host,
    Base,
    /// One of the parts of the path between slashes.
    Segment(usize),
}

/// The samples that variables hold, where one rule sets each.
#[derive(Default)]
pub(super) struct Variables<'c>(HashMap<&'c str, Option<&'c Sample>>);

impl<'c> Variables<'c> {
    pub(super) fn new(config: &'c Config) -> Self {
        let mut set: HashMap<&str, Option<&Sample>> = HashMap::new();
        for rule in config.proxies.iter().flat_map(rules_of) {
            match &rule.action {
                Action::SetVariable(name, sample) => {
                    _ = set.entry(name).and_modify(|known| *known = None).or_insert(Some(sample))
                }
                Action::SetVariableFormat(name, _) => _ = set.insert(name, None),
                _ => {}
            }
        }
        Variables(set)
    }

    fn subject(&self, sample: &Sample) -> Option<Subject> {
        self.subject_of(sample, Self::DEEPEST)
    }

    /// How many variables are followed from one to the next.
    const DEEPEST: u8 = 3;

    fn subject_of(&self, sample: &Sample, depth: u8) -> Option<Subject> {
        let subject = match &sample.fetch {
            Fetch::Path => Subject::Path,
            Fetch::PathAndQuery | Fetch::Url => Subject::PathAndQuery,
            Fetch::Query => Subject::Query,
            Fetch::Base { .. } => Subject::Base,
            Fetch::Header(header) if header.name.as_deref() == Some("host") => Subject::Host,
            Fetch::Variable(name, _) if depth > 0 => {
                let held = self.0.get(&**name).copied().flatten()?;
                // What a map gives is not what it was asked for.
                let mapped = held.converters.iter().any(|converter| matches!(converter, Converter::Map(..)));
                self.subject_of(held, depth - 1).filter(|_| !mapped)?
            }
            _ => return None,
        };
        sample.converters.iter().try_fold(subject, narrowed)
    }
}

/// What is looked at once a converter was applied.
fn narrowed(subject: Subject, converter: &Converter) -> Option<Subject> {
    match (subject, converter) {
        (_, Converter::Lower | Converter::Map(..) | Converter::UrlDecode { .. }) => Some(subject),
        // The hosts that are tried have no port.
        (Subject::Host, Converter::HostOnly) => Some(subject),
        (Subject::Host, Converter::Field { index: 1, delimiters, .. } | Converter::Word { index: 1, delimiters, .. })
            if **delimiters == *":" =>
        {
            Some(subject)
        }
        // Before the first slash of a path stands nothing, which counts as a field.
        (Subject::Path, Converter::Field { index, delimiters, count: 1 }) if **delimiters == *"/" => segment(index - 2),
        (Subject::Path, Converter::Word { index, delimiters, count: 1 }) if **delimiters == *"/" => segment(index - 1),
        _ => None,
    }
}

fn segment(index: i64) -> Option<Subject> {
    usize::try_from(index).ok().filter(|index| *index < 8).map(Subject::Segment)
}

/// A path in parts.
#[derive(Default)]
struct Parts {
    whole: Option<String>,
    start: String,
    middle: String,
    end: String,
}

impl Parts {
    fn path(&self) -> String {
        if let Some(whole) = &self.whole {
            return whole.clone();
        }
        let start = if self.start.is_empty() { "/" } else { &self.start };
        let mut path = if start.starts_with('/') { start.to_owned() } else { format!("/{start}") };
        for part in [&self.middle, &self.end] {
            if !part.is_empty() && !path.ends_with(part.as_str()) {
                let part = if path.ends_with('/') { part.strip_prefix('/').unwrap_or(part) } else { part };
                // A suffix such as `.js` alone makes no file name.
                if path.ends_with('/') && part.starts_with('.') {
                    path.push('x');
                }
                path.push_str(part);
            }
        }
        path
    }
}

/// The terms of a condition that ask something of the path, the query or the host.
pub(super) struct Probe<'c> {
    variables: &'c Variables<'c>,
    /// ACLs that must match, each with its criteria, of which one is enough.
    wanted: Vec<&'c [Criterion]>,
    unwanted: Vec<&'c Criterion>,
}

impl<'c> Probe<'c> {
    /// How many alternatives of one ACL are tried, and how many ways to combine those of several.
    const ALTERNATIVES: usize = 4;
    const WAYS: usize = 16;

    pub(super) fn new(config: &'c Config, variables: &'c Variables<'c>, terms: &[Term]) -> Self {
        let mut probe = Probe { variables, wanted: Vec::new(), unwanted: Vec::new() };
        for term in terms {
            let told = |criterion: &&Criterion| variables.subject(&criterion.sample).is_some();
            let criteria = config.criteria_of(term.acl);
            if term.negated {
                probe.unwanted.extend(criteria.iter().filter(told));
            } else if criteria.iter().all(|criterion| told(&criterion)) {
                // An ACL that can be met in another way asks nothing of the path.
                probe.wanted.push(&criteria[..criteria.len().min(Self::ALTERNATIVES)]);
            }
        }
        probe
    }

    /// The request, unless the terms contradict one another.
    pub(super) fn request(&self, base: &Request) -> Option<Request> {
        let plainest = vec![0; self.wanted.len()];
        self.attempt(base, &plainest).or_else(|| self.ways().find_map(|way| self.attempt(base, &way)))
    }

    /// The other ways to choose an alternative of each ACL.
    fn ways(&self) -> impl Iterator<Item = Vec<usize>> {
        let count = |criteria: &&[Criterion]| self.alternatives(criteria).take(Self::ALTERNATIVES).count().max(1);
        let counts: Vec<usize> = self.wanted.iter().map(count).collect();
        let all = counts.iter().fold(1, |all: usize, count| all.saturating_mul(*count));
        (1..all.min(Self::WAYS)).map(move |mut way| {
            let digit = |count: &usize| {
                let digit = way % count;
                way /= count;
                digit
            };
            counts.iter().map(digit).collect()
        })
    }

    fn attempt(&self, base: &Request, way: &[usize]) -> Option<Request> {
        let mut request = base.clone();
        let mut parts = Parts::default();
        let mut query = None;
        for (criteria, index) in self.wanted.iter().zip(way) {
            let (criterion, text) = self.alternatives(criteria).nth(*index)?;
            fulfil(self.variables.subject(&criterion.sample)?, criterion, text, &mut request.host, &mut parts, &mut query)?;
        }
        request.target = parts.path();
        let target = &mut request.target;
        if let Some(query) = query.filter(|_| !target.contains('?')) {
            target.extend(["?", &query]);
        }
        if target.contains(|sign: char| sign.is_ascii_whitespace() || sign.is_control() || sign == '#') || !target.is_ascii() {
            return None;
        }
        let fits = self.wanted.iter().all(|criteria| criteria.iter().any(|criterion| self.holds(criterion, &request)))
            && !self.unwanted.iter().any(|criterion| self.holds(criterion, &request));
        fits.then_some(request)
    }
}

fn fulfil(
    subject: Subject,
    criterion: &Criterion,
    text: String,
    host: &mut Option<String>,
    parts: &mut Parts,
    query: &mut Option<String>,
) -> Option<()> {
    match subject {
        Subject::Host => *host = Some(text.trim_start_matches('.').to_owned()).filter(|host| is_host(host)),
        Subject::Query => *query = Some(text),
        Subject::Base => {
            let (name, path) = text.split_once('/').unwrap_or((&text, ""));
            if !name.is_empty() {
                *host = Some(name.to_owned());
            }
            parts.start = format!("/{path}");
        }
        Subject::Segment(index) => parts.start = format!("{}/{text}", "/x".repeat(index)),
        Subject::Path | Subject::PathAndQuery => match criterion.patterns.matching {
            Matching::Begin => {
                if text.len() > parts.start.len() {
                    parts.start = text;
                }
            }
            Matching::End => parts.end = text,
            Matching::Substring | Matching::Directory | Matching::Domain if parts.middle.contains(&text) => {}
            Matching::Substring | Matching::Directory | Matching::Domain => {
                let joined = if parts.middle.ends_with('/') { text.trim_start_matches('/') } else { &text };
                parts.middle.push_str(joined);
            }
            _ => parts.whole = Some(text),
        },
    }
    Some(())
}

impl<'c> Probe<'c> {
    fn holds(&self, criterion: &Criterion, request: &Request) -> bool {
        let host = request.host.as_deref().unwrap_or("");
        let text: Arc<str> = match self.variables.subject(&criterion.sample) {
            Some(Subject::Path) => request.path().into(),
            Some(Subject::PathAndQuery) => request.target.as_str().into(),
            Some(Subject::Query) => request.query().unwrap_or("").into(),
            Some(Subject::Host) => host.into(),
            Some(Subject::Base) => format!("{host}{}", request.path()).into(),
            Some(Subject::Segment(index)) => request.path().split('/').nth(index + 1).unwrap_or("").into(),
            None => return true,
        };
        criterion.patterns.matches(&Datum::Text(text)) != Some(false)
    }

    /// Texts that one of the criteria matches, with that one.
    fn alternatives<'p>(&'p self, criteria: &'p [Criterion]) -> impl Iterator<Item = (&'p Criterion, String)> {
        let texts = |criterion: &'p Criterion| texts(self.variables.subject(&criterion.sample), criterion);
        criteria.iter().flat_map(move |criterion| texts(criterion).map(move |text| (criterion, text)))
    }
}

/// Texts that a criterion matches, one for each of its patterns.
fn texts(subject: Option<Subject>, criterion: &Criterion) -> Box<dyn Iterator<Item = String> + '_> {
    let patterns = &criterion.patterns;
    let is_path = subject.is_some_and(|subject| matches!(subject, Subject::Path | Subject::PathAndQuery));
    let each = |text: fn(&str) -> String| patterns.texts().iter().map(move |pattern| text(pattern));
    match patterns.matching {
        Matching::Regex if is_path => {
            Box::new(patterns.regexes().iter().filter_map(|pattern| pattern.example_path()).map(str::to_owned))
        }
        Matching::Regex => Box::new(patterns.regexes().iter().filter_map(|pattern| pattern.example())),
        Matching::Directory => Box::new(each(|text| format!("/{}/", text.trim_matches('/')))),
        Matching::Length => Box::new(patterns.ranges().iter().filter_map(|(low, _)| {
            let length = usize::try_from(*low).ok().filter(|length| (1..2000).contains(length))?;
            Some(format!("/{}", "x".repeat(length - 1)))
        })),
        Matching::Domain => Box::new(each(|text| text.trim_matches(['.', '/']).to_owned())),
        Matching::End if !is_path => Box::new(each(|text| format!("www{}", dotted(text)))),
        Matching::Begin if !is_path => Box::new(each(|text| format!("{text}example"))),
        Matching::Text | Matching::Begin | Matching::End | Matching::Substring => Box::new(each(str::to_owned)),
        _ => Box::new(std::iter::empty()),
    }
}

fn dotted(text: &str) -> String {
    if text.starts_with('.') { text.to_owned() } else { format!(".{text}") }
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'_'))
}

/// The request that meets a key of a map.
pub(super) fn for_key(
    variables: &Variables<'_>,
    sample: &Sample,
    matching: Matching,
    key: &str,
    base: &Request,
) -> Option<Request> {
    let clean = key.bytes().all(|byte| byte.is_ascii_graphic());
    if !clean || matching == Matching::Regex {
        return None;
    }
    if let Some((host, path)) = key.split_once('#') {
        // Controllers that write configs join host and path so, and look them up by way of variables.
        let is_joined = is_host(host) && path.starts_with('/');
        return is_joined.then(|| Request { host: Some(host.to_owned()), target: path.to_owned(), ..base.clone() });
    }
    match variables.subject(sample)? {
        Subject::Host => Some(Request { host: Some(key.trim_start_matches('.').to_owned()), ..base.clone() }),
        Subject::Segment(index) if !key.contains('/') => {
            Some(Request { target: format!("{}/{key}", "/x".repeat(index)), ..base.clone() })
        }
        Subject::Path | Subject::PathAndQuery if key.starts_with('/') => Some(Request { target: key.to_owned(), ..base.clone() }),
        _ => None,
    }
}
