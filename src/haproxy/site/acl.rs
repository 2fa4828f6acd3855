//! ACLs, and the conditions made of them (src/acl.c).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::build::{Reason, Refused, Word};
use super::maps;
use super::matching::{MATCHINGS, Matching, Patterns};
use super::sample::{self, Fetch, Flaw, Sample};
use super::section::SectionBuilder;
use super::vocabulary;
use super::words;
use crate::haproxy::arguments;
use crate::haproxy::value::{Datum, KNOWN_METHODS};
use crate::http::{MethodSet, REGISTERED};
use crate::mend::replace;
use crate::server::Release;
use crate::source::Span;

/// An ACL, by the section that it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::haproxy) struct AclId {
    /// The index of the section among the proxies.
    pub(in crate::haproxy) section: u32,
    pub(in crate::haproxy) index: u32,
}

/// A sample, and the patterns that it is compared with.
#[derive(Debug)]
pub(in crate::haproxy) struct Criterion {
    pub(in crate::haproxy) sample: Sample,
    pub(in crate::haproxy) patterns: Patterns,
    /// Whether any pattern was written, which decides about a warning only.
    pub(in crate::haproxy) empty: bool,
    pub(in crate::haproxy) span: Span,
    /// The patterns as written, for reports about one of them.
    pub(in crate::haproxy) words: Vec<(Box<str>, Span)>,
    /// The methods that match, where nothing but the client's own method is looked at.
    pub(in crate::haproxy) methods: Option<MethodSet>,
}

/// A name for alternatives: any of the criteria may hold. Anonymous ones have no name.
#[derive(Debug)]
pub(in crate::haproxy) struct Acl {
    pub(in crate::haproxy) name: Option<Arc<str>>,
    pub(in crate::haproxy) criteria: Vec<Criterion>,
    /// Where a condition first used it.
    pub(in crate::haproxy) first_use: Option<Span>,
    /// Lines that came after a use, together with that use.
    pub(in crate::haproxy) extended: Vec<(Span, Span)>,
    pub(in crate::haproxy) predefined: bool,
}

/// `if …` or `unless …`: groups of terms, of which one group must hold as a whole.
#[derive(Debug)]
pub(in crate::haproxy) struct Condition {
    pub(in crate::haproxy) unless: bool,
    pub(in crate::haproxy) groups: Vec<Vec<Term>>,
    pub(in crate::haproxy) span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) struct Term {
    pub(in crate::haproxy) negated: bool,
    pub(in crate::haproxy) acl: AclId,
    pub(in crate::haproxy) span: Span,
}

impl Criterion {
    /// Whether it looks at the method that stands in the request line, and at nothing else.
    pub(in crate::haproxy) fn is_method(&self) -> bool {
        matches!(self.sample.fetch, Fetch::Method)
    }

    /// Whether it holds the client's own address against networks, all of which are known.
    pub(in crate::haproxy) fn is_of_client(&self) -> bool {
        let Sample { fetch, converters, .. } = &self.sample;
        let is_whole = self.patterns.matching == Matching::Address && self.patterns.missing.is_none();
        matches!(fetch, Fetch::Client) && converters.is_empty() && is_whole
    }

    /// Fills in the methods that match, once it is known which are told apart.
    pub(in crate::haproxy) fn settle(&mut self, methods: &[(MethodSet, Datum)]) {
        if self.is_method() && self.sample.converters.is_empty() {
            let matching = |(method, datum): &(MethodSet, Datum)| {
                Some(if self.patterns.matches(datum)? { *method } else { MethodSet::EMPTY })
            };
            self.methods = methods.iter().map(matching).collect();
        }
    }
}

/// The method as HAProxy sees it before anything was rewritten.
pub(in crate::haproxy) fn method(name: &str) -> Datum {
    Datum::Method { known: KNOWN_METHODS.contains(&name), text: name.into() }
}

/// ACL keywords are fetches with a match method in their name: `path_beg` is `path -m beg` (acl_kws in src/http_acl.c).
const SUFFIXED: &[&str] = &["base", "cook", "hdr", "path", "scook", "shdr", "url", "urlp"];

/// The fetch and match method of an ACL keyword; `None` for a name that is none.
fn keyword(name: &str) -> Option<(&str, Option<Matching>)> {
    if let Some((stem, suffix)) = name.rsplit_once('_')
        && (SUFFIXED.contains(&stem) || stem == "ssl_fc_sni")
        && let Some(matching) = Matching::named(suffix)
        && !matches!(matching, Matching::Found | Matching::Bool | Matching::Integer | Matching::Address | Matching::Binary)
    {
        return Some((stem, Some(matching)));
    }
    match name {
        "method" => Some((name, Some(Matching::Method))),
        "http_auth_group" => Some((name, Some(Matching::Text))),
        "base" | "cook" | "hdr" | "path" | "scook" | "shdr" | "url" | "urlp" => Some((name, Some(Matching::Text))),
        "req_ver" | "resp_ver" | "req_ssl_sni" | "req_rdp_cookie" => Some((name, Some(Matching::Text))),
        _ => None,
    }
}

/// The ACLs that every section knows, and the release that brought them (src/http_acl.c, src/payload.c, src/acl.c).
const PREDEFINED: &[(&str, &[&str], Release)] = &[
    ("TRUE", &["always_true"], FIRST),
    ("FALSE", &["always_false"], FIRST),
    ("LOCALHOST", &["src", "127.0.0.1/8", "::1"], FIRST),
    ("HTTP", &["req.proto_http"], FIRST),
    ("HTTP_1.0", &["req.ver", "1.0"], FIRST),
    ("HTTP_1.1", &["req.ver", "1.1"], FIRST),
    ("HTTP_2.0", &["req.ver", "2.0"], Release(2, 1, 0)),
    ("HTTP_3.0", &["req.ver", "3.0"], Release(3, 0, 0)),
    ("HTTP_CONTENT", &["req.hdr_val(content-length)", "gt", "0"], FIRST),
    ("HTTP_URL_ABS", &["url_reg", "^[^/:]*://"], FIRST),
    ("HTTP_URL_SLASH", &["url_beg", "/"], FIRST),
    ("HTTP_URL_STAR", &["url", "*"], FIRST),
    ("METH_CONNECT", &["method", "CONNECT"], FIRST),
    ("METH_DELETE", &["method", "DELETE"], FIRST),
    ("METH_GET", &["method", "GET", "HEAD"], FIRST),
    ("METH_HEAD", &["method", "HEAD"], FIRST),
    ("METH_OPTIONS", &["method", "OPTIONS"], FIRST),
    ("METH_POST", &["method", "POST"], FIRST),
    ("METH_PUT", &["method", "PUT"], FIRST),
    ("METH_TRACE", &["method", "TRACE"], FIRST),
    ("RDP_COOKIE", &["req.rdp_cookie_cnt", "gt", "0"], FIRST),
    ("REQ_CONTENT", &["req.len", "gt", "0"], FIRST),
    ("WAIT_END", &["wait_end"], FIRST),
];

/// Long before any release that a config may be checked for.
const FIRST: Release = Release(0, 0, 0);

/// The criterion that a predefined ACL stands for.
fn predefined(name: &str, release: Release) -> Option<&'static [&'static str]> {
    let known = PREDEFINED.iter().find(|(known, _, since)| *known == name && release >= *since);
    known.map(|(_, words, _)| *words)
}

/// The ACLs of one section, by name.
pub(in crate::haproxy) type Scope = HashMap<Arc<str>, AclId>;

impl SectionBuilder<'_, '_> {
    /// An `acl` line.
    pub(super) fn acl_line(&mut self, words: &[Word<'_>], line: Span) -> Result<(), Refused> {
        let Some(name) = words.first() else { return Err(Refused::new(line, "`acl` needs a name and a criterion")) };
        let allowed = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | '.' | ':');
        if let Some(bad) = name.text.chars().find(|sign| !allowed(*sign)) {
            return Err(Refused::new(name.span, format!("the character `{bad}` is not allowed in the name of an ACL")));
        }
        if name.text.eq_ignore_ascii_case("or") || name.text == "||" {
            return Err(Refused::new(name.span, format!("`{}` joins conditions and cannot name an ACL", name.text)));
        }
        let criterion = self.criterion(&words[1..], line)?;
        let Some(id) = self.scope.get(name.text) else {
            self.add_acl(Some(name.text.into()), criterion, false);
            return Ok(());
        };
        let acl = &mut self.acls[id.index as usize];
        acl.criteria.push(criterion);
        if let Some(used) = acl.first_use {
            acl.extended.push((line, used));
        }
        Ok(())
    }

    fn add_acl(&mut self, name: Option<Arc<str>>, criterion: Criterion, predefined: bool) -> AclId {
        let id = AclId { section: self.index as u32, index: self.acls.len() as u32 };
        if let Some(name) = &name {
            self.scope.insert(Arc::clone(name), id);
        }
        self.acls.push(Acl { name, criteria: vec![criterion], first_use: None, extended: Vec::new(), predefined });
        id
    }

    /// `CRITERION [flags] [--] PATTERN…`
    pub(super) fn criterion(&mut self, words: &[Word<'_>], line: Span) -> Result<Criterion, Refused> {
        let Some(first) = words.first() else { return Err(Refused::new(line, "a criterion is missing")) };
        let (sample, usual) = self.subject(first.text).map_err(|flaw| flaw.at(first.span))?;
        self.capture.needs_http |= sample.needs_http();
        let span = first.span.to(words.last().map_or(first.span, |last| last.span));
        let mut matching = usual.or_else(|| Matching::usual(sample.kind));
        let mut flags = Flags::default();
        let mut rest = &words[1..];
        while let Some(flag) = rest.first().filter(|flag| flag.text.starts_with('-')) {
            let value = rest.get(1);
            rest = &rest[1..];
            match flag.text {
                "-i" => flags.ignore_case = true,
                "-n" => flags.numeric = true,
                "-M" => flags.map = true,
                "--" => break,
                "-u" | "-f" | "-m" => {
                    let Some(value) = value else {
                        return Err(Refused::new(flag.span, format!("`{}` needs a value", flag.text)));
                    };
                    rest = &rest[1..];
                    match flag.text {
                        "-u" if value.text.parse::<i64>().is_err() => {
                            return Err(Refused::new(value.span, "`-u` takes a number"));
                        }
                        "-m" => matching = Some(self.matching(&sample, value, &flags)?),
                        "-f" if matching.is_none() => return Err(needs_matching(first)),
                        "-f" => self.load_patterns(value, &mut flags)?,
                        _ => {}
                    }
                }
                other => {
                    let message = format!("`{other}` is no flag of an ACL");
                    return Err(Refused::new(flag.span, message).help("write `--` before patterns that begin with `-`"));
                }
            }
        }
        let Some(matching) = matching else { return Err(needs_matching(first)) };
        // Versions of TLS are written with dots: `3.0-3.3` (pat_parse_dotted_ver).
        let is_dotted = matches!(first.text, "req_ssl_ver" | "req.ssl_ver") && matching == Matching::Integer;
        let pattern = |word: &Word<'_>| if is_dotted { dotted(word.text) } else { word.text.to_owned() };
        let empty = rest.is_empty() && flags.loaded.is_empty() && flags.missing.is_none();
        let loaded = flags.loaded.len();
        let mut all = flags.loaded;
        all.extend(rest.iter().map(pattern));
        let refused = |(index, message): (usize, String)| {
            let place = index.checked_sub(loaded).and_then(|index| rest.get(index)).map_or(span, |word| word.span);
            Refused::new(place, message)
        };
        let mut patterns =
            Patterns::new(matching, flags.ignore_case, !flags.numeric, all, &self.config.patterns).map_err(refused)?;
        patterns.missing = flags.missing.or(patterns.missing);
        self.check_regexes(&patterns, span)?;
        let words = rest.iter().map(|word| (word.text.into(), word.span)).collect();
        Ok(Criterion { sample, patterns, empty, span, words, methods: None })
    }

    /// What is compared: an ACL keyword or a sample expression, and the match method that its name brings.
    fn subject(&mut self, text: &str) -> Result<(Sample, Option<Matching>), Flaw> {
        let end = text.find(['(', ',']).unwrap_or(text.len());
        let Some((fetch, matching)) = keyword(&text[..end]) else {
            // A name that is no fetch may be close to an ACL keyword.
            return match sample::known_fetch(arguments::keyword(text).0, self) {
                Err(flaw) if flaw.reason == Reason::UnknownWord => {
                    Err(Flaw::unknown("criterion", &text[..end], criterion_names().iter().map(String::as_str)))
                }
                _ => Ok((sample::parse(text, self)?, None)),
            };
        };
        let expression = if fetch.len() == end { Cow::Borrowed(text) } else { format!("{fetch}{}", &text[end..]).into() };
        let sample = sample::parse(&expression, self)?;
        // A converter behind the keyword brings the match method of its own type.
        let matching = matching.filter(|_| sample.converters.is_empty());
        Ok((sample, matching))
    }

    fn matching(&self, sample: &Sample, name: &Word<'_>, flags: &Flags) -> Result<Matching, Refused> {
        if !flags.loaded.is_empty() || flags.missing.is_some() {
            return Err(Refused::new(name.span, "`-m` must stand before patterns and files"));
        }
        let Some(matching) = Matching::named(name.text) else {
            let known = MATCHINGS.iter().map(|(name, _)| *name);
            return Err(Refused::new(name.span, words::unknown("match method", name.text, known)));
        };
        if matching != Matching::Found && !sample.kind.casts_to(matching.kind()) {
            return Err(Refused::new(name.span, format!("`-m {}` cannot be used with `{}`", name.text, sample.text)));
        }
        Ok(matching)
    }

    fn load_patterns(&mut self, path: &Word<'_>, flags: &mut Flags) -> Result<(), Refused> {
        let Some(file) = self.needed_file(path)? else {
            flags.missing = Some(path.text.into());
            return Ok(());
        };
        let key = |line: &str| if flags.map { line.split([' ', '\t']).next().unwrap_or("").to_owned() } else { line.to_owned() };
        flags.loaded.extend(maps::lines(file.text()).map(key));
        Ok(())
    }

    /// HAProxy compiles regular expressions when it starts.
    fn check_regexes(&self, patterns: &Patterns, span: Span) -> Result<(), Refused> {
        for pattern in patterns.regexes() {
            if pattern.is_refused() {
                return Err(Refused::new(span, format!("`{}` is no regular expression", pattern.source())));
            }
        }
        Ok(())
    }

    /// The words behind `if` or `unless`.
    pub(super) fn condition(&mut self, words: &[Word<'_>], from: Word<'_>) -> Result<Condition, Refused> {
        let unless = from.text == "unless";
        let mut groups = vec![Vec::new()];
        let mut at = 0;
        let mut negation: Option<Span> = None;
        while let Some(word) = words.get(at) {
            at += 1;
            if word.text.eq_ignore_ascii_case("or") || word.text == "||" {
                groups.push(Vec::new());
                negation = None;
                continue;
            }
            let name = word.text.trim_start_matches('!');
            let signs = word.text.len() - name.len();
            let negated = (signs % 2 == 1) != negation.is_some();
            if name.is_empty() {
                // A sign that stands alone belongs to the next word.
                negation = negated.then_some(negation.unwrap_or(word.span));
                continue;
            }
            let start = negation.take().unwrap_or(word.span);
            let (acl, end) = if name == "{" {
                let close = words[at..].iter().position(|word| word.text == "}");
                let Some(close) = close else {
                    return Err(Refused::new(word.span, "this brace is never closed").help("`}` must stand between blanks"));
                };
                let inner = &words[at..at + close];
                let end = words[at + close].span;
                at += close + 1;
                let criterion = self.criterion(inner, word.span.to(end))?;
                (self.add_acl(None, criterion, false), end)
            } else {
                (self.named(name, word)?, word.span)
            };
            self.acls[acl.index as usize].first_use.get_or_insert(word.span);
            if let Some(group) = groups.last_mut() {
                group.push(Term { negated, acl, span: start.to(end) });
            }
        }
        let span = from.span.to(words.last().map_or(from.span, |last| last.span));
        groups.retain(|group| !group.is_empty());
        Ok(Condition { unless, groups, span })
    }

    fn named(&mut self, name: &str, word: &Word<'_>) -> Result<AclId, Refused> {
        if let Some(id) = self.scope.get(name) {
            return Ok(*id);
        }
        let Some(words) = predefined(name, self.config.release) else { return Err(self.no_such_acl(name, word)) };
        let words: Vec<Word<'_>> = words.iter().map(|text| Word { text, span: word.span }).collect();
        let criterion = self.criterion(&words, word.span)?;
        Ok(self.add_acl(Some(name.into()), criterion, true))
    }

    fn no_such_acl(&mut self, name: &str, word: &Word<'_>) -> Refused {
        let refused = Refused::new(word.span, format!("there is no ACL `{name}`"));
        if let Some(method) = name.strip_prefix("METH_") {
            let criterion = format!("{{ method {method} }}");
            let refused = refused.help(format!("HAProxy has no such predefined ACL: write `{criterion}`"));
            let sign = if word.text.starts_with('!') { "!" } else { "" };
            let known = REGISTERED.contains(&method) && word.text.trim_start_matches('!') == name;
            return if known { refused.fix(replace(word.span, format!("{sign}{criterion}"))) } else { refused };
        }
        match name.to_ascii_lowercase().as_str() {
            "and" | "&&" => return refused.help("leave it out: ACLs that follow one another must all hold"),
            "if" | "unless" => return refused.help("a rule has one condition only"),
            _ if name.contains(['(', ')']) => {
                return refused.help("conditions have no parentheses: name the parts with `acl` lines");
            }
            _ if name.starts_with('{') || name.ends_with('}') => return refused.help("`{` and `}` must stand between blanks"),
            _ => {}
        }
        let named = self.acls.iter().filter_map(|acl| acl.name.as_deref());
        let known = named.chain(PREDEFINED.iter().map(|(name, ..)| *name));
        let known = self.turn.guessed(known, self.scope.len() + PREDEFINED.len());
        match words::nearest(name, known) {
            Some(best) => refused.help(format!("did you mean `{best}`?")),
            None => refused.help("an `acl` line of the same section must come before the first use"),
        }
    }
}

/// A version, or two as bounds, as the numbers that HAProxy compares: the part before the dot counts 65536.
fn dotted(text: &str) -> String {
    let number = |version: &str| {
        let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
        Some((major.parse::<u16>().ok()?, minor.parse::<u16>().ok()?))
            .map(|(major, minor)| u32::from(major) << 16 | u32::from(minor))
    };
    let bounds: Option<Vec<_>> = text.split(['-', ':']).map(|bound| number(bound).map(|number| number.to_string())).collect();
    bounds.map_or_else(|| text.to_owned(), |bounds| bounds.join(":"))
}

#[derive(Default)]
struct Flags {
    ignore_case: bool,
    /// Names are not looked up.
    numeric: bool,
    map: bool,
    loaded: Vec<String>,
    missing: Option<Box<str>>,
}

fn needs_matching(subject: &Word<'_>) -> Refused {
    let message = format!("`{}` has no match method of its own", subject.text);
    Refused::new(subject.span, message).help("say how to compare with `-m`, such as `-m str` or `-m found`")
}

/// Every name that a criterion may start with.
fn criterion_names() -> Vec<String> {
    let suffixes = ["beg", "dir", "dom", "end", "len", "reg", "sub"];
    let suffixed = SUFFIXED.iter().flat_map(|stem| suffixes.iter().map(move |suffix| format!("{stem}_{suffix}")));
    suffixed.chain(vocabulary::fetch_names().map(str::to_owned)).collect()
}
