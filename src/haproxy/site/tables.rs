//! Stick tables (src/stick_table.c).

use super::build::{Refused, Word};
use super::forms;
use super::words;
use crate::server::Release;
use crate::source::Span;

const TYPES: &[&str] = &["ip", "ipv6", "integer", "string", "binary"];

/// What a table counts, and how many arguments in parentheses say how: a rate needs its period, an array its size.
const STORED: &[(&str, usize)] = &[
    ("server_id", 0),
    ("server_key", 0),
    ("gpt0", 0),
    ("gpt", 1),
    ("gpc0", 0),
    ("gpc0_rate", 1),
    ("gpc1", 0),
    ("gpc1_rate", 1),
    ("gpc", 1),
    ("gpc_rate", 2),
    ("conn_cnt", 0),
    ("conn_rate", 1),
    ("conn_cur", 0),
    ("sess_cnt", 0),
    ("sess_rate", 1),
    ("http_req_cnt", 0),
    ("http_req_rate", 1),
    ("http_err_cnt", 0),
    ("http_err_rate", 1),
    ("http_fail_cnt", 0),
    ("http_fail_rate", 1),
    ("bytes_in_cnt", 0),
    ("bytes_in_rate", 1),
    ("bytes_out_cnt", 0),
    ("bytes_out_rate", 1),
];

/// `type TYPE [len LENGTH] size NUMBER …`, in any order (parse_stick_table).
pub(super) fn stick_table(table: &[Word<'_>], line: Span, release: Release) -> Result<(), Refused> {
    let (mut has_type, mut has_size) = (false, false);
    let mut rest = table.iter().peekable();
    while let Some(word) = rest.next() {
        let takes_value = matches!(word.text, "type" | "size" | "expire" | "peers" | "srvkey" | "write-to");
        let value = if takes_value { rest.next() } else { None };
        match (word.text, value) {
            ("nopurge" | "recv-only", _) => {}
            ("type", Some(kind)) => {
                has_type = true;
                if !TYPES.contains(&kind.text) {
                    return Err(Refused::new(
                        kind.span,
                        words::unknown("type of a stick table", kind.text, TYPES.iter().copied()),
                    ));
                }
                if matches!(kind.text, "string" | "binary") && rest.next_if(|word| word.text == "len").is_some() {
                    rest.next();
                }
            }
            ("size", Some(size)) => {
                has_size = size.text.starts_with(|sign: char| sign.is_ascii_digit());
            }
            ("expire", Some(expire)) => {
                forms::time(expire.text).map_err(|message| Refused::new(expire.span, message))?;
            }
            ("srvkey", Some(key)) if !matches!(key.text, "name" | "addr") => {
                return Err(Refused::new(key.span, format!("a server is known by its `name` or `addr`, not by `{}`", key.text)));
            }
            // Later releases count more.
            ("store", _) => {
                let list = rest.next().filter(|_| release <= Release(2, 6, u16::MAX));
                list.map_or(Ok(()), stored)?;
            }
            ("peers" | "srvkey" | "write-to", Some(_)) => {}
            // What is missing of a type or a size is told below.
            ("type" | "size" | "expire", None) => {}
            (other, None) if takes_value => return Err(Refused::new(word.span, format!("`{other}` needs a value"))),
            (other, _) => return Err(Refused::new(word.span, format!("`{other}` is not expected in a stick table"))),
        }
    }
    if !has_type {
        return Err(Refused::new(line, "a stick table needs a `type`"));
    }
    if has_size { Ok(()) } else { Err(Refused::new(line, "a stick table needs a `size`")) }
}

/// `conn_cur,http_req_rate(10s)`
fn stored(list: &Word<'_>) -> Result<(), Refused> {
    let mut rest = list.text;
    while !rest.is_empty() {
        let end = rest.find([',', '(']).unwrap_or(rest.len());
        let name = &rest[..end];
        rest = &rest[end..];
        let inner = rest.strip_prefix('(').map(|inner| inner.split_once(')').unwrap_or((inner, "")));
        let given = inner.map_or(0, |(arguments, _)| arguments.split(',').count());
        rest = inner.map_or(rest, |(_, after)| after).trim_start_matches(',');
        let Some((_, needed)) = STORED.iter().find(|(known, _)| *known == name) else {
            let known = STORED.iter().map(|(name, _)| *name);
            return Err(Refused::new(list.span, words::unknown("counter of stick tables", name, known)));
        };
        if given != *needed {
            let message = format!("`{name}` takes {} in parentheses", words::count(*needed, "argument"));
            return Err(Refused::new(list.span, message));
        }
    }
    Ok(())
}
