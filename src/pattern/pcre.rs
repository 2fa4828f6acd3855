//! From PCRE's syntax to the engine's: a reader in the shape of `parse_regex` in PCRE2's `pcre2_compile.c`.
//!
//! The engine reads much the same language, but gives some of it another meaning (`\h`, `[a&&b]`, `\<`) and lacks some. What is
//! written out here means the same in both; what cannot be said is [`Problem::Unread`].

mod class;

use std::fmt::Write;

/// A pattern in the engine's own words.
#[derive(Debug)]
pub(super) struct Translation {
    pub(super) engine: String,
    /// The pattern without look-around, atomic groups and possessive quantifiers: what matches it is worth a try as an example.
    /// None where it would have little to do with the pattern.
    pub(super) plain: Option<String>,
    /// Whether it has none of these, nor anything else that a finite automaton cannot do.
    pub(super) regular: bool,
    /// Whether only ASCII texts can be told, since the pattern turns UTF mode on.
    pub(super) ascii_only: bool,
    /// How many groups have a number; named ones have one as well.
    pub(super) groups: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// PCRE refuses the pattern.
    Refused,
    /// PCRE may well read the pattern, this crate does not.
    Unread,
}

pub(super) fn translate(source: &str) -> Result<Translation, Problem> {
    if source.len() > LONGEST {
        return Err(Problem::Unread);
    }
    let mut reader = Reader::new(source);
    reader.start_options()?;
    while let Some(byte) = reader.next() {
        reader.item(byte)?;
    }
    reader.finish()
}

/// PCRE's own limit is 64K of compiled code.
const LONGEST: usize = 1 << 16;
/// PCRE2's default `parens_nest_limit`.
const DEEPEST: usize = 250;
const LARGEST_COUNT: u32 = 65_535;

const HORIZONTAL: &str = r"\x09\x20\xA0";
const VERTICAL: &str = r"\x0A-\x0D\x85";

struct Reader<'s> {
    source: &'s [u8],
    at: usize,
    engine: String,
    plain: String,
    has_plain: bool,
    regular: bool,
    ascii_only: bool,
    /// The open groups.
    open: Vec<Group>,
    /// Whether what comes next may be a quantifier.
    repeatable: bool,
    /// Whether blanks and comments are skipped: the `x` flag.
    extended: bool,
    /// Whether the current group is left out of the plain pattern, which look-around is.
    muted: bool,
    /// Whether the current group looks behind, where PCRE2 up to 10.42 wants a fixed length.
    behind: bool,
    groups: u32,
    names: Vec<&'s str>,
    numbers_used: Vec<u32>,
    names_used: Vec<&'s str>,
}

/// What holds again when a group closes.
struct Group {
    extended: bool,
    muted: bool,
    behind: bool,
}

impl<'s> Reader<'s> {
    fn new(source: &'s str) -> Self {
        Reader {
            source: source.as_bytes(),
            at: 0,
            engine: String::with_capacity(source.len() + 8),
            plain: String::with_capacity(source.len()),
            has_plain: true,
            regular: true,
            ascii_only: false,
            open: Vec::new(),
            repeatable: false,
            extended: false,
            muted: false,
            behind: false,
            groups: 0,
            names: Vec::new(),
            numbers_used: Vec::new(),
            names_used: Vec::new(),
        }
    }

    fn finish(self) -> Result<Translation, Problem> {
        let unknown_number = self.numbers_used.iter().any(|&number| number > self.groups);
        let unknown_name = self.names_used.iter().any(|name| !self.names.contains(name));
        if !self.open.is_empty() || unknown_number || unknown_name {
            return Err(Problem::Refused);
        }
        let (plain, regular) = (self.has_plain.then_some(self.plain), self.has_plain && self.regular);
        Ok(Translation { engine: self.engine, plain, regular, ascii_only: self.ascii_only, groups: self.groups })
    }

    /// `(*UTF8)` and its like, which stand before everything else.
    fn start_options(&mut self) -> Result<(), Problem> {
        while self.rest().starts_with(b"(*") {
            let Some(end) = self.rest().iter().position(|&byte| byte == b')') else { break };
            match &self.rest()[2..end] {
                b"UTF8" | b"UTF" | b"UCP" => self.ascii_only = true,
                b"CR" | b"LF" | b"CRLF" | b"ANY" | b"ANYCRLF" | b"BSR_ANYCRLF" | b"BSR_UNICODE" | b"NO_START_OPT"
                | b"NO_AUTO_POSSESS" | b"NO_JIT" | b"NO_DOTSTAR_ANCHOR" => {}
                _ => break,
            }
            self.at += end + 1;
        }
        Ok(())
    }

    fn item(&mut self, byte: u8) -> Result<(), Problem> {
        match byte {
            b'\\' => self.escape(),
            b'(' => self.group(),
            b')' => self.close(),
            b'[' => self.class(),
            b'|' | b'^' | b'$' => {
                self.emit(char::from(byte).encode_utf8(&mut [0; 4]));
                self.repeatable = false;
                Ok(())
            }
            b'.' => self.emit_item("."),
            b'*' | b'+' | b'?' => self.quantifier(char::from(byte).encode_utf8(&mut [0; 4])),
            b'{' => self.brace(),
            b'#' if self.extended => {
                while self.next().is_some_and(|byte| byte != b'\n') {}
                Ok(())
            }
            b' ' | b'\t'..=b'\r' if self.extended => Ok(()),
            _ => self.literal(byte),
        }
    }

    // Input

    fn rest(&self) -> &'s [u8] {
        &self.source[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text.as_bytes());
        self.at += if found { text.len() } else { 0 };
        found
    }

    /// The text up to the sign, which is eaten as well.
    fn until(&mut self, sign: u8) -> Result<&'s str, Problem> {
        let end = self.rest().iter().position(|&byte| byte == sign).ok_or(Problem::Refused)?;
        let text = std::str::from_utf8(&self.rest()[..end]).map_err(|_| Problem::Unread)?;
        self.at += end + 1;
        Ok(text)
    }

    /// Up to `most` digits as a number; None where there is none.
    fn number(&mut self, radix: u32, most: usize) -> Option<u32> {
        let digits = self.rest().iter().take(most).take_while(|&&byte| char::from(byte).is_digit(radix)).count();
        let text = std::str::from_utf8(&self.rest()[..digits]).ok()?;
        let number = u32::from_str_radix(text, radix).ok()?;
        self.at += digits;
        Some(number)
    }

    // Output

    fn emit(&mut self, text: &str) {
        self.emit_each(text, text);
    }

    /// What the plain pattern has otherwise than the engine is more than an automaton can do, but for the names of groups.
    fn emit_each(&mut self, engine: &str, plain: &str) {
        self.regular &= engine == plain || engine.starts_with("(?<") && plain == "(";
        self.engine.push_str(engine);
        if !self.muted {
            self.plain.push_str(plain);
        }
    }

    fn emit_item(&mut self, text: &str) -> Result<(), Problem> {
        self.emit(text);
        self.repeatable = true;
        Ok(())
    }

    fn emit_assertion(&mut self, text: &str) -> Result<(), Problem> {
        self.emit(text);
        self.repeatable = false;
        Ok(())
    }

    fn literal(&mut self, byte: u8) -> Result<(), Problem> {
        if self.ascii_only && !byte.is_ascii() {
            return Err(Problem::Unread);
        }
        let mut text = String::new();
        write_byte(&mut text, byte);
        self.emit_item(&text)
    }

    // Quantifiers

    fn quantifier(&mut self, text: &str) -> Result<(), Problem> {
        if !self.repeatable {
            return Err(Problem::Refused);
        }
        if self.behind && (!text.starts_with('{') || text.contains(',')) {
            return Err(Problem::Unread);
        }
        self.emit(text);
        while self.eat(r"\E") {}
        if self.eat("?") {
            self.emit("?");
        } else if self.eat("+") {
            self.emit_each("+", "");
        }
        self.repeatable = false;
        Ok(())
    }

    /// `{2}`, `{2,}`, `{2,3}`; any other brace is itself. `{,3}` is itself up to PCRE2 10.42 and a quantifier since.
    fn brace(&mut self) -> Result<(), Problem> {
        let start = self.at;
        let least = self.number(10, 9);
        let comma = self.eat(",");
        let most = if comma { self.number(10, 9) } else { least };
        if !self.eat("}") || (least.is_none() && most.is_none()) {
            self.at = start;
            return self.literal(b'{');
        }
        let Some(least) = least else { return Err(Problem::Unread) };
        if least.max(most.unwrap_or(0)) > LARGEST_COUNT || most.is_some_and(|most| most < least) {
            return Err(Problem::Refused);
        }
        let text = match most {
            None => format!("{{{least},}}"),
            Some(most) if comma => format!("{{{least},{most}}}"),
            Some(_) => format!("{{{least}}}"),
        };
        self.quantifier(&text)
    }

    // Groups

    fn group(&mut self) -> Result<(), Problem> {
        if self.eat("*") {
            return self.verb();
        }
        if !self.eat("?") {
            return self.capture(None);
        }
        match self.next().ok_or(Problem::Refused)? {
            b'#' => self.until(b')').map(|_| ()),
            b':' => self.enter("(?:", "(?:"),
            b'>' => self.enter("(?>", "(?:"),
            b'=' => self.look_around("(?="),
            b'!' => self.look_around("(?!"),
            b'<' if self.eat("=") => self.look_around("(?<="),
            b'<' if self.eat("!") => self.look_around("(?<!"),
            b'<' => self.named(b'>'),
            b'\'' => self.named(b'\''),
            b'P' if self.eat("<") => self.named(b'>'),
            b'P' if self.eat("=") => {
                let name = self.until(b')')?;
                self.back_to_name(name)
            }
            b'(' => self.conditional(),
            b'|' | b'P' | b'R' | b'&' | b'C' | b'+' | b'^' | b'0'..=b'9' => Err(Problem::Unread),
            b'-' if self.peek().is_some_and(|byte| byte.is_ascii_digit()) => Err(Problem::Unread),
            _ => {
                self.at -= 1;
                self.flags()
            }
        }
    }

    fn enter(&mut self, engine: &str, plain: &str) -> Result<(), Problem> {
        if self.open.len() == DEEPEST {
            return Err(Problem::Refused);
        }
        self.open.push(Group { extended: self.extended, muted: self.muted, behind: self.behind });
        self.emit_each(engine, plain);
        self.repeatable = false;
        Ok(())
    }

    /// The plain pattern has an empty group instead.
    fn look_around(&mut self, opening: &str) -> Result<(), Problem> {
        self.enter(opening, "(?:)")?;
        (self.muted, self.behind) = (true, opening.starts_with("(?<"));
        Ok(())
    }

    fn capture(&mut self, name: Option<&'s str>) -> Result<(), Problem> {
        self.groups += 1;
        let Some(name) = name else { return self.enter("(", "(") };
        self.enter(&format!("(?<{name}>"), "(")
    }

    fn named(&mut self, sign: u8) -> Result<(), Problem> {
        let name = self.until(sign)?;
        let first_is_right = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        if !first_is_right || name.len() > 32 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(Problem::Refused);
        }
        if self.names.contains(&name) {
            return Err(Problem::Unread);
        }
        self.names.push(name);
        self.capture(Some(name))
    }

    fn close(&mut self) -> Result<(), Problem> {
        let group = self.open.pop().ok_or(Problem::Refused)?;
        self.emit_each(")", ")");
        (self.extended, self.muted, self.behind) = (group.extended, group.muted, group.behind);
        self.repeatable = true;
        Ok(())
    }

    /// `(?(1)yes|no)` and `(?(<name>)yes|no)`.
    fn conditional(&mut self) -> Result<(), Problem> {
        self.has_plain = false;
        let condition = self.until(b')')?;
        let name = condition.strip_prefix('<').and_then(|name| name.strip_suffix('>'));
        if let Some(name) = name {
            self.names_used.push(name);
            return self.enter(&format!("(?(<{name}>)"), "(?:");
        }
        let number = condition.parse().map_err(|_| Problem::Unread)?;
        self.numbers_used.push(number);
        self.enter(&format!("(?({number})"), "(?:")
    }

    /// `(?i)` up to the end of the group, or `(?i:…)`.
    fn flags(&mut self) -> Result<(), Problem> {
        let (mut kept, mut on, mut extended) = (String::new(), true, self.extended);
        loop {
            match self.next().ok_or(Problem::Refused)? {
                byte @ (b'i' | b'm' | b's') => kept.push(char::from(byte)),
                b'-' if on => {
                    on = false;
                    kept.push('-');
                }
                b'x' => extended = on,
                b'U' | b'J' | b'n' => return Err(Problem::Unread),
                b')' => {
                    self.extended = extended;
                    let kept = kept.trim_end_matches('-');
                    self.repeatable = false;
                    if !kept.is_empty() {
                        self.emit(&format!("(?{kept})"));
                    }
                    return Ok(());
                }
                b':' => {
                    let opening = format!("(?{}:", kept.trim_end_matches('-'));
                    self.enter(&opening, &opening)?;
                    self.extended = extended;
                    return Ok(());
                }
                _ => return Err(Problem::Refused),
            }
        }
    }

    fn verb(&mut self) -> Result<(), Problem> {
        if self.eat("F)") || self.eat("FAIL)") {
            self.has_plain = false;
            return self.emit_assertion("(?!)");
        }
        let is_verb = self.peek().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b':');
        Err(if is_verb { Problem::Unread } else { Problem::Refused })
    }

    // Escapes

    fn escape(&mut self) -> Result<(), Problem> {
        let byte = self.next().ok_or(Problem::Refused)?;
        match byte {
            b'd' | b'D' | b'w' | b'W' | b's' | b'S' => self.emit_item(&format!("\\{}", char::from(byte))),
            b'h' => self.emit_item(&format!("[{HORIZONTAL}]")),
            b'H' => self.emit_item(&format!("[^{HORIZONTAL}]")),
            b'v' => self.emit_item(&format!("[{VERTICAL}]")),
            b'V' => self.emit_item(&format!("[^{VERTICAL}]")),
            b'R' if self.behind => Err(Problem::Unread),
            b'R' => {
                self.emit_each("(?>", "(?:");
                self.emit_item(&format!(r"\r\n|[{VERTICAL}])"))
            }
            b'N' if self.peek() != Some(b'{') => self.emit_item(r"[^\n]"),
            b'b' | b'B' | b'A' | b'z' => self.emit_assertion(&format!("\\{}", char::from(byte))),
            b'Z' => self.emit_assertion(r"\z"),
            b'G' => self.emit_assertion(r"\A"),
            b'K' if self.muted => Err(Problem::Unread),
            b'K' => {
                self.emit_each(r"\K", "");
                self.repeatable = false;
                Ok(())
            }
            b'Q' => self.quoted(),
            b'E' => Ok(()),
            b'1'..=b'9' => self.back_to_digits(),
            b'g' => self.back_to_any(),
            b'k' => {
                let sign = match self.next() {
                    Some(b'<') => b'>',
                    Some(b'\'') => b'\'',
                    Some(b'{') => b'}',
                    _ => return Err(Problem::Refused),
                };
                let name = self.until(sign)?;
                self.back_to_name(name)
            }
            b'p' => {
                let set = self.property()?;
                self.emit_item(&format!("[{set}]"))
            }
            _ => {
                let byte = self.escaped_byte(byte)?;
                self.literal(byte)
            }
        }
    }

    /// An escape that stands for one byte, the same in a class.
    fn escaped_byte(&mut self, byte: u8) -> Result<u8, Problem> {
        Ok(match byte {
            b'a' => 0x07,
            b'e' => 0x1B,
            b'f' => 0x0C,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'0' => self.small(8, 2)?,
            b'x' if self.eat("{") => self.braced(16)?,
            b'x' => self.small(16, 2)?,
            b'o' if self.eat("{") => self.braced(8)?,
            b'c' => {
                let control = self.next().ok_or(Problem::Refused)?;
                if !(b' '..=b'~').contains(&control) {
                    return Err(Problem::Refused);
                }
                control.to_ascii_uppercase() ^ 0x40
            }
            _ if byte.is_ascii_alphanumeric() => return Err(Problem::Unread),
            _ => byte,
        })
    }

    fn small(&mut self, radix: u32, most: usize) -> Result<u8, Problem> {
        u8::try_from(self.number(radix, most).unwrap_or(0)).map_err(|_| Problem::Unread)
    }

    /// The code of `\x{…}` and `\o{…}`, which is a byte unless UTF mode is on.
    fn braced(&mut self, radix: u32) -> Result<u8, Problem> {
        let code = u32::from_str_radix(self.until(b'}')?, radix).map_err(|_| Problem::Unread)?;
        match u8::try_from(code) {
            Ok(byte) => Ok(byte),
            Err(_) if self.ascii_only => Err(Problem::Unread),
            Err(_) => Err(Problem::Refused),
        }
    }

    /// `\Q…\E`, where the end may be missing.
    fn quoted(&mut self) -> Result<(), Problem> {
        while !self.eat(r"\E") {
            let Some(byte) = self.next() else { break };
            self.literal(byte)?;
        }
        Ok(())
    }

    /// `\12` is a group where there are so many, and else octal.
    fn back_to_digits(&mut self) -> Result<(), Problem> {
        self.at -= 1;
        let number = self.number(10, 9).ok_or(Problem::Unread)?;
        if number >= 10 && number > self.groups {
            return Err(Problem::Unread);
        }
        self.back_to_number(number)
    }

    /// `\g1`, `\g{1}`, `\g{-1}` and `\g{name}`; `\g<…>` calls a group.
    fn back_to_any(&mut self) -> Result<(), Problem> {
        if !self.eat("{") {
            let number = self.number(10, 9).ok_or(Problem::Unread)?;
            return self.back_to_number(number);
        }
        let target = self.until(b'}')?;
        if let Some(back) = target.strip_prefix('-') {
            let back: u32 = back.parse().map_err(|_| Problem::Unread)?;
            let number = (self.groups + 1).checked_sub(back).filter(|_| back > 0).ok_or(Problem::Refused)?;
            return self.back_to_number(number);
        }
        match target.parse() {
            Ok(number) => self.back_to_number(number),
            Err(_) if target.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') => self.back_to_name(target),
            Err(_) => Err(Problem::Unread),
        }
    }

    fn back_to_number(&mut self, number: u32) -> Result<(), Problem> {
        if number == 0 {
            return Err(Problem::Refused);
        }
        self.numbers_used.push(number);
        self.has_plain = false;
        self.emit_item(&format!(r"(?:\{number})"))
    }

    fn back_to_name(&mut self, name: &'s str) -> Result<(), Problem> {
        self.names_used.push(name);
        self.has_plain = false;
        self.emit_item(&format!(r"\k<{name}>"))
    }

    /// `\pL` and `\p{L}` as far as ASCII texts can tell.
    fn property(&mut self) -> Result<&'static str, Problem> {
        let name = match self.next().ok_or(Problem::Refused)? {
            b'{' => self.until(b'}')?,
            b'L' => "L",
            b'N' => "N",
            _ => return Err(Problem::Unread),
        };
        self.ascii_only = true;
        match name {
            "L" => Ok("A-Za-z"),
            "Lu" => Ok("A-Z"),
            "Ll" => Ok("a-z"),
            "N" | "Nd" => Ok("0-9"),
            _ => Err(Problem::Unread),
        }
    }
}

fn write_byte(text: &mut String, byte: u8) {
    match byte {
        b'\\' | b'.' | b'+' | b'*' | b'?' | b'(' | b')' | b'|' | b'[' | b']' | b'{' | b'}' | b'^' | b'$' => {
            text.push('\\');
            text.push(char::from(byte));
        }
        b'!'..=b'~' if byte != b'#' => text.push(char::from(byte)),
        _ => write_code(text, byte),
    }
}

fn write_code(text: &mut String, byte: u8) {
    // Writing to a String never fails.
    let _ = write!(text, r"\x{byte:02X}");
}
