//! Texts and regexes that the method is compared with.

use super::super::Checker;
use crate::finding::{Finding, Severity};
use crate::http::REGISTERED;
use crate::nginx::site::{Builtin, Definition, Instruction, Scope, Setting, Test, VarId};
use crate::pattern::{Literal, Pattern};
use crate::source::Span;

/// What a regex is for: naming methods to let in, or methods to treat apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    AllowList,
    Selection,
}

impl<'d> Checker<'d> {
    pub(super) fn conditions(&mut self, code: &[Instruction]) {
        for instruction in code {
            let Instruction::If { condition, body, span, .. } = instruction else { continue };
            match &condition.test {
                Test::Equal { variable, value, negated } if self.is_method(*variable) => {
                    if let Some(text) = value.constant() {
                        self.literal(text, *span, if *negated { "always holds" } else { "never holds" });
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
    fn literal(&mut self, text: &str, span: Span, verdict: &str) {
        if is_token(text) {
            return self.spelling(text, span);
        }
        let help = if text.contains(['|', ',', ' ']) {
            "`=` compares with the whole text: for several methods write `~ ^(GET|POST)$`"
        } else if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            "write the method in capitals"
        } else {
            "write the name of one method"
        };
        let message = format!("this `if` {verdict}: no request has the method `{text}`");
        self.add(Finding::new("method-check-ineffective", Severity::Error, span, message).help(help));
    }

    fn spelling(&mut self, token: &str, span: Span) {
        if token.len() < 3 || REGISTERED.contains(&token) {
            return;
        }
        let meant = REGISTERED.iter().find(|known| known.len() >= 3 && strsim::osa_distance(known, token) == 1);
        // Tokens that are in use without registration.
        const USED: &[&str] = &["TRACK", "PURGE", "BAN", "NOTIFY", "BREW", "DEBUG", "MOVED", "POLL", "SUBSCRIBE", "UNSUBSCRIBE"];
        if let (Some(meant), false) = (meant, USED.contains(&token)) {
            let message = format!("`{token}` is no registered method");
            self.add(Finding::new("unknown-method", Severity::Warning, span, message).help(format!("did you mean `{meant}`?")));
        }
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
            self.remark("method-check-ineffective", Severity::Error, span, message, "nginx takes methods in capitals alone");
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
        self.remark("method-regex-unanchored", severity, span, message, &format!("write `^({bare})$`"));
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
                    let help = format!("a key is one whole text; as a regex write `~^({key})$`");
                    self.remark("method-check-ineffective", Severity::Error, entry.name_span(), message, &help);
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
                self.remark("unknown-method", Severity::Warning, text.span, message, "write the method in capitals");
            }
        }
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'_' | b'-'))
}
