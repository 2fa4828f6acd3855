//! ModSecurity, whose rules lie in files of their own or in quoted texts (the connector `ngx_http_modsecurity_module`).

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::{Model, ScopeId, Setting};
use crate::ask::Input;
use crate::finding::Finding;
use crate::modsecurity::{self, Context, Edition, Policy};
use crate::source::Reader;

/// What a level of the config says about rules.
#[derive(Debug)]
pub(in super::super) enum Rules {
    /// `modsecurity_rules`: the rules themselves.
    Text(Arc<str>),
    /// `modsecurity_rules_file`
    File(Arc<str>),
    /// `modsecurity_rules_remote`: rules that are somewhere else.
    Remote,
}

/// The rules of each level that has some, with those that it inherits.
#[derive(Debug, Default)]
pub(in super::super) struct Security {
    policies: HashMap<ScopeId, Option<Arc<Policy>>>,
    methods: Vec<String>,
    paths: Vec<String>,
    pub findings: Vec<Finding>,
}

impl Security {
    pub(in super::super) fn read(model: &Model, reader: &mut Reader<'_>, folder: &Path) -> Self {
        let mut security = Security::default();
        let mut contexts: HashMap<ScopeId, Option<Context>> = HashMap::new();
        // A level comes after the one around it.
        for (id, scope) in model.scopes() {
            let mut own = scope.settings.iter().filter(|(setting, _)| matches!(setting, Setting::Security(_))).peekable();
            if own.peek().is_none() {
                continue;
            }
            let mut context = Some(Context::new(Edition::Library));
            for (setting, span) in own {
                let (Setting::Security(rules), Some(known)) = (setting, &mut context) else { continue };
                let read = match rules {
                    Rules::Text(text) => Some(known.read(text, *span, folder, reader)),
                    Rules::File(path) => known.read_file(path, folder, reader).ok(),
                    Rules::Remote => None,
                };
                match read {
                    Some(findings) => security.findings.extend(findings),
                    // What the rules say is not known.
                    None => context = None,
                }
            }
            let around = scope.parent.and_then(|parent| security.level(model, parent));
            let whole = match (context, around.map(|around| contexts.get(&around))) {
                (Some(context), None) => {
                    security.findings.extend(modsecurity::method_policies(&context, &context));
                    Some(context)
                }
                (Some(context), Some(Some(Some(outer)))) => {
                    let whole = context.within(outer);
                    security.findings.extend(modsecurity::method_policies(&whole, &context));
                    Some(whole)
                }
                _ => None,
            };
            security.methods.extend(whole.iter().flat_map(Context::methods).map(str::to_owned));
            security.paths.extend(whole.iter().flat_map(Context::paths).map(|(path, _)| path));
            security.policies.insert(id, whole.as_ref().map(|whole| Arc::new(Policy::new(whole))));
            contexts.insert(id, whole);
        }
        security
    }

    /// The level whose rules hold in a scope.
    fn level(&self, model: &Model, scope: ScopeId) -> Option<ScopeId> {
        let mut next = Some(scope);
        while let Some(id) = next {
            if self.policies.contains_key(&id) {
                return Some(id);
            }
            next = model.scope(id).parent;
        }
        None
    }

    /// The rules of a scope: the outer `None` where it has none, the inner one where they are not known.
    pub(in super::super) fn policy(&self, model: &Model, scope: ScopeId) -> Option<Option<Arc<Policy>>> {
        self.policies.get(&self.level(model, scope)?).cloned()
    }

    /// The methods that rules name, besides those of the config itself.
    pub(in super::super) fn methods(&self) -> impl Iterator<Item = &str> {
        self.methods.iter().map(String::as_str)
    }

    /// The paths that rules look for beside methods.
    pub(in super::super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    pub(in super::super) fn candidates(&self, input: &Input) -> Vec<Arc<str>> {
        let mut values: Vec<Arc<str>> = self.policies.values().flatten().flat_map(|policy| policy.candidates(input)).collect();
        values.sort();
        values.dedup();
        values
    }
}
