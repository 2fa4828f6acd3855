//! Sections, and what stands in them.

use super::super::section::{DirConfig, If, IfKind, Section};
use super::super::security;
use super::server::has_hole;
use super::{Builder, Kind, Place, Within, section_path};
use crate::apache::expr::{Expr, parse};
use crate::apache::read::{Statement, Statements};
use crate::apache::words::values;

impl Builder<'_> {
    /// Sections deeper than this are left out, as the reader does.
    pub(super) const MAX_DEPTH: usize = 200;

    /// What the statements of a section set.
    pub(super) fn directory(&mut self, statements: Statements<'_>, place: Place<'_>) -> DirConfig {
        let mut config = DirConfig::default();
        let mut conds = Vec::new();
        let mut section = Within { config: &mut config, place, conds: &mut conds };
        for statement in statements {
            self.directory_statement(statement, &mut section);
        }
        config
    }

    pub(super) fn directory_statement(&mut self, statement: Statement<'_>, section: &mut Within<'_, '_>) {
        if section.place.depth >= Self::MAX_DEPTH || !self.permits(statement) {
            return;
        }
        let name = statement.name().to_ascii_lowercase();
        if statement.is_section() {
            return self.inner_section(&name, statement, section);
        }
        if name.starts_with("sec") {
            let found = security::add(&mut section.config.security, statement, self.reader);
            self.context.findings.extend(found.filter(|_| !statement.is_open()));
            return;
        }
        _ = self.access_statement(&name, statement, section)
            || self.mapping_statement(&name, statement, section)
            || self.serving_statement(&name, statement, section);
    }

    fn inner_section(&mut self, name: &str, statement: Statement<'_>, section: &mut Within<'_, '_>) {
        match name {
            "limit" | "limitexcept" => self.limit(statement, section),
            "requireall" | "requireany" | "requirenone" | "requirenotall" => {
                if let Some(node) = self.container(name, statement, section.place, 0) {
                    self.add_container(statement, node, section.config);
                }
            }
            "if" | "elseif" | "else" => self.if_section(name, statement, section),
            "files" | "filesmatch" => self.files_section(name, statement, section),
            _ => {}
        }
    }

    /// `<Limit>` and `<LimitExcept>`: their content belongs to the section around them, for fewer methods.
    fn limit(&mut self, statement: Statement<'_>, section: &mut Within<'_, '_>) {
        let place = section.place;
        let limited = self.limited(statement, place);
        section.place = Place { limited, depth: place.depth + 1, ..place };
        for child in statement.children() {
            self.directory_statement(child, section);
        }
        section.place = place;
    }

    fn files_section(&mut self, name: &str, statement: Statement<'_>, section: &mut Within<'_, '_>) {
        let Some((path, tilde)) = section_path(&statement.raw()) else {
            return self.refuse(statement, format!("`<{}>` takes one name", statement.name()));
        };
        let matcher = self.matcher(&path, tilde || name == "filesmatch", Kind::Files, has_hole(&path) && statement.is_open());
        let place = Place { path: Some(&path), kind: Kind::Files, depth: section.place.depth + 1, ..section.place };
        let config = self.directory(statement.children(), place);
        section.config.files.push(Section { matcher, span: statement.span(), config });
    }

    fn if_section(&mut self, name: &str, statement: Statement<'_>, section: &mut Within<'_, '_>) {
        let kind = match name {
            "if" => IfKind::If,
            "elseif" => IfKind::ElseIf,
            _ => IfKind::Else,
        };
        if kind != IfKind::If && section.config.ifs.last().is_none_or(|last| last.kind == IfKind::Else) {
            self.refuse(statement, format!("`<{}>` follows no `<If>`", statement.name()));
        }
        let test = self.test(kind, statement);
        let place = Place { path: Some("*If"), kind: Kind::If, depth: section.place.depth + 1, ..section.place };
        let config = self.directory(statement.children(), place);
        section.config.ifs.push(If { kind, test, span: statement.span(), config });
    }

    /// The condition of an `<If>`; that of `<Else>` always holds.
    fn test(&mut self, kind: IfKind, statement: Statement<'_>) -> Expr {
        let name = statement.name();
        let raw = statement.raw();
        let unknown = || Expr::Unary('?', Vec::new());
        match (kind, &values(&raw)[..]) {
            (IfKind::Else, []) => Expr::Constant(true),
            (IfKind::Else, _) => {
                self.refuse(statement, "`<Else>` takes no condition");
                Expr::Constant(true)
            }
            (_, [source]) => match parse(source) {
                Ok(expr) => expr.settled(self.context.universe),
                Err(error) => {
                    self.refuse(statement, format!("`<{name}>`: {}", error.message));
                    unknown()
                }
            },
            (_, []) => {
                self.refuse(statement, format!("`<{name}>` lacks its condition"));
                Expr::Constant(false)
            }
            _ => {
                self.refuse(statement, format!("`<{name}>` takes one word: put the condition in quotes"));
                unknown()
            }
        }
    }
}
