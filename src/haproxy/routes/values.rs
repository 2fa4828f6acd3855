//! Values worth trying for headers, cookies, arguments and the client's address, because the config looks for them.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use crate::ask::{Explorer, Input};
use crate::base64;
use crate::haproxy::site::Config;
use crate::haproxy::site::acl::Criterion;
use crate::haproxy::site::action::Action;
use crate::haproxy::site::matching::Matching;
use crate::haproxy::site::proxy::Proxy;
use crate::haproxy::site::resolve::rules_of;
use crate::haproxy::site::sample::Fetch;
use crate::haproxy::site::sections::Password;

#[derive(Default)]
pub(in crate::haproxy) struct Values {
    by_input: HashMap<Input, Vec<Arc<str>>>,
}

impl Values {
    pub(in crate::haproxy) fn new(config: &Config) -> Self {
        let slots = Slots { config, filled: OnceLock::new() };
        let with = |(mut made, mut compared): (Values, Values), proxy: &Proxy| {
            made.made_methods(proxy);
            compared.compared(&slots, proxy);
            (made, compared)
        };
        let both = |above: (Values, Values), below: (Values, Values)| (above.0.and(below.0), above.1.and(below.1));
        let (made, compared) = config.proxies.par_iter().fold(Default::default, with).reduce(Default::default, both);
        let mut values = made.and(compared);
        let plain = config.userlists.values().flat_map(|list| &list.users).filter_map(|user| match &user.password {
            Password::Plain(password) => Some(format!("{}:{password}", user.name)),
            Password::Hashed => None,
        });
        let stats = config.proxies.iter().filter_map(|proxy| proxy.settings.stats.as_ref()).flat_map(|stats| stats.users.iter());
        let accounts: Vec<String> = plain.chain(stats.map(|(user, password)| format!("{user}:{password}"))).collect();
        let authorization = Input::Header("authorization".into());
        accounts
            .iter()
            .for_each(|account| values.add(&authorization, format!("Basic {}", base64::encode(account.as_bytes())).into()));
        values
    }

    /// What becomes the method is tried with one.
    fn made_methods(&mut self, proxy: &Proxy) {
        for rule in &proxy.request {
            let Action::SetMethod(format) = &rule.action else { continue };
            format.samples().filter_map(|sample| input(&sample.fetch)).for_each(|input| self.add(&input, "DELETE".into()));
        }
    }

    fn compared(&mut self, slots: &Slots<'_>, proxy: &Proxy) {
        for criterion in proxy.acls.iter().flat_map(|acl| &acl.criteria) {
            for input in slots.inputs(&criterion.sample.fetch) {
                examples(criterion).into_iter().for_each(|text| self.add(&input, text.into()));
            }
        }
    }

    /// Those of sections above, and then those of sections below.
    fn and(mut self, below: Values) -> Values {
        for (input, texts) in below.by_input {
            texts.into_iter().for_each(|text| self.add(&input, text));
        }
        self
    }

    pub(in crate::haproxy) fn of(&self, input: &Input) -> Vec<Arc<str>> {
        self.by_input.get(input).cloned().unwrap_or_default()
    }

    fn add(&mut self, input: &Input, text: Arc<str>) {
        let known = self.by_input.entry(input.clone()).or_default();
        if known.len() < Explorer::MAX_CANDIDATES && !known.contains(&text) {
            known.push(text);
        }
    }
}

/// The parts of the request that slots for captures are filled with, found once a criterion looks into one.
struct Slots<'c> {
    config: &'c Config,
    filled: OnceLock<HashMap<usize, Vec<Input>>>,
}

impl Slots<'_> {
    /// Of how many things one slot may hold values are tried.
    const MOST: usize = 16;

    /// The parts of the request that a fetch reads; what is in a slot has been read by whatever fills it.
    fn inputs(&self, fetch: &Fetch) -> Vec<Input> {
        let Fetch::CapturedHeader(slot) = fetch else { return input(fetch).into_iter().collect() };
        self.filled.get_or_init(|| self.fill()).get(slot).cloned().unwrap_or_default()
    }

    fn fill(&self) -> HashMap<usize, Vec<Input>> {
        let proxies = &self.config.proxies;
        let lines = proxies.iter().flat_map(|proxy| proxy.slots.iter().enumerate());
        let headers = lines.filter_map(|(slot, line)| Some((slot, line.header.clone().filter(|name| **name != *"host")?)));
        let rules = proxies.iter().flat_map(rules_of).filter_map(|rule| match &rule.action {
            Action::Capture(sample, slot) => Some((*slot, input(&sample.fetch)?)),
            _ => None,
        });
        let mut filled: HashMap<usize, Vec<Input>> = HashMap::new();
        for (slot, input) in headers.map(|(slot, name)| (slot, Input::Header(name))).chain(rules) {
            let known = filled.entry(slot).or_default();
            if known.len() < Self::MOST && !known.contains(&input) {
                known.push(input);
            }
        }
        filled
    }
}

/// The part of the request that a fetch reads.
fn input(fetch: &Fetch) -> Option<Input> {
    match fetch {
        Fetch::Header(header) | Fetch::HeaderNumber(header) | Fetch::HeaderAddress(header) => {
            header.name.clone().filter(|name| **name != *"host").map(Input::Header)
        }
        Fetch::HeaderCount(Some(name), _) => Some(Input::Header(Arc::clone(name))).filter(|_| **name != *"host"),
        Fetch::Cookie(Some(name)) | Fetch::CookieCount(Some(name)) | Fetch::CookieNumber(name) => {
            Some(Input::Cookie(Arc::clone(name)))
        }
        Fetch::Argument { name: Some(name), .. } | Fetch::ArgumentNumber(Some(name)) => Some(Input::Argument(Arc::clone(name))),
        Fetch::Client => Some(Input::Client),
        _ => None,
    }
}

/// Texts that the criterion matches.
fn examples(criterion: &Criterion) -> Vec<String> {
    let patterns = &criterion.patterns;
    let some = Explorer::MAX_CANDIDATES;
    match patterns.matching {
        Matching::Found => vec!["x".into()],
        Matching::Bool => vec!["1".into()],
        Matching::Regex => patterns.regexes().iter().filter_map(|pattern| pattern.example()).take(some).collect(),
        Matching::Integer => {
            patterns.ranges().iter().take(some).map(|(low, high)| (*low.max(&0)).min(*high).to_string()).collect()
        }
        Matching::Length => {
            let lengths =
                patterns.ranges().iter().map(|(low, _)| usize::try_from(*low).unwrap_or(0)).filter(|length| *length < 2000);
            lengths.take(some).map(|length| "x".repeat(length)).collect()
        }
        Matching::Address => patterns.members().take(some).map(|member| member.to_string()).collect(),
        Matching::Method | Matching::Binary => Vec::new(),
        _ => patterns.texts().iter().take(some).map(|text| text.to_string()).collect(),
    }
}
