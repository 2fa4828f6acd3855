//! The nginx wing.
//!
//! Files become trees in [`document`], trees become a model in [`site`]; [`select`] finds server and location, [`decide`]
//! runs a request through the phases, [`routes`] names the requests worth running, [`check`] tells what is wrong without any.

mod parse;
mod document;
mod site;
mod select;
mod decide;
mod routes;
mod check;
mod mend;

use std::sync::Arc;

use crate::ask::{Ask, Candidates, Input};
use crate::finding::{Edit, Finding};
use crate::http::{Universe, Verdict};
use crate::mend::{Statements, Wish};
use crate::server::{Release, Route, Server, Site, Task};
use crate::source::{Reader, SourceFile};
use crate::syntax::{Directive, Tree};

use document::Document;
use routes::Inputs;
use select::Listeners;
use site::{Model, Security};

/// The nginx server.
pub struct Nginx;

impl Server for Nginx {
    fn name(&self) -> &'static str {
        "nginx"
    }

    fn title(&self) -> &'static str {
        "nginx"
    }

    fn current(&self) -> Release {
        Release(1, 29, 4)
    }

    fn read(&self, reader: &mut Reader<'_>, main: &[Arc<SourceFile>], task: &Task) -> Box<dyn Site> {
        let mut document = Document::load(reader, main);
        let prefix = reader.settings.prefix.clone().unwrap_or_else(|| document.folder.clone());
        let odd = site::odd_methods(&document);
        let build = |more: &[String]| {
            let methods = odd.iter().chain(&task.methods).chain(more).map(String::as_str);
            site::build(&document, Universe::new(methods), prefix.display().to_string())
        };
        let mut model = build(&[]);
        let mut security = Security::read(&model, reader, &document.folder);
        let new: Vec<String> =
            security.methods().filter(|name| model.universe.only(name).is_empty()).map(str::to_owned).collect();
        if !new.is_empty() {
            // Rules that tell further methods apart are known only once the levels of the config are.
            model = build(&new);
        }
        document.findings.append(&mut security.findings);
        model.security = security;
        model.read_passwords(reader, &document.folder);
        let listeners = Listeners::new(&model);
        let inputs = Inputs::new(&model);
        Box::new(Config { document, model, listeners, inputs, target: task.target })
    }

    fn mend(&self, statement: Directive<'_>, all: &Statements<'_>, wish: Wish<'_>) -> Vec<Edit> {
        mend::mend(statement, all, wish)
    }
}

/// One nginx configuration.
struct Config {
    document: Document,
    model: Model,
    listeners: Listeners,
    inputs: Inputs,
    target: Release,
}

impl Site for Config {
    fn trees(&self) -> &[Arc<Tree>] {
        &self.document.trees
    }

    fn universe(&self) -> &Universe {
        &self.model.universe
    }

    fn findings(&self) -> Vec<Finding> {
        check::findings(&self.document, &self.model, self.target)
    }

    fn routes(&self) -> Vec<Route> {
        routes::routes(&self.model, &self.listeners)
    }

    fn decide(&self, ask: &mut Ask<'_>) -> Verdict {
        decide::decide(&self.model, &self.listeners, ask)
    }
}

impl Candidates for Config {
    fn candidates(&self, input: &Input) -> Vec<Arc<str>> {
        let mut values = self.inputs.get(input);
        values.extend(self.model.security.candidates(input));
        values
    }
}
