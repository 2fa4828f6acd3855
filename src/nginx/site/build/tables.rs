//! The blocks of `http` that define something for the others: `upstream`, `map`, `geo`, `split_clients`, zones.

use std::sync::Arc;

use super::*;
use crate::http::ByMethod;

impl<'d> Builder<'d> {
    pub(super) fn table(&mut self, statement: Directive<'d>) {
        match statement.name() {
            "upstream" if statement.is_block() => self.upstream(statement),
            "map" if statement.is_block() => self.map(statement),
            "geo" if statement.is_block() => self.geo(statement),
            "split_clients" if statement.is_block() => self.split(statement),
            "limit_req_zone" | "limit_conn_zone" => self.zone(statement),
            "js_set" | "perl_set" | "js_var" | "geoip2" | "lua_shared_var" | "keyval" | "proxy_protocol_tlv" => {
                for value in statement.values().filter_map(|value| value.strip_prefix('$')) {
                    self.model.variables.define(value, Definition::Opaque);
                }
                for inner in self.document.inside(statement).filter_map(|inner| inner.name().strip_prefix('$')) {
                    self.model.variables.define(inner, Definition::Opaque);
                }
            }
            _ => {}
        }
    }

    fn upstream(&mut self, block: Directive<'d>) {
        let Some(name) = block.arg(0) else { return };
        let document = self.document;
        document.inside(block).filter(|one| one.name() == "hash").for_each(|hash| self.mention(hash));
        let servers: Vec<_> = self.document.inside(block).filter(|one| one.name() == "server").collect();
        let usable = |one: &Directive<'d>| !one.values().any(|value| value == "down");
        let backup = |one: &Directive<'d>| one.values().any(|value| value == "backup");
        let mut chosen: Vec<_> = servers.iter().copied().filter(|one| usable(one) && !backup(one)).collect();
        if chosen.is_empty() {
            chosen = servers.iter().copied().filter(usable).collect();
        }
        let mut seen = HashSet::new();
        let addresses = chosen.iter().map(|server| server.arg(0).unwrap_or("")).filter(|address| seen.insert(*address));
        let addresses = addresses.map(Arc::from).collect();
        self.model.groups.entry(name.into()).or_insert(Group { servers: addresses });
    }

    fn zone(&mut self, statement: Directive<'d>) {
        let Some(zone) = statement.values().find_map(|value| value.strip_prefix("zone=")) else { return };
        let name = zone.split(':').next().unwrap_or(zone);
        let key = self.text(statement, 0);
        self.model.zones.insert(name.into(), key);
    }

    fn map(&mut self, block: Directive<'d>) {
        let (Some(target), source) = (block.arg(1).and_then(|name| name.strip_prefix('$')), self.text(block, 0)) else { return };
        let entries: Vec<_> = self.document.inside(block).collect();
        let mut map = Map {
            source,
            values: Vec::new(),
            exact: HashMap::new(),
            heads: Vec::new(),
            tails: Vec::new(),
            regexes: Vec::new(),
            default: None,
            volatile: entries.iter().any(|one| one.name() == "volatile" && one.args().is_empty()),
            hostnames: entries.iter().any(|one| one.name() == "hostnames" && one.args().is_empty()),
            by_method: None,
        };
        for entry in entries {
            self.map_entry(&mut map, entry);
        }
        map.by_method = self.map_by_method(&map);
        self.model.variables.define(target, Definition::Map(Arc::new(map)));
    }

    /// `ngx_http_map`
    fn map_entry(&mut self, map: &mut Map, entry: Directive<'d>) {
        let (Some(word), 1) = (entry.words().first(), entry.args().len()) else { return };
        let key = entry.name();
        if self.is_opaque(word, key) {
            return;
        }
        let value = self.text(entry, 0);
        let index = map.values.len();
        map.values.push(value);
        match key {
            "default" => map.default = Some(index),
            _ if key.starts_with('~') => {
                let (source, ignore_case) = key[1..].strip_prefix('*').map_or((&key[1..], false), |rest| (rest, true));
                map.regexes.push((self.pattern(source, ignore_case), index));
            }
            _ => {
                let key = key.strip_prefix('\\').unwrap_or(key).to_ascii_lowercase();
                match key.as_bytes() {
                    [b'*', b'.', ..] if map.hostnames => map.heads.push((key[1..].into(), index)),
                    [b'.', ..] if map.hostnames => {
                        map.exact.entry(key[1..].into()).or_insert(index);
                        map.heads.push((key.into(), index));
                    }
                    [.., b'.', b'*'] if map.hostnames => map.tails.push((key[..key.len() - 1].into(), index)),
                    _ => _ = map.exact.entry(key.into()).or_insert(index),
                }
            }
        }
    }

    /// Most maps that matter here look at the method alone; their values are looked up once and not on each request.
    fn map_by_method(&mut self, map: &Map) -> Option<ByMethod<Arc<str>>> {
        let source = map.source.variable()?;
        let is_method = matches!(self.model.variables.get(source).definition, Definition::Builtin(Builtin::RequestMethod));
        let constant = map.values.iter().all(|value| value.constant().is_some());
        let groups = map.regexes.iter().any(|(pattern, _)| pattern.source().contains("(?"));
        let readable = map.regexes.iter().all(|(pattern, _)| pattern.matches("").is_some());
        if !is_method || !constant || groups || !readable {
            return None;
        }
        let value = |index: usize| map.values.get(index).and_then(Text::constant).map_or_else(|| "".into(), Arc::clone);
        let universe = &self.model.universe;
        Some(ByMethod::each(universe, universe.all(), |method| match map.lookup(method) {
            Lookup::Value(index) => value(index),
            Lookup::Regex(index) => value(map.regexes[index].1),
            Lookup::Nothing | Lookup::Unknown => "".into(),
        }))
    }

    /// `ngx_http_geo_block`
    fn geo(&mut self, block: Directive<'d>) {
        let Some(target) = block.values().last().and_then(|name| name.strip_prefix('$')) else { return };
        let mut geo = Geo::default();
        if block.args().len() > 1 {
            geo.source = block.spanned(0).map(|name| self.model.variables.usage(name.value.trim_start_matches('$'), name.span));
        }
        for entry in self.document.inside(block) {
            let value = Text::plain(entry.arg(0).unwrap_or(""), entry.head());
            match entry.name() {
                "default" => geo.default = Some(value),
                "ranges" | "proxy" | "proxy_recursive" | "delete" => {}
                network => match network.split_once('-').map(|(from, to)| (from.parse(), to.parse())) {
                    Some((Ok(from), Ok(to))) => geo.ranges.push((from, to, value)),
                    _ => geo.insert(Network::parse(network), value),
                },
            }
        }
        self.model.variables.define(target, Definition::Geo(Arc::new(geo)));
    }

    fn split(&mut self, block: Directive<'d>) {
        let Some(target) = block.arg(1).and_then(|name| name.strip_prefix('$')) else { return };
        let source = self.text(block, 0);
        let entries: Vec<_> = self.document.inside(block).collect();
        let parts = entries.into_iter().map(|entry| (share(entry.name()), self.literal(entry, 0))).collect();
        self.model.variables.define(target, Definition::Split(Arc::new(Split { source, parts })));
    }
}

/// `12.5%` in hundredths of a percent; `*` is the rest.
fn share(text: &str) -> Option<u32> {
    let number: f64 = text.strip_suffix('%')?.parse().ok()?;
    Some((number * 100.0).round() as u32)
}
