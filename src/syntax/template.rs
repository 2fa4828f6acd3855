//! Templates that become a config: Jinja, ERB, Go and Helm tags, and the placeholders of simpler engines.
//!
//! Such files are linted before they are filled in. An expression is an opaque word, a control tag says that the statements
//! under it may or may not be there, and nothing of it is an error.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TagKind {
    Open,
    Else,
    Close,
    Comment,
    Other,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag {
    pub end: usize,
    pub kind: TagKind,
    /// Whether it stands for a value, as `{{ x }}` and `<%= x %>` do.
    pub expression: bool,
}

/// A tag longer than this is none; the search for its end must stay cheap.
const LONGEST: usize = 4096;

/// What the tag that a text begins with holds, and what follows it.
pub(crate) fn split_tag(text: &str) -> Option<(&str, &str)> {
    const TAGS: [(&str, &str); 4] = [("{{", "}}"), ("{%", "%}"), ("{#", "#}"), ("<%", "%>")];
    let (opening, closing) = TAGS.into_iter().find(|(opening, _)| text.starts_with(opening))?;
    let body = &text.as_bytes()[opening.len()..text.len().min(LONGEST)];
    let end = opening.len() + position(body, closing.as_bytes())?;
    Some((&text[opening.len()..end], &text[end + closing.len()..]))
}

/// The tag that starts at `at`, if one does.
pub(crate) fn tag(text: &[u8], at: usize) -> Option<Tag> {
    let rest = &text[at..text.len().min(at + LONGEST)];
    let (opening, closing): (&[u8], &[u8]) = match rest {
        [b'{', b'{', ..] => (b"{{", b"}}"),
        [b'{', b'%', ..] => (b"{%", b"%}"),
        [b'{', b'#', ..] => (b"{#", b"#}"),
        [b'<', b'%', ..] => (b"<%", b"%>"),
        [b'{', ..] => return braced(rest).map(|length| Tag { end: at + length, kind: TagKind::Other, expression: true }),
        _ => return None,
    };
    let body = &rest[opening.len()..];
    let length = position(body, closing)?;
    let body = &body[..length];
    if opening == b"{#" && body.contains(&b'\n') {
        return None; // `{#` also opens a block with a comment behind it.
    }
    let kind = if opening == b"{#" || body.starts_with(b"#") && opening == b"<%" { TagKind::Comment } else { kind(body) };
    let expression = kind == TagKind::Other && (opening == b"{{" || body.starts_with(b"="));
    Some(Tag { end: at + opening.len() + length + closing.len(), kind, expression })
}

/// The length of `{NAME}`, which some start scripts fill in: a block in this form would hold a statement without an end.
fn braced(rest: &[u8]) -> Option<usize> {
    let name = &rest[1..];
    let length = name.iter().take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || **byte == b'_').count();
    let closed = length >= 3 && name[0].is_ascii_uppercase() && name.get(length) == Some(&b'}');
    closed.then_some(length + 2)
}

fn position(text: &[u8], closing: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += text[at..].iter().position(|byte| *byte == closing[0])?;
        if text[at..].starts_with(closing) {
            return Some(at);
        }
        at += 1;
    }
}

fn kind(body: &[u8]) -> TagKind {
    let body = String::from_utf8_lossy(body);
    let body = body.trim_matches(|sign: char| sign.is_whitespace() || matches!(sign, '-' | '+' | '#' | '~'));
    if body.starts_with("/*") || body.starts_with('!') {
        return TagKind::Comment;
    }
    let first = body.split(|sign: char| !(sign.is_alphanumeric() || matches!(sign, '_' | '/'))).next().unwrap_or("");
    match first {
        "if" | "for" | "unless" | "range" | "with" | "block" | "macro" | "each" | "case" | "define" | "while" | "raw"
        | "call" | "filter" => TagKind::Open,
        "else" | "elif" | "elsif" | "elseif" | "elsIf" | "when" => TagKind::Else,
        "end" | "}" => TagKind::Close,
        _ if first.starts_with("end") || first.starts_with('/') => TagKind::Close,
        _ if opens_ruby_block(body) => TagKind::Open,
        _ => TagKind::Other,
    }
}

/// `@list.each do |item|`
fn opens_ruby_block(body: &str) -> bool {
    let body = body.trim_end();
    let body = body.strip_suffix('|').and_then(|body| body.rsplit_once('|')).map_or(body, |(body, _)| body.trim_end());
    body.ends_with(" do")
}

/// Whether a word holds a placeholder that some program fills in: `%name%`, `@NAME@`, `__NAME__`, `<NAME>`, `${NAME}`, `$(NAME)`.
pub(crate) fn has_placeholder(word: &[u8]) -> bool {
    word.iter().enumerate().any(|(at, byte)| {
        let rest = &word[at + 1..];
        match byte {
            b'%' => between(rest, b'%', |byte| byte.is_ascii_alphanumeric() || byte == b'_') && !rest[0].is_ascii_digit(),
            b'@' => between(rest, b'@', |byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'),
            b'_' => dunder(rest),
            b'<' => is_angled(word, at),
            b'$' => shouted(rest),
            _ => false,
        }
    })
}

/// Whether a word holds `<NAME>`.
pub(crate) fn has_angled(word: &[u8]) -> bool {
    word.iter().enumerate().any(|(at, byte)| *byte == b'<' && is_angled(word, at))
}

/// Groups of regular expressions have names in angles, too: `(?<NAME>…)`.
fn is_angled(word: &[u8], at: usize) -> bool {
    let (before, rest) = (&word[..at], &word[at + 1..]);
    !before.ends_with(b"?") && !before.ends_with(b"?P") && between(rest, b'>', is_shouted)
}

fn is_shouted(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

fn between(rest: &[u8], close: u8, allowed: impl Fn(u8) -> bool) -> bool {
    let length = rest.iter().take_while(|&&byte| allowed(byte)).count();
    length >= 3 && rest.get(length) == Some(&close)
}

fn dunder(rest: &[u8]) -> bool {
    let Some(name) = rest.strip_prefix(b"_") else { return false };
    let length = name.iter().take_while(|byte| is_shouted(**byte)).count();
    name.first().is_some_and(u8::is_ascii_uppercase) && length >= 4 && name[..length].ends_with(b"__")
}

/// envsubst's variables are shouted; nginx's own never are.
fn shouted(rest: &[u8]) -> bool {
    let (name, closed) = match rest {
        [b'{', name @ ..] => (name, Some(b'}')),
        [b'(', name @ ..] => (name, Some(b')')),
        name => (name, None),
    };
    let length = name.iter().take_while(|byte| is_shouted(**byte)).count();
    if length < 2 || !name[0].is_ascii_uppercase() && name[0] != b'_' || name[..length].iter().all(|byte| *byte == b'_') {
        return false;
    }
    match (closed, name.get(length)) {
        (Some(close), after) => after == Some(&close),
        (None, after) => !after.is_some_and(u8::is_ascii_lowercase),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_of_simple_engines_are_known() {
        for word in [
            "%domain_name%",
            "@@PORT@@",
            "@BACKEND@",
            "__DOMAIN__",
            "${SERVER_NAME}",
            "$(HOST)",
            "http://$BACKEND:80",
            "timeout=<PHP_TIMEOUT>",
        ] {
            assert!(has_placeholder(word.as_bytes()), "{word}");
        }
        for word in [
            "$host",
            "a%20b%20",
            "__name",
            "@named",
            "${uri}",
            "$1",
            "a@b.c",
            "$1_$2",
            "^/__x$",
            "(?<NAME>a)",
            "(?P<NAME>a)",
            "<If",
        ] {
            assert!(!has_placeholder(word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn control_tags_are_told_from_values() {
        let kind = |text: &str| tag(text.as_bytes(), 0).map(|tag| (tag.kind, tag.expression));
        assert_eq!(kind("{% if a %}"), Some((TagKind::Open, false)));
        assert_eq!(kind("{{- end }}"), Some((TagKind::Close, false)));
        assert_eq!(kind("<% @x.each do |y| -%>"), Some((TagKind::Open, false)));
        assert_eq!(kind("<%= x %>"), Some((TagKind::Other, true)));
        assert_eq!(kind("{{ x }}"), Some((TagKind::Other, true)));
        assert_eq!(kind("{INDEX_FILE}"), Some((TagKind::Other, true)));
        assert_eq!((kind("{ x }"), kind("{ABC;}"), kind("{2,3}")), (None, None, None));
    }
}
