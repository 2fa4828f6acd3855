//! The last hooks before the handler: rewrite rules of sections, redirects of sections, folders (`fixups`).

use super::super::site::rewrite::RewriteRule;
use super::rewrite::{Local, Rewritten, join_base};
use super::{End, Phase, Run};
use crate::ask::Fact;
use std::sync::Arc;

impl<'s> Run<'s, '_, '_> {
    pub(super) fn fixups(&mut self) -> Phase {
        self.security_request()?;
        self.negotiate()?;
        if self.has("rewrite") {
            self.rewrite_section()?;
        }
        if self.has("alias") {
            let path = self.mapping.url.path.clone();
            let own = |config: &'s super::DirConfig| {
                config.redirects.iter().rev().find(|redirect| matches!(redirect.from, super::super::site::redirect::From::All))
            };
            if let Some(redirect) = self.innermost(own) {
                self.redirects(std::iter::once(redirect), &path, "fixups")?;
            }
            let stack = self.mapping.stack.clone();
            let listed = stack.iter().rev().flat_map(|(_, config)| &config.redirects);
            let listed = listed.filter(|redirect| !matches!(redirect.from, super::super::site::redirect::From::All));
            self.redirects(listed, &path, "fixups")?;
        }
        if self.has("speling") {
            self.spelling()?;
        }
        // A rule of a section may have proxied what is a folder all the same.
        if !self.mapping.filename.is_empty() && self.has("dir") {
            self.folder()?;
        }
        Ok(())
    }

    /// The rules of the innermost section that has any line of mod_rewrite (`hook_fixup`).
    fn rewrite_section(&mut self) -> Phase {
        let configs = self.mapping.stack.iter().filter_map(|(_, config)| config.rewrite.as_deref());
        let configs: Vec<_> = configs.collect();
        let Some(last) = configs.last() else { return Ok(()) };
        let Some(folder) = &last.folder else { return Ok(()) };
        let engine = configs.iter().rev().find_map(|config| config.engine).is_some_and(|engine| engine.value);
        if !engine || self.mapping.ended {
            return Ok(());
        }
        if self.mapping.proxied.is_none()
            && !last.options.no_slash
            && folder.strip_suffix('/') == Some(self.mapping.filename.as_str())
        {
            return Ok(());
        }
        if !self.option("followsymlinks") && !self.option("symlinksifownermatch") {
            return Err(End::Status(403));
        }
        let mut rules: Vec<Arc<RewriteRule>> = Vec::new();
        let mut base_options = None::<super::super::site::rewrite::Options>;
        for config in &configs {
            let own = config.options;
            let inherits = own.inherit || base_options.is_some_and(|base| base.inherit_down && !own.ignore_inherit);
            let before = own.inherit_before || base_options.is_some_and(|base| base.inherit_down_before && !own.ignore_inherit);
            rules = if inherits {
                config.rules.iter().cloned().chain(rules).collect()
            } else if before {
                rules.into_iter().chain(config.rules.iter().cloned()).collect()
            } else {
                config.rules.clone()
            };
            if own.set {
                base_options = Some(own);
            }
        }
        if rules.is_empty() {
            return Ok(());
        }
        let start = match &self.mapping.proxied {
            Some(url) => format!("proxy:{url}"),
            None => self.mapping.filename.clone(),
        };
        let (base, folder) = (last.base.clone(), folder.clone());
        match self.rewrite(&rules, start.clone(), Some(&folder))? {
            Rewritten::Unchanged => Ok(()),
            Rewritten::Status(status) => Err(End::Status(status)),
            Rewritten::Redirect(status) => Err(End::Rewritten(status)),
            Rewritten::Proxy(..) if !self.has("proxy") => Err(End::Status(403)),
            Rewritten::Proxy(url, as_it_is) => {
                self.go_on(url, as_it_is);
                Ok(())
            }
            Rewritten::PassThrough(path) | Rewritten::Local(Local { path, .. }) => {
                self.redirect_inside(path, &start, &folder, base)
            }
            Rewritten::Unknown => self.rewrite_unknown(),
        }
    }

    /// A path that a section's rule made is looked up anew, as a path of the site, when its turn comes: the fixups of other
    /// modules go before.
    fn redirect_inside(&mut self, path: String, start: &str, folder: &str, base: Option<String>) -> Phase {
        if !path.starts_with('/') {
            return Err(End::Status(400));
        }
        if path == start {
            return Ok(());
        }
        let root = self.document_root().trim_end_matches('/');
        let below = |path: &str, root: &str| path.strip_prefix(root).filter(|rest| rest.starts_with('/')).map(str::to_owned);
        let found = match base {
            Some(base) => path.strip_prefix(folder).map(|rest| join_base(&base, rest)),
            None => below(&path, root),
        };
        let found = found.or_else(|| {
            let (prefix, aliased) = self.mapping.context?;
            below(&path, aliased.trim_end_matches('/')).map(|rest| format!("{}{rest}", prefix.trim_end_matches('/')))
        });
        let path = found.unwrap_or(path);
        self.mapping.inner_redirect = Some(match &self.mapping.url.query {
            Some(query) => format!("{path}?{query}"),
            None => path,
        });
        Ok(())
    }

    /// Whether an option of `Options` is on.
    pub(super) fn option(&self, name: &str) -> bool {
        let mut on = name == "followsymlinks";
        for change in self.mapping.stack.iter().filter_map(|(_, config)| config.rest.as_ref()).flat_map(|rest| &rest.options) {
            let all = change.on.iter().any(|word| word == "all") && name != "multiviews";
            if change.reset {
                on = false;
            }
            if change.on.iter().any(|word| word == name) || all {
                on = true;
            }
            if change.off.iter().any(|word| word == name) {
                on = false;
            }
        }
        on
    }

    /// mod_dir: a slash for folders, their index, a fallback for what does not exist.
    fn folder(&mut self) -> Phase {
        // The index of a folder is a file, unless rewrite rules made something else of it.
        if self.subrequest && self.mapping.url.path == self.mapping.url.raw && !self.mapping.local {
            return Ok(());
        }
        let filename = self.mapping.filename.clone();
        if self.is_folder(&filename) {
            return self.inside_folder(&filename);
        }
        if self.mapping.proxied.is_some() || self.mapping.inner_redirect.is_some() || self.takes_dav() {
            return Ok(());
        }
        // Whether the file exists is no matter where nothing stands in for it.
        match self.fallback() {
            Some(path) if self.named_handler().is_none() && !self.ask.fact(Fact::FileExists(filename.into()), false) => {
                self.fall_back(path)
            }
            _ => Ok(()),
        }
    }

    /// `FallbackResource` takes what is not there, and folders without an index.
    fn fallback(&self) -> Option<&'s str> {
        let fallback = self.innermost(|config| config.rest.as_ref()?.fallback.as_deref());
        fallback.filter(|path| !path.eq_ignore_ascii_case("disabled"))
    }

    fn fall_back(&mut self, path: &str) -> Phase {
        if self.subrequest {
            return Ok(());
        }
        match self.look_up(path, true) {
            // httpd looks for it in its own place, over and over.
            Ok(Looked::Missing) => Err(End::Status(500)),
            Err(end @ End::Rewritten(_)) => Err(end),
            Err(End::Status(status)) if !matches!(status, 200 | 404) => Err(End::Status(status)),
            _ => Ok(()),
        }
    }

    fn inside_folder(&mut self, filename: &str) -> Phase {
        if !self.mapping.url.path.ends_with('/') {
            let slash = self.innermost(|config| config.rest.as_ref()?.slash).unwrap_or(true);
            return if slash { Err(End::Status(301)) } else { Ok(()) };
        }
        if self.mapping.proxied.is_some() || self.mapping.inner_redirect.is_some() || self.takes_dav() {
            return Ok(());
        }
        let named = self.innermost(|config| config.rest.as_ref()?.index.as_ref());
        let default = ["index.html".to_owned()];
        let names = named.map_or(&default[..], |names| &names[..]);
        let (folder, filename) = (self.mapping.url.path.clone(), filename.to_owned());
        let mut refused = None;
        for (index, name) in names.iter().enumerate() {
            let path = if name.starts_with('/') { name.clone() } else { format!("{folder}{name}") };
            match self.look_up(&path, index == 0) {
                Ok(Looked::Found) => return Ok(()),
                Ok(Looked::Missing | Looked::Handled) => {}
                Err(end @ (End::Status(300..=399) | End::Rewritten(_))) => return Err(end),
                Err(End::Status(status @ (401 | 406))) if names.len() == 1 => return Err(End::Status(status)),
                Err(End::Status(200 | 404)) => {}
                Err(End::Status(status)) => refused = Some(status),
                Err(_) => {}
            }
        }
        self.mapping.filename = filename;
        match refused {
            Some(status) => Err(End::Status(status)),
            None => self.fallback().map_or(Ok(()), |path| self.fall_back(path)),
        }
    }

    /// What a GET of another path would be (`ap_sub_req_lookup_uri`). Where a file or the proxy answers it, the request takes
    /// its place; else all stays as it was.
    fn look_up(&mut self, path: &str, likely: bool) -> Phase<Looked> {
        if self.subrequest {
            return Ok(Looked::Missing);
        }
        let outer = self.enter(path);
        let looked = self.process_once();
        let found = match &looked {
            Ok(()) if self.mapping.proxied.is_some() => true,
            Ok(()) => {
                let file = self.mapping.filename.clone();
                self.ask.fact(Fact::FileExists(file.into()), likely)
            }
            Err(_) => false,
        };
        if found {
            self.stay(&outer);
            return Ok(Looked::Found);
        }
        let missing = if looked.is_ok() && self.named_handler().is_some() { Looked::Handled } else { Looked::Missing };
        self.leave(outer, looked.is_err());
        looked.map(|()| missing)
    }
}

/// What another path turned out to be.
enum Looked {
    Found,
    Missing,
    /// No file is there, but a handler is named for it.
    Handled,
}
