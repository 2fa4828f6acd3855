//! `Require` and its containers (`modules/aaa/mod_authz_core.c`).

use super::super::expr::{Expr, parse};
use super::super::net::Net;
use super::super::words::{first, values};
use super::{Context, Refused};
use crate::http::MethodSet;
use crate::source::Span;

/// What one section says about authorization.
#[derive(Clone, Debug, Default)]
pub(in crate::apache) struct Authz {
    pub(in crate::apache) merging: Option<Merging>,
    /// The implicit container of the section's own rules.
    pub(in crate::apache) root: Option<Node>,
    pub(in crate::apache) forbidden_on_fail: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::apache) enum Merging {
    Off,
    And,
    Or,
}

#[derive(Clone, Debug)]
pub(in crate::apache) struct Node {
    pub(in crate::apache) rule: Rule,
    pub(in crate::apache) negated: bool,
    /// The methods that the rule is about.
    pub(in crate::apache) limited: MethodSet,
    pub(in crate::apache) span: Span,
}

#[derive(Clone, Debug)]
pub(in crate::apache) enum Rule {
    All(Vec<Node>),
    Any(Vec<Node>),
    Granted,
    Denied,
    Methods(MethodSet),
    Nets(Vec<Net>),
    Local,
    /// Names of clients, which only a look-up tells.
    Hosts(Vec<String>),
    Env(Vec<String>),
    Expr(Expr),
    /// Needs a user that the server knows.
    User(Wanted),
    /// A rule that a module decides by what only the running server knows: its name.
    Other(String),
}

/// Which users a rule is content with.
#[derive(Clone, Debug)]
pub(in crate::apache) enum Wanted {
    Any,
    Users(Vec<String>),
    Groups(Vec<String>),
    /// What only the running server can tell.
    Other,
}

impl Node {
    pub(in crate::apache) fn container(all: bool, negated: bool, span: Span) -> Node {
        let rule = if all { Rule::All(Vec::new()) } else { Rule::Any(Vec::new()) };
        Node { rule, negated, limited: MethodSet::EMPTY, span }
    }

    pub(in crate::apache) fn children(&self) -> &[Node] {
        match &self.rule {
            Rule::All(list) | Rule::Any(list) => list,
            _ => &[],
        }
    }

    pub(in crate::apache) fn is_all(&self) -> bool {
        matches!(self.rule, Rule::All(_))
    }

    /// Adds a rule, and the methods it is about to those of the container.
    pub(in crate::apache) fn add(&mut self, child: Node) {
        self.limited |= child.limited;
        match &mut self.rule {
            Rule::All(list) | Rule::Any(list) => list.push(child),
            _ => {}
        }
    }

    /// Adds a container; one that means the same as this one dissolves in it.
    pub(in crate::apache) fn add_container(&mut self, child: Node) {
        if !child.negated && child.is_all() == self.is_all() {
            self.limited |= child.limited;
            if let Rule::All(list) | Rule::Any(list) = child.rule {
                list.into_iter().for_each(|inner| self.add(inner));
            }
        } else {
            self.add(child);
        }
    }

    /// Whether a container holds nothing but `Require not` and the like.
    pub(in crate::apache) fn is_only_negative(&self) -> bool {
        !self.children().is_empty() && self.children().iter().all(|child| child.negated)
    }
}

/// The kinds of rules that modules of httpd itself add to those above.
fn is_provider(name: &str) -> bool {
    ["ssl", "ssl-verify-client", "idm"].contains(&name)
}

/// How much of what a line needs is at hand.
#[derive(Clone, Copy, Debug)]
pub(in crate::apache) struct Reading {
    /// Whether a template fills in some of the words.
    pub(in crate::apache) templated: bool,
    /// Whether other files may load modules and register methods.
    pub(in crate::apache) piece: bool,
}

/// Reads the words after `Require`.
pub(in crate::apache) fn read_require(
    context: &mut Context<'_>,
    raw: &str,
    limited: MethodSet,
    span: Span,
    statement: u32,
    reading: Reading,
) -> Result<Node, Refused> {
    let Reading { templated, piece } = reading;
    let open = templated || piece;
    let (word, rest) = first(raw);
    let negated = word.eq_ignore_ascii_case("not");
    let (provider, rest) = if negated { first(rest) } else { (word, rest) };
    let rule = match &*provider {
        "" if !templated => return Err("`Require` says nothing".to_owned()),
        "all" => match values(rest).first().map(|word| word.to_ascii_lowercase()).as_deref() {
            Some("granted") if values(rest).len() == 1 => Rule::Granted,
            Some("denied") if values(rest).len() == 1 => Rule::Denied,
            _ if templated => Rule::Other("all".to_owned()),
            _ => return Err("`Require all` takes `granted` or `denied` and nothing else".to_owned()),
        },
        "method" => {
            let mut set = MethodSet::EMPTY;
            for name in values(rest) {
                if !context.registry.knows(&name, statement) && !open {
                    return Err(format!("`Require method {name}`: httpd knows no such method"));
                }
                set |= context.registry.covered(context.universe, &name);
            }
            Rule::Methods(set)
        }
        "ip" => {
            let mut nets = Vec::new();
            for word in values(rest) {
                match Net::parse(&word) {
                    Some(net) => nets.push(net),
                    None if templated => {}
                    None => return Err(format!("`Require ip {word}`: an address or a range is expected")),
                }
            }
            if nets.is_empty() && !templated {
                return Err("`Require ip` needs an address".to_owned());
            }
            Rule::Nets(nets)
        }
        "local" => Rule::Local,
        "host" | "forward-dns" => Rule::Hosts(values(rest).into_iter().map(|word| word.into_owned()).collect()),
        "env" => Rule::Env(values(rest).into_iter().map(|word| word.into_owned()).collect()),
        "expr" => {
            let words = values(rest);
            // The line itself is the expression; it may stand in quotes as a whole.
            let source = match &words[..] {
                [whole] if rest.starts_with(['"', '\'']) => whole.to_string(),
                _ => rest.to_owned(),
            };
            match parse(&source) {
                Ok(expr) => Rule::Expr(expr.settled(context.universe)),
                Err(_) if open => Rule::Other("expr".to_owned()),
                Err(error) => return Err(format!("`Require expr`: {}", error.message)),
            }
        }
        "valid-user" => Rule::User(Wanted::Any),
        "user" => Rule::User(Wanted::Users(values(rest).into_iter().map(|word| word.into_owned()).collect())),
        "group" => Rule::User(Wanted::Groups(values(rest).into_iter().map(|word| word.into_owned()).collect())),
        "file-owner" | "file-group" => Rule::User(Wanted::Other),
        name if ["ldap-", "dbm-", "dbd-"].iter().any(|start| name.starts_with(start)) => Rule::User(Wanted::Other),
        name => {
            if !open && context.config.modules.are_all_known() && !is_provider(name) {
                return Err(format!("`Require {name}`: no module that httpd has answers for it"));
            }
            Rule::Other(provider.into_owned())
        }
    };
    Ok(Node { rule, negated, limited, span })
}
