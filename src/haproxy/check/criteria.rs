//! Patterns for methods that no request can match.

use super::{Checks, ineffective};
use crate::finding::{Edit, Finding, Safety, Severity};
use crate::haproxy::site::acl::{Acl, Criterion};
use crate::haproxy::site::matching::Matching;
use crate::haproxy::site::proxy::Proxy;
use crate::haproxy::site::resolve::may_be_method;
use crate::http::{MethodSet, REGISTERED};
use crate::source::Span;

/// Tokens that are in wide use without being registered.
const IN_USE: &[&str] = &[
    "PURGE",
    "BAN",
    "REFRESH",
    "FLUSH",
    "TRACK",
    "DEBUG",
    "M-SEARCH",
    "NOTIFY",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "SOURCE",
    "RPC_IN_DATA",
    "RPC_OUT_DATA",
    "VIEW",
    "BMOVE",
    "BCOPY",
    "BDELETE",
    "BPROPFIND",
    "BPROPPATCH",
    "POLL",
    "X-MS-ENUMATTS",
    "INVALIDATE",
    "PURGEALL",
];

impl Checks<'_> {
    /// `cuts` are the words that are empty, or in part, in order.
    pub(super) fn criteria(&self, proxy: &Proxy, cuts: &[Span], findings: &mut Vec<Finding>) {
        for acl in &proxy.acls {
            acl.criteria.iter().for_each(|criterion| self.criterion(criterion, acl.first_use, cuts, findings));
            self.acl_lines(acl, findings);
        }
    }

    fn criterion(&self, criterion: &Criterion, used: Option<Span>, cuts: &[Span], findings: &mut Vec<Finding>) {
        self.operators(criterion, findings);
        if !criterion.is_method() {
            return;
        }
        let takes_none = matches!(criterion.patterns.matching, Matching::Found | Matching::Bool);
        if criterion.empty && !takes_none && !is_cut(criterion.span, cuts) {
            let finding = ineffective(Severity::Error, criterion.span, "`method` without any pattern never matches");
            findings.push(finding.help("name the methods behind it"));
        }
        if !criterion.sample.converters.is_empty() {
            return;
        }
        match criterion.patterns.matching {
            Matching::Method | Matching::Text => self.literals(criterion, used, findings),
            Matching::Regex => self.regexes(criterion, findings),
            _ => {}
        }
    }

    fn literals(&self, criterion: &Criterion, used: Option<Span>, findings: &mut Vec<Finding>) {
        for (text, span) in &criterion.words {
            self.literal(criterion, used, text, *span, findings);
        }
        for text in criterion.patterns.texts() {
            let trimmed = text.trim_end();
            if trimmed.len() < text.len() && may_be_method(trimmed) && !criterion.words.iter().any(|(word, _)| word == text) {
                let message = format!("a line of the pattern file is `{trimmed}` with a blank behind it, which no method equals");
                findings
                    .push(ineffective(Severity::Error, criterion.span, message).help("remove the blank at the end of the line"));
            }
        }
    }

    fn literal(&self, criterion: &Criterion, used: Option<Span>, text: &str, span: Span, findings: &mut Vec<Finding>) {
        let parts: Vec<&str> = text.split(['|', ',', ' ', '\t']).filter(|part| !part.is_empty()).collect();
        let bare = |part: &str| part.trim_start_matches('!').to_ascii_uppercase();
        let named = |part: &&str| REGISTERED.contains(&bare(part).as_str());
        if parts.len() > 1 && parts.iter().all(&named) {
            let list = parts.iter().map(|part| bare(part)).collect::<Vec<_>>().join(" ");
            let finding = ineffective(Severity::Error, span, format!("`{text}` is one literal here, which no method equals"));
            let finding = finding.help(format!("put blanks between the methods: `{list}`"));
            findings.push(finding.fix(Safety::Safe, vec![Edit { span, text: list }]));
            return;
        }
        if text.starts_with('!') && named(&text) {
            let finding = ineffective(Severity::Error, span, format!("`{text}` is a literal here, which no method equals"));
            findings.push(finding.help("a `!` belongs before the whole ACL in the condition"));
            return;
        }
        let upper = text.to_ascii_uppercase();
        if text != upper && REGISTERED.contains(&upper.as_str()) && self.misses(criterion, &upper) {
            let finding = ineffective(
                Severity::Error,
                span,
                format!("`{text}` never matches {upper}: methods are compared with their letter case"),
            );
            let finding = befalls(finding, used, self.config.universe.only(&upper));
            findings.push(finding.help(format!("write `{upper}`")).fix(Safety::Safe, vec![Edit { span, text: upper }]));
            return;
        }
        self.unknown_method(text, span, findings);
    }

    /// Whether the criterion as a whole does not match the method.
    fn misses(&self, criterion: &Criterion, method: &str) -> bool {
        criterion.methods.is_some_and(|methods| !methods.meets(self.config.universe.only(method)))
    }

    fn unknown_method(&self, text: &str, span: Span, findings: &mut Vec<Finding>) {
        let is_name = text.len() > 3 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
        if !is_name || REGISTERED.contains(&text) || IN_USE.contains(&text) {
            return;
        }
        let close = REGISTERED.iter().find(|known| known.len() > 2 && strsim::osa_distance(known, text) == 1);
        if let Some(known) = close {
            let message = format!("`{text}` is no registered method; `{known}` is");
            findings.push(
                Finding::new("unknown-method", Severity::Warning, span, message)
                    .help(format!("write `{known}` if that is meant"))
                    .fix(Safety::Safe, vec![Edit { span, text: (*known).to_owned() }]),
            );
        }
    }

    fn regexes(&self, criterion: &Criterion, findings: &mut Vec<Finding>) {
        let matched = criterion.methods.map(|methods| methods & self.registered);
        if matched.is_some_and(|methods| methods.is_empty()) && !criterion.patterns.regexes().is_empty() {
            let text = criterion.patterns.regexes()[0].source();
            let finding = ineffective(Severity::Error, criterion.span, format!("`{text}` matches no registered method"));
            findings.push(finding.help("methods are written in upper case; `-i` ignores letter case"));
            return;
        }
        for (pattern, (_, span)) in criterion.patterns.regexes().iter().zip(&criterion.words) {
            let (start, end) = (pattern.is_anchored_start(), pattern.is_anchored_end());
            let whole = |text: &str| REGISTERED.contains(&text.to_ascii_uppercase().as_str());
            let names = pattern.alternatives().is_some_and(|literals| literals.iter().all(|literal| whole(&literal.text)));
            if (start && end) || !names {
                continue;
            }
            let severity = if start { Severity::Info } else { Severity::Warning };
            let message = format!("`{}` also matches methods that only contain one of these names", pattern.source());
            let bare = pattern.source().trim_matches(['^', '$', '(', ')']);
            let anchored = format!("^({bare})$");
            let help = format!("write `{anchored}`, or name the methods without `-m reg`");
            let finding = Finding::new("method-regex-unanchored", severity, *span, message).help(help);
            // The source of a quoted or escaped word may not be its bytes.
            let plain = self.config.text(*span) == pattern.source() && !bare.contains(['(', ')', '^', '$']);
            findings.push(match plain {
                true => finding.fix(Safety::Safe, vec![Edit { span: *span, text: anchored }]),
                false => finding,
            });
        }
    }

    /// `{ path_beg /adm or method DELETE }` compares with the texts `or`, `method` and `DELETE`.
    fn operators(&self, criterion: &Criterion, findings: &mut Vec<Finding>) {
        for pair in criterion.words.windows(2) {
            let ((operator, span), (next, _)) = (&pair[0], &pair[1]);
            let is_operator = matches!(&**operator, "or" | "OR" | "||" | "and" | "AND" | "&&" | "if" | "unless");
            let name = next.trim_start_matches(['!', '{']);
            let is_criterion =
                name.starts_with("METH_") || name == "method" || name.starts_with("path") || name.starts_with("hdr");
            if is_operator && is_criterion {
                let message =
                    format!("`{operator}` is a pattern like every word inside of one criterion, so what follows is not asked");
                let finding = ineffective(Severity::Error, *span, message);
                findings.push(finding.help(format!("close the criterion before it: `{{ … }} {operator} {{ {name} … }}`")));
                return;
            }
        }
    }

    fn acl_lines(&self, acl: &Acl, findings: &mut Vec<Finding>) {
        let Some(name) = &acl.name else { return };
        let Acl { criteria, .. } = acl;
        let methods = criteria.iter().filter(|criterion| criterion.is_method()).count();
        if methods == 0 {
            return;
        }
        if let Some((line, used)) = acl.extended.first() {
            let message = format!("this line also widens the rules above that use `{name}` already");
            let finding = ineffective(Severity::Warning, *line, message).related(*used, "used here before");
            findings.push(finding.help("give the new criterion a name of its own, or move the line up"));
        } else if methods < criteria.len() && !acl.predefined {
            let other = criteria.iter().find(|criterion| !criterion.is_method()).map(|criterion| criterion.span);
            let message = format!(
                "lines of one name are alternatives: `{name}` holds where either the method or the other criterion matches"
            );
            let span = other.unwrap_or(criteria[0].span);
            findings.push(ineffective(Severity::Info, span, message).help("use two names where both must hold"));
        }
    }
}

/// Whether an empty word touches a criterion, or is a blank away from it.
fn is_cut(criterion: Span, cuts: &[Span]) -> bool {
    let next = cuts.partition_point(|cut| (cut.file, cut.end + 1) < (criterion.file, criterion.start));
    cuts.get(next).is_some_and(|cut| cut.file == criterion.file && cut.start <= criterion.end + 1)
}

/// Names the methods that a finding is about, and the rule that first uses the criterion.
fn befalls(finding: Finding, used: Option<Span>, methods: MethodSet) -> Finding {
    let finding = finding.methods(methods);
    match used.filter(|used| !used.contains(finding.span)) {
        Some(used) => finding.related(used, "used here"),
        None => finding,
    }
}
