//! Bytes to tree, by nginx's own tokenizer (`core/ngx_conf_file.c:ngx_conf_read_token`).
//!
//! The shape is that of `grammars/nginx.ebnf`. nginx stops at its first error; this parser tells it and goes on at the next
//! sensible place.

mod lua;
mod word;

use std::borrow::Cow;
use std::sync::Arc;

use nom::IResult;
use nom::bytes::complete::take_till;

use crate::source::SourceFile;
use crate::syntax::template::{self, Tag, TagKind};
use crate::syntax::{Quote, SyntaxError, Tree, TreeBuilder};

use word::{Fault, Lexed, quoted, unquoted};

/// nginx reads through a buffer of this size, and no token or comment line may fill it (`NGX_CONF_BUFFER`).
const BUFFER: usize = 4096;

/// A file with more errors than this is no config; its other lines would only repeat them.
const MAX_ERRORS: usize = 10;

/// Reads one file. Never fails: what nginx would refuse is told beside the tree.
pub(super) fn parse(source: &Arc<SourceFile>) -> (Tree, Vec<SyntaxError>) {
    let text = source.text().as_bytes();
    let mut parser =
        Parser { source, text, at: 0, builder: TreeBuilder::new(Arc::clone(source)), errors: Vec::new(), opened: Vec::new() };
    parser.file();
    (parser.builder.finish(), parser.errors)
}

struct Parser<'s> {
    source: &'s SourceFile,
    text: &'s [u8],
    at: usize,
    builder: TreeBuilder,
    errors: Vec<SyntaxError>,
    /// Where each open block's head starts and its brace stands.
    opened: Vec<(usize, usize)>,
}

impl Parser<'_> {
    fn file(&mut self) {
        self.byte_order_mark();
        while self.at < self.text.len() && self.errors.len() < MAX_ERRORS {
            let start = self.at;
            self.token();
            debug_assert!(self.at > start, "every token takes at least a byte");
        }
        if self.errors.len() < MAX_ERRORS {
            self.end_of_file();
        }
    }

    /// nginx takes a byte order mark for the start of the first directive's name.
    fn byte_order_mark(&mut self) {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        if self.text.starts_with(MARK) {
            self.at = MARK.len();
            self.error(
                0..MARK.len(),
                "the file starts with a byte order mark, which nginx reads as part of a directive's name",
            )
            .help = Some("save the file as UTF-8 without BOM".into());
        }
    }

    fn token(&mut self) {
        let start = self.at;
        let byte = self.text[start];
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
            b'#' => self.comment(),
            _ if self.tag() => {}
            b';' if self.builder.pending() == 0 => self.stray("unexpected `;`"),
            b';' => {
                self.at += 1;
                self.simple(self.at);
            }
            b'{' if self.builder.pending() == 0 && !self.placeholder_starts() => {
                self.error(start..start + 1, "unexpected `{`: a block needs a name");
                self.open();
            }
            b'{' if self.placeholder_starts() => self.word(),
            b'{' => self.open(),
            b'}' => self.close(),
            _ => self.word(),
        }
    }

    fn comment(&mut self) {
        let start = self.at;
        let line = line(&self.text[start..]);
        self.at = start + line.len();
        let bare = line.strip_suffix(b"\r").unwrap_or(line);
        self.builder.comment(start as u32..(start + bare.len()) as u32);
        if line.len() >= BUFFER {
            self.error(start..start + bare.len(), "too long: nginx reads no comment line of 4096 bytes or more");
        }
    }

    /// A tag of a template, such as `{% if x %}`. Gives false where none stands here.
    fn tag(&mut self) -> bool {
        let Some(tag) = template::tag(self.text, self.at) else { return false };
        if self.builder.pending() > 0 || !self.stands_alone(&tag) {
            return false;
        }
        let span = self.at as u32..tag.end as u32;
        match tag.kind {
            TagKind::Comment => self.builder.comment(span),
            TagKind::Open => self.builder.open_control(span),
            TagKind::Else => {
                self.builder.close_control();
                self.builder.open_control(span);
            }
            TagKind::Close => self.builder.close_control(),
            TagKind::Other => {
                self.builder.open_control(span);
                self.builder.close_control();
            }
        }
        self.at = tag.end;
        true
    }

    /// Whether a tag is part of a statement here, as in `listen {{ port }};`.
    fn placeholder_starts(&self) -> bool {
        template::tag(self.text, self.at).is_some_and(|tag| tag.kind != TagKind::Comment)
    }

    /// An expression that is followed by more on its line is a word; on a line of its own it stands for whole statements.
    fn stands_alone(&self, tag: &Tag) -> bool {
        !tag.expression || line(&self.text[tag.end..]).iter().all(u8::is_ascii_whitespace)
    }

    fn word(&mut self) {
        let start = self.at;
        let rest = &self.text[start..];
        let (lexed, quote) = match rest[0] {
            b'"' => (quoted(rest, b'"'), Quote::Double),
            b'\'' => (quoted(rest, b'\''), Quote::Single),
            _ => (unquoted(rest), Quote::None),
        };
        let Lexed { len, cooked, placeholder, fault } = lexed;
        let end = start + len;
        self.at = end;
        match fault {
            Some(Fault::Unclosed) => return self.unclosed(start, quote),
            Some(Fault::GluedQuote) => {
                self.error(end - 1..(end + 1).min(self.text.len()), "a blank, `;` or `{` must follow the closing quote").help =
                    Some("put the whole word into one pair of quotes".into());
            }
            None => {}
        }
        if len >= BUFFER {
            self.error(start..end, "too long: nginx reads no word of 4096 bytes or more");
        }
        let span = start as u32..end as u32;
        if placeholder { self.builder.placeholder(span, quote, cooked) } else { self.builder.word(span, quote, cooked) }
    }

    /// The quote would swallow the rest of the file, so it is taken to end with its line.
    fn unclosed(&mut self, start: usize, quote: Quote) {
        let end = start + line(&self.text[start..]).len().max(1);
        self.error(start..end, "this quote is never closed");
        let rest = self.source.slice(start as u32 + 1..end as u32).trim_end_matches([';', '\r']).to_owned();
        self.builder.word(start as u32..end as u32, quote, Some(rest));
        self.simple(end);
        self.at = end;
    }

    fn open(&mut self) {
        let brace = self.at;
        self.at += 1;
        let start = self.statement_start(brace);
        let name = self.builder.pending_words().first().map(|word| self.builder.value(word));
        if name.is_some_and(|name| name.ends_with("_by_lua_block")) {
            return self.lua(start, brace);
        }
        self.builder.open(start as u32..self.at as u32);
        self.opened.push((start, brace));
    }

    /// The body of a `*_by_lua_block` is Lua and one word (`ngx_http_lua_util.c` lexes it in the place of nginx).
    fn lua(&mut self, start: usize, brace: usize) {
        let Some(close) = lua::closing_brace(self.text, brace + 1) else {
            let end = brace + 1;
            self.error(start..end, "the Lua block is never closed: missing `}`");
            return self.simple(end);
        };
        self.builder.word(brace as u32 + 1..close as u32, Quote::Raw, None);
        self.at = close + 1;
        self.builder.simple(start as u32..self.at as u32);
    }

    fn close(&mut self) {
        let brace = self.at;
        if self.builder.pending() > 0 {
            let last = self.builder.pending_words().last().map_or(brace as u32, |word| word.end);
            let start = self.statement_start(brace);
            self.error(start..last as usize, "unexpected `}`: the directive before it lacks its `;`").help =
                Some("end the directive with `;`".into());
            self.simple(last as usize);
        }
        self.at = brace + 1;
        self.opened.pop();
        if !self.builder.close(self.at as u32) {
            self.error(brace..brace + 1, "unexpected `}`: no block is open here");
        }
    }

    fn stray(&mut self, message: &'static str) {
        let start = self.at;
        self.at += 1;
        self.error(start..self.at, message).help = Some("remove it".into());
    }

    fn simple(&mut self, end: usize) {
        let start = self.statement_start(end);
        self.builder.simple(start as u32..end as u32);
    }

    fn statement_start(&self, otherwise: usize) -> usize {
        self.builder.pending_words().first().map_or(otherwise, |word| word.start as usize)
    }

    fn end_of_file(&mut self) {
        if self.builder.pending() > 0 {
            let last = self.builder.pending_words().last().map_or(self.at, |word| word.end as usize);
            let start = self.statement_start(last);
            self.error(start..last, "unexpected end of file: the directive lacks its `;`");
            self.simple(last);
        }
        if let Some((start, brace)) = self.opened.last().copied() {
            let more = self.opened.len() - 1;
            let message = match more {
                0 => Cow::Borrowed("unexpected end of file: this block lacks its `}`"),
                _ => Cow::Owned(format!("unexpected end of file: this block and {more} around it lack their `}}`")),
            };
            self.error(start..brace + 1, message);
        }
    }

    fn error(&mut self, span: std::ops::Range<usize>, message: impl Into<Cow<'static, str>>) -> &mut SyntaxError {
        let span = self.source.span(span.start as u32..span.end as u32);
        let index = self.errors.len();
        self.errors.push(SyntaxError { span, message: message.into(), help: None, fatal: true });
        &mut self.errors[index]
    }
}

/// The bytes up to the line feed. A lone carriage return does not end a line.
fn line(rest: &[u8]) -> &[u8] {
    let found: IResult<&[u8], &[u8]> = take_till(|byte| byte == b'\n')(rest);
    found.map_or(rest, |(_, line)| line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use proptest::prelude::*;

    fn read(text: &str) -> (Tree, Vec<SyntaxError>) {
        parse(&Arc::new(SourceFile::new(FileId(0), "t".into(), "t".into(), text.into())))
    }

    fn words(text: &str) -> Vec<String> {
        let (tree, errors) = read(text);
        assert_eq!(errors, [], "{text}");
        tree.words().iter().map(|word| tree.value(word).to_owned()).collect()
    }

    fn refused(text: &str) -> String {
        let (_, errors) = read(text);
        errors.first().map_or_else(|| panic!("accepted: {text}"), |error| error.message.to_string())
    }

    #[test]
    fn words_end_at_blanks_semicolons_and_braces() {
        assert_eq!(words("a b;c{d e;}"), ["a", "b", "c", "d", "e"]);
        assert_eq!(words("location /h#x { return 200; }"), ["location", "/h#x", "return", "200"]);
        assert_eq!(words("a ${b}c{d e; }"), ["a", "${b}c", "d", "e"]);
        assert_eq!(words("if ($m = \"x\"){ break; }"), ["if", "($m", "=", "x", ")", "break"]);
    }

    #[test]
    fn escapes_are_resolved_alike_in_all_quotes() {
        assert_eq!(words(r#"a \.php "x\"y\d" 'it\'s\t';"#), ["a", r"\.php", "x\"y\\d", "it's\t"]);
        assert_eq!(words("a \\{2\\};"), ["a", "\\{2\\}"]);
    }

    #[test]
    fn what_nginx_refuses_is_an_error() {
        assert!(refused("a b }").contains("unexpected `}`"));
        assert!(refused("a;;").contains("unexpected `;`"));
        assert!(refused("a \"b\"c;").contains("closing quote"));
        assert!(refused("a {").contains("lacks its `}`"));
        assert!(refused("a").contains("lacks its `;`"));
        assert!(refused("a 'b").contains("never closed"));
        assert!(refused("\u{feff}a;").contains("byte order mark"));
        assert!(refused(&format!("a {};", "x".repeat(4096))).contains("too long"));
        assert!(refused(&format!("#{}\na;", "x".repeat(4096))).contains("too long"));
    }

    #[test]
    fn lua_bodies_are_one_word() {
        let (tree, errors) = read("content_by_lua_block { if x then s = '}' -- }\n t = {[[ } ]]} end } a;");
        assert_eq!(errors, []);
        assert_eq!(tree.statements().map(|one| one.name()).collect::<Vec<_>>(), ["content_by_lua_block", "a"]);
    }

    #[test]
    fn templates_are_read_without_errors() {
        let text = "{% if x %}\nserver {\n  listen {{ port }};\n  server_name <%= @name %> %domain%;\n{% endif %}\n  \
                    proxy_pass http://${UPSTREAM};\n  {{ include \"x\" }}\n  location {{ path }} { }\n  <% if y -%>\n a;\n <% end %>\n}\n";
        let (tree, errors) = read(text);
        assert_eq!(errors, []);
        let listen = tree.all().find(|one| one.name() == "listen").unwrap();
        assert!(listen.has_template() && tree.all().find(|one| one.name() == "a").unwrap().control().is_some());
    }

    #[test]
    fn deep_nesting_takes_no_stack() {
        let (tree, errors) = read(&"a {".repeat(100_000));
        assert_eq!((tree.len(), errors.len()), (100_000, 1));
    }

    proptest! {
        #[test]
        fn any_text_is_read_in_order_and_in_bounds(text in "[a-c{};'\"#$\\\\%<> \n=@_-]{0,200}") {
            let (tree, _) = read(&text);
            let mut at = 0;
            for word in tree.words() {
                prop_assert!(word.start >= at && word.end >= word.start && word.end as usize <= text.len());
                at = word.end;
            }
        }
    }
}
