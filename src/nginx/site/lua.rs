//! What the Lua code of a config can do to a request (`lua-nginx-module`), told from the calls that stand in it.
//!
//! The code is not run: a call that stands under a condition, in a loop or in a function may happen or not.

use std::sync::Arc;

/// One call of the code that decides about the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Effect {
    pub kind: EffectKind,
    /// Whether it stands outside of all blocks of the code.
    pub certain: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum EffectKind {
    /// `ngx.exit(405)`, `ngx.redirect(…)`: ends the request.
    Exit(u16),
    /// `ngx.exit(ngx.OK)`, `return`: ends the code alone.
    Leave,
    /// `ngx.status = 405`: the status of what is sent later.
    Status(u16),
    /// `ngx.exec("/uri")`: goes on elsewhere.
    Exec(Arc<str>),
    /// `ngx.req.set_method(ngx.HTTP_PUT)`
    Method(&'static str),
}

/// A code with more calls than this is not read to its end.
const MAX_EFFECTS: usize = 16;

/// The calls of a code, in its order.
pub(super) fn effects(code: &str) -> Vec<Effect> {
    let tokens = tokens(code);
    let mut effects = Vec::new();
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Word("if" | "for" | "while" | "function" | "repeat") => depth += 1,
            // The `do` of a loop belongs to its head.
            Token::Word("do") if !heads_loop(&tokens[..at]) => depth += 1,
            Token::Word("end" | "until") => depth = depth.saturating_sub(1),
            _ => {}
        }
        if effects.len() < MAX_EFFECTS
            && let Some(kind) = effect(&tokens[at..])
        {
            effects.push(Effect { kind, certain: depth == 0 });
        }
    }
    effects
}

fn heads_loop(before: &[Token<'_>]) -> bool {
    let words = before.iter().rev().filter_map(|token| match token {
        Token::Word(word @ ("for" | "while" | "do" | "then" | "end")) => Some(*word),
        _ => None,
    });
    words.take(1).any(|word| matches!(word, "for" | "while"))
}

fn effect(tokens: &[Token<'_>]) -> Option<EffectKind> {
    let Token::Word(name) = tokens.first()? else { return None };
    let argument = || tokens.get(1).filter(|open| matches!(open, Token::Sign(b'('))).and(tokens.get(2));
    match *name {
        "ngx.exit" => match argument()? {
            Token::Word(code) => match status(code)? {
                0 => Some(EffectKind::Leave),
                code => Some(EffectKind::Exit(code)),
            },
            _ => None,
        },
        "ngx.redirect" => {
            let code = tokens.get(4).filter(|_| matches!(tokens.get(3), Some(Token::Sign(b','))));
            let code = code.and_then(|code| if let Token::Word(code) = code { status(code) } else { None });
            Some(EffectKind::Exit(code.unwrap_or(302)))
        }
        "ngx.exec" => match argument()? {
            Token::Text(target) => Some(EffectKind::Exec(Arc::from(*target))),
            _ => None,
        },
        "ngx.req.set_method" => match argument()? {
            Token::Word(name) => method(name.strip_prefix("ngx.HTTP_")?).map(EffectKind::Method),
            _ => None,
        },
        "ngx.status" => match tokens.get(1..3)? {
            [Token::Sign(b'='), Token::Word(code)] => status(code).map(EffectKind::Status),
            _ => None,
        },
        "return" if !matches!(tokens.get(1), Some(Token::Word(call)) if call.starts_with("ngx.")) => Some(EffectKind::Leave),
        _ => None,
    }
}

/// `ngx.req.set_method` takes these alone.
fn method(name: &str) -> Option<&'static str> {
    const NAMES: &[&str] = &[
        "GET",
        "HEAD",
        "POST",
        "PUT",
        "DELETE",
        "OPTIONS",
        "MKCOL",
        "COPY",
        "MOVE",
        "PROPFIND",
        "PROPPATCH",
        "LOCK",
        "UNLOCK",
        "PATCH",
        "TRACE",
    ];
    NAMES.iter().copied().find(|known| *known == name)
}

/// A status by its number or its constant; 0 for `ngx.OK`.
fn status(text: &str) -> Option<u16> {
    if let Ok(code) = text.parse() {
        return Some(code);
    }
    Some(match text.strip_prefix("ngx.")? {
        "OK" => 0,
        "ERROR" => 500,
        "HTTP_OK" => 200,
        "HTTP_CREATED" => 201,
        "HTTP_ACCEPTED" => 202,
        "HTTP_NO_CONTENT" => 204,
        "HTTP_PARTIAL_CONTENT" => 206,
        "HTTP_SPECIAL_RESPONSE" => 300,
        "HTTP_MOVED_PERMANENTLY" => 301,
        "HTTP_MOVED_TEMPORARILY" => 302,
        "HTTP_SEE_OTHER" => 303,
        "HTTP_NOT_MODIFIED" => 304,
        "HTTP_TEMPORARY_REDIRECT" => 307,
        "HTTP_PERMANENT_REDIRECT" => 308,
        "HTTP_BAD_REQUEST" => 400,
        "HTTP_UNAUTHORIZED" => 401,
        "HTTP_PAYMENT_REQUIRED" => 402,
        "HTTP_FORBIDDEN" => 403,
        "HTTP_NOT_FOUND" => 404,
        "HTTP_NOT_ALLOWED" => 405,
        "HTTP_NOT_ACCEPTABLE" => 406,
        "HTTP_REQUEST_TIMEOUT" => 408,
        "HTTP_CONFLICT" => 409,
        "HTTP_GONE" => 410,
        "HTTP_UPGRADE_REQUIRED" => 426,
        "HTTP_TOO_MANY_REQUESTS" => 429,
        "HTTP_CLOSE" => 444,
        "HTTP_ILLEGAL" => 451,
        "HTTP_INTERNAL_SERVER_ERROR" => 500,
        "HTTP_METHOD_NOT_IMPLEMENTED" | "HTTP_NOT_IMPLEMENTED" => 501,
        "HTTP_BAD_GATEWAY" => 502,
        "HTTP_SERVICE_UNAVAILABLE" => 503,
        "HTTP_GATEWAY_TIMEOUT" => 504,
        "HTTP_VERSION_NOT_SUPPORTED" => 505,
        "HTTP_INSUFFICIENT_STORAGE" => 507,
        _ => return None,
    })
}

#[derive(Clone, Copy, Debug)]
enum Token<'c> {
    /// A name with its dots, a keyword or a number.
    Word(&'c str),
    /// A text in quotes, as it is written.
    Text(&'c str),
    Sign(u8),
}

fn tokens(code: &str) -> Vec<Token<'_>> {
    let bytes = code.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        match byte {
            b'-' if code[at..].starts_with("--") => {
                at = match long_bracket(code, at + 2) {
                    Some((_, end)) => end,
                    None => code[at..].find('\n').map_or(bytes.len(), |length| at + length),
                };
            }
            b'"' | b'\'' => {
                at += 1;
                while bytes.get(at).is_some_and(|&next| next != byte && next != b'\n') {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                tokens.push(Token::Text(code.get(start + 1..at).unwrap_or("")));
                at += 1;
            }
            b'[' => match long_bracket(code, at) {
                Some((text, end)) => {
                    tokens.push(Token::Text(text));
                    at = end;
                }
                None => {
                    tokens.push(Token::Sign(byte));
                    at += 1;
                }
            },
            _ if byte.is_ascii_alphanumeric() || byte == b'_' => {
                let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
                at += bytes[at..].iter().take_while(is_part).count();
                tokens.push(Token::Word(&code[start..at]));
            }
            _ => {
                if !byte.is_ascii_whitespace() {
                    tokens.push(Token::Sign(byte));
                }
                at += 1;
            }
        }
    }
    tokens
}

/// `[[ … ]]` or `[==[ … ]==]` at a place: its text and its end.
fn long_bracket(code: &str, at: usize) -> Option<(&str, usize)> {
    let rest = code.get(at..)?.strip_prefix('[')?;
    let level = rest.len() - rest.trim_start_matches('=').len();
    let body = rest[level..].strip_prefix('[')?;
    let start = at + level + 2;
    let close = format!("]{}]", "=".repeat(level));
    let length = body.find(&close).unwrap_or(body.len());
    Some((&body[..length], (start + length + close.len()).min(code.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(code: &str) -> Vec<(EffectKind, bool)> {
        effects(code).into_iter().map(|effect| (effect.kind, effect.certain)).collect()
    }

    #[test]
    fn calls_are_found_with_their_certainty() {
        let code = r#"if ngx.req.get_method() ~= "POST" then ngx.exit(ngx.HTTP_NOT_ALLOWED) end -- ngx.exit(1)
            local s = "ngx.exit(500)" for i = 1, 2 do ngx.status = 503 end ngx.redirect("/x", 307)"#;
        assert_eq!(
            kinds(code),
            [(EffectKind::Exit(405), false), (EffectKind::Status(503), false), (EffectKind::Exit(307), true)]
        );
        assert_eq!(kinds("ngx.req.set_method(ngx.HTTP_PUT)"), [(EffectKind::Method("PUT"), true)]);
        assert_eq!(
            kinds("[[ ngx.exit(1) ]] --[==[ x\n ngx.exit(2) ]==] return ngx.exec('@a')"),
            [(EffectKind::Exec("@a".into()), true)]
        );
        assert_eq!(kinds("while x do ngx.exit(ngx.OK) end return"), [(EffectKind::Leave, false), (EffectKind::Leave, true)]);
    }
}
