//! Directives that httpd does not know, or not where they stand (`ap_check_cmd_context`, `invoke_cmd` in `server/config.c`).

use super::super::read::{Config, Statement, Statements};
use super::super::site::htaccess::Allowed;
use crate::finding::{Finding, Severity};
use crate::grammar::{APACHE, Arity, Entry};
use crate::server::Release;

/// The section that a directive stands in, as far as it matters to what may stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Main,
    VirtualHost,
    Directory,
    Location,
    Files,
    Proxy,
    If,
    Htaccess,
}

#[derive(Clone, Copy)]
struct Around<'n> {
    place: Place,
    /// The section's name, for messages.
    section: &'n str,
    in_limit: bool,
    in_require: bool,
    in_location: bool,
    depth: usize,
}

struct Check<'c> {
    config: &'c Config,
    release: Release,
    /// Whether a module is loaded that the tables do not know, which may define any directive.
    foreign: bool,
    /// Whether the file is a piece of a section, which another file includes there.
    piece: bool,
    /// What `AllowOverride` lets a `.htaccess` file say.
    allowed: Option<&'c Allowed>,
    findings: Vec<Finding>,
}

const MAX_DEPTH: usize = 200;

pub(super) fn check(config: &Config, release: Release, htaccess: bool) -> Vec<Finding> {
    run(config, release, if htaccess { Place::Htaccess } else { Place::Main }, None)
}

/// The same for a `.htaccess` file below the folders of a config.
pub(in crate::apache) fn check_htaccess(config: &Config, release: Release, allowed: &Allowed) -> Vec<Finding> {
    run(config, release, Place::Htaccess, Some(allowed))
}

fn run(config: &Config, release: Release, place: Place, allowed: Option<&Allowed>) -> Vec<Finding> {
    let foreign = config.modules.are_known() && !config.modules.are_all_known();
    let piece = allowed.is_none() && !config.modules.are_known() && config.statements().all(may_stand_in_section);
    let mut check = Check { config, release, foreign, piece, allowed, findings: Vec::new() };
    check.walk(
        config.statements(),
        Around { place, section: "", in_limit: false, in_require: false, in_location: false, depth: 0 },
    );
    check.findings
}

/// What the grammar has of a statement's name.
fn entries(statement: Statement<'_>) -> impl Iterator<Item = &'static Entry> {
    let is_section = statement.is_section();
    APACHE.find(statement.name()).filter(move |entry| entry.block == is_section)
}

impl Check<'_> {
    fn walk(&mut self, statements: Statements<'_>, around: Around<'_>) {
        for statement in statements {
            if !statement.is_open() {
                self.statement(statement, around);
            }
            if statement.is_section() && around.depth < MAX_DEPTH {
                self.walk(statement.children(), inside(statement, around));
            }
        }
    }

    fn refuse(&mut self, statement: Statement<'_>, message: String) {
        let finding = Finding::rejected(statement.span(), message);
        self.findings.push(match statement.used_by() {
            Some(used) => finding.related(used, "the macro is used here"),
            None => finding,
        });
    }

    fn statement(&mut self, statement: Statement<'_>, around: Around<'_>) {
        let name = statement.name();
        let is_there = |entry: &&Entry| entry.known_to(self.release) && self.has_module(entry, statement);
        let loaded: Vec<&Entry> = entries(statement).filter(is_there).collect();
        if loaded.is_empty() {
            return self.missing(statement);
        }
        if let Some(allowed) = self.allowed.filter(|allowed| !allowed.permits(name, &loaded)) {
            if !allowed.skips_forbidden() {
                self.refuse(statement, format!("`AllowOverride` does not allow `{name}` here"));
            }
            return;
        }
        let at_top = around.place == Place::Main && !around.in_limit;
        if around.place == Place::Main && statement.is("ServerAlias") && self.config.modules.are_known() {
            return self.refuse(statement, "`ServerAlias` stands in `<VirtualHost>` only".to_owned());
        }
        if let Some(message) = misplaced(statement, around, &loaded).filter(|_| !(self.piece && at_top)) {
            return self.refuse(statement, message);
        }
        if statement.is_section() {
            return;
        }
        let args = statement.args();
        if loaded.iter().any(|entry| entry.arity == Arity::Flag) {
            // What follows the word is ignored.
            if !args.first().is_some_and(|word| word.eq_ignore_ascii_case("on") || word.eq_ignore_ascii_case("off")) {
                self.refuse(statement, format!("`{name}` is `On` or `Off`"));
            }
        } else if !loaded.iter().any(|entry| entry.arity.takes(args.len())) {
            self.refuse(statement, format!("`{name}` takes {}, not {}", loaded[0].arity, args.len()));
        }
    }

    /// A directive that this httpd does not have.
    fn missing(&mut self, statement: Statement<'_>) {
        let entries: Vec<&Entry> = entries(statement).collect();
        let known: Vec<&Entry> = entries.iter().copied().filter(|entry| entry.known_to(self.release)).collect();
        if !known.is_empty() {
            self.not_loaded(statement, &known);
        } else if !entries.is_empty() {
            self.other_release(statement, &entries);
        } else if !self.allowed.is_some_and(Allowed::skips_unknown) {
            self.unknown(statement);
        }
    }

    /// The module must be loaded by a line above.
    fn has_module(&self, entry: &Entry, statement: Statement<'_>) -> bool {
        let had = |name: &str| self.config.modules.had(name, statement.modules_before());
        match entry.module {
            "core" | "http_core" | "event" | "prefork" | "worker" => true,
            "util_ldap" => had("ldap"),
            "mod_php" => ["php", "php5", "php7"].iter().any(|name| had(name)),
            module => had(module.strip_prefix("mod_").unwrap_or(module)),
        }
    }

    fn unknown(&mut self, statement: Statement<'_>) {
        let name = statement.name();
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) && self.foreign {
            return;
        }
        // A slip seldom hits the first letter; names that differ in it are those of other modules: `JkLogLevel`.
        let first = |name: &str| name.chars().next().map(|sign| sign.to_ascii_lowercase());
        let suggestion = APACHE.suggest(name).filter(|meant| first(meant) == first(name));
        let certain = self.config.modules.are_known() && !self.foreign;
        let severity = match suggestion {
            _ if certain => Severity::Error,
            Some(_) => Severity::Warning,
            None => Severity::Info,
        };
        let message = format!("httpd knows no directive `{name}`");
        let mut finding = Finding::new("unknown-directive", severity, statement.span(), message);
        finding.invalid = certain;
        self.findings.push(match suggestion {
            Some(meant) => finding.help(format!("did you mean `{meant}`?")),
            None => finding.help("a module that is loaded elsewhere may define it"),
        });
    }

    fn other_release(&mut self, statement: Statement<'_>, entries: &[&Entry]) {
        let name = statement.name();
        let certain = self.config.modules.are_known() && !self.foreign;
        let (message, severity) = match entries.iter().find_map(|entry| entry.since.filter(|since| *since > self.release)) {
            Some(since) => (format!("`{name}` came with {since}, which is later than {}", self.release), Severity::Warning),
            None => (format!("`{name}` is gone in {}", self.release), Severity::Info),
        };
        let severity = if certain { Severity::Error } else { severity };
        let mut finding = Finding::new("server-too-old", severity, statement.span(), message);
        finding.invalid = certain;
        self.findings.push(finding);
    }

    fn not_loaded(&mut self, statement: Statement<'_>, known: &[&Entry]) {
        let module = known[0].module;
        let identifier = format!("{}_module", module.strip_prefix("mod_").unwrap_or(module));
        let late = self.config.modules.has(module.strip_prefix("mod_").unwrap_or(module));
        let name = statement.name();
        let message = match late {
            true => format!("`{name}` stands above the `LoadModule {identifier}` that defines it"),
            false => format!("`{name}` needs {module}, which no line above loads"),
        };
        let invalid = !self.foreign || module != "core";
        let mut finding = Finding::rejected(statement.span(), message).help(format!("load `{identifier}` above"));
        finding.invalid = invalid;
        self.findings.push(finding);
    }
}

fn inside<'n>(statement: Statement<'n>, around: Around<'n>) -> Around<'n> {
    let section = statement.name();
    let next = Around { section, depth: around.depth + 1, ..around };
    let place = match section.to_ascii_lowercase().as_str() {
        _ if around.place == Place::Htaccess && !is_limit_or_container(section) => Place::Htaccess,
        "virtualhost" => Place::VirtualHost,
        "directory" | "directorymatch" => Place::Directory,
        "location" | "locationmatch" => Place::Location,
        "files" | "filesmatch" => Place::Files,
        "proxy" | "proxymatch" => Place::Proxy,
        "if" | "elseif" | "else" => Place::If,
        "limit" | "limitexcept" => return Around { in_limit: true, ..next },
        "requireall" | "requireany" | "requirenone" | "requirenotall" => return Around { in_require: true, ..next },
        _ => around.place,
    };
    Around { place, in_location: around.in_location || place == Place::Location, ..next }
}

fn may_stand_in_section(statement: Statement<'_>) -> bool {
    APACHE.find(statement.name()).any(|entry| entry.block == statement.is_section() && entry.allowed_in("directory"))
}

fn is_limit_or_container(section: &str) -> bool {
    let names = ["Limit", "LimitExcept", "RequireAll", "RequireAny", "RequireNone", "RequireNotAll"];
    names.iter().any(|name| name.eq_ignore_ascii_case(section))
}

/// Directives of the main server alone.
const ONLY_MAIN: &[&str] = &[
    "VirtualHost",
    "AcceptFilter",
    "AsyncRequestWorkerFactor",
    "ChrootDir",
    "CoreDumpDirectory",
    "DefaultRuntimeDir",
    "ExtendedStatus",
    "GracefulShutdownTimeout",
    "Group",
    "Listen",
    "ListenBacklog",
    "ListenCoresBucketsRatio",
    "MaxClients",
    "MaxConnectionsPerChild",
    "MaxMemFree",
    "MaxRequestWorkers",
    "MaxRequestsPerChild",
    "MaxSpareThreads",
    "MinSpareThreads",
    "Mutex",
    "PidFile",
    "ReceiveBufferSize",
    "RegexDefaultOptions",
    "RegisterHttpMethod",
    "ScoreBoardFile",
    "SeeRequestTail",
    "SendBufferSize",
    "ServerLimit",
    "ServerTokens",
    "StartServers",
    "Suexec",
    "ThreadLimit",
    "ThreadStackSize",
    "ThreadsPerChild",
    "User",
    "WatchdogInterval",
];

/// Why a directive may not stand where it does.
fn misplaced(statement: Statement<'_>, around: Around<'_>, entries: &[&Entry]) -> Option<String> {
    const NEVER_IN_LIMIT: &[&str] = &["Files", "FilesMatch", "If", "ElseIf", "Else", "ServerName"];
    // Directives that map URLs, of sections only for those of URLs.
    const ONLY_OF_URLS: &[&str] =
        &["ProxyPass", "ProxyPassMatch", "ProxyPassReverse", "Alias", "ScriptAlias", "CacheEnable", "CacheDisable"];
    let name = statement.name();
    let is_one_of = |list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(name));
    let here = |what: &str| Some(format!("`{name}` may not stand in {what}"));
    let server_level = matches!(around.place, Place::Main | Place::VirtualHost);
    if around.place == Place::Htaccess && entries.iter().all(|entry| entry.overrides.is_empty()) {
        return here("a `.htaccess` file");
    }
    if around.in_require
        && !entries.iter().any(|entry| entry.overrides.contains(&"AuthConfig") || entry.overrides.contains(&"any"))
    {
        return here(&format!("`<{}>`", around.section));
    }
    if around.place != Place::Main && around.place != Place::Htaccess && is_one_of(ONLY_MAIN) {
        return here(&format!("`<{}>`: it belongs to the main server", around.section));
    }
    let in_limit = around.in_limit && (is_one_of(NEVER_IN_LIMIT) || is_one_of(ONLY_OF_URLS));
    if in_limit || (matches!(around.place, Place::Directory | Place::Files | Place::If) && is_one_of(ONLY_OF_URLS)) {
        return here(&format!("`<{}>`", around.section));
    }
    if around.place == Place::Location && statement.is("Alias") && statement.args().len() > 1 {
        return here("`<Location>` with a path: the section has one");
    }
    if around.in_location && is_one_of(&["Files", "FilesMatch"]) {
        return here("`<Location>`: files have no place among URLs");
    }
    if server_level && statement.is("RewriteBase") {
        return here("the config of a server: it belongs to a folder");
    }
    let context = if server_level { "server" } else { "directory" };
    if entries.iter().any(|entry| entry.allowed_in(context)) || around.place == Place::Htaccess {
        return None;
    }
    match (server_level, around.place) {
        (true, Place::VirtualHost) => here("`<VirtualHost>` itself: it needs a section such as `<Location>`"),
        (true, _) => here("the main config itself: it needs a section such as `<Location>`"),
        (false, _) => here(&format!("`<{}>`", around.section)),
    }
}
