//! `proxylint.toml`: what a project wants to be told.

#[cfg(test)]
mod schema;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Deserialize;
use serde_spanned::Spanned;

use crate::collect::Globs;
use crate::finding::{Finding, Severity};
use crate::http::STANDARD;
use crate::rules;
use crate::source::SourceFile;

/// The name of the file.
pub const NAME: &str = "proxylint.toml";

/// The settings of one file.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// The only rules to report; empty for all.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub select: Vec<Spanned<String>>,
    /// Rules not to report.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub ignore: Vec<Spanned<String>>,
    /// The severity of each rule, or `off`.
    #[cfg_attr(test, schemars(with = "BTreeMap<String, Level>"))]
    pub rules: BTreeMap<Spanned<String>, Level>,
    /// The severity from which on findings make the exit status 1.
    pub fail_on: Option<FailOn>,
    /// Whether `info` findings are reported.
    pub pedantic: Option<bool>,
    /// Globs of the files that folders bring; without any, those that are configs by their content.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub include: Vec<Spanned<String>>,
    /// Globs of files that are left out.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub exclude: Vec<Spanned<String>>,
    /// The release of each server.
    #[cfg_attr(test, schemars(with = "BTreeMap<String, String>"))]
    pub target: BTreeMap<Spanned<String>, Spanned<String>>,
    /// Where the server's own relative paths start.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub prefix: Option<PathBuf>,
    /// A folder that stands for `/`.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub root: Option<PathBuf>,
    /// Names that the config tests.
    pub define: BTreeMap<String, String>,
    /// Settings for some files; later ones win.
    pub overrides: Vec<Override>,
    /// What must work.
    pub expect: Vec<Expect>,
    /// OpenAPI files whose operations must work.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub openapi: Vec<Spanned<PathBuf>>,
}

/// Settings for the files that match one of the globs.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Override {
    /// Globs, relative to the folder of the settings.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub paths: Vec<Spanned<String>>,
    /// Rules not to report there.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub ignore: Vec<Spanned<String>>,
    /// The severity of each rule there, or `off`.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "BTreeMap<String, Level>"))]
    pub rules: BTreeMap<Spanned<String>, Level>,
    /// The server that the files are for: nginx, apache or haproxy.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub server: Option<Spanned<String>>,
}

/// Methods that must reach the upstream unchanged on a path, or must not pass.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    /// The server whose configs are meant: nginx, apache or haproxy.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub server: Option<Spanned<String>>,
    /// The name in the Host header.
    pub host: Option<String>,
    /// The port that takes the request.
    pub port: Option<u16>,
    /// A path such as `/api/users`, `/users/{id}` or `/api/**`.
    #[cfg_attr(test, schemars(with = "String"))]
    pub path: Spanned<String>,
    /// Methods that must reach the upstream as themselves.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub methods: Vec<Spanned<String>>,
    /// Methods that must not pass.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub refuse: Vec<Spanned<String>>,
}

/// How a rule is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Off,
    Info,
    Warning,
    Error,
}

impl Level {
    fn severity(self) -> Option<Severity> {
        match self {
            Level::Off => None,
            Level::Info => Some(Severity::Info),
            Level::Warning => Some(Severity::Warning),
            Level::Error => Some(Severity::Error),
        }
    }
}

impl std::str::FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Level::Off),
            "info" => Ok(Level::Info),
            "warning" => Ok(Level::Warning),
            "error" => Ok(Level::Error),
            _ => Err("it is `off`, `info`, `warning` or `error`".to_owned()),
        }
    }
}

/// The severity from which on findings make the exit status 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum FailOn {
    Error,
    #[default]
    Warning,
    Info,
    Never,
}

/// A mistake in the settings, at its place.
#[derive(Clone, Debug)]
pub struct Mistake {
    pub range: Range<usize>,
    pub message: String,
    pub help: Option<String>,
}

/// A file of settings that was read.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The folder that its globs and paths are relative to.
    pub folder: PathBuf,
    pub config: Config,
}

/// The file of settings that holds for what lies in a folder: the nearest one above it.
pub fn find(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    folder.ancestors().map(|folder| folder.join(NAME)).find(|path| path.is_file())
}

/// Reads settings from the text of their file.
///
/// # Errors
/// With all that is wrong about them.
pub fn parse(file: &SourceFile) -> Result<Loaded, Vec<Mistake>> {
    let config: Config = toml::from_str(file.text()).map_err(|error| vec![mistake(&error)])?;
    let mistakes: Vec<_> = unknown_rules(&config).chain(wrong_globs(&config)).chain(wrong_values(&config)).collect();
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    Ok(Loaded { folder: file.folder().to_path_buf(), config })
}

fn mistake(error: &toml::de::Error) -> Mistake {
    let (message, help) = match error.message().split_once(", expected ") {
        Some((message, expected)) if message.starts_with("unknown ") => {
            let mut quoted = message.split('`').skip(1).step_by(2);
            let close = quoted.next().and_then(|name| closest(name, expected.split('`').skip(1).step_by(2)));
            let help = close.map_or_else(|| format!("known are {}", expected.trim_start_matches("one of ")), did_you_mean);
            (message.replace("unknown field", "unknown key"), Some(help))
        }
        _ => (error.message().to_owned(), None),
    };
    Mistake { range: error.span().unwrap_or(0..0), message, help }
}

fn unknown_rules(config: &Config) -> impl Iterator<Item = Mistake> {
    let overrides = || config.overrides.iter();
    let lists = config.select.iter().chain(&config.ignore).chain(overrides().flat_map(|over| &over.ignore));
    let names = lists.chain(config.rules.keys()).chain(overrides().flat_map(|over| over.rules.keys()));
    names.filter(|name| rules::find(name.as_ref()).is_none()).map(|name| Mistake {
        range: name.span(),
        message: unknown_rule(name.as_ref()),
        help: Some(rule_help(name.as_ref())),
    })
}

/// What to say about a name that no rule has.
pub fn unknown_rule(name: &str) -> String {
    format!("no rule is called `{name}`")
}

/// The next step after [`unknown_rule`].
pub fn rule_help(name: &str) -> String {
    let close = closest(name, rules::RULES.iter().map(|rule| rule.name));
    close.map_or_else(|| "`proxylint explain` lists the rules".to_owned(), did_you_mean)
}

fn did_you_mean(name: &str) -> String {
    format!("did you mean `{name}`?")
}

/// The known name that somebody may have meant.
pub fn closest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let likeness = |known: &str| strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase());
    let rated = known.into_iter().map(|known| (likeness(known), known)).filter(|(likeness, _)| *likeness > 0.8);
    rated.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, known)| known)
}

fn wrong_globs(config: &Config) -> impl Iterator<Item = Mistake> {
    let globs = config.include.iter().chain(&config.exclude).chain(config.overrides.iter().flat_map(|over| &over.paths));
    globs.filter_map(|glob| {
        let error = Glob::new(glob.as_ref()).err()?;
        Some(Mistake { range: glob.span(), message: format!("not a glob: {}", error.kind()), help: None })
    })
}

fn wrong_values(config: &Config) -> impl Iterator<Item = Mistake> {
    let servers = config.overrides.iter().filter_map(|over| over.server.as_ref());
    let servers = servers.chain(config.expect.iter().filter_map(|expect| expect.server.as_ref())).chain(config.target.keys());
    let known = || crate::server::SERVERS.iter().map(|server| server.name());
    let servers = servers.filter(move |name| known().all(|known| known != name.as_ref().as_str())).map(move |name| Mistake {
        range: name.span(),
        message: format!("no server is called `{}`", name.as_ref()),
        help: Some(format!("known are {}", known().collect::<Vec<_>>().join(", "))),
    });
    let releases = config.target.values().filter_map(|release| {
        let error = release.as_ref().parse::<crate::server::Release>().err()?;
        Some(Mistake { range: release.span(), message: error.to_string(), help: None })
    });
    let paths = config.expect.iter().filter(|expect| !expect.path.as_ref().starts_with('/')).map(|expect| Mistake {
        range: expect.path.span(),
        message: "a path starts with `/`".to_owned(),
        help: None,
    });
    let methods = config.expect.iter().flat_map(|expect| expect.methods.iter().chain(&expect.refuse)).filter_map(wrong_method);
    servers.chain(releases).chain(paths).chain(methods)
}

/// A method that no client sends: one in small letters, or one that is nearly a registered one.
fn wrong_method(name: &Spanned<String>) -> Option<Mistake> {
    let text = name.as_ref().as_str();
    let upper = text.to_ascii_uppercase();
    let near = |known: &&&str| known.len() > 2 && strsim::osa_distance(known, &upper) == 1;
    let meant = match STANDARD.contains(&upper.as_str()) {
        true => (upper != text).then_some(upper.as_str()),
        false => STANDARD.iter().find(near).copied(),
    };
    let is_token = !text.is_empty() && !text.contains(|sign: char| sign.is_whitespace() || matches!(sign, ',' | '|' | '/'));
    let mistake = |help| Mistake { range: name.span(), message: format!("`{text}` is no method that clients send"), help };
    match meant {
        Some(meant) => Some(mistake(Some(format!("did you mean `{meant}`?")))),
        None if !is_token => Some(mistake(Some("write one name in each text: [\"GET\", \"PATCH\"]".to_owned()))),
        None => None,
    }
}

/// Which rules are told, and how, for each file.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    base: PathBuf,
    select: Vec<String>,
    ignore: Vec<String>,
    levels: BTreeMap<String, Level>,
    /// The levels of the command line, which win over all others.
    told: BTreeMap<String, Level>,
    overrides: Vec<(GlobSet, Vec<String>, BTreeMap<String, Level>)>,
}

impl Policy {
    /// The settings of a file, with those of the command line on top of them.
    pub fn new(loaded: &Loaded, select: &[String], ignore: &[String], levels: &[(String, Level)]) -> Self {
        let config = &loaded.config;
        let names = |names: &[Spanned<String>]| names.iter().map(|name| name.as_ref().clone()).collect::<Vec<_>>();
        let table = |levels: &BTreeMap<Spanned<String>, Level>| {
            levels.iter().map(|(name, level)| (name.as_ref().clone(), *level)).collect::<BTreeMap<_, _>>()
        };
        let of_files = |over: &Override| (globs(&over.paths), names(&over.ignore), table(&over.rules));
        Policy {
            base: loaded.folder.clone(),
            select: if select.is_empty() { names(&config.select) } else { select.to_vec() },
            ignore: names(&config.ignore).into_iter().chain(ignore.iter().cloned()).collect(),
            levels: table(&config.rules),
            told: levels.iter().cloned().collect(),
            overrides: config.overrides.iter().map(of_files).collect(),
        }
    }

    /// The finding as it is told, if it is.
    pub fn apply(&self, mut finding: Finding, path: &Path) -> Option<Finding> {
        let names = |list: &[String]| list.iter().any(|name| name == finding.rule);
        if (!self.select.is_empty() && !names(&self.select)) || names(&self.ignore) {
            return None;
        }
        let mut level = self.levels.get(finding.rule);
        if !self.overrides.is_empty() {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
            let relative = path.strip_prefix(&self.base).unwrap_or(&path);
            for (_, ignore, levels) in self.overrides.iter().filter(|(globs, ..)| globs.is_match(relative)) {
                if names(ignore) {
                    return None;
                }
                level = levels.get(finding.rule).or(level);
            }
        }
        if let Some(level) = self.told.get(finding.rule).or(level) {
            finding.severity = level.severity()?;
        }
        Some(finding)
    }
}

impl Loaded {
    /// No settings at all.
    pub fn none(folder: PathBuf) -> Self {
        Loaded { folder, config: Config::default() }
    }

    pub fn include(&self) -> Globs {
        Globs { base: self.folder.clone(), globs: globs(&self.config.include) }
    }

    pub fn exclude(&self) -> Globs {
        Globs { base: self.folder.clone(), globs: globs(&self.config.exclude) }
    }

    /// A path of the settings.
    pub fn place(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }
}

/// The globs of a list; those that are none were told when the settings were read.
pub fn globs(patterns: &[Spanned<String>]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for glob in patterns.iter().filter_map(|pattern| Glob::new(pattern.as_ref().trim_end_matches('/')).ok()) {
        set.add(glob);
    }
    set.build().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Span};

    fn read(text: &str) -> Result<Loaded, Vec<Mistake>> {
        parse(&SourceFile::new(FileId(0), NAME.into(), "/p/proxylint.toml".into(), text.into()))
    }

    #[test]
    fn names_are_checked_and_suggested() {
        let mistakes = read("ignore = [\"method-denid\"]").unwrap_err();
        assert_eq!(mistakes[0].help.as_deref(), Some("did you mean `method-denied`?"));
        assert_eq!(mistakes[0].range, 10..24);
        let mistakes = read("fail-om = \"error\"").unwrap_err();
        assert_eq!(mistakes[0].message, "unknown key `fail-om`");
        assert_eq!(mistakes[0].help.as_deref(), Some("did you mean `fail-on`?"));
        assert_eq!(mistakes[0].range, 0..7);
    }

    #[test]
    fn methods_that_nobody_sends_are_mistakes() {
        let wrong = |methods: &str| {
            read(&format!("[[expect]]\npath = '/'\nmethods = [{methods}]")).err().map(|found| found[0].help.clone())
        };
        assert_eq!(wrong("'GTE'"), Some(Some("did you mean `GET`?".to_owned())));
        assert_eq!(wrong("'patch'"), Some(Some("did you mean `PATCH`?".to_owned())));
        assert!(wrong("'GET, PUT'").is_some());
        assert_eq!(wrong("'GET', 'PURGE', 'PROPFIND', 'M-SEARCH'"), None);
    }

    #[test]
    fn later_overrides_win() {
        let text = "[rules]\nmethod-denied = \"error\"\n[[overrides]]\npaths = [\"old/**\"]\nrules = {method-denied = \"off\"}";
        let policy = Policy::new(&read(text).unwrap(), &[], &[], &[]);
        let finding = || Finding::new("method-denied", Severity::Info, Span { file: FileId(0), start: 0, end: 0 }, "x");
        assert_eq!(policy.apply(finding(), Path::new("/p/a.conf")).map(|told| told.severity), Some(Severity::Error));
        assert!(policy.apply(finding(), Path::new("/p/old/x/a.conf")).is_none());
        let policy = Policy::new(&read(text).unwrap(), &[], &[], &[("method-denied".to_owned(), Level::Warning)]);
        let told = policy.apply(finding(), Path::new("/p/old/x/a.conf")).map(|told| told.severity);
        assert_eq!(told, Some(Severity::Warning), "the command line wins");
    }
}
