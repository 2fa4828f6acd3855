//! The section `global` (src/cfgparse-global.c).

use super::action::Rule;
use super::build::{Builder, Refused, Word, words};
use super::forms;
use super::keywords::{keywords, known};
use super::log;
use super::proxy::need;
use super::words as wordings;
use crate::server::Release;
use crate::source::Span;
use crate::syntax::Directive;

/// The settings of `global` that bear on methods.
#[derive(Debug, Default)]
pub(in crate::haproxy) struct Global {
    pub(in crate::haproxy) experimental: bool,
    pub(in crate::haproxy) lua: bool,
    pub(in crate::haproxy) any_method_with_body: bool,
    pub(in crate::haproxy) master_worker: bool,
    /// `set-var` and `set-var-fmt`, done when the process starts.
    pub(in crate::haproxy) variables: Vec<Rule>,
    pub(in crate::haproxy) external_check: bool,
    /// `ssl-server-verify none`
    pub(in crate::haproxy) unverified: bool,
}

impl Builder<'_, '_> {
    pub(super) fn global(&mut self, section: Directive<'_>) {
        for line in section.children() {
            let words = words(line);
            let Some(first) = words.first().filter(|first| !first.text.starts_with('.')) else { continue };
            if let Err(refused) = self.global_line(first, &words, line.head()) {
                self.refuse(refused);
            }
        }
    }

    fn global_line(&mut self, first: &Word<'_>, words: &[Word<'_>], line: Span) -> Result<(), Refused> {
        if matches!(first.text, "no" | "default") {
            return self.negated_global(words);
        }
        let release = self.config.release;
        let missing = format_args!("there is no keyword `{}` in `global`", first.text);
        known("global", first, format_args!("{}", first.text), missing, release)?;
        let rest = &words[1..];
        forms::check(forms::GLOBAL, first, rest, line)?;
        let global = &mut self.config.global;
        match first.text {
            "expose-experimental-directives" => global.experimental = true,
            "external-check" => global.external_check = true,
            "lua-load" | "lua-load-per-thread" => global.lua = true,
            "ssl-server-verify" => global.unverified = rest[0].text == "none",
            "h1-accept-payload-with-any-method" => global.any_method_with_body = true,
            "master-worker" => global.master_worker = true,
            "set-var" | "set-var-fmt" => {
                let rule = self.with_turn(|turn| turn.global_variable(words, line))?;
                self.config.global.variables.push(rule);
            }
            "setenv" | "presetenv" if words.len() != 3 => {
                return Err(Refused::new(line, format!("`{}` needs a name and a value", first.text)));
            }
            "log" => return log::log(rest, line),
            "stats" => return stats(rest, line, release),
            "ssl-default-bind-options" | "ssl-default-server-options" if release <= LATEST_KNOWN => {
                return tls_options(first, rest);
            }
            _ => {}
        }
        Ok(())
    }

    /// Few keywords of `global` can be taken back (src/cfgparse-global.c).
    fn negated_global(&self, words: &[Word<'_>]) -> Result<(), Refused> {
        const NEGATABLE: &[&str] =
            &["option", "log", "busy-polling", "set-dumpable", "strict-limits", "insecure-fork-wanted", "numa-cpu-mapping"];
        if let Some(word) = words.get(1)
            && !NEGATABLE.contains(&word.text)
            && self.config.release < Release(2, 7, 0)
        {
            return Err(Refused::new(words[0].span, format!("`{}` cannot be taken back", word.text)));
        }
        Ok(())
    }
}

/// `stats socket ADDRESS …`, `stats timeout TIME` and their kin (src/cli.c, cli_parse_global).
fn stats(words: &[Word<'_>], line: Span, release: Release) -> Result<(), Refused> {
    let what = need(words, 0, "`socket`, `timeout` or `maxconn`", line)?;
    match what.text {
        "socket" => {
            need(words, 1, "the address of the socket", line)?;
            keywords("bind", &words[2..], forms::BIND, release).map(|_| ())
        }
        "timeout" => {
            let time = need(words, 1, "the time", line)?;
            match forms::time(time.text) {
                Ok(0) => Err(Refused::new(time.span, "the time must be more than 0")),
                Ok(_) => Ok(()),
                Err(message) => Err(Refused::new(time.span, message)),
            }
        }
        "maxconn" => need(words, 1, "the number of connections", line).map(|_| ()),
        "bind-process" => Ok(()),
        other => {
            let known = ["socket", "timeout", "maxconn"];
            Err(Refused::new(what.span, wordings::unknown("keyword of `stats`", other, known.into_iter())))
        }
    }
}

/// The last release whose options of TLS are listed here.
const LATEST_KNOWN: Release = Release(2, 6, u16::MAX);

const VERSIONS: &[&str] = &["SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

/// What is said for all `bind` or `server` lines with TLS (src/cfgparse-ssl.c, ssl_parse_default_bind_options).
fn tls_options(first: &Word<'_>, words: &[Word<'_>]) -> Result<(), Refused> {
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let version = ["no-", "force-"].iter().find_map(|start| word.text.strip_prefix(start));
        match word.text {
            "no-tls-tickets" => {}
            "prefer-client-ciphers" if first.text == "ssl-default-bind-options" => {}
            "ssl-min-ver" | "ssl-max-ver" => {
                let Some(version) = rest.next() else {
                    return Err(Refused::new(word.span, format!("`{}` needs a version", word.text)));
                };
                if !VERSIONS.contains(&version.text) {
                    return Err(Refused::new(
                        version.span,
                        wordings::unknown("version of TLS", version.text, VERSIONS.iter().copied()),
                    ));
                }
            }
            _ if version.is_some_and(|version| matches!(version, "sslv3" | "tlsv10" | "tlsv11" | "tlsv12" | "tlsv13")) => {}
            other => return Err(Refused::new(word.span, format!("`{}` knows no `{other}`", first.text))),
        }
    }
    Ok(())
}
