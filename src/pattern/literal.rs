//! Patterns that are plain texts in disguise: `^/api/`, `\.(jpe?g|png)$`, `^(GET|POST)$`.
//!
//! Configs hold tens of thousands of them, and comparing texts needs no engine.

/// A text that a pattern looks for, at one end of the subject or anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Literal {
    pub text: String,
    pub at_start: bool,
    pub at_end: bool,
}

/// The literals of which a subject must hold one; None where the pattern is more than that.
pub(super) fn literals(source: &str) -> Option<Vec<Literal>> {
    if source.len() > LONGEST {
        return None;
    }
    let mut reader = Reader { source: source.as_bytes(), at: 0, depth: 0 };
    let parts = reader.alternation()?;
    if reader.at < source.len() {
        return None;
    }
    parts.into_iter().map(Part::literal).collect()
}

const LONGEST: usize = 1_000;
const MOST: usize = 64;
const DEEPEST: usize = 8;

impl Literal {
    pub(super) fn is_in(&self, subject: &str, ignore_case: bool) -> bool {
        let (text, subject) = (self.text.as_bytes(), subject.as_bytes());
        let equal = |part: &[u8]| if ignore_case { part.eq_ignore_ascii_case(text) } else { part == text };
        let Some(spare) = subject.len().checked_sub(text.len()) else { return false };
        match (self.at_start, self.at_end) {
            (true, true) => spare == 0 && equal(subject),
            (true, false) => equal(&subject[..text.len()]),
            (false, true) => equal(&subject[spare..]),
            (false, false) if text.is_empty() => true,
            (false, false) => subject.windows(text.len()).any(equal),
        }
    }
}

/// One way to read a part of the pattern. `.*` at an end undoes the anchor there.
#[derive(Clone, Default)]
struct Part {
    text: Vec<u8>,
    starts: bool,
    ends: bool,
    /// `.*` came last: only `$` may follow.
    open_end: bool,
}

impl Part {
    fn literal(self) -> Option<Literal> {
        let text = String::from_utf8(self.text).ok()?;
        Some(Literal { text, at_start: self.starts, at_end: self.ends && !self.open_end })
    }

    fn then(&self, next: &Part) -> Option<Part> {
        let nothing_more = next.text.is_empty() && !next.starts;
        if (self.ends || self.open_end) && !nothing_more || next.starts && !self.text.is_empty() {
            return None;
        }
        if self.ends && next.open_end {
            return None;
        }
        Some(Part {
            text: [&self.text[..], &next.text].concat(),
            starts: self.starts || next.starts,
            ends: self.ends || next.ends,
            open_end: self.open_end || next.open_end,
        })
    }
}

struct Reader<'s> {
    source: &'s [u8],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.source[self.at..].starts_with(text.as_bytes());
        self.at += if found { text.len() } else { 0 };
        found
    }

    fn alternation(&mut self) -> Option<Vec<Part>> {
        let mut parts = self.sequence()?;
        while self.eat("|") {
            parts.extend(self.sequence()?);
        }
        (parts.len() <= MOST).then_some(parts)
    }

    fn sequence(&mut self) -> Option<Vec<Part>> {
        let mut parts = vec![Part::default()];
        while let Some(byte) = self.peek() {
            if matches!(byte, b'|' | b')') {
                break;
            }
            let next = self.item(byte)?;
            if parts.len() * next.len() > MOST {
                return None;
            }
            let joined = parts.iter().flat_map(|part| next.iter().map(move |next| part.then(next)));
            parts = joined.collect::<Option<Vec<_>>>()?;
        }
        Some(parts)
    }

    fn item(&mut self, byte: u8) -> Option<Vec<Part>> {
        self.at += 1;
        let parts = match byte {
            b'^' => return self.anchor(Part { starts: true, ..Part::default() }),
            b'$' => return self.anchor(Part { ends: true, ..Part::default() }),
            b'.' if self.eat("*") => {
                let last = self.peek().is_none_or(|byte| byte == b'$') && self.depth == 0;
                return last.then(|| vec![Part { open_end: true, ..Part::default() }]);
            }
            b'(' => self.group()?,
            b'\\' => {
                let escaped = self.peek().filter(|byte| byte.is_ascii_punctuation())?;
                self.at += 1;
                vec![Part { text: vec![escaped], ..Part::default() }]
            }
            b'[' => {
                // `[.]` is how many write a dot.
                let only = self.peek().filter(|byte| !matches!(byte, b'\\' | b'^' | b'[' | b']'))?;
                self.at += 1;
                self.eat("]").then(|| vec![Part { text: vec![only], ..Part::default() }])?
            }
            b'.' | b'*' | b'+' | b'?' | b'{' | b')' => return None,
            _ => vec![Part { text: vec![byte], ..Part::default() }],
        };
        match self.peek() {
            Some(b'*' | b'+' | b'{') => None,
            Some(b'?') => {
                self.at += 1;
                let lazy_or_possessive = matches!(self.peek(), Some(b'?' | b'+' | b'*' | b'{'));
                (!lazy_or_possessive).then(|| [parts, vec![Part::default()]].concat())
            }
            _ => Some(parts),
        }
    }

    fn anchor(&self, part: Part) -> Option<Vec<Part>> {
        (!matches!(self.peek(), Some(b'?' | b'*' | b'+' | b'{'))).then(|| vec![part])
    }

    fn group(&mut self) -> Option<Vec<Part>> {
        if self.depth == DEEPEST || (!self.eat("?:") && matches!(self.peek(), Some(b'?' | b'*'))) {
            return None;
        }
        self.depth += 1;
        let parts = self.alternation()?;
        self.depth -= 1;
        self.eat(")").then_some(parts)
    }
}
