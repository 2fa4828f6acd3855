//! Values that have a reader of their own in nginx.

use super::Checker;
use super::structure::Level;
use super::types::{DAY, duration};
use crate::pattern::Pattern;
use crate::syntax::Directive;

impl<'d> Checker<'d> {
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
            Some(daily) => duration(daily, false).is_some_and(|time| time <= DAY),
            None => matches!(value, "epoch" | "max" | "off") || duration(time, false).is_some(),
        };
        if !valid {
            self.reject(statement.head(), format!("`expires` takes no value `{value}`"));
        }
    }

    /// `ngx_http_fastcgi_split_path_info`
    pub(super) fn split_path(&mut self, statement: Directive<'d>) {
        let Some(source) = statement.arg(0) else { return };
        self.regex(statement, source);
        if Pattern::new(source, false).group_count().is_some_and(|groups| groups != 2) {
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
