//! Who may: `AllowMethods`, `Order`, `Require` (`access_checker`, `access_checker_ex`, `check_user_id`).

use super::super::net::Net;
use super::super::site::access::{AccessRule, From, Order};
use super::super::site::authn::AuthType;
use super::super::site::authz::{Merging, Node, Rule};
use super::authn::User;
use super::{DirConfig, End, Layer, Phase, Run};
use crate::ask::Fact;
use crate::source::Span;

/// What a rule says of a request (`authz_status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Say {
    Granted,
    Denied,
    /// Denied, but a user could be allowed.
    NoUser,
    Neutral,
}

/// The rules of all sections, put together as `AuthMerging` says.
#[derive(Clone, Debug)]
enum Rules<'s> {
    None,
    One(&'s Node),
    Merged { all: bool, first: Box<Rules<'s>>, second: Box<Rules<'s>> },
}

struct Merged<'s> {
    merging: Option<Merging>,
    rules: Rules<'s>,
}

impl<'s> Run<'s, '_, '_> {
    pub(super) fn check_access(&mut self) -> Phase {
        if self.is_checked_already() {
            return Ok(());
        }
        if self.satisfies_any() {
            if self.access_checkers().is_ok() {
                self.decided = None;
                return Ok(());
            }
            return self.authorize();
        }
        self.access_checkers()?;
        self.authorize()
    }

    /// What is looked up for a request is not checked again where the same sections take it (`ap_process_request_internal`). Some
    /// modules hook into the checks so that only files in the folder of the request are left out
    /// (`auth_internal_per_conf`).
    fn is_checked_already(&mut self) -> bool {
        const CHECK_ALL: [&str; 3] = ["allowmethods", "log_debug", "lua"];
        let same = |(one, other): (&(Layer, &DirConfig), &(Layer, &DirConfig))| one.0 == other.0 && std::ptr::eq(one.1, other.1);
        if !self.subrequest
            || self.mapping.proxied.is_some()
            || self.mapping.stack.len() != self.checked.len()
            || !self.mapping.stack.iter().zip(&self.checked).all(same)
        {
            return false;
        }
        if !CHECK_ALL.iter().any(|module| self.has(module)) {
            return true;
        }
        let filename = self.mapping.filename.as_str().into();
        self.mapping.stack.iter().all(|(layer, _)| matches!(layer, Layer::Defaults | Layer::Storage))
            && self.ask.fact(Fact::FileExists(filename), true)
    }

    fn satisfies_any(&mut self) -> bool {
        if !self.has("access_compat") {
            return false;
        }
        let Some(access) = self.innermost(|config| config.access.as_deref()) else { return false };
        access.satisfy_any.iter().rev().find(|(limited, _)| self.method_is(*limited)).is_some_and(|(_, any)| any.value)
    }

    fn access_checkers(&mut self) -> Phase {
        self.allow_methods()?;
        self.order()
    }

    fn allow_methods(&mut self) -> Phase {
        if !self.has("allowmethods") {
            return Ok(());
        }
        let Some(allowed) = self.innermost(|config| config.allow_methods) else { return Ok(()) };
        match allowed.value {
            Some(set) if !self.method_is(set) => {
                self.decided("access_checker", "AllowMethods", allowed.span, "does not list the method", End::Status(405))
            }
            _ => Ok(()),
        }
    }

    /// mod_access_compat's three orders.
    fn order(&mut self) -> Phase {
        if !self.has("access_compat") {
            return Ok(());
        }
        let Some(access) = self.innermost(|config| config.access.as_deref()) else { return Ok(()) };
        if !self.method_is(access.touched) {
            return Ok(());
        }
        let order = access.orders.iter().rev().find(|(limited, _)| self.method_is(*limited)).map(|(_, order)| *order);
        let kind = order.map_or(Order::DenyAllow, |order| order.value);
        let allowed = self.first_rule(access.rules.iter().filter(|rule| rule.allow));
        let denied = self.first_rule(access.rules.iter().filter(|rule| !rule.allow));
        let passes = match kind {
            Order::AllowDeny | Order::MutualFailure => allowed.is_some() && denied.is_none(),
            Order::DenyAllow => denied.is_none() || allowed.is_some(),
        };
        if passes {
            return Ok(());
        }
        let by = denied.map(|span| ("Deny", span)).or(order.map(|order| ("Order", order.span)));
        match by {
            Some((directive, span)) => self.decided("access_checker", directive, span, "denies the request", End::Status(403)),
            None => Err(End::Status(403)),
        }
    }

    fn first_rule<'r>(&mut self, rules: impl Iterator<Item = &'r AccessRule>) -> Option<Span> {
        for rule in rules {
            if !self.method_is(rule.limited) {
                continue;
            }
            let takes = match &rule.from {
                From::All => true,
                From::Net(net) => self.client_is_of(std::slice::from_ref(net)),
                From::Env(name) => self.env_value(name, 0).is_some(),
                From::NoEnv(name) => self.env_value(name, 0).is_none(),
                From::Host(host) => self.client_is_named(host),
            };
            if takes {
                return Some(rule.span);
            }
        }
        None
    }

    pub(super) fn client_is_of(&mut self, nets: &[Net]) -> bool {
        let examples = nets.iter().map(|net| net.example().into());
        self.ask.client_is(|client| nets.iter().any(|net| net.contains(client)), examples)
    }

    fn client_is_named(&mut self, host: &str) -> bool {
        let loopback = self.ask.client_is(|client| matches!(client, "127.0.0.1" | "::1"), []);
        if host.eq_ignore_ascii_case("localhost") {
            return loopback;
        }
        !loopback && self.suppose(&format!("the client's name is of {host}"), false)
    }

    fn authorize(&mut self) -> Phase {
        if !self.has("authz_core") {
            return Ok(());
        }
        let set = self.innermost(|config| config.auth_type.as_ref());
        let kind = set.map_or(&AuthType::None, |kind| &kind.value);
        let rules = self.merged_rules();
        let (Rules::One(_) | Rules::Merged { .. }) = rules else {
            return match set {
                Some(set) if set.value != AuthType::None => {
                    self.decided("access_checker_ex", "AuthType", set.span, "stands without `Require`", End::Status(500))
                }
                _ => Ok(()),
            };
        };
        self.user = User::Nobody;
        let mut by = None;
        let said = self.apply(&rules, true, &mut by);
        let (directive, span) = by.unwrap_or(("Require", rules.span()));
        match said {
            Say::Granted => return Ok(()),
            Say::Denied | Say::Neutral => {
                return self.decided("access_checker_ex", directive, span, "denies the request", End::Status(403));
            }
            Say::NoUser => self.authenticate(kind, directive, span)?,
        }
        match self.apply(&rules, true, &mut by) {
            Say::Granted => Ok(()),
            _ => {
                let forbidden = self.innermost(|config| config.authz.as_ref()?.forbidden_on_fail).unwrap_or(false);
                let status = if forbidden { 403 } else { 401 };
                self.decided("auth_checker", directive, span, "denies the user", End::Status(status))
            }
        }
    }

    /// httpd merges the sections of one walk before it merges the walk with what came before.
    fn merged_rules(&self) -> Rules<'s> {
        let mut whole = Merged { merging: None, rules: Rules::None };
        let mut index = 0;
        while index < self.mapping.stack.len() {
            let layer = self.mapping.stack[index].0;
            let mut walk: Option<Merged<'s>> = None;
            while index < self.mapping.stack.len() && self.mapping.stack[index].0 == layer {
                if let Some(authz) = &self.mapping.stack[index].1.authz {
                    let rules = authz.root.as_ref().map_or(Rules::None, Rules::One);
                    let next = Merged { merging: authz.merging, rules };
                    walk = Some(match walk {
                        None => next,
                        Some(base) => base.merge(next),
                    });
                }
                index += 1;
            }
            if let Some(walk) = walk {
                whole = whole.merge(walk);
            }
        }
        whole.rules
    }

    /// `apply_authz_sections`: a rule for other methods counts as granted beside rules that must all hold.
    fn apply(&mut self, rules: &Rules<'s>, all: bool, by: &mut Option<(&'static str, Span)>) -> Say {
        match rules {
            Rules::None => Say::Neutral,
            Rules::One(node) => self.apply_node(node, all, by),
            Rules::Merged { all: inner, first, second } => {
                if !self.method_is(rules.limited()) {
                    return if all { Say::Granted } else { Say::Neutral };
                }
                let mut said = Said { all: *inner, so_far: Say::Neutral };
                for side in [first, second] {
                    let say = self.apply(side, *inner, by);
                    if said.add(say) {
                        break;
                    }
                }
                said.so_far
            }
        }
    }

    fn apply_node(&mut self, node: &'s Node, all: bool, by: &mut Option<(&'static str, Span)>) -> Say {
        if !self.method_is(node.limited) {
            return if all { Say::Granted } else { Say::Neutral };
        }
        let say = match &node.rule {
            Rule::All(list) | Rule::Any(list) => {
                let mut said = Said { all: node.is_all(), so_far: Say::Neutral };
                for child in list {
                    let say = self.apply_node(child, said.all, by);
                    if said.add(say) {
                        break;
                    }
                }
                said.so_far
            }
            rule => self.apply_rule(rule),
        };
        let say = match (node.negated, say) {
            (false, say) => say,
            (true, Say::Granted) => Say::Denied,
            (true, _) => Say::Neutral,
        };
        if matches!(say, Say::Denied | Say::NoUser) && node.children().is_empty() {
            *by = Some(("Require", node.span));
        }
        say
    }

    fn apply_rule(&mut self, rule: &Rule) -> Say {
        let granted = match rule {
            Rule::Granted => true,
            Rule::Denied => false,
            Rule::Methods(set) => self.method_is(*set),
            Rule::Nets(nets) => self.client_is_of(nets),
            Rule::Local => {
                let own = &self.ask.request().address;
                let is_local = |client: &str| client.starts_with("127.") || client == "::1" || client == *own;
                self.ask.client_is(is_local, [])
            }
            Rule::Hosts(names) => names.iter().any(|name| self.client_is_named(name)),
            Rule::Env(names) => names.iter().any(|name| self.env_value(name, 0).is_some()),
            Rule::Expr(expr) => self.expr(expr),
            Rule::User(_) if self.user == User::Nobody => return Say::NoUser,
            Rule::User(wanted) => self.is_wanted(wanted),
            Rule::Other(name) => self.suppose(&format!("`Require {name}` holds"), false),
            Rule::All(_) | Rule::Any(_) => false,
        };
        if granted { Say::Granted } else { Say::Denied }
    }
}

/// What the rules of one container have said so far.
struct Said {
    all: bool,
    so_far: Say,
}

impl Said {
    /// Takes what one more rule says; true where the rest does not matter.
    fn add(&mut self, say: Say) -> bool {
        if say == Say::Neutral {
            return false;
        }
        let ends = if self.all { Say::Denied } else { Say::Granted };
        let stays = if self.all { Say::Granted } else { Say::Denied };
        if say == ends {
            self.so_far = say;
            return true;
        }
        let replaces = if self.all { self.so_far != Say::Denied } else { self.so_far == stays };
        if self.so_far == Say::Neutral || (say == Say::NoUser && replaces) {
            self.so_far = say;
        }
        false
    }
}

impl<'s> Merged<'s> {
    /// `merge_authz_core_dir_config`: without `AuthMerging` the inner section's rules replace all outer ones.
    fn merge(self, inner: Merged<'s>) -> Merged<'s> {
        let none = |rules: &Rules<'_>| matches!(rules, Rules::None);
        if inner.merging.is_none() && none(&inner.rules) && !none(&self.rules) {
            return self;
        }
        let Some(all) = inner.merging.filter(|merging| *merging != Merging::Off).map(|merging| merging == Merging::And) else {
            return inner;
        };
        let rules = match (self.rules, inner.rules) {
            (Rules::None, rules) | (rules, Rules::None) => rules,
            (first, second) => Rules::Merged { all, first: Box::new(first), second: Box::new(second) },
        };
        Merged { merging: inner.merging, rules }
    }
}

impl Rules<'_> {
    fn limited(&self) -> crate::http::MethodSet {
        match self {
            Rules::None => crate::http::MethodSet::EMPTY,
            Rules::One(node) => node.limited,
            Rules::Merged { first, second, .. } => first.limited() | second.limited(),
        }
    }

    fn span(&self) -> Span {
        match self {
            Rules::One(node) => node.span,
            Rules::Merged { second, .. } => second.span(),
            Rules::None => Span::new(crate::source::FileId(0), 0..0),
        }
    }
}
