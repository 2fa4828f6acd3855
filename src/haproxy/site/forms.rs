//! What HAProxy takes behind keywords that bear on no method: how many words, and of which kind. A config that breaks these does
//! not start (src/cfgparse-global.c, src/cfgparse-listen.c, src/server.c, src/tools.c).

use super::build::{Refused, Word};
use super::words;
use crate::pattern::Pattern;
use crate::source::Span;

/// The form of one keyword: its name, the least and the most words behind it, and what the first of them is.
pub(super) struct Form(&'static str, usize, usize, Kind);

/// The kind of a word.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Any,
    /// What C's atol reads at its start.
    Number(i64, i64),
    /// At least so many bytes; a unit counts since HAProxy 3.
    Size(i64),
    Time,
    /// A time that is not zero.
    Delay,
    Choice(&'static [&'static str]),
    Regex,
}

impl Form {
    pub(super) fn name(&self) -> &'static str {
        self.0
    }
}

/// As many words as a line may have.
const MANY: usize = 64;
const POSITIVE: Kind = Kind::Number(1, i64::MAX);

use Kind::{Any, Choice, Delay, Number, Regex, Size, Time};

/// Keywords of `global`.
pub(super) const GLOBAL: &[Form] = &[
    Form("nbthread", 1, 1, Number(1, 4096)),
    Form("maxconn", 0, 1, Any),
    Form("chroot", 1, 1, Any),
    Form("tune.bufsize", 1, 1, POSITIVE),
    Form("tune.http.maxhdr", 1, 1, Number(1, 32767)),
    Form("tune.ssl.default-dh-param", 1, 1, Number(1024, i64::MAX)),
    Form("unsetenv", 1, MANY, Any),
    Form("hard-stop-after", 1, 1, Time),
    Form("node", 1, 1, Any),
    Form("lua-load", 1, MANY, Any),
    Form("h1-case-adjust", 2, 2, Any),
    Form("lua-load-per-thread", 1, MANY, Any),
    Form("log-tag", 1, 1, Any),
    Form("master-worker", 0, 1, Choice(&["no-exit-on-failure"])),
    Form("default-path", 1, MANY, Choice(&["current", "config", "parent", "origin"])),
    Form("ssl-server-verify", 1, 1, Choice(&["none", "required"])),
    Form("ssl-load-extra-files", 1, MANY, Choice(&["none", "all", "bundle", "sctl", "ocsp", "issuer", "key"])),
    Form("unix-bind", 1, MANY, Choice(&["prefix", "mode", "uid", "gid", "user", "group"])),
];

/// Keywords of proxies.
pub(super) const PROXY: &[Form] = &[
    Form("mode", 1, 1, Any),
    Form("retries", 1, 1, Any),
    Form("hash-type", 1, MANY, Choice(&["consistent", "map-based"])),
    Form("clitcpka-cnt", 1, 1, Number(0, i64::MAX)),
    Form("srvtcpka-cnt", 1, 1, Number(0, i64::MAX)),
    Form("log-format", 1, 1, Any),
    Form("log-format-sd", 1, 1, Any),
    Form("log-tag", 1, 1, Any),
    Form("retry-on", 1, MANY, Any),
    Form(
        "compression",
        1,
        MANY,
        Choice(&[
            "algo",
            "type",
            "offload",
            "direction",
            "algo-req",
            "algo-res",
            "type-req",
            "type-res",
            "minsize-req",
            "minsize-res",
        ]),
    ),
    Form("http-reuse", 1, 1, Choice(&["never", "safe", "aggressive", "always"])),
    Form("rate-limit", 2, 2, Choice(&["sessions"])),
    Form("load-server-state-from-file", 1, 1, Choice(&["global", "local", "none"])),
    Form("unique-id-header", 1, 1, Any),
    Form("email-alert", 1, MANY, Choice(&["from", "mailers", "level", "to", "myhostname"])),
    Form("external-check", 1, MANY, Choice(&["command", "path"])),
    Form("id", 1, MANY, POSITIVE),
    Form("description", 1, MANY, Any),
    Form("http-send-name-header", 1, MANY, Any),
    Form("persist", 1, MANY, Any),
    Form("stick", 2, MANY, Choice(&["on", "match", "store-request", "store-response"])),
    Form("tcp-check", 1, MANY, Any),
];

/// Keywords of a server that take a value.
pub(super) const SERVER: &[Form] = &[
    Form("id", 1, 1, POSITIVE),
    Form("inter", 1, 1, Delay),
    Form("fastinter", 1, 1, Delay),
    Form("downinter", 1, 1, Delay),
    Form("fall", 1, 1, POSITIVE),
    Form("rise", 1, 1, POSITIVE),
    Form("observe", 1, 1, Choice(&["none", "layer4", "layer7"])),
    Form("on-error", 1, 1, Choice(&["fastinter", "fail-check", "sudden-death", "mark-down"])),
    Form("on-marked-up", 1, 1, Choice(&["shutdown-backup-sessions"])),
    Form("on-marked-down", 1, 1, Choice(&["shutdown-sessions"])),
    Form("resolve-prefer", 1, 1, Choice(&["ipv4", "ipv6"])),
    Form("verify", 1, 1, Choice(&["none", "required"])),
    Form("proto", 1, 1, PROTOCOLS),
    Form("check-proto", 1, 1, PROTOCOLS),
    Form("ws", 1, 1, Choice(&["auto", "h1", "h2"])),
];

/// Keywords of a `bind` line that take a value.
pub(super) const BIND: &[Form] =
    &[Form("id", 1, 1, POSITIVE), Form("level", 1, 1, Choice(&["user", "operator", "admin"])), Form("proto", 1, 1, PROTOCOLS)];

/// Keywords of `cache`.
pub(super) const CACHE: &[Form] = &[
    Form("total-max-size", 1, 1, Number(1, 4095)),
    Form("max-age", 1, 1, Any),
    Form("max-object-size", 1, 1, POSITIVE),
    Form("max-secondary-entries", 1, 1, POSITIVE),
    Form("process-vary", 1, 1, Choice(&["on", "off"])),
];

/// Keywords of `resolvers`.
pub(super) const RESOLVERS: &[Form] = &[
    Form("nameserver", 2, MANY, Any),
    Form("hold", 2, 2, Choice(&["nx", "refused", "timeout", "other", "valid", "obsolete"])),
    Form("timeout", 2, 2, Choice(&["resolve", "retry"])),
    Form("accepted_payload_size", 1, 1, Number(12, 65535)),
    Form("resolve_retries", 1, 1, Any),
    Form("parse-resolv-conf", 0, MANY, Any),
];

/// Keywords of `mailers`.
pub(super) const MAILERS: &[Form] = &[Form("mailer", 2, MANY, Any), Form("timeout", 2, 2, Choice(&["mail"]))];

/// Keywords of `peers`.
pub(super) const PEERS: &[Form] = &[
    Form("peer", 1, MANY, Any),
    Form("bind", 0, MANY, Any),
    Form("default-bind", 0, MANY, Any),
    Form("default-server", 0, MANY, Any),
    Form("server", 1, MANY, Any),
    Form("log", 0, MANY, Any),
    Form("table", 1, MANY, Any),
    Form("disabled", 0, MANY, Any),
    Form("enabled", 0, MANY, Any),
    Form("shards", 1, MANY, Any),
];

/// Keywords of `ring`.
pub(super) const RING: &[Form] = &[
    Form("size", 1, MANY, Size(16_384)),
    Form("maxlen", 1, MANY, POSITIVE),
    Form("format", 1, MANY, Choice(super::log::FORMATS)),
    Form("timeout", 2, MANY, Choice(&["connect", "server"])),
    Form("server", 2, MANY, Any),
    Form("default-server", 0, MANY, Any),
    Form("description", 1, MANY, Any),
    Form("backing-file", 1, MANY, Any),
];

/// Keywords of `log-forward`.
pub(super) const LOG_FORWARD: &[Form] = &[
    Form("bind", 1, MANY, Any),
    Form("dgram-bind", 1, MANY, Any),
    Form("log", 1, MANY, Any),
    Form("maxconn", 1, MANY, Any),
    Form("backlog", 1, MANY, Any),
    Form("timeout", 2, MANY, Choice(&["client"])),
    Form("option", 1, MANY, Any),
];

/// Keywords of `fcgi-app`.
pub(super) const FCGI_APP: &[Form] = &[
    Form("docroot", 1, MANY, Any),
    Form("index", 1, MANY, Any),
    Form("path-info", 1, MANY, Regex),
    Form("option", 1, MANY, Choice(&["keep-conn", "max-reqs", "mpxs-conns", "get-values"])),
    Form("log-stderr", 1, MANY, Any),
    Form("pass-header", 1, MANY, Any),
    Form("set-param", 2, MANY, Any),
    Form("acl", 2, MANY, Any),
];

const PROTOCOLS: Kind = Choice(&["h1", "h2", "fcgi", "none", "quic", "spop"]);

/// Checks the words behind a keyword against its form, if it has one here.
pub(super) fn check(forms: &[Form], name: &Word<'_>, rest: &[Word<'_>], line: Span) -> Result<(), Refused> {
    let Some(Form(_, least, most, kind)) = forms.iter().find(|form| form.0 == name.text) else { return Ok(()) };
    if rest.len() < *least {
        return Err(Refused::new(line, format!("`{}` needs {} behind it", name.text, words::count(*least, "word"))));
    }
    if let Some(extra) = rest.get(*most) {
        return Err(Refused::new(extra.span, format!("`{}` is not expected behind `{}`", extra.text, name.text)));
    }
    rest.first().map_or(Ok(()), |first| value(name.text, first, *kind))
}

fn value(name: &str, word: &Word<'_>, kind: Kind) -> Result<(), Refused> {
    let text = word.text;
    let refused = |what: String| Err(Refused::new(word.span, what));
    match kind {
        Any => Ok(()),
        Number(least, most) if (least..=most).contains(&leading_number(text)) => Ok(()),
        Number(..) => refused(format!("`{text}` is no number that `{name}` takes")),
        Size(least) if leading_number(text) >= least || text.ends_with(['k', 'K', 'm', 'M', 'g', 'G']) => Ok(()),
        Size(least) => refused(format!("`{name}` is {least} at least")),
        Delay if time(text) == Ok(0) => refused(format!("`{name}` cannot be zero")),
        Time | Delay => match time(text) {
            Ok(_) => Ok(()),
            Err(message) => refused(message),
        },
        Regex if Pattern::new(text, false).is_refused() => refused(format!("`{text}` is no regular expression")),
        Regex => Ok(()),
        Choice(known) if known.contains(&text) => Ok(()),
        Choice(known) => refused(words::unknown("value of this keyword", text, known.iter().copied())),
    }
}

/// C's atol: what follows the number is not looked at.
pub(super) fn leading_number(text: &str) -> i64 {
    let start = usize::from(text.starts_with(['-', '+']));
    let end = text[start..].find(|sign: char| !sign.is_ascii_digit()).map_or(text.len(), |at| start + at);
    text[..end].trim_start_matches('+').parse().unwrap_or(0)
}

/// A time in milliseconds: a number and a unit, up to 24.8 days (parse_time_err).
pub(super) fn time(text: &str) -> Result<u64, String> {
    match milliseconds(text) {
        None => Err(format!("`{text}` is no time")),
        Some(time) if time > i32::MAX as u64 => Err(format!("`{text}` is more than 24.8 days")),
        Some(time) => Ok(time),
    }
}

/// A number and its unit.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let end = text.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(text.len());
    let factor = match &text[end..] {
        "us" => Some(0),
        "" | "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let number = if end == 0 { None } else { Some(text[..end].parse::<u64>().unwrap_or(u64::MAX)) };
    number.zip(factor).map(|(number, factor)| number.saturating_mul(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(time("5s"), Ok(5000));
        assert_eq!(time("30"), Ok(30));
        assert!(["", "s", "5x", "-1", "25d", "5 s"].iter().all(|text| time(text).is_err()));
    }
}
