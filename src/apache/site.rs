//! The config as httpd understands it: servers, their sections and what each section sets.
//!
//! Nothing is merged here. httpd merges the sections that a request meets; the interpreter keeps them as a stack and asks for
//! the innermost one that sets a thing, see [`super::decide`].

pub(super) mod access;
pub(super) mod authn;
pub(super) mod authz;
mod build;
pub(super) mod handlers;
pub(super) mod headers;
pub(super) mod htaccess;
pub(super) mod methods;
pub(super) mod patterns;
pub(super) mod proxy;
pub(super) mod redirect;
pub(super) mod rewrite;
pub(super) mod section;
pub(super) mod security;
pub(super) mod setenvif;
pub(super) mod statuses;
pub(super) mod userdir;
pub(super) mod vhost;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use self::htaccess::Folder;
use self::methods::Registry;
use self::proxy::{Balancer, ProxyPass};
use self::redirect::{Alias, Redirect};
use self::rewrite::RewriteServer;
use self::section::{DirConfig, Section};
use self::setenvif::SetEnvIf;
use self::userdir::UserDirs;
use self::vhost::{Hosts, Names};
use super::read::Config;
use crate::finding::Finding;
use crate::http::Universe;
use crate::source::{Span, Spanned};
use crate::syntax::Tree;

pub(super) use build::build;

/// A config, ready to meet requests.
#[derive(Debug)]
pub(super) struct ApacheSite {
    pub(super) trees: Vec<Arc<Tree>>,
    /// The statements that it was made from.
    pub(super) config: Config,
    /// Whether they are those of a `.htaccess` file alone.
    pub(super) is_htaccess: bool,
    /// The release of httpd that the config is for.
    pub(super) release: crate::server::Release,
    pub(super) universe: Universe,
    pub(super) registry: Registry,
    /// The main server first, then the virtual hosts in the order of the config.
    pub(super) servers: Vec<Server>,
    pub(super) hosts: Hosts,
    pub(super) balancers: HashMap<String, Balancer>,
    pub(super) listens: Vec<Listen>,
    /// What was found while reading.
    pub(super) findings: Vec<Finding>,
    pub(super) candidates: super::candidates::Values,
    pub(super) security: security::Security,
    /// Folders with a `.htaccess` file, without a slash at their end.
    pub(super) folders: BTreeMap<String, Folder>,
}

#[derive(Clone, Debug)]
pub(super) struct Listen {
    pub(super) address: Option<String>,
    pub(super) port: u16,
}

/// The main server or one virtual host.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub(super) span: Option<Span>,
    /// The place in the list of servers.
    pub(super) index: usize,
    pub(super) names: Names,
    /// `ServerPath`.
    pub(super) path: Option<String>,
    pub(super) document_root: Option<Spanned<String>>,
    /// `VirtualDocumentRoot`.
    pub(super) root_by_host: Option<Spanned<String>>,
    pub(super) trace: Option<Spanned<Trace>>,
    pub(super) protocol: ProtocolOptions,
    pub(super) rewrite: RewriteServer,
    pub(super) proxies: Vec<ProxyPass>,
    pub(super) proxy_requests: Option<Spanned<bool>>,
    pub(super) connect_ports: Option<Vec<u16>>,
    pub(super) redirects: Vec<Redirect>,
    pub(super) aliases: Vec<Alias>,
    pub(super) user_dirs: Option<Spanned<UserDirs>>,
    pub(super) env: Vec<SetEnvIf>,
    /// What stands outside of all sections.
    pub(super) defaults: DirConfig,
    pub(super) directories: Vec<Section>,
    pub(super) locations: Vec<Section>,
    pub(super) proxy_sections: Vec<Section>,
    pub(super) ssl_proxy: Option<Spanned<bool>>,
    pub(super) ssl: bool,
    pub(super) strict_host: Option<bool>,
    pub(super) merge_slashes: Option<bool>,
    pub(super) early_headers: Vec<headers::HeaderEdit>,
    pub(super) limits: Limits,
}

/// `LimitRequestLine`, `LimitRequestFieldSize` and `LimitRequestFields`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    pub(super) line: Option<usize>,
    pub(super) field: Option<usize>,
    pub(super) fields: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trace {
    Off,
    On,
    Extended,
}

/// `HttpProtocolOptions`; what is not set is inherited as a whole.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ProtocolOptions {
    pub(super) registered: Option<Spanned<bool>>,
    pub(super) strict: Option<Spanned<bool>>,
}

impl ApacheSite {
    pub(super) fn main(&self) -> &Server {
        &self.servers[0]
    }

    /// The value of a setting that a virtual host inherits from the main server.
    pub(super) fn inherited<'s, T>(&'s self, server: &'s Server, of: impl Fn(&'s Server) -> Option<T>) -> Option<T> {
        of(server).or_else(|| of(self.main()))
    }
}

/// A mistake of one directive, as httpd words it or nearly so.
pub(super) type Refused = String;

/// What a config's reader passes to those who read single directives.
pub(super) struct Context<'c> {
    pub(super) config: &'c Config,
    pub(super) universe: &'c Universe,
    pub(super) registry: &'c Registry,
    pub(super) patterns: patterns::Patterns,
    pub(super) findings: Vec<Finding>,
}
