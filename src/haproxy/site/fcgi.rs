//! `fcgi-app` sections: what FastCGI servers are told besides the request (src/fcgi-app.c).

use super::build::{Builder, Refused, words};
use super::format::Format;
use super::forms;
use crate::source::Span;
use crate::syntax::Directive;

#[derive(Debug, Default)]
pub(in crate::haproxy) struct FcgiApp {
    /// What `set-param REQUEST_URI` says: the last one whose condition holds counts. The method cannot be changed, since HAProxy sends
    /// its own after what `set-param REQUEST_METHOD` says (src/mux_fcgi.c, fcgi_strm_send_params).
    pub(in crate::haproxy) request_uri: Vec<Parameter>,
}

#[derive(Debug)]
pub(in crate::haproxy) struct Parameter {
    pub(in crate::haproxy) value: Format,
    /// Whether it depends on a condition. Those of these sections are not looked into.
    pub(in crate::haproxy) conditional: bool,
    pub(in crate::haproxy) span: Span,
}

impl Builder<'_, '_> {
    pub(super) fn fcgi_app(&mut self, section: Directive<'_>) {
        self.plain_section(section, forms::FCGI_APP);
        let Some(name) = section.arg(0) else { return };
        if !section.children().any(|line| line.name() == "docroot") {
            self.refuse(Refused::new(section.head(), format!("the `fcgi-app` `{name}` has no `docroot`")));
        }
        let mut app = FcgiApp::default();
        for line in section.children() {
            match self.parameter(line) {
                Ok(parameter) => app.request_uri.extend(parameter),
                Err(refused) => self.refuse(refused),
            }
        }
        self.config.fcgi_apps.insert(name.into(), app);
    }

    /// `set-param REQUEST_URI FORMAT`
    fn parameter(&mut self, line: Directive<'_>) -> Result<Option<Parameter>, Refused> {
        let words = words(line);
        let [first, name, value, rest @ ..] = &words[..] else { return Ok(None) };
        if first.text != "set-param" || !name.text.eq_ignore_ascii_case("REQUEST_URI") {
            return Ok(None);
        }
        let value = self.with_turn(|turn| {
            (turn.place, turn.http) = (Some(line.head()), true);
            turn.format(value)
        });
        Ok(Some(Parameter { value: value?, conditional: !rest.is_empty(), span: line.head() }))
    }
}
