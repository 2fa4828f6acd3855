//! What must work: `[[expect]]` of the settings and the operations of OpenAPI files, held against the interpreter.

mod openapi;
mod template;
mod told;
mod trial;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;

use serde_spanned::Spanned;

use crate::config;
use crate::finding::Finding;
use crate::lint::Loaded;
pub use openapi::NotOpenApi;
use template::Template;
pub use trial::{Held, settle};

const RULE: &str = "contract-broken";

/// Rules that speak of refusals: with a contract, those that it does not speak of are meant to be.
const REFUSALS: &[&str] = &[
    "method-not-implemented",
    "method-denied",
    "allow-list-outdated",
    "head-blocked",
    "preflight-blocked",
    "refusal-status",
    "waf-method-policy",
];

/// A rewritten method is no refusal. On the paths of the contract the promised methods are what counts; elsewhere it is still
/// somebody else's request that arrives.
const REWRITES: &str = "method-override";

/// All expectations of a run, and the files that state them.
#[derive(Debug, Default)]
pub struct Contract {
    files: Vec<Statement>,
    expectations: Vec<Expectation>,
}

#[derive(Debug)]
struct Statement {
    name: String,
    path: PathBuf,
    text: String,
}

/// Methods that must reach the upstream unchanged on a path, or must not pass.
#[derive(Debug)]
struct Expectation {
    server: Option<String>,
    /// Any of these; empty for any at all.
    hosts: Vec<String>,
    port: Option<u16>,
    path: Template,
    methods: Vec<String>,
    refuse: Vec<String>,
    file: usize,
    range: Range<usize>,
}

impl Contract {
    /// The `[[expect]]` entries of a file of settings.
    pub fn expect(&mut self, name: &str, path: PathBuf, text: &str, expectations: &[config::Expect]) {
        if expectations.is_empty() {
            return;
        }
        let file = self.add(name, path, text);
        self.expectations.extend(expectations.iter().map(|expect| Expectation {
            server: expect.server.as_ref().map(|server| server.as_ref().clone()),
            hosts: expect.host.iter().cloned().collect(),
            port: expect.port,
            path: Template::new(expect.path.as_ref()),
            methods: texts(&expect.methods),
            refuse: texts(&expect.refuse),
            file,
            range: expect.path.span(),
        }));
    }

    /// The operations of an OpenAPI file.
    ///
    /// # Errors
    /// Where the text is no OpenAPI description.
    pub fn openapi(&mut self, name: &str, path: PathBuf, text: &str) -> Result<(), NotOpenApi> {
        let operations = openapi::operations(text)?;
        let file = self.add(name, path, text);
        self.expectations.extend(operations.into_iter().map(|operation| Expectation {
            server: None,
            hosts: operation.hosts,
            port: None,
            path: operation.path,
            methods: vec![operation.method],
            refuse: Vec::new(),
            file,
            range: operation.range,
        }));
        Ok(())
    }

    fn add(&mut self, name: &str, path: PathBuf, text: &str) -> usize {
        self.files.push(Statement { name: name.to_owned(), path, text: text.to_owned() });
        self.files.len() - 1
    }

    /// Every method that the contract names.
    pub fn methods(&self) -> Vec<String> {
        let methods = self.expectations.iter().flat_map(|expectation| expectation.methods.iter().chain(&expectation.refuse));
        methods.cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Holds a config against the contract.
    pub fn hold(&self, loaded: &Loaded) -> Held<'_> {
        let server = loaded.server.name();
        let of_server =
            |(_, expectation): &(usize, &Expectation)| expectation.server.as_deref().is_none_or(|name| name == server);
        Held::new(loaded, self.expectations.iter().enumerate().filter(of_server))
    }

    /// What breaks the contract is added to the findings about a config; what the contract settles is put aside.
    pub fn tell(&self, held: &Held<'_>, loaded: &mut Loaded, findings: Vec<Finding>) -> (Vec<Finding>, Vec<Finding>) {
        if !held.speaks {
            return (findings, Vec::new());
        }
        let is_settled = |finding: &Finding| REFUSALS.contains(&finding.rule) || finding.rule == REWRITES && held.covers(finding);
        let (settled, mut findings): (Vec<_>, Vec<_>) = findings.into_iter().partition(is_settled);
        findings.extend(told::findings(held, &self.files, loaded));
        findings.sort_by_key(|finding| finding.span);
        (findings, settled)
    }
}

fn texts(names: &[Spanned<String>]) -> Vec<String> {
    names.iter().map(|name| name.as_ref().clone()).collect()
}
