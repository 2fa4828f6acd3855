//! The arguments in parentheses behind fetches, converters and predicates: `regsub("^/api",,g)` (src/arg.c, make_arg_list).

use nom::IResult;
use nom::Parser;
use nom::bytes::complete::take_while;

use crate::pattern::Pattern;

/// What a keyword takes: how many arguments at least, and a letter for the type of each one.
///
/// `i` is an integer, `s` a text, `b` a backend, `f` a frontend, `t` a table, `v` a server, `u` a userlist, `r` a regular
/// expression, `4` and `6` are addresses, `m` and `M` their masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) least: usize,
    pub(super) kinds: &'static str,
}

impl Signature {
    pub(super) const fn new(least: usize, kinds: &'static str) -> Self {
        Signature { least, kinds }
    }
}

/// The keyword at the start of a text, and what follows it.
pub(super) fn keyword(text: &str) -> (&str, &str) {
    let name: IResult<&str, &str> =
        take_while(|sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-' | '.' | '+')).parse(text);
    name.map_or(("", text), |(rest, name)| (name, rest))
}

/// Reads the arguments at the start of `rest`, which follows the keyword `name`: quotes and escapes are resolved. Where there are
/// no parentheses, an argument that must be there is an empty text.
///
/// # Errors
/// What HAProxy refuses about them.
pub(super) fn read<'t>(name: &str, rest: &'t str, takes: Signature) -> Result<(Vec<String>, &'t str), String> {
    let mut arguments = Vec::new();
    let inner = rest.strip_prefix('(');
    let mut at = inner.unwrap_or("");
    let kinds = takes.kinds.as_bytes();
    if !kinds.is_empty() && (inner.is_some() || takes.least > 0) {
        loop {
            let (argument, after) = argument(at);
            let kind = kinds[arguments.len()];
            if argument.is_empty() && kind.is_ascii_digit() | matches!(kind, b'i' | b'm' | b'M') {
                // A number is never empty; it may be left out where it is not needed.
                if arguments.len() < takes.least {
                    return Err(format!("`{name}` needs a value as its argument {}", arguments.len() + 1));
                }
                at = after;
                break;
            }
            check(name, &argument, kind)?;
            arguments.push(argument);
            at = after;
            match at.strip_prefix(',') {
                Some(next) if arguments.len() < kinds.len() => at = next,
                _ => break,
            }
        }
    }
    if arguments.len() < takes.least {
        return Err(format!("`{name}` needs {} in parentheses", super::site::words::count(takes.least, "argument")));
    }
    if inner.is_none() {
        return Ok((arguments, rest));
    }
    match at.strip_prefix(')') {
        Some(rest) => Ok((arguments, rest)),
        None if at.is_empty() => Err(format!("the parenthesis of `{name}` is never closed")),
        None => Err(format!("`)` is expected before `{at}`: `{name}` takes {}", most(kinds.len()))),
    }
}

fn most(count: usize) -> String {
    match count {
        0 => "no arguments".to_owned(),
        count => format!("no more than {}", super::site::words::count(count, "argument")),
    }
}

/// One argument, up to the comma or parenthesis that ends it.
fn argument(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut quote = None;
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' | '\'' if quote == Some(sign) => quote = None,
            '"' | '\'' if quote.is_none() => quote = Some(sign),
            '\\' if quote != Some('\'') => {
                let escaped = match text[at + 1..].chars().next() {
                    Some(next @ ('\\' | ' ' | '"' | '\'')) => next,
                    Some('r') => '\r',
                    Some('n') => '\n',
                    Some('t') => '\t',
                    _ => {
                        value.push('\\');
                        continue;
                    }
                };
                value.push(escaped);
                signs.next();
            }
            ',' | ')' if quote.is_none() => return (value, &text[at..]),
            _ => value.push(sign),
        }
    }
    (value, "")
}

fn check(name: &str, argument: &str, kind: u8) -> Result<(), String> {
    let fits = match kind {
        b'i' => argument.strip_prefix(['-', '+']).unwrap_or(argument).bytes().all(|byte| byte.is_ascii_digit()),
        b'4' => argument.parse::<std::net::Ipv4Addr>().is_ok(),
        b'6' => argument.parse::<std::net::Ipv6Addr>().is_ok(),
        b'm' => argument.parse::<u8>().is_ok_and(|bits| bits <= 32) || argument.parse::<std::net::Ipv4Addr>().is_ok(),
        b'r' => !Pattern::new(argument, false).is_refused(),
        b'M' => argument.parse::<u8>().is_ok_and(|bits| bits <= 128) || argument.parse::<std::net::Ipv6Addr>().is_ok(),
        _ => true,
    };
    if fits { Ok(()) } else { Err(format!("`{argument}` is no argument that `{name}` takes")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGSUB: Signature = Signature::new(2, "rss");
    const HDR: Signature = Signature::new(0, "si");

    #[test]
    fn arguments_are_unquoted() {
        let (found, rest) = read("regsub", r#"("^/(a,b)",'x y',g),lower"#, REGSUB).unwrap();
        assert_eq!((&found[..], rest), (&["^/(a,b)".into(), "x y".into(), "g".into()][..], ",lower"));
        assert_eq!(read("concat", r"(\d\\,a)", Signature::new(1, "sss")).unwrap().0, [r"\d\", "a"]);
        assert_eq!(keyword("hdr(a),lower"), ("hdr", "(a),lower"));
    }

    #[test]
    fn what_must_be_there_may_be_an_empty_text() {
        assert_eq!(read("url_enc", ",lower", Signature::new(1, "s")).unwrap(), (vec![String::new()], ",lower"));
        assert_eq!(read("hdr", "", HDR).unwrap(), (vec![], ""));
        assert_eq!(read("hdr", "(a,)", HDR).unwrap(), (vec!["a".into()], ""));
        assert_eq!(read("path", "()", Signature::new(0, "")).unwrap(), (vec![], ""));
    }

    #[test]
    fn what_haproxy_refuses_is_refused() {
        for (name, text, takes) in [
            ("hdr", "(a", HDR),
            ("hdr", "(a,b)", HDR),
            ("hdr", "(a,1,2)", HDR),
            ("path", "(a)", Signature::new(0, "")),
            ("int", "", Signature::new(1, "i")),
            ("regsub", "(a)", REGSUB),
            ("ipmask", "(33)", Signature::new(1, "mM")),
        ] {
            assert!(read(name, text, takes).is_err(), "{name}{text}");
        }
    }
}
