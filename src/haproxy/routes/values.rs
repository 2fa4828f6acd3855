//! Values worth trying for headers, cookies, arguments and the client's address, because the config looks for them.

use std::collections::HashMap;
use std::sync::Arc;

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
        let of_all = |add: fn(&mut Values, &Config, &Proxy)| {
            let with = |mut values: Values, proxy: &Proxy| {
                add(&mut values, config, proxy);
                values
            };
            config.proxies.par_iter().fold(Values::default, with).reduce(Values::default, Values::and)
        };
        let mut values = of_all(Values::made_methods).and(of_all(Values::compared));
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
    fn made_methods(&mut self, _: &Config, proxy: &Proxy) {
        for rule in &proxy.request {
            let Action::SetMethod(format) = &rule.action else { continue };
            format.samples().filter_map(|sample| input(&sample.fetch)).for_each(|input| self.add(&input, "DELETE".into()));
        }
    }

    fn compared(&mut self, config: &Config, proxy: &Proxy) {
        for criterion in proxy.acls.iter().flat_map(|acl| &acl.criteria) {
            for input in inputs(config, &criterion.sample.fetch) {
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

/// The parts of the request that a fetch reads; what is in a slot has been read by whatever fills it.
fn inputs(config: &Config, fetch: &Fetch) -> Vec<Input> {
    let Fetch::CapturedHeader(slot) = fetch else { return input(fetch).into_iter().collect() };
    let headers = config.proxies.iter().filter_map(|proxy| proxy.slots.get(*slot)?.header.clone());
    let headers = headers.filter(|name| **name != *"host").map(Input::Header);
    let rules = config.proxies.iter().flat_map(rules_of).filter_map(|rule| match &rule.action {
        Action::Capture(sample, filled) if filled == slot => input(&sample.fetch),
        _ => None,
    });
    headers.chain(rules).collect()
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
