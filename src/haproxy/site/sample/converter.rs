//! Converters: what is done to a sample (configuration manual, 7.3.1; src/sample.c).

use std::net::IpAddr;
use std::sync::Arc;

use super::{Files, is_variable};
use crate::haproxy::hash::{self, Hash};
use crate::haproxy::site::maps::Map;
use crate::haproxy::site::vocabulary::{self, Kind};
use crate::pattern::Pattern;

/// What is done to a sample.
#[derive(Debug)]
pub(in crate::haproxy) enum Converter {
    Lower,
    Upper,
    Length,
    Bool,
    Not,
    Arithmetic(Arithmetic, Operand),
    Negate,
    Complement,
    Odd,
    Even,
    Field {
        index: i64,
        delimiters: Arc<str>,
        count: i64,
    },
    Word {
        index: i64,
        delimiters: Arc<str>,
        count: i64,
    },
    Bytes {
        offset: i64,
        length: Option<i64>,
    },
    RegSub {
        pattern: Arc<Pattern>,
        replacement: Arc<str>,
        global: bool,
    },
    Map(Arc<Map>, Option<Arc<str>>, Kind),
    Concat(Arc<str>, Option<Arc<str>>, Arc<str>),
    Iif(Arc<str>, Arc<str>),
    Strcmp(Arc<str>),
    UrlDecode {
        plus: bool,
    },
    UrlEncode,
    Trim {
        left: bool,
        signs: Arc<str>,
    },
    HostOnly,
    PortOnly,
    Mask(u8, u8),
    Base64Encode,
    Base64Decode,
    Hex,
    HexNumber,
    /// A hash, whose bits may be mixed once more.
    Hash(Hash, bool),
    Sha1,
    /// SHA-2 with so many bits.
    Sha2(i64),
    JsonQuery {
        path: Arc<str>,
        integer: bool,
    },
    SetVariable(Arc<str>),
    UnsetVariable(Arc<str>),
    AddItem {
        delimiter: Arc<str>,
        variable: Option<Arc<str>>,
        suffix: Arc<str>,
    },
    Same,
    /// Its result cannot be told.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    And,
    Or,
    Xor,
}

/// A number, or the variable that holds it.
#[derive(Debug)]
pub(in crate::haproxy) enum Operand {
    Number(i64),
    Variable(Arc<str>),
}

pub(super) fn check(name: &str, arguments: &[String]) -> Result<(), String> {
    let argument = |index: usize| arguments.get(index).map_or("", String::as_str);
    let refused = |index: usize| Err(format!("`{}` is no argument that `{name}` takes", argument(index)));
    match name {
        "field" | "word" if argument(0).parse() == Ok(0) => refused(0),
        "regsub" if argument(2).bytes().any(|flag| !matches!(flag, b'g' | b'i')) => refused(2),
        "strcmp" | "unset-var" if !is_variable(argument(0)) => refused(0),
        "set-var" if !is_variable(argument(0)) => refused(0),
        "concat" | "add_item" if !argument(1).is_empty() && !is_variable(argument(1)) => refused(1),
        "add" | "sub" | "mul" | "div" | "mod" | "and" | "or" | "xor"
            if !is_variable(argument(0)) && argument(0).parse::<i64>().is_err() =>
        {
            refused(0)
        }
        "json_query" if argument(0).is_empty() => refused(0),
        "json_query" if !matches!(argument(1), "" | "int") => refused(1),
        "sha2" if !arguments.is_empty() && !matches!(argument(0), "224" | "256" | "384" | "512") => refused(0),
        _ => Ok(()),
    }
}

pub(super) fn read(name: &str, arguments: &[String], files: &mut dyn Files) -> Converter {
    let text = |index: usize| Arc::<str>::from(arguments.get(index).map_or("", String::as_str));
    let some = |index: usize| arguments.get(index).filter(|text| !text.is_empty()).map(|text| Arc::<str>::from(text.as_str()));
    let number = |index: usize| arguments.get(index).and_then(|number| number.parse::<i64>().ok());
    let operand = || number(0).map_or_else(|| Operand::Variable(text(0)), Operand::Number);
    let arithmetic = |kind| Converter::Arithmetic(kind, operand());
    match name {
        "lower" => Converter::Lower,
        "upper" => Converter::Upper,
        "length" => Converter::Length,
        "bool" => Converter::Bool,
        "not" => Converter::Not,
        "add" => arithmetic(Arithmetic::Add),
        "sub" => arithmetic(Arithmetic::Subtract),
        "mul" => arithmetic(Arithmetic::Multiply),
        "div" => arithmetic(Arithmetic::Divide),
        "mod" => arithmetic(Arithmetic::Modulo),
        "and" => arithmetic(Arithmetic::And),
        "or" => arithmetic(Arithmetic::Or),
        "xor" => arithmetic(Arithmetic::Xor),
        "neg" => Converter::Negate,
        "cpl" => Converter::Complement,
        "odd" => Converter::Odd,
        "even" => Converter::Even,
        "field" => Converter::Field { index: number(0).unwrap_or(1), delimiters: text(1), count: number(2).unwrap_or(1) },
        "word" => Converter::Word { index: number(0).unwrap_or(1), delimiters: text(1), count: number(2).unwrap_or(1) },
        "bytes" => Converter::Bytes { offset: number(0).unwrap_or(0), length: number(1) },
        "regsub" => {
            let flags = arguments.get(2).map_or("", String::as_str);
            let pattern = files.pattern(arguments.first().map_or("", String::as_str), flags.contains('i'));
            Converter::RegSub { pattern, replacement: text(1), global: flags.contains('g') }
        }
        "concat" => Converter::Concat(text(0), some(1), text(2)),
        "iif" => Converter::Iif(text(0), text(1)),
        "strcmp" => Converter::Strcmp(text(0)),
        "url_dec" => Converter::UrlDecode { plus: number(0) == Some(1) },
        "url_enc" => Converter::UrlEncode,
        "ltrim" => Converter::Trim { left: true, signs: text(0) },
        "rtrim" => Converter::Trim { left: false, signs: text(0) },
        "host_only" => Converter::HostOnly,
        "port_only" => Converter::PortOnly,
        "ipmask" => Converter::Mask(mask(arguments.first(), 32), mask(arguments.get(1), 128)),
        "base64" => Converter::Base64Encode,
        "b64dec" => Converter::Base64Decode,
        "hex" => Converter::Hex,
        "hex2i" => Converter::HexNumber,
        "sha1" => Converter::Sha1,
        "sha2" => Converter::Sha2(number(0).unwrap_or(256)),
        "json_query" => Converter::JsonQuery { path: text(0), integer: some(1).is_some() },
        "set-var" => Converter::SetVariable(text(0)),
        "unset-var" => Converter::UnsetVariable(text(0)),
        "add_item" => Converter::AddItem { delimiter: text(0), variable: some(1), suffix: text(2) },
        "debug" => Converter::Same,
        _ if name == "map" || name.starts_with("map_") => {
            let kind = vocabulary::converter(name).map_or(Kind::Text, |known| known.to);
            let matching = name.trim_start_matches("map").trim_start_matches('_');
            let matching = matching.strip_suffix("_int").filter(|_| kind == Kind::Integer).unwrap_or(matching);
            let matching = matching.strip_suffix("_ip").filter(|_| kind == Kind::Address).unwrap_or(matching);
            Converter::Map(files.map(&text(0), matching), arguments.get(1).map(|default| default.as_str().into()), kind)
        }
        _ => hash::named(name).map_or(Converter::Unknown, |hash| Converter::Hash(hash, number(0).is_some_and(|mix| mix != 0))),
    }
}

/// The length of a prefix, written as a number or as a mask.
fn mask(text: Option<&String>, all: u8) -> u8 {
    let Some(text) = text else { return all };
    if let Ok(bits) = text.parse::<u8>() {
        return bits.min(all);
    }
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(mask)) => u32::from(mask).leading_ones() as u8,
        Ok(IpAddr::V6(mask)) => u128::from(mask).leading_ones() as u8,
        Err(_) => all,
    }
}
