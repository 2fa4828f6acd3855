//! What the config looks at somewhere: changing anything else changes no answer.

use std::collections::HashSet;
use std::sync::Arc;

use rayon::prelude::*;

use super::Config;
use super::action::{Action, Body, Reply, Rule};
use super::format::Format;
use super::proxy::Proxy;
use super::resolve::rules_of;
use super::sample::{Converter, Fetch, Header, Operand, Sample};
use super::words;

#[derive(Debug, Default)]
pub(in crate::haproxy) struct Reads {
    pub(in crate::haproxy) headers: HashSet<Arc<str>>,
    pub(in crate::haproxy) any_header: bool,
    pub(in crate::haproxy) variables: HashSet<Arc<str>>,
    /// Variables of the process that rules set, so that an earlier request may have.
    pub(in crate::haproxy) lasting: HashSet<Arc<str>>,
    /// Slots of captures.
    pub(in crate::haproxy) slots: HashSet<usize>,
}

impl Reads {
    pub(super) fn new(config: &Config) -> Self {
        let with = |mut reads: Reads, proxy: &Proxy| {
            reads.proxy(proxy);
            reads
        };
        let mut reads = config.proxies.par_iter().fold(Reads::default, with).reduce(Reads::default, Reads::and);
        for rule in &config.global.variables {
            match &rule.action {
                Action::SetVariable(_, sample) => reads.sample(sample),
                Action::SetVariableFormat(_, format) => reads.format(format),
                _ => {}
            }
        }
        config.fcgi_apps.values().flat_map(|app| &app.request_uri).for_each(|parameter| reads.format(&parameter.value));
        reads
    }

    fn and(mut self, other: Reads) -> Reads {
        self.headers.extend(other.headers);
        self.any_header |= other.any_header;
        self.variables.extend(other.variables);
        self.lasting.extend(other.lasting);
        self.slots.extend(other.slots);
        self
    }

    fn proxy(&mut self, proxy: &Proxy) {
        proxy.acls.iter().flat_map(|acl| &acl.criteria).for_each(|criterion| self.sample(&criterion.sample));
        rules_of(proxy).for_each(|rule| self.rule(rule));
        proxy.switches.iter().chain(&proxy.server_rules).for_each(|switch| self.format(&switch.to));
        if proxy.settings.cookie.is_some() {
            self.headers.insert("cookie".into());
        }
        if proxy.settings.stats.as_ref().is_some_and(|stats| !stats.users.is_empty()) {
            self.headers.insert("authorization".into());
        }
    }

    fn rule(&mut self, rule: &Rule) {
        match &rule.action {
            Action::SetMethod(format) | Action::SetPath(format) | Action::SetPathAndQuery(format) | Action::SetQuery(format) => {
                self.format(format);
            }
            Action::SetUri(format) | Action::Replace(_, _, format) => self.format(format),
            Action::SetHeader(name, format) | Action::AddHeader(name, format) => {
                // `option http-restrict-req-hdr-names` looks at odd names.
                if !words::is_plain_name(name) {
                    self.headers.insert(Arc::clone(name));
                }
                self.format(format);
            }
            Action::ReplaceHeader { name, with, .. } => {
                self.headers.insert(Arc::clone(name));
                self.format(with);
            }
            Action::SetVariable(name, sample) => {
                self.changes(name);
                self.sample(sample);
            }
            Action::UnsetVariable(name) => self.changes(name),
            Action::SetVariableFormat(name, format) => {
                self.changes(name);
                self.format(format);
            }
            Action::SetSource(sample) | Action::SetDestinationPort(sample) | Action::Capture(sample, _) => self.sample(sample),
            Action::Redirect(redirect) => {
                self.headers.insert("host".into());
                self.format(&redirect.to);
            }
            Action::Deny(reply) | Action::Tarpit(reply) | Action::Return(reply) => self.reply(reply),
            _ => {}
        }
    }

    fn changes(&mut self, variable: &Arc<str>) {
        if variable.starts_with("proc.") {
            self.lasting.insert(Arc::clone(variable));
        }
    }

    fn reply(&mut self, reply: &Reply) {
        if !matches!(reply.body, Body::File(_)) {
            reply.headers.iter().for_each(|(_, format)| self.format(format));
        }
    }

    fn format(&mut self, format: &Format) {
        format.samples().for_each(|sample| self.sample(sample));
    }

    fn sample(&mut self, sample: &Sample) {
        match &sample.fetch {
            Fetch::Header(header) | Fetch::HeaderNumber(header) | Fetch::HeaderAddress(header) => self.header(header),
            Fetch::HeaderCount(Some(name), _) => _ = self.headers.insert(Arc::clone(name)),
            Fetch::HeaderCount(None, _) | Fetch::HeaderNames(_) => self.any_header = true,
            Fetch::Base { .. } => _ = self.headers.insert("host".into()),
            Fetch::Cookie(_) | Fetch::CookieCount(_) | Fetch::CookieNumber(_) => _ = self.headers.insert("cookie".into()),
            Fetch::CapturedHeader(slot) => _ = self.slots.insert(*slot),
            Fetch::Variable(name, _) => _ = self.variables.insert(Arc::clone(name)),
            Fetch::Authenticated(_)
            | Fetch::AuthenticatedGroup(_)
            | Fetch::AuthUser
            | Fetch::AuthPassword
            | Fetch::AuthType
            | Fetch::AuthBearer => {
                self.headers.insert("proxy-authorization".into());
                self.headers.insert("authorization".into());
            }
            _ => {}
        }
        for converter in &sample.converters {
            match converter {
                Converter::Concat(_, Some(name), _) | Converter::Strcmp(name) => _ = self.variables.insert(Arc::clone(name)),
                Converter::AddItem { variable: Some(name), .. } | Converter::Arithmetic(_, Operand::Variable(name)) => {
                    self.variables.insert(Arc::clone(name));
                }
                _ => {}
            }
        }
    }

    fn header(&mut self, header: &Header) {
        match &header.name {
            Some(name) => _ = self.headers.insert(Arc::clone(name)),
            None => self.any_header = true,
        }
    }
}
