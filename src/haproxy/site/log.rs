//! `log` lines (src/log.c, parse_logsrv).

use super::build::{Refused, Word};
use super::proxy::need;
use super::words;
use crate::source::Span;

pub(super) const FORMATS: &[&str] = &["local", "rfc3164", "rfc5424", "priority", "short", "timed", "iso", "raw"];

const FACILITIES: &[&str] = &[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp", "audit", "alert",
    "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

const LEVELS: &[&str] = &["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// `log ADDRESS [len LENGTH] [format FORMAT] [sample RANGES:SIZE] [profile NAME] FACILITY [LEVEL [LEVEL]]`
pub(super) fn log(words: &[Word<'_>], line: Span) -> Result<(), Refused> {
    need(words, 0, "the address of the log", line)?;
    let mut at = 1;
    while let Some(option) = words.get(at).filter(|word| matches!(word.text, "len" | "format" | "sample" | "profile")) {
        let value = need(words, at + 1, &format!("the value of `{}`", option.text), line)?;
        match option.text {
            "len" if !value.text.parse().is_ok_and(|length: u32| (80..=65535).contains(&length)) => {
                return Err(Refused::new(value.span, format!("`{}` is no length from 80 to 65535", value.text)));
            }
            "format" => one_of("log format", &value, FORMATS)?,
            _ => {}
        }
        at += 2;
    }
    one_of("log facility", &need(words, at, "the facility of the log", line)?, FACILITIES)?;
    let levels = &words[at + 1..];
    levels.iter().take(2).try_for_each(|level| one_of("log level", level, LEVELS))?;
    levels.get(2).map_or(Ok(()), |extra| Err(Refused::new(extra.span, format!("`{}` is not expected here", extra.text))))
}

fn one_of(what: &str, word: &Word<'_>, known: &[&str]) -> Result<(), Refused> {
    if known.contains(&word.text) {
        return Ok(());
    }
    Err(Refused::new(word.span, words::unknown(what, word.text, known.iter().copied())))
}
