//! A folder for each host (`vhost_alias_interpolate` in `modules/mappers/mod_vhost_alias.c`).

use super::Run;

impl Run<'_, '_, '_> {
    /// Maps the request below `VirtualDocumentRoot`; false where there is none.
    pub(super) fn host_folder(&mut self) -> bool {
        let Some(root) = self.site.inherited(self.server, |server| server.root_by_host.as_ref()) else { return false };
        let host = self.ask.request().host.as_deref().map(super::request::strip_port);
        let host = host.or(self.server.names.name.as_deref()).unwrap_or("").to_ascii_lowercase();
        let folder = fill(&root.value, host.trim_end_matches('.'), self.server_port());
        self.mapping.filename = format!("{}{}", folder.trim_end_matches('/'), self.mapping.url.path);
        self.mapped_by = Some(("VirtualDocumentRoot", root.span));
        true
    }
}

/// Puts parts of a host's name in the place of `%0`, `%2`, `%-1+` or `%2.1`, and the port in that of `%p`.
fn fill(root: &str, host: &str, port: u16) -> String {
    let mut filled = String::with_capacity(root.len() + host.len());
    let mut signs = root.chars().peekable();
    while let Some(sign) = signs.next() {
        match signs.peek() {
            _ if sign != '%' => filled.push(sign),
            Some('%') => filled.extend(signs.next()),
            Some('p') => {
                signs.next();
                filled.push_str(&port.to_string());
            }
            _ => {
                let words: Vec<&str> = host.split('.').collect();
                let part = Pick::read(&mut signs).of(&words, ".");
                let part = match signs.next_if_eq(&'.') {
                    Some(_) => {
                        let letters: Vec<String> = part.chars().map(String::from).collect();
                        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
                        Pick::read(&mut signs).of(&letters, "")
                    }
                    None => part,
                };
                filled.push_str(&part);
            }
        }
    }
    filled
}

/// Which of several parts is meant: `0` all, `2` the second, `-2` the last but one, `2+` that one and all after it, `-2+` that
/// one and all before it.
struct Pick {
    number: usize,
    from_end: bool,
    and_more: bool,
}

impl Pick {
    fn read(signs: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Self {
        let from_end = signs.next_if_eq(&'-').is_some();
        let number = signs.next_if(char::is_ascii_digit).and_then(|digit| digit.to_digit(10)).unwrap_or(0) as usize;
        Pick { number, from_end, and_more: signs.next_if_eq(&'+').is_some() }
    }

    fn of(&self, parts: &[&str], joint: &str) -> String {
        if self.number == 0 {
            return parts.join(joint);
        }
        let index = if self.from_end { parts.len().checked_sub(self.number) } else { Some(self.number - 1) };
        let Some(index) = index.filter(|index| *index < parts.len()) else { return "_".to_owned() };
        match (self.and_more, self.from_end) {
            (false, _) => parts[index].to_owned(),
            (true, false) => parts[index..].join(joint),
            (true, true) => parts[..=index].join(joint),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn parts_of_the_name_are_counted_from_either_end() {
        let filled = |root| fill(root, "www.example.co.uk", 8080);
        assert_eq!(filled("/h/%0/d"), "/h/www.example.co.uk/d");
        assert_eq!(filled("/%1/%-1/%9"), "/www/uk/_");
        assert_eq!(filled("/%2+/%-2+/%p%%"), "/example.co.uk/www.example.co/8080%");
        assert_eq!(filled("/%2.1/%2.-1/%2.2+/%2.9"), "/e/e/xample/_");
    }
}
