//! Variables that are looked up in a table: `map`, `geo`, `split_clients`.

use std::sync::Arc;

use super::values::Value;
use super::{Exchange, Method};
use crate::http::ByMethod;
use crate::nginx::site::{Lookup, Map, Text, VarId};

impl<'m> Exchange<'m, '_, '_> {
    /// `ngx_http_map_variable`: looked up once in a request, unless it is volatile.
    pub(super) fn map(&mut self, id: VarId, map: &'m Map) -> Value {
        if let Some((_, value)) = self.cached.iter().find(|(known, _)| *known == id) {
            return value.clone();
        }
        // A regex that matches leaves its groups behind, should anything read them.
        let is_pure = map.regexes.is_empty() || !self.model.variables.reads_groups;
        let value = match (&map.by_method, self.method) {
            (Some(values), Method::Client) if is_pure => Value::Methods(values.clone()).simplified(),
            _ => self.look_up(map),
        };
        if !map.volatile {
            self.cached.push((id, value.clone()));
        }
        value
    }

    fn look_up(&mut self, map: &'m Map) -> Value {
        match self.value(&map.source) {
            Value::Plain(key) => {
                let found = map.lookup(&key);
                self.found(map, &found, Value::Plain(key))
            }
            Value::Methods(keys) => self.look_up_each(map, &keys),
            Value::Unknown => self.any_value(map),
        }
    }

    fn found(&mut self, map: &'m Map, found: &Lookup, key: Value) -> Value {
        match found {
            Lookup::Value(index) => self.value(&map.values[*index]),
            Lookup::Regex(index) => {
                let (pattern, value) = &map.regexes[*index];
                self.capture(pattern, key);
                self.value(&map.values[*value])
            }
            Lookup::Nothing => Value::empty(),
            Lookup::Unknown => {
                self.ask.doubt("a regex of a `map` cannot be read");
                Value::Unknown
            }
        }
    }

    /// The key depends on the method: every entry that some method finds is read for the methods that find it.
    fn look_up_each(&mut self, map: &'m Map, keys: &ByMethod<Arc<str>>) -> Value {
        let found = keys.map(|key| map.lookup(key));
        let by_regex = |(_, entry): &(_, Lookup)| matches!(entry, Lookup::Regex(_));
        if self.model.variables.reads_groups && found.cases().iter().any(by_regex) {
            // The groups differ from method to method as well.
            let entry = self.ask.settle(&found).unwrap_or(Lookup::Nothing);
            return self.found(map, &entry, Value::Methods(keys.clone()));
        }
        let mut value: ByMethod<Option<Arc<str>>> = ByMethod::same(None);
        for (_, entry) in found.cases() {
            let Some(values) = self.found(map, entry, Value::Methods(keys.clone())).by_method() else { return Value::Unknown };
            let here = found.zip(&values, |found, value| (found == entry).then(|| Arc::clone(value)));
            value = value.zip(&here, |before, here| here.clone().or_else(|| before.clone()));
        }
        Value::Methods(value.map(|value| value.clone().unwrap_or_else(|| "".into()))).simplified()
    }

    /// The key is not known; the value is where all of them are the same.
    fn any_value(&mut self, map: &'m Map) -> Value {
        let constants: Vec<_> = map.values.iter().filter_map(Text::constant).cloned().collect();
        let first = constants.first();
        if let (Some(first), true) = (first, constants.len() == map.values.len() && map.default.is_some())
            && constants.iter().all(|value| value == first)
        {
            return Value::Plain(Arc::clone(first));
        }
        Value::Unknown
    }
}
