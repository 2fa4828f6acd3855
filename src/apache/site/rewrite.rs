//! `RewriteRule` and what goes with it (`modules/mappers/mod_rewrite.c`).

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use super::super::expr::{Comparison, Expr, parse};
use super::super::text::{Piece, Text, Var, methods_with, rewrite_text};
use super::{Context, Refused, statuses};
use crate::http::MethodSet;
use crate::pattern::Pattern;
use crate::source::{Span, Spanned};

/// The rules of the main server or of a virtual host.
#[derive(Clone, Debug, Default)]
pub(in crate::apache) struct RewriteServer {
    pub(in crate::apache) engine: Option<Spanned<bool>>,
    pub(in crate::apache) options: Options,
    pub(in crate::apache) rules: Vec<Arc<RewriteRule>>,
    pub(in crate::apache) maps: HashMap<String, Arc<Map>>,
    /// Whether any line of mod_rewrite stands in the server, be it in a section: only then has it a config of its own.
    pub(in crate::apache) touched: bool,
    /// Rules with those that are inherited; `None` where they are the own ones.
    pub(in crate::apache) merged: Option<Vec<Arc<RewriteRule>>>,
}

/// `RewriteMap`.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::apache) enum Map {
    Table(Arc<HashMap<String, String>>),
    /// `rnd:`: one of the values between bars.
    Random(Arc<HashMap<String, String>>),
    Lower,
    Upper,
    Escape,
    Unescape,
    /// A program, a database, or a file that is not at hand.
    Unknown,
}

impl Map {
    /// Reads the lines of a `txt:` or `rnd:` map (`lookup_map_txtfile`).
    pub(in crate::apache) fn table(text: &str) -> HashMap<String, String> {
        let mut table = HashMap::new();
        for line in text.lines().filter(|line| !line.starts_with(|c: char| c == '#' || c.is_ascii_whitespace())) {
            let mut words = line.split_ascii_whitespace();
            if let (Some(key), Some(value)) = (words.next(), words.next()) {
                table.entry(key.to_owned()).or_insert_with(|| value.to_owned());
            }
        }
        table
    }
}

/// The rules of a section or a `.htaccess` file.
#[derive(Clone, Debug, Default)]
pub(in crate::apache) struct RewriteDir {
    pub(in crate::apache) engine: Option<Spanned<bool>>,
    pub(in crate::apache) options: Options,
    pub(in crate::apache) base: Option<String>,
    /// The section's path with a slash at its end; `None` for what a server sets for all its sections.
    pub(in crate::apache) folder: Option<String>,
    pub(in crate::apache) rules: Vec<Arc<RewriteRule>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::apache) struct Options {
    pub(in crate::apache) set: bool,
    pub(in crate::apache) inherit: bool,
    pub(in crate::apache) inherit_before: bool,
    pub(in crate::apache) inherit_down: bool,
    pub(in crate::apache) inherit_down_before: bool,
    pub(in crate::apache) ignore_inherit: bool,
    pub(in crate::apache) any_uri: bool,
    pub(in crate::apache) no_slash: bool,
}

#[derive(Clone, Debug)]
pub(in crate::apache) struct RewriteRule {
    pub(in crate::apache) pattern: Arc<Pattern>,
    pub(in crate::apache) negated: bool,
    /// `None` for `-`.
    pub(in crate::apache) target: Option<Text>,
    pub(in crate::apache) conds: Vec<Cond>,
    /// Whether a group of a condition is used anywhere, so that all of them must be worked out.
    pub(in crate::apache) uses_cond_groups: bool,
    pub(in crate::apache) flags: Flags,
    pub(in crate::apache) span: Span,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::apache) struct Flags {
    /// `[F]`, `[G]`, `[R=4xx]`: the rule answers.
    pub(in crate::apache) status: Option<u16>,
    /// `[R]`: a redirect, with its status.
    pub(in crate::apache) redirect: bool,
    pub(in crate::apache) redirect_status: u16,
    pub(in crate::apache) last: bool,
    pub(in crate::apache) end: bool,
    pub(in crate::apache) chain: bool,
    pub(in crate::apache) skip: usize,
    pub(in crate::apache) next: bool,
    /// How often `[N]` may start over.
    pub(in crate::apache) rounds: usize,
    pub(in crate::apache) proxy: bool,
    pub(in crate::apache) pass_through: bool,
    pub(in crate::apache) no_case: bool,
    pub(in crate::apache) not_in_subrequests: bool,
    pub(in crate::apache) append_query: bool,
    pub(in crate::apache) discard_query: bool,
    pub(in crate::apache) no_escape: bool,
    pub(in crate::apache) handler: Option<String>,
    pub(in crate::apache) env: Vec<String>,
    pub(in crate::apache) escape: Option<Escape>,
    pub(in crate::apache) discard_path_info: bool,
    /// `[QSL]`: the last question mark begins the query.
    pub(in crate::apache) last_question_mark: bool,
    /// `[UnsafeAllow3F]`: so may one that the client wrote as `%3F`.
    pub(in crate::apache) allow_question_mark: bool,
    /// The target ends in `?`, which drops the query.
    pub(in crate::apache) no_query: bool,
}

#[derive(Clone, Debug)]
pub(in crate::apache) struct Cond {
    pub(in crate::apache) test: Text,
    pub(in crate::apache) kind: CondKind,
    pub(in crate::apache) negated: bool,
    pub(in crate::apache) or_next: bool,
    /// The methods for which the condition holds, negation included, where it looks at nothing else.
    pub(in crate::apache) methods: Option<MethodSet>,
    pub(in crate::apache) span: Span,
}

#[derive(Clone, Debug)]
pub(in crate::apache) enum CondKind {
    Pattern(Arc<Pattern>),
    /// mod_rewrite's own order: the longer text is the greater one.
    Compare(Comparison, String, bool),
    Numbers(Comparison, i64),
    Expr(Expr),
    File,
    Folder,
    /// `-s`, `-l`, `-x`, `-F`, `-U` and the like.
    Other(char),
}

/// `[B]` and its kin: what becomes of groups that a substitution uses (`escape_backref`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::apache) struct Escape {
    /// The signs to escape; all but letters, digits and `_` where none are listed.
    only: Option<String>,
    except: String,
    no_plus: bool,
    controls: bool,
}

impl Escape {
    pub(in crate::apache) fn apply(&self, group: &str) -> String {
        let mut out = String::with_capacity(group.len());
        for byte in group.bytes() {
            let c = char::from(byte);
            let listed = self.only.as_ref().is_some_and(|only| only.contains(c));
            let meant = if self.controls { byte <= b' ' || byte == 0x7f } else { self.only.is_none() };
            if !(meant || listed) || self.except.contains(c) || byte.is_ascii_alphanumeric() || c == '_' {
                out.push(c);
            } else if c == ' ' && !self.no_plus {
                out.push('+');
            } else {
                out.push_str(&format!("%{byte:02x}"));
            }
        }
        out
    }
}

impl CondKind {
    /// Whether a text passes, without negation; `None` where it cannot be told.
    pub(in crate::apache) fn holds(&self, text: &str) -> Option<bool> {
        match self {
            CondKind::Pattern(pattern) => pattern.matches(text),
            CondKind::Compare(Comparison::Equal, with, ignore_case) => {
                Some(if *ignore_case { text.eq_ignore_ascii_case(with) } else { text == with })
            }
            CondKind::Compare(comparison, with, ignore_case) => {
                let order =
                    if *ignore_case { text.to_ascii_lowercase().cmp(&with.to_ascii_lowercase()) } else { by_length(text, with) };
                Some(comparison.holds(order))
            }
            CondKind::Numbers(comparison, number) => {
                let digits: String = text.trim_start().chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
                Some(comparison.holds(digits.parse().unwrap_or(0i64).cmp(number)))
            }
            _ => None,
        }
    }
}

fn by_length(left: &str, right: &str) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.as_bytes().cmp(right.as_bytes()))
}

/// The words of a rule or condition, cut as `parseargline` cuts them: a quote only at the start, a backslash before a blank.
pub(in crate::apache) fn arguments(raw: &str) -> Option<(String, String, Option<String>)> {
    let mut rest = raw.trim_start();
    let mut words = Vec::new();
    while !rest.is_empty() && words.len() < 3 {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let body = quote.map_or(rest, |_| &rest[1..]);
        let mut end = body.len();
        let mut signs = body.char_indices().peekable();
        while let Some((index, c)) = signs.next() {
            let ends = match quote {
                Some(quote) => c == quote,
                None => c.is_ascii_whitespace(),
            };
            if ends {
                end = index;
                break;
            }
            if c == '\\' {
                signs.next_if(|(_, next)| next.is_ascii_whitespace());
            }
        }
        words.push(body[..end].to_owned());
        rest = body.get(end..).map_or("", |after| after.get(after.chars().next().map_or(0, char::len_utf8)..).unwrap_or(""));
        // The first word must be followed by something, be it only a blank.
        if words.len() == 1 && end == body.len() {
            return None;
        }
        rest = rest.trim_start();
    }
    if words.len() == 1 {
        words.push(String::new());
    }
    let mut words = words.into_iter();
    Some((words.next()?, words.next()?, words.next()))
}

pub(in crate::apache) fn read_options(raw: &[std::borrow::Cow<'_, str>], options: &mut Options) -> Result<(), Refused> {
    options.set = true;
    for word in raw {
        match word.to_ascii_lowercase().as_str() {
            "inherit" => options.inherit = true,
            "inheritbefore" => options.inherit_before = true,
            "inheritdown" => options.inherit_down = true,
            "inheritdownbefore" => options.inherit_down_before = true,
            "ignoreinherit" => options.ignore_inherit = true,
            "allowanyuri" => options.any_uri = true,
            "allownoslash" => options.no_slash = true,
            "mergebase" | "ignorecontextinfo" | "legacyprefixdocroot" | "unsafeprefixstat" | "longurloptimization" => {}
            other if other.starts_with("maxredirects=") => {}
            _ => return Err(format!("`RewriteOptions` has no option `{word}`")),
        }
    }
    Ok(())
}

pub(in crate::apache) fn read_cond(context: &mut Context<'_>, raw: &str, span: Span, open: bool) -> Result<Cond, Refused> {
    let Some((test, pattern, flags)) = arguments(raw) else {
        return Err("`RewriteCond` lacks its pattern".to_owned());
    };
    let mut no_case = false;
    let mut or_next = false;
    for (key, _) in flag_list("RewriteCond", flags.as_deref())? {
        match key.to_ascii_lowercase().as_str() {
            "nc" | "nocase" => no_case = true,
            "or" | "ornext" => or_next = true,
            "nv" | "novary" => {}
            _ if open => {}
            _ => return Err(format!("`RewriteCond` has no flag `{key}`")),
        }
    }
    let (mut negated, pattern) = match pattern.strip_prefix('!') {
        Some(rest) => (true, rest.to_owned()),
        None => (false, pattern),
    };
    let kind = if test.eq_ignore_ascii_case("expr") {
        match parse(&pattern) {
            Ok(expr) => CondKind::Expr(expr.settled(context.universe)),
            Err(_) if open => CondKind::Other('?'),
            Err(error) => return Err(format!("`RewriteCond expr`: {}", error.message)),
        }
    } else {
        cond_kind(context, &pattern, no_case, &mut negated)
    };
    let test = rewrite_text(&test);
    let methods = match &kind {
        CondKind::Expr(Expr::Method(set)) => Some(*set),
        CondKind::Pattern(_) if matches!(test[..], [Piece::Var(Var::Method)]) => {
            context.patterns.methods(context.universe, &pattern, no_case)
        }
        kind => methods_with(context.universe, &[&test], |values| kind.holds(&values[0])),
    };
    let methods = methods.map(|set| if negated { context.universe.all() - set } else { set });
    Ok(Cond { test, kind, negated, or_next, methods, span })
}

fn cond_kind(context: &mut Context<'_>, pattern: &str, no_case: bool, negated: &mut bool) -> CondKind {
    use Comparison::*;
    let number = |text: &str| text.trim().parse().unwrap_or(0);
    if let Some(rest) = pattern.strip_prefix('-') {
        for (name, comparison) in [("lt", Less), ("le", LessOrEqual), ("gt", Greater), ("ge", GreaterOrEqual), ("eq", Equal)] {
            if let Some(with) = rest.strip_prefix(name).filter(|_| rest.len() > 1) {
                return CondKind::Numbers(comparison, number(with));
            }
        }
        if let Some(with) = rest.strip_prefix("ne") {
            *negated = !*negated;
            return CondKind::Numbers(Equal, number(with));
        }
        match rest.as_bytes() {
            [b'f'] => return CondKind::File,
            [b'd'] => return CondKind::Folder,
            [sign @ (b's' | b'l' | b'h' | b'L' | b'x' | b'U' | b'F')] => return CondKind::Other(char::from(*sign)),
            _ => {}
        }
    }
    for (sign, comparison) in [(">=", GreaterOrEqual), ("<=", LessOrEqual), (">", Greater), ("<", Less), ("=", Equal)] {
        if let Some(with) = pattern.strip_prefix(sign) {
            let with = if sign == "=" && with == "\"\"" { "" } else { with };
            return CondKind::Compare(comparison, with.to_owned(), no_case);
        }
    }
    CondKind::Pattern(context.patterns.get(pattern, no_case))
}

/// `[A,B=c]` cut at its commas.
fn flag_list(directive: &str, flags: Option<&str>) -> Result<Vec<(String, String)>, Refused> {
    let Some(flags) = flags else { return Ok(Vec::new()) };
    let Some(list) = flags.strip_prefix('[').and_then(|list| list.strip_suffix(']')) else {
        return Err(format!("`{directive}`: bad flag delimiters in `{flags}`: flags stand in `[…]` without blanks"));
    };
    let pair = |flag: &str| {
        let (key, value) = flag.split_once('=').unwrap_or((flag, ""));
        (key.trim().to_owned(), value.trim().to_owned())
    };
    Ok(list.split(',').map(pair).collect())
}

pub(in crate::apache) fn read_rule(
    context: &mut Context<'_>,
    raw: &str,
    conds: Vec<Cond>,
    span: Span,
    open: bool,
) -> Result<RewriteRule, Refused> {
    let Some((pattern, target, flags)) = arguments(raw) else {
        return Err("`RewriteRule` lacks its substitution".to_owned());
    };
    let mut read = Flags { redirect_status: 302, rounds: Flags::ROUNDS, ..Flags::default() };
    let list = match flag_list("RewriteRule", flags.as_deref()) {
        Err(_) if open => Vec::new(),
        list => list?,
    };
    for (key, value) in list {
        if let Err(error) = rule_flag(&mut read, &key, &value)
            && !open
        {
            return Err(error);
        }
    }
    let (negated, pattern) = match pattern.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, &pattern[..]),
    };
    let mut target = target.as_str();
    if let Some(rest) = target.strip_suffix('?')
        && !read.append_query
    {
        read.no_query = true;
        target = rest;
    } else if read.discard_query && !target.contains('?') {
        read.no_query = true;
    }
    let pattern = context.patterns.get(pattern, read.no_case);
    // A status outside of 3xx answers without a target.
    let nothing = target == "-" || read.status.is_some();
    let target = (!nothing).then(|| rewrite_text(target));
    let texts = conds.iter().map(|cond| &cond.test).chain(&target);
    let uses_cond_groups = texts.into_iter().any(|text| uses_cond_groups(text)) || read.env.iter().any(|line| line.contains('%'));
    Ok(RewriteRule { pattern, negated, target, conds, uses_cond_groups, flags: read, span })
}

fn uses_cond_groups(text: &[Piece]) -> bool {
    text.iter().any(|piece| match piece {
        Piece::CondGroup(_) => true,
        Piece::Call(_, inner) => uses_cond_groups(inner),
        Piece::Map(call) => uses_cond_groups(&call.key) || uses_cond_groups(&call.default),
        _ => false,
    })
}

impl Flags {
    /// `REWRITE_MAX_ROUNDS` is 10000; a rule that starts over more than this many times is taken to do so for ever.
    const ROUNDS: usize = 1_000;
}

fn rule_flag(flags: &mut Flags, key: &str, value: &str) -> Result<(), Refused> {
    match key.to_ascii_lowercase().as_str() {
        "f" | "forbidden" => flags.status = Some(403),
        "g" | "gone" => flags.status = Some(410),
        "r" | "redirect" => {
            let status = match value.to_ascii_lowercase().as_str() {
                "" => 302,
                "permanent" => 301,
                "temp" => 302,
                "seeother" => 303,
                _ if value.starts_with(|c: char| c.is_ascii_digit()) => {
                    let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
                    let status = digits.parse().unwrap_or(0);
                    if !statuses::is_known(status) {
                        return Err(format!("`RewriteRule`: `{value}` is no status that `R` can have"));
                    }
                    status
                }
                _ => 302,
            };
            flags.redirect = true;
            if (300..400).contains(&status) {
                flags.redirect_status = status;
                // An earlier `F` keeps its place but not its status; httpd then answers with the redirect's one.
                if flags.status.is_some() && !value.is_empty() {
                    flags.status = Some(status);
                }
            } else {
                flags.status = Some(status);
            }
        }
        "l" | "last" => flags.last = true,
        "end" => flags.end = true,
        "c" | "chain" => flags.chain = true,
        "s" | "skip" => flags.skip = value.parse().unwrap_or(0),
        "n" | "next" => {
            flags.next = true;
            flags.rounds = value.parse().unwrap_or(Flags::ROUNDS).min(Flags::ROUNDS);
        }
        "b" | "backrefescaping" => {
            flags.escape.get_or_insert_default().only = (!value.is_empty()).then(|| value.to_owned());
        }
        "bnp" | "backrefernoplus" => flags.escape.get_or_insert_default().no_plus = true,
        "bctls" => flags.escape.get_or_insert_default().controls = true,
        "bne" => flags.escape.get_or_insert_default().except = value.to_owned(),
        "dpi" | "discardpath" => flags.discard_path_info = true,
        "qsl" | "qslast" => flags.last_question_mark = true,
        "unsafeallow3f" => flags.allow_question_mark = true,
        "p" | "proxy" => flags.proxy = true,
        "pt" | "passthrough" => flags.pass_through = true,
        "nc" | "nocase" => flags.no_case = true,
        "qsa" | "qsappend" => flags.append_query = true,
        "qsd" | "qsdiscard" => flags.discard_query = true,
        "ne" | "noescape" => flags.no_escape = true,
        "ns" | "nosubreq" => flags.not_in_subrequests = true,
        "h" | "handler" => flags.handler = Some(value.to_owned()),
        "e" | "env" => flags.env.push(value.to_owned()),
        "co" | "cookie" | "t" | "type" | "unsafeprefixstat" | "unc" => {}
        _ => return Err(format!("`RewriteRule` has no flag `{key}`")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_cut_like_mod_rewrite_does() {
        let cut = |raw| arguments(raw).map(|(a, b, c)| (a, b, c.unwrap_or_default()));
        let words = |a: &str, b: &str, c: &str| Some((a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(cut(r#"^/a "b c" [F]"#), words("^/a", "b c", "[F]"));
        assert_eq!(cut(r"a\ b - [R=405, L]"), words(r"a\ b", "-", "[R=405,"));
        assert_eq!(cut("only"), None);
    }

    #[test]
    fn the_last_status_flag_wins() {
        let read = |list: &str| {
            let mut flags = Flags::default();
            for (key, value) in flag_list("RewriteRule", Some(list)).unwrap() {
                rule_flag(&mut flags, &key, &value).unwrap();
            }
            flags.status
        };
        assert_eq!((read("[F,R=501]"), read("[R=501,F]"), read("[R=302]")), (Some(501), Some(403), None));
        assert!(flag_list("RewriteRule", Some("[R=405,")).is_err());
        assert!(rule_flag(&mut Flags::default(), "R", "999").is_err());
    }
}
