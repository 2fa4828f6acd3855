//! mod_security2, whose directives stand in the config like all others; sections inherit as its own merge does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::read::Statement;
use crate::ask::Input;
use crate::finding::Finding;
use crate::modsecurity::{self, Context, Edition, Policy};
use crate::source::{Reader, Span, Spanned};

/// The rules of each server, and those of sections as requests meet them.
#[derive(Debug, Default)]
pub(in crate::apache) struct Security {
    /// By server, in the order of the site's servers; empty where no server has a rule.
    servers: Vec<(Context, Arc<Policy>)>,
    /// The policies of stacks of sections, made when the first request meets them.
    merged: Mutex<HashMap<Vec<usize>, Arc<Policy>>>,
}

impl Security {
    /// Lets virtual hosts inherit from the main server.
    pub(in crate::apache) fn new(own: Vec<Option<Box<Context>>>) -> (Self, Vec<Finding>) {
        if own.iter().all(Option::is_none) {
            return (Security::default(), Vec::new());
        }
        let empty = Context::new(Edition::Module);
        let main = own.first().and_then(|main| main.as_deref()).unwrap_or(&empty).clone();
        let mut findings = Vec::new();
        let servers = own.iter().enumerate().map(|(index, context)| {
            let context = context.as_deref().unwrap_or(&empty);
            let whole = if index == 0 { main.clone() } else { context.within(&main) };
            findings.extend(modsecurity::method_policies(&whole, context));
            let policy = Arc::new(Policy::new(&whole));
            (whole, policy)
        });
        let servers = servers.collect();
        (Security { servers, merged: Mutex::default() }, findings)
    }

    /// The rules of a server, for what happens before any section is known.
    pub(in crate::apache) fn of_server(&self, server: usize) -> Option<&Arc<Policy>> {
        self.servers.get(server).map(|(_, policy)| policy)
    }

    /// The rules of a server with those of the sections that a request meets.
    pub(in crate::apache) fn of_sections(&self, server: usize, sections: &[&Context]) -> Option<Arc<Policy>> {
        if sections.is_empty() {
            return self.of_server(server).cloned();
        }
        let empty = Context::new(Edition::Module);
        let outer = self.servers.get(server).map_or(&empty, |(context, _)| context);
        let key: Vec<usize> =
            std::iter::once(server).chain(sections.iter().map(|context| std::ptr::from_ref(*context).addr())).collect();
        let mut merged = self.merged.lock().unwrap_or_else(PoisonError::into_inner);
        let policy = merged.entry(key).or_insert_with(|| {
            let whole = sections.iter().fold(outer.clone(), |outer, section| section.within(&outer));
            Arc::new(Policy::new(&whole))
        });
        Some(Arc::clone(policy))
    }

    /// The paths that the rules of a server look for beside methods.
    pub(in crate::apache) fn paths(&self, server: usize) -> impl Iterator<Item = (String, Span)> {
        self.servers.get(server).into_iter().flat_map(|(context, _)| context.paths())
    }

    pub(in crate::apache) fn candidates(&self, input: &Input) -> Vec<Arc<str>> {
        let mut values: Vec<Arc<str>> = self.servers.iter().flat_map(|(_, policy)| policy.candidates(input)).collect();
        values.dedup();
        values
    }
}

/// Takes a directive whose name starts with `Sec`.
pub(in crate::apache) fn add(
    context: &mut Option<Box<Context>>,
    statement: Statement<'_>,
    reader: &Reader<'_>,
) -> Option<Finding> {
    let args = statement.args();
    let arguments: Vec<Spanned<&str>> =
        args.iter().enumerate().map(|(index, arg)| Spanned::new(&**arg, statement.arg_span(index))).collect();
    let directive = statement.directive();
    let name = Spanned::new(statement.name(), directive.name_span());
    let read = modsecurity::Statement::new(name, arguments, statement.span());
    let context = context.get_or_insert_with(|| Box::new(Context::new(Edition::Module)));
    context.add(&read, directive.tree.source.folder(), reader)
}
