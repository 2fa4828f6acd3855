//! Values that speak of something that the config defines elsewhere, such as zones and log formats, and a few others that have
//! readers of their own.

use super::Checker;
use super::structure::Level;
use super::types::is_time;
use crate::nginx::site::size;
use crate::syntax::Directive;

/// `ngx_log.c`
pub(super) const LOG_LEVELS: &[&str] = &[
    "emerg",
    "alert",
    "crit",
    "error",
    "warn",
    "notice",
    "info",
    "debug",
    "debug_core",
    "debug_alloc",
    "debug_mutex",
    "debug_event",
    "debug_http",
    "debug_mail",
    "debug_stream",
];

/// What a zone of limits needs at least, in bytes: eight pages.
const SMALLEST_ZONE: u64 = 8 * 4096;

impl<'d> Checker<'d> {
    /// Whether all of the config is here, so that what nothing defines is not defined. An `http` block without `events` beside it
    /// is an example of something.
    pub(super) fn is_complete(&self) -> bool {
        let whole = self.place == crate::nginx::site::Place::Main && !self.is_template && !self.has_modules;
        let runs = || self.document.trees.iter().flat_map(|tree| tree.statements()).any(|one| one.name() == "events");
        whole && runs() && !self.document.findings.iter().any(|finding| finding.rule == "include-missing")
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
            "proxy_cache" if level.context != "stream-server" => {
                let zone = statement.arg(0).unwrap_or("");
                if zone != "off" && !zone.contains('$') {
                    self.known_zone(statement, zone, "proxy_cache_path");
                }
            }
            "proxy_cache_valid" if !statement.values().last().is_some_and(|time| is_time(time, false)) => {
                self.reject(statement.head(), "the last argument of `proxy_cache_valid` is no time");
            }
            _ => {}
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

    /// `ngx_http_proxy_redirect`: `default` speaks of the `proxy_pass` above it.
    pub(super) fn default_redirect(&mut self, level: Level<'d>, statement: Directive<'d>) {
        let Some(block) = level.block else { return };
        let above = self.document.inside(block).take_while(|one| one.head() != statement.head());
        match above.into_iter().find(|one| one.name() == "proxy_pass").and_then(|pass| pass.arg(0)) {
            None => self.reject(statement.head(), "`proxy_redirect default` must stand below the `proxy_pass` that it speaks of"),
            Some(url) if url.contains('$') => {
                self.reject(statement.head(), "`proxy_redirect default` does not go with a `proxy_pass` with variables");
            }
            Some(_) => {}
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

    /// `ngx_http_headers_expires`
    pub(super) fn expires(&mut self, statement: Directive<'d>) {
        let value = match (statement.arg(0), statement.arg(1)) {
            (Some("modified"), Some(value)) => value,
            (Some(value), None) => value,
            _ => return,
        };
        let time = value.trim_start_matches(['+', '-']);
        let valid = match value.strip_prefix('@') {
            _ if value.contains('$') => true,
            Some(daily) => is_time(daily, false) && hours(daily) < 24,
            None => matches!(value, "epoch" | "max" | "off") || is_time(time, false),
        };
        if !valid {
            self.reject(statement.head(), format!("`expires` takes no value `{value}`"));
        }
    }

    /// `ngx_http_fastcgi_split_path_info`
    pub(super) fn split_path(&mut self, statement: Directive<'d>) {
        let Some(source) = statement.arg(0) else { return };
        self.regex(statement, source);
        if count_groups(source) != 2 {
            let message = "the regex of `fastcgi_split_path_info` must have two groups";
            self.reject_with(statement.head(), message, "one for the script's name, one for what follows it");
        }
    }

    /// `ngx_http_referer_merge_conf`
    pub(super) fn referers(&mut self, level: Level<'d>, statement: Directive<'d>) {
        for regex in statement.values().filter_map(|value| value.strip_prefix('~')) {
            self.regex(statement, regex);
        }
        let Some(block) = level.block.filter(|_| !self.is_template) else { return };
        let all = self.document.inside(block).filter(|one| one.name() == "valid_referers");
        let values: Vec<&str> = all.flat_map(|one| one.values().collect::<Vec<_>>()).collect();
        let opens = values.iter().any(|value| matches!(*value, "none" | "blocked"));
        let names = values.iter().any(|value| !matches!(*value, "none" | "blocked") && !value.starts_with('~'));
        if opens && !names {
            let message = "`none` and `blocked` need a name beside them";
            self.reject_with(statement.head(), message, "add `server_names` or a host");
        }
    }
}

/// The zone or the format that a directive defines.
fn defined_by<'d>(statement: Directive<'d>) -> Option<&'d str> {
    let parameter = match statement.name() {
        "log_format" => return statement.arg(0),
        "limit_req_zone" | "limit_conn_zone" => "zone=",
        "proxy_cache_path" => "keys_zone=",
        _ => return None,
    };
    let zone = statement.values().find_map(|value| value.strip_prefix(parameter))?;
    zone.split(':').next()
}

/// How many groups of a regex have a number.
fn count_groups(source: &str) -> usize {
    let bytes = source.as_bytes();
    let (mut at, mut groups, mut in_class) = (0, 0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'[' if !in_class => {
                in_class = true;
                // A bracket that comes first is a member.
                at += usize::from(bytes.get(at + 1) == Some(&b'^'));
                at += usize::from(bytes.get(at + 1) == Some(&b']'));
            }
            b']' => in_class = false,
            b'(' if !in_class => {
                let rest = &source[at + 1..];
                let is_named = ["?<", "?P<", "?'"].iter().any(|opening| rest.starts_with(opening));
                let looks_behind = rest.starts_with("?<=") || rest.starts_with("?<!");
                groups += usize::from(!rest.starts_with(['?', '*']) || is_named && !looks_behind);
            }
            _ => {}
        }
        at += 1;
    }
    groups
}

/// The whole hours of a time.
fn hours(time: &str) -> u64 {
    let mut total = 0;
    let mut rest = time;
    while let Some(digits) = Some(rest.bytes().take_while(u8::is_ascii_digit).count()).filter(|digits| *digits > 0) {
        let number: u64 = rest[..digits].parse().unwrap_or(u64::from(u32::MAX));
        let unit = rest.as_bytes().get(digits);
        let seconds = match unit {
            Some(b'd') => 86_400,
            Some(b'h') => 3_600,
            Some(b'm') => 60,
            Some(b'w' | b'M' | b'y') => 604_800,
            _ => 1,
        };
        total += number.saturating_mul(seconds);
        rest = rest[digits..].trim_start_matches(|sign: char| sign.is_ascii_alphabetic() || sign == ' ');
    }
    total / 3_600
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_hours_are_counted() {
        for (source, groups) in [("^(.+)$", 1), (r"^(.+\.php)(/.*)$", 2), (r"(?:a)\((?<x>[(]b)", 1), ("[]()](a)(?<=b)(c)", 2)] {
            assert_eq!(count_groups(source), groups, "{source}");
        }
        assert_eq!([hours("25h"), hours("1d"), hours("90m"), hours("30")], [25, 24, 1, 0]);
    }
}
