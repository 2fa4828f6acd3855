//! Sections and what they set.

use std::sync::Arc;

use super::super::expr::Expr;
use super::super::text::Text;
use super::access::Access;
use super::authn::{AuthType, Authn};
use super::authz::Authz;
use super::handlers::{Action, Dav, ErrorDocument, Handler, Script, Set};
use super::htaccess::AllowOverride;
use super::proxy::ProxyPass;
use super::redirect::Redirect;
use super::rewrite::RewriteDir;
use super::setenvif::SetEnvIf;
use crate::http::MethodSet;
use crate::pattern::Pattern;
use crate::source::{Span, Spanned};

/// `<Directory>`, `<Files>`, `<Location>`, `<Proxy>` or one of their Match forms.
#[derive(Debug)]
pub(in crate::apache) struct Section {
    pub(in crate::apache) matcher: Matcher,
    pub(in crate::apache) span: Span,
    pub(in crate::apache) config: DirConfig,
}

#[derive(Clone, Debug)]
pub(in crate::apache) enum Matcher {
    /// Takes the path itself and what lies below it.
    Path(String),
    /// Wildcards, of which none matches a slash.
    Wild(String),
    Pattern(Arc<Pattern>),
    /// A template's placeholder: nothing is known to match it.
    Open,
}

/// `<If>`, `<ElseIf>` or `<Else>`.
#[derive(Debug)]
pub(in crate::apache) struct If {
    pub(in crate::apache) kind: IfKind,
    /// Always true for `<Else>`.
    pub(in crate::apache) test: Expr,
    pub(in crate::apache) span: Span,
    pub(in crate::apache) config: DirConfig,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::apache) enum IfKind {
    If,
    ElseIf,
    Else,
}

/// What is set in one section, or in a server outside of its sections.
#[derive(Debug, Default)]
pub(in crate::apache) struct DirConfig {
    pub(in crate::apache) authz: Option<Box<Authz>>,
    pub(in crate::apache) access: Option<Box<Access>>,
    /// `None` inside for `reset`.
    pub(in crate::apache) allow_methods: Set<Option<MethodSet>>,
    pub(in crate::apache) auth_type: Set<AuthType>,
    pub(in crate::apache) authn: Option<Box<Authn>>,
    pub(in crate::apache) proxy_pass: Option<Box<ProxyPass>>,
    pub(in crate::apache) rewrite: Option<Box<RewriteDir>>,
    pub(in crate::apache) ifs: Vec<If>,
    pub(in crate::apache) files: Vec<Section>,
    pub(in crate::apache) env: Vec<SetEnvIf>,
    pub(in crate::apache) redirects: Vec<Redirect>,
    pub(in crate::apache) handler: Set<Handler>,
    pub(in crate::apache) errors: Vec<ErrorDocument>,
    /// Where CORS headers are set.
    pub(in crate::apache) cors: Option<Span>,
    pub(in crate::apache) security: Option<Box<crate::modsecurity::Context>>,
    pub(in crate::apache) rest: Option<Box<Rest>>,
}

/// What few sections set.
#[derive(Debug, Default)]
pub(in crate::apache) struct Rest {
    pub(in crate::apache) alias: Option<Spanned<Text>>,
    pub(in crate::apache) alias_keeps_path: Option<bool>,
    pub(in crate::apache) dav: Set<Dav>,
    pub(in crate::apache) extension_handlers: Vec<(String, Spanned<Handler>)>,
    pub(in crate::apache) scripts: Vec<Script>,
    pub(in crate::apache) actions: Vec<Action>,
    pub(in crate::apache) index: Option<Vec<String>>,
    pub(in crate::apache) fallback: Option<String>,
    pub(in crate::apache) slash: Option<bool>,
    pub(in crate::apache) options: Vec<OptionChange>,
    pub(in crate::apache) error_override: Set<ErrorOverride>,
    pub(in crate::apache) overrides: Set<AllowOverride>,
    pub(in crate::apache) override_list: Option<Vec<String>>,
    pub(in crate::apache) accepts_path_info: Option<bool>,
    pub(in crate::apache) spelling: Set<Spelling>,
    pub(in crate::apache) encoded_slashes: Option<EncodedSlashes>,
    /// `LimitRequestBody`; 0 limits nothing.
    pub(in crate::apache) body_limit: Option<u64>,
    /// The extensions that some directive gives a meaning to, besides those of the file of types.
    pub(in crate::apache) extensions: Vec<String>,
    pub(in crate::apache) extension_types: Vec<(String, String)>,
    pub(in crate::apache) forced_type: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::apache) struct ErrorOverride {
    pub(in crate::apache) on: bool,
    /// The statuses it is for; all errors where none is named.
    pub(in crate::apache) statuses: Vec<u16>,
}

/// `CheckSpelling` and `CheckCaseOnly`; a section with one of them takes nothing of the other from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::apache) struct Spelling {
    pub(in crate::apache) on: bool,
    pub(in crate::apache) case_only: bool,
}

/// `AllowEncodedSlashes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::apache) enum EncodedSlashes {
    Refused,
    Decoded,
    Kept,
}

/// `Options +ExecCGI`: what one line does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::apache) struct OptionChange {
    /// Without a sign the line replaces all that came before.
    pub(in crate::apache) reset: bool,
    pub(in crate::apache) on: Vec<String>,
    pub(in crate::apache) off: Vec<String>,
}

impl DirConfig {
    pub(in crate::apache) fn rest_mut(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }

    pub(in crate::apache) fn rewrite_mut(&mut self) -> &mut RewriteDir {
        self.rewrite.get_or_insert_default()
    }

    pub(in crate::apache) fn authz_mut(&mut self) -> &mut Authz {
        self.authz.get_or_insert_default()
    }

    pub(in crate::apache) fn authn_mut(&mut self) -> &mut Authn {
        self.authn.get_or_insert_default()
    }

    pub(in crate::apache) fn access_mut(&mut self) -> &mut Access {
        self.access.get_or_insert_default()
    }
}

impl Section {
    /// Whether a Location's path, or a Directory's, takes a path.
    pub(in crate::apache) fn takes(&self, path: &str) -> Option<bool> {
        match &self.matcher {
            Matcher::Path(own) => Some(takes_path(own, path)),
            Matcher::Wild(pattern) => Some(super::super::expr::file_wildcard(pattern, path)),
            Matcher::Pattern(pattern) => pattern.matches(path),
            Matcher::Open => Some(false),
        }
    }
}

/// Whether a path is the section's own or lies below it; a section's path that ends in a slash takes only what follows it.
pub(in crate::apache) fn takes_path(own: &str, path: &str) -> bool {
    path.strip_prefix(own).is_some_and(|rest| own.is_empty() || own.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}
