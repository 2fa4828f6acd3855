//! The rewrite phases (`ngx_http_rewrite_module.c`, `ngx_http_script.c`).

use std::borrow::Cow;
use std::sync::Arc;

use super::values::Value;
use super::{Exchange, Next};
use crate::ask::Fact;
use crate::http::{ByMethod, MethodSet};
use crate::nginx::site::{
    Builtin, CodePhase, Condition, Definition, Instruction, RewriteFlag, ScopeKind, Setting, Test, Text, VarId,
};
use crate::source::Span;

/// How a list of instructions ended.
enum Run {
    /// All of it ran.
    Through,
    /// `break` or a matching `rewrite` ended it.
    Stop,
    End(Next),
}

impl<'m> Exchange<'m, '_, '_> {
    pub(super) fn server_rewrite(&mut self) -> Next {
        let scope = self.model.scope(self.model.servers[self.server].scope);
        match self.execute(&scope.code, "server rewrite", None) {
            Run::End(next) => next,
            Run::Through | Run::Stop => Next::FindLocation,
        }
    }

    pub(super) fn location_rewrite(&mut self) -> Next {
        let scope = self.model.scope(self.scope);
        // A server without a location for this URI has run its code already.
        if !matches!(scope.kind, ScopeKind::Server)
            && let Run::End(next) = self.execute(&scope.code, "rewrite", None)
        {
            return next;
        }
        self.module_code(CodePhase::Rewrite);
        self.post_rewrite()
    }

    /// `ngx_http_core_post_rewrite_phase`
    fn post_rewrite(&mut self) -> Next {
        if !self.uri_changed {
            return Next::Preaccess;
        }
        if !self.count_change() {
            return Next::Fail(500);
        }
        self.scope = self.model.servers[self.server].scope;
        Next::FindLocation
    }

    fn execute(&mut self, code: &'m [Instruction], phase: &'static str, inside: Option<(Span, bool)>) -> Run {
        for instruction in code {
            match instruction {
                Instruction::If { condition, body, scope, span } => {
                    if !self.holds(condition) {
                        continue;
                    }
                    self.step(phase, "if", *span, "the condition holds");
                    if let Some(scope) = scope {
                        self.scope = *scope;
                        self.take_handler();
                    }
                    match self.execute(body, phase, Some((*span, true))) {
                        Run::Through => {}
                        end => return end,
                    }
                }
                Instruction::Set { variable, value, span } => self.set(*variable, value, phase, *span),
                Instruction::Break => {
                    self.uri_changed = false;
                    return Run::Stop;
                }
                Instruction::Return { status, text, span } => {
                    self.blame(phase, "return", *span, inside);
                    return Run::End(self.give_back(*status, text.as_ref()));
                }
                Instruction::Rewrite { pattern, replacement, flag, span } => {
                    let subject: Arc<str> = self.uri.as_str().into();
                    let matched = pattern.matches(&subject).unwrap_or_else(|| {
                        self.ask.doubt("the regex of a `rewrite` cannot be read");
                        self.assume("the regex of a `rewrite`")
                    });
                    if !matched {
                        self.captured = None;
                        continue;
                    }
                    self.capture(pattern, Value::Plain(subject));
                    self.step(phase, "rewrite", *span, "matches");
                    match self.rewritten(replacement, *flag) {
                        Run::Through => {}
                        end => {
                            if matches!(flag, RewriteFlag::Redirect(_)) {
                                self.decided_by = Some(self.steps.len() - 1);
                            }
                            return end;
                        }
                    }
                }
                Instruction::Code(name) => self.ask.doubt(format!("the code of `{name}` sets a variable")),
            }
        }
        Run::Through
    }

    /// A `return` under an `if` is there because of the condition: that is what a person would change.
    fn blame(&mut self, phase: &'static str, directive: &'static str, span: Span, inside: Option<(Span, bool)>) {
        self.step(phase, directive, span, "ends the request");
        let last = self.steps.len() - 1;
        let condition = inside.and_then(|(span, _)| self.steps.iter().rposition(|step| step.span == span));
        self.decided_by = Some(condition.unwrap_or(last));
    }

    fn set(&mut self, variable: VarId, text: &Text, phase: &'static str, span: Span) {
        let value = self.value(text);
        let definition = &self.model.variables.get(variable).definition;
        if matches!(definition, Definition::Builtin(Builtin::Args)) {
            match &value {
                Value::Plain(args) => self.args = args.to_string(),
                Value::Methods(args) => self.args = self.ask.settle(args).unwrap_or_default().to_string(),
                Value::Unknown => self.ask.doubt("the new arguments of the request cannot be told"),
            }
            // `ngx_http_variable_set_args`: the target of the request line is not sent on as it was.
            self.target_is_valid = false;
            return;
        }
        self.step(phase, "set", span, "sets the variable");
        self.assigned.retain(|(known, _)| *known != variable);
        self.assigned.push((variable, value));
    }

    /// `ngx_http_script_return_code`, `ngx_http_send_response`
    fn give_back(&mut self, status: u16, text: Option<&Text>) -> Next {
        if status == 444 && text.is_none() {
            return Next::Fail(444);
        }
        // Redirects and refusals without a text are special responses, which `error_page` may take.
        let redirects = matches!(status, 301 | 302 | 303 | 307 | 308);
        if redirects || status >= 400 && text.is_none() { Next::Fail(status) } else { Next::Send(status.max(1)) }
    }

    /// `ngx_http_script_regex_end_code`
    fn rewritten(&mut self, replacement: &Text, flag: RewriteFlag) -> Run {
        if let RewriteFlag::Redirect(status) = flag {
            return Run::End(Next::Fail(status));
        }
        let Some(new) = self.settled(replacement) else {
            self.ask.doubt("the new URI of a `rewrite` cannot be told");
            return Run::Stop;
        };
        // The arguments of the request follow those of the replacement, unless it ends with a question mark.
        match new.split_once('?') {
            None => self.uri = new.to_string(),
            Some((path, args)) => {
                self.args = match (args.strip_suffix('?').or(args.is_empty().then_some("")), self.args.is_empty()) {
                    (Some(args), _) => args.to_owned(),
                    (None, true) => args.to_owned(),
                    (None, false) => format!("{args}&{}", self.args),
                };
                self.uri = path.to_owned();
            }
        }
        if self.uri.is_empty() {
            return Run::End(Next::Fail(500));
        }
        self.internal = true;
        self.target_is_valid = false;
        self.uri_changed = flag != RewriteFlag::Break;
        if flag == RewriteFlag::Break {
            self.location_is_valid = false;
        }
        if flag == RewriteFlag::None { Run::Through } else { Run::Stop }
    }

    fn holds(&mut self, condition: &'m Condition) -> bool {
        let text = &*condition.text;
        let client = matches!(self.method, super::Method::Client);
        if let (Some(methods), true) = (condition.methods, client && !self.is_cached(&condition.test)) {
            let holds = self.ask.method_is(methods);
            if let Test::Match { variable, pattern, negated } = &condition.test {
                self.captured = None;
                if holds != *negated {
                    let subject = self.variable(*variable);
                    self.capture(pattern, subject);
                }
            }
            return holds;
        }
        match &condition.test {
            Test::True(variable) => {
                let value = self.variable(*variable);
                self.test(&value, |value| !value.is_empty() && value != "0", text)
            }
            Test::Equal { variable, value, negated } => {
                let (left, right) = (self.variable(*variable), self.value(value));
                match right {
                    Value::Plain(right) => self.test(&left, |left| (left == &*right) != *negated, text),
                    Value::Methods(rights) => {
                        let right = self.ask.settle(&rights).unwrap_or_else(|| "".into());
                        self.test(&left, |left| (left == &*right) != *negated, text)
                    }
                    Value::Unknown => self.test(&Value::Unknown, |_| false, text),
                }
            }
            Test::Match { variable, pattern, negated } => {
                let value = self.variable(*variable);
                if pattern.matches("").is_none() {
                    self.ask.doubt("the regex of an `if` cannot be read");
                    return self.test(&Value::Unknown, |_| false, text);
                }
                let matched = self.test(&value, |value| pattern.matches(value).unwrap_or(false) != *negated, text) != *negated;
                self.captured = None;
                if matched {
                    self.capture(pattern, value);
                }
                matched != *negated
            }
            Test::File { kind, path, negated } => self.file_test(*kind, path, text) != *negated,
            Test::Unknown => self.test(&Value::Unknown, |_| false, text),
        }
    }

    /// Whether a map's value was fixed earlier, perhaps for another method.
    fn is_cached(&self, test: &Test) -> bool {
        let (Test::True(variable) | Test::Equal { variable, .. } | Test::Match { variable, .. }) = test else { return false };
        self.cached.iter().chain(&self.assigned).any(|(known, _)| known == variable)
    }

    fn test(&mut self, value: &Value, holds: impl Fn(&str) -> bool, text: &str) -> bool {
        match value {
            Value::Plain(value) => holds(value),
            Value::Methods(values) => {
                let methods: MethodSet = ByMethod::methods(values, |value| holds(value));
                self.ask.method_is(methods)
            }
            Value::Unknown => self.assume(&format!("`if {text}`")),
        }
    }

    fn file_test(&mut self, kind: char, path: &Text, text: &str) -> bool {
        let Some(path) = self.settled(path) else { return self.test(&Value::Unknown, |_| false, text) };
        let path = self.absolute(&path);
        match kind {
            'd' => self.folder_exists(&path, false),
            'e' => self.file_exists(&path, false) || self.folder_exists(&path, false),
            'x' => self.ask.fact(
                Fact::Told {
                    yes: Cow::Owned(format!("the file {path} can be executed")),
                    no: Cow::Owned(format!("the file {path} cannot be executed")),
                },
                false,
            ),
            _ => self.file_exists(&path, false),
        }
    }

    /// Code of another module that runs in a phase: what it does cannot be told.
    pub(super) fn module_code(&mut self, wanted: CodePhase) {
        let code = self.model.inherited(self.scope, |setting| match setting {
            Setting::Code(phase, name) if *phase == wanted => Some(name),
            _ => None,
        });
        if let Some((name, _)) = code {
            self.ask.doubt(format!("`{name}` may answer by itself or change the method"));
        }
    }
}
