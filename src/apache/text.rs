//! Text with variables in it, as rewrite rules and expressions write it.

use std::sync::Arc;

use crate::http::{MethodSet, Universe};

/// Something about a request that a config can name. Names are those of mod_rewrite and `ap_expr`, which agree on these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Var {
    Method,
    TheRequest,
    Uri,
    Filename,
    Query,
    Header(Arc<str>),
    Env(Arc<str>),
    RemoteAddress,
    ServerPort,
    ServerName,
    ServerAddress,
    DocumentRoot,
    Scheme,
    Https,
    Protocol,
    Handler,
    ContextPrefix,
    PathInfo,
    Status,
    /// What is `off` here.
    Off,
    User,
    IsSubrequest,
    Software,
    /// The variable as a subrequest for the path would see it.
    LookAhead(Box<Var>),
    /// Always the empty text here: what only later phases or other modules fill.
    Empty,
    /// What only the running server knows: its name.
    Unknown(Arc<str>),
}

/// One part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(Box<str>),
    Var(Var),
    /// `$1` of a rule, or a group of an earlier match in an expression.
    Group(u8),
    /// `%1` of a condition.
    CondGroup(u8),
    Call(Function, Vec<Piece>),
    Map(Box<MapCall>),
}

/// `${map:key|default}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MapCall {
    pub(super) map: Box<str>,
    pub(super) key: Text,
    pub(super) default: Text,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Lower,
    Upper,
    Base64,
    Sha1,
    Md5,
    Escape,
    Unescape,
    /// A function that cannot be run here.
    Unknown(Arc<str>),
}

pub(super) type Text = Vec<Piece>;

impl Var {
    /// The variable of a name without `%{}`; `HTTP:X`, `ENV:X` and the like keep their prefix.
    pub(super) fn named(name: &str) -> Var {
        if let Some((kind, rest)) = name.split_once(':') {
            return match kind.to_ascii_lowercase().as_str() {
                "http" | "req" | "req_novary" => Var::Header(rest.to_ascii_lowercase().into()),
                "env" | "reqenv" | "e" => Var::Env(rest.into()),
                "la-u" | "la-f" => Var::LookAhead(Box::new(Var::named(rest))),
                "ssl" | "osenv" | "resp" | "note" => Var::Unknown(name.into()),
                _ => Var::Unknown(name.into()),
            };
        }
        match name.to_ascii_uppercase().as_str() {
            "REQUEST_METHOD" => Var::Method,
            "THE_REQUEST" => Var::TheRequest,
            "REQUEST_URI" => Var::Uri,
            "REQUEST_FILENAME" | "SCRIPT_FILENAME" => Var::Filename,
            "QUERY_STRING" => Var::Query,
            "HTTP_HOST" => Var::Header("host".into()),
            "HTTP_USER_AGENT" => Var::Header("user-agent".into()),
            "HTTP_REFERER" => Var::Header("referer".into()),
            "HTTP_COOKIE" => Var::Header("cookie".into()),
            "HTTP_ACCEPT" => Var::Header("accept".into()),
            "HTTP_FORWARDED" => Var::Header("forwarded".into()),
            "HTTP_PROXY_CONNECTION" => Var::Header("proxy-connection".into()),
            // Without `HostnameLookups` the client's name is its address.
            "REMOTE_ADDR" | "CONN_REMOTE_ADDR" | "REMOTE_HOST" => Var::RemoteAddress,
            "DOCUMENT_URI" => Var::Uri,
            "REQUEST_STATUS" => Var::Status,
            "HTTP2" | "IPV6" => Var::Off,
            "SERVER_PORT" => Var::ServerPort,
            "SERVER_NAME" => Var::ServerName,
            "SERVER_ADDR" => Var::ServerAddress,
            "DOCUMENT_ROOT" | "CONTEXT_DOCUMENT_ROOT" => Var::DocumentRoot,
            "CONTEXT_PREFIX" => Var::ContextPrefix,
            "REQUEST_SCHEME" => Var::Scheme,
            "HTTPS" => Var::Https,
            "SERVER_PROTOCOL" => Var::Protocol,
            "HANDLER" => Var::Handler,
            "PATH_INFO" => Var::PathInfo,
            "IS_SUBREQ" => Var::IsSubrequest,
            "SERVER_SOFTWARE" => Var::Software,
            "REMOTE_USER" => Var::User,
            "AUTH_TYPE" | "REMOTE_IDENT" | "CONTENT_TYPE" => Var::Empty,
            _ => Var::Unknown(name.into()),
        }
    }
}

/// The text of a method where the text depends on nothing else.
pub(super) fn for_method(text: &[Piece], method: &str) -> Option<String> {
    let mut out = String::new();
    for piece in text {
        match piece {
            Piece::Literal(literal) => out.push_str(literal),
            Piece::Var(Var::Method) => out.push_str(method),
            Piece::Var(Var::Empty) => {}
            Piece::Call(Function::Lower, inner) => out.push_str(&for_method(inner, method)?.to_lowercase()),
            Piece::Call(Function::Upper, inner) => out.push_str(&for_method(inner, method)?.to_uppercase()),
            _ => return None,
        }
    }
    Some(out)
}

/// Whether the text looks at the method at all.
pub(super) fn looks_at_method(text: &[Piece]) -> bool {
    text.iter().any(|piece| match piece {
        Piece::Var(Var::Method | Var::TheRequest) => true,
        Piece::Call(_, inner) => looks_at_method(inner),
        Piece::Map(call) => looks_at_method(&call.key) || looks_at_method(&call.default),
        _ => false,
    })
}

/// The methods for which a test of such texts holds, where nothing else decides it.
pub(super) fn methods_with(universe: &Universe, texts: &[&Text], holds: impl Fn(&[String]) -> Option<bool>) -> Option<MethodSet> {
    let changing: Vec<usize> = (0..texts.len()).filter(|index| looks_at_method(texts[*index])).collect();
    if changing.is_empty() {
        return None;
    }
    let mut values = texts.iter().map(|text| for_method(text, "")).collect::<Option<Vec<String>>>()?;
    let mut set = MethodSet::EMPTY;
    for single in universe.all().singles() {
        let method = universe.first(single)?;
        for &index in &changing {
            values[index] = for_method(texts[index], method)?;
        }
        if holds(&values)? {
            set |= single;
        }
    }
    Some(set)
}

/// Reads the text of a rewrite rule or condition: `%{VAR}`, `$N`, `%N`, `${map:key}`, and a backslash before any sign
/// (`do_expand` in `modules/mappers/mod_rewrite.c`).
pub(super) fn rewrite_text(source: &str) -> Text {
    rewrite_pieces(source, 0)
}

const MAX_DEPTH: usize = 16;

fn rewrite_pieces(source: &str, depth: usize) -> Text {
    let mut text = Builder::default();
    let mut rest = source;
    while let Some(at) = rest.find(['\\', '$', '%']) {
        text.literal(&rest[..at]);
        let sign = &rest[at..=at];
        let after = &rest[at + 1..];
        let next = after.chars().next();
        rest = after;
        match (sign, next) {
            ("\\", Some(next)) => {
                text.literal(&after[..next.len_utf8()]);
                rest = &after[next.len_utf8()..];
            }
            (_, Some('{')) if closing(after).is_some() => {
                let end = closing(after).unwrap_or(1);
                let inner = &after[1..end];
                match find_outside(inner, ':') {
                    _ if sign == "%" => text.push(Piece::Var(Var::named(inner))),
                    Some(colon) => text.push(map_call(&inner[..colon], &inner[colon + 1..], depth)),
                    // Without a key it is no map.
                    None => {
                        text.literal("${");
                        rest = &after[1..];
                        continue;
                    }
                }
                rest = &after[end + 1..];
            }
            ("$", Some(digit @ '0'..='9')) => {
                text.push(Piece::Group(digit as u8 - b'0'));
                rest = &after[1..];
            }
            ("%", Some(digit @ '0'..='9')) => {
                text.push(Piece::CondGroup(digit as u8 - b'0'));
                rest = &after[1..];
            }
            _ => text.literal(sign),
        }
    }
    text.literal(rest);
    text.pieces
}

/// Where the brace that opens at the start closes.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (index, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index);
        }
    }
    None
}

fn map_call(map: &str, rest: &str, depth: usize) -> Piece {
    let pieces = |text| if depth < MAX_DEPTH { rewrite_pieces(text, depth + 1) } else { Vec::new() };
    let (key, default) = match find_outside(rest, '|') {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, ""),
    };
    Piece::Map(Box::new(MapCall { map: map.into(), key: pieces(key), default: pieces(default) }))
}

/// Where a sign stands outside of all inner braces.
fn find_outside(text: &str, sign: char) -> Option<usize> {
    let mut depth = 0usize;
    for (index, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if c == sign && depth == 0 => return Some(index),
            _ => {}
        }
    }
    None
}

/// Puts pieces together; neighbouring literals become one.
#[derive(Default)]
pub(super) struct Builder {
    pub(super) pieces: Text,
    literal: String,
}

impl Builder {
    pub(super) fn literal(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.pieces.last_mut() {
            Some(Piece::Literal(last)) => {
                self.literal.clear();
                self.literal.push_str(last);
                self.literal.push_str(text);
                *last = self.literal.as_str().into();
            }
            _ => self.pieces.push(Piece::Literal(text.into())),
        }
    }

    pub(super) fn push(&mut self, piece: Piece) {
        self.pieces.push(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewrite_texts_name_variables_groups_and_maps() {
        let text = rewrite_text(r"/a\$1/$1%2%{HTTP:X-A}${low:%{REQUEST_METHOD}}%z");
        assert_eq!(text[0], Piece::Literal("/a$1/".into()));
        assert_eq!(text[1..4], [Piece::Group(1), Piece::CondGroup(2), Piece::Var(Var::Header("x-a".into()))]);
        let call = MapCall { map: "low".into(), key: vec![Piece::Var(Var::Method)], default: Vec::new() };
        assert_eq!(text[4], Piece::Map(Box::new(call)));
        assert_eq!(text[5], Piece::Literal("%z".into()));
    }
}
