//! Values that speak of something that the config defines elsewhere: zones and log formats.

use super::Checker;
use super::structure::Level;
use super::types::is_time;
use crate::nginx::site::{Place, size};
use crate::syntax::Directive;

/// What a zone of limits needs at least, in bytes: eight pages.
const SMALLEST_ZONE: u64 = 8 * 4096;

/// What the keys of a cache need at least: two pages.
const SMALLEST_KEYS: u64 = 2 * 4096;

impl<'d> Checker<'d> {
    /// Whether all of the config is here, so that what nothing defines is not defined. An `http` block without `events` beside it
    /// is an example of something.
    pub(super) fn is_complete(&self) -> bool {
        *self.complete.get_or_init(|| {
            let whole = self.place == Place::Main && !self.is_template && !self.has_modules;
            let runs = || self.document.trees.iter().flat_map(|tree| tree.statements()).any(|one| one.name() == "events");
            whole && runs() && !self.document.findings.iter().any(|finding| finding.rule == "include-missing")
        })
    }

    /// Whether a directive such as `limit_req_zone` defines the name of a zone or a format.
    fn defines(&self, directive: &'static str, name: &str) -> bool {
        let names = self.defined.get_or_init(|| {
            let all = self.document.trees.iter().flat_map(|tree| tree.all());
            all.filter_map(|one| Some((one.name(), defined_by(one)?))).collect()
        });
        names.contains(&(directive, name))
    }

    pub(super) fn zones(&mut self, level: Level<'d>, statement: Directive<'d>) {
        match statement.name() {
            "limit_req_zone" | "limit_conn_zone" => self.limit_zone(statement),
            "limit_req" => self.limit_req(statement),
            "limit_conn" => {
                let zone = statement.arg(0).unwrap_or("");
                if !matches!(statement.arg(1).map(str::parse), Some(Ok(1..=65_535u32))) {
                    self.reject(statement.head(), "`limit_conn` takes a number from 1 to 65535");
                }
                self.known_zone(statement, zone, "limit_conn_zone");
            }
            "proxy_cache" if level.context != "stream-server" => self.cache_zone(statement, "proxy_cache_path"),
            "fastcgi_cache" => self.cache_zone(statement, "fastcgi_cache_path"),
            "scgi_cache" => self.cache_zone(statement, "scgi_cache_path"),
            "uwsgi_cache" => self.cache_zone(statement, "uwsgi_cache_path"),
            "proxy_cache_path" | "fastcgi_cache_path" | "scgi_cache_path" | "uwsgi_cache_path" => self.cache_path(statement),
            "proxy_cache_valid" if !statement.values().last().is_some_and(|time| is_time(time, false)) => {
                self.reject(statement.head(), "the last argument of `proxy_cache_valid` is no time");
            }
            _ => {}
        }
    }

    /// Each protocol has caches of its own.
    fn cache_zone(&mut self, statement: Directive<'d>, directive: &'static str) {
        let zone = statement.arg(0).unwrap_or("");
        if zone != "off" && !zone.contains('$') {
            self.known_zone(statement, zone, directive);
        }
    }

    /// `ngx_http_file_cache_set_slot`
    fn cache_path(&mut self, statement: Directive<'d>) {
        let parameter = |name: &str| statement.values().find_map(|value| value.strip_prefix(name));
        let keys = parameter("keys_zone=");
        if keys
            .is_some_and(|zone| zone.split_once(':').and_then(|(_, bytes)| size(bytes)).is_none_or(|bytes| bytes < SMALLEST_KEYS))
        {
            return self.reject_with(statement.head(), "the `keys_zone` has no valid size", "write `keys_zone=name:10m`");
        }
        let is_level = |level: &str| matches!(level, "1" | "2");
        if parameter("levels=").is_some_and(|levels| levels.split(':').count() > 3 || !levels.split(':').all(is_level)) {
            self.reject_with(statement.head(), "`levels` are up to three numbers, 1 or 2", "write `levels=1:2`");
        }
    }

    fn known_zone(&mut self, statement: Directive<'d>, zone: &str, directive: &'static str) {
        if self.is_complete() && !self.defines(directive, zone) {
            let message = format!("no `{directive}` defines the zone `{zone}`");
            self.reject_with(statement.head(), message, format!("define it with `{directive}` in `http`"));
        }
    }

    /// `ngx_http_limit_req_zone`, `ngx_http_limit_conn_zone`
    fn limit_zone(&mut self, statement: Directive<'d>) {
        let name = statement.name();
        let Some(zone) = statement.values().find_map(|value| value.strip_prefix("zone=")) else {
            return self.reject(statement.head(), format!("`{name}` has no `zone=`"));
        };
        if zone.split_once(':').and_then(|(_, bytes)| size(bytes)).is_none_or(|bytes| bytes < SMALLEST_ZONE) {
            return self.reject_with(statement.head(), format!("`zone={zone}` has no valid size"), "write `zone=name:1m`");
        }
        let rates = statement.values().filter_map(|value| value.strip_prefix("rate="));
        let is_rate = |rate: &str| {
            let number = rate.strip_suffix("r/s").or_else(|| rate.strip_suffix("r/m")).unwrap_or(rate);
            number.parse::<u32>().is_ok_and(|rate| rate > 0)
        };
        if rates.into_iter().any(|rate| !is_rate(rate)) {
            self.reject_with(
                statement.head(),
                "the rate is no number of requests in a time",
                "write `rate=10r/s` or `rate=30r/m`",
            );
        }
    }

    fn limit_req(&mut self, statement: Directive<'d>) {
        let number = |text: &str| text.parse::<u32>().is_ok_and(|number| number > 0);
        let mut zone = None;
        for value in statement.values() {
            let valid = match value.split_once('=') {
                Some(("zone", name)) => {
                    zone = Some(name);
                    true
                }
                Some(("burst" | "delay", text)) => number(text),
                _ => value == "nodelay",
            };
            if !valid {
                return self.reject(statement.head(), format!("`limit_req` takes no parameter `{value}`"));
            }
        }
        match zone {
            Some(zone) => self.known_zone(statement, zone, "limit_req_zone"),
            None => self.reject(statement.head(), "`limit_req` has no `zone=`"),
        }
    }

    pub(super) fn logs(&mut self, level: Level<'d>, statement: Directive<'d>) {
        if level.context.starts_with("stream") {
            return;
        }
        let format = match statement.name() {
            "log_format" if statement.arg(0) == Some("combined") => {
                return self.reject(statement.head(), "`combined` is nginx's own log format");
            }
            "access_log" => statement.arg(1).unwrap_or("combined"),
            _ => return,
        };
        let is_parameter = format.contains('=') || format == "combined" || statement.arg(0) == Some("off");
        if !is_parameter && self.is_complete() && !self.defines("log_format", format) {
            let message = format!("no `log_format` defines the format `{format}`");
            self.reject_with(statement.head(), message, "define it with `log_format` in `http`");
        }
    }
}

/// The zone or the format that a directive defines.
fn defined_by<'d>(statement: Directive<'d>) -> Option<&'d str> {
    let parameter = match statement.name() {
        "log_format" => return statement.arg(0),
        "limit_req_zone" | "limit_conn_zone" => "zone=",
        "proxy_cache_path" | "fastcgi_cache_path" | "scgi_cache_path" | "uwsgi_cache_path" => "keys_zone=",
        _ => return None,
    };
    let zone = statement.values().find_map(|value| value.strip_prefix(parameter))?;
    zone.split(':').next()
}
