//! The grammar of expressions, read from left to right.

use std::sync::Arc;

use super::super::net::Net;
use super::super::text::{Builder, Function, Piece, Text, Var};
use super::{Comparison, Expr};
use crate::pattern::Pattern;

/// Why httpd would refuse an expression: where in it, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::apache) struct ParseError {
    pub(in crate::apache) at: usize,
    pub(in crate::apache) message: &'static str,
}

/// Parentheses and negations deeper than this are not read.
const MAX_DEPTH: usize = 100;

/// Reads a condition.
///
/// # Errors
/// Where httpd would not compile it.
pub(in crate::apache) fn parse(source: &str) -> Result<Expr, ParseError> {
    let mut parser = Parser { source, at: 0, depth: 0 };
    let expr = parser.any()?;
    parser.blanks();
    if parser.at < source.len() { Err(parser.error("something follows the expression")) } else { Ok(expr) }
}

struct Parser<'s> {
    source: &'s str,
    at: usize,
    depth: usize,
}

impl<'s> Parser<'s> {
    fn rest(&self) -> &'s str {
        &self.source[self.at..]
    }

    fn blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn error(&self, message: &'static str) -> ParseError {
        ParseError { at: self.at, message }
    }

    fn take(&mut self, sign: &str) -> bool {
        self.blanks();
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    /// A word of letters, such as `and`; taken only where no letter follows.
    fn take_word(&mut self, word: &str) -> bool {
        self.blanks();
        let rest = self.rest();
        let found = rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
            && !rest[word.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if found {
            self.at += word.len();
        }
        found
    }

    fn any(&mut self) -> Result<Expr, ParseError> {
        let mut list = vec![self.all()?];
        while self.take("||") || self.take_word("or") {
            list.push(self.all()?);
        }
        Ok(if list.len() == 1 { list.swap_remove(0) } else { Expr::Any(list) })
    }

    fn all(&mut self) -> Result<Expr, ParseError> {
        let mut list = vec![self.not()?];
        while self.take("&&") || self.take_word("and") {
            list.push(self.not()?);
        }
        Ok(if list.len() == 1 { list.swap_remove(0) } else { Expr::All(list) })
    }

    fn not(&mut self) -> Result<Expr, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("too many parentheses or negations"));
        }
        let found = if self.take("!") || self.take_word("not") {
            Ok(Expr::Not(Box::new(self.not()?)))
        } else if self.take("(") {
            let inner = self.any()?;
            if self.take(")") { Ok(inner) } else { Err(self.error("`)` is missing")) }
        } else if self.take_word("true") {
            Ok(Expr::Constant(true))
        } else if self.take_word("false") {
            Ok(Expr::Constant(false))
        } else {
            self.test()
        };
        self.depth -= 1;
        found
    }

    fn test(&mut self) -> Result<Expr, ParseError> {
        self.blanks();
        let mut signs = self.rest().chars();
        if let (Some('-'), Some(operator)) = (signs.next(), signs.next())
            && operator.is_ascii_alphabetic()
            && !signs.next().is_some_and(|c| c.is_ascii_alphabetic())
        {
            self.at += 2;
            return if "nzTRdefFhLsUxA".contains(operator) {
                let word = self.word()?;
                if operator == 'R' {
                    self.check_net(&word)?;
                }
                Ok(Expr::Unary(operator, word))
            } else {
                Err(self.error("no such operator"))
            };
        }
        let left = self.word()?;
        self.operator(left)
    }

    fn operator(&mut self, left: Text) -> Result<Expr, ParseError> {
        use Comparison::*;
        if self.take("=~") {
            return Ok(Expr::Match(left, self.regex()?));
        }
        if self.take("!~") {
            return Ok(Expr::Not(Box::new(Expr::Match(left, self.regex()?))));
        }
        for (sign, comparison) in [
            ("==", Equal),
            ("!=", Unequal),
            ("<=", LessOrEqual),
            (">=", GreaterOrEqual),
            ("=", Equal),
            ("<", Less),
            (">", Greater),
        ] {
            if self.take(sign) {
                return Ok(Expr::Compare(comparison, left, self.word()?));
            }
        }
        let dash = self.take("-");
        for (name, comparison) in
            [("eq", Equal), ("ne", Unequal), ("le", LessOrEqual), ("lt", Less), ("ge", GreaterOrEqual), ("gt", Greater)]
        {
            if self.take_word(name) {
                return Ok(Expr::CompareNumbers(comparison, left, self.word()?));
            }
        }
        if self.take_word("in") {
            return self.list(left);
        }
        let name: String = self.rest().chars().take_while(char::is_ascii_alphabetic).collect();
        if dash && ["strmatch", "strcmatch", "fnmatch", "ipmatch"].contains(&name.as_str()) {
            self.at += name.len();
            let right = self.word()?;
            if name == "ipmatch" {
                self.check_net(&right)?;
            }
            return Ok(Expr::Binary(name.into(), left, right));
        }
        Err(self.error("an operator is missing"))
    }

    /// A range of addresses that is spelled out must be one.
    fn check_net(&self, text: &Text) -> Result<(), ParseError> {
        match &text[..] {
            [Piece::Literal(net)] if Net::parse(net).is_none() => Err(self.error("no range of addresses")),
            _ => Ok(()),
        }
    }

    fn list(&mut self, left: Text) -> Result<Expr, ParseError> {
        if !self.take("{") {
            // A function that gives a list, such as `PeerExtList(…)`.
            self.blanks();
            if !self.rest().starts_with(|c: char| c.is_ascii_alphabetic()) {
                return Err(self.error("a list in braces is missing"));
            }
            let list = self.word()?;
            return Ok(Expr::Binary("in".into(), left, list));
        }
        let mut list = Vec::new();
        loop {
            list.push(self.word()?);
            if self.take("}") {
                return Ok(Expr::In(left, list));
            }
            if !self.take(",") {
                return Err(self.error("`,` or `}` is missing in the list"));
            }
        }
    }

    fn regex(&mut self) -> Result<Arc<Pattern>, ParseError> {
        self.blanks();
        let rest = self.rest();
        // Only after an `m` may another sign than a slash stand around it.
        let (body, signs) = rest.strip_prefix('m').map_or((rest, "/"), |body| (body, "/#$%^|?!'\",;:._-"));
        let Some(sign) = body.chars().next().filter(|sign| signs.contains(*sign)) else {
            return Err(self.error("a regular expression in `/…/` or `m#…#` is missing"));
        };
        let body = &body[sign.len_utf8()..];
        let Some(end) = body.find(sign) else { return Err(self.error("the regular expression is not closed")) };
        let after = &body[end + 1..];
        let ignore_case = after.starts_with('i');
        self.at = self.source.len() - after.len() + usize::from(ignore_case);
        let pattern = Pattern::new(&body[..end], ignore_case);
        if pattern.is_refused() {
            return Err(self.error("the regular expression cannot be compiled"));
        }
        Ok(Arc::new(pattern))
    }

    /// Strings, variables, functions and numbers, joined by `.`.
    fn word(&mut self) -> Result<Text, ParseError> {
        let mut text = self.part()?;
        while self.take(".") {
            text.extend(self.part()?);
        }
        Ok(text)
    }

    fn part(&mut self) -> Result<Text, ParseError> {
        self.blanks();
        let rest = self.rest();
        match rest.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                let Some(end) = closing_quote(&rest[1..], quote) else { return Err(self.error("a string is not closed")) };
                self.at += end + 2;
                Ok(interpolated(&unescaped(&rest[1..=end])))
            }
            Some('%') if rest.starts_with("%{") => {
                let Some(end) = rest.find('}') else { return Err(self.error("`%{` is not closed")) };
                if !is_known(&rest[2..end]) {
                    return Err(self.error("no such variable or function"));
                }
                self.at += end + 1;
                Ok(vec![variable(&rest[2..end])])
            }
            Some('$') if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                self.at += 2;
                Ok(vec![Piece::Group(rest.as_bytes()[1] - b'0')])
            }
            Some(c) if c.is_ascii_digit() || c == '-' => {
                let length = rest[1..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |length| length + 1);
                self.at += length;
                Ok(vec![Piece::Literal(rest[..length].into())])
            }
            Some(c) if c.is_ascii_alphabetic() => self.call(),
            _ => Err(self.error("a string, a variable or a function is missing")),
        }
    }

    fn call(&mut self) -> Result<Text, ParseError> {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..length];
        self.at += length;
        if !self.take("(") {
            self.at -= length;
            return Err(self.error("a bare word: strings stand in quotes"));
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("too many parentheses or negations"));
        }
        let argument = self.word()?;
        self.depth -= 1;
        if !self.take(")") {
            return Err(self.error("`)` is missing"));
        }
        if !FUNCTIONS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(self.error("no such function"));
        }
        Ok(vec![function(name, argument)])
    }
}

/// Functions of httpd itself, of mod_ldap and of mod_ssl (`string_func_providers` in `server/util_expr_eval.c`).
const FUNCTIONS: &[&str] = &[
    "osenv",
    "env",
    "resp",
    "req",
    "http",
    "note",
    "reqenv",
    "req_novary",
    "tolower",
    "toupper",
    "escape",
    "unescape",
    "file",
    "filesize",
    "base64",
    "unbase64",
    "sha1",
    "md5",
    "ldap",
    "SSL",
    "PeerExtList",
];

/// Its variables (`var_providers`).
const VARIABLES: &[&str] = &[
    "HTTPS",
    "IPV6",
    "CONN_LOG_ID",
    "CONN_REMOTE_ADDR",
    "HTTP2",
    "REQUEST_METHOD",
    "REQUEST_SCHEME",
    "REQUEST_URI",
    "REQUEST_FILENAME",
    "REMOTE_HOST",
    "REMOTE_IDENT",
    "REMOTE_USER",
    "SERVER_ADMIN",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "SCRIPT_FILENAME",
    "PATH_INFO",
    "QUERY_STRING",
    "IS_SUBREQ",
    "DOCUMENT_ROOT",
    "AUTH_TYPE",
    "THE_REQUEST",
    "CONTENT_TYPE",
    "HANDLER",
    "REQUEST_LOG_ID",
    "SCRIPT_USER",
    "SCRIPT_GROUP",
    "DOCUMENT_URI",
    "LAST_MODIFIED",
    "CONTEXT_PREFIX",
    "CONTEXT_DOCUMENT_ROOT",
    "REQUEST_STATUS",
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "HTTP_USER_AGENT",
    "HTTP_PROXY_CONNECTION",
    "HTTP_REFERER",
    "HTTP_COOKIE",
    "HTTP_FORWARDED",
    "HTTP_HOST",
    "HTTP_ACCEPT",
    "TIME_YEAR",
    "TIME_MON",
    "TIME_DAY",
    "TIME_HOUR",
    "TIME_MIN",
    "TIME_SEC",
    "TIME_WDAY",
    "TIME",
    "SERVER_SOFTWARE",
    "API_VERSION",
];

/// Whether `%{…}` names something; modules of TLS and HTTP/2 add names of their own.
fn is_known(name: &str) -> bool {
    let name = match name.split_once(':') {
        Some((function, _)) => return FUNCTIONS.iter().any(|known| known.eq_ignore_ascii_case(function)),
        None => name,
    };
    let starts = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    VARIABLES.iter().any(|known| known.eq_ignore_ascii_case(name))
        || ["SSL", "H2", "GEOIP", "MM_"].iter().any(|prefix| starts(prefix))
}

fn function(name: &str, argument: Text) -> Piece {
    let literal = match &argument[..] {
        [Piece::Literal(literal)] => Some(literal.to_string()),
        _ => None,
    };
    match (name.to_ascii_lowercase().as_str(), literal) {
        ("tolower", _) => Piece::Call(Function::Lower, argument),
        ("toupper", _) => Piece::Call(Function::Upper, argument),
        ("base64", _) => Piece::Call(Function::Base64, argument),
        ("sha1", _) => Piece::Call(Function::Sha1, argument),
        ("md5", _) => Piece::Call(Function::Md5, argument),
        ("escape", _) => Piece::Call(Function::Escape, argument),
        ("unescape", _) => Piece::Call(Function::Unescape, argument),
        ("req" | "http" | "req_novary" | "reqenv" | "env", Some(key)) => Piece::Var(Var::named(&format!("{name}:{key}"))),
        _ => Piece::Call(Function::Unknown(name.into()), argument),
    }
}

/// `%{NAME}`, `%{function:argument}`.
fn variable(name: &str) -> Piece {
    match name.split_once(':') {
        Some((function_name, argument))
            if function_name.eq_ignore_ascii_case("tolower") || function_name.eq_ignore_ascii_case("toupper") =>
        {
            function(function_name, vec![Piece::Literal(argument.into())])
        }
        _ => Piece::Var(Var::named(name)),
    }
}

fn closing_quote(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices()
        .find(|(_, c)| {
            let closes = *c == quote && !escaped;
            escaped = *c == '\\' && !escaped;
            closes
        })
        .map(|(index, _)| index)
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut signs = text.chars();
    while let Some(c) = signs.next() {
        match c {
            '\\' => out.push(match signs.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(c) => c,
                None => '\\',
            }),
            c => out.push(c),
        }
    }
    out
}

/// A string's own variables and groups.
pub(in crate::apache) fn interpolated(text: &str) -> Text {
    let mut builder = Builder::default();
    let mut rest = text;
    while let Some(at) = rest.find(['%', '$']) {
        builder.literal(&rest[..at]);
        let after = &rest[at..];
        if let (true, Some(end)) = (after.starts_with("%{"), after.find('}')) {
            builder.push(variable(&after[2..end]));
            rest = &after[end + 1..];
        } else if after.starts_with('$') && after[1..].starts_with(|c: char| c.is_ascii_digit()) {
            builder.push(Piece::Group(after.as_bytes()[1] - b'0'));
            rest = &after[2..];
        } else {
            builder.literal(&after[..1]);
            rest = &after[1..];
        }
    }
    builder.literal(rest);
    if builder.pieces.is_empty() { vec![Piece::Literal("".into())] } else { builder.pieces }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Universe;

    fn methods(source: &str) -> Vec<String> {
        let universe = Universe::default();
        match parse(source).unwrap().settled(&universe) {
            Expr::Method(set) => universe.names(set).map(str::to_owned).collect(),
            other => panic!("{source}: {other:?}"),
        }
    }

    #[test]
    fn tests_of_the_method_settle() {
        assert_eq!(methods("%{REQUEST_METHOD} in {'GET', \"HEAD\"}"), ["GET", "HEAD"]);
        assert_eq!(methods("%{REQUEST_METHOD} -in { 'PUT' }"), ["PUT"]);
        assert_eq!(methods("%{REQUEST_METHOD} =~ m#^p(ut|atch)$#i"), ["PUT", "PATCH"]);
        assert_eq!(methods("tolower(%{REQUEST_METHOD}) == 'delete'"), ["DELETE"]);
        assert_eq!(methods("'%{REQUEST_METHOD}x' -strmatch 'T*Ex'"), ["TRACE"]);
        assert_eq!(methods("%{REQUEST_METHOD} -eq 'DELETE'").len(), Universe::default().all().len() as usize);
        assert_eq!(methods("! (not %{REQUEST_METHOD} = 'GET')"), ["GET"]);
    }

    #[test]
    fn mistakes_are_errors() {
        for source in [
            "",
            "%{IPV6}",
            "%{IPV6} == GET",
            "%{IPV6} =~ m|a|b|",
            "%{IPV6} =~ 'a'",
            "%{IPV6} =~ m#a#im",
            "('a' == 'b'",
            "'a' == 'b' 'c'",
            "%{IPV6} in {'a' 'b'}",
            "-q 'x'",
            "%{NONE} == 'x'",
            "none('x') == 'x'",
        ] {
            assert!(parse(source).is_err(), "{source}");
        }
        assert!(parse(&"(".repeat(100_000)).is_err());
        assert!(parse(&"! ".repeat(100_000)).is_err());
    }
}
