//! Values that httpd refuses, directive by directive, as the command functions of its modules do.

use std::borrow::Cow;

use super::super::expr;
use super::super::net::Net;
use super::super::read::{Config, Modules, Statement};
use super::super::site::htaccess::OPTIONS;
use super::super::site::proxy::is_parameter;
use super::super::words::first;
use super::patterns;
use crate::finding::Finding;
use crate::pattern::Patterns;

pub(in crate::apache) fn check(config: &Config) -> Vec<Finding> {
    let known = Known::of(config);
    let judge = |statement: Statement<'_>| Some(Finding::rejected(statement.span(), refusal(&known, statement)?));
    config.all().filter(|statement| !statement.is_open()).filter_map(judge).collect()
}

/// What the modules that are loaded bring, where all of them are known.
struct Known<'c> {
    modules: Option<&'c Modules>,
    /// What knows users.
    providers: Option<Vec<&'static str>>,
    /// The regular expressions of the config.
    patterns: Patterns,
}

impl<'c> Known<'c> {
    fn of(config: &'c Config) -> Self {
        let modules = Some(&config.modules).filter(|modules| modules.are_all_known());
        let own_names = || config.all().any(|statement| statement.is("AuthnProviderAlias"));
        let loaded =
            |modules: &Modules| PROVIDERS.iter().filter(|(_, module)| modules.has(module)).map(|(name, _)| *name).collect();
        Known { modules, providers: modules.filter(|_| !own_names()).map(loaded), patterns: Patterns::default() }
    }
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

/// Why httpd would refuse a statement, where it would.
fn refusal(known: &Known<'_>, statement: Statement<'_>) -> Option<String> {
    let name = statement.name();
    let lower = name.to_ascii_lowercase();
    let args = statement.args();
    if let Some(message) = patterns::refusal(&known.patterns, &lower, statement, &args) {
        return Some(message);
    }
    if statement.is_section() {
        return section(&lower, statement, &args);
    }
    let word = args.first().map_or("", |word| &**word);
    if let Some((_, words)) = WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return (!words.iter().any(|known| known.eq_ignore_ascii_case(word)) && args.len() == 1)
            .then(|| format!("`{name}` is one of {}", words.join(", ")));
    }
    let has = |word: &str| args.iter().any(|own| own.eq_ignore_ascii_case(word));
    let negative = || Some(format!("`{name}` takes a number that is not less than 0"));
    match lower.as_str() {
        "limitrequestbody" if args.len() == 1 && !word.parse::<i64>().is_ok_and(|number| number >= 0) => negative(),
        // What is no number counts as 0 (`atoi`).
        "limitrequestfields" | "limitrequestfieldsize" | "limitrequestline"
            if word.parse::<i64>().is_ok_and(|number| number < 0) =>
        {
            negative()
        }
        "allowmethods" if args.is_empty() => Some("`AllowMethods` names no method".to_owned()),
        "options" => options(&args),
        "allowoverridelist" if args.len() > 1 && has("none") => {
            Some("`AllowOverrideList None` takes nothing beside `None`".to_owned())
        }
        "rewritebase" if args.len() == 1 && !word.starts_with('/') => Some("`RewriteBase` is a path of the site".to_owned()),
        "action" if args.len() == 3 && !args[2].eq_ignore_ascii_case("virtual") => {
            Some("`Action` takes `virtual` and nothing else as its third word".to_owned())
        }
        "listen" => listen(&args),
        "servername" if args.len() == 1 => {
            let port = digits_behind_colon(word).filter(|port| !port.parse::<u16>().is_ok_and(|port| port > 0))?;
            Some(format!("`ServerName`: `{port}` is no port"))
        }
        "httpprotocoloptions" if has("allow0.9") && has("require1.0") => {
            Some("`HttpProtocolOptions`: `Allow0.9` and `Require1.0` exclude one another".to_owned())
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
            let keys = args.iter().filter_map(|parameter| Some(parameter.split_once('=')?.0));
            let unknown = keys.filter(|key| !key.contains(['/', ':'])).find(|key| !is_parameter(key));
            let unknown = unknown.map(|key| format!("`{name}` has no parameter `{key}`"));
            unknown.or_else(|| args.iter().find_map(|parameter| parameter_refusal(known, name, parameter)))
        }
        "proxypass" | "proxypassmatch" => args.iter().skip(1).find_map(|parameter| parameter_refusal(known, name, parameter)),
        "authbasicprovider" => {
            let providers = known.providers.as_ref()?;
            let unknown = args.iter().find(|own| !providers.iter().any(|known| own.eq_ignore_ascii_case(known)))?;
            Some(format!("`AuthBasicProvider`: no module that is loaded is `{unknown}`"))
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

fn section(lower: &str, statement: Statement<'_>, args: &[Cow<'_, str>]) -> Option<String> {
    let name = statement.name();
    match lower {
        "requireall" | "requireany" | "requirenone" if !args.is_empty() => Some(format!("`<{name}>` takes no arguments")),
        "virtualhost" => {
            let mut ports = args.iter().filter_map(|address| digits_behind_colon(address));
            let wrong = ports.find(|port| port.parse::<u16>().is_err())?;
            Some(format!("`<VirtualHost>`: `{wrong}` is no port"))
        }
        _ => None,
    }
}

/// What is meant to be the port of an address.
fn digits_behind_colon(address: &str) -> Option<&str> {
    let (_, port) = address.rsplit_once(':')?;
    (!port.is_empty() && port.bytes().all(|c| c.is_ascii_digit())).then_some(port)
}

/// `Options`: all words with a sign or none, and only known ones (`set_options` in `server/core.c`).
fn options(args: &[Cow<'_, str>]) -> Option<String> {
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

fn listen(args: &[Cow<'_, str>]) -> Option<String> {
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

fn proxy_error_override(args: &[Cow<'_, str>]) -> Option<String> {
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
fn parameter_refusal(known: &Known<'_>, directive: &str, parameter: &str) -> Option<String> {
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
        "lbmethod" => known.modules.is_none_or(|modules| modules.has(&format!("lbmethod_{value}"))),
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
