//! Directives of the main server and of virtual hosts.

use std::path::Path;
use std::sync::Arc;

use super::super::authn::Named;
use super::super::handlers::Dav;
use super::super::headers::HeaderEdit;
use super::super::proxy::{Member, ProxyPass, read_pass};
use super::super::redirect::{Alias, From as AliasFrom, read_redirect};
use super::super::rewrite::{Cond, Map, RewriteRule, read_cond, read_options, read_rule};
use super::super::section::{Matcher, Section};
use super::super::setenvif;
use super::super::userdir::UserDirs;
use super::super::vhost::{split_address, split_name};
use super::super::{Listen, Trace};
use super::{Builder, Kind, Place, Within, section_path};
use crate::apache::read::{Statement, Statements};
use crate::apache::words::values;
use crate::finding::{Finding, Severity};
use crate::http::MethodSet;
use crate::source::{self, Spanned};

impl<'c> Builder<'c> {
    /// Walks over the statements of the main server or of a virtual host.
    pub(super) fn server(&mut self, statements: Statements<'c>, server: usize) {
        let mut defaults = std::mem::take(&mut self.servers[server].defaults);
        let place = Place { server, path: None, kind: Kind::Server, limited: self.context.universe.all(), depth: 0 };
        let mut section = Within { config: &mut defaults, place, conds: &mut Vec::new() };
        for statement in statements {
            if !self.server_statement(statement, server, &mut section) {
                self.directory_statement(statement, &mut section);
            }
        }
        self.servers[server].defaults = defaults;
    }

    /// Carries out a directive that belongs to servers; false for those that sections have as well.
    fn server_statement(&mut self, statement: Statement<'c>, server: usize, section: &mut Within<'_, '_>) -> bool {
        let name = statement.name().to_ascii_lowercase();
        self.servers[server].rewrite.touched |= name.starts_with("rewrite");
        if statement.is_section() {
            return self.server_section(&name, statement, server);
        }
        match name.as_str() {
            "servername" => {
                if let Some(name) = statement.arg(0) {
                    let (name, port) = split_name(&name);
                    let names = &mut self.servers[server].names;
                    (names.name, names.name_port) = (Some(name), port);
                }
            }
            "serveralias" => {
                let names = &mut self.servers[server].names;
                for alias in statement.args() {
                    let alias = alias.to_ascii_lowercase();
                    if alias.contains(['*', '?']) { names.wild.push(alias) } else { names.aliases.push(alias) }
                }
            }
            "documentroot" => {
                let root = self.place(&statement.arg(0).unwrap_or_default());
                self.check_root(statement, &root);
                self.servers[server].document_root = Some(Spanned::new(root, statement.span()));
            }
            "virtualdocumentroot" => {
                let root = statement.arg(0).unwrap_or_default().into_owned();
                let root = (!root.eq_ignore_ascii_case("none")).then(|| Spanned::new(root, statement.span()));
                self.servers[server].root_by_host = root;
            }
            "serverpath" => self.servers[server].path = statement.arg(0).map(|path| path.into_owned()),
            "listen" => self.listen(statement),
            "traceenable" => self.trace_enable(statement, server),
            "httpprotocoloptions" => self.protocol_options(statement, server),
            "registerhttpmethod" => {
                if server != 0 {
                    self.refuse(statement, "`RegisterHttpMethod` stands outside of virtual hosts");
                }
            }
            "limitrequestline" => self.servers[server].limits.line = number(statement),
            "limitrequestfieldsize" => self.servers[server].limits.field = number(statement),
            "limitrequestfields" => self.servers[server].limits.fields = number(statement),
            "mergeslashes" => self.servers[server].merge_slashes = flag(statement),
            "stricthostcheck" => self.servers[server].strict_host = flag(statement),
            "sslengine" => self.servers[server].ssl = flag(statement).unwrap_or(true),
            "sslproxyengine" => {
                self.servers[server].ssl_proxy = flag(statement).map(|on| Spanned::new(on, statement.span()));
            }
            "proxyrequests" => {
                self.servers[server].proxy_requests = flag(statement).map(|on| Spanned::new(on, statement.span()));
            }
            "allowconnect" => self.allow_connect(statement, server),
            "proxypass" | "proxypassmatch" => self.server_pass(statement, server),
            "balancermember" => {
                let args = statement.args();
                if let [balancer, member @ ..] = &args[..]
                    && balancer.starts_with("balancer:")
                {
                    self.balancer_member(balancer, member);
                }
            }
            "redirect" | "redirectmatch" | "redirectpermanent" | "redirecttemp" => {
                let read = read_redirect(&mut self.context, statement.name(), &statement.args(), statement.span(), false);
                match read {
                    Ok(redirect) => self.servers[server].redirects.push(redirect),
                    Err(error) => self.refuse(statement, error),
                }
            }
            "alias" | "aliasmatch" | "scriptalias" | "scriptaliasmatch" => self.alias(&name, statement, server),
            "userdir" => {
                let dirs =
                    self.servers[server].user_dirs.get_or_insert_with(|| Spanned::new(UserDirs::default(), statement.span()));
                dirs.value.add(&statement.args());
                dirs.span = statement.span();
            }
            "setenvif" | "setenvifnocase" | "browsermatch" | "browsermatchnocase" | "setenvifexpr" => {
                match setenvif::read(&mut self.context, statement.name(), &statement.raw(), statement.span()) {
                    Ok(line) => self.servers[server].env.push(line),
                    Err(error) => self.refuse(statement, error),
                }
            }
            "rewriteengine" => {
                let on = flag(statement).map(|on| Spanned::new(on, statement.span()));
                self.servers[server].rewrite.engine = on;
                // The server's switch is that of all its sections as well.
                section.config.rewrite_mut().engine = on;
            }
            "rewriteoptions" => {
                let mut options = self.servers[server].rewrite.options;
                if let Err(error) = read_options(&statement.args(), &mut options) {
                    self.refuse(statement, error);
                }
                self.servers[server].rewrite.options = options;
                section.config.rewrite_mut().options = options;
            }
            "rewritecond" => self.rewrite_cond(statement, section.conds),
            "rewriterule" => {
                if let Some(rule) = self.rewrite_rule(statement, section.conds) {
                    self.servers[server].rewrite.rules.push(Arc::new(rule));
                }
            }
            "requestheader" => {
                if let Some(edit) = HeaderEdit::read(&statement.args()) {
                    self.servers[server].early_headers.push(edit);
                }
            }
            "rewritemap" => self.rewrite_map(statement, server),
            "rewritelog" | "rewriteloglevel" | "rewritelock" => {}
            _ => return false,
        }
        true
    }

    fn listen(&mut self, statement: Statement<'_>) {
        let Some(address) = statement.arg(0) else { return };
        let (host, port) = match address.parse::<u16>() {
            Ok(port) => ("", port),
            Err(_) => split_address(&address),
        };
        let is_any = matches!(host, "" | "*" | "0.0.0.0" | "[::]");
        let address = (!is_any).then(|| host.trim_matches(['[', ']']).to_owned());
        self.listens.push(Listen { address, port });
    }

    fn trace_enable(&mut self, statement: Statement<'_>, server: usize) {
        let trace = match statement.arg(0).unwrap_or_default().to_ascii_lowercase().as_str() {
            "on" => Trace::On,
            "off" => Trace::Off,
            "extended" => Trace::Extended,
            _ => return self.refuse(statement, "`TraceEnable` is `on`, `off` or `extended`"),
        };
        self.servers[server].trace = Some(Spanned::new(trace, statement.span()));
    }

    fn allow_connect(&mut self, statement: Statement<'_>, server: usize) {
        let ports = statement.args();
        let ports = ports.iter().flat_map(|range| {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            from.parse::<u16>().unwrap_or(0)..=to.parse::<u16>().unwrap_or(0)
        });
        self.servers[server].connect_ports.get_or_insert_default().extend(ports);
    }

    fn server_pass(&mut self, statement: Statement<'_>, server: usize) {
        let (name, args, span) = (statement.name(), statement.args(), statement.span());
        match read_pass(&mut self.context, name, &args, None, span, statement.is_open()) {
            Ok(pass) => {
                self.named_balancer(&pass);
                self.servers[server].proxies.push(pass);
            }
            Err(error) => self.refuse(statement, error),
        }
    }

    pub(super) fn rewrite_cond(&mut self, statement: Statement<'_>, conds: &mut Vec<Cond>) {
        match read_cond(&mut self.context, &statement.raw(), statement.span(), statement.is_open()) {
            Ok(cond) => conds.push(cond),
            Err(error) => self.refuse(statement, error),
        }
    }

    pub(super) fn rewrite_rule(&mut self, statement: Statement<'_>, conds: &mut Vec<Cond>) -> Option<RewriteRule> {
        let conds = std::mem::take(conds);
        match read_rule(&mut self.context, &statement.raw(), conds, statement.span(), statement.is_open()) {
            Ok(rule) => Some(rule),
            Err(error) => {
                self.refuse(statement, error);
                None
            }
        }
    }

    fn rewrite_map(&mut self, statement: Statement<'_>, server: usize) {
        let args = statement.args();
        let [name, source, ..] = &args[..] else {
            return self.refuse(statement, "`RewriteMap` takes a name and a map");
        };
        let kinds = ["int", "txt", "rnd", "prg", "dbm", "dbd", "fastdbd"];
        let split =
            source.split_once(':').filter(|(kind, _)| kinds.iter().any(|known| kind.to_ascii_lowercase().starts_with(known)));
        let (kind, path) = split.unwrap_or(("txt", source));
        let map = match (kind.to_ascii_lowercase().as_str(), path) {
            ("int", "tolower") => Map::Lower,
            ("int", "toupper") => Map::Upper,
            ("int", "escape") => Map::Escape,
            ("int", "unescape") => Map::Unescape,
            ("int", _) => return self.refuse(statement, format!("`RewriteMap` knows no internal map `{path}`")),
            (kind @ ("txt" | "rnd"), path) => match self.named_file(path, Map::table) {
                Named::Read(table) if kind == "rnd" => Map::Random(table),
                Named::Read(table) => Map::Table(table),
                Named::Missing => {
                    return self.refuse(statement, format!("`RewriteMap`: the file of the map `{name}` does not exist"));
                }
                Named::Unseen => Map::Unknown,
            },
            _ => Map::Unknown,
        };
        self.servers[server].rewrite.maps.insert(name.to_string(), Arc::new(map));
    }

    /// A document root that is not where it should be.
    fn check_root(&mut self, statement: Statement<'_>, root: &str) {
        let place = self.reader.place(root, Path::new("/"));
        let is_known = self.context.config.modules.are_known() && !root.contains("${");
        if is_known && self.reader.kind(&place).is_none() && self.reader.is_inside(&place) {
            let message = format!("the folder `{root}` does not exist, and httpd does not start without it");
            let finding = Finding::rejected(statement.span(), message);
            self.context.findings.push(Finding { severity: Severity::Warning, ..finding });
        }
    }

    /// What a file says that the config names, where it is one of the files that may be read.
    pub(super) fn named_file<T>(&mut self, path: &str, read: impl Fn(&str) -> T) -> Named<T> {
        if path.contains("${") {
            return Named::Unseen;
        }
        let place = self.reader.place(&self.place(path), Path::new("/"));
        match self.reader.kind(&place) {
            Some(source::Kind::File) => match self.reader.data(&place) {
                Some(text) => Named::Read(Arc::new(read(&text))),
                None => Named::Unseen,
            },
            None if self.reader.is_inside(&place) => Named::Missing,
            _ => Named::Unseen,
        }
    }

    fn server_section(&mut self, name: &str, statement: Statement<'c>, server: usize) -> bool {
        let kind = match name {
            "virtualhost" if server == 0 => {
                self.waiting.push(statement);
                return true;
            }
            "location" | "locationmatch" => Kind::Location,
            "directory" | "directorymatch" => Kind::Directory,
            "proxy" | "proxymatch" => Kind::Proxy,
            _ => return false,
        };
        let path = if kind == Kind::Proxy { proxy_url(&statement.raw()) } else { section_path(&statement.raw()) };
        let Some((path, tilde)) = path else {
            self.refuse(statement, format!("`<{}>` takes one path", statement.name()));
            return true;
        };
        let regex = tilde || name.ends_with("match");
        let path = if kind == Kind::Directory && !regex { self.place(&path) } else { path };
        let matcher = self.matcher(&path, regex, kind, statement.is_open() && has_hole(&path));
        let place = Place { server, path: Some(&path), kind, limited: self.context.universe.all(), depth: 0 };
        let config = self.directory(statement.children(), place);
        if kind == Kind::Proxy {
            self.balancer_section(&path, statement);
        }
        let section = Section { matcher, span: statement.span(), config };
        let server = &mut self.servers[server];
        match kind {
            Kind::Location => server.locations.push(section),
            Kind::Proxy => server.proxy_sections.push(section),
            _ => server.directories.push(section),
        }
        true
    }

    pub(super) fn matcher(&mut self, path: &str, regex: bool, kind: Kind, open: bool) -> Matcher {
        if open {
            Matcher::Open
        } else if regex {
            Matcher::Pattern(self.context.patterns.get(path, false))
        } else if path.contains(['*', '?', '[']) {
            Matcher::Wild(path.to_owned())
        } else if kind == Kind::Directory {
            // `/a` and `/a/` name the same folder.
            Matcher::Path(if path.len() > 1 { path.trim_end_matches('/').to_owned() } else { path.to_owned() })
        } else {
            Matcher::Path(path.to_owned())
        }
    }

    fn balancer_section(&mut self, path: &str, statement: Statement<'_>) {
        if !path.starts_with("balancer:") {
            return;
        }
        self.balancers.entry(balancer_name(path)).or_default();
        for member in statement.children().filter(|child| child.is("BalancerMember")) {
            self.balancer_member(path, &member.args());
        }
    }

    /// A `ProxyPass` makes the group that it names, if only an empty one.
    pub(super) fn named_balancer(&mut self, pass: &ProxyPass) {
        if let Some(to) = pass.to.as_deref().filter(|to| to.starts_with("balancer:")) {
            self.balancers.entry(balancer_name(to)).or_default();
        }
    }

    fn balancer_member(&mut self, balancer: &str, args: &[std::borrow::Cow<'_, str>]) {
        let members = &mut self.balancers.entry(balancer_name(balancer)).or_default().members;
        let Some((url, parameters)) = args.split_first() else { return };
        let status = parameters
            .iter()
            .filter_map(|parameter| parameter.split_once('='))
            .filter(|(key, _)| key.eq_ignore_ascii_case("status"));
        let (mut standby, mut disabled) = (false, false);
        for (_, value) in status {
            let mut on = true;
            for sign in value.chars() {
                match sign.to_ascii_uppercase() {
                    '+' => on = true,
                    '-' => on = false,
                    'H' | 'R' => standby = on,
                    'D' | 'S' | 'E' => disabled = on,
                    _ => {}
                }
            }
        }
        members.push(Member { url: url.to_string(), standby, disabled });
    }

    fn alias(&mut self, name: &str, statement: Statement<'_>, server: usize) {
        let args = statement.args();
        let [from, to] = &args[..] else {
            self.refuse(statement, format!("`{}` takes a path and a folder", statement.name()));
            return;
        };
        let regex = name.ends_with("match");
        let from =
            if regex { AliasFrom::Pattern(self.context.patterns.get(from, false)) } else { AliasFrom::Prefix(from.to_string()) };
        let to = if regex { to.to_string() } else { self.place(to) };
        let script = name.starts_with("script");
        self.servers[server].aliases.push(Alias { from, to, script, span: statement.span() });
    }

    fn protocol_options(&mut self, statement: Statement<'_>, server: usize) {
        let span = statement.span();
        let options = &mut self.servers[server].protocol;
        let mut error = None;
        for word in statement.args() {
            let (strictness, value) = match word.to_ascii_lowercase().as_str() {
                "strict" => (true, true),
                "unsafe" => (true, false),
                "registeredmethods" => (false, true),
                "lenientmethods" => (false, false),
                "allow0.9" | "require1.0" => continue,
                _ => {
                    error = Some(format!("`HttpProtocolOptions` has no option `{word}`"));
                    continue;
                }
            };
            let slot = if strictness { &mut options.strict } else { &mut options.registered };
            match slot {
                Some(known) if known.value != value => {
                    let pair = if strictness { "`Strict` and `Unsafe`" } else { "`RegisteredMethods` and `LenientMethods`" };
                    error = Some(format!("`HttpProtocolOptions`: {pair} exclude one another"));
                }
                _ => *slot = Some(Spanned::new(value, span)),
            }
        }
        if let Some(error) = error {
            self.refuse(statement, error);
        }
    }

    /// A path of the config, relative ones below ServerRoot.
    pub(super) fn place(&self, path: &str) -> String {
        if path.starts_with('/') || path.contains("${") {
            return path.to_owned();
        }
        match &self.context.config.server_root {
            Some(root) => root.join(path).to_string_lossy().into_owned(),
            None => format!("/{path}"),
        }
    }
}

/// The name of a balancer without what follows it.
pub(in crate::apache) fn balancer_name(url: &str) -> String {
    let name = url.split_once("://").map_or(url, |(_, rest)| rest);
    name.split(['/', '?']).next().unwrap_or(name).to_ascii_lowercase()
}

pub(super) fn number<N: std::str::FromStr>(statement: Statement<'_>) -> Option<N> {
    statement.arg(0).and_then(|word| word.parse().ok())
}

/// What a `<Proxy>` section is for: alone it takes every URL, and a URL may have the parameters of its worker beside it.
fn proxy_url(raw: &str) -> Option<(String, bool)> {
    match &values(raw)[..] {
        [] => Some((String::new(), false)),
        [url, _, ..] if url.contains("://") => Some((url.to_string(), false)),
        _ => section_path(raw).filter(|(_, tilde)| !tilde),
    }
}

pub(super) fn flag(statement: Statement<'_>) -> Option<bool> {
    statement.arg(0).map(|word| word.eq_ignore_ascii_case("on"))
}

/// Whether a path holds something that a template or an environment fills in.
pub(super) fn has_hole(path: &str) -> bool {
    ["${", "{{", "<%", "{%", "@", "%"].iter().any(|sign| path.contains(sign))
}

/// The methods of a list, as a bit mask sees them.
pub(super) fn covered(builder: &Builder<'_>, names: &str) -> MethodSet {
    values(names).iter().map(|name| builder.context.registry.covered(builder.context.universe, name)).collect()
}

/// `Dav On`, `Dav filesystem`, `Dav Off`.
pub(super) fn dav(value: &str) -> Dav {
    if value.eq_ignore_ascii_case("off") { Dav::Off } else { Dav::On }
}
