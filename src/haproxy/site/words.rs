//! Wordings that several parts of the model share.

/// "1 argument", "2 arguments".
pub(in crate::haproxy) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Whether the name of a header has nothing but letters, digits and `-`.
pub(in crate::haproxy) fn is_plain_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The known name that looks most like a mistyped one.
pub(in crate::haproxy) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let likeness = |known: &&str| (strsim::jaro_winkler(name, known) * 1000.0) as u32;
    known.max_by_key(likeness).filter(|best| likeness(best) > 850)
}

/// "there is no fetch `methd`, did you mean `method`".
pub(in crate::haproxy) fn unknown<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n str>) -> String {
    match nearest(name, known) {
        Some(best) => format!("there is no {what} `{name}`; did you mean `{best}`?"),
        None => format!("there is no {what} `{name}`"),
    }
}
