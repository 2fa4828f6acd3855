//! `Options MultiViews`: a file of another name stands for one that does not exist (`handle_multi` in
//! `modules/mappers/mod_negotiation.c`).

use super::{End, Phase, Run};
use crate::ask::Fact;

/// Extensions of the file of types that files of a site have.
const KNOWN: &[(&str, &str)] = &[
    ("html", "text/html"),
    ("htm", "text/html"),
    ("shtml", "text/html"),
    ("txt", "text/plain"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("xml", "application/xml"),
    ("xhtml", "application/xhtml+xml"),
    ("pdf", "application/pdf"),
    ("zip", "application/zip"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("svg", "image/svg+xml"),
    ("ico", "image/vnd.microsoft.icon"),
    ("webp", "image/webp"),
    ("mp4", "video/mp4"),
];

impl Run<'_, '_, '_> {
    pub(super) fn negotiate(&mut self) -> Phase {
        if self.mapping.proxied.is_some() || !self.has("negotiation") || !self.option("multiviews") {
            return Ok(());
        }
        let filename = self.mapping.filename.clone();
        let Some((folder, name)) = filename.rsplit_once('/').filter(|(_, name)| !name.is_empty()) else { return Ok(()) };
        if self.is_folder(&filename) || self.ask.fact(Fact::FileExists(filename.as_str().into()), true) {
            return Ok(());
        }
        let mut refused = false;
        for variant in self.ask.names_in(folder, &format!("{name}.")) {
            match self.is_acceptable(&variant[name.len() + 1..]) {
                None => continue,
                Some(false) => refused = true,
                // What is looked up for something else need not be looked at any closer.
                Some(true) if self.subrequest => {
                    self.mapping.filename = format!("{folder}/{variant}");
                    return Ok(());
                }
                Some(true) => {
                    let path = format!(
                        "{}{}",
                        self.mapping.url.path.strip_suffix(&self.mapping.path_info).unwrap_or(&self.mapping.url.path),
                        &variant[name.len()..]
                    );
                    let rest = self.mapping.path_info.clone();
                    let outer = self.enter(&path);
                    let looked = self.process_once();
                    if looked.is_ok() {
                        self.stay(&outer);
                        self.mapping.path_info = rest;
                        return Ok(());
                    }
                    self.leave(outer, false);
                }
            }
        }
        if refused { Err(End::Status(406)) } else { Ok(()) }
    }

    /// Whether the client takes a variant, by its extensions; `None` where one of them means nothing.
    fn is_acceptable(&mut self, extensions: &str) -> Option<bool> {
        let mut kind = None;
        for extension in extensions.to_ascii_lowercase().split('.') {
            let own = self.innermost(|config| {
                let types = &config.rest.as_ref()?.extension_types;
                types.iter().rev().find(|(known, _)| known == extension).map(|(_, kind)| kind.clone())
            });
            let listed = KNOWN.iter().find(|(known, _)| *known == extension).map(|(_, kind)| (*kind).to_owned());
            let meant = self.mapping.stack.iter().any(|(_, config)| {
                config.rest.as_ref().is_some_and(|rest| rest.extensions.iter().any(|known| known == extension))
            });
            match own.or(listed) {
                Some(named) => kind = Some(named),
                None if meant => {}
                None => return None,
            }
        }
        let (Some(accept), Some(kind)) = (self.header("accept"), kind) else { return Some(true) };
        let family = kind.split('/').next().unwrap_or("");
        let takes = |range: &str| {
            let range = range.split(';').next().unwrap_or("").trim();
            range == "*/*" || range == kind || range.strip_suffix("/*") == Some(family)
        };
        Some(accept.split(',').any(takes))
    }
}
