//! Options, health checks and error pages of proxies.

use std::sync::Arc;

use super::build::{Refused, Word};
use super::check_steps::{self, Step};
use super::errors::ErrorPage;
use super::keywords::known;
use super::proxy::{Proxy, Restriction, need};
use super::references::Named;
use super::section::SectionBuilder;
use super::server::{CheckKind, Expectation, HealthCheck};
use crate::pattern::Pattern;
use crate::server::Release;
use crate::source::Span;

impl SectionBuilder<'_, '_> {
    pub(super) fn option(&mut self, proxy: &mut Proxy, on: bool, words: &[Word<'_>], span: Span) -> Result<(), Refused> {
        let name = need(words, 0, "the name of the option", span)?;
        let missing = format_args!("there is no option `{}`", name.text);
        known("option", &name, format_args!("option {}", name.text), missing, self.config.release)?;
        if !on && LASTING.contains(&name.text) {
            return Err(Refused::new(name.span, format!("`option {}` cannot be taken back", name.text)));
        }
        if name.text == "tcplog" && self.config.release < Release(3, 0, 0) && words.len() > 1 {
            return Err(Refused::new(words[1].span, "`option tcplog` takes nothing behind it"));
        }
        option_words(&name, &words[1..], span)?;
        let settings = &mut proxy.settings;
        match name.text {
            "accept-invalid-http-request" | "accept-unsafe-violations-in-http-request" => settings.accept_invalid = on,
            "allbackups" => settings.all_backups = on,
            "persist" => settings.persist = on,
            "transparent" => settings.transparent = on,
            "http-use-proxy-header" => settings.proxy_header = on,
            "httplog" | "httpslog" => settings.logs_request = true,
            "tcplog" => settings.logs_request = false,
            "http-restrict-req-hdr-names" => {
                let policy = need(words, 1, "`preserve`, `delete` or `reject`", span)?;
                settings.restrict_names = match policy.text {
                    "reject" => Some(Restriction::Reject(span)),
                    "delete" => Some(Restriction::Delete),
                    "preserve" => None,
                    other => {
                        return Err(Refused::new(policy.span, format!("`{other}` is none of `preserve`, `delete` and `reject`")));
                    }
                };
            }
            "httpchk" if on => {
                let check = http_check_option(words, span)?;
                proxy.check_steps.send_by_option();
                settings.check = Arc::new(HealthCheck { expect: settings.check.expect.clone(), ..check });
            }
            "httpchk" => settings.check = Arc::default(),
            "tcp-check" if on => {
                let check = Arc::make_mut(&mut settings.check);
                (check.kind, check.names_ports) = (CheckKind::Tcp, false);
            }
            "ssl-hello-chk" | "smtpchk" | "mysql-check" | "pgsql-check" | "redis-check" | "ldap-check" | "spop-check"
            | "external-check"
                if on =>
            {
                Arc::make_mut(&mut settings.check).kind = CheckKind::Other;
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn http_check(&mut self, proxy: &mut Proxy, words: &[Word<'_>], span: Span) -> Result<(), Refused> {
        let what = need(words, 0, "what is done", span)?;
        let check = Arc::make_mut(&mut proxy.settings.check);
        let strict = check.kind == CheckKind::Http;
        if proxy.check_steps.is_empty() {
            // A section with steps of its own takes none over.
            check.expect.clear();
        }
        match what.text {
            "send" => {
                http_check_send(check, &words[1..], span)?;
                proxy.check_steps.take(Step::Send, strict, span)
            }
            "expect" => {
                let expectation = http_check_expect(&words[1..], span)?;
                check.expect.push(expectation);
                proxy.check_steps.take(Step::Expect, strict, span)
            }
            "connect" => {
                check_steps::connect(&words[1..])?;
                proxy.check_steps.take(Step::Connect, strict, span)
            }
            "send-state" | "disable-on-404" => match words.get(1) {
                Some(extra) => Err(Refused::new(extra.span, format!("`{}` is not expected here", extra.text))),
                None => Ok(()),
            },
            "comment" => need(words, 1, "the comment", span).map(|_| ()),
            other if other.starts_with("set-var") || other.starts_with("unset-var") => check_steps::variable(&what),
            other => Err(Refused::new(what.span, format!("`http-check` knows no `{other}`"))),
        }
    }

    pub(super) fn errorfiles(&mut self, proxy: &mut Proxy, words: &[Word<'_>], span: Span) -> Result<(), Refused> {
        let name = need(words, 0, "the name of the `http-errors` section", span)?;
        self.want(Named::ErrorPages, name.text, name.span);
        let mut codes = Vec::new();
        for code in &words[1..] {
            codes.push(self.page_status(code, "errorfiles")?);
        }
        let Some(section) = self.config.http_errors.get(name.text) else {
            // The section may follow below; what it holds is filled in when all files are read.
            self.notes.late_errorfiles.push((self.index, name.text.into(), codes));
            return Ok(());
        };
        let wanted = section.iter().filter(|(code, _)| codes.is_empty() || codes.contains(code));
        let pages: Vec<(u16, ErrorPage)> = wanted.map(|(code, page)| (*code, page.clone())).collect();
        Arc::make_mut(&mut proxy.settings.errors).extend(pages);
        Ok(())
    }

    /// `http-error status CODE …`: what is sent for a status, in the words of a reply.
    pub(super) fn http_error(&mut self, proxy: &mut Proxy, words: &[Word<'_>], span: Span) -> Result<(), Refused> {
        let status = need(words, 0, "`status`", span)?;
        if status.text != "status" {
            return Err(Refused::new(status.span, "`http-error` begins with `status`"));
        }
        let code = need(words, 1, "the status", span)?;
        let status = self.page_status(&code, "http-error")?;
        let mut rest = words[2..].iter();
        while let Some(word) = rest.next() {
            let values = match word.text {
                "default-errorfiles" => 0,
                "status" | "content-type" | "errorfile" | "errorfiles" | "file" | "lf-file" | "string" | "lf-string" => 1,
                "hdr" => 2,
                other => return Err(Refused::new(word.span, format!("`http-error` knows no `{other}`"))),
            };
            if rest.by_ref().take(values).count() < values {
                return Err(Refused::new(word.span, format!("`{}` needs a value", word.text)));
            }
        }
        let has = |names: &[&str]| words.iter().any(|word| names.contains(&word.text));
        if has(&["string", "file", "lf-string", "lf-file"]) && !has(&["content-type"]) {
            return Err(Refused::new(span, "a body needs a `content-type`"));
        }
        let page = match words.iter().position(|word| word.text == "errorfile").and_then(|at| words.get(at + 1)) {
            Some(path) => self.error_file(path, status)?,
            None => ErrorPage::Same,
        };
        Arc::make_mut(&mut proxy.settings.errors).insert(status, page);
        Ok(())
    }
}

/// Options that `no` cannot stand before (src/cfgparse-listen.c).
const LASTING: &[&str] = &[
    "external-check",
    "forwardfor",
    "http-restrict-req-hdr-names",
    "httplog",
    "httpslog",
    "ldap-check",
    "mysql-check",
    "originalto",
    "pgsql-check",
    "redis-check",
    "smtpchk",
    "spop-check",
    "ssl-hello-chk",
    "tcp-check",
    "tcpka",
    "tcplog",
];

/// What may follow the name of an option.
fn option_words(name: &Word<'_>, rest: &[Word<'_>], line: Span) -> Result<(), Refused> {
    let strange = |word: &Word<'_>| Err(Refused::new(word.span, format!("`option {}` knows no `{}`", name.text, word.text)));
    match (name.text, rest) {
        ("httplog", [word]) if word.text == "clf" => Ok(()),
        ("mysql-check", [word, ..]) if !matches!(word.text, "user" | "post-41") => strange(word),
        ("pgsql-check", [word, _, ..]) if word.text == "user" => Ok(()),
        ("mysql-check", [_]) | ("pgsql-check", _) => Err(Refused::new(line, format!("`option {}` needs a user", name.text))),
        ("forwardfor", _) => {
            let mut words = rest.iter();
            while let Some(word) = words.next() {
                match word.text {
                    "if-none" => {}
                    "except" | "header" if words.next().is_some() => {}
                    "except" | "header" => return Err(Refused::new(word.span, format!("`{}` needs a value", word.text))),
                    _ => return strange(word),
                }
            }
            Ok(())
        }
        (name, [word, ..]) if !WORDY.contains(&name) => strange(word),
        _ => Ok(()),
    }
}

/// Options that something may follow; `tcplog` since 3.0.
const WORDY: &[&str] = &[
    "forwarded",
    "http-restrict-req-hdr-names",
    "httpchk",
    "mysql-check",
    "originalto",
    "pgsql-check",
    "redispatch",
    "smtpchk",
    "tcplog",
];

/// One argument is the URI, two are method and URI, a third is the version.
fn http_check_option(words: &[Word<'_>], span: Span) -> Result<HealthCheck, Refused> {
    let mut check = HealthCheck { kind: CheckKind::Http, option: Some(span), ..HealthCheck::default() };
    let arguments = &words[1..];
    if let Some(extra) = arguments.get(3) {
        return Err(Refused::new(extra.span, "`option httpchk` takes a method, a URI and a version"));
    }
    match arguments {
        [] => {}
        [uri] => check.target = uri.text.into(),
        [method, uri, version @ ..] => {
            check.method = method.text.into();
            check.explicit = Some(method.span);
            check.target = uri.text.into();
            if let Some(version) = version.first() {
                check.version = version.text.into();
            }
        }
    }
    Ok(check)
}

fn http_check_send(check: &mut HealthCheck, words: &[Word<'_>], span: Span) -> Result<(), Refused> {
    let (mut at, mut named) = (0, false);
    while let Some(word) = words.get(at) {
        let value = words.get(at + 1).ok_or_else(|| Refused::new(word.span, format!("`{}` needs a value", word.text)))?;
        at += 2;
        match word.text {
            "meth" => {
                check.method = value.text.into();
                check.explicit = Some(value.span);
            }
            "uri" | "uri-lf" => check.target = value.text.into(),
            "ver" => check.version = value.text.into(),
            "hdr" => {
                let text = words.get(at).ok_or_else(|| Refused::new(span, "`hdr` needs a name and a value"))?;
                if value.text.eq_ignore_ascii_case("host") {
                    if std::mem::replace(&mut named, true) {
                        return Err(Refused::new(value.span, "the `Host` header stands here already"));
                    }
                    check.host = Some(text.text.into());
                }
                at += 1;
            }
            "body" | "body-lf" | "comment" => {}
            other => {
                return Err(Refused::new(word.span, format!("`http-check send` knows no `{other}`")).help("the method is `meth`"));
            }
        }
    }
    Ok(())
}

fn http_check_expect(words: &[Word<'_>], span: Span) -> Result<Expectation, Refused> {
    let mut negated = false;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.text {
            "!" => negated = !negated,
            "status" => {
                let Some(value) = words.next() else { return Err(Refused::new(span, "`status` needs a value")) };
                let range = |text: &str| {
                    let (low, high) = text.split_once('-').unwrap_or((text, text));
                    Some((low.parse().ok()?, high.parse().ok()?))
                };
                let ranges = value.text.split(',').map(range).collect::<Option<Vec<_>>>();
                return match ranges.filter(|ranges| ranges.iter().all(|(low, high)| low <= high)) {
                    Some(ranges) => Ok(Expectation::Statuses { negated, ranges }),
                    None => Err(Refused::new(value.span, format!("`{}` is no list of statuses", value.text))),
                };
            }
            "rstatus" => {
                let Some(value) = words.next() else { return Err(Refused::new(span, "`rstatus` needs a pattern")) };
                let pattern = Pattern::new(value.text, false);
                if pattern.is_refused() {
                    return Err(Refused::new(value.span, format!("`{}` is no regular expression", value.text)));
                }
                let matching = (100..600).filter(|status: &u16| pattern.matches(&status.to_string()) == Some(true));
                return Ok(Expectation::Statuses { negated, ranges: matching.map(|status| (status, status)).collect() });
            }
            "string" | "rstring" | "fhdr" | "hdr" | "string-lf" => {
                let Some(value) = words.next() else {
                    return Err(Refused::new(span, format!("`{}` needs something to match", word.text)));
                };
                if word.text == "rstring" && Pattern::new(value.text, false).is_refused() {
                    return Err(Refused::new(value.span, format!("`{}` is no regular expression", value.text)));
                }
                if word.text.ends_with("hdr") && !matches!(value.text, "name" | "name-lf") {
                    return Err(Refused::new(value.span, format!("`{}` goes on with `name`", word.text)));
                }
                return Ok(Expectation::Unknown);
            }
            // Options before the match take a value each.
            "min-recv" | "comment" | "ok-status" | "error-status" | "tout-status" | "on-success" | "on-error" | "status-code" => {
                words.next().ok_or_else(|| Refused::new(word.span, format!("`{}` needs a value", word.text)))?;
            }
            other => return Err(Refused::new(word.span, format!("`http-check expect` knows no `{other}`"))),
        }
    }
    Err(Refused::new(span, "`http-check expect` needs something to match"))
}
