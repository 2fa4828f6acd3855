//! The directives of one section of the host's config, and how a section inherits from the one around it.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::action::{Actions, Engine, Rules};
use super::operator::Operator;
use super::rule::{Check, Link, Rule};
use super::statement::{Statement, statements};
use super::variable::Targets;
use crate::finding::Finding;
use crate::source::{IncludeError, Reader, Span, Spanned};

/// Which ModSecurity reads the rules; they differ in how sections inherit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    /// mod_security2 of Apache httpd, version 2.
    Module,
    /// libmodsecurity, version 3, as nginx's connector uses it.
    Library,
}

impl Edition {
    /// The status that reaches the client: httpd sends 500 in place of one that it has no status line for
    /// (`ap_index_of_response` in modules/http/http_protocol.c).
    pub(super) fn sent(self, status: u16) -> u16 {
        let has_line = matches!(status, 100..=102 | 103 | 200..=208 | 226 | 300..=308 | 400..=417 | 421..=426 | 428 | 429 | 431 | 451)
            || matches!(status, 500..=508 | 510 | 511);
        if has_line || self == Edition::Library { status } else { 500 }
    }
}

/// What one section of the config (a server, a vhost, a location) says about ModSecurity.
#[derive(Clone, Debug)]
pub struct Context {
    edition: Edition,
    pub(super) engine: Option<Spanned<Engine>>,
    inheritance: Option<bool>,
    pub(super) body_access: Option<bool>,
    pub(super) items: Vec<Item>,
    ids: HashSet<u64>,
    /// Removals: of inherited rules, and with version 3 of all rules.
    removals: Vec<Rules>,
    /// The default actions by phase; version 2 knows only one list, that of index 0.
    defaults: [Option<Actions>; 6],
    /// Directives whose doing is not modelled.
    pub(super) unknown: Vec<&'static str>,
}

#[derive(Clone, Debug)]
pub(super) enum Item {
    Rule(Arc<Rule>),
    /// Where `skipAfter` may land; the markers of all phases have one name.
    Marker(Box<str>),
}

impl Context {
    pub fn new(edition: Edition) -> Self {
        Context {
            edition,
            engine: None,
            inheritance: None,
            body_access: None,
            items: Vec::new(),
            ids: HashSet::new(),
            removals: Vec::new(),
            defaults: Default::default(),
            unknown: Vec::new(),
        }
    }

    /// Whether the section says nothing, so that it behaves as the one around it.
    pub fn is_empty(&self) -> bool {
        self.engine.is_none()
            && self.inheritance.is_none()
            && self.body_access.is_none()
            && self.items.is_empty()
            && self.removals.is_empty()
            && self.unknown.is_empty()
    }

    pub(super) fn edition(&self) -> Edition {
        self.edition
    }

    /// What `SecRuleEngine` says, here or further out.
    pub fn engine(&self) -> Option<Spanned<Engine>> {
        self.engine
    }

    /// The tokens that rules compare the method with, for the universe of the run.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        let checks = self.rules().flat_map(|rule| &rule.links).filter_map(|link| link.check.as_ref());
        checks.filter(|check| check.is_about_method()).flat_map(Check::words)
    }

    /// The paths that rules about the method look for as well, each with its place.
    pub fn paths(&self) -> impl Iterator<Item = (String, Span)> {
        self.rules().flat_map(|rule| rule.paths())
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.items.iter().filter_map(|item| match item {
            Item::Rule(rule) => Some(rule),
            Item::Marker(_) => None,
        })
    }

    /// Reads the rules of a text, such as nginx's `modsecurity_rules`, and of the files that it includes.
    pub fn read(&mut self, text: &str, place: Span, base: &Path, reader: &mut Reader<'_>) -> Vec<Finding> {
        let mut fresh = Context::new(self.edition);
        let mut findings = Vec::new();
        fresh.read_all(text, place, base, reader, &mut findings);
        self.append(fresh);
        findings
    }

    /// Reads a rules file as nginx's `modsecurity_rules_file` does.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn read_file(&mut self, path: &str, base: &Path, reader: &mut Reader<'_>) -> Result<Vec<Finding>, IncludeError> {
        let mut fresh = Context::new(self.edition);
        let mut findings = Vec::new();
        for path in reader.find(path, base)? {
            fresh.read_open(&path, reader, &mut findings)?;
        }
        self.append(fresh);
        Ok(findings)
    }

    /// Version 3 reads each source by itself and appends it; a setting that an earlier source made stays (`RulesSet::merge`).
    fn append(&mut self, later: Context) {
        self.engine = self.engine.or(later.engine);
        self.body_access = self.body_access.or(later.body_access);
        self.items.extend(later.items);
        self.ids.extend(later.ids);
        self.removals.extend(later.removals);
        self.unknown.extend(later.unknown);
    }

    fn read_open(&mut self, path: &Path, reader: &mut Reader<'_>, findings: &mut Vec<Finding>) -> Result<(), IncludeError> {
        let file = reader.open(path)?;
        let whole = file.span(0..file.len());
        self.read_all(file.text(), whole, file.folder(), reader, findings);
        reader.close();
        Ok(())
    }

    fn read_all(&mut self, text: &str, place: Span, base: &Path, reader: &mut Reader<'_>, findings: &mut Vec<Finding>) {
        for statement in statements(text, place) {
            if statement.name.value.eq_ignore_ascii_case("Include") {
                self.include(&statement, base, reader, findings);
            } else {
                findings.extend(self.add(&statement, base, reader));
            }
        }
    }

    fn include(&mut self, statement: &Statement<'_>, base: &Path, reader: &mut Reader<'_>, findings: &mut Vec<Finding>) {
        let Some(path) = statement.argument(0) else { return };
        let included =
            reader.find(path, base).and_then(|paths| paths.iter().try_for_each(|path| self.read_open(path, reader, findings)));
        if let Err(error) = included {
            findings.push(super::check::include_failed(statement.span, &error));
        }
    }

    /// Takes one directive. Files of phrases lie relative to `base`, the folder of the file that the directive stands in.
    /// What ModSecurity refuses comes back as a finding; a directive that has nothing to do with requests is ignored.
    pub fn add(&mut self, statement: &Statement<'_>, base: &Path, reader: &Reader<'_>) -> Option<Finding> {
        let result = match statement.name.value.to_ascii_lowercase().as_str() {
            "secrule" => self.add_rule(statement, base, reader),
            "secaction" => self.add_action(statement),
            "secdefaultaction" => self.set_defaults(statement),
            "secruleengine" => self.set_engine(statement),
            "secruleinheritance" => {
                self.inheritance = statement.argument(0).map(|value| value.eq_ignore_ascii_case("on"));
                Ok(())
            }
            "secrequestbodyaccess" => {
                self.body_access = statement.argument(0).map(|value| value.eq_ignore_ascii_case("on"));
                Ok(())
            }
            "secmarker" => {
                self.items.extend(statement.argument(0).map(|name| Item::Marker(name.into())));
                Ok(())
            }
            "secruleremovebyid" => {
                statement.arguments.iter().for_each(|ids| self.remove(Rules::ids(&ids.value)));
                Ok(())
            }
            "secruleremovebytag" => {
                statement.arguments.iter().for_each(|tag| self.remove(Rules::tagged(&tag.value)));
                Ok(())
            }
            "secruleremovebymsg" => {
                statement.arguments.iter().for_each(|message| self.remove(Rules::with_message(&message.value)));
                Ok(())
            }
            "secruleupdatetargetbyid" => self.update_targets(statement, Rules::ids),
            "secruleupdatetargetbytag" => self.update_targets(statement, Rules::tagged),
            "secruleupdatetargetbymsg" => self.update_targets(statement, Rules::with_message),
            "secruleupdateactionbyid" => self.update_actions(statement),
            "secrulescript" => {
                self.unknown.push("the Lua script of `SecRuleScript` may answer by itself");
                Ok(())
            }
            "secremoterules" => {
                self.unknown.push("the rules of `SecRemoteRules` are not known");
                Ok(())
            }
            _ => Ok(()),
        };
        result.err().map(|message| Finding::rejected(statement.span, message))
    }

    fn add_rule(&mut self, statement: &Statement<'_>, base: &Path, reader: &Reader<'_>) -> Result<(), String> {
        let (Some(targets), Some(operator), 2..=3) = (statement.argument(0), statement.argument(1), statement.arguments.len())
        else {
            return Err("`SecRule` takes variables, an operator and actions".into());
        };
        let targets = Targets::parse(targets).map_err(|name| format!("`SecRule` knows no variable `{name}`"))?;
        let operator = Operator::parse(operator, &mut |path| phrases(path, base, reader))
            .map_err(|name| format!("`SecRule` knows no operator `@{name}`"))?;
        let actions = statement.argument(2).map(Actions::parse).transpose()?.unwrap_or_default();
        self.add_link(Link { span: statement.span, check: Some(Check { targets, operator }), actions })
    }

    fn add_action(&mut self, statement: &Statement<'_>) -> Result<(), String> {
        let actions = Actions::parse(statement.argument(0).ok_or("`SecAction` takes actions")?)?;
        self.add_link(Link { span: statement.span, check: None, actions })
    }

    fn add_link(&mut self, mut link: Link) -> Result<(), String> {
        if let Some(Item::Rule(starter)) = self.items.last_mut()
            && starter.is_open()
        {
            let actions = &link.actions;
            if self.edition == Edition::Module
                && (actions.disruption.is_some() || actions.id.is_some() || actions.phase.is_some())
            {
                return Err(
                    "a chained rule has no id, phase or disruptive action of its own: the first rule of the chain has them"
                        .into(),
                );
            }
            let phase = starter.phase;
            link.actions = link.actions.over(defaults(&self.defaults, self.edition, phase).unwrap_or(&Actions::default()));
            Arc::make_mut(starter).links.push(link);
            return Ok(());
        }
        let id = link.actions.id.ok_or("a rule needs an `id`")?;
        if !self.ids.insert(id) {
            return Err(format!("another rule has the id {id}"));
        }
        let own = Actions::default();
        let defaults = defaults(&self.defaults, self.edition, link.actions.phase.unwrap_or(2)).unwrap_or(&own);
        link.actions = link.actions.over(defaults);
        let rule = Rule::new(link, defaults);
        self.items.push(Item::Rule(Arc::new(rule)));
        Ok(())
    }

    fn set_defaults(&mut self, statement: &Statement<'_>) -> Result<(), String> {
        let actions = Actions::parse(statement.argument(0).ok_or("`SecDefaultAction` takes actions")?)?;
        if actions.disruption.is_none() {
            return Err("`SecDefaultAction` needs a disruptive action, such as `pass` or `deny`".into());
        }
        let phase = actions.phase.ok_or("`SecDefaultAction` needs a phase")?;
        if actions.id.is_some() || actions.message.is_some() || actions.describes || actions.chain || actions.skip > 0 {
            return Err("`SecDefaultAction` takes no action that describes or chains one rule".into());
        }
        let index = if self.edition == Edition::Module { 0 } else { phase as usize };
        self.defaults[index] = Some(actions);
        Ok(())
    }

    fn set_engine(&mut self, statement: &Statement<'_>) -> Result<(), String> {
        let value = statement.argument(0).unwrap_or("");
        let engine = Engine::named(value).ok_or("`SecRuleEngine` is `On`, `Off` or `DetectionOnly`")?;
        self.engine = Some(Spanned::new(engine, statement.span));
        Ok(())
    }

    /// Version 2 takes out what was defined so far in this section, and later what is inherited; version 3 takes out all.
    fn remove(&mut self, rules: Rules) {
        if self.edition == Edition::Module {
            self.items.retain(|item| !matches!(item, Item::Rule(rule) if rules.name(&rule.actions)));
        }
        self.removals.push(rules);
    }

    fn update_targets(&mut self, statement: &Statement<'_>, rules: fn(&str) -> Rules) -> Result<(), String> {
        let (Some(named), Some(targets)) = (statement.argument(0), statement.argument(1)) else {
            return Err(format!("`{}` takes rules and variables", statement.name.value));
        };
        let named = rules(named);
        let added = Targets::parse(targets).map_err(|name| format!("there is no variable `{name}`"))?;
        let replaced = statement.argument(2).map(Targets::parse).and_then(Result::ok);
        for rule in self.rules_mut().filter(|rule| named.name(&rule.actions)) {
            let rule = Arc::make_mut(rule);
            let Some(check) = &mut rule.links[0].check else { continue };
            for old in replaced.iter().flat_map(|targets| &targets.included) {
                check.targets.included.retain(|target| target.variable != old.variable || target.name() != old.name());
            }
            check.targets.included.extend(added.included.iter().cloned());
            check.targets.excluded.extend(added.excluded.iter().cloned());
            rule.see_needs();
        }
        Ok(())
    }

    fn update_actions(&mut self, statement: &Statement<'_>) -> Result<(), String> {
        let (Some(id), Some(actions)) = (statement.argument(0), statement.argument(1)) else {
            return Err("`SecRuleUpdateActionById` takes an id and actions".into());
        };
        let (id, offset) = id.split_once(':').unwrap_or((id, "0"));
        let (named, offset) = (Rules::ids(id), offset.parse::<usize>().unwrap_or(0));
        let actions = Actions::parse(actions)?;
        for rule in self.rules_mut().filter(|rule| named.name(&rule.actions)) {
            let rule = Arc::make_mut(rule);
            let Some(link) = rule.links.get_mut(offset) else { continue };
            let chain = link.actions.chain;
            link.actions = Actions { chain, ..actions.clone().over(&link.actions) };
            if offset == 0 {
                rule.actions = link.actions.clone();
            }
        }
        Ok(())
    }

    fn rules_mut(&mut self) -> impl Iterator<Item = &mut Arc<Rule>> {
        self.items.iter_mut().filter_map(|item| match item {
            Item::Rule(rule) => Some(rule),
            Item::Marker(_) => None,
        })
    }

    /// The section as it works inside of `outer`, which has inherited already.
    pub fn within(&self, outer: &Context) -> Context {
        let mut merged = Context {
            engine: self.engine.or(outer.engine),
            body_access: self.body_access.or(outer.body_access),
            unknown: outer.unknown.iter().chain(&self.unknown).copied().collect(),
            ..Context::new(self.edition)
        };
        merged.inheritance = outer.inheritance;
        match self.edition {
            // The rules of the outer section come first, without those that this one removes (`merge_directory_configs`).
            Edition::Module if self.inheritance == Some(false) => {
                merged.items = self.items.clone();
                merged.inheritance = Some(false);
            }
            Edition::Module => {
                let inherited = outer.items.iter().filter(|item| !self.removes(item));
                merged.items = inherited.chain(&self.items).cloned().collect();
            }
            // The rules of the outer section come last (`msc_rules_merge`); what it removes stays there.
            Edition::Library => {
                merged.items = self.items.iter().chain(&outer.items).cloned().collect();
                merged.removals = self.removals.clone();
            }
        }
        merged
    }

    fn removes(&self, item: &Item) -> bool {
        matches!(item, Item::Rule(rule) if self.removals.iter().any(|removal| removal.name(&rule.actions)))
    }

    /// The items that take part in requests. Version 2 has taken out the removed ones on reading.
    pub(super) fn effective(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| self.edition == Edition::Module || !self.removes(item))
    }
}

fn defaults(defaults: &[Option<Actions>; 6], edition: Edition, phase: u8) -> Option<&Actions> {
    match edition {
        Edition::Module => defaults[0].as_ref(),
        Edition::Library => defaults.get(phase as usize)?.as_ref(),
    }
}

/// The text of a file of phrases, which lies beside the rules that name it.
fn phrases(path: &str, base: &Path, reader: &Reader<'_>) -> Option<String> {
    reader.data(reader.find(path, base).ok()?.first()?)
}
