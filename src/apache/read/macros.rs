//! `<Macro>` and `Use` (`modules/core/mod_macro.c`).

use std::path::Path;

use super::super::parse::line_at;
use super::super::words::{values, words};
use super::{Reading, Text, raw_args};
use crate::finding::Finding;
use crate::syntax::{Directive, NodeId};

#[derive(Clone, Debug)]
pub(super) struct Macro {
    /// Parameters, the longest first, so that `$ab` is not taken for `$a`.
    params: Vec<(usize, String)>,
    tree: u32,
    node: NodeId,
}

impl Reading<'_, '_> {
    /// Lines that all macros of a config may bring together.
    const MAX_EXPANSIONS: usize = 200_000;
    /// How deep macros may use one another; httpd itself refuses macros that use themselves.
    const MAX_NESTING: usize = 64;

    pub(super) fn define_macro(&mut self, args: &str, tree: u32, directive: Directive<'_>) {
        let mut words = values(args).into_iter();
        let Some(name) = words.next() else {
            self.config.findings.push(Finding::rejected(directive.head(), "`<Macro>` needs a name"));
            return;
        };
        let mut params: Vec<(usize, String)> = words.map(|word| word.into_owned()).enumerate().collect();
        if let Some((_, twice)) = params.iter().find(|(index, name)| params[..*index].iter().any(|(_, other)| other == name)) {
            let message = format!("`<Macro>` has two parameters `{twice}`");
            self.config.findings.push(Finding::rejected(directive.head(), message));
        }
        params.sort_by_key(|(_, param)| std::cmp::Reverse(param.len()));
        self.macros.insert(name.to_ascii_lowercase(), Macro { params, tree, node: directive.id });
    }

    pub(super) fn use_macro(&mut self, args: &str, _tree: u32, directive: Directive<'_>, base: &Path, depth: usize) {
        let mut arguments = values(args).into_iter();
        let name = arguments.next().unwrap_or_default().to_ascii_lowercase();
        let Some(known) = self.macros.get(&name).cloned() else {
            if self.config.modules.are_known() && !directive.has_template() {
                self.config.findings.push(Finding::rejected(directive.head(), format!("`Use` of the undefined macro `{name}`")));
            }
            return;
        };
        let arguments: Vec<String> = arguments.map(|argument| argument.into_owned()).collect();
        if arguments.len() != known.params.len() {
            let message = format!("the macro `{name}` takes {} arguments, not {}", known.params.len(), arguments.len());
            self.config.findings.push(Finding::rejected(directive.head(), message));
            return;
        }
        if depth >= Self::MAX_NESTING {
            let message = format!("macros use one another more than {} deep", Self::MAX_NESTING);
            self.config.findings.push(Finding::rejected(directive.head(), message));
            return;
        }
        let outer = self.used.replace(directive.head());
        let pairs: Vec<(String, String)> =
            known.params.iter().map(|(index, param)| (param.clone(), arguments[*index].clone())).collect();
        let tree = std::sync::Arc::clone(&self.config.trees[known.tree as usize]);
        for line in tree.get(known.node).children() {
            self.expand(known.tree, line, &pairs, base, depth + 1);
        }
        self.used = outer;
    }

    /// One line of a macro's body; sections are expanded line by line with their content.
    fn expand(&mut self, tree: u32, directive: Directive<'_>, pairs: &[(String, String)], base: &Path, depth: usize) {
        self.expansions += 1;
        if self.expansions > Self::MAX_EXPANSIONS || depth >= Self::MAX_DEPTH {
            return;
        }
        let name = replace(directive.name(), pairs);
        let args = if pairs.is_empty() { raw_args(directive).into_owned() } else { replaced_args(directive, pairs) };
        let text = self.substitute(&name, &args);
        let text = text.unwrap_or_else(|| Box::new(Text { name, args, open: false, used: self.used }));
        let (name, args) = (text.name.clone(), text.args.clone());
        if directive.is_block() {
            match self.condition(&name, &args, directive) {
                Some(false) => {}
                Some(true) => directive.children().for_each(|child| self.expand(tree, child, pairs, base, depth + 1)),
                None => self.expand_section(tree, directive, text, pairs, base, depth),
            }
        } else if !self.at_reading(&name, &args, tree, directive, base, depth) {
            self.push(tree, directive, Some(text), base, depth);
        }
    }

    fn expand_section(
        &mut self,
        tree: u32,
        directive: Directive<'_>,
        text: Box<Text>,
        pairs: &[(String, String)],
        base: &Path,
        depth: usize,
    ) {
        let index = self.config.lines.len();
        self.config.lines.push(super::Line {
            tree,
            node: directive.id,
            end: 0,
            text: Some(text),
            modules: self.config.modules.len().min(usize::from(u16::MAX)) as u16,
        });
        for child in directive.children() {
            self.expand(tree, child, pairs, base, depth + 1);
        }
        self.config.lines[index].end = self.config.lines.len() as u32;
    }
}

/// The arguments with the parameters filled in, before the line is cut into words.
fn replaced_args(directive: Directive<'_>, pairs: &[(String, String)]) -> String {
    let line = replace(&line_at(directive.tree.source.text(), directive.span().start), pairs);
    let start = words(&line).next().map_or(line.len(), |name| name.range.end);
    let args = line[start..].trim_start();
    match args.rfind('>') {
        Some(end) if directive.is_block() => args[..end].to_owned(),
        _ => args.to_owned(),
    }
}

/// `$name` and `%name` stand for the argument as it is, `@name` for the argument in quotes.
fn replace(line: &str, pairs: &[(String, String)]) -> String {
    let mut replaced = String::with_capacity(line.len());
    let mut rest = line;
    'signs: while !rest.is_empty() {
        for (param, argument) in pairs {
            if let Some(after) = rest.strip_prefix(param.as_str()).filter(|_| !param.is_empty()) {
                if param.starts_with('@') {
                    replaced.push('"');
                    replaced.push_str(&argument.replace('"', "\\\""));
                    replaced.push('"');
                } else {
                    replaced.push_str(argument);
                }
                rest = after;
                continue 'signs;
            }
        }
        let mut signs = rest.chars();
        replaced.extend(signs.next());
        rest = signs.as_str();
    }
    replaced
}
