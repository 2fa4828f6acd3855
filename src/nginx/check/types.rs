//! The values that nginx's core reads for its modules: numbers, sizes, times, words.

use super::Checker;
use crate::grammar::Value;
use crate::nginx::site::size;
use crate::syntax::Directive;

impl<'d> Checker<'d> {
    pub(super) fn typed(&mut self, statement: Directive<'d>, kind: Value) {
        let words = statement.args().iter().zip(statement.values());
        for (index, (word, value)) in words.enumerate() {
            // Some sizes may hold variables.
            let fits = value.contains('$') || fits(kind, index, value);
            if !fits {
                let message = format!("`{}` takes no value `{value}`", statement.name());
                self.reject_with(statement.tree.span(word), message, expected(kind));
                return;
            }
        }
    }
}

fn fits(kind: Value, index: usize, value: &str) -> bool {
    match kind {
        Value::Number => is_number(value),
        Value::Size => !value.ends_with(['g', 'G']) && size(value).is_some(),
        Value::Offset => size(value).is_some(),
        Value::Time => is_time(value, true),
        Value::Seconds => is_time(value, false),
        Value::Buffers if index == 0 => is_number(value),
        Value::Buffers => fits(Value::Size, index, value),
        Value::Words(words) => words.iter().any(|known| known.eq_ignore_ascii_case(value)),
    }
}

fn expected(kind: Value) -> String {
    match kind {
        Value::Number => "write a number".to_owned(),
        Value::Size => "write a number of bytes, or one with `k` or `m`".to_owned(),
        Value::Offset => "write a number of bytes, or one with `k`, `m` or `g`".to_owned(),
        Value::Time => "write a time such as `30s`, `1m` or `500ms`".to_owned(),
        Value::Seconds => "write a time such as `30s` or `1m`".to_owned(),
        Value::Buffers => "write a number and a size, such as `8 16k`".to_owned(),
        Value::Words(words) => format!("it takes {}", words.join(", ")),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn is_time(text: &str, with_milliseconds: bool) -> bool {
    duration(text, with_milliseconds).is_some()
}

const SECOND: u64 = 1000;
pub(super) const DAY: u64 = 24 * 3600 * SECOND;

/// A time in milliseconds (`ngx_parse_time`): units from the largest down, each at most once; a number without one counts in the
/// last unit.
pub(super) fn duration(text: &str, with_milliseconds: bool) -> Option<u64> {
    const UNITS: [(&str, u64); 8] = [
        ("y", 365 * DAY),
        ("M", 30 * DAY),
        ("w", 7 * DAY),
        ("d", DAY),
        ("h", 3600 * SECOND),
        ("m", 60 * SECOND),
        ("s", SECOND),
        ("ms", 1),
    ];
    const LAST: usize = UNITS.len() - 1;
    let (mut rest, mut next, mut total) = (text, 0, 0u64);
    loop {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number =
            rest[..digits].bytes().fold(0u64, |number, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
        if digits == 0 {
            return None;
        }
        rest = &rest[digits..];
        let length = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (at, worth) = match &rest[..length] {
            "" => (LAST, if with_milliseconds { 1 } else { SECOND }),
            unit => {
                let at = next + UNITS[next..].iter().position(|(known, _)| *known == unit)?;
                (at, UNITS[at].1)
            }
        };
        if at == LAST && length > 0 && !with_milliseconds {
            return None;
        }
        total = total.saturating_add(number.saturating_mul(worth));
        next = at + 1;
        rest = rest[length..].trim_start_matches(' ');
        match (rest.is_empty(), next > LAST) {
            (true, _) => return Some(total),
            (false, true) => return None,
            (false, false) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_nginx_does() {
        for time in ["0", "30", "30s", "1h 30m", "1h30m", "500ms", "1m30s", "1y", "2M", "1m30"] {
            assert!(is_time(time, true), "{time}");
        }
        for time in ["", "x", "10x", "1s1h", "1ms1s", "-1", "1.5s", "s"] {
            assert!(!is_time(time, true), "{time}");
        }
        assert!(!is_time("500ms", false) && is_time("10", false));
        let times = [("1d", DAY), ("25h", 25 * 3_600_000), ("1h30m", 5_400_000), ("90", 90_000)];
        assert!(times.into_iter().all(|(text, time)| duration(text, false) == Some(time)));
        assert_eq!(duration("90", true), Some(90));
    }
}
