//! What becomes of the path: rewrite rules, redirects, aliases, `ProxyPass`, variables and error pages of sections.

use std::sync::Arc;

use super::super::handlers::{ErrorDocument, Page};
use super::super::proxy::read_pass;
use super::super::redirect::read_redirect;
use super::super::rewrite::read_options;
use super::super::section::{DirConfig, ErrorOverride};
use super::super::setenvif;
use super::super::statuses;
use super::server::flag;
use super::wording::is_cors_header;
use super::{Builder, Kind, Within};
use crate::apache::expr::interpolated;
use crate::apache::read::Statement;
use crate::apache::words::first;
use crate::source::Spanned;

impl Builder<'_> {
    /// Carries out a directive that leads requests elsewhere; false for all others.
    pub(super) fn mapping_statement(&mut self, name: &str, statement: Statement<'_>, section: &mut Within<'_, '_>) -> bool {
        if name.starts_with("rewrite") {
            self.rewrite_statement(name, statement, section);
            return true;
        }
        let (config, place) = (&mut *section.config, section.place);
        match name {
            "redirect" | "redirectmatch" | "redirectpermanent" | "redirecttemp" => {
                match read_redirect(&mut self.context, statement.name(), &statement.args(), statement.span(), true) {
                    Ok(redirect) => config.redirects.push(redirect),
                    Err(error) => self.refuse(statement, error),
                }
            }
            "alias" if place.path.is_some() => {
                if let [to] = &statement.args()[..] {
                    config.rest_mut().alias = Some(Spanned::new(interpolated(to), statement.span()));
                }
            }
            "aliaspreservepath" => config.rest_mut().alias_keeps_path = flag(statement),
            "proxypass" | "proxypassmatch" => self.section_pass(statement, section),
            "setenvif" | "setenvifnocase" | "setenvifexpr" | "browsermatch" | "browsermatchnocase" => {
                match setenvif::read(&mut self.context, statement.name(), &statement.raw(), statement.span()) {
                    Ok(line) => config.env.push(line),
                    Err(error) => self.refuse(statement, error),
                }
            }
            "errordocument" => self.error_document(statement, config),
            "proxyerroroverride" => {
                let args = statement.args();
                let on = args.first().is_some_and(|word| word.eq_ignore_ascii_case("on"));
                let statuses = args.iter().skip(1).filter_map(|word| word.parse().ok()).collect();
                config.rest_mut().error_override = Some(Spanned::new(ErrorOverride { on, statuses }, statement.span()));
            }
            "header" if statement.args().iter().take(4).any(|word| is_cors_header(word)) => {
                config.cors.get_or_insert(statement.span());
            }
            _ => return false,
        }
        true
    }

    fn rewrite_statement(&mut self, name: &str, statement: Statement<'_>, section: &mut Within<'_, '_>) {
        let (config, place) = (&mut *section.config, section.place);
        if place.path.is_some() {
            self.servers[place.server].rewrite.touched |= !statement.is_at_runtime();
            config.rewrite_mut().folder = place.path.map(|path| format!("{}/", path.strip_suffix('/').unwrap_or(path)));
        }
        match name {
            "rewriteengine" => {
                config.rewrite_mut().engine = flag(statement).map(|on| Spanned::new(on, statement.span()));
            }
            "rewritebase" => config.rewrite_mut().base = statement.arg(0).map(|base| base.into_owned()),
            "rewriteoptions" => {
                let mut options = config.rewrite_mut().options;
                if let Err(error) = read_options(&statement.args(), &mut options) {
                    self.refuse(statement, error);
                }
                config.rewrite_mut().options = options;
            }
            "rewritecond" => {
                config.rewrite_mut();
                self.rewrite_cond(statement, section.conds);
            }
            "rewriterule" => {
                if let Some(rule) = self.rewrite_rule(statement, section.conds) {
                    config.rewrite_mut().rules.push(Arc::new(rule));
                }
            }
            _ => {}
        }
    }

    fn section_pass(&mut self, statement: Statement<'_>, section: &mut Within<'_, '_>) {
        let place = section.place;
        if !matches!(place.kind, Kind::Location | Kind::Proxy) {
            return;
        }
        let (name, args, span) = (statement.name(), statement.args(), statement.span());
        match read_pass(&mut self.context, name, &args, place.path, span, statement.is_open()) {
            Ok(pass) if place.kind == Kind::Location => {
                self.named_balancer(&pass);
                section.config.proxy_pass = Some(Box::new(pass));
            }
            Ok(_) => {}
            Err(error) => self.refuse(statement, error),
        }
    }

    fn error_document(&mut self, statement: Statement<'_>, config: &mut DirConfig) {
        let raw = statement.raw();
        let (status, rest) = first(&raw);
        let Ok(status) = status.parse::<u16>() else {
            self.refuse(statement, "`ErrorDocument` starts with a status");
            return;
        };
        if !statuses::is_known(status) {
            self.refuse(statement, format!("`ErrorDocument`: httpd has no status {status}"));
            return;
        }
        let quoted = rest.starts_with('"') || rest.starts_with('\'');
        let page = first(rest).0;
        let page = if page.eq_ignore_ascii_case("default") {
            Page::Default
        } else if page.starts_with('/') {
            Page::Path(page.into_owned())
        } else if !quoted && page.contains("://") || page.starts_with("http://") || page.starts_with("https://") {
            Page::Url(page.into_owned())
        } else {
            Page::Text
        };
        config.errors.push(ErrorDocument { status, page, span: statement.span() });
    }
}
