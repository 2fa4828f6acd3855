//! The arguments in parentheses behind fetches, converters and predicates: `regsub("^/api",,g)` (src/arg.c, make_arg_list).

use nom::IResult;
use nom::Parser;
use nom::bytes::complete::take_while;

/// A keyword, its arguments where it has parentheses, and what follows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call<'t> {
    pub(super) name: &'t str,
    pub(super) arguments: Vec<String>,
    pub(super) rest: &'t str,
}

/// Reads `name` or `name(…)`. `None` where the parenthesis is never closed.
pub(super) fn call(text: &str) -> Option<Call<'_>> {
    let (rest, name) = keyword(text).ok()?;
    if !rest.starts_with('(') {
        return Some(Call { name, arguments: Vec::new(), rest });
    }
    let (arguments, rest) = list(&rest[1..])?;
    Some(Call { name, arguments, rest })
}

/// The characters that names of fetches, converters and predicates are made of.
fn keyword(text: &str) -> IResult<&str, &str> {
    take_while(|sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-' | '.' | '+')).parse(text)
}

/// What stands between the parentheses, quotes and escapes resolved. Nothing in between is no argument.
fn list(text: &str) -> Option<(Vec<String>, &str)> {
    let mut arguments = vec![String::new()];
    let mut quote = None;
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        let last = arguments.last_mut()?;
        match sign {
            '"' | '\'' if quote == Some(sign) => quote = None,
            '"' | '\'' if quote.is_none() => quote = Some(sign),
            '\\' if quote != Some('\'') => match text[at + 1..].chars().next() {
                Some(next @ ('\\' | ' ' | '"' | '\'')) => {
                    last.push(next);
                    signs.next();
                }
                Some(letter @ ('r' | 'n' | 't')) => {
                    last.push(match letter {
                        'r' => '\r',
                        'n' => '\n',
                        _ => '\t',
                    });
                    signs.next();
                }
                _ => last.push('\\'),
            },
            ',' if quote.is_none() => arguments.push(String::new()),
            ')' if quote.is_none() => {
                if arguments.len() == 1 && arguments[0].is_empty() {
                    arguments.clear();
                }
                return Some((arguments, &text[at + 1..]));
            }
            _ => last.push(sign),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_unquoted() {
        let found = call(r#"regsub("^/a,b)",'x y',g),lower"#).unwrap();
        assert_eq!(
            (found.name, &found.arguments[..], found.rest),
            ("regsub", &["^/a,b)".into(), "x y".into(), "g".into()][..], ",lower")
        );
        assert_eq!(call("method").unwrap().arguments, Vec::<String>::new());
        assert_eq!(call("hdr(a,)").unwrap().arguments, ["a", ""]);
        assert_eq!(call(r"rep(\d\\)").unwrap().arguments, [r"\d\"]);
        assert!(call("hdr(a").is_none());
    }
}
