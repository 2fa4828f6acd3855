//! Who makes the response (`ap_invoke_handler`).

use super::super::site::handlers::Handler;
use super::{End, Phase, Run};
use crate::ask::Fact;
use crate::http::Part;

const ONLY_READS: &str = "leaves the request to the handler of files, which only reads";

impl<'s> Run<'s, '_, '_> {
    pub(super) fn invoke_handler(&mut self) -> Phase {
        if let Some(path) = self.mapping.inner_redirect.take() {
            return Err(End::Again(path));
        }
        if self.mapping.proxied.is_some() {
            return self.proxy_handler();
        }
        if self.takes_dav() {
            self.dav_handler()?;
        }
        if let Some(handler) = self.named_handler() {
            match handler {
                Handler::Proxy(url) => {
                    let path = self.existing_path();
                    // A URL with a path of its own is the whole of it (`proxy_handler`).
                    self.mapping.proxied = Some(url + &path);
                    return self.proxy_handler();
                }
                Handler::Named(name) => self.named(&name)?,
                Handler::Unknown => {
                    self.ask.doubt("an expression names the handler");
                }
                Handler::Off => {}
            }
        }
        self.script()?;
        self.default_handler()
    }

    /// The file's name ends where the first folder is missing; the rest of the path is no part of it.
    fn existing_path(&mut self) -> String {
        let path = self.mapping.filename.clone();
        let root = self.document_root().trim_end_matches('/').len();
        let slashes: Vec<usize> = path.match_indices('/').map(|(index, _)| index).filter(|index| *index > root).collect();
        for end in slashes {
            if !self.ask.fact(Fact::FolderExists(path[..end].into()), true) {
                return path[..end].to_owned();
            }
        }
        path
    }

    /// `SetHandler` goes before `AddHandler`, and a rewrite rule's `[H]` before both.
    pub(super) fn named_handler(&mut self) -> Option<Handler> {
        if let Some(name) = &self.mapping.handler {
            return Some(Handler::read(name));
        }
        if let Some(handler) = self.innermost(|config| config.handler.as_ref()) {
            self.step("fixups", "SetHandler", handler.span, "names the handler");
            self.plays(Part::Habit);
            return (handler.value != Handler::Off).then(|| handler.value.clone());
        }
        if self.mapping.script_alias.is_some() {
            return Some(Handler::Named("cgi-script".to_owned()));
        }
        self.extension_handler()
    }

    /// Every extension of the file's name counts; the last one with a handler wins.
    fn extension_handler(&mut self) -> Option<Handler> {
        let any = self
            .mapping
            .stack
            .iter()
            .any(|(_, config)| config.rest.as_ref().is_some_and(|rest| !rest.extension_handlers.is_empty()));
        if !any || !self.has("mime") {
            return None;
        }
        let name = self.mapping.filename.rsplit('/').next().unwrap_or("").to_ascii_lowercase();
        let extensions: Vec<&str> = name.split('.').skip(1).collect();
        let found = extensions.iter().rev().find_map(|extension| {
            self.innermost(|config| {
                let handlers = &config.rest.as_ref()?.extension_handlers;
                handlers.iter().rev().find(|(known, _)| known == extension).map(|(_, handler)| handler)
            })
        })?;
        (self.ask.sees_disk() || self.parents_exist()).then(|| found.value.clone())
    }

    /// Handlers that decline a method leave the request to the default handler.
    fn named(&mut self, name: &str) -> Phase {
        let universe = self.ask.universe();
        let get = universe.set(["GET", "HEAD"]);
        let get_or_post = universe.set(["GET", "HEAD", "POST"]);
        match name {
            "server-status" if self.has("status") => self.answers(get),
            "server-info" if self.has("info") => self.answers(get),
            "balancer-manager" if self.has("proxy_balancer") => self.answers(get_or_post),
            "reflector" if self.has("reflector") => {
                let ok = self.ask.universe().set(["POST", "OPTIONS"]);
                if self.method_is(ok) {
                    return Err(End::Status(200));
                }
                self.decided = self.last_step("SetHandler");
                Err(End::Status(405))
            }
            "type-map" if self.has("negotiation") => self.answers(get_or_post),
            "cgi-script" | "application/x-httpd-cgi" if self.has("cgi") || self.has("cgid") => self.cgi(),
            _ => Ok(()),
        }
    }

    fn answers(&mut self, methods: crate::http::MethodSet) -> Phase {
        if self.method_is(methods) {
            return Err(End::Status(200));
        }
        self.mapping.excluded = self.last_step("SetHandler").or(self.mapping.excluded);
        Ok(())
    }

    /// A script gets every method; it needs `Options ExecCGI` unless `ScriptAlias` names its folder.
    fn cgi(&mut self) -> Phase {
        let file: std::sync::Arc<str> = self.mapping.filename.as_str().into();
        let alias = self.mapping.script_alias;
        if alias.is_none() && !self.option("execcgi") {
            return Err(End::Status(403));
        }
        if self.is_folder(&file) {
            return match alias {
                Some(span) => {
                    self.decided("handler", "ScriptAlias", span, "leads to a folder, which is no script", End::Status(403))
                }
                None => Err(End::Status(403)),
            };
        }
        let refuses_rest = self.innermost(|config| config.rest.as_ref()?.accepts_path_info) == Some(false);
        if !self.ask.fact(Fact::FileExists(file.clone()), true) || (refuses_rest && !self.mapping.path_info.is_empty()) {
            return Err(End::Status(404));
        }
        if !self.ask.fact(Fact::ProgramRuns(file), true) {
            return Err(End::Status(500));
        }
        self.ask.doubt("what the script answers is not known");
        Err(End::Status(200))
    }

    /// `Script` and `Action` send the request to another path (`modules/mappers/mod_actions.c`).
    fn script(&mut self) -> Phase {
        if !self.has("actions") {
            return Ok(());
        }
        let stack = self.mapping.stack.clone();
        let rests = || stack.iter().rev().filter_map(|(_, config)| config.rest.as_ref());
        let mut to = None;
        for script in rests().flat_map(|rest| rest.scripts.iter().rev()) {
            if script.get && self.mapping.url.query.is_none() {
                continue;
            }
            if self.method_is(script.methods) {
                to = Some((&script.path, script.span, "Script"));
                break;
            }
        }
        let handler = match self.named_handler() {
            Some(Handler::Named(name)) => Some(name),
            Some(_) => None,
            None => self.content_type(),
        };
        if let Some(name) = handler
            && let Some(action) = rests().flat_map(|rest| rest.actions.iter().rev()).find(|action| action.name == name)
        {
            if !action.is_virtual && !self.ask.fact(Fact::FileExists(self.mapping.filename.as_str().into()), true) {
                return Err(End::Status(404));
            }
            to = Some((&action.path, action.span, "Action"));
        }
        // A script that leads to itself ends with the second redirect inside.
        let Some((path, span, directive)) = to.filter(|(.., directive)| *directive == "Action" || self.loops < 2) else {
            return Ok(());
        };
        self.step("handler", directive, span, "hands the request to another path");
        let mut target = format!("{path}{}", self.mapping.url.path);
        if let Some(query) = &self.mapping.url.query {
            target = format!("{target}?{query}");
        }
        Err(End::Again(target))
    }

    /// The core's own handler: files for GET and POST, 200 for OPTIONS, 405 for other methods that have a number, 501 for the
    /// rest (`default_handler` in `server/core.c`).
    fn default_handler(&mut self) -> Phase {
        let universe = self.ask.universe();
        let (options, served) = (universe.only("OPTIONS"), universe.set(["GET", "HEAD", "POST"]));
        let get = universe.set(["GET", "HEAD"]);
        self.check_body()?;
        if self.method_is(options) {
            return Err(End::Status(200));
        }
        if self.method_is(self.site.registry.unregistered) {
            self.excluded_by(ONLY_READS);
            return Err(End::Status(501));
        }
        if !self.method_is(served) {
            self.excluded_by(ONLY_READS);
            return Err(End::Status(405));
        }
        let file = self.mapping.filename.clone();
        if file.ends_with('/') || self.ask.fact(Fact::FolderExists(file.as_str().into()), false) {
            return self.listing(&file, get);
        }
        let rest =
            self.mapping.path_info.is_empty() || self.innermost(|config| config.rest.as_ref()?.accepts_path_info) == Some(true);
        let found = self.ask.fact(Fact::FileExists(file.into()), true);
        if !found || !rest {
            return Err(End::Status(404));
        }
        self.excluded_by("leaves the request to the handler of files");
        Err(End::Status(self.conditional(get)))
    }

    /// What a client asks for about a file that is there (`ap_meets_conditions`, `ap_byterange_filter`).
    fn conditional(&mut self, get: crate::http::MethodSet) -> u16 {
        if self.header("if-none-match").is_some_and(|tags| &*tags == "*") && self.method_is(get) {
            return 304;
        }
        if self.breaks_condition(true) {
            return 412;
        }
        let range = self.header("range");
        let from_start = range.as_deref().and_then(|range| range.strip_prefix("bytes=0-"));
        if from_start.is_some_and(|end| end.bytes().all(|c| c.is_ascii_digit())) { 206 } else { 200 }
    }

    /// `LimitRequestBody`, where a handler reads the body.
    pub(super) fn check_body(&mut self) -> Phase {
        const DEFAULT: u64 = 1 << 30;
        let limit = self.innermost(|config| config.rest.as_ref()?.body_limit).unwrap_or(DEFAULT);
        let length = self.header("content-length").and_then(|length| length.parse::<u64>().ok());
        if limit > 0 && length.is_some_and(|length| length > limit) {
            return Err(End::Status(413));
        }
        Ok(())
    }

    /// The type that the config gives the file.
    fn content_type(&mut self) -> Option<String> {
        if let Some(kind) = self.innermost(|config| config.rest.as_ref()?.forced_type.as_deref()) {
            return Some(kind.to_owned());
        }
        let name = self.mapping.filename.rsplit('/').next().unwrap_or("").to_ascii_lowercase();
        name.split('.').skip(1).collect::<Vec<_>>().into_iter().rev().find_map(|extension| {
            self.innermost(|config| {
                let types = &config.rest.as_ref()?.extension_types;
                types.iter().rev().find(|(known, _)| known == extension).map(|(_, kind)| kind.clone())
            })
        })
    }

    /// A folder without an index: mod_autoindex lists it, for GET only.
    fn listing(&mut self, folder: &str, get: crate::http::MethodSet) -> Phase {
        if !self.has("autoindex") || !self.method_is(get) || !self.is_folder(folder) {
            return Err(End::Status(404));
        }
        Err(End::Status(if self.option("indexes") { 200 } else { 403 }))
    }
}
