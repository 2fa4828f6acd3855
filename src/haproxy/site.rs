//! The model of a config: proxies with their rules, ACLs and servers, as HAProxy sees them after reading all files.

pub(super) mod acl;
pub(super) mod action;
pub(super) mod bind;
pub(super) mod build;
pub(super) mod capture;
pub(super) mod check_steps;
pub(super) mod errors;
pub(super) mod fcgi;
pub(super) mod format;
pub(super) mod forms;
pub(super) mod global;
pub(super) mod keywords;
pub(super) mod log;
pub(super) mod maps;
pub(super) mod matching;
pub(super) mod options;
pub(super) mod persistence;
pub(super) mod proxy;
pub(super) mod reads;
pub(super) mod references;
pub(super) mod resolve;
pub(super) mod sample;
pub(super) mod section;
pub(super) mod sections;
pub(super) mod server;
pub(super) mod tables;
pub(super) mod vocabulary;
pub(super) mod words;

use std::collections::HashMap;
use std::sync::Arc;

use self::acl::{Acl, AclId, Criterion};
use self::errors::ErrorPages;
use self::fcgi::FcgiApp;
use self::global::Global;
use self::proxy::Proxy;
use self::reads::Reads;
use self::sections::Userlists;
use super::decide::SpecialMethods;
use super::environment::Environment;
use super::select::Listeners;
use crate::http::Universe;
use crate::pattern::Patterns;
use crate::server::Release;
use crate::source::{FileId, SourceFile, Span};

/// All that a config says.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) release: Release,
    pub(super) environment: Environment,
    pub(super) upstream_status: u16,
    pub(super) global: Global,
    pub(super) patterns: Patterns,
    pub(super) proxies: Vec<Proxy>,
    pub(super) userlists: Userlists,
    pub(super) http_errors: HashMap<Arc<str>, ErrorPages>,
    pub(super) fcgi_apps: HashMap<Arc<str>, FcgiApp>,
    pub(super) universe: Universe,
    /// Backends and listens by name.
    pub(super) backends: HashMap<Arc<str>, usize>,
    pub(super) listeners: Listeners,
    pub(super) special: SpecialMethods,
    pub(super) reads: Reads,
    pub(super) sources: HashMap<FileId, Arc<SourceFile>>,
}

impl Config {
    pub(super) fn new(release: Release, upstream_status: u16) -> Self {
        Config {
            release,
            environment: Environment::default(),
            upstream_status,
            global: Global::default(),
            patterns: Patterns::default(),
            proxies: Vec::new(),
            userlists: Userlists::new(),
            http_errors: HashMap::new(),
            fcgi_apps: HashMap::new(),
            special: SpecialMethods::new(&Universe::default()),
            universe: Universe::default(),
            backends: HashMap::new(),
            listeners: Listeners::default(),
            reads: Reads::default(),
            sources: HashMap::new(),
        }
    }

    /// What is written at a place.
    pub(super) fn source(&self, span: Span) -> Option<&SourceFile> {
        self.sources.get(&span.file).map(|source| &**source)
    }

    pub(super) fn text(&self, span: Span) -> &str {
        self.sources.get(&span.file).map_or("", |source| source.slice(span.start..span.end))
    }

    pub(super) fn acls(&self) -> impl Iterator<Item = &Acl> {
        self.proxies.iter().flat_map(|proxy| &proxy.acls)
    }

    pub(super) fn criteria(&self) -> impl Iterator<Item = &Criterion> {
        self.acls().flat_map(|acl| &acl.criteria)
    }

    /// Whether rules of a TCP frontend wait until the request is there: they look at it, and have the time.
    pub(super) fn waits_for_request(&self, frontend: &Proxy) -> bool {
        let sections = || frontend.parent.map(|parent| &self.proxies[parent]).into_iter().chain([frontend]);
        let mut conditions = sections().flat_map(|section| &section.tcp_content).filter_map(|rule| rule.condition.as_ref());
        let waits = |criterion: &Criterion| !criterion.sample.session || &*criterion.sample.text == "wait_end";
        sections().any(|section| section.inspect_delay)
            && conditions
                .any(|condition| condition.groups.iter().flatten().any(|term| self.criteria_of(term.acl).iter().any(waits)))
    }

    pub(super) fn criteria_of(&self, id: AclId) -> &[Criterion] {
        &self.proxies[id.section as usize].acls[id.index as usize].criteria
    }
}
