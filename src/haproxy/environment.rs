//! The environment that a config is read in: what `--define` tells, changed on the way by `setenv` and its kin.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::Settings;
use crate::syntax::Directive;

/// Variables by name. A variable that is not here is unset.
#[derive(Clone, Debug, Default)]
pub(super) struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    pub(super) fn new(settings: &Settings) -> Self {
        let told = settings.defines.iter().map(|(name, value)| (name.clone(), value.clone().unwrap_or_default()));
        // HAProxy itself puts its host's name there (src/haproxy.c); it stands in many peers sections.
        let mut variables = BTreeMap::from([("HAPROXY_LOCALPEER".to_owned(), "localhost".to_owned())]);
        variables.extend(told);
        Environment { variables }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Takes over what a line of the `global` section does to the environment (src/cfgparse-global.c).
    pub(super) fn apply(&mut self, line: Directive<'_>) {
        let argument = |index| line.arg(index).unwrap_or("");
        match line.name() {
            "setenv" => self.set(argument(0), argument(1)),
            "presetenv" if self.get(argument(0)).is_none() => self.set(argument(0), argument(1)),
            "unsetenv" => line.values().for_each(|name| {
                self.variables.remove(name);
            }),
            "resetenv" => {
                let kept: BTreeSet<&str> = line.values().collect();
                self.variables.retain(|name, _| kept.contains(name.as_str()));
            }
            _ => {}
        }
    }

    fn set(&mut self, name: &str, value: &str) {
        if !name.is_empty() {
            self.variables.insert(name.to_owned(), value.to_owned());
        }
    }
}
