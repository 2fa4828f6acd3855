//! Paths that conditions, maps and rules of ModSecurity name, besides those of the locations.

use crate::nginx::site::{Builtin, Definition, Instruction, Map, Model, Test, VarId};

use super::inputs::take_apart;

/// How many paths of maps are tried on each server.
const MOST_MAPPED: usize = 16;

/// A config with more servers than this has its maps tried on none: they would multiply.
const MOST_SERVERS: usize = 64;

/// The paths that the conditions of some code compare `$uri` with.
pub(super) fn compared(model: &Model, code: &[Instruction]) -> Vec<String> {
    let tests = code.iter().filter_map(|instruction| match instruction {
        Instruction::If { condition, .. } => Some(&condition.test),
        _ => None,
    });
    let paths = tests.filter_map(|test| match test {
        Test::Equal { variable, value, .. } if is_path(model, *variable) => value.constant().map(|value| value.to_string()),
        Test::Match { variable, pattern, .. } if is_path(model, *variable) => pattern.example_after("/"),
        _ => None,
    });
    paths.filter(|path| path.starts_with('/')).collect()
}

/// The paths that the keys of maps over `$uri` spell out, alone or beside other variables, and those that rules about methods name.
pub(super) fn mapped(model: &Model) -> Vec<String> {
    if model.servers.len() > MOST_SERVERS {
        return Vec::new();
    }
    let mut paths: Vec<String> = Vec::new();
    let of_rules = model.security.paths().map(str::to_owned);
    let of_maps =
        model.variables.iter().filter(|variable| variable.used.is_some()).filter_map(|variable| match &variable.definition {
            Definition::Map(map) => Some(keys(model, map)),
            _ => None,
        });
    for path in of_rules.chain(of_maps.flatten()) {
        if paths.len() < MOST_MAPPED && !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

fn keys(model: &Model, map: &Map) -> Vec<String> {
    let regexes = map.regexes.iter().filter_map(|(pattern, _)| pattern.example());
    let mut keys: Vec<String> = map.keys().map(str::to_owned).chain(regexes).collect();
    keys.sort();
    let parts = |key: &String| -> Vec<String> {
        let paths = take_apart(&map.source, key).into_iter().filter(|(variable, _)| is_path(model, *variable));
        paths.map(|(_, part)| part.to_owned()).collect()
    };
    keys.iter().flat_map(parts).filter(|path| path.starts_with('/')).collect()
}

fn is_path(model: &Model, variable: VarId) -> bool {
    matches!(model.variables.get(variable).definition, Definition::Builtin(Builtin::Uri | Builtin::RequestUri))
}
