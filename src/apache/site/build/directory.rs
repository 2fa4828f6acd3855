//! Directives that sections have.

use std::sync::Arc;

use super::super::access::{AccessRule, From as AccessFrom, Order};
use super::super::authn::{AuthType, Groups, Users};
use super::super::authz::{Merging, Node, Reading, read_require};
use super::super::handlers::{Action, ErrorDocument, Handler, Page, Script};
use super::super::htaccess::AllowOverride;
use super::super::proxy::read_pass;
use super::super::redirect::read_redirect;
use super::super::rewrite::{Cond, read_options};
use super::super::section::{DirConfig, EncodedSlashes, ErrorOverride, If, IfKind, OptionChange, Section, Spelling};
use super::super::security;
use super::super::setenvif;
use super::super::statuses;
use super::server::{covered, dav, flag, has_hole, number};
use super::wording::is_cors_header;
use super::{Builder, Kind, Place, section_path};
use crate::apache::expr::{Expr, interpolated, parse};
use crate::apache::read::{Statement, Statements};
use crate::apache::words::{first, values};
use crate::http::MethodSet;
use crate::source::Spanned;

impl Builder<'_, '_, '_> {
    /// Sections deeper than this are left out, as the reader does.
    const MAX_DEPTH: usize = 200;

    /// Walks over the statements of a section.
    pub(super) fn directory(&mut self, statements: Statements<'_>, config: &mut DirConfig, place: Place<'_>) {
        let mut conds = Vec::new();
        for statement in statements {
            self.directory_statement(statement, config, place, &mut conds);
        }
    }

    pub(super) fn directory_statement(
        &mut self,
        statement: Statement<'_>,
        config: &mut DirConfig,
        place: Place<'_>,
        conds: &mut Vec<Cond>,
    ) {
        if place.depth >= Self::MAX_DEPTH {
            return;
        }
        if !self.permits(statement) {
            return;
        }
        let name = statement.name().to_ascii_lowercase();
        if statement.is_section() {
            return self.inner_section(&name, statement, config, place, conds);
        }
        if name.starts_with("sec") {
            let found = security::add(&mut config.security, statement, self.reader);
            self.context.findings.extend(found.filter(|_| !statement.is_open()));
            return;
        }
        match name.as_bytes().first() {
            Some(b'r') => self.rewrite_statement(&name, statement, config, place, conds),
            Some(b'a' | b'd' | b'o' | b's') => self.access_statement(&name, statement, config, place),
            _ => self.other_statement(&name, statement, config, place),
        }
    }

    fn inner_section(
        &mut self,
        name: &str,
        statement: Statement<'_>,
        config: &mut DirConfig,
        place: Place<'_>,
        conds: &mut Vec<Cond>,
    ) {
        let inner = Place { depth: place.depth + 1, ..place };
        match name {
            "limit" | "limitexcept" => self.limit(statement, config, inner, conds),
            "requireall" | "requireany" | "requirenone" | "requirenotall" => {
                if let Some(node) = self.container(name, statement, place, 0) {
                    self.add_container(statement, node, config);
                }
            }
            "if" | "elseif" | "else" => self.if_section(name, statement, config, place),
            "files" | "filesmatch" => {
                let Some((path, tilde)) = section_path(&statement.raw()) else {
                    self.refuse(statement, format!("`<{}>` takes one name", statement.name()));
                    return;
                };
                let matcher =
                    self.matcher(&path, tilde || name == "filesmatch", Kind::Files, has_hole(&path) && statement.is_open());
                let mut section = DirConfig::default();
                let place = Place { path: Some(&path), kind: Kind::Files, depth: place.depth + 1, ..place };
                self.directory(statement.children(), &mut section, place);
                config.files.push(Section { matcher, span: statement.span(), config: section });
            }
            _ => {}
        }
    }

    /// `<Limit>` and `<LimitExcept>`: their content belongs to the section around them, for fewer methods.
    fn limit(&mut self, statement: Statement<'_>, config: &mut DirConfig, place: Place<'_>, conds: &mut Vec<Cond>) {
        let limited = self.limited(statement, place);
        let inner = Place { limited, ..place };
        for child in statement.children() {
            self.directory_statement(child, config, inner, conds);
        }
    }

    /// The methods that a `<Limit>` or `<LimitExcept>` leaves of those around it (`ap_limit_section`).
    fn limited(&mut self, statement: Statement<'_>, place: Place<'_>) -> MethodSet {
        let except = statement.is("LimitExcept");
        let listed = covered(self, &statement.raw());
        let limited = place.limited & if except { self.context.universe.all() - listed } else { listed };
        let (name, names) = (statement.name(), statement.args());
        if names.is_empty() {
            self.refuse(statement, format!("`<{name}>` names no method"));
        } else if !except && names.iter().any(|name| name == "TRACE") {
            self.refuse(statement, "`<Limit>` cannot have TRACE: `TraceEnable` controls it");
        } else if limited.is_empty() {
            self.refuse(statement, format!("`<{name}>` leaves no method"));
        } else if limited == place.limited {
            self.refuse(statement, format!("`<{name}>` narrows nothing that the section around it leaves"));
        } else if let Some(unknown) = self.unknown_at_runtime(statement) {
            self.refuse(statement, format!("`<{name}>` cannot register `{unknown}` in a `.htaccess` file"));
        }
        limited
    }

    /// `<RequireAll>` and its kin, with all they hold.
    fn container(&mut self, name: &str, statement: Statement<'_>, place: Place<'_>, depth: usize) -> Option<Node> {
        let all = name == "requireall" || name == "requirenotall";
        let negated = name == "requirenone" || name == "requirenotall";
        let mut node = Node::container(all, negated, statement.span());
        self.fill_container(&mut node, statement, place, depth);
        if node.children().is_empty() {
            self.refuse(statement, format!("`<{}>` holds no `Require`", statement.name()));
            return None;
        }
        if node.is_all() && !node.negated && node.is_only_negative() {
            self.refuse(statement, format!("`<{}>` holds only negative rules, which let nobody in", statement.name()));
        }
        Some(node)
    }

    fn fill_container(&mut self, node: &mut Node, statement: Statement<'_>, place: Place<'_>, depth: usize) {
        if depth >= Self::MAX_DEPTH {
            return;
        }
        for child in statement.children() {
            let name = child.name().to_ascii_lowercase();
            match name.as_str() {
                "require" => {
                    if let Some(rule) = self.require(child, place) {
                        if rule.negated && !node.is_all() {
                            self.refuse(
                                child,
                                "`Require not` has no effect beside alternatives: it only works in `<RequireAll>`",
                            );
                            continue;
                        }
                        node.add(rule);
                    }
                }
                "requireall" | "requireany" | "requirenone" | "requirenotall" => {
                    if let Some(inner) = self.container(&name, child, place, depth + 1) {
                        if inner.negated && !node.is_all() {
                            self.refuse(child, format!("`<{}>` has no effect beside alternatives", child.name()));
                            continue;
                        }
                        node.add_container(inner);
                    }
                }
                "limit" | "limitexcept" => {
                    let limited = self.limited(child, place);
                    self.fill_container(node, child, Place { limited, ..place }, depth + 1);
                }
                _ => {}
            }
        }
    }

    fn require(&mut self, statement: Statement<'_>, place: Place<'_>) -> Option<Node> {
        let reading = Reading { templated: statement.is_open(), piece: !self.context.config.modules.are_known() };
        let (raw, span) = (statement.raw(), statement.span());
        let read = read_require(&mut self.context, &raw, place.limited, span, statement.index(), reading);
        match read {
            Ok(node) => Some(node),
            Err(error) => {
                self.refuse(statement, error);
                None
            }
        }
    }

    fn add_container(&mut self, statement: Statement<'_>, node: Node, config: &mut DirConfig) {
        if node.negated {
            self.refuse(statement, format!("`<{}>` has no effect beside alternatives", statement.name()));
            return;
        }
        let root = config.authz_mut().root.get_or_insert_with(|| Node::container(false, false, statement.span()));
        root.add_container(node);
    }

    fn if_section(&mut self, name: &str, statement: Statement<'_>, config: &mut DirConfig, place: Place<'_>) {
        let kind = match name {
            "if" => IfKind::If,
            "elseif" => IfKind::ElseIf,
            _ => IfKind::Else,
        };
        if kind != IfKind::If && config.ifs.last().is_none_or(|last| last.kind == IfKind::Else) {
            self.refuse(statement, format!("`<{}>` follows no `<If>`", statement.name()));
        }
        let raw = statement.raw();
        let words = values(&raw);
        let test = match (kind, &words[..]) {
            (IfKind::Else, []) => Expr::Constant(true),
            (IfKind::Else, _) => {
                self.refuse(statement, "`<Else>` takes no condition");
                Expr::Constant(true)
            }
            (_, [source]) => match parse(source) {
                Ok(expr) => expr.settled(&self.context.universe),
                Err(error) => {
                    self.refuse(statement, format!("`<{}>`: {}", statement.name(), error.message));
                    Expr::Unary('?', Vec::new())
                }
            },
            (_, []) => {
                self.refuse(statement, format!("`<{}>` lacks its condition", statement.name()));
                Expr::Constant(false)
            }
            _ => {
                self.refuse(statement, format!("`<{}>` takes one word: put the condition in quotes", statement.name()));
                Expr::Unary('?', Vec::new())
            }
        };
        let mut section = DirConfig::default();
        let place = Place { path: Some("*If"), kind: Kind::If, depth: place.depth + 1, ..place };
        self.directory(statement.children(), &mut section, place);
        config.ifs.push(If { kind, test, span: statement.span(), config: section });
    }

    fn rewrite_statement(
        &mut self,
        name: &str,
        statement: Statement<'_>,
        config: &mut DirConfig,
        place: Place<'_>,
        conds: &mut Vec<Cond>,
    ) {
        if name.starts_with("rewrite") && place.path.is_some() {
            self.servers[place.server].rewrite.touched |= !statement.is_at_runtime();
            config.rewrite_mut().folder = place.path.map(|path| format!("{}/", path.strip_suffix('/').unwrap_or(path)));
        }
        match name {
            "require" => {
                if let Some(node) = self.require(statement, place) {
                    let authz = config.authz_mut();
                    let root = authz.root.get_or_insert_with(|| Node::container(false, false, statement.span()));
                    if node.negated {
                        self.refuse(
                            statement,
                            "`Require not` has no effect beside alternatives: it only works in `<RequireAll>`",
                        );
                    } else {
                        root.add(node);
                    }
                }
            }
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
                self.rewrite_cond(statement, conds);
            }
            "rewriterule" => {
                if let Some(rule) = self.rewrite_rule(statement, conds) {
                    config.rewrite_mut().rules.push(Arc::new(rule));
                }
            }
            "redirect" | "redirectmatch" | "redirectpermanent" | "redirecttemp" => {
                match read_redirect(&mut self.context, statement.name(), &statement.args(), statement.span(), true) {
                    Ok(redirect) => config.redirects.push(redirect),
                    Err(error) => self.refuse(statement, error),
                }
            }
            _ => {}
        }
    }

    fn access_statement(&mut self, name: &str, statement: Statement<'_>, config: &mut DirConfig, place: Place<'_>) {
        let span = statement.span();
        match name {
            "allowmethods" => self.allow_methods(statement, config),
            "authtype" => {
                let kind = match statement.arg(0).unwrap_or_default().to_ascii_lowercase().as_str() {
                    "none" => AuthType::None,
                    "basic" => AuthType::Basic,
                    _ => AuthType::Other,
                };
                config.auth_type = Some(Spanned::new(kind, span));
            }
            "authname" => config.authn_mut().has_name = true,
            "authuserfile" => {
                let users = self.named_file(&statement.arg(0).unwrap_or_default(), Users::read);
                config.authn_mut().users = Some(users);
            }
            "authgroupfile" => {
                let groups = self.named_file(&statement.arg(0).unwrap_or_default(), Groups::read);
                config.authn_mut().groups = Some(groups);
            }
            "authbasicprovider" => {
                let names = statement.args().into_iter().map(|name| name.into_owned()).collect();
                config.authn_mut().providers = Some(names);
            }
            "authmerging" => {
                let merging = match statement.arg(0).unwrap_or_default().to_ascii_lowercase().as_str() {
                    "and" => Merging::And,
                    "or" => Merging::Or,
                    "off" => Merging::Off,
                    _ => {
                        self.refuse(statement, "`AuthMerging` is `Off`, `And` or `Or`");
                        return;
                    }
                };
                config.authz_mut().merging = Some(merging);
            }
            "authzsendforbiddenonfailure" => config.authz_mut().forbidden_on_fail = flag(statement),
            "order" => {
                let order = match statement.arg(0).unwrap_or_default().to_ascii_lowercase().as_str() {
                    "allow,deny" => Order::AllowDeny,
                    "deny,allow" => Order::DenyAllow,
                    "mutual-failure" => Order::MutualFailure,
                    _ => {
                        self.refuse(statement, "`Order` is `allow,deny` or `deny,allow`, without a blank");
                        return;
                    }
                };
                let access = config.access_mut();
                access.touched |= place.limited;
                access.orders.push((place.limited, Spanned::new(order, span)));
            }
            "allow" | "deny" => {
                let args = statement.args();
                if !args.first().is_some_and(|word| word.eq_ignore_ascii_case("from")) {
                    self.refuse(statement, format!("`{}` is followed by `from`", statement.name()));
                    return;
                }
                let access = config.access_mut();
                access.touched |= place.limited;
                let rules = args[1..].iter().map(|word| AccessRule {
                    allow: name == "allow",
                    from: AccessFrom::read(word),
                    limited: place.limited,
                    span,
                });
                access.rules.extend(rules);
            }
            "satisfy" => {
                let any = statement.arg(0).unwrap_or_default().to_ascii_lowercase();
                if any != "any" && any != "all" {
                    self.refuse(statement, "`Satisfy` is `Any` or `All`");
                    return;
                }
                config.access_mut().satisfy_any.push((place.limited, Spanned::new(any == "any", span)));
            }
            "options" => self.options(statement, config),
            "dav" if self.lacks_provider(statement) => {
                self.refuse(statement, "`Dav` needs the provider of mod_dav_fs, which is not loaded");
            }
            "dav" if self.unknown_provider(statement) => {
                self.refuse(statement, "`Dav` names a provider that no module has");
            }
            "dav" => config.rest_mut().dav = Some(Spanned::new(dav(&statement.arg(0).unwrap_or_default()), span)),
            "sethandler" => {
                config.handler = statement.arg(0).map(|name| Spanned::new(Handler::read(&name), span));
            }
            "addhandler" => {
                let args = statement.args();
                if let [handler, extensions @ ..] = &args[..] {
                    let handler = Handler::read(handler);
                    let lines =
                        extensions.iter().map(|extension| (bare_extension(extension), Spanned::new(handler.clone(), span)));
                    config.rest_mut().extension_handlers.extend(lines);
                    add_extensions(config, extensions);
                }
            }
            "addtype" => {
                let args = statement.args();
                if let [kind, extensions @ ..] = &args[..] {
                    let named = extensions.iter().map(|extension| (bare_extension(extension), kind.to_string()));
                    config.rest_mut().extension_types.extend(named);
                    add_extensions(config, extensions);
                }
            }
            "addlanguage" | "addencoding" | "addcharset" | "addoutputfilter" | "addinputfilter" => {
                add_extensions(config, statement.args().get(1..).unwrap_or_default());
            }
            "setenvif" | "setenvifnocase" | "setenvifexpr" => self.set_env_if(statement, config),
            "script" => {
                let args = statement.args();
                if let [method, path] = &args[..] {
                    let methods = self.context.registry.covered(&self.context.universe, method);
                    let methods = if method == "HEAD" || method == "GET" { methods } else { self.context.universe.only(method) };
                    let script = Script { methods, get: method == "GET", path: path.to_string(), span };
                    config.rest_mut().scripts.push(script);
                }
            }
            "action" => {
                let args = statement.args();
                if let [name, path, rest @ ..] = &args[..] {
                    let is_virtual = rest.iter().any(|word| word.eq_ignore_ascii_case("virtual"));
                    config.rest_mut().actions.push(Action { name: name.to_string(), path: path.to_string(), is_virtual, span });
                }
            }
            "alias" if place.path.is_some() => {
                if let [to] = &statement.args()[..] {
                    config.rest_mut().alias = Some(Spanned::new(interpolated(to), span));
                }
            }
            "aliaspreservepath" => config.rest_mut().alias_keeps_path = flag(statement),
            "directoryindex" => {
                let names: Vec<String> = statement.args().into_iter().map(|word| word.into_owned()).collect();
                let index = config.rest_mut().index.get_or_insert_default();
                if names.first().is_some_and(|word| word.eq_ignore_ascii_case("disabled")) && names.len() == 1 {
                    index.clear();
                } else {
                    index.extend(names);
                }
            }
            "directoryslash" => config.rest_mut().slash = flag(statement),
            "allowoverride" => {
                let words = statement.args();
                match AllowOverride::read(words.iter().map(|word| &**word)) {
                    Ok(line) => config.rest_mut().overrides = Some(Spanned::new(line, span)),
                    Err(word) => self.refuse(statement, format!("`AllowOverride` has no class `{word}`")),
                }
            }
            "allowoverridelist" => {
                let names = statement.args().into_iter().map(|word| word.into_owned());
                config.rest_mut().override_list = Some(names.filter(|name| !name.eq_ignore_ascii_case("none")).collect());
            }
            "acceptpathinfo" => {
                let word = statement.arg(0).unwrap_or_default().to_ascii_lowercase();
                config.rest_mut().accepts_path_info = match word.as_str() {
                    "on" => Some(true),
                    "off" => Some(false),
                    "default" => None,
                    _ => return self.refuse(statement, "`AcceptPathInfo` is `On`, `Off` or `Default`"),
                };
            }
            "allowencodedslashes" => {
                config.rest_mut().encoded_slashes = match statement.arg(0).unwrap_or_default().to_ascii_lowercase().as_str() {
                    "on" => Some(EncodedSlashes::Decoded),
                    "off" => Some(EncodedSlashes::Refused),
                    "nodecode" => Some(EncodedSlashes::Kept),
                    _ => return self.refuse(statement, "`AllowEncodedSlashes` is `On`, `Off` or `NoDecode`"),
                };
            }
            _ => {}
        }
    }

    fn other_statement(&mut self, name: &str, statement: Statement<'_>, config: &mut DirConfig, place: Place<'_>) {
        let span = statement.span();
        match name {
            "browsermatch" | "browsermatchnocase" => self.set_env_if(statement, config),
            "proxypass" | "proxypassmatch" => {
                if !matches!(place.kind, Kind::Location | Kind::Proxy) {
                    return;
                }
                let args = statement.args();
                let read = read_pass(&mut self.context, statement.name(), &args, place.path, span, statement.is_open());
                match read {
                    Ok(pass) if place.kind == Kind::Location => {
                        self.named_balancer(&pass);
                        config.proxy_pass = Some(Box::new(pass));
                    }
                    Ok(_) => {}
                    Err(error) => self.refuse(statement, error),
                }
            }
            "proxyerroroverride" => {
                let args = statement.args();
                let on = args.first().is_some_and(|word| word.eq_ignore_ascii_case("on"));
                let statuses = args.iter().skip(1).filter_map(|word| word.parse().ok()).collect();
                config.rest_mut().error_override = Some(Spanned::new(ErrorOverride { on, statuses }, span));
            }
            "errordocument" => self.error_document(statement, config),
            "forcetype" => config.rest_mut().forced_type = statement.arg(0).map(|kind| kind.into_owned()),
            "limitrequestbody" => config.rest_mut().body_limit = number(statement),
            "fallbackresource" => {
                config.rest_mut().fallback = statement.arg(0).map(|path| path.into_owned());
            }
            "checkspelling" | "checkcaseonly" => {
                let spelling = config.rest_mut().spelling.get_or_insert_with(|| Spanned::new(Spelling::default(), span));
                let on = flag(statement) == Some(true);
                if name == "checkspelling" {
                    *spelling = Spanned::new(Spelling { on, ..spelling.value }, span);
                } else {
                    spelling.value.case_only = on;
                }
            }
            "header" if statement.args().iter().take(4).any(|word| is_cors_header(word)) => {
                config.cors.get_or_insert(span);
            }
            _ => {}
        }
    }

    fn unknown_provider(&self, statement: Statement<'_>) -> bool {
        let known = ["on", "off", "filesystem"];
        statement.arg(0).is_some_and(|name| !known.iter().any(|known| name.eq_ignore_ascii_case(known)))
            && self.context.config.modules.are_all_known()
    }

    /// Whether a `Dav` line means the file system's provider without its module.
    fn lacks_provider(&self, statement: Statement<'_>) -> bool {
        let modules = &self.context.config.modules;
        let named = |name| statement.arg(0).is_some_and(|value| value.eq_ignore_ascii_case(name));
        modules.are_known() && modules.has("dav") && !modules.has("dav_fs") && (named("on") || named("filesystem"))
    }

    fn set_env_if(&mut self, statement: Statement<'_>, config: &mut DirConfig) {
        match setenvif::read(&mut self.context, statement.name(), &statement.raw(), statement.span()) {
            Ok(line) => config.env.push(line),
            Err(error) => self.refuse(statement, error),
        }
    }

    fn allow_methods(&mut self, statement: Statement<'_>, config: &mut DirConfig) {
        let names = statement.args();
        let reset = names.iter().any(|name| name.eq_ignore_ascii_case("reset"));
        if reset && names.len() > 1 {
            self.refuse(statement, "`AllowMethods reset` takes no method beside `reset`");
        }
        let mut set = MethodSet::EMPTY;
        for name in names.iter().filter(|_| !reset) {
            if !self.context.registry.knows(name, statement.index()) {
                let hint = match name.to_ascii_uppercase() {
                    upper if upper != *name && self.context.registry.knows(&upper, statement.index()) => {
                        format!(": methods are written as `{upper}`")
                    }
                    _ if name.contains(',') => ": methods are separated by blanks".to_owned(),
                    _ if name == "#" => ": a comment stands on a line of its own".to_owned(),
                    _ => String::new(),
                };
                self.refuse(statement, format!("`AllowMethods` knows no method `{name}`{hint}"));
                break;
            }
            set |= self.context.registry.covered(&self.context.universe, name);
        }
        let span = statement.span();
        let known = config.allow_methods.take();
        config.allow_methods = Some(match known {
            _ if reset => Spanned::new(None, span),
            Some(Spanned { value: Some(known), .. }) => Spanned::new(Some(known | set), span),
            _ => Spanned::new(Some(set), span),
        });
    }

    fn options(&mut self, statement: Statement<'_>, config: &mut DirConfig) {
        let mut change = OptionChange { reset: false, on: Vec::new(), off: Vec::new() };
        for word in statement.args() {
            let lower = word.to_ascii_lowercase();
            if !self.allowed.permits_option(lower.trim_start_matches(['+', '-'])) {
                self.refuse(statement, format!("`AllowOverride` does not let the file set the option `{word}`"));
            }
            match lower.strip_prefix('-') {
                Some(name) => change.off.push(name.to_owned()),
                None => match lower.strip_prefix('+') {
                    Some(name) => change.on.push(name.to_owned()),
                    None => {
                        change.reset = true;
                        change.on.push(lower);
                    }
                },
            }
        }
        config.rest_mut().options.push(change);
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

fn bare_extension(written: &str) -> String {
    written.trim_start_matches('.').to_ascii_lowercase()
}

fn add_extensions(config: &mut DirConfig, written: &[std::borrow::Cow<'_, str>]) {
    config.rest_mut().extensions.extend(written.iter().map(|extension| bare_extension(extension)));
}
