//! Action lists (`id:1,phase:2,deny,status:405,setvar:'tx.score=+5'`).

use std::sync::Arc;

use super::template::Template;
use super::transform::Transformation;
use super::variable::{Target, Targets};
use crate::pattern::Pattern;

/// What `SecRuleEngine` or `ctl:ruleEngine` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    On,
    Off,
    DetectionOnly,
}

impl Engine {
    pub(super) fn named(name: &str) -> Option<Engine> {
        match name.to_ascii_lowercase().as_str() {
            "on" => Some(Engine::On),
            "off" => Some(Engine::Off),
            "detectiononly" => Some(Engine::DetectionOnly),
            _ => None,
        }
    }
}

/// What a match does to the request.
#[derive(Clone, Debug)]
pub(super) enum Disruption {
    Pass,
    Deny,
    Drop,
    /// What `SecDefaultAction` says.
    Block,
    Allow(Scope),
    Redirect(Template),
    Proxy,
}

/// How far `allow` reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Phase,
    Request,
    All,
}

/// What a match changes without disrupting the request.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    Set {
        name: Template,
        value: Template,
        change: Change,
    },
    Unset(Template),
    Engine(Engine),
    Remove(Rules),
    Exclude(Rules, Target),
    /// Makes the body readable for rules, whatever its type.
    ForceBody,
    /// Runs something that may answer by itself.
    Unknown(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Assign,
    /// Adds a number, which may be negative.
    Add,
}

/// Rules that another rule or directive names.
#[derive(Clone, Debug)]
pub(super) enum Rules {
    Ids(Arc<[(u64, u64)]>),
    Tagged(Arc<Pattern>),
    WithMessage(Arc<Pattern>),
}

impl Rules {
    /// Numbers and ranges, parted by blanks or commas: `1 5-9`.
    pub(super) fn ids(text: &str) -> Rules {
        let range = |text: &str| {
            let (from, to) = text.split_once('-').unwrap_or((text, text));
            Some((from.parse().ok()?, to.parse().ok()?))
        };
        Rules::Ids(text.split([' ', ',', '\t']).filter_map(range).collect())
    }

    pub(super) fn tagged(regex: &str) -> Rules {
        Rules::Tagged(Arc::new(Pattern::new(regex, false)))
    }

    pub(super) fn with_message(regex: &str) -> Rules {
        Rules::WithMessage(Arc::new(Pattern::new(regex, false)))
    }

    pub(super) fn name(&self, actions: &Actions) -> bool {
        match self {
            Rules::Ids(ranges) => actions.id.is_some_and(|id| ranges.iter().any(|(from, to)| (*from..=*to).contains(&id))),
            Rules::Tagged(pattern) => actions.tags.iter().any(|tag| pattern.matches(tag) == Some(true)),
            Rules::WithMessage(pattern) => actions.message.as_ref().is_some_and(|message| pattern.matches(message) == Some(true)),
        }
    }
}

/// A list of actions, as written or merged with its defaults.
#[derive(Clone, Debug, Default)]
pub(super) struct Actions {
    pub(super) id: Option<u64>,
    pub(super) phase: Option<u8>,
    pub(super) message: Option<Box<str>>,
    pub(super) tags: Vec<Box<str>>,
    pub(super) disruption: Option<Disruption>,
    pub(super) status: Option<u16>,
    pub(super) transformations: Vec<Transformation>,
    /// Whether `t:none` stands in the list, so that inherited transformations do not count.
    pub(super) resets_transformations: bool,
    pub(super) effects: Vec<Effect>,
    pub(super) chain: bool,
    pub(super) skip: usize,
    pub(super) skip_after: Option<Box<str>>,
    pub(super) capture: bool,
    /// Whether an action stands in it that only the first rule of a chain may have.
    pub(super) describes: bool,
}

impl Actions {
    /// Reads a list; gives the first mistake as an error.
    pub(super) fn parse(text: &str) -> Result<Actions, String> {
        let mut actions = Actions::default();
        for (name, value) in items(text)? {
            actions.add(name, value.as_deref())?;
        }
        Ok(actions)
    }

    fn add(&mut self, name: &str, value: Option<&str>) -> Result<(), String> {
        let needed = || value.filter(|value| !value.is_empty()).ok_or_else(|| format!("the action `{name}` needs a value"));
        match name.to_ascii_lowercase().as_str() {
            "id" => self.id = Some(id(needed()?)?),
            "phase" => self.phase = Some(phase(needed()?)?),
            "msg" => self.message = Some(needed()?.into()),
            "tag" => self.tags.push(needed()?.into()),
            "rev" | "ver" | "severity" | "accuracy" | "maturity" | "logdata" => {
                needed()?;
                self.describes = true;
            }
            "pass" => self.disruption = Some(Disruption::Pass),
            "deny" => self.disruption = Some(Disruption::Deny),
            "drop" => self.disruption = Some(Disruption::Drop),
            "block" => self.disruption = Some(Disruption::Block),
            "allow" => self.disruption = Some(Disruption::Allow(scope(value)?)),
            "redirect" => self.disruption = Some(Disruption::Redirect(Template::parse(needed()?))),
            "proxy" => self.disruption = Some(Disruption::Proxy),
            // A pause that is all there is lets the request pass in the end.
            "pause" => _ = needed()?,
            // What is no number counts as none, which `deny` makes a 403 of.
            "status" => self.status = needed()?.parse().ok(),
            "t" => self.transform(needed()?)?,
            "setvar" => self.effects.push(setvar(needed()?)),
            "ctl" => self.effects.extend(control(needed()?)?),
            "exec" => self.effects.push(Effect::Unknown("the program that `exec` runs may answer by itself")),
            "chain" => self.chain = true,
            "skip" => self.skip = needed()?.parse().map_err(|_| "the action `skip` needs a number".to_owned())?,
            "skipafter" => self.skip_after = Some(needed()?.into()),
            "capture" => self.capture = true,
            "log" | "nolog" | "auditlog" | "noauditlog" | "multimatch" => {}
            "xmlns" | "setenv" | "expirevar" | "deprecatevar" | "initcol" | "setsid" | "setrsc" | "setuid" | "prepend"
            | "append" => _ = needed()?,
            name if name.starts_with("sanitise") || name.starts_with("sanitize") => _ = needed()?,
            _ => return Err(format!("no such action: `{name}`")),
        }
        Ok(())
    }

    fn transform(&mut self, name: &str) -> Result<(), String> {
        match Transformation::named(name).ok_or_else(|| format!("no such transformation: `{name}`"))? {
            Some(transformation) => self.transformations.push(transformation),
            None => {
                self.transformations.clear();
                self.resets_transformations = true;
            }
        }
        Ok(())
    }

    /// The list with what `defaults` says where it says nothing by itself (`msre_actionset_merge`).
    pub(super) fn over(mut self, defaults: &Actions) -> Actions {
        if !self.resets_transformations {
            self.transformations.splice(0..0, defaults.transformations.iter().copied());
        }
        self.effects.splice(0..0, defaults.effects.iter().cloned());
        self.phase = self.phase.or(defaults.phase);
        self.status = self.status.or(defaults.status);
        self.capture |= defaults.capture;
        self.disruption = self.disruption.or_else(|| defaults.disruption.clone());
        self.id = self.id.or(defaults.id);
        self.message = self.message.or_else(|| defaults.message.clone());
        self.tags.splice(0..0, defaults.tags.iter().cloned());
        self.skip_after = self.skip_after.or_else(|| defaults.skip_after.clone());
        self
    }
}

/// Names and values, parted by commas; a value in single quotes may hold commas (`msre_parse_generic`).
fn items(text: &str) -> Result<Vec<(&str, Option<String>)>, String> {
    let mut items = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| matches!(c, ':' | ',' | '|') || c.is_whitespace()).unwrap_or(rest.len());
        let name = &rest[..end];
        rest = &rest[end..];
        let mut value = None;
        if let Some(after) = rest.strip_prefix(':') {
            let (found, behind) = item_value(after)?;
            value = Some(found);
            rest = behind;
        } else if let Some(sign) = rest.trim_start().chars().next().filter(|sign| !matches!(sign, ',' | '|')) {
            return Err(format!("a comma is missing before `{sign}`"));
        }
        items.push((name, value));
        rest = rest.trim_start_matches(|c: char| matches!(c, ',' | '|') || c.is_whitespace());
    }
    Ok(items)
}

fn item_value(text: &str) -> Result<(String, &str), String> {
    let Some(quoted) = text.strip_prefix('\'') else {
        let end = text.find(|c: char| matches!(c, ',' | '|') || c.is_whitespace()).unwrap_or(text.len());
        return Ok((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' => return Ok((value, &quoted[at + 1..])),
            '\\' => match characters.next() {
                Some((_, escaped @ ('\'' | '\\'))) => value.push(escaped),
                _ => return Err("a backslash in a quoted value may stand before a quote or a backslash only".into()),
            },
            other => value.push(other),
        }
    }
    Err("the closing quote of a value is missing".into())
}

fn id(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|id| *id > 0).ok_or_else(|| format!("`{text}` is not a rule's id, which is a positive number"))
}

fn phase(text: &str) -> Result<u8, String> {
    match text.to_ascii_lowercase().as_str() {
        "request" => Ok(2),
        "response" => Ok(4),
        "logging" => Ok(5),
        number => number
            .parse()
            .ok()
            .filter(|phase| (1..=5).contains(phase))
            .ok_or_else(|| format!("`{text}` is not a phase, which is 1 to 5")),
    }
}

fn scope(value: Option<&str>) -> Result<Scope, String> {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None | Some("") => Ok(Scope::All),
        Some("phase") => Ok(Scope::Phase),
        Some("request") => Ok(Scope::Request),
        Some(other) => Err(format!("`allow` takes `phase` or `request`, not `{other}`")),
    }
}

fn setvar(text: &str) -> Effect {
    if let Some(name) = text.strip_prefix('!') {
        return Effect::Unset(Template::parse(name));
    }
    let (name, value) = text.split_once('=').unwrap_or((text, "1"));
    let change = if value.starts_with(['+', '-']) { Change::Add } else { Change::Assign };
    // Of `+%{tx.x}` the sign and the number are one text only after the macro is resolved.
    Effect::Set { name: Template::parse(name), value: Template::parse(value), change }
}

fn control(text: &str) -> Result<Option<Effect>, String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`ctl:{text}` has no value"))?;
    let excluded = |rules: fn(&str) -> Rules| {
        let (rules_text, target) = value.split_once(';').unwrap_or((value, ""));
        let target = Targets::parse(target.trim_start_matches('!')).ok()?.included.pop()?;
        Some(Effect::Exclude(rules(rules_text), target))
    };
    Ok(match name.to_ascii_lowercase().as_str() {
        "ruleengine" => Some(Effect::Engine(Engine::named(value).ok_or_else(|| format!("no such engine state: `{value}`"))?)),
        "ruleremovebyid" => Some(Effect::Remove(Rules::ids(value))),
        "ruleremovebytag" => Some(Effect::Remove(Rules::tagged(value))),
        "ruleremovebymsg" => Some(Effect::Remove(Rules::with_message(value))),
        "ruleremovetargetbyid" => excluded(Rules::ids),
        "ruleremovetargetbytag" => excluded(Rules::tagged),
        "ruleremovetargetbymsg" => excluded(Rules::with_message),
        "forcerequestbodyvariable" => value.eq_ignore_ascii_case("on").then_some(Effect::ForceBody),
        "auditengine"
        | "auditlogparts"
        | "debugloglevel"
        | "requestbodyaccess"
        | "requestbodylimit"
        | "requestbodyprocessor"
        | "responsebodyaccess"
        | "responsebodylimit"
        | "hashengine"
        | "hashenforcement"
        | "parsexmlintoargs" => None,
        _ => return Err(format!("no such setting of `ctl`: `{name}`")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read() {
        let actions =
            Actions::parse("id:7, phase:request,deny,status:405,msg:'a, \\'b\\'',t:lowercase,t:none,tag:x,chain").unwrap();
        assert_eq!((actions.id, actions.phase, actions.status, actions.chain), (Some(7), Some(2), Some(405), true));
        assert_eq!(actions.message.as_deref(), Some("a, 'b'"));
        assert!(actions.transformations.is_empty());
        assert!(matches!(actions.disruption, Some(Disruption::Deny)));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, message) in [
            ("id:x", "`x` is not"),
            ("refuse", "no such action"),
            ("t:upper", "no such transformation"),
            ("phase:9", "`9` is not a phase"),
            ("msg:'x", "closing quote"),
            ("deny log", "a comma is missing"),
        ] {
            let error = Actions::parse(text).unwrap_err();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
