//! Operators (`@within GET HEAD`), which decide whether a value matches.

use std::net::IpAddr;
use std::sync::Arc;

use super::template::Template;
use crate::pattern::Pattern;

/// What a rule asks of each value; `negated` turns the answer around.
#[derive(Clone, Debug)]
pub(super) struct Operator {
    pub(super) negated: bool,
    pub(super) test: Test,
    pub(super) parameter: Template,
    /// The name, as in messages.
    pub(super) name: Box<str>,
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    Always,
    Never,
    /// A regex without macros.
    Pattern(Arc<Pattern>),
    /// A regex that is known only when its macros are.
    MacroPattern,
    Phrases(Arc<[Box<str>]>),
    Within,
    Contains,
    ContainsWord,
    BeginsWith,
    EndsWith,
    Equals,
    Number(Comparison),
    Networks(Arc<[(IpAddr, u8)]>),
    /// Matches a value with a byte outside of the allowed ones.
    Bytes(Box<[bool; 256]>),
    UrlEncoding,
    /// Matches nothing of which this can be told to be harmless, and perhaps nothing else either.
    Unless(fn(&str) -> bool),
    /// Nothing that is modelled; says why.
    Unknown(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Operator {
    /// Reads the second argument of `SecRule`. `phrases` reads a file of phrases. Gives the name of an operator that does not
    /// exist as an error.
    pub(super) fn parse(text: &str, phrases: &mut dyn FnMut(&str) -> Option<String>) -> Result<Operator, String> {
        let text = text.trim_start();
        let (negated, text) = match text.strip_prefix('!') {
            Some(rest) => (true, rest.trim_start()),
            None => (false, text),
        };
        let (name, parameter) = match text.strip_prefix('@') {
            Some(call) => call.split_once(char::is_whitespace).unwrap_or((call, "")),
            None => ("rx", text),
        };
        let parameter = if text.starts_with('@') { parameter.trim_start() } else { parameter };
        let test = test(name, parameter, phrases).ok_or_else(|| name.to_owned())?;
        Ok(Operator { negated, test, parameter: Template::parse(parameter), name: name.into() })
    }

    /// Whether the value matches; `parameter` is the parameter with its macros resolved. `None` where it cannot be told.
    pub(super) fn matches(&self, value: &str, parameter: &str) -> Option<bool> {
        self.plain(value, parameter).map(|matches| matches != self.negated)
    }

    /// Whether every value matches, so that also one that is not known does.
    pub(super) fn takes_everything(&self) -> bool {
        match &self.test {
            Test::Always => !self.negated,
            Test::Pattern(pattern) => {
                !self.negated && matches!(pattern.source(), "(?s)" | "(?s)^" | "(?s).*" | "(?s)^.*" | "(?s)^.*$")
            }
            _ => false,
        }
    }

    /// Values that the operator says something else about than about most values.
    pub(super) fn examples(&self) -> Vec<Arc<str>> {
        match &self.test {
            Test::Phrases(phrases) => phrases.iter().take(1).map(|phrase| Arc::from(&**phrase)).collect(),
            Test::Contains | Test::ContainsWord | Test::BeginsWith | Test::EndsWith | Test::Equals | Test::Number(_) => {
                self.parameter.constant().map(Arc::from).into_iter().collect()
            }
            Test::Within => {
                self.parameter.constant().and_then(|list| list.split_whitespace().next()).map(Arc::from).into_iter().collect()
            }
            Test::Networks(networks) => networks.iter().map(|(address, _)| address.to_string().into()).collect(),
            _ => Vec::new(),
        }
    }

    fn plain(&self, value: &str, parameter: &str) -> Option<bool> {
        Some(match &self.test {
            Test::Always => true,
            Test::Never => false,
            Test::Pattern(pattern) => return pattern.matches(value),
            Test::MacroPattern => return Pattern::new(&dot_all(parameter), false).matches(value),
            Test::Phrases(phrases) => {
                let value = value.to_ascii_lowercase();
                phrases.iter().any(|phrase| value.contains(&**phrase))
            }
            Test::Within => parameter.contains(value),
            Test::Contains => value.contains(parameter),
            Test::ContainsWord => contains_word(value, parameter),
            Test::BeginsWith => value.starts_with(parameter),
            Test::EndsWith => value.ends_with(parameter),
            Test::Equals => value == parameter,
            Test::Number(comparison) => comparison.holds(number(value), number(parameter)),
            Test::Networks(networks) => {
                value.parse().is_ok_and(|address| networks.iter().any(|network| inside(address, *network)))
            }
            Test::Bytes(allowed) => value.bytes().any(|byte| !allowed[byte as usize]),
            Test::UrlEncoding => wrongly_encoded(value),
            Test::Unless(harmless) if harmless(value) => false,
            Test::Unless(_) | Test::Unknown(_) => return None,
        })
    }
}

fn test(name: &str, parameter: &str, phrases: &mut dyn FnMut(&str) -> Option<String>) -> Option<Test> {
    let lower = |text: &str| text.to_ascii_lowercase().into_boxed_str();
    Some(match name.to_ascii_lowercase().as_str() {
        "rx" | "rxglobal" if parameter.contains("%{") => Test::MacroPattern,
        "rx" | "rxglobal" => Test::Pattern(Arc::new(Pattern::new(&dot_all(parameter), false))),
        "unconditionalmatch" => Test::Always,
        "nomatch" => Test::Never,
        "pm" => Test::Phrases(parameter.split_whitespace().map(lower).collect()),
        "pmf" | "pmfromfile" => match files(parameter, phrases) {
            Some(list) => Test::Phrases(list.iter().map(|line| lower(line)).collect()),
            None => Test::Unknown("a file of phrases that is not there"),
        },
        "ipmatch" => networks(parameter.split(',').map(str::trim)),
        "ipmatchf" | "ipmatchfromfile" => match files(parameter, phrases) {
            Some(list) => networks(list.iter().map(String::as_str)),
            None => Test::Unknown("a file of addresses that is not there"),
        },
        "within" => Test::Within,
        "contains" => Test::Contains,
        "containsword" => Test::ContainsWord,
        "beginswith" => Test::BeginsWith,
        "endswith" => Test::EndsWith,
        "streq" => Test::Equals,
        "strmatch" => Test::Contains,
        "eq" => Test::Number(Comparison::Equal),
        "gt" => Test::Number(Comparison::Greater),
        "ge" => Test::Number(Comparison::GreaterOrEqual),
        "lt" => Test::Number(Comparison::Less),
        "le" => Test::Number(Comparison::LessOrEqual),
        "validatebyterange" => Test::Bytes(byte_ranges(parameter)),
        "validateurlencoding" => Test::UrlEncoding,
        // A text that is valid UTF-8 passes, and no other text gets here.
        "validateutf8encoding" => Test::Never,
        "detectsqli" => Test::Unless(holds_no_sql),
        "detectxss" => Test::Unless(holds_no_markup),
        "verifycc" | "verifycpf" | "verifyssn" | "verifysvnr" => Test::Unless(holds_no_long_number),
        "rbl" | "geolookup" | "gsblookup" => Test::Unknown("an external service"),
        "inspectfile" | "fuzzyhash" => Test::Unknown("an external program"),
        "validatehash" | "validatedtd" | "validateschema" | "rsub" => Test::Unknown("a check of the content"),
        _ => return None,
    })
}

/// ModSecurity compiles with PCRE_DOTALL.
fn dot_all(pattern: &str) -> String {
    format!("(?s){pattern}")
}

/// The lines of all the files that a parameter names, without comments; `None` where one of them cannot be read.
fn files(names: &str, read: &mut dyn FnMut(&str) -> Option<String>) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    for name in names.split_whitespace() {
        let text = read(name)?;
        let text = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.extend(text.map(str::to_owned));
    }
    Some(lines)
}

fn networks<'n>(list: impl Iterator<Item = &'n str>) -> Test {
    let parse = |text: &str| -> Option<(IpAddr, u8)> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().ok()?;
        let full = if address.is_ipv4() { 32 } else { 128 };
        Some((address, bits.map_or(Some(full), |bits| bits.trim().parse().ok())?.min(full)))
    };
    match list.filter(|text| !text.is_empty()).map(parse).collect::<Option<Vec<_>>>() {
        Some(networks) => Test::Networks(networks.into()),
        None => Test::Unknown("an address that is none"),
    }
}

fn inside(address: IpAddr, (network, bits): (IpAddr, u8)) -> bool {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    };
    let mask = if bits == 0 { 0 } else { u128::MAX << (128 - u32::from(bits)) };
    address.is_ipv4() == network.is_ipv4() && number(address) & mask == number(network) & mask
}

fn byte_ranges(text: &str) -> Box<[bool; 256]> {
    let mut allowed = Box::new([false; 256]);
    for range in text.split(',') {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        if let (Ok(from), Ok(to)) = (from.trim().parse::<u8>(), to.trim().parse::<u8>()) {
            (from..=to).for_each(|byte| allowed[byte as usize] = true);
        }
    }
    allowed
}

/// C's `atoi`: blanks, a sign, digits; what follows is ignored, and no digits are 0.
pub(super) fn number(text: &str) -> i64 {
    let text = text.trim_start();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let value = digits[..end].parse::<i64>().unwrap_or(if end == 0 { 0 } else { i64::from(i32::MAX) });
    if text.starts_with('-') { -value } else { value }
}

impl Comparison {
    fn holds(self, value: i64, parameter: i64) -> bool {
        match self {
            Comparison::Equal => value == parameter,
            Comparison::Greater => value > parameter,
            Comparison::GreaterOrEqual => value >= parameter,
            Comparison::Less => value < parameter,
            Comparison::LessOrEqual => value <= parameter,
        }
    }
}

/// Whether the word stands in the value with something else than a letter, digit or underscore on both sides.
fn contains_word(value: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    word.is_empty()
        || value.match_indices(word).any(|(at, _)| {
            !value[..at].chars().next_back().is_some_and(part_of_word)
                && !value[at + word.len()..].chars().next().is_some_and(part_of_word)
        })
}

fn wrongly_encoded(value: &str) -> bool {
    value.split('%').skip(1).any(|after| {
        let mut digits = after.bytes();
        !(0..2).all(|_| digits.next().is_some_and(|digit| digit.is_ascii_hexdigit()))
    })
}

/// Words without which, and without quotes, comments and comparisons, libinjection sees no SQL.
const SQL: &[&str] = &[
    "and",
    "or",
    "not",
    "xor",
    "select",
    "union",
    "insert",
    "update",
    "delete",
    "drop",
    "alter",
    "create",
    "having",
    "group",
    "order",
    "where",
    "from",
    "into",
    "like",
    "between",
    "case",
    "when",
    "null",
    "exec",
    "execute",
    "declare",
    "waitfor",
    "sleep",
    "benchmark",
    "limit",
    "is",
    "in",
    "div",
    "mod",
    "regexp",
    "rlike",
    "procedure",
    "merge",
    "replace",
    "values",
    "set",
    "use",
    "call",
    "begin",
];

fn holds_no_sql(value: &str) -> bool {
    let words = value.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    !value.contains(['\'', '"', '`', '=', '#', '|', '&', '<', '>', '\\', '@', '{', '['])
        && !["--", "/*", "*/", "(("].iter().any(|sign| value.contains(sign))
        && words.into_iter().all(|word| !SQL.iter().any(|known| known.eq_ignore_ascii_case(word)))
}

fn holds_no_markup(value: &str) -> bool {
    !value.contains(['<', '>', '=', '\'', '"', '`', '&'])
}

fn holds_no_long_number(value: &str) -> bool {
    value.bytes().filter(u8::is_ascii_digit).count() < 8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(operator: &str, value: &str) -> Option<bool> {
        let operator = Operator::parse(operator, &mut |_| None).unwrap();
        operator.matches(value, operator.parameter.constant().unwrap())
    }

    #[test]
    fn operators_match_as_the_reference_manual_says() {
        let yes = [
            ("@within GET HEAD POST", "OST"),
            ("!@within GET HEAD", "PUT"),
            ("^(?:GET|HEAD)$", "GET"),
            ("!^GET$", "GETS"),
            ("@pm select Insert", "xINSERTx"),
            ("@eq 5", "5abc"),
            ("!@lt 3", "3"),
            ("@ipMatch 10.0.0.0/8,::1", "10.2.3.4"),
            ("@validateByteRange 32-126", "\u{7f}"),
            ("@validateUrlEncoding", "a%2"),
            ("@containsWord put", "a put b"),
            ("@unconditionalMatch", ""),
        ];
        for (operator, value) in yes {
            assert_eq!(matches(operator, value), Some(true), "{operator} {value}");
        }
        assert_eq!(matches("@detectSQLi", "/api/x"), Some(false));
        assert_eq!(matches("@detectSQLi", "1' or '1"), None);
        assert_eq!(matches("@rbl sbl.example.org", "127.0.0.1"), None);
        assert!(Operator::parse("@is PUT", &mut |_| None).is_err());
    }
}
