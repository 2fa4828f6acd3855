//! The directives that stand in any level: settings and content handlers.

use std::sync::Arc;

use super::settings::{Code, CodePhase, LimitKind};
use super::*;
use crate::nginx::site::lua;
use crate::nginx::site::referers::Referers;
use crate::nginx::site::security::Rules;
use crate::source::Span;

/// Headers by which a level tells browsers that other sites may call it.
const CORS: &str = "access-control-allow-";

/// Directives that do not bear on what becomes of a request, but whose arguments may hold variables; sorted.
const VALUED: &[&str] = &[
    "access_log",
    "add_trailer",
    "charset",
    "expires",
    "fastcgi_bind",
    "fastcgi_cache",
    "fastcgi_cache_bypass",
    "fastcgi_cache_key",
    "fastcgi_no_cache",
    "grpc_bind",
    "grpc_set_header",
    "grpc_ssl_name",
    "limit_rate",
    "limit_rate_after",
    "log_format",
    "more_set_headers",
    "proxy_bind",
    "proxy_cache_bypass",
    "proxy_cache_key",
    "proxy_cookie_domain",
    "proxy_cookie_path",
    "proxy_no_cache",
    "proxy_redirect",
    "proxy_set_body",
    "proxy_set_header",
    "proxy_ssl_name",
    "proxy_store",
    "scgi_cache_bypass",
    "scgi_cache_key",
    "scgi_no_cache",
    "sub_filter",
    "uwsgi_cache_bypass",
    "uwsgi_cache_key",
    "uwsgi_no_cache",
];

impl<'d> Builder<'d> {
    /// The directive that makes a location's content.
    pub(super) fn handler(&mut self, scope: ScopeId, statement: Directive<'d>) {
        let span = statement.head();
        let handler = match statement.name() {
            "proxy_pass" => self.pass(scope, PassKind::Proxy, statement),
            "fastcgi_pass" => self.pass(scope, PassKind::FastCgi, statement),
            "uwsgi_pass" => self.pass(scope, PassKind::Uwsgi, statement),
            "scgi_pass" => self.pass(scope, PassKind::Scgi, statement),
            "grpc_pass" => self.pass(scope, PassKind::Grpc, statement),
            "memcached_pass" => self.pass(scope, PassKind::Memcached, statement),
            "empty_gif" => Handler::ReadOnly("empty_gif", span),
            "stub_status" if statement.arg(0) != Some("off") => Handler::ReadOnly("stub_status", span),
            "flv" => Handler::ReadOnly("flv", span),
            "mp4" => Handler::ReadOnly("mp4", span),
            name @ ("content_by_lua"
            | "content_by_lua_block"
            | "content_by_lua_file"
            | "js_content"
            | "perl"
            | "echo"
            | "echo_exec"
            | "echo_location"
            | "drizzle_pass"
            | "postgres_pass"
            | "redis_pass"
            | "redis2_pass"
            | "memc_pass"
            | "passenger_enabled"
            | "push_stream_publisher"
            | "push_stream_subscriber"
            | "nchan_publisher"
            | "nchan_pubsub"
            | "nchan_subscriber"
            | "upload_pass"
            | "rtmp_stat"
            | "hls"
            | "f4f"
            | "api"
            | "vod"
            | "tunnel_pass"
            | "srcache_fetch"
            | "vhost_traffic_status_display"
            | "lua_content"
            | "oidc_pass"
            | "xss_get"
            | "set_form_input") => {
                let effects = if name.starts_with("content_by_lua") { self.effects(statement) } else { Vec::new() };
                Handler::Opaque(name.into(), effects, span)
            }
            _ => return,
        };
        self.scope_mut(scope).handler = Some(handler);
    }

    fn pass(&mut self, scope: ScopeId, kind: PassKind, statement: Directive<'d>) -> Handler {
        let url = self.text(statement, 0);
        let fixed = url.constant().or(url.is_unknown().then_some(&url.source)).and_then(|url| Destination::parse(kind, url));
        if let Some(destination) = &fixed {
            self.model.literal_hosts.insert(Arc::clone(&destination.authority));
        }
        if kind == PassKind::Memcached {
            self.model.memcached_key = Some(self.model.variables.usage("memcached_key", statement.head()));
        }
        let replaced = Arc::clone(&self.model.scope(scope).name);
        Handler::Pass(Box::new(Pass { kind, url, fixed, replaced, span: statement.head() }))
    }

    pub(super) fn setting(&mut self, scope: ScopeId, statement: Directive<'d>) {
        let span = statement.head();
        if let Some(setting) = self.single(scope, statement) {
            let settings = &mut self.scope_mut(scope).settings;
            // nginx refuses most repeated settings; the first one is kept.
            settings.push((setting, span));
            return;
        }
        match statement.name() {
            "include" => self.scope_mut(scope).settings.push((Setting::Unread, span)),
            "allow" | "deny" => self.access_rule(scope, statement),
            "error_page" => self.error_page(scope, statement),
            "fastcgi_param" => self.param(scope, PassKind::FastCgi, statement),
            "uwsgi_param" => self.param(scope, PassKind::Uwsgi, statement),
            "scgi_param" => self.param(scope, PassKind::Scgi, statement),
            "limit_req" => self.limit(scope, LimitKind::Requests, statement),
            "limit_conn" => self.limit(scope, LimitKind::Connections, statement),
            "add_header" => self.add_header(scope, statement),
            "mirror" => self.mirror(scope, statement),
            "index" => self.index(scope, statement),
            "resolver" => self.model.has_resolver = true,
            "set_real_ip_from" => self.real_ip_from(scope, statement),
            "modsecurity_rules" | "modsecurity_rules_file" | "modsecurity_rules_remote" => self.security(scope, statement),
            "valid_referers" => self.referers(scope, statement),
            "more_set_input_headers" | "more_clear_input_headers" => self.input_headers(scope, statement),
            "auth_request_set" => {
                self.mention(statement);
                if let Some(name) = statement.arg(0).and_then(|name| name.strip_prefix('$')) {
                    self.model.variables.define(name, Definition::Opaque);
                }
            }
            name if VALUED.binary_search(&name).is_ok() => self.mention(statement),
            _ => {}
        }
    }

    /// A directive that stands at most once in a level.
    fn single(&mut self, scope: ScopeId, statement: Directive<'d>) -> Option<Setting> {
        let on = || statement.arg(0).is_some_and(|value| value.eq_ignore_ascii_case("on"));
        let flag = |flag| Some(Setting::Flag(flag, on()));
        match statement.name() {
            "satisfy" => Some(Setting::Flag(Flag::SatisfyAny, statement.arg(0) == Some("any"))),
            "proxy_cache_convert_head" => flag(Flag::ConvertHead),
            "proxy_intercept_errors" => flag(Flag::Intercept(PassKind::Proxy)),
            "fastcgi_intercept_errors" => flag(Flag::Intercept(PassKind::FastCgi)),
            "uwsgi_intercept_errors" => flag(Flag::Intercept(PassKind::Uwsgi)),
            "scgi_intercept_errors" => flag(Flag::Intercept(PassKind::Scgi)),
            "grpc_intercept_errors" => flag(Flag::Intercept(PassKind::Grpc)),
            "recursive_error_pages" => flag(Flag::RecursiveErrorPages),
            "autoindex" => flag(Flag::Autoindex),
            "fancyindex" => flag(Flag::FancyIndex),
            "gzip_static" => {
                let always = Setting::Flag(Flag::GzipAlways, statement.arg(0) == Some("always"));
                self.scope_mut(scope).settings.push((always, statement.head()));
                Some(Setting::Flag(Flag::GzipStatic, statement.arg(0) != Some("off")))
            }
            "underscores_in_headers" => flag(Flag::UnderscoresInHeaders),
            "ignore_invalid_headers" => flag(Flag::IgnoreInvalidHeaders),
            "real_ip_recursive" => flag(Flag::RealIpRecursive),
            "fastcgi_split_path_info" => Some(Setting::SplitPath(self.patterns.get(statement.arg(0)?, false))),
            "fastcgi_index" => Some(Setting::ScriptIndex(statement.arg(0)?.into())),
            "secure_link" => Some(Setting::Link(self.text(statement, 0))),
            "secure_link_md5" => Some(Setting::LinkHash(self.text(statement, 0))),
            "secure_link_secret" => Some(Setting::LinkSecret(statement.arg(0)?.into())),
            "random_index" => flag(Flag::RandomIndex),
            "dav_ext_lock" => Some(Setting::Flag(Flag::DavLocks, statement.arg(0) != Some("off"))),
            "create_full_put_path" => flag(Flag::CreateFullPutPath),
            "mirror_request_body" => flag(Flag::MirrorRequestBody),
            "client_body_in_file_only" => Some(Setting::Flag(Flag::BodyInFileOnly, statement.arg(0) != Some("off"))),
            "modsecurity" => flag(Flag::ModSecurity),
            "auth_basic" => Some(Setting::AuthBasic(self.text(statement, 0))),
            "auth_basic_user_file" => Some(Setting::AuthFile(self.text(statement, 0))),
            "auth_request" => Some(Setting::AuthRequest((statement.arg(0) != Some("off")).then(|| self.literal(statement, 0)))),
            "proxy_method" => Some(Setting::ProxyMethod(self.text(statement, 0))),
            "proxy_cache" => Some(Setting::ProxyCache(self.text(statement, 0))),
            "dav_methods" => Some(Setting::DavMethods(self.methods(statement))),
            "dav_ext_methods" => Some(Setting::DavExtMethods(self.methods(statement))),
            "min_delete_depth" => Some(Setting::MinDeleteDepth(statement.arg(0)?.parse().ok()?)),
            "client_max_body_size" => Some(Setting::BodyLimit(size(statement.arg(0)?)?)),
            "limit_req_status" => Some(Setting::LimitStatus(LimitKind::Requests, statement.arg(0)?.parse().ok()?)),
            "limit_conn_status" => Some(Setting::LimitStatus(LimitKind::Connections, statement.arg(0)?.parse().ok()?)),
            "real_ip_header" => Some(Setting::RealIpHeader(statement.arg(0)?.into())),
            "root" => Some(Setting::Root(Root { path: self.text(statement, 0), alias: None })),
            "alias" => {
                let around = self.model.scope(scope);
                let replaced = match &around.kind {
                    ScopeKind::Location(Matching::Regex(_)) => None,
                    _ => Some(around.name.len()),
                };
                Some(Setting::Root(Root { path: self.text(statement, 0), alias: Some(replaced) }))
            }
            name @ ("rewrite_by_lua" | "rewrite_by_lua_block" | "rewrite_by_lua_file") => {
                Some(Setting::Code(self.module_code(CodePhase::Rewrite, name, statement)))
            }
            name @ ("access_by_lua"
            | "access_by_lua_block"
            | "access_by_lua_file"
            | "js_access"
            | "auth_jwt"
            | "oidc_auth"
            | "auth_digest"
            | "auth_pam"
            | "auth_ldap"
            | "auth_gss"
            | "auth_oidc"
            | "testcookie") => {
                (statement.arg(0) != Some("off")).then(|| Setting::Code(self.module_code(CodePhase::Access, name, statement)))
            }
            name @ ("precontent_by_lua" | "precontent_by_lua_block" | "precontent_by_lua_file") => {
                Some(Setting::Code(self.module_code(CodePhase::Precontent, name, statement)))
            }
            _ => None,
        }
    }

    fn module_code(&self, phase: CodePhase, directive: &str, statement: Directive<'d>) -> Code {
        Code { phase, directive: directive.into(), effects: self.effects(statement) }
    }

    /// What Lua code that stands in the config does.
    fn effects(&self, statement: Directive<'d>) -> Vec<Effect> {
        let is_code = statement.name().ends_with("_by_lua") || statement.name().ends_with("_by_lua_block");
        statement.values().last().filter(|_| is_code).map(lua::effects).unwrap_or_default()
    }

    /// The methods that a directive lists, in any case.
    fn methods(&self, statement: Directive<'d>) -> MethodSet {
        self.model.universe.matching(|method| statement.values().any(|value| value.eq_ignore_ascii_case(method)))
    }

    fn access_rule(&mut self, scope: ScopeId, statement: Directive<'d>) {
        let Some(address) = statement.arg(0) else { return };
        let rule = AccessRule { allow: statement.name() == "allow", network: Network::parse(address), span: statement.head() };
        let settings = &mut self.scope_mut(scope).settings;
        for (setting, _) in settings.iter_mut() {
            if let Setting::Access(rules) = setting {
                return rules.push(rule);
            }
        }
        settings.push((Setting::Access(vec![rule]), statement.head()));
    }

    /// `ngx_http_core_error_page`
    fn error_page(&mut self, scope: ScopeId, statement: Directive<'d>) {
        let count = statement.args().len();
        if count < 2 {
            return;
        }
        let equals = statement.arg(count - 2).and_then(|value| value.strip_prefix('='));
        let status = match equals {
            None => ErrorStatus::Keep,
            Some("") => ErrorStatus::Take,
            Some(code) => code.parse().map_or(ErrorStatus::Take, ErrorStatus::Fixed),
        };
        let codes = statement.values().take(count - 1 - usize::from(equals.is_some())).filter_map(|code| code.parse().ok());
        let codes = codes.collect();
        let target = self.text(statement, count - 1);
        let page = ErrorPage { codes, status, target, span: statement.head() };
        let settings = &mut self.scope_mut(scope).settings;
        for (setting, _) in settings.iter_mut() {
            if let Setting::ErrorPages(pages) = setting {
                return pages.push(page);
            }
        }
        settings.push((Setting::ErrorPages(vec![page]), statement.head()));
    }

    fn param(&mut self, scope: ScopeId, kind: PassKind, statement: Directive<'d>) {
        let Some(name) = statement.arg(0) else { return };
        let skips_empty = statement.arg(2) == Some("if_not_empty");
        let param = Param { name: name.into(), value: self.text(statement, 1), skips_empty };
        let settings = &mut self.scope_mut(scope).settings;
        let known = settings.iter().position(|(setting, _)| matches!(setting, Setting::Params(known, _) if *known == kind));
        // Only what tells the upstream about the request is kept, but any parameter ends the inheritance of the others.
        let keep = matches!(name, "REQUEST_METHOD" | "REQUEST_URI");
        match known.map(|index| &mut settings[index].0) {
            Some(Setting::Params(_, params)) if keep => params.push(param),
            Some(_) => {}
            None => {
                let params = if keep { vec![param] } else { Vec::new() };
                settings.push((Setting::Params(kind, params), statement.head()));
            }
        }
    }

    fn limit(&mut self, scope: ScopeId, kind: LimitKind, statement: Directive<'d>) {
        let named = statement.values().find_map(|value| value.strip_prefix("zone="));
        let zone = match kind {
            LimitKind::Requests => named,
            LimitKind::Connections => statement.arg(0),
        };
        let limit = Limit { kind, zone: zone.unwrap_or("").into(), span: statement.head() };
        let settings = &mut self.scope_mut(scope).settings;
        for (setting, _) in settings.iter_mut() {
            if let Setting::Limits(limits) = setting {
                return limits.push(limit);
            }
        }
        settings.push((Setting::Limits(vec![limit]), statement.head()));
    }

    fn add_header(&mut self, scope: ScopeId, statement: Directive<'d>) {
        let cors = statement.arg(0).is_some_and(|name| name.to_ascii_lowercase().starts_with(CORS));
        self.mention(statement);
        let setting = if cors { Setting::CorsHeader } else { Setting::OtherHeader };
        self.scope_mut(scope).settings.push((setting, statement.head()));
    }

    fn mirror(&mut self, scope: ScopeId, statement: Directive<'d>) {
        let targets = if statement.arg(0) == Some("off") { Vec::new() } else { vec![self.literal(statement, 0)] };
        self.scope_mut(scope).settings.push((Setting::Mirror(targets), statement.head()));
    }

    fn index(&mut self, scope: ScopeId, statement: Directive<'d>) {
        let mut files = self.texts(statement);
        let settings = &mut self.scope_mut(scope).settings;
        for (setting, _) in settings.iter_mut() {
            if let Setting::Index(known) = setting {
                return known.append(&mut files);
            }
        }
        settings.push((Setting::Index(files), statement.head()));
    }

    fn security(&mut self, scope: ScopeId, statement: Directive<'d>) {
        let Some(word) = statement.spanned(0) else { return };
        let rules = match statement.name() {
            "modsecurity_rules" => Rules::Text(word.value.into()),
            "modsecurity_rules_file" => Rules::File(word.value.into()),
            _ => Rules::Remote,
        };
        // The span of what stands between the quotes, where they hold it as it is.
        let quotes = u32::from(word.span.len() as usize == word.value.len() + 2);
        let span = Span { start: word.span.start + quotes, end: word.span.end - quotes, ..word.span };
        self.scope_mut(scope).settings.push((Setting::Security(rules), span));
    }

    fn referers(&mut self, scope: ScopeId, statement: Directive<'d>) {
        let mut referers = Referers::default();
        let settings = &mut self.model.scopes[scope.0 as usize].settings;
        let known = settings.iter_mut().find_map(|(setting, _)| match setting {
            Setting::Referers(known) => Some(known),
            _ => None,
        });
        let is_new = known.is_none();
        let list = known.unwrap_or(&mut referers);
        statement.values().for_each(|word| list.add(word, &mut self.patterns));
        if is_new {
            settings.push((Setting::Referers(referers), statement.head()));
        }
    }

    /// `Name: value` sets a header, `Name:` and a bare name take it away.
    fn input_headers(&mut self, scope: ScopeId, statement: Directive<'d>) {
        let clears = statement.name() == "more_clear_input_headers";
        let mut changes = Vec::new();
        let mut only_existing = false;
        let mut is_option = false;
        for word in statement.values() {
            match word {
                "-r" => only_existing = true,
                "-t" => is_option = true,
                _ if is_option => is_option = false,
                _ => {
                    let (name, value) = word.split_once(':').unwrap_or((word, ""));
                    let value = if clears { "" } else { value.trim_matches(' ') };
                    let value = Text::compile(value, statement.head(), &mut self.model.variables);
                    changes.push((name.trim().to_ascii_lowercase(), value));
                }
            }
        }
        let changes = changes.into_iter().map(|(name, value)| HeaderChange { name: name.into(), value, only_existing });
        let settings = &mut self.scope_mut(scope).settings;
        for (setting, _) in settings.iter_mut() {
            if let Setting::InputHeaders(known) = setting {
                return known.extend(changes);
            }
        }
        settings.push((Setting::InputHeaders(changes.collect()), statement.head()));
    }

    fn real_ip_from(&mut self, scope: ScopeId, statement: Directive<'d>) {
        self.model.bodies.real_ip = true;
        let network = Network::parse(statement.arg(0).unwrap_or(""));
        let settings = &mut self.scope_mut(scope).settings;
        for (setting, _) in settings.iter_mut() {
            if let Setting::RealIpFrom(networks) = setting {
                return networks.push(network);
            }
        }
        settings.push((Setting::RealIpFrom(vec![network]), statement.head()));
    }
}

/// `ngx_parse_offset`: a number with `k`, `m` or `g`.
pub(in crate::nginx) fn size(text: &str) -> Option<u64> {
    let split = text.len() - usize::from(text.ends_with(|unit: char| unit.is_ascii_alphabetic()));
    let number: u64 = text[..split].parse().ok()?;
    let shift = match &text[split..] {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::VALUED;

    #[test]
    fn the_search_among_the_sorted_names_finds_them() {
        assert!(VALUED.is_sorted());
    }
}
