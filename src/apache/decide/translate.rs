//! From the path to what serves it: rewrite rules, `ProxyPass`, redirects, aliases, the document root (`translate_name`).

use super::super::site::proxy::{From as PassFrom, ProxyPass};
use super::super::site::redirect::{From as AliasFrom, Redirect, alias_matches};
use super::rewrite::{Local, Rewritten};
use super::{End, Phase, Run};
use crate::http::Part;
use crate::source::Span;

/// The URL that a `ProxyPass` makes of the path, and whether it goes on without being encoded anew.
struct Mapped {
    url: String,
    as_it_is: bool,
}

impl<'s> Run<'s, '_, '_> {
    pub(super) fn translate_name(&mut self) -> Phase {
        if self.mapping.url.raw == "*" {
            let options = self.ask.universe().only("OPTIONS");
            if self.has("rewrite") && self.method_is(options) && self.server.rewrite.options.any_uri {
                self.rewrite_server()?;
            }
            return Ok(());
        }
        if self.detect_proxy() {
            return Ok(());
        }
        if self.has("rewrite") && self.rewrite_server()? {
            return Ok(());
        }
        if self.has("proxy") && self.proxy_pass()? {
            return Ok(());
        }
        if self.has("alias") {
            let path = self.mapping.url.path.clone();
            self.section_redirect(&path)?;
            let (site, server) = (self.site, self.server);
            let main = if std::ptr::eq(site.main(), server) { &[][..] } else { &site.main().redirects[..] };
            self.redirects(server.redirects.iter().chain(main), &path, "translate_name")?;
            if self.alias() {
                return Ok(());
            }
        }
        if self.has("userdir") && self.user_folder()? {
            return Ok(());
        }
        if self.has("vhost_alias") && self.host_folder() {
            return Ok(());
        }
        let root = self.document_root().trim_end_matches('/').to_owned();
        self.mapping.filename = root + &self.mapping.url.path;
        self.mapped_by =
            self.site.inherited(self.server, |server| server.document_root.as_ref()).map(|root| ("DocumentRoot", root.span));
        Ok(())
    }

    pub(super) fn document_root(&self) -> &'s str {
        let (site, server) = (self.site, self.server);
        site.inherited(server, |server| server.document_root.as_ref()).map_or("/var/www/html", |root| root.value.as_str())
    }

    /// Rules of the server; true where they settle what serves the request.
    fn rewrite_server(&mut self) -> Phase<bool> {
        let rewrite = &self.server.rewrite;
        let engine = self.innermost(|config| config.rewrite.as_ref()?.engine).is_some_and(|engine| engine.value);
        // A virtual host without a line of its own has no rules, not even inherited ones.
        let own = std::ptr::eq(self.server, self.site.main()) || rewrite.touched;
        if !engine || !own || self.mapping.ended {
            return Ok(false);
        }
        let rules = rewrite.merged.as_ref().unwrap_or(&rewrite.rules);
        if rules.is_empty() || !self.mapping.url.path.starts_with('/') && !rewrite.options.any_uri {
            return Ok(false);
        }
        let start = self.mapping.url.path.clone();
        match self.rewrite(rules, start, None)? {
            Rewritten::Unchanged => Ok(false),
            Rewritten::Status(status) => Err(End::Status(status)),
            Rewritten::Redirect(status) => Err(End::Rewritten(status)),
            Rewritten::Proxy(..) if !self.has("proxy") => Err(End::Status(403)),
            Rewritten::Proxy(url, as_it_is) => {
                self.go_on(url, as_it_is);
                Ok(true)
            }
            Rewritten::PassThrough(path) => {
                self.mapping.url.path = path;
                Ok(false)
            }
            Rewritten::Local(local) => {
                self.mapping.excluded = self.last_step("RewriteRule");
                self.local_file(local)?;
                Ok(true)
            }
            Rewritten::Unknown => self.rewrite_unknown(),
        }
    }

    /// A rewritten path is a file's where its first folder exists, else it lies below the document root (`prefix_stat`).
    fn local_file(&mut self, local: Local) -> Phase {
        let Local { path, literal, reduced } = local;
        if !path.starts_with('/') {
            return Err(End::Status(400));
        }
        let first = path[1..].find('/').map_or(path.as_str(), |end| &path[..=end]);
        let root = self.document_root().trim_end_matches('/').to_owned();
        let spelled_out = || literal.starts_with(first) || path.starts_with(&root);
        let absolute = first.len() > 1
            && !reduced
            && spelled_out()
            && (path.starts_with(&root) && !root.is_empty()
                || self.ask.fact(crate::ask::Fact::FolderExists(first.into()), false));
        self.mapping.filename = if absolute { path } else { root + &path };
        self.mapping.local = true;
        Ok(())
    }

    /// Sends the request to a URL that a rewrite rule made.
    pub(super) fn go_on(&mut self, url: String, as_it_is: bool) {
        self.mapping.as_it_is = as_it_is;
        self.mapping.proxied = Some(match self.mapping.url.query.as_deref().filter(|_| as_it_is) {
            Some(query) => format!("{url}?{query}"),
            None => url,
        });
    }

    /// `ProxyPass`: that of the innermost Location, then the server's list, the main server's lines first.
    pub(super) fn proxy_pass(&mut self) -> Phase<bool> {
        if !self.mapping.url.path.starts_with('/') {
            return Ok(false);
        }
        let before = self.steps.len();
        if self.env_value("no-proxy", 0).is_some() {
            self.mapping.excluded = (self.steps.len() > before).then_some(before);
            return Ok(false);
        }
        let (site, server) = (self.site, self.server);
        let main = if std::ptr::eq(site.main(), server) { &[][..] } else { &site.main().proxies[..] };
        let location = self.innermost(|config| config.proxy_pass.as_deref());
        for pass in location.into_iter().chain(main).chain(&server.proxies) {
            let Some(mapped) = self.pass_matches(pass) else { continue };
            let note = if mapped.is_some() { "sends the request on" } else { "keeps the request here" };
            let step = self.step("translate_name", "ProxyPass", pass.span, note);
            match mapped {
                Some(Mapped { url, as_it_is }) => {
                    self.decided = Some(step);
                    self.mapping.as_it_is = as_it_is;
                    self.mapping.proxied = Some(url);
                    return Ok(true);
                }
                None => {
                    self.mapping.excluded = Some(step);
                    return Ok(false);
                }
            }
        }
        Ok(false)
    }

    /// What a line maps the path to; the inner `None` for `!` (`ap_proxy_trans_match`).
    fn pass_matches(&mut self, pass: &ProxyPass) -> Option<Option<Mapped>> {
        // With `nocanon` the target goes on as the client wrote it, unless the line does not match that as well.
        let written = pass.no_canon.then(|| self.target_as_written());
        let raw = written.as_deref();
        let path = &*self.mapping.url.path;
        match &pass.from {
            PassFrom::Prefix(from) => {
                let length = alias_matches(path, from).filter(|length| *length > 0)?;
                let Some(to) = &pass.to else { return Some(None) };
                let raw = raw.filter(|raw| alias_matches(raw, from) == Some(length));
                let url = format!("{to}{}", &raw.unwrap_or(path)[length..]);
                Some(Some(Mapped { url, as_it_is: raw.is_some() }))
            }
            PassFrom::Pattern(pattern) => {
                let groups = match pattern.groups(path) {
                    Some(groups) => groups?,
                    None => {
                        self.ask.doubt("the pattern of `ProxyPassMatch` cannot be tested here");
                        let source = pattern.source().to_owned();
                        if !self.suppose(&format!("`{source}` matches the path"), false) {
                            return None;
                        }
                        Default::default()
                    }
                };
                let Some(to) = &pass.to else { return Some(None) };
                let of_raw = raw.and_then(|raw| Some((raw, pattern.groups(raw)??)));
                let as_it_is = of_raw.is_some();
                let (subject, groups) = of_raw.unwrap_or((&self.mapping.url.path, groups));
                let filled = fill_groups(to, &groups);
                let url = if *filled == **to { format!("{to}{subject}") } else { filled };
                Some(Some(Mapped { url, as_it_is }))
            }
        }
    }

    /// The target with its query, not decoded.
    fn target_as_written(&self) -> String {
        match &self.mapping.url.query {
            Some(query) => format!("{}?{query}", self.mapping.url.raw),
            None => self.mapping.url.raw.clone(),
        }
    }

    /// The innermost `Redirect` of a section without a path.
    fn section_redirect(&mut self, path: &str) -> Phase {
        let own =
            |config: &'s super::DirConfig| config.redirects.iter().rev().find(|redirect| matches!(redirect.from, AliasFrom::All));
        match self.innermost(own) {
            Some(redirect) => self.redirects(std::iter::once(redirect), path, "translate_name"),
            None => Ok(()),
        }
    }

    /// Answers with the first of the redirects that takes the path.
    pub(super) fn redirects<'r>(
        &mut self,
        redirects: impl Iterator<Item = &'r Redirect>,
        path: &str,
        phase: &'static str,
    ) -> Phase {
        for redirect in redirects {
            let takes = match &redirect.from {
                AliasFrom::All => true,
                AliasFrom::Prefix(from) => alias_matches(path, from).is_some_and(|length| length > 0),
                AliasFrom::Pattern(pattern) => match pattern.matches(path) {
                    Some(takes) => takes,
                    None => {
                        self.ask.doubt("the pattern of a redirect cannot be tested here");
                        let source = pattern.source().to_owned();
                        self.suppose(&format!("`RedirectMatch {source}` matches the path"), false)
                    }
                },
            };
            if takes {
                let status = redirect.status;
                return self.decided(phase, "Redirect", redirect.span, "answers by itself", End::Status(status));
            }
        }
        Ok(())
    }

    /// `Alias` and `ScriptAlias`.
    fn alias(&mut self) -> bool {
        let (site, server) = (self.site, self.server);
        if let Some(alias) = self.innermost(|config| config.rest.as_ref()?.alias.as_ref()) {
            // An alias of a section is the file for all paths of the section, unless `AliasPreservePath` keeps the rest.
            let keeps = self.innermost(|config| config.rest.as_ref()?.alias_keeps_path).unwrap_or(false);
            let below = if keeps { self.section_rest() } else { String::new() };
            let path = match self.text(&alias.value, &super::values::Matched::default()) {
                super::values::Value::Plain(path) => path,
                _ => String::new(),
            };
            self.mapping.filename = format!("{path}{below}");
            return true;
        }
        let main = if std::ptr::eq(site.main(), server) { &[][..] } else { &site.main().aliases[..] };
        for alias in server.aliases.iter().chain(main) {
            let file = match &alias.from {
                AliasFrom::All => None,
                AliasFrom::Prefix(from) => {
                    let length = alias_matches(&self.mapping.url.path, from).filter(|length| *length > 0);
                    length.map(|length| (Some(from.as_str()), format!("{}{}", alias.to, &self.mapping.url.path[length..])))
                }
                AliasFrom::Pattern(pattern) => {
                    pattern.groups(&self.mapping.url.path).flatten().map(|groups| (None, fill_groups(&alias.to, &groups)))
                }
            };
            if let Some((prefix, file)) = file {
                self.mapping.filename = file;
                self.mapping.context = prefix.map(|prefix| (prefix, alias.to.as_str()));
                self.mapping.script_alias = alias.script.then_some(alias.span);
                self.mapped_by = Some(("Alias", alias.span));
                return true;
            }
        }
        false
    }

    /// What follows the path of the innermost Location that sets an alias.
    fn section_rest(&self) -> String {
        let sections = super::super::select::sections(self.site, self.server, |server| &server.locations);
        let own = sections.filter(|section| section.config.rest.as_ref().is_some_and(|rest| rest.alias.is_some()));
        let paths = own.filter_map(|section| match &section.matcher {
            super::super::site::section::Matcher::Path(path) => self.mapping.url.path.strip_prefix(path.as_str()),
            _ => None,
        });
        paths.last().unwrap_or("").to_owned()
    }

    /// Where nothing has decided yet, what took the request off an application did, or else what mapped it to a file: so it
    /// came to the core's own handler.
    pub(super) fn excluded_by(&mut self, note: &'static str) {
        if self.decided.is_some() {
            return;
        }
        self.decided = match (self.mapping.excluded, self.mapped_by) {
            (Some(step), _) => Some(step),
            (None, Some((directive, span))) => {
                let step = self.step("handler", directive, span, note);
                self.plays(Part::Habit);
                Some(step)
            }
            (None, None) => None,
        };
    }

    /// `ProxyRequests`: a target with a scheme is a forward proxy's, unless a host here has the name (`proxy_detect`).
    fn detect_proxy(&mut self) -> bool {
        let Some(on) = self.site.inherited(self.server, |server| server.proxy_requests).filter(|on| on.value) else {
            return false;
        };
        let request = self.ask.request();
        let connect = self.ask.universe().only("CONNECT");
        let target = request.target.clone();
        if self.method_is(connect) && !target.starts_with('/') {
            self.forward_proxy(on.span, target);
            return true;
        }
        let Some((scheme, rest)) = target.split_once("://") else { return false };
        let host = rest.split(['/', '?']).next().unwrap_or("");
        let default = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
        let (name, port) = host.rsplit_once(':').map_or((host, default), |(name, port)| (name, port.parse().unwrap_or(0)));
        let own_port = self.ask.request().port == port || self.server.names.name_port == Some(port);
        if own_port && self.is_own_name(name) && scheme.eq_ignore_ascii_case(&self.ask.request().scheme) {
            return false;
        }
        self.forward_proxy(on.span, target);
        true
    }

    fn forward_proxy(&mut self, span: Span, target: String) {
        let step = self.step("translate_name", "ProxyRequests", span, "sends the request on");
        self.decided = Some(step);
        self.mapping.proxied = Some(target);
    }
}

/// `$1` in the target of a pattern; `&` is the whole match only for `ap_pregsub`'s `$0`.
pub(super) fn fill_groups(to: &str, groups: &crate::pattern::Groups) -> String {
    let mut filled = String::with_capacity(to.len() + 16);
    let mut signs = to.chars().peekable();
    while let Some(sign) = signs.next() {
        match (sign, signs.peek()) {
            ('\\', Some('$' | '&')) => filled.extend(signs.next()),
            ('$', Some(digit)) if digit.is_ascii_digit() => {
                let number = digit.to_digit(10).unwrap_or(0) as usize;
                signs.next();
                filled.push_str(groups.numbered.get(number).and_then(Option::as_deref).unwrap_or(""));
            }
            _ => filled.push(sign),
        }
    }
    filled
}
