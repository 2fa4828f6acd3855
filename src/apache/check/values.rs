//! Values that httpd refuses, directive by directive, as the command functions of its modules do.

use super::super::expr;
use super::super::net::Net;
use super::super::read::{Config, Statement};
use super::super::site::htaccess::OPTIONS;
use super::super::site::proxy::is_parameter;
use super::super::site::rewrite::arguments;
use super::super::words::first;
use crate::finding::Finding;
use crate::pattern::Pattern;

pub(in crate::apache) fn check(config: &Config) -> Vec<Finding> {
    let judge = |statement: Statement<'_>| Some(Finding::rejected(statement.span(), refusal(config, statement)?));
    config.all().filter(|statement| !statement.is_open()).filter_map(judge).collect()
}

/// Directives that take one of a few words.
const WORDS: &[(&str, &[&str])] = &[
    ("ProxyVia", &["off", "on", "full", "block"]),
    ("UseCanonicalName", &["on", "off", "dns"]),
    ("ServerTokens", &["prod", "productonly", "major", "minor", "min", "minimal", "os", "full"]),
    ("ServerSignature", &["on", "off", "email"]),
    ("StrictHostCheck", &["on", "off"]),
    ("HostnameLookups", &["on", "off", "double"]),
    ("ProxyPreserveHost", &["on", "off"]),
];

/// Directives that take one number, and the least one.
const NUMBERS: &[(&str, i64)] = &[("LimitRequestBody", 0)];

/// The same where what is no number counts as 0 (`atoi`).
const LENIENT_NUMBERS: &[(&str, i64)] = &[("LimitRequestFields", 0), ("LimitRequestFieldSize", 0), ("LimitRequestLine", 0)];

/// Why httpd would refuse a statement, where it would.
fn refusal(config: &Config, statement: Statement<'_>) -> Option<String> {
    let name = statement.name();
    if let Some(message) = broken_pattern(statement) {
        return Some(message);
    }
    if statement.is_section() {
        return section(statement);
    }
    let args = statement.args();
    let word = args.first().map_or("", |word| &**word);
    if let Some((_, words)) = WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return (!words.iter().any(|known| known.eq_ignore_ascii_case(word)) && args.len() == 1)
            .then(|| format!("`{name}` is one of {}", words.join(", ")));
    }
    if let Some((_, least)) = NUMBERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        let fits = word.parse::<i64>().is_ok_and(|number| number >= *least);
        return (!fits && args.len() == 1).then(|| format!("`{name}` takes a number that is not less than {least}"));
    }
    if let Some((_, least)) = LENIENT_NUMBERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        let fits = word.parse::<i64>().is_ok_and(|number| number < *least);
        return fits.then(|| format!("`{name}` takes a number that is not less than {least}"));
    }
    match name.to_ascii_lowercase().as_str() {
        "allowmethods" if args.is_empty() => Some("`AllowMethods` names no method".to_owned()),
        "options" => options(&args),
        "allowoverridelist" if args.len() > 1 && args.iter().any(|word| word.eq_ignore_ascii_case("none")) => {
            Some("`AllowOverrideList None` takes nothing beside `None`".to_owned())
        }
        "rewritebase" => (!word.starts_with('/') && args.len() == 1).then(|| "`RewriteBase` is a path of the site".to_owned()),
        "action" if args.len() == 3 && !args[2].eq_ignore_ascii_case("virtual") => {
            Some("`Action` takes `virtual` and nothing else as its third word".to_owned())
        }
        "listen" => listen(&args),
        "servername" if args.len() == 1 => {
            let port = word.rsplit_once(':').map(|(_, port)| port).filter(|port| port.bytes().all(|c| c.is_ascii_digit()))?;
            let fits = port.parse::<u16>().is_ok_and(|port| port > 0);
            (!fits && !port.is_empty()).then(|| format!("`ServerName`: `{port}` is no port"))
        }
        "httpprotocoloptions" => {
            let has = |option: &str| args.iter().any(|word| word.eq_ignore_ascii_case(option));
            (has("allow0.9") && has("require1.0"))
                .then(|| "`HttpProtocolOptions`: `Allow0.9` and `Require1.0` exclude one another".to_owned())
        }
        "allow" | "deny" => {
            let wrong = args.iter().skip(1).find(|range| range.contains('/') && Net::parse(range).is_none());
            wrong.map(|range| format!("`{name}`: `{range}` is no range of addresses"))
        }
        "proxyerroroverride" => proxy_error_override(&args),
        "header" | "requestheader" => header(statement),
        "balancermember" if args.len() == 1 && statement.directive().parent().is_none() => {
            Some("`BalancerMember` names the group and the server outside of `<Proxy>`".to_owned())
        }
        "balancermember" | "proxyset" => {
            let unknown = args
                .iter()
                .find_map(|parameter| parameter.split_once('='))
                .filter(|(key, _)| !key.contains(['/', ':']) && !is_parameter(key));
            let unknown = unknown.map(|(key, _)| format!("`{name}` has no parameter `{key}`"));
            unknown.or_else(|| args.iter().find_map(|parameter| parameter_refusal(config, name, parameter)))
        }
        "proxypass" | "proxypassmatch" => args.iter().skip(1).find_map(|parameter| parameter_refusal(config, name, parameter)),
        "authbasicprovider" if config.modules.are_all_known() => {
            let aliased = || config.all().any(|statement| statement.is("AuthnProviderAlias"));
            let unknown = args.iter().find(|provider| {
                !PROVIDERS.iter().any(|(known, module)| provider.eq_ignore_ascii_case(known) && config.modules.has(module))
            });
            unknown
                .filter(|_| !aliased())
                .map(|provider| format!("`AuthBasicProvider`: no module that is loaded is `{provider}`"))
        }
        _ => None,
    }
}

/// What knows users, and the module that brings it.
const PROVIDERS: &[(&str, &str)] = &[
    ("file", "authn_file"),
    ("dbm", "authn_dbm"),
    ("dbd", "authn_dbd"),
    ("anon", "authn_anon"),
    ("ldap", "authnz_ldap"),
    ("socache", "authn_socache"),
];

fn section(statement: Statement<'_>) -> Option<String> {
    let name = statement.name();
    let containers = ["RequireAll", "RequireAny", "RequireNone"];
    if containers.iter().any(|known| statement.is(known)) && !statement.args().is_empty() {
        return Some(format!("`<{name}>` takes no arguments"));
    }
    if statement.is("VirtualHost") {
        let args = statement.args();
        let port = |address: &str| address.rsplit_once(':').map(|(_, port)| port.to_owned());
        let wrong = args
            .iter()
            .filter_map(|address| port(address))
            .find(|port| !port.is_empty() && port.bytes().all(|c| c.is_ascii_digit()) && port.parse::<u16>().is_err());
        return wrong.map(|port| format!("`<VirtualHost>`: `{port}` is no port"));
    }
    None
}

/// A regular expression that PCRE does not compile.
fn broken_pattern(statement: Statement<'_>) -> Option<String> {
    let name = statement.name().to_ascii_lowercase();
    let args = statement.args();
    let at = |index: usize| args.get(index).map(|word| &**word);
    // mod_rewrite cuts words in its own way.
    let rewrite = name.starts_with("rewrite").then(|| arguments(&statement.raw())).flatten();
    let source = match name.as_str() {
        "locationmatch" | "directorymatch" | "filesmatch" | "proxymatch" if statement.is_section() => at(0),
        "location" | "directory" | "files" | "proxy" if statement.is_section() && at(0) == Some("~") => at(1),
        "rewriterule" => rewrite.as_ref().map(|(pattern, ..)| pattern.strip_prefix('!').unwrap_or(pattern)),
        "rewritecond" => {
            let (_, pattern, _) = rewrite.as_ref().filter(|(test, ..)| !test.eq_ignore_ascii_case("expr"))?;
            let pattern = pattern.strip_prefix('!').unwrap_or(pattern);
            Some(pattern).filter(|pattern| !pattern.starts_with(['-', '<', '>', '=']))
        }
        "aliasmatch" | "scriptaliasmatch" | "proxypassmatch" => at(0),
        "redirectmatch" => {
            let has_status = at(0).is_some_and(|word| {
                word.parse::<u16>().is_ok()
                    || ["permanent", "temp", "seeother", "gone"].iter().any(|known| word.eq_ignore_ascii_case(known))
            });
            at(usize::from(has_status))
        }
        "setenvif" | "setenvifnocase" => at(1),
        "browsermatch" | "browsermatchnocase" => at(0),
        // Those of packaged rules are known to be right.
        "secrule" if !statement.directive().tree.source.path.starts_with("/usr/share") => {
            let operator = at(1).map(|operator| operator.strip_prefix('!').unwrap_or(operator));
            operator
                .map(|operator| operator.strip_prefix("@rx ").unwrap_or(operator))
                .filter(|pattern| !pattern.starts_with('@') && !pattern.contains("%{"))
        }
        _ => None,
    }?;
    Pattern::new(source, false)
        .is_refused()
        .then(|| format!("`{}`: the regular expression `{source}` cannot be compiled", statement.name()))
}

/// `Options`: all words with a sign or none, and only known ones (`set_options` in `server/core.c`).
fn options(args: &[std::borrow::Cow<'_, str>]) -> Option<String> {
    let has_sign = |word: &str| word.starts_with(['+', '-']);
    let whole = |word: &str| word.eq_ignore_ascii_case("all") || word.eq_ignore_ascii_case("none");
    for (index, word) in args.iter().enumerate() {
        let bare = word.trim_start_matches(['+', '-']);
        if !OPTIONS.iter().any(|known| known.eq_ignore_ascii_case(bare)) {
            return Some(format!("`Options` has no option `{word}`"));
        }
        if index > 0 && has_sign(word) != has_sign(&args[0]) && !whole(&args[0]) {
            return Some("`Options` has a sign before each word or before none".to_owned());
        }
        if index > 0 && !has_sign(word) && whole(word) {
            return Some(format!("`Options`: `{word}` stands alone or first"));
        }
    }
    None
}

fn listen(args: &[std::borrow::Cow<'_, str>]) -> Option<String> {
    let Some(address) = args.first().filter(|_| args.len() <= 2) else {
        return Some("`Listen` takes an address, and perhaps a protocol".to_owned());
    };
    let port = match address.parse::<u64>() {
        Ok(port) => Some(port),
        Err(_) => address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()),
    };
    match port {
        Some(1..=65535) => None,
        Some(port) => Some(format!("`Listen`: {port} is no port")),
        None => Some(format!("`Listen {address}` names no port")),
    }
}

fn proxy_error_override(args: &[std::borrow::Cow<'_, str>]) -> Option<String> {
    let (first, statuses) = args.split_first()?;
    if !first.eq_ignore_ascii_case("on") && !first.eq_ignore_ascii_case("off") {
        return Some("`ProxyErrorOverride` is `On` or `Off`".to_owned());
    }
    let wrong = statuses.iter().find(|status| !status.parse::<u16>().is_ok_and(|status| (400..600).contains(&status)))?;
    Some(format!("`ProxyErrorOverride`: `{wrong}` is no status of an error"))
}

/// `Header [always] action name [value [replacement]] [early|env=…|expr=…]` (`header_inout_cmd`).
fn header(statement: Statement<'_>) -> Option<String> {
    let name = statement.name();
    let raw = statement.raw();
    let (word, rest) = first(&raw);
    let has_table = statement.is("Header") && (word.eq_ignore_ascii_case("always") || word.eq_ignore_ascii_case("onsuccess"));
    let (action, rest) = if has_table { first(rest) } else { (word, rest) };
    let action = action.to_ascii_lowercase();
    let values = match action.as_str() {
        "set" | "setifempty" | "append" | "merge" | "add" | "note" => 1,
        "edit" | "edit*" => 2,
        "unset" | "echo" => 0,
        _ => return Some(format!("`{name}` has no action `{action}`")),
    };
    let (_, mut rest) = first(rest);
    for _ in 0..values {
        if rest.is_empty() {
            return Some(format!("`{name} {action}` lacks a value"));
        }
        rest = first(rest).1;
    }
    let (condition, _) = first(rest);
    let is_condition = condition.is_empty()
        || condition.eq_ignore_ascii_case("early")
        || ["env=", "expr="].iter().any(|start| condition.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start)));
    if !is_condition {
        return Some(format!("`{name} {action}`: `{condition}` is no condition such as `env=NAME`"));
    }
    let error = condition.strip_prefix("expr=").and_then(|source| expr::parse(source).err())?;
    Some(format!("`{name}`: {}", error.message))
}

/// `key=value` of a worker or a balancer (`set_worker_param`, `set_balancer_param` in `modules/proxy/mod_proxy.c`).
fn parameter_refusal(config: &Config, directive: &str, parameter: &str) -> Option<String> {
    let (key, value) = parameter.split_once('=')?;
    let number = || value.parse::<i64>().ok();
    let is_switch = || value.eq_ignore_ascii_case("on") || value.eq_ignore_ascii_case("off");
    let fits = match key.to_ascii_lowercase().as_str() {
        "loadfactor" => value.parse::<f64>().is_ok_and(|factor| (1.0..=100.0).contains(&factor)),
        "retry" => number().is_some_and(|number| number >= 0) || has_unit(value),
        "ttl" | "timeout" => number().is_some_and(|number| number >= 1) || has_unit(value),
        "min" | "max" | "smax" | "maxattempts" => number().is_some_and(|number| number >= 0),
        "keepalive" | "disablereuse" | "enablereuse" | "nofailover" | "scolonpathdelim" | "failontimeout" | "forcerecovery" => {
            is_switch()
        }
        "flushpackets" => is_switch() || value.eq_ignore_ascii_case("auto"),
        "lbset" => number().is_some_and(|number| (0..=99).contains(&number)),
        "status" => value.chars().all(|sign| "+-DSNIHECRdsnihecr".contains(sign)),
        "growth" => number().is_some_and(|number| (1..=100).contains(&number)),
        "lbmethod" => !config.modules.are_all_known() || config.modules.has(&format!("lbmethod_{value}")),
        "nocanon" | "interpolate" | "noquery" => false,
        _ => true,
    };
    (!fits).then(|| format!("`{directive}`: `{parameter}` is no parameter that httpd takes"))
}

/// Whether a time has a unit after its number.
fn has_unit(value: &str) -> bool {
    let unit = value.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < value.len() && ["ms", "s", "mi", "min", "h", "d"].contains(&unit)
}
