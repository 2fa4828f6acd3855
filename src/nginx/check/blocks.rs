//! What nginx checks about blocks as a whole: locations, maps, listens, upstreams.

use std::collections::HashMap;

use super::structure::Level;
use super::{Checker, both_present};
use crate::finding::Finding;
use crate::nginx::site::Network;
use crate::pattern::Pattern;
use crate::syntax::Directive;

impl<'d> Checker<'d> {
    pub(super) fn blocks(&mut self, level: Level<'d>, statements: &[Directive<'d>]) {
        if matches!(level.context, "server" | "location") {
            self.locations(level, statements);
            self.roots(statements);
        }
        if level.context == "server" {
            self.listens(statements);
        }
        if level.context == "http" {
            self.default_servers(statements);
            self.upstream_names(statements);
            for block in statements.iter().filter(|one| one.is_block()) {
                match block.name() {
                    "map" => self.map(*block),
                    "upstream" => self.upstream(*block),
                    "split_clients" => self.shares(*block),
                    "geo" => self.networks(*block),
                    _ => {}
                }
            }
        }
    }

    /// `ngx_http_core_location`, `ngx_http_init_locations`
    fn locations(&mut self, level: Level<'d>, statements: &[Directive<'d>]) {
        let mut known: HashMap<(bool, &str), Directive<'d>> = HashMap::new();
        for location in statements.iter().filter(|one| one.name() == "location" && one.is_block()) {
            if location.has_template() {
                continue;
            }
            let Some((modifier, name)) = modifier(*location) else {
                if let (Some(first), true) = (location.arg(0), location.args().len() == 2) {
                    self.reject_with(location.head(), format!("`{first}` is no location modifier"), "use =, ~, ~* or ^~");
                }
                continue;
            };
            self.nesting(level, *location, modifier, name);
            if modifier.starts_with('~') {
                if Pattern::new(name, false).is_refused() {
                    self.reject(location.head(), format!("the regex `{name}` does not compile"));
                }
                continue;
            }
            if name.starts_with('@') && modifier.is_empty() {
                continue;
            }
            match known.get(&(modifier == "=", name)) {
                Some(first) if both_present(*first, *location) => {
                    let finding = Finding::rejected(location.head(), format!("duplicate location `{name}`"));
                    self.add(finding.related(first.head(), "the first one").help("merge the two blocks"));
                }
                Some(_) => {}
                None => _ = known.insert((modifier == "=", name), *location),
            }
        }
    }

    fn nesting(&mut self, level: Level<'d>, location: Directive<'d>, modifier: &str, name: &str) {
        let Some(around) = level.location.filter(|around| !around.has_template()) else { return };
        let Some((outer_modifier, outer)) = self::modifier(around) else { return };
        let message = if outer_modifier == "=" {
            format!("a location cannot be inside the exact location `{outer}`")
        } else if outer.starts_with('@') {
            format!("a location cannot be inside the named location `{outer}`")
        } else if name.starts_with('@') && modifier.is_empty() {
            format!("the named location `{name}` can be on the server level only")
        } else if !modifier.starts_with('~') && !name.starts_with(outer) {
            format!("the location `{name}` is outside of location `{outer}`")
        } else {
            return;
        };
        let finding = Finding::rejected(location.head(), message);
        self.add(finding.related(around.head(), "the location around").help("move it to the server level"));
    }

    /// `root` and `alias` exclude each other in a level.
    fn roots(&mut self, statements: &[Directive<'d>]) {
        let find = |name: &str| statements.iter().find(|one| one.name() == name).copied();
        if let (Some(root), Some(alias)) = (find("root"), find("alias"))
            && both_present(root, alias)
        {
            let finding = Finding::rejected(alias.head(), "`alias` and `root` exclude each other in one location");
            self.add(finding.related(root.head(), "the root").help("keep one of them"));
        }
    }

    fn listens(&mut self, statements: &[Directive<'d>]) {
        let mut known: HashMap<(String, bool), Directive<'d>> = HashMap::new();
        for listen in statements.iter().filter(|one| one.name() == "listen" && !one.has_template()) {
            let Some(place) = listen.arg(0) else { continue };
            // QUIC has sockets of its own, of UDP.
            let is_quic = listen.values().any(|value| value == "quic");
            match known.get(&(plain(place), is_quic)) {
                Some(first) if both_present(*first, *listen) => {
                    let finding = Finding::rejected(listen.head(), format!("the server listens on {place} twice"));
                    self.add(finding.related(first.head(), "the first one").help("remove one of them"));
                }
                Some(_) => {}
                None => _ = known.insert((plain(place), is_quic), *listen),
            }
        }
    }

    fn default_servers(&mut self, statements: &[Directive<'d>]) {
        let mut known: HashMap<(String, bool), Directive<'d>> = HashMap::new();
        for server in statements.iter().filter(|one| one.name() == "server" && one.is_block()) {
            for listen in self.document.inside(*server).filter(|one| one.name() == "listen" && !one.has_template()) {
                let is_default = listen.values().skip(1).any(|value| matches!(value, "default_server" | "default"));
                let Some(place) = listen.arg(0).filter(|_| is_default) else { continue };
                let key = (plain(place), listen.values().any(|value| value == "quic"));
                match known.get(&key) {
                    Some(first)
                        if both_present(*first, listen) && server.control().is_none() && first.head() != listen.head() =>
                    {
                        let finding = Finding::rejected(listen.head(), format!("{place} has two default servers"));
                        self.add(finding.related(first.head(), "the first one").help("keep one `default_server`"));
                    }
                    Some(_) => {}
                    None => _ = known.insert(key, listen),
                }
            }
        }
    }

    /// `ngx_http_map`
    fn map(&mut self, block: Directive<'d>) {
        let mut keys: HashMap<String, Directive<'d>> = HashMap::new();
        let document = self.document;
        for entry in document.inside(block) {
            let key = entry.name();
            let count = entry.args().len();
            if entry.has_template() || entry.words().is_empty() {
                continue;
            }
            if count == 0 && matches!(key, "volatile" | "hostnames") {
                continue;
            }
            if count != 1 || entry.is_block() {
                let help =
                    if key.contains('{') || entry.is_block() { "quote a regex with braces" } else { "write a key and a value" };
                self.reject_with(entry.head(), "an entry of a `map` has a key and one value", help);
                continue;
            }
            if let Some(regex) = key.strip_prefix('~') {
                let source = regex.strip_prefix('*').unwrap_or(regex);
                if Pattern::new(source, false).is_refused() {
                    self.reject(entry.head(), format!("the regex `{source}` does not compile"));
                }
                continue;
            }
            match keys.get(&key.to_ascii_lowercase()) {
                Some(first) if both_present(*first, entry) => {
                    let message = match key {
                        "default" => "the `map` has two defaults".to_owned(),
                        _ => format!("the key `{key}` stands in the `map` twice; case makes no difference"),
                    };
                    self.add(
                        Finding::rejected(entry.head(), message)
                            .related(first.head(), "the first one")
                            .help("remove one of them"),
                    );
                }
                Some(_) => {}
                None => _ = keys.insert(key.to_ascii_lowercase(), entry),
            }
        }
    }

    fn upstream_names(&mut self, statements: &[Directive<'d>]) {
        let mut known: HashMap<&str, Directive<'d>> = HashMap::new();
        for block in statements.iter().filter(|one| one.name() == "upstream" && one.is_block() && !one.has_template()) {
            let Some(name) = block.arg(0) else { continue };
            match known.get(name) {
                Some(first) if both_present(*first, *block) => {
                    let finding = Finding::rejected(block.head(), format!("duplicate upstream `{name}`"));
                    self.add(finding.related(first.head(), "the first one").help("rename or merge one of them"));
                }
                Some(_) => {}
                None => _ = known.insert(name, *block),
            }
        }
    }

    /// `ngx_conf_split_clients_block`
    fn shares(&mut self, block: Directive<'d>) {
        let entries: Vec<_> = self.document.inside(block).collect();
        let shares = entries.iter().filter_map(|entry| entry.name().strip_suffix('%')?.parse::<f64>().ok());
        if shares.sum::<f64>() > 100.0 && block.control().is_none() && entries.iter().all(|entry| entry.control().is_none()) {
            self.reject(block.head(), "the shares of `split_clients` add up to more than 100%");
        }
    }

    /// `ngx_http_geo_cidr`
    fn networks(&mut self, block: Directive<'d>) {
        let document = self.document;
        if document.inside(block).any(|entry| entry.name() == "ranges") {
            return;
        }
        for entry in document.inside(block).filter(|entry| !entry.has_template()) {
            let network = match entry.name() {
                "default" | "proxy_recursive" => continue,
                "proxy" | "delete" => entry.arg(0).unwrap_or(""),
                network => network,
            };
            if Network::parse(network) == Network::Unknown {
                self.reject(entry.head(), format!("`{network}` is no network"));
            }
        }
    }

    fn upstream(&mut self, block: Directive<'d>) {
        let statements: Vec<_> = self.document.inside(block).collect();
        let server_like = ["server", "zone", "resolver", "include"];
        let is_empty = !statements.iter().any(|one| server_like.contains(&one.name()) || one.has_template());
        if is_empty && block.control().is_none() && !self.has_modules && !self.is_template {
            self.reject_with(block.head(), "the `upstream` block has no servers", "add a `server`");
        }
    }
}

/// The modifier and the name of a location, glued or not.
pub(super) fn modifier<'d>(location: Directive<'d>) -> Option<(&'static str, &'d str)> {
    const MODIFIERS: [&str; 4] = ["^~", "~*", "=", "~"];
    let first = location.arg(0)?;
    if let Some(name) = location.arg(1) {
        return Some((MODIFIERS.into_iter().find(|known| *known == first)?, name));
    }
    let glued = MODIFIERS.into_iter().find_map(|known| Some((known, first.strip_prefix(known)?)));
    Some(glued.unwrap_or(("", first)))
}

/// A listening place in its full form: `80` and `*:80` are the same.
fn plain(place: &str) -> String {
    let place = if place.bytes().all(|byte| byte.is_ascii_digit()) { format!("*:{place}") } else { place.to_owned() };
    place.replace("0.0.0.0:", "*:")
}
