//! HAProxy: its configuration language, and what it does with a request.

mod arguments;
mod check;
mod mend;
mod decide;
mod environment;
mod hash;
mod parse;
mod routes;
mod select;
mod site;
mod value;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use self::check::Checks;
use self::decide::SpecialMethods;
use self::environment::Environment;
use self::parse::Reading;
use self::site::Config;
use self::site::build::Builder;
use crate::ask::{Ask, Candidates, Input};
use crate::finding::{Edit, Finding, Severity};
use crate::http::{Universe, Verdict};
use crate::mend::{Statements, Wish};
use crate::server::{Release, Route, Server, Site, Task};
use crate::source::{Reader, SourceFile, Span};
use crate::syntax::{Directive, SyntaxError, Tree};

pub struct Haproxy;

impl Server for Haproxy {
    fn name(&self) -> &'static str {
        "haproxy"
    }

    fn title(&self) -> &'static str {
        "HAProxy"
    }

    fn current(&self) -> Release {
        Release(3, 2, 0)
    }

    fn read(&self, reader: &mut Reader<'_>, main: &[Arc<SourceFile>], task: &Task) -> Box<dyn Site> {
        let mut reading = Reading { environment: Environment::new(reader.settings), release: task.target, unset: Vec::new() };
        let mut trees = Vec::with_capacity(main.len());
        let mut findings = Vec::new();
        for file in main {
            let (tree, errors) = parse::parse(file, &mut reading);
            findings.extend(errors.into_iter().map(syntax_error));
            trees.push(Arc::new(tree));
        }
        let config = Config::new(task.target, reader.settings.upstream_status.unwrap_or(200));
        let base = reader.settings.prefix.clone().unwrap_or_else(|| PathBuf::from("."));
        let mut builder = Builder::new(reader, base, config);
        for tree in &trees {
            builder.file(tree);
        }
        builder.resolve(&task.methods);
        let (mut config, refused) = builder.finish();
        findings.extend(refused);
        config.environment = reading.environment;
        config.special = SpecialMethods::new(&config.universe);
        config.sources = trees.iter().map(|tree| (tree.source.id, Arc::clone(&tree.source))).collect();
        for (proxy, server, check) in decide::failing_checks(&config) {
            config.proxies[proxy].servers[server].failing_check = Some(check);
        }
        let candidates = routes::Values::new(&config);
        Box::new(HaproxySite { trees, config, unset: reading.unset, findings, candidates })
    }

    fn mend(&self, statement: Directive<'_>, all: &Statements<'_>, wish: Wish<'_>) -> Vec<Edit> {
        mend::mend(statement, all, wish)
    }
}

fn syntax_error(error: SyntaxError) -> Finding {
    let mut finding = Finding::new("syntax-error", Severity::Error, error.span, error.message);
    finding.invalid = error.fatal;
    match error.help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// A config that was read.
struct HaproxySite {
    trees: Vec<Arc<Tree>>,
    config: Config,
    /// Where unset variables are read.
    unset: Vec<(Span, String)>,
    /// What was found while reading.
    findings: Vec<Finding>,
    candidates: routes::Values,
}

impl Candidates for HaproxySite {
    fn candidates(&self, input: &Input) -> Vec<Arc<str>> {
        self.candidates.of(input)
    }
}

impl Site for HaproxySite {
    fn trees(&self) -> &[Arc<Tree>] {
        &self.trees
    }

    fn universe(&self) -> &Universe {
        &self.config.universe
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = self.findings.clone();
        findings.extend(Checks::new(&self.config, &self.trees, &self.unset).all());
        findings
    }

    fn routes(&self) -> Vec<Route> {
        routes::routes(&self.config)
    }

    fn decide(&self, ask: &mut Ask<'_>) -> Verdict {
        decide::decide(&self.config, ask)
    }
}
