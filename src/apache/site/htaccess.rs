//! `.htaccess` files, and what `AllowOverride` lets them say (`set_override` in `server/core.c`, `invoke_cmd` in
//! `server/config.c`).

use super::section::DirConfig;
use crate::grammar::Entry;
use crate::source::Span;

/// The classes of directives.
const CLASSES: [&str; 5] = ["AuthConfig", "FileInfo", "Indexes", "Limit", "Options"];

/// What `Options` may name.
pub(in crate::apache) const OPTIONS: &[&str] = &[
    "indexes",
    "includes",
    "includesnoexec",
    "followsymlinks",
    "symlinksifownermatch",
    "execcgi",
    "multiviews",
    "runscripts",
    "all",
    "none",
];

/// What one line of `AllowOverride` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::apache) struct AllowOverride {
    classes: u8,
    /// The options that `Options=…` leaves, in lower case; all of them where it names none.
    options: Option<Vec<String>>,
    /// Whether httpd passes over what is not allowed, instead of answering 500.
    skips_forbidden: bool,
    skips_unknown: bool,
}

impl AllowOverride {
    /// Reads the words of the line; the wrong word where one is none.
    pub(in crate::apache) fn read<'w>(words: impl Iterator<Item = &'w str>) -> Result<Self, &'w str> {
        let mut read = AllowOverride::default();
        for word in words {
            let (key, value) = word.split_once('=').map_or((word, None), |(key, value)| (key, Some(value)));
            let class = CLASSES.iter().position(|class| class.eq_ignore_ascii_case(key));
            match (class, key.to_ascii_lowercase().as_str(), value.map(str::to_ascii_lowercase).as_deref()) {
                (Some(_), "options", Some(options)) if !options.split(',').all(|option| OPTIONS.contains(&option)) => {
                    return Err(word);
                }
                (Some(class), "options", options) => {
                    read.classes |= 1 << class;
                    read.options = options.map(|options| options.split(',').map(str::to_owned).collect());
                }
                (Some(class), _, None) => read.classes |= 1 << class,
                (_, "none", None) => read = AllowOverride::default(),
                (_, "all", None) => read.classes = u8::MAX,
                (_, "nonfatal", Some("override")) => read.skips_forbidden = true,
                (_, "nonfatal", Some("unknown")) => read.skips_unknown = true,
                (_, "nonfatal", Some("all")) => (read.skips_forbidden, read.skips_unknown) = (true, true),
                _ => return Err(word),
            }
        }
        Ok(read)
    }
}

/// What the `.htaccess` file of one folder may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::apache) struct Allowed {
    /// Without any line httpd looks for the file, and takes nothing that stands in it.
    line: Option<AllowOverride>,
    /// The directives of `AllowOverrideList`.
    list: Vec<String>,
}

impl Allowed {
    /// Everything, as for a file that is looked at by itself.
    pub(in crate::apache) fn all() -> Self {
        Allowed { line: Some(AllowOverride { classes: u8::MAX, ..AllowOverride::default() }), list: Vec::new() }
    }

    /// By the sections that the folder lies in, the innermost one first. A piece of a config leaves it to the rest, where
    /// another file may well let everything be said.
    pub(in crate::apache) fn by<'c>(configs: impl Iterator<Item = &'c DirConfig> + Clone, is_piece: bool) -> Self {
        let rests = || configs.clone().filter_map(|config| config.rest.as_deref());
        let line = rests().find_map(|rest| rest.overrides.as_ref()).map(|line| line.value.clone());
        let list = rests().find_map(|rest| rest.override_list.clone()).unwrap_or_default();
        if is_piece && line.is_none() && list.is_empty() { Allowed::all() } else { Allowed { line, list } }
    }

    pub(in crate::apache) fn looks_for_file(&self) -> bool {
        let any = |line: &AllowOverride| line.classes != 0 || line.skips_forbidden || line.skips_unknown;
        self.line.as_ref().is_none_or(any) || !self.list.is_empty()
    }

    /// Whether a directive may stand in the file; `entries` is all that httpd knows by its name.
    pub(in crate::apache) fn permits(&self, name: &str, entries: &[&Entry]) -> bool {
        let classes = self.line.as_ref().map_or(0, |line| line.classes);
        let has = |wanted: &&str| match CLASSES.iter().position(|class| class == wanted) {
            Some(class) => classes >> class & 1 == 1,
            None => classes != 0,
        };
        entries.iter().any(|entry| entry.overrides.iter().any(has))
            || self.list.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Whether a word of `Options` may stand in the file.
    pub(in crate::apache) fn permits_option(&self, option: &str) -> bool {
        let listed = self.line.as_ref().and_then(|line| line.options.as_ref());
        listed.is_none_or(|listed| listed.iter().any(|known| known == option))
    }

    pub(in crate::apache) fn skips_forbidden(&self) -> bool {
        self.line.as_ref().is_some_and(|line| line.skips_forbidden)
    }

    pub(in crate::apache) fn skips_unknown(&self) -> bool {
        self.line.as_ref().is_some_and(|line| line.skips_unknown)
    }
}

/// A folder that has a `.htaccess` file.
#[derive(Debug)]
pub(in crate::apache) struct Folder {
    /// Its first statement.
    pub(in crate::apache) span: Option<Span>,
    /// What the file makes of the folder under each `AllowOverride` that some server gives it; or the statement for which
    /// httpd answers 500.
    under: Vec<(Allowed, Result<DirConfig, Span>)>,
}

impl Folder {
    pub(in crate::apache) fn new(span: Option<Span>) -> Self {
        Folder { span, under: Vec::new() }
    }

    pub(in crate::apache) fn add(&mut self, allowed: Allowed, outcome: Result<DirConfig, Span>) {
        self.under.push((allowed, outcome));
    }

    pub(in crate::apache) fn under(&self, allowed: &Allowed) -> Option<&Result<DirConfig, Span>> {
        self.under.iter().find(|(known, _)| known == allowed).map(|(_, outcome)| outcome)
    }

    pub(in crate::apache) fn configs(&self) -> impl Iterator<Item = &DirConfig> {
        self.under.iter().filter_map(|(_, outcome)| outcome.as_ref().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::APACHE;

    fn allowed(line: &str) -> Allowed {
        Allowed { line: AllowOverride::read(line.split(' ')).ok(), list: Vec::new() }
    }

    fn permits(line: &str, name: &str) -> bool {
        allowed(line).permits(name, &APACHE.find(name).collect::<Vec<_>>())
    }

    #[test]
    fn classes_permit_their_directives() {
        assert!(permits("AuthConfig", "Require") && !permits("FileInfo Limit", "Require"));
        assert!(permits("Limit", "Order") && permits("limit", "LimitExcept") && !permits("FileInfo", "Order"));
        assert!(permits("Indexes", "Files") && !permits("None", "Files") && !permits("All", "AllowMethods"));
        assert!(
            AllowOverride::read(["Everything"].into_iter()).is_err() && AllowOverride::read(["Nonfatal"].into_iter()).is_err()
        );
    }

    #[test]
    fn options_may_be_listed() {
        assert!(allowed("Options=Indexes,MultiViews").permits_option("indexes"));
        assert!(!allowed("Options=Indexes").permits_option("execcgi") && allowed("Options").permits_option("execcgi"));
    }
}
