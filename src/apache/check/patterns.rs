//! Regular expressions that PCRE does not compile, directive by directive.

use std::borrow::Cow;

use super::super::read::Statement;
use super::super::site::redirect::status_of;
use super::super::site::rewrite::arguments;
use crate::pattern::Patterns;

/// Why httpd would refuse the pattern of a statement, where it would. The name is in small letters.
pub(super) fn refusal(patterns: &Patterns, lower: &str, statement: Statement<'_>, args: &[Cow<'_, str>]) -> Option<String> {
    let pattern = match (statement.is_section(), lower.strip_prefix("rewrite")) {
        (true, _) => of_section(lower, args).map(str::to_owned),
        (false, Some(kind)) => of_rewrite(kind, &statement.raw()),
        (false, None) => of_directive(lower, statement, args).map(str::to_owned),
    }?;
    let refused = patterns.get(&pattern, false).is_refused();
    refused.then(|| format!("`{}`: the regular expression `{pattern}` cannot be compiled", statement.name()))
}

fn of_section<'a>(lower: &str, args: &'a [Cow<'_, str>]) -> Option<&'a str> {
    match (lower, args) {
        ("locationmatch" | "directorymatch" | "filesmatch" | "proxymatch", [pattern, ..]) => Some(pattern),
        ("location" | "directory" | "files" | "proxy", [tilde, pattern, ..]) if tilde == "~" => Some(pattern),
        _ => None,
    }
}

/// mod_rewrite cuts words in its own way.
fn of_rewrite(kind: &str, raw: &str) -> Option<String> {
    let (test, pattern, _) = arguments(raw)?;
    let (pattern, is_rule) = match kind {
        "rule" => (&test, true),
        "cond" if !test.eq_ignore_ascii_case("expr") => (&pattern, false),
        _ => return None,
    };
    let pattern = pattern.strip_prefix('!').unwrap_or(pattern);
    // Those of `RewriteCond` may be comparisons and looks at files.
    (is_rule || !pattern.starts_with(['-', '<', '>', '='])).then(|| pattern.to_owned())
}

fn of_directive<'a>(lower: &str, statement: Statement<'_>, args: &'a [Cow<'_, str>]) -> Option<&'a str> {
    let at = |index: usize| args.get(index).map(|word| &**word);
    match lower {
        "aliasmatch" | "scriptaliasmatch" | "proxypassmatch" | "browsermatch" | "browsermatchnocase" => at(0),
        "redirectmatch" => at(usize::from(at(0).is_some_and(|word| status_of(word).is_some()))),
        "setenvif" | "setenvifnocase" => at(1),
        // Those of packaged rules are known to be right.
        "secrule" if !statement.directive().tree.source.path.starts_with("/usr/share") => {
            let operator = at(1)?;
            let operator = operator.strip_prefix('!').unwrap_or(operator);
            let pattern = operator.strip_prefix("@rx ").unwrap_or(operator);
            (!pattern.starts_with('@') && !pattern.contains("%{")).then_some(pattern)
        }
        _ => None,
    }
}
