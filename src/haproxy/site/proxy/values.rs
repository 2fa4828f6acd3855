//! Lines of proxies that bear on no method, and what HAProxy takes behind them.

use super::need;
use crate::haproxy::site::build::{Refused, Word};
use crate::haproxy::site::check_steps::{self, CheckSteps, Step};
use crate::haproxy::site::forms;
use crate::haproxy::site::words;
use crate::source::Span;

/// The algorithms of `balance` (src/backend.c, backend_parse_balance).
pub(super) fn balance(words: &[Word<'_>], line: Span) -> Result<(), Refused> {
    const KNOWN: &[&str] =
        &["roundrobin", "static-rr", "first", "leastconn", "source", "uri", "url_param", "random", "hash", "sticky", "log-hash"];
    let Some(word) = words.first() else { return Ok(()) };
    let (name, argument) = word.text.split_once('(').map_or((word.text, None), |(name, rest)| (name, Some(rest)));
    match name {
        "hdr" if argument.is_none_or(|argument| argument.is_empty() || argument.starts_with(')')) => {
            Err(Refused::new(word.span, "`balance hdr` needs the name of a header in parentheses"))
        }
        "uri" => uri_parameters(&words[1..]),
        "url_param" if words.len() < 2 => Err(Refused::new(line, "`balance url_param` needs the name of a parameter")),
        "random" if argument.is_some_and(|argument| !argument.starts_with(|sign: char| sign.is_ascii_digit())) => {
            Err(Refused::new(word.span, "`random` takes a number"))
        }
        "hdr" | "rdp-cookie" => Ok(()),
        _ if KNOWN.contains(&name) => Ok(()),
        _ => Err(Refused::new(word.span, words::unknown("algorithm", name, KNOWN.iter().copied()))),
    }
}

/// How much of a URI counts.
fn uri_parameters(words: &[Word<'_>]) -> Result<(), Refused> {
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.text {
            "whole" | "path-only" => {}
            "len" | "depth" if rest.next().is_some_and(|value| value.text.bytes().all(|byte| byte.is_ascii_digit())) => {}
            "len" | "depth" => return Err(Refused::new(word.span, format!("`{}` needs a number", word.text))),
            other => {
                let known = ["whole", "path-only", "len", "depth"];
                return Err(Refused::new(word.span, words::unknown("parameter of `balance uri`", other, known.into_iter())));
            }
        }
    }
    Ok(())
}

/// `hash-type METHOD [FUNCTION [avalanche]]` (src/cfgparse-listen.c).
pub(super) fn hash_type(words: &[Word<'_>]) -> Result<(), Refused> {
    const FUNCTIONS: &[&str] = &["sdbm", "djb2", "wt6", "crc32", "none"];
    if let Some(function) = words.get(1).filter(|function| !FUNCTIONS.contains(&function.text)) {
        return Err(Refused::new(function.span, words::unknown("hash function", function.text, FUNCTIONS.iter().copied())));
    }
    match words.get(2).filter(|modifier| modifier.text != "avalanche") {
        Some(modifier) => Err(Refused::new(modifier.span, "a hash function may be followed by `avalanche` alone")),
        None => Ok(()),
    }
}

/// `compression algo NAME…` and `compression type TYPE…` (src/flt_http_comp.c).
pub(super) fn compression(words: &[Word<'_>], line: Span) -> Result<(), Refused> {
    const ALGORITHMS: &[&str] = &["identity", "gzip", "deflate", "raw-deflate"];
    let Some((what, values)) = words.split_first() else { return Ok(()) };
    if values.is_empty() && !matches!(what.text, "offload" | "direction") {
        return Err(Refused::new(line, format!("`compression {}` needs a value", what.text)));
    }
    let strange = |value: &&Word<'_>| what.text.starts_with("algo") && !ALGORITHMS.contains(&value.text);
    match values.iter().find(strange) {
        Some(value) => Err(Refused::new(value.span, words::unknown("algorithm", value.text, ALGORITHMS.iter().copied()))),
        None => Ok(()),
    }
}

/// The steps of `tcp-check` (src/tcpcheck.c).
pub(super) fn tcp_check(steps: &mut CheckSteps, words: &[Word<'_>], line: Span) -> Result<(), Refused> {
    const STEPS: &[&str] = &["comment", "connect", "send", "send-lf", "send-binary", "send-binary-lf", "expect"];
    let Some(step) = words.first() else { return Ok(()) };
    match step.text {
        "connect" => {
            check_steps::connect(&words[1..])?;
            return steps.take(Step::Connect, false, line);
        }
        "expect" => return steps.take(Step::Expect, false, line),
        text if text.starts_with("send") && STEPS.contains(&text) => {
            need(words, 1, "what is sent", line)?;
            return steps.take(Step::Send, false, line);
        }
        _ => {}
    }
    let sets = ["set-var", "unset-var"].iter().any(|start| step.text.starts_with(start));
    if sets || STEPS.contains(&step.text) {
        return Ok(());
    }
    Err(Refused::new(step.span, words::unknown("step of `tcp-check`", step.text, STEPS.iter().copied())))
}

/// `timeout NAME TIME` (src/proxy.c, proxy_parse_timeout).
pub(super) fn timeout(words: &[Word<'_>], line: Span) -> Result<(), Refused> {
    const KNOWN: &[&str] = &[
        "client",
        "server",
        "connect",
        "check",
        "queue",
        "http-keep-alive",
        "http-request",
        "tunnel",
        "tarpit",
        "client-fin",
        "server-fin",
        "client-hs",
    ];
    let name = need(words, 0, "the name of the timeout", line)?;
    if !KNOWN.contains(&name.text) {
        return Err(Refused::new(name.span, words::unknown("timeout", name.text, KNOWN.iter().copied())));
    }
    let value = need(words, 1, "the time", line)?;
    if let Some(extra) = words.get(2) {
        return Err(Refused::new(extra.span, format!("`{}` is not expected behind the time", extra.text)));
    }
    forms::time(value.text)
        .map(|_| ())
        .map_err(|message| Refused::new(value.span, message).help("write a number and a unit, such as `5s`"))
}

/// The events after which a request may be sent again (src/proxy.c, proxy_parse_retry_on).
pub(super) fn retry_on(words: &[Word<'_>]) -> Result<(), Refused> {
    if let Some(none) = words.iter().find(|word| word.text == "none" && words.len() > 1) {
        return Err(Refused::new(none.span, "`none` stands alone"));
    }
    const KNOWN: &[&str] = &[
        "none",
        "conn-failure",
        "empty-response",
        "response-timeout",
        "junk-response",
        "all-retryable-errors",
        "0rtt-rejected",
        "401",
        "403",
        "404",
        "408",
        "421",
        "425",
        "429",
        "500",
        "501",
        "502",
        "503",
        "504",
    ];
    match words.iter().find(|word| !KNOWN.contains(&word.text)) {
        Some(word) => Err(Refused::new(word.span, format!("requests cannot be retried on `{}`", word.text))),
        None => Ok(()),
    }
}
