//! How a line is changed so that methods fare otherwise.

use crate::finding::Edit;
use crate::mend::{Statements, Wish, insert, remove, replace, with_alternatives, without_alternatives};
use crate::source::SourceFile;
use crate::syntax::{Directive, Word};

pub(super) fn mend(line: Directive<'_>, all: &Statements<'_>, wish: Wish<'_>) -> Vec<Edit> {
    let edits = match wish {
        Wish::Admit { methods, .. } => admit(line, methods),
        Wish::MethodNotAllowed { allow } => deny(line, allow).filter(|_| !is_caught(all)),
        Wish::KeepMethod => redirect(line),
        Wish::Route { path } => Condition::of(line).and_then(|condition| condition.route(path)),
        Wish::PassUnchanged => (line.arg(0) == Some("set-method")).then(|| vec![without(line)]),
    };
    edits.unwrap_or_default()
}

/// Lets methods past a rule, and names them in its Allow header.
fn admit(line: Directive<'_>, methods: &[&str]) -> Option<Vec<Edit>> {
    let mut edits = Condition::of(line)?.admit(methods)?;
    let header = allow_more(line, methods);
    edits.extend(header.filter(|header| !edits.iter().any(|edit| edit.span.contains(header.span))));
    Some(edits)
}

/// `hdr Allow "GET, HEAD"`
fn allow_more(line: Directive<'_>, methods: &[&str]) -> Option<Edit> {
    let value = line.tree.span(value_of(line, &["Allow", "allow"])?);
    let raw = line.tree.source.slice(value.start..value.end);
    let end = value.start + raw.trim_end_matches(['"', '\'']).len() as u32;
    let more: String = methods.iter().flat_map(|method| [", ", method]).collect();
    raw.starts_with(['"', '\'']).then(|| insert(&line.tree.source, end, more))
}

fn without(line: Directive<'_>) -> Edit {
    let span = line.span();
    remove(&line.tree.source, span.start..span.end)
}

/// The word behind a keyword.
fn value_of<'t>(line: Directive<'t>, keyword: &[&str]) -> Option<&'t Word> {
    let at = line.words().iter().position(|word| keyword.contains(&line.tree.value(word)))?;
    line.words().get(at + 1)
}

fn deny(line: Directive<'_>, allow: &[&str]) -> Option<Vec<Edit>> {
    if !matches!(line.name(), "http-request") {
        return None;
    }
    let action = line.arg_span(0)?;
    let header = allow_header(line, allow);
    match (line.arg(0)?, value_of(line, &["deny_status", "status"])) {
        ("deny" | "return" | "tarpit", Some(status)) => Some(vec![replace(line.tree.span(status), format!("405{header}"))]),
        ("deny" | "tarpit", None) => Some(vec![insert(&line.tree.source, action.end, format!(" deny_status 405{header}"))]),
        ("silent-drop" | "reject", None) => Some(vec![replace(action, format!("deny deny_status 405{header}"))]),
        _ => None,
    }
}

/// Whether a file or another address takes the place of the answers with 405.
fn is_caught(all: &Statements<'_>) -> bool {
    let pages = ["errorfile", "errorfiles", "errorloc", "errorloc302", "errorloc303", "http-error"];
    pages
        .iter()
        .flat_map(|name| all.named(name))
        .any(|page| page.name() == "errorfiles" || page.values().any(|word| word == "405"))
}

/// The header that a 405 owes (RFC 9110, section 15.5.6). Error files bring headers of their own, and no others.
fn allow_header(line: Directive<'_>, allow: &[&str]) -> String {
    let has_own = |value: &str| value.contains("errorfile") || value.eq_ignore_ascii_case("allow");
    if allow.is_empty() || line.values().any(has_own) { String::new() } else { format!(" hdr Allow \"{}\"", allow.join(", ")) }
}

fn redirect(line: Directive<'_>) -> Option<Vec<Edit>> {
    let is_redirect = line.name() == "redirect" || line.name() == "http-request" && line.arg(0) == Some("redirect");
    if !is_redirect {
        return None;
    }
    match value_of(line, &["code"]) {
        Some(code) => {
            let keeps = match line.tree.value(code) {
                "301" => "308",
                "302" | "303" => "307",
                _ => return None,
            };
            Some(vec![replace(line.tree.span(code), keeps)])
        }
        None => {
            let condition = line.words().iter().position(|word| matches!(line.tree.value(word), "if" | "unless"));
            let before = line.words()[..condition.unwrap_or(line.words().len())].last()?;
            Some(vec![insert(&line.tree.source, before.end, " code 307")])
        }
    }
}

/// What stands behind `if` or `unless`: groups of terms that must all hold, any of which is enough.
struct Condition<'t> {
    line: Directive<'t>,
    unless: bool,
    groups: Vec<Vec<Term<'t>>>,
}

struct Term<'t> {
    negated: bool,
    /// The words of the term in the condition.
    words: &'t [Word],
    /// The line and the words of what it asks: its own, or those of an `acl` line.
    criteria: Vec<(Directive<'t>, &'t [Word])>,
    name: &'t str,
}

impl<'t> Condition<'t> {
    fn of(line: Directive<'t>) -> Option<Self> {
        let (tree, words) = (line.tree, line.words());
        let start = words.iter().position(|word| matches!(tree.value(word), "if" | "unless"))?;
        let mut condition = Condition { line, unless: tree.value(&words[start]) == "unless", groups: vec![Vec::new()] };
        let mut rest = &words[start + 1..];
        while let Some(first) = rest.first() {
            let text = tree.value(first);
            let length = match text {
                "or" | "||" => {
                    condition.groups.push(Vec::new());
                    rest = &rest[1..];
                    continue;
                }
                "{" | "!{" => 1 + rest.iter().position(|word| tree.value(word) == "}")?,
                _ => 1,
            };
            let (words, after) = rest.split_at(length);
            rest = after;
            let negated = text.starts_with('!');
            let name = text.trim_start_matches('!');
            let criteria = if name == "{" { vec![(line, &words[1..length - 1])] } else { acl_lines(line, name) };
            condition.groups.last_mut()?.push(Term { negated, words, criteria, name });
        }
        Some(condition)
    }

    fn source(&self) -> &'t SourceFile {
        &self.line.tree.source
    }

    fn admit(&self, methods: &[&str]) -> Option<Vec<Edit>> {
        let terms = || self.groups.iter().flatten();
        let lists = |term: &&Term<'t>| term.negated != self.unless;
        let listed =
            || terms().filter(lists).flat_map(|term| &term.criteria).find_map(|(line, words)| widen(*line, words, methods));
        listed().or_else(|| self.widen_predefined(methods)).or_else(|| self.narrow(methods))
    }

    /// Names another path beside the one that a `use_backend` asks for.
    fn route(&self, path: &str) -> Option<Vec<Edit>> {
        let criteria = self.groups.iter().flatten().filter(|term| !term.negated && !self.unless).flat_map(|term| &term.criteria);
        let (line, last) = criteria.into_iter().find_map(|(line, words)| {
            let (first, rest) = words.split_first()?;
            let is_path = matches!(line.tree.value(first), "path_beg" | "path" | "path_dir");
            Some((line, rest.last().filter(|last| is_path && line.tree.value(last).starts_with('/'))?))
        })?;
        Some(vec![insert(&line.tree.source, last.end, format!(" {path}"))])
    }

    /// `unless METH_GET or METH_POST` and `if !METH_GET !METH_POST`.
    fn widen_predefined(&self, methods: &[&str]) -> Option<Vec<Edit>> {
        let predefined = |term: &&Term<'t>| term.negated != self.unless && term.name.starts_with("METH_");
        let last = self.groups.iter().flatten().rfind(predefined)?;
        let alone = self.groups.iter().all(|group| group.len() == 1);
        let sign = match (self.unless, alone) {
            (true, true) => "or {",
            (false, _) => "!{",
            (true, false) => return None,
        };
        let end = last.words.last()?.end;
        Some(vec![insert(self.source(), end, format!(" {sign} method {} }}", methods.join(" ")))])
    }

    /// Takes the methods out of what is denied.
    fn narrow(&self, methods: &[&str]) -> Option<Vec<Edit>> {
        for (index, group) in self.groups.iter().enumerate() {
            for term in group.iter().filter(|term| term.negated == self.unless) {
                for (line, words) in &term.criteria {
                    match less(*line, words, methods) {
                        Some(edits) if !edits.is_empty() => return Some(edits),
                        Some(_) if group.len() == 1 => return self.without_group(index),
                        _ => {}
                    }
                }
            }
        }
        None
    }

    fn without_group(&self, index: usize) -> Option<Vec<Edit>> {
        if self.groups.len() == 1 {
            return Some(vec![without(self.line)]);
        }
        let bounds = |group: &[Term<'t>]| Some((group.first()?.words.first()?.start, group.last()?.words.last()?.end));
        let (start, end) = bounds(&self.groups[index])?;
        let bytes = match self.groups.get(index + 1) {
            Some(next) => start..bounds(next)?.0,
            None => bounds(&self.groups[index - 1])?.1..end,
        };
        Some(vec![replace(self.source().span(bytes), "")])
    }
}

/// The criteria of the `acl` lines of this name above a line, in its section.
fn acl_lines<'t>(line: Directive<'t>, name: &str) -> Vec<(Directive<'t>, &'t [Word])> {
    let Some(section) = line.parent() else { return Vec::new() };
    let is_meant = |other: &Directive<'t>| other.name() == "acl" && other.arg(0) == Some(name);
    section.children().filter(is_meant).map(|acl| (acl, acl.args().get(1..).unwrap_or_default())).collect()
}

/// The patterns of a `method` criterion, and whether they are regular expressions.
fn patterns<'t>(line: Directive<'t>, words: &'t [Word]) -> Option<(&'t [Word], bool)> {
    let (first, mut rest) = words.split_first()?;
    if line.tree.value(first) != "method" {
        return None;
    }
    let mut regex = false;
    while let Some(word) = rest.first() {
        match line.tree.value(word) {
            "-i" | "-n" => rest = &rest[1..],
            "-m" => {
                regex = rest.get(1).is_some_and(|kind| line.tree.value(kind) == "reg");
                rest = rest.get(2..)?;
            }
            "--" => {
                rest = &rest[1..];
                break;
            }
            text if text.starts_with('-') => return None,
            _ => break,
        }
    }
    Some((rest, regex))
}

fn widen(line: Directive<'_>, words: &[Word], methods: &[&str]) -> Option<Vec<Edit>> {
    let (patterns, regex) = patterns(line, words)?;
    let last = patterns.last()?;
    if regex {
        let span = line.tree.span(last);
        return Some(vec![replace(span, with_alternatives(line.tree.source.slice(span.start..span.end), methods)?)]);
    }
    let more: String = methods.iter().flat_map(|method| [" ", method]).collect();
    Some(vec![insert(&line.tree.source, last.end, more)])
}

/// The patterns without some methods; no edits where none would be left.
fn less(line: Directive<'_>, words: &[Word], methods: &[&str]) -> Option<Vec<Edit>> {
    let (patterns, regex) = patterns(line, words)?;
    if regex {
        let span = line.tree.span(patterns.last()?);
        let rest = without_alternatives(line.tree.source.slice(span.start..span.end), methods)?;
        return Some(if rest.is_empty() { Vec::new() } else { vec![replace(span, rest)] });
    }
    let unwanted: Vec<&Word> = patterns.iter().filter(|word| methods.contains(&line.tree.value(word))).collect();
    match unwanted.len() {
        0 => None,
        count if count == patterns.len() => Some(Vec::new()),
        _ => Some(unwanted.iter().map(|word| replace(line.tree.source.span(word.start - 1..word.end), "")).collect()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::haproxy::environment::Environment;
    use crate::haproxy::parse::{self, Reading};
    use crate::server::Release;
    use crate::source::FileId;

    fn mended(lines: &str, wish: Wish<'_>) -> String {
        let text = format!("frontend x\n{lines}\n");
        let source = Arc::new(SourceFile::new(FileId(0), "t".into(), "t".into(), text.into()));
        let mut reading = Reading { environment: Environment::default(), release: Release(3, 2, 0), unset: Vec::new() };
        let text = crate::mend::mended(&crate::haproxy::Haproxy, parse::parse(&source, &mut reading).0, wish);
        text.trim_start_matches("frontend x\n").trim_end_matches('\n').to_owned()
    }

    #[test]
    fn methods_are_admitted_where_they_are_refused() {
        let wish = Wish::Admit { methods: &["PATCH"], like: &["GET"] };
        for (before, after) in [
            ("acl ok method GET PUT\nhttp-request deny if !ok", "acl ok method GET PUT PATCH\nhttp-request deny if !ok"),
            ("http-request deny unless { method GET }", "http-request deny unless { method GET PATCH }"),
            (
                "http-request deny if !{ method -i GET PUT } !{ src 10.0.0.1 }",
                "http-request deny if !{ method -i GET PUT PATCH } !{ src 10.0.0.1 }",
            ),
            (
                "http-request deny unless { method -m reg ^(GET|PUT)$ }",
                "http-request deny unless { method -m reg ^(GET|PUT|PATCH)$ }",
            ),
            (
                "http-request deny unless METH_GET or METH_PUT",
                "http-request deny unless METH_GET or METH_PUT or { method PATCH }",
            ),
            ("http-request deny if !METH_GET !METH_PUT", "http-request deny if !METH_GET !METH_PUT !{ method PATCH }"),
            (
                "http-request deny deny_status 405 hdr Allow \"GET\" unless { method GET }",
                "http-request deny deny_status 405 hdr Allow \"GET, PATCH\" unless { method GET PATCH }",
            ),
            ("http-request deny if { method PUT PATCH }", "http-request deny if { method PUT }"),
            ("a b\nhttp-request deny if { method PATCH }\nc d", "a b\nc d"),
            ("http-request deny if { method PATCH } or { path /a }", "http-request deny if { path /a }"),
            ("http-request deny if { path /a } || { method PATCH }", "http-request deny if { path /a }"),
        ] {
            assert_eq!(mended(before, wish), after);
        }
        assert_eq!(mended("http-request deny if { path /a }", wish), "http-request deny if { path /a }");
    }

    #[test]
    fn statuses_and_methods_are_put_right() {
        let refuse = |line| mended(line, Wish::MethodNotAllowed { allow: &[] });
        assert_eq!(refuse("http-request deny deny_status 501 if x"), "http-request deny deny_status 405 if x");
        assert_eq!(refuse("http-request deny if x"), "http-request deny deny_status 405 if x");
        assert_eq!(refuse("http-request return status 501 if x"), "http-request return status 405 if x");
        assert_eq!(refuse("http-request silent-drop if x"), "http-request deny deny_status 405 if x");
        let allow = |line| mended(line, Wish::MethodNotAllowed { allow: &["GET", "HEAD"] });
        assert_eq!(
            allow("http-request deny deny_status 501 if x"),
            "http-request deny deny_status 405 hdr Allow \"GET, HEAD\" if x"
        );
        assert_eq!(allow("http-request reject if x"), "http-request deny deny_status 405 hdr Allow \"GET, HEAD\" if x");
        assert_eq!(
            allow("http-request return status 501 hdr Allow GET if x"),
            "http-request return status 405 hdr Allow GET if x"
        );
        let keep = |line| mended(line, Wish::KeepMethod);
        assert_eq!(keep("redirect scheme https code 301 if x"), "redirect scheme https code 308 if x");
        assert_eq!(keep("http-request redirect prefix /a if x"), "http-request redirect prefix /a code 307 if x");
        assert_eq!(
            mended("use_backend a if { path_beg /a/ }", Wish::Route { path: "/b/" }),
            "use_backend a if { path_beg /a/ /b/ }"
        );
        assert_eq!(mended("http-request set-method POST if x", Wish::PassUnchanged), "");
    }
}
