//! How statements are changed so that methods fare as somebody wishes: what the wings' `mend` rooms have in common.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::finding::{Edit, Fix, Safety};
use crate::http::REGISTERED;
use crate::server::Server;
use crate::source::{SourceFile, Span};
use crate::syntax::{Directive, Tree};

/// What a statement that decides about requests ought to do instead.
#[derive(Clone, Copy, Debug)]
pub enum Wish<'w> {
    /// Let these methods through as it lets those of `like`.
    Admit { methods: &'w [&'w str], like: &'w [&'w str] },
    /// Refuse with 405, and name these in Allow.
    MethodNotAllowed { allow: &'w [&'w str] },
    /// Redirect in a way that keeps method and body.
    KeepMethod,
    /// Hand the client's own method on.
    PassUnchanged,
    /// Take what lies below this path as well.
    Route { path: &'w str },
}

/// The statements of a config, which a statement that is changed may depend on.
pub struct Statements<'t> {
    trees: &'t [Arc<Tree>],
    by_name: OnceLock<HashMap<&'t str, Vec<Directive<'t>>>>,
}

impl<'t> Statements<'t> {
    pub fn new(trees: &'t [Arc<Tree>]) -> Self {
        Statements { trees, by_name: OnceLock::new() }
    }

    /// Lists them by their names, so that nobody waits for it later.
    pub(crate) fn list(&self) {
        self.by_name();
    }

    fn at(&self, span: Span) -> Option<Directive<'t>> {
        let tree = self.trees.iter().find(|tree| tree.source.id == span.file)?;
        tree.statement_at(span.start)
    }

    /// Those of one name, as written.
    pub(crate) fn named(&self, name: &str) -> &[Directive<'t>] {
        self.by_name().get(name).map_or(&[], Vec::as_slice)
    }

    /// Those of one name, in whatever case it is written.
    pub(crate) fn named_alike(&self, name: &str) -> impl Iterator<Item = Directive<'t>> {
        let alike = self.by_name().iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        alike.flat_map(|(_, statements)| statements.iter().copied())
    }

    fn by_name(&self) -> &HashMap<&'t str, Vec<Directive<'t>>> {
        self.by_name.get_or_init(|| {
            let mut by_name: HashMap<&str, Vec<Directive<'_>>> = HashMap::new();
            for statement in self.trees.iter().flat_map(|tree| tree.all()) {
                by_name.entry(statement.name()).or_default().push(statement);
            }
            by_name
        })
    }
}

/// Puts text behind a place.
pub(crate) fn insert(source: &SourceFile, at: u32, text: impl Into<String>) -> Edit {
    Edit { span: source.span(at..at), text: text.into() }
}

pub(crate) fn replace(span: Span, text: impl Into<String>) -> Edit {
    Edit { span, text: text.into() }
}

/// Takes a statement away, with its line where nothing else stands on it.
pub(crate) fn remove(source: &SourceFile, bytes: Range<u32>) -> Edit {
    let text = source.text();
    let before = text[..bytes.start as usize].trim_end_matches([' ', '\t']);
    let starts_line = before.is_empty() || before.ends_with('\n');
    let after = &text[bytes.end as usize..];
    let blanks = after.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let line_end = match after.as_bytes()[blanks..] {
        [] => Some(blanks),
        [b'\n', ..] => Some(blanks + 1),
        [b'\r', b'\n', ..] => Some(blanks + 2),
        _ => None,
    };
    let bytes = match (starts_line, line_end) {
        (true, Some(line_end)) => before.len() as u32..bytes.end + line_end as u32,
        // The blanks before it go with it; those behind it still part its neighbours.
        _ => before.len().max(text[..bytes.start as usize].rfind('\n').map_or(0, |end| end + 1)) as u32..bytes.end,
    };
    Edit { span: source.span(bytes), text: String::new() }
}

/// Takes a statement away that repeats an earlier one of the same block, word for word; no edits where they differ. What a
/// file says once and is included twice is no repetition.
pub(crate) fn without_repeat(first: Directive<'_>, again: Directive<'_>) -> Vec<Edit> {
    let place = |one: Directive<'_>| (one.tree.source.id, one.parent().map(|block| block.span()));
    let (source, before, span) = (&again.tree.source, first.span(), again.span());
    let text = |span: Span| source.slice(span.start..span.end);
    let is_repeat = place(first) == place(again) && before.start < span.start && text(before) == text(span);
    is_repeat.then(|| remove(source, span.start..span.end)).into_iter().collect()
}

/// A copy of a statement before it, in which another path stands.
pub(crate) fn twin(statement: Directive<'_>, path: &str, other: &str) -> Edit {
    let span = statement.span();
    let text = statement.tree.source.slice(span.start..span.end).replace(path, other);
    put_before(statement, &text)
}

/// A copy of a statement before another one.
pub(crate) fn copy(statement: Directive<'_>, other: Directive<'_>) -> Edit {
    let span = statement.span();
    put_before(other, statement.tree.source.slice(span.start..span.end))
}

/// Puts text on a line of its own before a statement.
fn put_before(statement: Directive<'_>, new: &str) -> Edit {
    let source = &statement.tree.source;
    let start = statement.span().start;
    let text = source.text();
    let line = text[..start as usize].trim_end_matches([' ', '\t']).len();
    let indent = &text[line..start as usize];
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    insert(source, start, format!("{new}{line_end}{indent}"))
}

/// The fix that makes the statement at a span do what is wished. It changes who may do what.
pub(crate) fn fix(server: &dyn Server, statements: &Statements<'_>, span: Span, wish: Wish<'_>) -> Option<Fix> {
    let statement = statements.at(span).filter(|statement| !statement.has_template())?;
    let edits = server.mend(statement, statements, wish);
    (!edits.is_empty()).then_some(Fix { safety: Safety::Unsafe, edits })
}

/// A name of a method in a text.
struct Name<'t> {
    at: Range<usize>,
    text: &'t str,
}

/// The registered methods that a text names, each as a word of its own.
fn names(text: &str) -> impl Iterator<Item = Name<'_>> {
    let part = |sign: char| sign.is_ascii_alphabetic() || sign == '-';
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            at += text[at..].find(part)?;
            let end = text[at..].find(|sign| !part(sign)).map_or(text.len(), |length| at + length);
            let range = at..end;
            at = end;
            let name = &text[range.clone()];
            if REGISTERED.contains(&name.to_ascii_uppercase().as_str()) {
                return Some(Name { at: range, text: name });
            }
        }
    })
}

/// A regular expression over methods with further ones among its alternatives: `^(GET|POST)$` becomes `^(GET|POST|PATCH)$`.
pub(crate) fn with_alternatives(regex: &str, methods: &[&str]) -> Option<String> {
    let last = names(regex).last()?;
    let more: String = methods.iter().flat_map(|method| ["|", method]).collect();
    let lower = last.text.bytes().all(|byte| byte.is_ascii_lowercase());
    let more = if lower { more.to_ascii_lowercase() } else { more };
    let (before, after) = regex.split_at(last.at.end);
    let in_group = before.rfind('(') > before.rfind(')');
    if in_group || !regex.contains(['^', '$']) {
        return Some(format!("{before}{more}{after}"));
    }
    let start = regex.find('^').map_or(0, |at| at + 1);
    let end = regex.rfind('$').unwrap_or(regex.len());
    Some(format!("{}({}{more}){}", &regex[..start], &regex[start..end], &regex[end..]))
}

/// A regular expression over methods without some of its alternatives; the empty text where none is left.
pub(crate) fn without_alternatives(regex: &str, methods: &[&str]) -> Option<String> {
    let named: Vec<Name<'_>> = names(regex).collect();
    let is_unwanted = |name: &Name<'_>| methods.iter().any(|method| method.eq_ignore_ascii_case(name.text));
    if !named.iter().any(is_unwanted) {
        return None;
    }
    if named.iter().all(is_unwanted) {
        return Some(String::new());
    }
    let mut rest = regex.to_owned();
    for name in named.iter().rev().filter(|name| is_unwanted(name)) {
        let Range { start, end } = name.at;
        match (rest[..start].ends_with('|'), rest[end..].starts_with('|')) {
            (_, true) => rest.replace_range(start..end + 1, ""),
            (true, false) => rest.replace_range(start - 1..end, ""),
            (false, false) => return None,
        }
    }
    Some(rest)
}

/// A file's text after the first of its statements that can be mended is: what the wings' tests look at.
#[cfg(test)]
pub(crate) fn mended(server: &dyn Server, tree: Tree, wish: Wish<'_>) -> String {
    let trees = [Arc::new(tree)];
    let statements = Statements::new(&trees);
    let mend = |statement| server.mend(statement, &statements, wish);
    let mut edits = trees[0].all().map(mend).find(|edits| !edits.is_empty()).unwrap_or_default();
    edits.sort_by_key(|edit| edit.span);
    let mut text = trees[0].source.text().to_owned();
    for edit in edits.iter().rev() {
        text.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    #[test]
    fn alternatives_come_and_go() {
        let with = |regex| with_alternatives(regex, &["PATCH", "PUT"]).unwrap();
        assert_eq!(with("^(GET|POST)$"), "^(GET|POST|PATCH|PUT)$");
        assert_eq!(with("!^(?:GET|POST)$"), "!^(?:GET|POST|PATCH|PUT)$");
        assert_eq!(with("^GET$"), "^(GET|PATCH|PUT)$");
        assert_eq!(with("get|post"), "get|post|patch|put");
        assert_eq!(with_alternatives("^[A-Z]+$", &["PUT"]), None);
        let without = |regex| without_alternatives(regex, &["PATCH", "PUT"]);
        assert_eq!(without("^(PUT|GET|PATCH)$").as_deref(), Some("^(GET)$"));
        assert_eq!(without("^PATCH$").as_deref(), Some(""));
        assert_eq!(without("^(GET)$"), None);
    }

    #[test]
    fn a_removal_takes_the_line_if_nothing_else_is_on_it() {
        let left = |text: &str| {
            let source = SourceFile::new(FileId(0), "t".into(), "t".into(), text.into());
            let start = text.find("XX").unwrap() as u32;
            let edit = remove(&source, start..start + 2);
            let mut text = text.to_owned();
            text.replace_range(edit.span.start as usize..edit.span.end as usize, "");
            text
        };
        assert_eq!(left("a\r\n  XX  \r\nb"), "a\r\nb");
        assert_eq!(left("a { XX }"), "a { }");
        assert_eq!(left("XX"), "");
        assert_eq!(left("a\n XX # why\n"), "a\n # why\n");
    }
}
