//! What nginx checks about `map`, `geo` and `split_clients`.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::{Checker, both_present};
use crate::nginx::site::Network;
use crate::pattern::Pattern;
use crate::syntax::Directive;

impl<'d> Checker<'d> {
    /// `ngx_http_map`
    pub(super) fn map(&mut self, block: Directive<'d>) {
        let mut keys: HashMap<String, Directive<'d>> = HashMap::new();
        let document = self.document;
        let hostnames = document.inside(block).any(|entry| entry.name() == "hostnames" && entry.args().is_empty());
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
            if hostnames && !is_name(key) {
                self.reject(entry.head(), format!("`{key}` is no host name, nor a wildcard such as `*.example.com`"));
                continue;
            }
            match keys.get(&key.to_ascii_lowercase()) {
                Some(first) if both_present(*first, entry) => {
                    let message = match key {
                        "default" => "the `map` has two defaults".to_owned(),
                        _ => format!("the key `{key}` stands in the `map` twice; case makes no difference"),
                    };
                    self.add_repeat(*first, entry, message, "remove one of them");
                }
                Some(_) => {}
                None => _ = keys.insert(key.to_ascii_lowercase(), entry),
            }
        }
    }

    /// `ngx_conf_split_clients_block`
    pub(super) fn shares(&mut self, block: Directive<'d>) {
        let entries: Vec<_> = self.document.inside(block).collect();
        for entry in entries.iter().filter(|entry| !entry.has_template() && entry.name() != "*") {
            if !entry.name().strip_suffix('%').is_some_and(is_percent) {
                self.reject_with(
                    entry.head(),
                    format!("`{}` is no share", entry.name()),
                    "write a percentage such as `12.5%`, or `*`",
                );
            }
        }
        let shares = entries.iter().filter_map(|entry| entry.name().strip_suffix('%')?.parse::<f64>().ok());
        if shares.sum::<f64>() > 100.0 && block.control().is_none() && entries.iter().all(|entry| entry.control().is_none()) {
            self.reject(block.head(), "the shares of `split_clients` add up to more than 100%");
        }
    }

    /// `ngx_http_geo_cidr`
    pub(super) fn networks(&mut self, block: Directive<'d>) {
        let document = self.document;
        let ranges = document.inside(block).any(|entry| entry.name() == "ranges");
        for entry in document.inside(block).filter(|entry| !entry.has_template()) {
            let count = entry.args().len();
            let is_alone = matches!(entry.name(), "ranges" | "proxy_recursive") && count == 0;
            if !is_alone && count != 1 || entry.is_block() {
                self.reject(entry.head(), "an entry of a `geo` has a network and one value");
                continue;
            }
            if is_alone {
                continue;
            }
            if ranges && !matches!(entry.name(), "default" | "proxy") {
                let range = if entry.name() == "delete" { entry.arg(0).unwrap_or("") } else { entry.name() };
                let ends = range.split_once('-').map(|(from, to)| (from.parse::<Ipv4Addr>(), to.parse::<Ipv4Addr>()));
                if !matches!(ends, Some((Ok(from), Ok(to))) if from <= to) {
                    self.reject_with(entry.head(), format!("`{range}` is no range"), "write `10.0.0.0-10.255.255.255`");
                }
                continue;
            }
            let network = match entry.name() {
                "default" => continue,
                "proxy" | "delete" => entry.arg(0).unwrap_or(""),
                network => network,
            };
            if Network::parse(network) == Network::Unknown {
                self.reject(entry.head(), format!("`{network}` is no network"));
            }
        }
    }
}

/// A percentage with two digits behind the point at most, and not 0 (`ngx_atofp`).
fn is_percent(text: &str) -> bool {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(part) && part.len() <= 2 && text.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

/// Whether a name is one that a hash of host names takes (`ngx_hash_add_key`): `*` for the first or the last part alone.
pub(super) fn is_name(name: &str) -> bool {
    let bare = name.strip_prefix("*.").filter(|rest| !rest.is_empty());
    let bare = bare.or_else(|| name.strip_suffix(".*").filter(|rest| !rest.is_empty())).unwrap_or(name);
    !bare.contains('*') && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_wildcards_are_read_as_nginx_does() {
        assert!(["50", "0.5", "12.25"].into_iter().all(is_percent));
        assert!(!["0", "0.001", "x", "", "-1"].into_iter().any(is_percent));
        assert!(["a.example", "*.example", "www.*", ".example", ""].into_iter().all(is_name));
        assert!(!["a.*.b", "*.a.*", "a..b", "*", "a*"].into_iter().any(is_name));
    }
}
