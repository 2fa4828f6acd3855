//! The rewrite phases (`ngx_http_rewrite_module.c`, `ngx_http_script.c`).

use std::borrow::Cow;
use std::sync::Arc;

use super::values::Value;
use super::{Escapes, Exchange, Next};
use crate::ask::Fact;
use crate::http::{ByMethod, MethodSet};
use crate::nginx::site::{
    Builtin, CodePhase, Condition, Definition, Instruction, Replacement, RewriteFlag, ScopeKind, Test, Text, VarId, pick,
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
        match self.start(&scope.code, "server rewrite") {
            Run::End(next) => next,
            Run::Through | Run::Stop => Next::FindLocation,
        }
    }

    pub(super) fn location_rewrite(&mut self) -> Next {
        if let Some(next) = self.security_headers() {
            return next;
        }
        let scope = self.model.scope(self.scope);
        // A server without a location for this URI has run its code already.
        if !matches!(scope.kind, ScopeKind::Server)
            && let Run::End(next) = self.start(&scope.code, "rewrite")
        {
            return next;
        }
        self.change_headers();
        self.module_code(CodePhase::Rewrite).unwrap_or_else(|| self.post_rewrite())
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

    /// `ngx_http_rewrite_handler`
    fn start(&mut self, code: &'m [Instruction], phase: &'static str) -> Run {
        self.escapes = Escapes { quote: true, args: false };
        let run = self.execute(code, phase, None);
        self.escapes = Escapes::default();
        run
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
                    self.location_is_valid &= !self.uri_changed;
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
        self.assign(variable, value);
    }

    /// `ngx_http_script_return_code`, `ngx_http_send_response`
    fn give_back(&mut self, status: u16, text: Option<&Text>) -> Next {
        if status == 444 && text.is_none() {
            return Next::Fail(444);
        }
        // Redirects and refusals without a text are special responses, which `error_page` may take.
        let redirects = matches!(status, 301 | 302 | 303 | 307 | 308);
        if redirects || status >= 400 && text.is_none() { Next::Fail(status) } else { Next::Send(status) }
    }

    /// `ngx_http_script_regex_end_code`
    fn rewritten(&mut self, replacement: &Replacement, flag: RewriteFlag) -> Run {
        if let RewriteFlag::Redirect(status) = flag {
            return Run::End(Next::Fail(status));
        }
        self.internal = true;
        self.target_is_valid = false;
        self.uri_changed = flag != RewriteFlag::Break;
        self.location_is_valid &= flag != RewriteFlag::Break;
        self.escapes.quote = false;
        let path = self.settled(&replacement.path);
        self.escapes.args |= replacement.args.is_some();
        let args = replacement.args.as_ref().map(|args| self.settled(args));
        let (Some(path), true) = (path, args.as_ref().is_none_or(Option::is_some)) else {
            self.ask.doubt("the new URI of a `rewrite` cannot be told");
            return Run::Stop;
        };
        match args.flatten() {
            Some(args) if replacement.keeps_args && !self.args.is_empty() => self.args = format!("{args}&{}", self.args),
            Some(args) => self.args = args.to_string(),
            None if !replacement.keeps_args => self.args.clear(),
            None => {}
        }
        self.uri = path.to_string();
        if self.uri.is_empty() {
            return Run::End(Next::Fail(500));
        }
        if flag == RewriteFlag::None { Run::Through } else { Run::Stop }
    }

    /// `more_set_input_headers` and its kin, at the end of the phase (`ngx_http_headers_more_input_headers.c`).
    fn change_headers(&mut self) {
        let changes = self.model.inherited(self.scope, pick!(InputHeaders));
        for change in changes.map_or(&[][..], |(changes, _)| changes) {
            if change.only_existing && self.header(&change.name).is_none() {
                continue;
            }
            let value = self.value(&change.value);
            if &*change.name == "host" {
                self.host = self.settle(&value).unwrap_or_default();
            }
            self.changed_headers.push((Arc::clone(&change.name), value));
        }
    }

    fn holds(&mut self, condition: &'m Condition) -> bool {
        let text = &*condition.text;
        let client = matches!(self.method, super::Method::Client);
        if let (Some(methods), true) = (condition.methods, client && !self.is_cached(&condition.test)) {
            let holds = self.ask.method_is(methods);
            self.look_at(&condition.test);
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

    /// A map that was asked keeps what it said, but that is worked out only if the method changes.
    fn look_at(&mut self, test: &Test) {
        let (Test::True(id) | Test::Equal { variable: id, .. } | Test::Match { variable: id, .. }) = test else { return };
        if matches!(self.model.variables.get(*id).definition, Definition::Map(_)) && !self.looked_at.contains(id) {
            self.looked_at.push(*id);
        }
    }

    /// Whether a map's value was fixed earlier, perhaps for another method, or its regexes leave groups behind.
    fn is_cached(&self, test: &Test) -> bool {
        let (Test::True(variable) | Test::Equal { variable, .. } | Test::Match { variable, .. }) = test else { return false };
        let leaves_groups = |definition: &Definition| matches!(definition, Definition::Map(map) if !map.regexes.is_empty());
        let variables = &self.model.variables;
        if variables.reads_groups && leaves_groups(&variables.get(*variable).definition) {
            return true;
        }
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
            'x' if self.folder_exists(&path, false) => true,
            'x' if !self.file_exists(&path, false) => false,
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
}
