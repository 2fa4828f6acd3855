//! The modules that a config loads.

use std::collections::HashMap;

use crate::grammar::APACHE;

/// Modules by identifier (`proxy_module`), with the moment at which each was loaded.
#[derive(Clone, Debug)]
pub(in crate::apache) struct Modules {
    /// Where the LoadModule lines are out of sight: every module counts as loaded.
    all: bool,
    /// What is built in was there before the first line.
    loaded: HashMap<String, usize>,
}

/// What Debian's and Red Hat's httpd have built in.
const BUILT_IN: &[&str] = &["core", "so", "http", "watchdog", "log_config", "logio", "version", "unixd", "systemd"];

impl Default for Modules {
    fn default() -> Self {
        let built_in = BUILT_IN.iter().enumerate().map(|(moment, name)| ((*name).to_owned(), moment));
        Modules { all: false, loaded: built_in.collect() }
    }
}

impl Modules {
    pub(in crate::apache) fn named() -> Self {
        Modules::default()
    }

    pub(in crate::apache) fn all() -> Self {
        Modules { all: true, ..Modules::default() }
    }

    pub(super) fn load(&mut self, identifier: &str) {
        let moment = self.loaded.len();
        let name = identifier.strip_suffix("_module").unwrap_or(identifier);
        self.loaded.entry(name.to_owned()).or_insert(moment);
    }

    /// Whether the lines that were read are all there are: httpd does not start without an MPM, so where none is loaded, the
    /// line that does it is out of sight, or modules are built in, nobody knows which.
    pub(super) fn are_all_named(&self) -> bool {
        self.loaded.keys().any(|name| name.starts_with("mpm_"))
    }

    pub(super) fn len(&self) -> usize {
        self.loaded.len()
    }

    /// The names of all that are loaded.
    pub(in crate::apache) fn loaded(&self) -> impl Iterator<Item = &str> {
        self.loaded.keys().map(String::as_str)
    }

    /// Whether a module is one of httpd's own that define no directive.
    pub(in crate::apache) fn is_standard(name: &str) -> bool {
        STANDARD.contains(&name) || BUILT_IN.contains(&name)
    }

    /// Whether it is known which modules are loaded.
    pub(in crate::apache) fn are_known(&self) -> bool {
        !self.all
    }

    /// Whether, besides, all of them are modules whose directives are known.
    pub(in crate::apache) fn are_all_known(&self) -> bool {
        let named = |name: &str| APACHE.entries().iter().any(|entry| entry.module.strip_prefix("mod_") == Some(name));
        const SILENT: &[&str] = &["mpm_event", "mpm_worker", "mpm_prefork", "ldap", "php", "php5", "php7"];
        !self.all && self.loaded().all(|name| SILENT.contains(&name) || Modules::is_standard(name) || named(name))
    }

    /// Whether a module, by its name without `mod_` and `_module`, is loaded in the end.
    pub(in crate::apache) fn has(&self, name: &str) -> bool {
        self.all || self.loaded.contains_key(name)
    }

    /// Whether it was loaded when only the first `count` modules were.
    pub(in crate::apache) fn had(&self, name: &str, count: usize) -> bool {
        self.all || self.loaded.get(name).is_some_and(|moment| *moment < count)
    }

    /// What `<IfModule>` asks: an identifier or the name of a source file, in exact case.
    pub(super) fn answers(&self, written: &str) -> bool {
        if let Some(name) = written.strip_suffix("_module") {
            return self.has(name);
        }
        let Some(file) = written.strip_suffix(".c") else { return false };
        match file {
            "core" | "http_core" | "unixd" | "mod_unixd" => true,
            "prefork" | "worker" | "event" => self.has(&format!("mpm_{file}")),
            "mod_security2" | "mod_security" => self.has("security2"),
            "mod_php5" | "mod_php7" | "mod_php" | "sapi_apache2" => ["php5", "php7", "php"].iter().any(|name| self.has(name)),
            _ => file.strip_prefix("mod_").is_some_and(|name| self.has(name)),
        }
    }
}

/// Modules of httpd itself that define no directive.
const STANDARD: &[&str] = &[
    "asis",
    "authz_host",
    "cgi",
    "data",
    "lbmethod_bybusyness",
    "lbmethod_byrequests",
    "lbmethod_bytraffic",
    "optional_hook_export",
    "proxy_ajp",
    "proxy_balancer",
    "proxy_fdpass",
    "proxy_http",
    "proxy_http2",
    "proxy_uwsgi",
    "proxy_wstunnel",
    "ratelimit",
    "slotmem_plain",
    "slotmem_shm",
    "socache_dbm",
    "socache_shmcb",
    "status",
    "unique_id",
    "authn_anon",
    "authz_groupfile",
    "systemd",
    "heartmonitor",
    "bucketeer",
    "case_filter",
    "case_filter_in",
    "authz_user",
    "proxy_connect",
];
