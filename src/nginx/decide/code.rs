//! Code of other modules: what it does can be told only as far as its calls stand there to be read.

use super::{Exchange, Method, Next};
use crate::ask::Fact;
use crate::nginx::site::{CodePhase, Effect, EffectKind, Setting};

/// How a code ended.
enum Code {
    /// The phase goes on.
    Through,
    End(Next),
}

impl<'m> Exchange<'m, '_, '_> {
    /// The code that runs in a phase; `None` where the phase goes on.
    pub(super) fn module_code(&mut self, wanted: CodePhase) -> Option<Next> {
        let code = self.model.inherited(self.scope, |setting| match setting {
            Setting::Code(code) if code.phase == wanted => Some(code),
            _ => None,
        });
        let (code, _) = code?;
        self.ask.doubt(format!("`{}` may answer by itself or change the method", code.directive));
        match self.perform(&code.directive, &code.effects, &mut None) {
            Code::Through => None,
            Code::End(next) => Some(next),
        }
    }

    /// The code that makes the content.
    pub(super) fn content_code(&mut self, directive: &str, effects: &'m [Effect]) -> Next {
        let mut status = None;
        match self.perform(directive, effects, &mut status) {
            Code::Through => Next::Send(status.unwrap_or(200)),
            Code::End(next) => next,
        }
    }

    fn perform(&mut self, directive: &str, effects: &'m [Effect], status: &mut Option<u16>) -> Code {
        for effect in effects {
            if !effect.certain && !self.happens(directive, &effect.kind) {
                continue;
            }
            match &effect.kind {
                EffectKind::Leave => return Code::Through,
                EffectKind::Status(code) => *status = Some(*code),
                EffectKind::Exit(code) if *code < 300 => return Code::End(Next::Send(status.unwrap_or(*code))),
                EffectKind::Exit(code) => return Code::End(Next::Fail(*code)),
                EffectKind::Exec(target) if target.starts_with('@') => return Code::End(self.named_location(target)),
                EffectKind::Exec(target) => {
                    let (uri, args) = target.split_once('?').unwrap_or((target, ""));
                    return Code::End(self.internal_redirect(uri.to_owned(), args.to_owned()));
                }
                EffectKind::Method(name) => self.method = Method::Set(self.model.universe.only(name)),
            }
        }
        Code::Through
    }

    fn happens(&mut self, directive: &str, kind: &EffectKind) -> bool {
        let (does, verb, what) = match kind {
            EffectKind::Leave => ("ends", "end", "early".to_owned()),
            EffectKind::Exit(code) | EffectKind::Status(code) => ("answers", "answer", code.to_string()),
            EffectKind::Exec(target) => ("goes on", "go on", format!("at {target}")),
            EffectKind::Method(name) => ("sets", "set", format!("the method to {name}")),
        };
        let code = format!("the code of `{directive}`");
        let fact = Fact::told(format!("{code} {does} {what}"), format!("{code} does not {verb} {what}"));
        self.ask.fact(fact, false)
    }
}
