//! Texts and regexes that the method is compared with.

use super::super::Checker;
use crate::finding::{Finding, Safety, Severity};
use crate::http::REGISTERED;
use crate::mend::replace;
use crate::nginx::mend::comparison;
use crate::nginx::site::{Builtin, Definition, Instruction, Scope, Setting, Test, VarId};
use crate::pattern::{Literal, Pattern};
use crate::source::Span;

/// What a regex is for: naming methods to let in, or methods to treat apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    AllowList,
    Selection,
}

fn is_in_use(method: &str) -> bool {
    REGISTERED.contains(&method) || USED.contains(&method)
}

/// Tokens that are in use without registration.
const USED: &[&str] = &["TRACK", "PURGE", "BAN", "NOTIFY", "BREW", "DEBUG", "MOVED", "POLL", "SUBSCRIBE", "UNSUBSCRIBE"];

impl<'d> Checker<'d> {
    pub(super) fn conditions(&mut self, code: &[Instruction]) {
        for instruction in code {
            let Instruction::If { condition, body, span, .. } = instruction else { continue };
            match &condition.test {
                Test::Equal { variable, value, negated } if self.is_method(*variable) => {
                    if let Some(text) = value.constant() {
                        self.literal(text, *span, *negated);
                    }
                }
                Test::Match { variable, pattern, negated } if self.is_method(*variable) => {
                    self.pattern(pattern, *span, if *negated { Purpose::AllowList } else { Purpose::Selection });
                }
                _ => {}
            }
            self.conditions(body);
        }
    }

    fn is_method(&self, variable: VarId) -> bool {
        matches!(self.model.variables.get(variable).definition, Definition::Builtin(Builtin::RequestMethod))
    }

    /// nginx takes methods of capitals, `-` and `_` alone, and compares byte by byte.
    fn literal(&mut self, text: &str, span: Span, negated: bool) {
        if is_token(text) {
            return self.spelling(text, span);
        }
        let place = comparison(&self.document.trees, span);
        let names: Vec<_> = text.split(['|', ',', ' ', '(', ')', '^', '$']).filter(|name| !name.is_empty()).collect();
        let names: Vec<_> = names.into_iter().map(str::to_ascii_uppercase).collect();
        let known = names.iter().all(|name| is_in_use(name));
        let (help, edits) = match (&names[..], place) {
            ([_, _, ..], place) => {
                let (operator, regex) = (if negated { "!~" } else { "~" }, format!("^({})$", names.join("|")));
                let edits = place.map(|(sign, text)| vec![replace(sign, operator), replace(text, &*regex)]);
                (format!("`=` compares with the whole text: for several methods write `{operator} {regex}`"), edits)
            }
            ([one], place) if *one != text => {
                (format!("write `{one}`: methods are capitals"), place.map(|(_, place)| vec![replace(place, &**one)]))
            }
            _ => ("write the name of one method".to_owned(), None),
        };
        let verdict = if negated { "always holds" } else { "never holds" };
        let message = format!("this `if` {verdict}: no request has the method `{text}`");
        let finding = Finding::new("method-check-ineffective", Severity::Error, span, message).help(help);
        self.add(match edits.filter(|_| known) {
            Some(edits) => finding.fix(Safety::Safe, edits),
            None => finding,
        });
    }

    fn spelling(&mut self, token: &str, span: Span) {
        if token.len() < 3 || is_in_use(token) {
            return;
        }
        let meant = REGISTERED.iter().find(|known| known.len() >= 3 && strsim::osa_distance(known, token) == 1);
        if let Some(meant) = meant {
            let message = format!("`{token}` is no registered method, so no client sends it");
            let finding = Finding::new("unknown-method", Severity::Warning, span, message);
            let finding = finding.help(format!("did you mean `{meant}`?"));
            self.add(match self.slip(token, span) {
                Some(place) => finding.fix(Safety::Safe, vec![replace(place, *meant)]),
                None => finding,
            });
        }
    }

    /// Where a misspelt name stands in the text that an `if` compares with, or in the key or value at the span itself.
    fn slip(&self, token: &str, span: Span) -> Option<Span> {
        let around = comparison(&self.document.trees, span).map_or(span, |(_, text)| text);
        let tree = self.document.trees.iter().find(|tree| tree.source.id == around.file)?;
        let text = tree.source.slice(around.start..around.end);
        let (at, _) = text.match_indices(token).next().filter(|_| text.matches(token).count() == 1)?;
        let start = around.start + at as u32;
        Some(tree.source.span(start..start + token.len() as u32))
    }

    /// A regex that fits anywhere in the method takes more methods than it names.
    fn pattern(&mut self, pattern: &Pattern, span: Span, purpose: Purpose) {
        let Some(literals) = pattern.alternatives() else {
            if purpose == Purpose::AllowList
                && pattern.is_valid() == Some(true)
                && !(pattern.is_anchored_start() && pattern.is_anchored_end())
            {
                self.unanchored(pattern, span, Severity::Info, "longer tokens");
            }
            return;
        };
        for literal in literals {
            if is_token(&literal.text) && literal.at_start && literal.at_end {
                self.spelling(&literal.text, span);
            }
        }
        let never = |literal: &Literal| {
            !literal
                .text
                .bytes()
                .all(|byte| matches!(byte, b'A'..=b'Z' | b'_' | b'-') || byte.is_ascii_lowercase() && pattern.ignores_case())
        };
        if !literals.is_empty() && literals.iter().all(never) {
            let message = format!("the regex `{}` matches no method", pattern.source());
            let finding = Finding::new("method-check-ineffective", Severity::Error, span, message);
            let finding = finding.help("nginx takes methods in capitals alone");
            let capitals = pattern.source().to_ascii_uppercase();
            let known = literals.iter().all(|literal| REGISTERED.contains(&&*literal.text.to_ascii_uppercase()));
            // `\w` and `\W` differ in their case.
            let place = comparison(&self.document.trees, span).filter(|_| known && !capitals.contains('\\'));
            self.add(match place {
                Some((_, text)) => finding.fix(Safety::Safe, vec![replace(text, capitals)]),
                None => finding,
            });
            return;
        }
        // `^PROP` means a prefix; `^GET` without an end is rather forgotten.
        let is_prefix = |literal: &Literal| literal.at_start && !REGISTERED.contains(&&*literal.text.to_ascii_uppercase());
        let open = |literal: &&Literal| !(is_prefix(literal) || literal.at_start && literal.at_end);
        let Some(first) = literals.iter().find(open) else { return };
        // Methods that exist and that the list does not spell out.
        let spelled = |method: &str| literals.iter().any(|literal| literal.text.eq_ignore_ascii_case(method));
        let hit = REGISTERED.iter().find(|method| pattern.matches(method) == Some(true) && !spelled(method));
        let example = hit.map_or_else(|| format!("X{}X", first.text.to_ascii_uppercase()), |method| (*method).to_owned());
        // Who picks methods out seldom minds that longer names are picked, too: `PATCH` fits PROPPATCH.
        let severity = if purpose == Purpose::AllowList { Severity::Warning } else { Severity::Info };
        self.unanchored(pattern, span, severity, &format!("`{example}`"));
    }

    fn unanchored(&mut self, pattern: &Pattern, span: Span, severity: Severity, example: &str) {
        let source = pattern.source();
        let message = format!("the regex `{source}` is not anchored: it takes {example} as well");
        let bare = source.trim_start_matches('^').trim_end_matches('$');
        let bare = bare
            .strip_prefix('(')
            .and_then(|bare| bare.strip_suffix(')'))
            .filter(|bare| !bare.contains(['(', ')']))
            .unwrap_or(bare);
        let anchored = format!("^({bare})$");
        let finding = Finding::new("method-regex-unanchored", severity, span, message);
        // `P` may stand for all methods that begin with it.
        let is_whole = |literal: &Literal| is_in_use(&literal.text.to_ascii_uppercase());
        if !pattern.alternatives().is_some_and(|literals| literals.iter().all(is_whole)) {
            return self.add(finding.help("write the methods out, as in `^(PUT|PATCH)$`"));
        }
        let finding = finding.help(format!("write `{anchored}`"));
        self.add(match comparison(&self.document.trees, span).filter(|_| !bare.contains(['^', '$'])) {
            Some((_, text)) => finding.fix(Safety::Safe, vec![replace(text, anchored)]),
            None => finding,
        });
    }

    /// The keys of maps over the method.
    pub(super) fn map_keys(&mut self) {
        let document = self.document;
        for map in document.trees.iter().flat_map(|tree| tree.all()).filter(|one| one.name() == "map" && one.is_block()) {
            if !matches!(map.arg(0), Some("$request_method" | "${request_method}")) {
                continue;
            }
            for entry in document.inside(map) {
                let key = entry.name();
                if entry.has_template() || entry.args().len() != 1 || matches!(key, "default" | "" | "hostnames" | "volatile") {
                    continue;
                }
                if key.starts_with('~') {
                    continue;
                }
                let key = key.trim_start_matches('\\');
                let upper = key.to_ascii_uppercase();
                if is_token(&upper) {
                    self.spelling(&upper, entry.name_span());
                } else {
                    let message = format!("the key `{key}` matches no method");
                    let names: Vec<_> = upper.split(['|', ',', ' ']).filter(|name| !name.is_empty()).collect();
                    let regex = format!("~^({})$", names.join("|"));
                    let finding = Finding::new("method-check-ineffective", Severity::Error, entry.name_span(), message);
                    let finding = finding.help(format!("a key is one whole text; as a regex write `{regex}`"));
                    self.add(match names.iter().all(|name| REGISTERED.contains(name)) {
                        true => finding.fix(Safety::Safe, vec![replace(entry.name_span(), regex)]),
                        false => finding,
                    });
                }
            }
        }
    }

    pub(super) fn table(&mut self, definition: &Definition) {
        let Definition::Map(map) = definition else { return };
        if !map.source.variable().is_some_and(|variable| self.is_method(variable)) {
            return;
        }
        for (pattern, value) in &map.regexes {
            self.pattern(pattern, map.values[*value].span, Purpose::Selection);
        }
    }

    /// The constant that `proxy_method` sends.
    pub(super) fn rewritten_method(&mut self, scope: &Scope) {
        for (setting, _) in &scope.settings {
            let Setting::ProxyMethod(text) = setting else { continue };
            let Some(method) = text.constant() else { continue };
            if is_token(method) {
                self.spelling(method, text.span);
            } else {
                let message = format!("`proxy_method` sends `{method}`, which is no method that servers know");
                let upper = method.to_ascii_uppercase();
                let finding = Finding::new("unknown-method", Severity::Warning, text.span, message);
                let finding = finding.help("write the method in capitals");
                self.add(match REGISTERED.contains(&upper.as_str()) {
                    true => finding.fix(Safety::Safe, vec![replace(text.span, upper)]),
                    false => finding,
                });
            }
        }
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'_' | b'-'))
}
