//! Classes in brackets. The engine has operators and nested classes in them (`[a&&b]`, `[[a]`), PCRE has neither, so that each
//! member that is no letter or digit is written as its code.

use super::{HORIZONTAL, Problem, Reader, VERTICAL, write_code};

/// A member of a class.
enum Member {
    Byte(u8),
    Set(String),
    Nothing,
}

impl Reader<'_> {
    pub(super) fn class(&mut self) -> Result<(), Problem> {
        if !matches!(self.posix_class()?, Member::Byte(b'[')) {
            return Err(Problem::Refused);
        }
        let mut text = String::from(if self.eat("^") { "[^" } else { "[" });
        let opening = text.len();
        let mut first = true;
        loop {
            match self.next().ok_or(Problem::Refused)? {
                b']' if !first => break,
                byte => self.class_item(byte, &mut text)?,
            }
            first = false;
        }
        if text.len() == opening {
            return Err(Problem::Unread);
        }
        text.push(']');
        self.emit_item(&text)
    }

    fn class_item(&mut self, byte: u8, text: &mut String) -> Result<(), Problem> {
        let low = match self.member(byte)? {
            Member::Nothing => return Ok(()),
            Member::Set(set) => {
                let range_follows = self.rest().starts_with(b"-") && !self.rest().starts_with(b"-]");
                text.push_str(&set);
                return if range_follows { Err(Problem::Unread) } else { Ok(()) };
            }
            Member::Byte(low) => low,
        };
        if self.ascii_only && !low.is_ascii() {
            return Err(Problem::Unread);
        }
        write_member(text, low);
        if !self.rest().starts_with(b"-") || self.rest().starts_with(b"-]") {
            return Ok(());
        }
        self.at += 1;
        let byte = self.next().ok_or(Problem::Refused)?;
        match self.member(byte)? {
            Member::Byte(high) if high < low => Err(Problem::Refused),
            Member::Byte(high) => {
                text.push('-');
                write_member(text, high);
                Ok(())
            }
            Member::Set(_) | Member::Nothing => Err(Problem::Unread),
        }
    }

    fn member(&mut self, byte: u8) -> Result<Member, Problem> {
        if byte == b'[' {
            return self.posix_class();
        }
        if byte != b'\\' {
            return Ok(Member::Byte(byte));
        }
        let byte = self.next().ok_or(Problem::Refused)?;
        Ok(match byte {
            b'd' | b'D' | b'w' | b'W' | b's' | b'S' => Member::Set(format!("\\{}", char::from(byte))),
            b'h' => Member::Set(HORIZONTAL.to_owned()),
            b'v' => Member::Set(VERTICAL.to_owned()),
            b'p' => Member::Set(self.property()?.to_owned()),
            b'b' => Member::Byte(0x08),
            b'B' | b'R' | b'X' => return Err(Problem::Refused),
            b'E' => Member::Nothing,
            b'Q' => {
                let mut set = String::new();
                while !self.eat(r"\E") {
                    write_member(&mut set, self.next().ok_or(Problem::Refused)?);
                }
                Member::Set(set)
            }
            b'1'..=b'7' => {
                self.at -= 1;
                Member::Byte(self.small(8, 3)?)
            }
            _ => Member::Byte(self.escaped_byte(byte)?),
        })
    }

    /// `[:alpha:]`; a bracket that opens no such thing is itself.
    fn posix_class(&mut self) -> Result<Member, Problem> {
        const NAMES: [&str; 14] = [
            "alpha", "lower", "upper", "alnum", "ascii", "blank", "cntrl", "digit", "graph", "print", "punct", "space", "word",
            "xdigit",
        ];
        let sign = match self.peek() {
            Some(sign @ (b':' | b'.' | b'=')) => sign,
            _ => return Ok(Member::Byte(b'[')),
        };
        let inside = &self.rest()[1..];
        let length = inside.iter().take_while(|&&byte| byte.is_ascii_alphabetic() || byte == b'^').count();
        if !inside[length..].starts_with(&[sign, b']']) {
            return Ok(Member::Byte(b'['));
        }
        let name = std::str::from_utf8(&inside[..length]).map_err(|_| Problem::Unread)?;
        if sign != b':' || !NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err(Problem::Refused);
        }
        self.at += length + 3;
        Ok(Member::Set(format!("[:{name}:]")))
    }
}

/// A member of a class, where every sign may mean something to the engine.
fn write_member(text: &mut String, byte: u8) {
    if byte.is_ascii_alphanumeric() { text.push(char::from(byte)) } else { write_code(text, byte) }
}
