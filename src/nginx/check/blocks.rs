//! What nginx checks about blocks as a whole: locations, maps, listens, upstreams.

use std::collections::HashMap;

use super::structure::Level;
use super::{Checker, both_present};
use crate::finding::Finding;
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
        if level.context == "location" {
            self.mirrors(statements);
        }
        if level.context == "http" {
            self.default_servers(statements);
            self.certificates(statements);
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
                    self.add_repeat(*first, *location, format!("duplicate location `{name}`"), "merge the two blocks");
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

    /// `mirror off` and other mirrors exclude each other in a level.
    fn mirrors(&mut self, statements: &[Directive<'d>]) {
        let mirrors: Vec<_> = statements.iter().filter(|one| one.name() == "mirror").collect();
        let off = mirrors.iter().find(|one| one.arg(0) == Some("off"));
        if let (Some(off), true) = (off, mirrors.len() > 1)
            && mirrors.iter().all(|one| one.control().is_none())
        {
            self.reject_with(off.head(), "`mirror off` stands beside another `mirror`", "keep one of them");
        }
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
