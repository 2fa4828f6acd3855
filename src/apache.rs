//! Apache httpd.
//!
//! [`parse`] reads lines into a tree, [`read`] does what httpd does while reading, [`site`] is the config as a model,
//! [`select`] finds server and sections for a request, [`decide`] runs the hooks, [`routes`] finds requests worth asking about,
//! [`check`] finds what is wrong without any request.

mod candidates;
mod check;
mod mend;
mod decide;
mod expr;
mod net;
mod parse;
mod password;
mod read;
mod routes;
mod select;
mod site;
#[cfg(test)]
mod tests;
mod text;
mod words;

use std::sync::Arc;

use self::site::ApacheSite;
use crate::ask::{Ask, Candidates, Input};
use crate::finding::{Edit, Finding};
use crate::http::{Universe, Verdict};
use crate::mend::{Statements, Wish};
use crate::server::{Release, Route, Server, Site, Task};
use crate::source::{Reader, SourceFile};
use crate::syntax::{Directive, Tree};

/// Apache httpd 2.4.
pub struct Apache;

impl Server for Apache {
    fn name(&self) -> &'static str {
        "apache"
    }

    fn title(&self) -> &'static str {
        "Apache httpd"
    }

    fn current(&self) -> Release {
        Release(2, 4, 66)
    }

    fn read(&self, reader: &mut Reader<'_>, main: &[Arc<SourceFile>], task: &Task) -> Box<dyn Site> {
        let config = read::read(reader, main, task);
        Box::new(site::build(reader, config, main, task))
    }

    fn mend(&self, statement: Directive<'_>, all: &Statements<'_>, wish: Wish<'_>) -> Vec<Edit> {
        mend::mend(statement, all, wish)
    }
}

impl Site for ApacheSite {
    fn trees(&self) -> &[Arc<Tree>] {
        &self.trees
    }

    fn universe(&self) -> &Universe {
        &self.universe
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = self.findings.clone();
        findings.extend(check::check(self));
        findings
    }

    fn routes(&self) -> Vec<Route> {
        routes::routes(self)
    }

    fn decide(&self, ask: &mut Ask<'_>) -> Verdict {
        decide::decide(self, ask)
    }
}

impl Candidates for ApacheSite {
    fn candidates(&self, input: &Input) -> Vec<Arc<str>> {
        let mut values = self.candidates.get(input);
        values.extend(self.security.candidates(input));
        values
    }
}
