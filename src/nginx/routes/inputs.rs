//! Values that are worth trying for a header, a cookie, an argument or the client's address, because the config looks for
//! them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ask::Input;
use crate::nginx::site::{Builtin, Definition, Instruction, Map, Model, Part, ScopeKind, Setting, Test, Text, VarId};
use crate::pattern::Pattern;

/// All inputs that a config compares with something.
#[derive(Debug, Default)]
pub(in super::super) struct Inputs {
    values: HashMap<Input, Vec<Arc<str>>>,
}

impl Inputs {
    const MOST: usize = 6;

    pub(in super::super) fn new(model: &Model) -> Self {
        let mut inputs = Inputs::default();
        for scope in &model.scopes {
            inputs.code(model, &scope.code);
            for (setting, _) in &scope.settings {
                inputs.setting(model, setting);
            }
            if matches!(scope.kind, ScopeKind::Http) {
                for variable in model.variables.iter().filter(|variable| variable.used.is_some()) {
                    inputs.table(model, &variable.definition);
                }
            }
        }
        inputs
    }

    pub(in super::super) fn get(&self, input: &Input) -> Vec<Arc<str>> {
        self.values.get(input).cloned().unwrap_or_default()
    }

    fn add(&mut self, input: Input, value: &str) {
        let values = self.values.entry(input).or_default();
        if values.len() < Self::MOST && !value.is_empty() && !values.iter().any(|known| **known == *value) {
            values.push(value.into());
        }
    }

    fn code(&mut self, model: &Model, code: &[Instruction]) {
        for instruction in code {
            let Instruction::If { condition, body, .. } = instruction else { continue };
            match &condition.test {
                Test::True(variable) => self.compare(model, *variable, "1"),
                Test::Equal { variable, value, .. } => {
                    if let Some(value) = value.constant() {
                        self.compare(model, *variable, value);
                    }
                }
                Test::Match { variable, pattern, .. } => self.compare_all(model, *variable, pattern),
                Test::File { .. } | Test::Unknown => {}
            }
            self.code(model, body);
        }
    }

    fn setting(&mut self, model: &Model, setting: &Setting) {
        match setting {
            Setting::Access(rules) => {
                for address in rules.iter().filter_map(|rule| rule.network.example()) {
                    self.add(Input::Client, &address.to_string());
                }
            }
            Setting::AuthBasic(_) => self.add(Input::Header("authorization".into()), "Basic dXNlcjpwYXNzd29yZA=="),
            Setting::DavMethods(_) => {
                self.add(Input::Header("content-length".into()), "0");
                self.add(Input::Header("destination".into()), "/copy");
            }
            Setting::ProxyMethod(method) => {
                if let Some(variable) = method.variable() {
                    self.compare(model, variable, "DELETE");
                }
            }
            _ => {}
        }
    }

    fn table(&mut self, model: &Model, definition: &Definition) {
        match definition {
            Definition::Map(map) => self.map(model, map),
            Definition::Geo(geo) if geo.source.is_none() => {
                for address in &geo.examples {
                    self.add(Input::Client, &address.to_string());
                }
            }
            _ => {}
        }
    }

    /// Keys of a map over several variables are taken apart where its source has signs between them.
    fn map(&mut self, model: &Model, map: &Map) {
        let examples: Vec<String> = map.regexes.iter().filter_map(|(pattern, _)| pattern.example()).collect();
        for key in map.keys().map(str::to_owned).chain(examples) {
            if let Some(variable) = map.source.variable() {
                self.compare(model, variable, &key);
            } else {
                for (variable, part) in take_apart(&map.source, &key) {
                    self.compare(model, variable, part);
                }
            }
        }
    }

    fn compare(&mut self, model: &Model, variable: VarId, value: &str) {
        if let Some(input) = input(model, variable) {
            self.add(input, value);
        }
    }

    fn compare_all(&mut self, model: &Model, variable: VarId, pattern: &Pattern) {
        if let (Some(input), Some(example)) = (input(model, variable), pattern.example()) {
            self.add(input, &example);
        }
    }
}

/// The part of the request that a variable shows as it is.
fn input(model: &Model, variable: VarId) -> Option<Input> {
    match &model.variables.get(variable).definition {
        Definition::Header(name) if &**name != "host" => Some(Input::Header(Arc::clone(name))),
        Definition::Argument(name) => Some(Input::Argument(Arc::clone(name))),
        Definition::Cookie(name) => Some(Input::Cookie(Arc::clone(name))),
        Definition::Builtin(Builtin::RemoteAddr) => Some(Input::Client),
        _ => None,
    }
}

/// The parts of a key that the variables of a map's source stand for.
pub(super) fn take_apart<'k>(source: &Text, key: &'k str) -> Vec<(VarId, &'k str)> {
    let mut found = Vec::new();
    let mut rest = key;
    let parts = source.parts().unwrap_or_default();
    for (index, part) in parts.iter().enumerate() {
        match part {
            Part::Literal(text) => match rest.strip_prefix(&**text) {
                Some(after) => rest = after,
                None => return Vec::new(),
            },
            Part::Variable(variable) => {
                let end = match parts.get(index + 1) {
                    None => Some(rest.len()),
                    Some(Part::Literal(text)) => rest.find(&**text),
                    Some(_) => None,
                };
                let Some(end) = end else { return Vec::new() };
                found.push((*variable, &rest[..end]));
                rest = &rest[end..];
            }
            Part::Capture(_) | Part::Unknown => return Vec::new(),
        }
    }
    found
}
