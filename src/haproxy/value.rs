//! Values of samples while a request is interpreted.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use crate::http::{ByMethod, MethodSet, Universe};

/// One sample. What a sample expression gives is none, one or, for headers with several values, many of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Datum {
    Text(Arc<str>),
    Number(i64),
    Truth(bool),
    Address(IpAddr),
    /// What need not be a text, such as a digest.
    Bytes(Arc<[u8]>),
    /// A method: the number of a method that HAProxy knows is compared, not its text.
    Method {
        known: bool,
        text: Arc<str>,
    },
}

/// The methods that HAProxy has numbers for (src/http.c, http_known_methods).
pub(super) const KNOWN_METHODS: &[&str] = &["OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT"];

impl Datum {
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Datum::Text(text) | Datum::Method { text, .. } => Cow::Borrowed(text),
            Datum::Number(number) => Cow::Owned(number.to_string()),
            Datum::Truth(truth) => Cow::Borrowed(if *truth { "1" } else { "0" }),
            Datum::Address(address) => Cow::Owned(address.to_string()),
            // Signs that are no ASCII read as U+001A, one for one.
            Datum::Bytes(bytes) => {
                Cow::Owned(bytes.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '\u{1a}' }).collect())
            }
        }
    }

    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Datum::Number(number) => Some(*number),
            Datum::Truth(truth) => Some(i64::from(*truth)),
            Datum::Text(text) => leading_number(text),
            Datum::Address(IpAddr::V4(address)) => Some(i64::from(u32::from(*address))),
            _ => None,
        }
    }

    pub(super) fn truth(&self) -> Option<bool> {
        self.number().map(|number| number != 0)
    }

    pub(super) fn address(&self) -> Option<IpAddr> {
        match self {
            Datum::Address(address) => Some(*address),
            Datum::Text(text) => text.parse().ok(),
            _ => None,
        }
    }
}

/// The digits at the start of a text, as C's casts read them; a text without any is 0, an empty one no number.
fn leading_number(text: &str) -> Option<i64> {
    if text.is_empty() {
        return None;
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(digits.len());
    let number = digits[..end].parse::<i64>().unwrap_or(if end == 0 { 0 } else { i64::MAX });
    Some(if negative { -number } else { number })
}

/// The samples that one expression gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Data {
    /// No header of that name, no such variable: nothing matches it.
    #[default]
    Nothing,
    One(Datum),
    Many(Vec<Datum>),
}

impl Data {
    pub(super) fn text(text: impl Into<Arc<str>>) -> Self {
        Data::One(Datum::Text(text.into()))
    }

    pub(super) fn all(&self) -> &[Datum] {
        match self {
            Data::Nothing => &[],
            Data::One(one) => std::slice::from_ref(one),
            Data::Many(many) => many,
        }
    }

    /// Outside of ACLs the last value counts.
    pub(super) fn last(&self) -> Option<&Datum> {
        self.all().last()
    }

    pub(super) fn each(&self, of: impl Fn(&Datum) -> Option<Datum>) -> Data {
        match self {
            Data::Nothing => Data::Nothing,
            Data::One(one) => of(one).map_or(Data::Nothing, Data::One),
            Data::Many(many) => many.iter().filter_map(of).collect(),
        }
    }
}

impl FromIterator<Datum> for Data {
    fn from_iter<I: IntoIterator<Item = Datum>>(data: I) -> Self {
        let mut data: Vec<Datum> = data.into_iter().collect();
        match data.len() {
            0 => Data::Nothing,
            1 => data.pop().map_or(Data::Nothing, Data::One),
            _ => Data::Many(data),
        }
    }
}

/// What is known about a value: the value itself, one for each method, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<T> {
    Known(T),
    ByMethod(ByMethod<T>),
    Unknown,
}

impl<T: Clone + Eq> Value<T> {
    pub(super) fn map<U: Clone + Eq>(&self, of: impl Fn(&T) -> U) -> Value<U> {
        match self {
            Value::Known(value) => Value::Known(of(value)),
            Value::ByMethod(values) => Value::by_method(values.map(of)),
            Value::Unknown => Value::Unknown,
        }
    }

    /// Like [`Value::map`], where the function may be unable to tell.
    pub(super) fn try_map<U: Clone + Eq>(&self, of: impl Fn(&T) -> Option<U>) -> Value<U> {
        let unsure = self.map(of);
        if matches!(&unsure, Value::Known(None))
            || matches!(&unsure, Value::ByMethod(values) if values.cases().iter().any(|case| case.1.is_none()))
        {
            return Value::Unknown;
        }
        match unsure {
            Value::Known(Some(value)) => Value::Known(value),
            Value::ByMethod(values) => {
                let first = values.cases().iter().find_map(|(_, value)| value.clone());
                first.map_or(Value::Unknown, |first| {
                    Value::by_method(values.map(|value| value.clone().unwrap_or_else(|| first.clone())))
                })
            }
            _ => Value::Unknown,
        }
    }

    pub(super) fn zip<U: Clone + Eq, V: Clone + Eq>(&self, other: &Value<U>, of: impl Fn(&T, &U) -> V) -> Value<V> {
        match (self, other) {
            (Value::Unknown, _) | (_, Value::Unknown) => Value::Unknown,
            (Value::Known(one), Value::Known(other)) => Value::Known(of(one, other)),
            (Value::Known(one), Value::ByMethod(others)) => Value::by_method(others.map(|other| of(one, other))),
            (Value::ByMethod(ones), Value::Known(other)) => Value::by_method(ones.map(|one| of(one, other))),
            (Value::ByMethod(ones), Value::ByMethod(others)) => Value::by_method(ones.zip(others, of)),
        }
    }

    pub(super) fn by_method(values: ByMethod<T>) -> Self {
        match values.constant() {
            Some(value) => Value::Known(value.clone()),
            None => Value::ByMethod(values),
        }
    }

    pub(super) fn each_method(universe: &Universe, set: MethodSet, of: impl Fn(&str) -> T) -> Self {
        Value::by_method(ByMethod::each(universe, set, of))
    }
}
