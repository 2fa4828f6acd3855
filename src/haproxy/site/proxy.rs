//! Proxies: the sections `defaults`, `frontend`, `backend` and `listen` (src/cfgparse-listen.c).

mod lines;
mod values;

use std::sync::Arc;

pub(in crate::haproxy::site) use self::lines::need;
use super::acl::{Acl, Condition};
use super::action::{Rule, Set};
use super::bind::Bind;
use super::build::{Refused, Word, words};
use super::capture::Slot;
use super::check_steps::CheckSteps;
use super::errors::ErrorPages;
use super::format::Format;
use super::persistence::{PersistRule, Persistence};
use super::section::SectionBuilder;
use super::server::{HealthCheck, Server, ServerDefaults};
use crate::server::Release;
use crate::source::{Span, Spanned};
use crate::syntax::Directive;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum Role {
    Defaults,
    Frontend,
    Backend,
    Listen,
}

impl Role {
    pub(in crate::haproxy) fn is_frontend(self) -> bool {
        matches!(self, Role::Frontend | Role::Listen)
    }

    pub(in crate::haproxy) fn is_backend(self) -> bool {
        matches!(self, Role::Backend | Role::Listen)
    }

    pub(in crate::haproxy) fn name(self) -> &'static str {
        match self {
            Role::Defaults => "defaults",
            Role::Frontend => "frontend",
            Role::Backend => "backend",
            Role::Listen => "listen",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum Mode {
    Tcp,
    Http,
    Other,
}

/// What a section takes over from its `defaults`.
#[derive(Clone, Debug)]
pub(in crate::haproxy) struct Settings {
    pub(in crate::haproxy) mode: Mode,
    pub(in crate::haproxy) monitor_uri: Option<Spanned<Arc<str>>>,
    pub(in crate::haproxy) default_backend: Option<Spanned<Arc<str>>>,
    pub(in crate::haproxy) stats: Option<Stats>,
    pub(in crate::haproxy) errors: Arc<ErrorPages>,
    pub(in crate::haproxy) check: Arc<HealthCheck>,
    pub(in crate::haproxy) server: ServerDefaults,
    pub(in crate::haproxy) accept_invalid: bool,
    pub(in crate::haproxy) restrict_names: Option<Restriction>,
    pub(in crate::haproxy) all_backups: bool,
    pub(in crate::haproxy) disabled: bool,
    pub(in crate::haproxy) cookie: Option<Persistence>,
    /// `option persist`: a cookie leads to its server even where that is down.
    pub(in crate::haproxy) persist: bool,
    /// Whether the log format has something of the request line in it.
    pub(in crate::haproxy) logs_request: bool,
    /// `option http-use-proxy-header`
    pub(in crate::haproxy) proxy_header: bool,
    pub(in crate::haproxy) transparent: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            mode: Mode::Tcp,
            monitor_uri: None,
            default_backend: None,
            stats: None,
            errors: Arc::default(),
            check: Arc::default(),
            server: ServerDefaults::default(),
            accept_invalid: false,
            restrict_names: None,
            all_backups: false,
            disabled: false,
            cookie: None,
            persist: false,
            logs_request: false,
            proxy_header: false,
            transparent: false,
        }
    }
}

/// What becomes of headers whose names have other signs than letters, digits and `-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::haproxy) enum Restriction {
    Delete,
    Reject(Span),
}

/// The page of statistics, which answers some methods by itself.
#[derive(Clone, Debug)]
pub(in crate::haproxy) struct Stats {
    /// The index of the section whose lines these are.
    pub(super) section: usize,
    pub(in crate::haproxy) uri: Arc<str>,
    pub(in crate::haproxy) span: Span,
    pub(in crate::haproxy) users: Arc<[(Box<str>, Box<str>)]>,
    /// Whether POST may change states: always, or where the condition holds.
    pub(in crate::haproxy) admin: Option<Arc<Option<Condition>>>,
    /// `stats realm`
    pub(in crate::haproxy) realm: bool,
    pub(in crate::haproxy) rules: Arc<Vec<Rule>>,
}

/// `use_backend` or `use-server`.
#[derive(Debug)]
pub(in crate::haproxy) struct Switch {
    pub(in crate::haproxy) to: Format,
    pub(in crate::haproxy) condition: Option<Condition>,
    pub(in crate::haproxy) span: Span,
}

#[derive(Debug)]
pub(in crate::haproxy) struct Proxy {
    pub(in crate::haproxy) name: Arc<str>,
    pub(in crate::haproxy) role: Role,
    /// `id`, where it is written; HAProxy numbers the others.
    pub(in crate::haproxy) id: Option<i64>,
    /// The section's first line.
    pub(in crate::haproxy) span: Span,
    /// The index of its `defaults` section among the proxies.
    pub(in crate::haproxy) parent: Option<usize>,
    pub(in crate::haproxy) settings: Settings,
    pub(in crate::haproxy) acls: Vec<Acl>,
    pub(in crate::haproxy) binds: Vec<Bind>,
    pub(in crate::haproxy) tcp_connection: Vec<Rule>,
    pub(in crate::haproxy) tcp_session: Vec<Rule>,
    pub(in crate::haproxy) tcp_content: Vec<Rule>,
    pub(in crate::haproxy) inspect_delay: bool,
    /// Whether the request line is kept, because a log or a rule of this section looks at it (src/log.c, LW_REQ).
    pub(in crate::haproxy) captures_request: bool,
    pub(in crate::haproxy) slots: Vec<Slot>,
    pub(in crate::haproxy) monitor_fail: Vec<Condition>,
    pub(in crate::haproxy) request: Vec<Rule>,
    pub(in crate::haproxy) redirects: Vec<Rule>,
    pub(in crate::haproxy) switches: Vec<Switch>,
    pub(in crate::haproxy) server_rules: Vec<Switch>,
    pub(in crate::haproxy) check_steps: CheckSteps,
    pub(in crate::haproxy) persist_rules: Vec<PersistRule>,
    pub(in crate::haproxy) servers: Vec<Server>,
    pub(in crate::haproxy) response: Vec<Rule>,
    pub(in crate::haproxy) after_response: Vec<Rule>,
    pub(in crate::haproxy) fcgi_app: Option<Spanned<Arc<str>>>,
    /// `dispatch ADDRESS`, which takes requests where there is no server.
    pub(in crate::haproxy) dispatch: Option<Arc<str>>,
    /// Something may answer or change requests that cannot be modelled: a filter that asks other programs.
    pub(in crate::haproxy) filter: Option<Span>,
    pub(in crate::haproxy) mode_span: Option<Span>,
}

impl Proxy {
    fn new(name: Arc<str>, role: Role, span: Span, settings: Settings, parent: Option<usize>) -> Self {
        Proxy {
            name,
            role,
            id: None,
            span,
            parent,
            settings,
            acls: Vec::new(),
            binds: Vec::new(),
            tcp_connection: Vec::new(),
            tcp_session: Vec::new(),
            tcp_content: Vec::new(),
            inspect_delay: false,
            captures_request: false,
            slots: Vec::new(),
            monitor_fail: Vec::new(),
            request: Vec::new(),
            redirects: Vec::new(),
            switches: Vec::new(),
            server_rules: Vec::new(),
            check_steps: CheckSteps::default(),
            persist_rules: Vec::new(),
            servers: Vec::new(),
            response: Vec::new(),
            after_response: Vec::new(),
            fcgi_app: None,
            dispatch: None,
            filter: None,
            mode_span: None,
        }
    }

    /// Nothing is added any more: a large config has very many short lists.
    fn settle(&mut self) {
        let sets = [Set::TcpConnection, Set::TcpSession, Set::TcpContent, Set::Request, Set::Response, Set::AfterResponse];
        sets.into_iter().for_each(|set| self.rules(set).shrink_to_fit());
        self.switches.shrink_to_fit();
        self.servers.shrink_to_fit();
        self.acls.shrink_to_fit();
        self.binds.shrink_to_fit();
    }

    pub(in crate::haproxy) fn has_rules(&self) -> bool {
        !(self.tcp_connection.is_empty()
            && self.tcp_session.is_empty()
            && self.tcp_content.is_empty()
            && self.request.is_empty()
            && self.response.is_empty()
            && self.after_response.is_empty())
    }

    fn rules(&mut self, set: Set) -> &mut Vec<Rule> {
        match set {
            Set::TcpConnection => &mut self.tcp_connection,
            Set::TcpSession => &mut self.tcp_session,
            // Responses in TCP mode mean nothing to methods; they are read for their errors alone.
            Set::TcpContent | Set::TcpResponse => &mut self.tcp_content,
            Set::Request => &mut self.request,
            Set::Response => &mut self.response,
            Set::AfterResponse => &mut self.after_response,
        }
    }
}

impl SectionBuilder<'_, '_> {
    /// Reads a whole section.
    pub(super) fn proxy(&mut self, section: Directive<'_>) -> Proxy {
        let words = words(section);
        let role = match section.name() {
            "defaults" => Role::Defaults,
            "frontend" => Role::Frontend,
            "backend" => Role::Backend,
            _ => Role::Listen,
        };
        let name = words.get(1).filter(|word| word.text != "from");
        if name.is_none() && role != Role::Defaults {
            self.refuse(Refused::new(section.head(), format!("a `{}` needs a name", role.name())));
        }
        if let Some(name) = name {
            self.check_name(name);
        }
        let name: Arc<str> = name.map_or("", |name| name.text).into();
        let parent = self.parent(&words, role);
        // A section that already bears the name is replaced by nobody: HAProxy refuses the second one.
        let settings = match parent {
            Some(parent) => self.config.proxies[parent].settings.clone(),
            None => Settings::default(),
        };
        self.role = role;
        let wanted = parent.is_some_and(|parent| self.config.proxies[parent].captures_request);
        self.capture.wanted = wanted;
        let mut proxy = Proxy::new(name, role, section.head(), settings, parent);
        for line in section.children() {
            if self.is_out_of_turn() {
                break;
            }
            if line.control().is_some() || line.name().starts_with('.') {
                continue;
            }
            if let Err(refused) = self.proxy_line(&mut proxy, line) {
                self.refuse(refused);
            }
        }
        self.check_ports(section, &mut proxy);
        if let Some(stats) = &proxy.settings.stats
            && role != Role::Defaults
            && !stats.rules.is_empty()
            && (stats.realm || !stats.users.is_empty())
        {
            let message = "`stats auth` and `stats realm` cannot be used together with `stats http-request`";
            self.refuse(Refused::new(stats.span, message));
        }
        if role != Role::Defaults && proxy.settings.mode != Mode::Http {
            // Ignored with a warning, even where the stream is upgraded later (src/proxy.c, proxy_cfg_ensure_no_http).
            proxy.settings.stats = None;
            proxy.settings.accept_invalid = false;
            proxy.settings.proxy_header = false;
        }
        proxy.slots = std::mem::take(&mut self.slots);
        self.check_slots(&proxy);
        proxy.captures_request = self.capture.wanted || proxy.settings.logs_request && role.is_frontend();
        proxy.acls = std::mem::take(&mut self.acls);
        proxy.settle();
        proxy
    }

    /// The `defaults` section that a section takes over: the one that it names, or the latest above.
    fn parent(&mut self, words: &[Word<'_>], role: Role) -> Option<usize> {
        let from = words.iter().position(|word| word.text == "from");
        if let Some(extra) = stranger(words).filter(|_| role != Role::Defaults) {
            let mut refused = Refused::new(extra.span, format!("`{}` is not expected here", extra.text));
            if role.is_frontend() {
                refused = refused.help("addresses stand on `bind` lines");
            }
            self.refuse(refused);
        }
        let Some(from) = from else {
            return if role == Role::Defaults { None } else { self.defaults.last };
        };
        let name = words.get(from + 1)?;
        if self.config.release < Release(2, 4, 0) {
            self.refuse(Refused::new(words[from].span, "`from` is known since HAProxy 2.4").too_old());
        }
        let found = self.defaults.named.get(name.text).copied();
        if found.is_none() {
            self.refuse(Refused::new(name.span, format!("there is no `defaults` section `{}` above", name.text)));
        }
        found
    }

    /// The names of sections and servers are letters, digits and `-_.:` (src/standard.c, invalid_char).
    pub(super) fn check_name(&mut self, name: &Word<'_>) {
        let allowed = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | '.' | ':');
        if let Some(bad) = name.text.chars().find(|sign| !allowed(*sign)) {
            self.refuse(Refused::new(name.span, format!("the character `{bad}` is not allowed in a name")));
        }
    }
}

/// Whether the header of a proxy only makes HAProxy grumble: where it holds too much, no section is opened, but that is missed by the
/// lines below it alone (src/cfgparse-listen.c, cfg_parse_listen).
pub(super) fn opens_nothing(section: Directive<'_>) -> bool {
    let is_proxy = matches!(section.name(), "frontend" | "backend" | "listen");
    let words = words(section);
    let inherits = words.len() > 3 && words[2].text == "from";
    is_proxy && words.len() > 2 && !inherits && section.children().next().is_none()
}

/// The word in the header of a proxy that is neither its name nor `from` with the name of a `defaults` section.
fn stranger<'w, 't>(words: &'w [Word<'t>]) -> Option<&'w Word<'t>> {
    match words.get(2..)? {
        [] => None,
        [from, _, rest @ ..] if from.text == "from" => rest.first(),
        [first, ..] => Some(first),
    }
}
