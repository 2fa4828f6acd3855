//! `ProxyPass` and the groups of servers behind it (`modules/proxy/mod_proxy.c`).

use std::sync::Arc;

use super::{Context, Refused};
use crate::pattern::Pattern;
use crate::source::Span;

#[derive(Clone, Debug)]
pub(in crate::apache) struct ProxyPass {
    pub(in crate::apache) from: From,
    /// `None` for `!`.
    pub(in crate::apache) to: Option<Arc<str>>,
    pub(in crate::apache) no_canon: bool,
    pub(in crate::apache) upgrade: bool,
    pub(in crate::apache) span: Span,
}

#[derive(Clone, Debug)]
pub(in crate::apache) enum From {
    Prefix(String),
    Pattern(Arc<Pattern>),
}

#[derive(Clone, Debug, Default)]
pub(in crate::apache) struct Balancer {
    pub(in crate::apache) members: Vec<Member>,
}

#[derive(Clone, Debug)]
pub(in crate::apache) struct Member {
    pub(in crate::apache) url: String,
    /// `status=+H` stands by, `+D` is switched off.
    pub(in crate::apache) standby: bool,
    pub(in crate::apache) disabled: bool,
}

/// Reads `ProxyPass` and `ProxyPassMatch`. In a section the path is the section's.
pub(in crate::apache) fn read_pass(
    context: &mut Context<'_>,
    name: &str,
    args: &[std::borrow::Cow<'_, str>],
    section: Option<&str>,
    span: Span,
    open: bool,
) -> Result<ProxyPass, Refused> {
    let mut regex = name.eq_ignore_ascii_case("ProxyPassMatch");
    let mut words: Vec<&str> = args.iter().map(|arg| &**arg).collect();
    if section.is_none() && words.first() == Some(&"~") {
        regex = true;
        words.remove(0);
    }
    let path = match section {
        Some(path) => path,
        None if words.is_empty() => return Err(format!("`{name}` lacks its path")),
        None => words.remove(0),
    };
    if words.is_empty() {
        return Err(format!("`{name}` lacks the URL to send requests to"));
    }
    let to = words.remove(0);
    let mut pass = ProxyPass { from: From::Prefix(path.to_owned()), to: None, no_canon: false, upgrade: false, span };
    for parameter in words {
        match parameter.split_once('=') {
            None if parameter.eq_ignore_ascii_case("nocanon") => pass.no_canon = true,
            None if ["interpolate", "noquery"].iter().any(|known| parameter.eq_ignore_ascii_case(known)) => {}
            None if open => {}
            None if section.is_some() && to.starts_with('/') => {
                return Err(format!("`{name}` takes no path inside of a section: the section has one"));
            }
            None => return Err(format!("`{name}`: the parameter `{parameter}` has no value")),
            Some((key, _)) if key.eq_ignore_ascii_case("upgrade") => pass.upgrade = true,
            Some((key, _)) if open || is_parameter(key) => {}
            Some((key, _)) => return Err(format!("`{name}` has no parameter `{key}`")),
        }
    }
    if regex || section.is_some_and(|path| path.contains(['*', '?', '['])) {
        let pattern = context.patterns.get(path, false);
        if !open && pattern.is_refused() {
            return Err(format!("`{name}`: `{path}` is taken for a regular expression, and cannot be compiled"));
        }
        pass.from = From::Pattern(pattern);
    }
    if to != "!" {
        let has_host = |to: &str| !to.ends_with("://") && !to.contains(":///");
        if !open && (scheme(to).is_none() || !has_host(to)) {
            return Err(format!("`{name}`: `{to}` has no scheme such as `http://`"));
        }
        pass.to = Some(to.into());
    }
    Ok(pass)
}

/// The parameters of workers and balancers.
const PARAMETERS: &[&str] = &[
    "acquire",
    "connectiontimeout",
    "disablereuse",
    "enablereuse",
    "addressttl",
    "flushpackets",
    "flushwait",
    "iobuffersize",
    "responsefieldsize",
    "keepalive",
    "lbset",
    "loadfactor",
    "max",
    "min",
    "smax",
    "ping",
    "receivebuffersize",
    "redirect",
    "retry",
    "route",
    "status",
    "timeout",
    "ttl",
    "secret",
    "upgrade",
    "lbmethod",
    "maxattempts",
    "nofailover",
    "stickysession",
    "stickysessionsep",
    "scolonpathdelim",
    "failonstatus",
    "failontimeout",
    "nonce",
    "growth",
    "forcerecovery",
    "nocanon",
    "hcmethod",
    "hcpasses",
    "hcfails",
    "hcinterval",
    "hcuri",
    "hctemplate",
    "hcexpr",
    "mapping",
    "bbusy",
    "passphrase",
];

pub(in crate::apache) fn is_parameter(key: &str) -> bool {
    PARAMETERS.iter().any(|known| key.eq_ignore_ascii_case(known))
}

/// The scheme of a URL, where it has one.
pub(in crate::apache) fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once(':')?;
    let is_scheme = !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then_some(scheme)
}
