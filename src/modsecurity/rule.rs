//! One rule: `SecRule` or `SecAction`, with the rules that are chained to it.

use super::action::{Actions, Change, Disruption, Effect};
use super::operator::{Operator, Test};
use super::template::Template;
use super::variable::{Targets, Variable};
use crate::source::Span;

/// A rule with its chain; `links` is never empty.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// The first link's actions with the defaults taken in: they hold for the chain.
    pub(super) actions: Actions,
    /// What `block` means here.
    pub(super) block: Disruption,
    pub(super) phase: u8,
    pub(super) links: Vec<Link>,
    /// The parts that a request needs so that the rule can match at all.
    pub(super) needs: Parts,
}

/// One `SecRule` or `SecAction` of a chain.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) span: Span,
    /// `None` is a `SecAction`, which always matches.
    pub(super) check: Option<Check>,
    pub(super) actions: Actions,
}

#[derive(Clone, Debug)]
pub(super) struct Check {
    pub(super) targets: Targets,
    pub(super) operator: Operator,
}

/// Parts that many requests lack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts(u8);

impl Parts {
    pub(super) const ARGUMENTS: Parts = Parts(1);
    pub(super) const COOKIES: Parts = Parts(2);
    pub(super) const BODY: Parts = Parts(4);
    /// A part that no request has.
    const NONE: Parts = Parts(8);

    pub(super) fn with(self, other: Parts) -> Parts {
        Parts(self.0 | other.0)
    }

    /// Whether a request with the parts of `has` has what is needed: one of these parts, or nothing.
    pub(super) fn met_by(self, has: Parts) -> bool {
        self.0 == 0 || self.0 & has.0 != 0
    }
}

impl Rule {
    pub(super) fn new(link: Link, defaults: &Actions) -> Rule {
        let actions = link.actions.clone();
        let mut rule = Rule {
            block: defaults.disruption.clone().unwrap_or(Disruption::Pass),
            phase: actions.phase.unwrap_or(2),
            needs: Parts::default(),
            links: vec![link],
            actions,
        };
        rule.see_needs();
        rule
    }

    pub(super) fn is_open(&self) -> bool {
        self.links.last().is_some_and(|link| link.actions.chain)
    }

    /// To be called when the targets of the first link change.
    pub(super) fn see_needs(&mut self) {
        self.needs = self.links[0].check.as_ref().map_or(Parts::default(), Check::needs);
    }

    /// Whether a match has any consequence for later rules or the request.
    pub(super) fn matters(&self) -> bool {
        let disruption = self.actions.disruption.as_ref();
        let disrupts = match disruption {
            Some(Disruption::Block) => !matches!(self.block, Disruption::Pass),
            disruption => disruption.is_some_and(|disruption| !matches!(disruption, Disruption::Pass)),
        };
        disrupts
            || self.actions.skip > 0
            || self.actions.skip_after.is_some()
            || self.links.iter().any(|link| link.actions.capture || !link.actions.effects.is_empty())
    }

    /// Whether this link or a later one needs the very text that this link matches.
    pub(super) fn needs_text_of(&self, index: usize) -> bool {
        let looks_back =
            |link: &Link| link.check.iter().any(|check| check.targets.included.iter().any(|target| target.variable.is_matched()));
        self.links[index].needs_text() || self.links[index + 1..].iter().any(|link| link.needs_text() || looks_back(link))
    }

    /// The paths that a rule about the method is about as well, or leaves out, each with its place.
    pub(super) fn paths(&self) -> impl Iterator<Item = (String, Span)> {
        let is_about_method = self.links.iter().filter_map(|link| link.check.as_ref()).any(Check::is_about_method);
        let links = self.links.iter().filter(move |_| is_about_method);
        links.filter_map(|link| Some((link.check.as_ref()?.path()?, link.span)))
    }

    pub(super) fn name(&self) -> String {
        match self.actions.id {
            Some(id) => format!("rule {id}"),
            None => "a rule without an id".into(),
        }
    }
}

impl Link {
    pub(super) fn directive(&self) -> &'static str {
        if self.check.is_some() { "SecRule" } else { "SecAction" }
    }

    /// Whether what the link does on a match needs the very text that matched, so that a run must know the method.
    pub(super) fn needs_text(&self) -> bool {
        let texts =
            |template: &Template| template.targets().any(|target| target.depends_on_method() || target.variable.is_matched());
        self.actions.capture
            || self.actions.effects.iter().any(|effect| match effect {
                Effect::Set { name, value, .. } => texts(name) || texts(value),
                Effect::Unset(name) => texts(name),
                _ => false,
            })
    }
}

impl Check {
    fn needs(&self) -> Parts {
        let parts = self.targets.included.iter().map(|target| match target.variable {
            _ if target.count => Parts::default(),
            Variable::Arguments { .. } | Variable::ArgumentNames { .. } => Parts::ARGUMENTS,
            Variable::Cookies | Variable::CookieNames => Parts::COOKIES,
            Variable::Body => Parts::BODY,
            Variable::Absent => Parts::NONE,
            _ => Parts::default(),
        });
        parts
            .reduce(|all, parts| match [all, parts] {
                [Parts(0), _] | [_, Parts(0)] => Parts::default(),
                [all, parts] => all.with(parts),
            })
            .unwrap_or_default()
    }

    /// Whether the check looks at the method and nothing else.
    pub(super) fn is_about_method(&self) -> bool {
        matches!(&self.targets.included[..], [target] if target.variable == Variable::Method && !target.count)
    }

    /// A path that the check is about, or leaves out, where it looks at the path and nothing else.
    fn path(&self) -> Option<String> {
        let [target] = &self.targets.included[..] else { return None };
        let is_path = matches!(target.variable, Variable::Uri | Variable::UriRaw | Variable::Filename) && !target.count;
        if !is_path {
            return None;
        }
        let path = match &self.operator.test {
            Test::Pattern(pattern) => pattern.example_path().map(str::to_owned),
            _ => self.operator.examples().first().map(ToString::to_string),
        };
        path.filter(|path| path.starts_with('/'))
    }

    /// The words of a parameter that lists methods, or the one word that a method is compared with.
    pub(super) fn words(&self) -> Vec<&str> {
        let Some(parameter) = self.operator.parameter.constant() else { return Vec::new() };
        let parts_words = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
        match self.operator.test {
            Test::Pattern(_) | Test::Within | Test::Phrases(_) | Test::Equals | Test::Contains | Test::BeginsWith => {
                parameter.split(parts_words).filter(|word| word.len() > 1).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The variable that a `setvar` sets, where its name holds no macro.
pub(super) fn variable_set(effect: &Effect) -> Option<(&str, &Template)> {
    match effect {
        Effect::Set { name, value, change: Change::Assign } => Some((name.constant()?, value)),
        _ => None,
    }
}
