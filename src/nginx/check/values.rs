//! The values of the directives that bear on methods, as their own readers in nginx check them.

use super::Checker;
use super::structure::Level;
use super::types::is_time;
use crate::finding::{Finding, Severity};
use crate::nginx::site::{LISTABLE, Network};
use crate::pattern::Pattern;
use crate::syntax::Directive;

/// Variables of nginx that no `set` and no `map` may define (`NGX_HTTP_VAR_CHANGEABLE` is not among their flags).
const FIXED: &[&str] = &[
    "request_method",
    "uri",
    "document_uri",
    "request_uri",
    "host",
    "scheme",
    "server_name",
    "server_port",
    "server_addr",
    "remote_addr",
    "remote_port",
    "remote_user",
    "request",
    "request_filename",
    "document_root",
    "content_length",
    "content_type",
    "query_string",
    "is_args",
    "status",
    "server_protocol",
    "http_host",
    "http_user_agent",
    "http_referer",
    "http_cookie",
    "http_via",
    "http_x_forwarded_for",
    "https",
    "hostname",
    "pid",
    "msec",
    "time_local",
    "time_iso8601",
    "request_id",
    "request_time",
    "request_length",
    "request_body",
    "connection",
    "nginx_version",
    "bytes_sent",
    "body_bytes_sent",
    "binary_remote_addr",
];

/// `ngx_log.c`
const LOG_LEVELS: &[&str] = &[
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

impl<'d> Checker<'d> {
    pub(super) fn values(&mut self, level: Level<'d>, statement: Directive<'d>) {
        if statement.has_template() {
            return;
        }
        match statement.name() {
            "limit_except" => self.listed_methods(statement),
            "if" => self.condition(statement),
            "return" => self.return_code(statement),
            "rewrite" => self.rewrite(statement),
            "set" => self.defined_variable(statement, 0),
            "map" | "split_clients" => self.defined_variable(statement, 1),
            "geo" => self.defined_variable(statement, statement.args().len().saturating_sub(1)),
            "proxy_pass" if level.context != "stream-server" => self.proxy_pass(level, statement),
            "fastcgi_pass" | "uwsgi_pass" | "scgi_pass" | "grpc_pass" | "memcached_pass" => self.other_pass(statement),
            "alias" if level.location.and_then(|location| location.arg(0)).is_some_and(|name| name.starts_with('@')) => {
                self.reject_with(statement.head(), "`alias` cannot be used in a named location", "use `root`");
            }
            "add_header" if statement.arg(2).is_some_and(|value| value != "always") => {
                let message = "the third argument of `add_header` can only be `always`";
                self.reject_with(statement.head(), message, "quote the value");
            }
            "server_name" if level.context == "server" => self.server_names(level, statement),
            "fastcgi_split_path_info" => self.split_path(statement),
            "fastcgi_param" | "uwsgi_param" | "scgi_param" if statement.arg(2).is_some_and(|value| value != "if_not_empty") => {
                self.reject(statement.head(), "the third argument can only be `if_not_empty`");
            }
            "valid_referers" => self.referers(level, statement),
            "limit_req" | "limit_conn" | "limit_req_zone" | "limit_conn_zone" | "proxy_cache" | "fastcgi_cache"
            | "scgi_cache" | "uwsgi_cache" | "proxy_cache_valid" | "proxy_cache_path" | "fastcgi_cache_path"
            | "scgi_cache_path" | "uwsgi_cache_path" => {
                self.zones(level, statement);
            }
            "proxy_redirect" if statement.arg(0) == Some("default") => self.default_redirect(level, statement),
            "access_log" | "log_format" => self.logs(level, statement),
            "error_log" if statement.arg(1).is_some_and(|level| !LOG_LEVELS.contains(&level)) => {
                self.reject_with(
                    statement.head(),
                    "this is no level of `error_log`",
                    format!("it takes {}", LOG_LEVELS.join(", ")),
                );
            }
            "expires" => self.expires(statement),
            "keepalive"
                if level.context == "upstream"
                    && !statement.arg(0).is_some_and(|value| value.parse().is_ok_and(|count: u32| count > 0)) =>
            {
                self.reject(statement.head(), "`keepalive` takes a number above 0");
            }
            "gzip_comp_level" if statement.arg(0).is_some_and(|value| !matches!(value.parse(), Ok(1..=9))) => {
                self.reject(statement.head(), "`gzip_comp_level` is 1 to 9");
            }
            "resolver" => {
                for value in statement.values().filter_map(|value| value.strip_prefix("valid=")) {
                    if !is_time(value, false) {
                        self.reject(statement.head(), format!("`valid={value}` is no time"));
                    }
                }
            }
            "error_page" => self.error_page(statement),
            "allow" | "deny" => self.address(statement),
            "limit_req_status" | "limit_conn_status" if !statement.arg(0).is_some_and(is_error_code) => {
                self.reject(statement.head(), format!("`{}` must be between 400 and 599", statement.name()));
            }
            "try_files" => {
                let last = statement.values().last().and_then(|last| last.strip_prefix('='));
                if last.is_some_and(|code| code.parse().is_ok_and(|code: u16| code <= 999)) != last.is_some() {
                    self.reject(statement.head(), "the code of `try_files` is no number up to 999");
                }
            }
            _ => {}
        }
    }

    /// `ngx_http_core_limit_except`
    fn listed_methods(&mut self, statement: Directive<'d>) {
        for (word, value) in statement.args().iter().zip(statement.values()) {
            if LISTABLE.iter().any(|known| known.eq_ignore_ascii_case(value)) {
                continue;
            }
            let help = match value {
                _ if value.contains([',', '|']) => "separate the methods by blanks",
                "TRACE" | "CONNECT" => "nginx refuses this method by itself; leave it out",
                _ => "nginx knows GET HEAD POST PUT DELETE MKCOL COPY MOVE OPTIONS PROPFIND PROPPATCH LOCK UNLOCK PATCH here",
            };
            self.reject_with(statement.tree.span(word), format!("`limit_except` takes no method `{value}`"), help);
        }
    }

    /// `ngx_http_rewrite_if_condition`
    fn condition(&mut self, statement: Directive<'d>) {
        let words: Vec<&str> = statement.values().collect();
        let (Some(first), Some(last)) = (words.first(), words.last()) else { return };
        let invalid = |checker: &mut Self, help: &str| {
            checker.reject_with(statement.head(), "the condition of this `if` is invalid", help);
        };
        let (Some(_), Some(_)) = (first.strip_prefix('('), last.strip_suffix(')')) else {
            return invalid(self, "put the condition in parentheses, and a regex with `{` in quotes");
        };
        let mut words = words;
        words[0] = &words[0][1..];
        if words[0].is_empty() {
            words.remove(0);
        }
        let end = words.len() - 1;
        words[end] = words[end].strip_suffix(')').unwrap_or(words[end]);
        if words[end].is_empty() {
            words.pop();
        }
        let joined = words.iter().any(|word| matches!(*word, "&&" | "||" | "and" | "or"));
        let help = if joined {
            "nginx knows no `&&` and no `||`: use a `map`, or set a variable in several `if`s"
        } else {
            "write `$variable`, `$variable = text`, `$variable ~ regex` or `-f path`, with blanks around the operator"
        };
        match words[..] {
            [variable] if variable.len() > 1 && variable.starts_with('$') => {}
            [variable, operator, _] if variable.len() > 1 && variable.starts_with('$') => match operator {
                "=" | "!=" => {}
                "~" | "!~" | "~*" | "!~*" => self.regex(statement, words[2]),
                _ => invalid(self, help),
            },
            [test, _] if matches!(test.strip_prefix('!').unwrap_or(test), "-f" | "-d" | "-e" | "-x") => {}
            _ => invalid(self, help),
        }
    }

    pub(super) fn regex(&mut self, statement: Directive<'d>, source: &str) {
        if Pattern::new(source, false).is_refused() {
            self.reject(statement.head(), format!("the regex `{source}` does not compile"));
        }
    }

    /// `ngx_http_rewrite_return`
    fn return_code(&mut self, statement: Directive<'d>) {
        let Some(code) = statement.arg(0) else { return };
        let is_url = ["http://", "https://", "$scheme"].iter().any(|start| code.starts_with(start));
        match code.parse::<u32>() {
            Ok(code) if code > 999 => self.reject(statement.head(), format!("`return` takes no code above 999, such as {code}")),
            Ok(_) => {}
            Err(_) if is_url && statement.args().len() == 1 => {}
            Err(_) => self.reject(statement.head(), format!("`{code}` is no code that `return` takes")),
        }
        if code == "444" && statement.args().len() == 2 {
            self.remark(
                "refusal-status",
                Severity::Warning,
                statement.head(),
                "`return 444` with a text sends the status 444 instead of closing the connection",
                "leave the text out",
            );
        }
    }

    fn rewrite(&mut self, statement: Directive<'d>) {
        if let Some(flag) = statement.arg(2)
            && !matches!(flag, "last" | "break" | "redirect" | "permanent")
        {
            self.reject_with(
                statement.head(),
                format!("`rewrite` knows no flag `{flag}`"),
                "use last, break, redirect or permanent",
            );
        }
        if let Some(source) = statement.arg(0) {
            self.regex(statement, source);
        }
        if statement.arg(1) == Some("") {
            self.reject(statement.head(), "`rewrite` needs a new URI");
        }
    }

    fn defined_variable(&mut self, statement: Directive<'d>, index: usize) {
        let Some(word) = statement.arg(index) else { return };
        let Some(name) = word.strip_prefix('$').filter(|name| !name.is_empty()) else {
            return self.reject_with(statement.head(), format!("`{word}` is no name of a variable"), "start it with `$`");
        };
        if FIXED.contains(&&*name.to_ascii_lowercase()) {
            let message = format!("`${name}` is nginx's own variable and cannot be set");
            self.reject_with(statement.head(), message, "choose another name");
        }
    }

    /// `ngx_http_proxy_pass`
    fn proxy_pass(&mut self, level: Level<'d>, statement: Directive<'d>) {
        let Some(url) = statement.arg(0) else { return };
        if url.contains('$') {
            return;
        }
        let lower = url.to_ascii_lowercase();
        let Some(rest) = lower.strip_prefix("http://").or_else(|| lower.strip_prefix("https://")) else {
            return self.reject_with(
                statement.head(),
                "the URL of `proxy_pass` has no scheme",
                "start it with `http://` or `https://`",
            );
        };
        self.pass_address(statement, &rest[..rest.find(['/', '?']).unwrap_or(rest.len())], false);
        let has_uri = match rest.strip_prefix("unix:") {
            Some(socket) => socket.contains(':'),
            None => rest.contains('/'),
        };
        let place = match level.context {
            "if-in-location" => Some("in an `if`"),
            "limit_except" => Some("in `limit_except`"),
            _ => level.location.and_then(without_uri),
        };
        if let (true, Some(place)) = (has_uri, place) {
            let message = format!("`proxy_pass` may have no URI part {place}");
            self.reject_with(statement.head(), message, "leave out what follows the host and port, the slash too");
        }
    }

    /// Only `proxy_pass` takes a URL of HTTP.
    fn other_pass(&mut self, statement: Directive<'d>) {
        let address = statement.arg(0).unwrap_or("");
        if address.starts_with("http://") || address.starts_with("https://") {
            let message = format!("`{}` takes no URL of HTTP", statement.name());
            self.reject_with(statement.head(), message, "leave the scheme out, or use `proxy_pass`");
            return;
        }
        let bare = ["grpc://", "grpcs://", "uwsgi://", "suwsgi://"].iter().find_map(|scheme| address.strip_prefix(scheme));
        let needs_port = statement.name() != "grpc_pass";
        self.pass_address(statement, bare.unwrap_or(address), needs_port);
    }

    /// `ngx_http_core_error_page`
    fn error_page(&mut self, statement: Directive<'d>) {
        let values: Vec<&str> = statement.values().collect();
        let Some((_, codes)) = values.split_last() else { return };
        let (equals, codes) = match codes.split_last() {
            Some((last, rest)) if last.starts_with('=') => (Some(&last[1..]), rest),
            _ => (None, codes),
        };
        if equals.is_some_and(|code| !code.is_empty() && code.parse::<u32>().is_err()) || codes.is_empty() {
            return self.reject(statement.head(), "the code after `=` is no number");
        }
        for code in codes {
            match code.parse::<u32>() {
                Ok(499) | Err(_) => self.reject(statement.head(), format!("`error_page` takes no code `{code}`")),
                Ok(300..=599) => {}
                Ok(_) => self.reject(statement.head(), "a code of `error_page` must be between 300 and 599"),
            }
        }
    }

    fn address(&mut self, statement: Directive<'d>) {
        let Some(address) = statement.arg(0) else { return };
        if Network::parse(address) == Network::Unknown {
            let finding = Finding::rejected(statement.head(), format!("`{address}` is no address"));
            self.add(finding.help("write an address, a network such as 10.0.0.0/8, `unix:` or `all`"));
        }
    }
}

fn is_error_code(text: &str) -> bool {
    text.parse().is_ok_and(|code: u16| (400..=599).contains(&code))
}

/// Why `proxy_pass` may have no URI part in a location.
fn without_uri(location: Directive<'_>) -> Option<&'static str> {
    let first = location.arg(0)?;
    if first.starts_with('~') {
        return Some("in a location with a regex");
    }
    first.starts_with('@').then_some("in a named location")
}
