//! What serves requests: handlers, types, options, indexes, and what a `.htaccess` file may say.

use super::super::handlers::{Action, Handler, Script};
use super::super::htaccess::AllowOverride;
use super::super::section::{DirConfig, EncodedSlashes, OptionChange, Spelling};
use super::server::{dav, flag, number};
use super::{Builder, Within};
use crate::apache::read::Statement;
use crate::source::Spanned;

impl Builder<'_> {
    /// Carries out a directive about files and handlers; false for all others.
    pub(super) fn serving_statement(&mut self, name: &str, statement: Statement<'_>, section: &mut Within<'_, '_>) -> bool {
        let config = &mut *section.config;
        let span = statement.span();
        match name {
            "options" => self.options(statement, config),
            "dav" => self.dav(statement, config),
            "sethandler" => {
                config.handler = statement.arg(0).map(|name| Spanned::new(Handler::read(&name), span));
            }
            "addhandler" => add_handler(statement, config),
            "addtype" => add_type(statement, config),
            "addlanguage" | "addencoding" | "addcharset" | "addoutputfilter" | "addinputfilter" => {
                add_extensions(config, statement.args().get(1..).unwrap_or_default());
            }
            "forcetype" => config.rest_mut().forced_type = statement.arg(0).map(|kind| kind.into_owned()),
            "script" => self.script(statement, config),
            "action" => add_action(statement, config),
            "directoryindex" => directory_index(statement, config),
            "directoryslash" => config.rest_mut().slash = flag(statement),
            "fallbackresource" => config.rest_mut().fallback = statement.arg(0).map(|path| path.into_owned()),
            "checkspelling" | "checkcaseonly" => spelling(name, statement, config),
            "limitrequestbody" => config.rest_mut().body_limit = number(statement),
            "acceptpathinfo" => self.accept_path_info(statement, config),
            "allowencodedslashes" => self.encoded_slashes(statement, config),
            "allowoverride" => self.allow_override(statement, config),
            "allowoverridelist" => {
                let names = statement.args().into_iter().map(|name| name.into_owned());
                config.rest_mut().override_list = Some(names.filter(|name| !name.eq_ignore_ascii_case("none")).collect());
            }
            _ => return false,
        }
        true
    }

    fn dav(&mut self, statement: Statement<'_>, config: &mut DirConfig) {
        if self.lacks_provider(statement) {
            self.refuse(statement, "`Dav` needs the provider of mod_dav_fs, which is not loaded");
        } else if self.unknown_provider(statement) {
            self.refuse(statement, "`Dav` names a provider that no module has");
        } else {
            config.rest_mut().dav = Some(Spanned::new(dav(&statement.arg(0).unwrap_or_default()), statement.span()));
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

    fn script(&mut self, statement: Statement<'_>, config: &mut DirConfig) {
        let [method, path] = &statement.args()[..] else { return };
        if method == "TRACE" {
            return self.refuse(statement, "`Script` takes no TRACE");
        }
        let universe = self.context.universe;
        let methods = match &**method {
            "GET" | "HEAD" => self.context.registry.covered(universe, method),
            method => universe.only(method),
        };
        let script = Script { methods, get: method == "GET", path: path.to_string(), span: statement.span() };
        config.rest_mut().scripts.push(script);
    }

    fn accept_path_info(&mut self, statement: Statement<'_>, config: &mut DirConfig) {
        config.rest_mut().accepts_path_info = match statement.arg(0).unwrap_or_default().to_ascii_lowercase().as_str() {
            "on" => Some(true),
            "off" => Some(false),
            "default" => None,
            _ => return self.refuse(statement, "`AcceptPathInfo` is `On`, `Off` or `Default`"),
        };
    }

    fn encoded_slashes(&mut self, statement: Statement<'_>, config: &mut DirConfig) {
        config.rest_mut().encoded_slashes = match statement.arg(0).unwrap_or_default().to_ascii_lowercase().as_str() {
            "on" => Some(EncodedSlashes::Decoded),
            "off" => Some(EncodedSlashes::Refused),
            "nodecode" => Some(EncodedSlashes::Kept),
            _ => return self.refuse(statement, "`AllowEncodedSlashes` is `On`, `Off` or `NoDecode`"),
        };
    }

    fn allow_override(&mut self, statement: Statement<'_>, config: &mut DirConfig) {
        let words = statement.args();
        match AllowOverride::read(words.iter().map(|word| &**word)) {
            Ok(line) => config.rest_mut().overrides = Some(Spanned::new(line, statement.span())),
            Err(word) => self.refuse(statement, format!("`AllowOverride` has no class `{word}`")),
        }
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
}

fn add_handler(statement: Statement<'_>, config: &mut DirConfig) {
    let args = statement.args();
    let [handler, extensions @ ..] = &args[..] else { return };
    let handler = Spanned::new(Handler::read(handler), statement.span());
    let lines = extensions.iter().map(|extension| (bare_extension(extension), handler.clone()));
    config.rest_mut().extension_handlers.extend(lines);
    add_extensions(config, extensions);
}

fn add_type(statement: Statement<'_>, config: &mut DirConfig) {
    let args = statement.args();
    let [kind, extensions @ ..] = &args[..] else { return };
    let named = extensions.iter().map(|extension| (bare_extension(extension), kind.to_string()));
    config.rest_mut().extension_types.extend(named);
    add_extensions(config, extensions);
}

fn add_action(statement: Statement<'_>, config: &mut DirConfig) {
    let args = statement.args();
    let [name, path, rest @ ..] = &args[..] else { return };
    let is_virtual = rest.iter().any(|word| word.eq_ignore_ascii_case("virtual"));
    let action = Action { name: name.to_string(), path: path.to_string(), is_virtual, span: statement.span() };
    config.rest_mut().actions.push(action);
}

fn directory_index(statement: Statement<'_>, config: &mut DirConfig) {
    let index = config.rest_mut().index.get_or_insert_default();
    match &statement.args()[..] {
        [word] if word.eq_ignore_ascii_case("disabled") => index.clear(),
        names => index.extend(names.iter().map(|name| name.to_string())),
    }
}

fn spelling(name: &str, statement: Statement<'_>, config: &mut DirConfig) {
    let span = statement.span();
    let spelling = config.rest_mut().spelling.get_or_insert_with(|| Spanned::new(Spelling::default(), span));
    let on = flag(statement) == Some(true);
    if name == "checkspelling" {
        *spelling = Spanned::new(Spelling { on, ..spelling.value }, span);
    } else {
        spelling.value.case_only = on;
    }
}

fn bare_extension(written: &str) -> String {
    written.trim_start_matches('.').to_ascii_lowercase()
}

fn add_extensions(config: &mut DirConfig, written: &[std::borrow::Cow<'_, str>]) {
    config.rest_mut().extensions.extend(written.iter().map(|extension| bare_extension(extension)));
}
