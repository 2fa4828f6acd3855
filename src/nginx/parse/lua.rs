//! The end of a Lua body: strings, comments and long brackets may hold braces that do not count.

/// The offset of the brace that closes the body which starts at `from`.
pub(super) fn closing_brace(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    let mut depth = 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            b'"' | b'\'' => at = after_string(text, at)? - 1,
            b'-' if text[at..].starts_with(b"--") => at = after_comment(text, at)? - 1,
            b'[' => {
                if let Some(end) = long_bracket(text, at) {
                    at = end? - 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn after_string(text: &[u8], start: usize) -> Option<usize> {
    let quote = text[start];
    let mut at = start + 1;
    loop {
        match *text.get(at)? {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn after_comment(text: &[u8], start: usize) -> Option<usize> {
    let body = start + 2;
    if let Some(end) = long_bracket(text, body) {
        return end;
    }
    Some(text[body..].iter().position(|&byte| byte == b'\n').map_or(text.len(), |length| body + length))
}

/// The end of `[[ … ]]` or `[==[ … ]==]`, where one starts here; the inner `None` where it never ends.
fn long_bracket(text: &[u8], start: usize) -> Option<Option<usize>> {
    let rest = text.get(start..)?.strip_prefix(b"[")?;
    let level = rest.iter().take_while(|&&byte| byte == b'=').count();
    let body = rest[level..].strip_prefix(b"[")?;
    let close = [b"]".as_slice(), &b"=".repeat(level), b"]"].concat();
    let length = body.windows(close.len()).position(|window| window == close);
    Some(length.map(|length| text.len() - body.len() + length + close.len()))
}
