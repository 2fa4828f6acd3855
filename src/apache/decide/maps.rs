//! Rewrite maps, and what a rule sees of other paths (`lookup_map`, `%{LA-U:…}` in `modules/mappers/mod_rewrite.c`).

use std::sync::Arc;

use super::super::site::rewrite::Map;
use super::super::text::{MapCall, Var};
use super::values::{Matched, Value};
use super::{End, Run, encode_path};
use crate::http::ByMethod;

impl Run<'_, '_, '_> {
    pub(super) fn look_up_map(&mut self, call: &MapCall, matched: &Matched) -> Value {
        let map = self.server.rewrite.maps.get(&*call.map).map(Arc::clone);
        let key = self.text(&call.key, matched);
        let default = self.text(&call.default, matched);
        let keys = match key {
            Value::Unknown(why) => return Value::Unknown(why),
            Value::Plain(key) => ByMethod::same(key),
            Value::ByMethod(keys) => keys,
        };
        let defaults = match default {
            Value::Unknown(why) => return Value::Unknown(why),
            Value::Plain(default) => ByMethod::same(default),
            Value::ByMethod(defaults) => defaults,
        };
        let Some(map) = map else { return Value::ByMethod(defaults).plain() };
        match &*map {
            Map::Table(table) => found(&keys, &defaults, |key| table.get(key).cloned()),
            Map::Random(table) => {
                let key = self.ask.settle(&keys).unwrap_or_default();
                let Some(values) = table.get(&key) else { return Value::ByMethod(defaults).plain() };
                let options: Vec<&str> = values.split('|').collect();
                let told: Vec<Arc<str>> = options.iter().map(|option| format!("the map gives `{option}`").into()).collect();
                Value::Plain(options[self.ask.choose(&format!("map {} of {key}", call.map), &told)].to_owned())
            }
            Map::Lower => found(&keys, &defaults, |key| Some(key.to_ascii_lowercase())),
            Map::Upper => found(&keys, &defaults, |key| Some(key.to_ascii_uppercase())),
            Map::Escape => found(&keys, &defaults, |key| Some(encode_path(key))),
            Map::Unescape => found(&keys, &defaults, |key| Some(super::url::decode_all(key))),
            Map::Unknown => Value::Unknown(format!("the map `{}`", call.map).into()),
        }
    }

    /// Whether a subrequest for a path would not be refused (`-U`).
    pub(super) fn is_reachable(&mut self, path: &str) -> bool {
        self.look_at(path, |_| ()).is_none_or(|(status, ())| status < 400)
    }

    /// A variable as a subrequest for the current path would see it.
    pub(super) fn look_ahead(&mut self, var: &Var) -> Value {
        if matches!(var, Var::User | Var::Empty) && self.header("authorization").is_none() {
            return Value::Plain(String::new());
        }
        let path = if self.mapping.filename.starts_with('/') {
            self.mapping.url.path.clone()
        } else {
            return Value::Plain(String::new());
        };
        match self.look_at(&path, |run| run.var(var)) {
            Some((_, value)) => value,
            None => Value::Plain(String::new()),
        }
    }

    /// What a GET of another path would end with, and something about it; `None` within a subrequest.
    fn look_at<T>(&mut self, path: &str, of: impl FnOnce(&mut Self) -> T) -> Option<(u16, T)> {
        if self.subrequest {
            return None;
        }
        let kept = self.enter(path);
        let status = match self.process_once() {
            Ok(()) => 200,
            Err(End::Status(status) | End::Early(status)) => status,
            Err(_) => 200,
        };
        let seen = of(self);
        self.leave(kept, false);
        Some((status, seen))
    }
}

fn found(keys: &ByMethod<String>, defaults: &ByMethod<String>, of: impl Fn(&str) -> Option<String>) -> Value {
    let values = keys.zip(defaults, |key, default| of(key).filter(|value| !value.is_empty()).unwrap_or_else(|| default.clone()));
    Value::ByMethod(values).plain()
}
