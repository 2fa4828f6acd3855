//! Bytes to a tree, line by line as httpd reads them (`server/config.c`, `ap_cfg_getline` in `server/util.c`).
//!
//! A backslash right before the line end joins two lines, on comment lines as well. A comment is a line whose first sign is
//! `#`. A section is a line whose first word starts with `<`; what its own closing line says after the name is an error, what
//! follows the last `>` of a line is ignored. The grammar is `grammars/apache.ebnf`.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use nom::branch::alt;
use nom::bytes::complete::take_until;
use nom::character::complete::char;
use nom::combinator::{opt, recognize, rest, verify};
use nom::multi::many0_count;
use nom::sequence::terminated;
use nom::{IResult, Parser};
use rayon::prelude::*;

use super::words::{Cut, is_blank, words};
use crate::source::SourceFile;
use crate::syntax::template::split_tag;
use crate::syntax::{Quote, SyntaxError, Tree, TreeBuilder};

/// `VARBUF_MAX_LEN` in `server/config.c`.
const MAX_LINE: usize = 16 << 20;

/// Reads a file; what httpd's own reader would refuse is in the errors.
pub(super) fn parse(source: &Arc<SourceFile>) -> (Tree, Vec<SyntaxError>) {
    let pieces = pieces(source.text());
    let whole = || Parse::read(source, 0..source.text().len());
    if pieces.len() == 1 {
        return whole().finish();
    }
    let read: Vec<_> = pieces.into_par_iter().map(|piece| Some(Parse::read(source, piece))).collect();
    let joined = read.into_iter().reduce(|above, below| above?.followed_by(below?)).flatten();
    joined.unwrap_or_else(whole).finish()
}

/// A large file is read in pieces on all cores. It is cut above virtual hosts, where as a rule no section is open.
fn pieces(text: &str) -> Vec<Range<usize>> {
    const LEAST: usize = 1 << 20;
    let mut pieces: Vec<_> = std::iter::once(0..text.len()).collect();
    if text.len() < 2 * LEAST {
        return pieces;
    }
    let length = text.len().div_ceil(rayon::current_num_threads()).max(LEAST);
    while let Some(last) = pieces.last_mut()
        && let Some(cut) = cut_behind(text, last.start + length)
    {
        let rest = cut..last.end;
        last.end = cut;
        pieces.push(rest);
    }
    pieces
}

/// The line of the first virtual host behind a byte, unless it is the rest of the line above.
fn cut_behind(text: &str, byte: usize) -> Option<usize> {
    let from = (byte..text.len()).find(|at| text.is_char_boundary(*at))?;
    let line_end = from + text[from..].find("\n<VirtualHost")?;
    let is_joined = text[..line_end].trim_end_matches('\r').ends_with('\\');
    (!is_joined).then_some(line_end + 1)
}

/// The text of the line that starts at a byte, its continuations joined, without blanks around it.
pub(super) fn line_at(text: &str, start: u32) -> Cow<'_, str> {
    let rest = text.get(start as usize..).unwrap_or("");
    let line = logical_line(rest).map_or("", |(_, line)| line);
    join(line.trim_matches(is_blank)).0
}

/// One line with all its continuations; the line end is taken but not part of it.
fn logical_line(input: &str) -> IResult<&str, &str> {
    let physical = || alt((take_until("\n"), rest));
    let continued = terminated(verify(physical(), |line: &str| line.ends_with('\\') || line.ends_with("\\\r")), char('\n'));
    terminated(recognize((many0_count(continued), physical())), opt(char('\n'))).parse(input)
}

/// The line without its joints, and where each piece of it starts: in the joined text and in the file.
fn join(line: &str) -> (Cow<'_, str>, Vec<(usize, usize)>) {
    if !line.contains('\n') {
        return (Cow::Borrowed(line), Vec::new());
    }
    let mut joined = String::with_capacity(line.len());
    let mut pieces = Vec::new();
    let mut start = 0;
    for physical in line.split_inclusive('\n') {
        pieces.push((joined.len(), start));
        start += physical.len();
        let code = physical.strip_suffix('\n').map(|code| code.strip_suffix('\r').unwrap_or(code));
        joined.push_str(code.map_or(physical, |code| code.strip_suffix('\\').unwrap_or(code)));
    }
    (Cow::Owned(joined), pieces)
}

struct Parse<'s> {
    builder: TreeBuilder,
    source: &'s Arc<SourceFile>,
    errors: Vec<SyntaxError>,
    /// Whether there were control lines of a template.
    has_controls: bool,
}

impl<'s> Parse<'s> {
    /// Reads a piece of the file; one that is not the whole file up to the first control line of a template.
    fn read(source: &'s Arc<SourceFile>, piece: Range<usize>) -> Self {
        let mut parser = Parse { builder: TreeBuilder::new(Arc::clone(source)), source, errors: Vec::new(), has_controls: false };
        let is_whole = piece.len() == source.text().len();
        let end = piece.end;
        let mut rest = &source.text()[piece];
        if let Some(after) = rest.strip_prefix('\u{feff}') {
            let start = end - rest.len()..end - after.len();
            parser.error(start, "httpd takes a byte order mark for a part of the first directive", "save the file without it");
            rest = after;
        }
        while !rest.is_empty() {
            let Ok((after, line)) = logical_line(rest) else { break };
            let start = end - rest.len();
            rest = after;
            let blanks = line.len() - line.trim_start_matches(is_blank).len();
            let code = line.trim_matches(is_blank);
            // A joint at the end of the file joins nothing.
            let code = match code.strip_suffix('\\') {
                Some(joined) if line[blanks + code.len()..].starts_with(['\n', '\r']) => joined.trim_end_matches(is_blank),
                _ => code,
            };
            if let Some(after) = template_block(&source.text()[start + blanks..], code) {
                parser.has_controls = true;
                if !is_whole {
                    break;
                }
                parser.control(start + blanks..end - after.len());
                rest = logical_line(after).map_or("", |(next, _)| next);
                continue;
            }
            if code.len() > MAX_LINE {
                let message = format!("httpd reads no line of more than {} MiB", MAX_LINE >> 20);
                parser.error_at((start + blanks) as u32..(start + blanks + 1) as u32, message);
                continue;
            }
            parser.line(start + blanks, code);
        }
        parser
    }

    /// Joins this piece with the one below it; `None` where something is open between them, so that only the whole tells.
    fn followed_by(mut self, below: Self) -> Option<Self> {
        if self.builder.depth() > 0 || self.has_controls || below.has_controls {
            return None;
        }
        self.builder.append(below.builder);
        self.errors.extend(below.errors);
        Some(self)
    }

    fn finish(self) -> (Tree, Vec<SyntaxError>) {
        let Parse { builder, mut errors, .. } = self;
        let unclosed = builder.current().map(|open| (open.head(), open.name().to_owned(), open.control().is_some()));
        if let Some((span, name, maybe)) = unclosed {
            let message = Cow::Owned(format!("`<{name}>` is never closed"));
            errors.push(SyntaxError {
                span,
                message,
                help: Some(format!("add `</{name}>` to the same file").into()),
                fatal: !maybe,
            });
        }
        (builder.finish(), errors)
    }

    /// One line, without blanks around it, that starts at byte `start`.
    fn line(&mut self, start: usize, raw: &str) {
        if raw.is_empty() {
            return;
        }
        let (text, pieces) = join(raw);
        let joined = !pieces.is_empty();
        let place = |at: usize| {
            let after = pieces.partition_point(|(from, _)| *from <= at);
            let (from, to) = after.checked_sub(1).map_or((0, 0), |last| pieces[last]);
            start + to + (at - from)
        };
        // The end of a word is the byte after its last one: a joint may follow.
        let range = |range: &Range<usize>| {
            let end = if range.is_empty() { place(range.end) } else { place(range.end - 1) + 1 };
            place(range.start) as u32..end as u32
        };
        let bytes = start as u32..(start + raw.len()) as u32;
        if text.starts_with('#') {
            self.builder.comment(bytes);
        } else if text.starts_with("</") {
            self.close(&text, bytes);
        } else if text.starts_with('<') {
            self.open(&text, bytes, joined, range);
        } else {
            for cut in words(&text) {
                self.word(&cut, range(&cut.range), joined);
            }
            self.builder.simple(bytes);
        }
    }

    fn word(&mut self, cut: &Cut<'_>, bytes: Range<u32>, joined: bool) {
        let closed = cut.quote == Quote::None || self.source.slice(bytes.end - 1..bytes.end) == quote_sign(cut.quote);
        let long_enough = cut.quote == Quote::None || bytes.len() > 1;
        let cooked =
            (joined || !closed || !long_enough || matches!(cut.value, Cow::Owned(_))).then(|| cut.value.clone().into_owned());
        if cut.template {
            self.builder.placeholder(bytes, cut.quote, cooked);
        } else {
            self.builder.word(bytes, cut.quote, cooked);
        }
    }

    /// `<Name arguments>`: the name ends at a blank or at the `>` of a section without arguments.
    fn open(&mut self, text: &str, bytes: Range<u32>, joined: bool, range: impl Fn(&Range<usize>) -> Range<u32>) {
        let name_end = text.find(is_blank).unwrap_or(text.len());
        let name = text[1..name_end].strip_suffix('>').unwrap_or(&text[1..name_end]);
        let has_end = text.rfind('>');
        let end = has_end.filter(|end| *end > name.len()).unwrap_or(text.len());
        let cut = Cut { range: 1..1 + name.len(), quote: Quote::None, value: Cow::Borrowed(name), template: false };
        if name.is_empty() {
            self.error_at(bytes.clone(), "`<` without the name of a section");
        }
        self.word(&cut, range(&cut.range), joined);
        if name_end < end {
            for mut cut in words(&text[name_end..end]) {
                cut.range = cut.range.start + name_end..cut.range.end + name_end;
                self.word(&cut, range(&cut.range), joined);
            }
        }
        if has_end.is_none() {
            let message = format!("`<{name}` lacks its closing `>`");
            self.error_at(bytes.clone(), message);
        } else if (end + 1).max(name_end) < text.len() {
            self.builder.comment(range(&((end + 1).max(name_end)..text.len())));
        }
        self.builder.open(bytes);
    }

    /// `</Name>`: the word must end in `>`; what follows it is ignored.
    fn close(&mut self, text: &str, bytes: Range<u32>) {
        let word = text.split(is_blank).next().unwrap_or(text);
        let name = word[2..].strip_suffix('>').unwrap_or(&word[2..]);
        if !word.ends_with('>') {
            let message = format!("`</{name}>` must stand without blanks: httpd misses the closing `>` here");
            self.error_at(bytes.clone(), message);
        }
        let same = |open: &str| open.eq_ignore_ascii_case(name);
        match self.builder.current().map(|open| open.name().to_owned()) {
            Some(open) if same(&open) => {}
            Some(open) => {
                let message = format!("`</{name}>` closes nothing: the innermost open section is `<{open}>`");
                self.error_at(bytes.clone(), message);
                let mut outer = self.builder.current();
                while outer.is_some_and(|section| !same(section.name())) {
                    outer = outer.and_then(|section| section.parent());
                }
                if outer.is_none() {
                    return;
                }
                while self.builder.current().is_some_and(|section| !same(section.name())) {
                    self.builder.close(bytes.start);
                }
            }
            None => {
                let message = format!("`</{name}>` closes nothing: no section is open");
                self.error_at(bytes.clone(), message);
            }
        }
        self.builder.close(bytes.end);
    }

    fn control(&mut self, range: Range<usize>) {
        let bytes = range.start as u32..range.end as u32;
        let text = self.source.slice(bytes.clone());
        let word = text.trim_start_matches(['{', '%', '<', '-', '#', '/', '~', ' ', '\t', '+', '=']);
        let first = word.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("");
        let closes = first.starts_with("end") || word.starts_with('}') || text.contains("{{/");
        let other = first.starts_with("els") || first == "when";
        if closes || other {
            self.builder.close_control();
        }
        let opens = matches!(first, "if" | "for" | "unless" | "range" | "with" | "each" | "foreach" | "case" | "block" | "macro")
            || word.contains(" do ")
            || word.contains("each");
        if (opens && !closes) || other {
            self.builder.open_control(bytes);
        } else {
            self.builder.comment(bytes);
        }
    }

    fn error(&mut self, range: Range<usize>, message: &'static str, help: &'static str) {
        let span = self.source.span(range.start as u32..range.end as u32);
        self.errors.push(SyntaxError { span, message: message.into(), help: Some(help.into()), fatal: true });
    }

    fn error_at(&mut self, bytes: Range<u32>, message: impl Into<Cow<'static, str>>) {
        let maybe = self.builder.current().is_some_and(|open| open.control().is_some());
        self.errors.push(SyntaxError { span: self.source.span(bytes), message: message.into(), help: None, fatal: !maybe });
    }
}

fn quote_sign(quote: Quote) -> &'static str {
    if quote == Quote::Single { "'" } else { "\"" }
}

/// What follows a control line of a template, or a comment of one, that starts here.
fn template_block<'t>(text: &'t str, line: &str) -> Option<&'t str> {
    let (inside, after) = split_tag(text)?;
    let end = text.len() - after.len();
    // `<%= x %>` and `{{ x }}` at the start of a line stand for text, unless they are the whole line or a block's edge.
    let edge = inside.trim_start_matches(['-', '~', ' ']);
    let keyword = ["if", "else", "end", "range", "with", "for", "#", "/", "template", "include", "define", "block"];
    let is_control = match &text[..2] {
        "{{" => keyword.iter().any(|word| edge.starts_with(word)) || end == line.len(),
        "<%" => !inside.starts_with('=') || end >= line.len(),
        _ => true,
    };
    is_control.then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::syntax::Directive;

    fn read(text: &str) -> (Tree, Vec<SyntaxError>) {
        parse(&Arc::new(SourceFile::new(FileId(0), "t".into(), "t".into(), text.as_bytes().to_vec())))
    }

    #[test]
    fn continuations_join_without_a_blank_and_on_comments_too() {
        let (tree, errors) = read("# a \\\nRequire all denied\nAllowMethods GE\\\nT \\\r\n  POST\r\nX y \\ \n");
        assert!(errors.is_empty());
        let all: Vec<_> = tree.all().map(|line| line.values().collect::<Vec<_>>()).collect();
        assert_eq!(all, [vec!["GET", "POST"], vec!["y", "\\"]]);
    }

    #[test]
    fn sections_nest_and_trailing_text_is_ignored() {
        let (tree, errors) =
            read("<Location /a> # x\n <limit POST>\nRequire all denied\n</LIMIT> # end\n</Location>\n<Else>\n</Else>");
        assert!(errors.is_empty(), "{errors:?}");
        let top: Vec<_> = tree.statements().map(|line| (line.name(), line.arg(0))).collect();
        assert_eq!(top, [("Location", Some("/a")), ("Else", None)]);
        let limit = tree.statements().next().and_then(|line| line.children().next()).unwrap();
        assert_eq!((limit.name(), limit.children().count()), ("limit", 1));
    }

    #[test]
    fn pieces_join_to_what_the_whole_is() {
        let host = |n: usize| {
            format!("<VirtualHost *:{n}>\n  ServerName \"h {n}\" \\\n # c\n</VirtualHost> x\n# {n}\n<VirtualHost b>\nÄ b\n")
        };
        let text: String = (0..3).map(|n| format!("{}</VirtualHost>\n", host(n))).collect();
        let source = &Arc::new(SourceFile::new(FileId(0), "t".into(), "t".into(), text.clone().into_bytes()));
        let told = |(tree, errors): (Tree, Vec<SyntaxError>)| {
            let statement = |one: Directive<'_>| format!("{one:?} {:?} {:?}", one.span(), one.parent().map(|outer| outer.id));
            (tree.all().map(statement).collect::<Vec<_>>(), tree.statements().count(), tree.comments, errors)
        };
        let whole = told(parse(source));
        let cuts: Vec<_> = (0..text.len()).filter_map(|byte| cut_behind(&text, byte)).collect();
        for cut in cuts {
            let (above, below) = (Parse::read(source, 0..cut), Parse::read(source, cut..text.len()));
            assert_eq!(told(above.followed_by(below).expect("nothing is open between hosts").finish()), whole);
        }
        let inside = text.find("\nÄ").expect("the line is there") + 1;
        assert!(Parse::read(source, 0..inside).followed_by(Parse::read(source, inside..text.len())).is_none());
    }

    #[test]
    fn what_httpd_does_not_close_is_an_error() {
        for text in
            ["<Location /a>\n</Location >", "<Location /a>\n</Location /a>", "</Limit>", "<A>\n</B>", "< Location /a>", "<If x>"]
        {
            assert!(!read(text).1.is_empty(), "{text}");
        }
    }

    #[test]
    fn control_lines_make_their_statements_conditional() {
        let (tree, errors) =
            read("{% if x %}\nTraceEnable off\n{% else %}\nA b\n{% endif %}\nC d\n<% if y -%>\nE f\n<% end %>\n");
        assert!(errors.is_empty());
        let conditional: Vec<_> = tree.all().map(|line| line.control().is_some()).collect();
        assert_eq!(conditional, [true, true, false, true]);
    }
}
