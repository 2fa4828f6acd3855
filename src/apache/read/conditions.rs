//! Sections whose condition is tested while reading: `<IfModule>`, `<IfDefine>`, `<IfVersion>`, `<IfFile>`, `<IfDirective>` and
//! `<IfSection>`.

use std::cmp::Ordering;

use super::super::words::values;
use super::Reading;
use crate::finding::Finding;
use crate::grammar::APACHE;
use crate::pattern::Pattern;
use crate::server::Release;
use crate::syntax::Directive;

impl Reading<'_, '_> {
    /// Whether the content of such a section counts; `None` for every other section.
    pub(super) fn condition(&mut self, name: &str, args: &str, directive: Directive<'_>) -> Option<bool> {
        let test: fn(&Self, &str, Directive<'_>) -> bool = match name.to_ascii_lowercase().as_str() {
            "ifmodule" => |this, name, _| this.config.modules.answers(name),
            "ifdefine" => |this, name, _| this.defines.contains_key(name),
            "iffile" => |this, path, directive| {
                let base = directive.tree.source.folder();
                this.reader.files.kind(&this.reader.place(path, this.root(base))).is_some()
            },
            "ifdirective" => |this, name, _| this.knows(name, false),
            "ifsection" => |this, name, _| this.knows(name, true),
            "ifversion" => {
                self.check_version(args, directive);
                return Some(holds_for(self.release, args));
            }
            _ => return None,
        };
        // A sign of negation stands before the word; one inside of its quotes is a part of it.
        let (negated, args) = args.strip_prefix('!').map_or((false, args), |rest| (true, rest));
        let words = values(args);
        let word = words.first().map_or("", |word| &**word);
        if word.is_empty() && !directive.has_template() {
            self.config.findings.push(Finding::rejected(directive.head(), format!("`<{name}>` lacks its condition")));
        }
        Some(test(self, word, directive) != negated)
    }

    fn check_version(&mut self, args: &str, directive: Directive<'_>) {
        let words = values(args);
        let (operator, version) = match &words[..] {
            [operator, version] => (&**operator, &**version),
            [version] => ("=", &**version),
            _ => ("", ""),
        };
        let bare = operator.strip_prefix('!').unwrap_or(operator);
        let is_release = || version.split('.').count() <= 3 && version.split('.').all(|part| part.parse::<u16>().is_ok());
        let fits = match bare {
            "~" => true,
            "=" | "==" => version.starts_with('/') || is_release(),
            ">" | ">=" | "<" | "<=" => is_release(),
            _ => false,
        };
        if !fits && !directive.has_template() {
            let message = "`<IfVersion>` compares with a release such as `>= 2.4`";
            self.config.findings.push(Finding::rejected(directive.head(), message));
        }
    }

    /// Whether a directive or section is known by a module that is loaded so far.
    fn knows(&self, name: &str, section: bool) -> bool {
        let modules = &self.config.modules;
        APACHE.find(name).any(|entry| {
            let module = entry.module.strip_prefix("mod_").unwrap_or(entry.module);
            let has = modules.has(module) || matches!(module, "http_core" | "event" | "prefork" | "worker");
            entry.block == section && entry.known_to(self.release) && has
        })
    }
}

/// mod_version's comparison: `>= 2.4`, `!< 2.4.6`, `~ ^2\.4`, `/^2/`, or a release alone for `=`.
fn holds_for(release: Release, args: &str) -> bool {
    let words = values(args);
    let (operator, version) = match &words[..] {
        [operator, version] => (&**operator, &**version),
        [version] => ("=", &**version),
        _ => return false,
    };
    let (negated, operator) = operator.strip_prefix('!').map_or((false, operator), |operator| (true, operator));
    let as_pattern = version.strip_prefix('/').and_then(|version| version.strip_suffix('/'));
    let holds = match (operator, as_pattern) {
        ("~", _) | ("=" | "==", Some(_)) => {
            Pattern::new(as_pattern.unwrap_or(version), false).matches(&release.to_string()).unwrap_or(false)
        }
        _ => {
            let parts: Vec<u16> = version.split('.').map(|part| part.parse().unwrap_or(0)).collect();
            let at = |index: usize| parts.get(index).copied().unwrap_or(0);
            let order = release.cmp(&Release(at(0), at(1), at(2)));
            match operator {
                "=" | "==" => order == Ordering::Equal,
                ">" => order == Ordering::Greater,
                ">=" => order != Ordering::Less,
                "<" => order == Ordering::Less,
                "<=" => order != Ordering::Greater,
                _ => false,
            }
        }
    };
    holds != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        let release = Release(2, 4, 71);
        for (test, holds) in
            [(">= 2.4", true), ("< 2.4.9", false), ("2.4.71", true), ("!= 2.4", true), ("~ ^2\\.4", true), ("/^2\\.2/", false)]
        {
            assert_eq!(holds_for(release, test), holds, "{test}");
        }
    }
}
