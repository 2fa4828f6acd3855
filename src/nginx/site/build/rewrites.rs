//! `if`, `set`, `return`, `rewrite`, `break`: the code of the rewrite phase, in the order of the file.

use std::sync::Arc;

use super::*;

impl<'d> Builder<'d> {
    /// Compiles the code of a level; a true `if` of a location switches to a configuration of its own.
    pub(super) fn code(&mut self, statements: &[Directive<'d>], scope: ScopeId, in_location: bool) -> Vec<Instruction> {
        statements.iter().filter_map(|statement| self.instruction(*statement, scope, in_location)).collect()
    }

    fn instruction(&mut self, statement: Directive<'d>, scope: ScopeId, in_location: bool) -> Option<Instruction> {
        let span = statement.head();
        Some(match statement.name() {
            "if" if statement.is_block() => return self.condition_block(statement, scope, in_location),
            "set" => {
                let value = self.text(statement, 1);
                let variable = self.model.variables.assign(statement.arg(0)?.strip_prefix('$')?);
                Instruction::Set { variable, value, span }
            }
            "return" => self.return_instruction(statement)?,
            "rewrite" => self.rewrite(statement)?,
            "break" => Instruction::Break,
            name @ ("set_by_lua" | "set_by_lua_file" | "set_by_lua_block" | "js_set_by") => {
                if let Some(name) = statement.arg(0).and_then(|name| name.strip_prefix('$')) {
                    self.model.variables.define(name, Definition::Opaque);
                }
                Instruction::Code(name.into())
            }
            _ => return None,
        })
    }

    fn condition_block(&mut self, block: Directive<'d>, parent: ScopeId, in_location: bool) -> Option<Instruction> {
        // nginx allows no `if` in an `if`.
        if matches!(self.model.scope(parent).kind, ScopeKind::If) || block.parent().is_some_and(|parent| parent.name() == "if") {
            return None;
        }
        let condition = self.condition(block);
        let inside: Vec<_> = self.document.inside(block).collect();
        if !in_location {
            let body = self.code(&inside, parent, false);
            return Some(Instruction::If { condition, body, scope: None, span: block.head() });
        }
        let name = Arc::clone(&self.model.scope(parent).name);
        let scope = self.scope(ScopeKind::If, Some(parent), block.head(), name);
        for statement in &inside {
            self.handler(scope, *statement);
            self.setting(scope, *statement);
        }
        let body = self.code(&inside, scope, true);
        Some(Instruction::If { condition, body, scope: Some(scope), span: block.head() })
    }

    /// `ngx_http_rewrite_return`
    fn return_instruction(&mut self, statement: Directive<'d>) -> Option<Instruction> {
        let (first, span) = (statement.arg(0)?, statement.head());
        if statement.args().len() == 1 {
            let is_url = ["http://", "https://", "$scheme"].iter().any(|start| first.starts_with(start));
            if is_url || statement.args()[0].template && first.parse::<u16>().is_err() {
                return Some(Instruction::Return { status: 302, text: Some(self.text(statement, 0)), span });
            }
            return Some(Instruction::Return { status: first.parse().ok()?, text: None, span });
        }
        // An empty text counts as none where it is constant.
        let text = Some(self.text(statement, 1)).filter(|text| text.constant().is_none_or(|text| !text.is_empty()));
        Some(Instruction::Return { status: first.parse().unwrap_or(200), text, span })
    }

    /// `ngx_http_rewrite`
    fn rewrite(&mut self, statement: Directive<'d>) -> Option<Instruction> {
        let source = statement.arg(0)?;
        let written = statement.arg(1).unwrap_or("");
        let redirects = ["http://", "https://", "$scheme"].iter().any(|start| written.starts_with(start));
        let flag = match statement.arg(2) {
            Some("permanent") => RewriteFlag::Redirect(301),
            Some("redirect") => RewriteFlag::Redirect(302),
            _ if redirects => RewriteFlag::Redirect(302),
            Some("last") => RewriteFlag::Last,
            Some("break") => RewriteFlag::Break,
            _ => RewriteFlag::None,
        };
        let pattern = self.pattern(source, false);
        let replacement = self.replacement(statement, written);
        Some(Instruction::Rewrite { pattern, replacement, flag, span: statement.head() })
    }

    fn replacement(&mut self, statement: Directive<'d>, written: &str) -> Replacement {
        let whole = self.text(statement, 1);
        if whole.is_unknown() {
            return Replacement { path: whole, args: None, keeps_args: true };
        }
        let (written, keeps_args) = written.strip_suffix('?').map_or((written, true), |bare| (bare, false));
        let (path, args) = written.split_once('?').map_or((written, None), |(path, args)| (path, Some(args)));
        let variables = &mut self.model.variables;
        let mut compile = |text: &str| Text::compile(text, whole.span, variables);
        Replacement { path: compile(path), args: args.map(&mut compile), keeps_args }
    }

    /// `ngx_http_rewrite_if_condition`: the parentheses may be glued to the words or not.
    fn condition(&mut self, block: Directive<'d>) -> Condition {
        let test = self.test(block).unwrap_or(Test::Unknown);
        let methods = self.methods_of(&test);
        let words = block.args().iter().map(|word| block.tree.value(word));
        let text = if methods.is_some() { String::new() } else { words.collect::<Vec<_>>().join(" ") };
        Condition { test, methods, text: text.into() }
    }

    fn test(&mut self, block: Directive<'d>) -> Option<Test> {
        let words = condition_words(block)?;
        let opaque = |word: &Word, value: &str, this: &Self| this.is_opaque(word, value);
        let (first_word, first) = *words.first()?;
        if let Some(name) = first.strip_prefix('$') {
            if name.is_empty() || opaque(first_word, first, self) {
                return None;
            }
            let variable = self.model.variables.usage(name, block.tree.span(first_word));
            let [_, (_, operator), (word, right)] = words[..] else {
                return (words.len() == 1).then_some(Test::True(variable));
            };
            if opaque(word, right, self) {
                return None;
            }
            let (negated, operator) = operator.strip_prefix('!').map_or((false, operator), |rest| (true, rest));
            return match operator {
                "=" => {
                    let value = Text::compile(right, block.tree.span(word), &mut self.model.variables);
                    Some(Test::Equal { variable, value, negated })
                }
                "~" | "~*" => {
                    let pattern = self.pattern(right, operator == "~*");
                    Some(Test::Match { variable, pattern, negated })
                }
                _ => None,
            };
        }
        let (negated, test) = first.strip_prefix('!').map_or((false, first), |rest| (true, rest));
        let [_, (word, path)] = words[..] else { return None };
        let kind = test.strip_prefix('-')?.chars().next().filter(|kind| matches!(kind, 'f' | 'd' | 'e' | 'x'))?;
        if opaque(word, path, self) {
            return None;
        }
        let path = Text::compile(path, block.tree.span(word), &mut self.model.variables);
        Some(Test::File { kind, path, negated })
    }

    /// Where the client's method alone decides a test, it is taken for every method now.
    fn methods_of(&self, test: &Test) -> Option<MethodSet> {
        let universe = &self.model.universe;
        let variable = match test {
            Test::True(variable) | Test::Equal { variable, .. } | Test::Match { variable, .. } => *variable,
            Test::File { .. } | Test::Unknown => return None,
        };
        let holds: Box<dyn Fn(&str) -> bool> = match test {
            Test::True(_) => Box::new(|value| !value.is_empty() && value != "0"),
            Test::Equal { value, negated, .. } => {
                let (wanted, negated) = (value.constant()?, *negated);
                Box::new(move |value| (value == &**wanted) != negated)
            }
            Test::Match { pattern, negated, .. } => {
                pattern.matches("")?;
                let negated = *negated;
                Box::new(move |value| pattern.matches(value).unwrap_or(false) != negated)
            }
            Test::File { .. } | Test::Unknown => return None,
        };
        match &self.model.variables.get(variable).definition {
            Definition::Builtin(Builtin::RequestMethod) => Some(universe.matching(holds)),
            Definition::Map(map) if !self.model.variables.get(variable).assigned => {
                Some(map.by_method.as_ref()?.methods(|value| holds(value)) & universe.all())
            }
            _ => None,
        }
    }
}

/// The words between the parentheses; `None` where those are missing.
fn condition_words<'d>(block: Directive<'d>) -> Option<Vec<(&'d Word, &'d str)>> {
    let mut words: Vec<_> = block.args().iter().map(|word| (word, block.tree.value(word))).collect();
    let first = words.first_mut()?;
    first.1 = first.1.strip_prefix('(')?;
    if first.1.is_empty() {
        words.remove(0);
    }
    let last = words.last_mut()?;
    last.1 = last.1.strip_suffix(')')?;
    if last.1.is_empty() {
        words.pop();
    }
    Some(words)
}
