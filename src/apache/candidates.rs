//! Values that the config compares parts of the request with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::expr::Expr;
use super::site::access::From;
use super::site::authn::AuthType;
use super::site::authz::{Node, Rule};
use super::site::rewrite::{CondKind, RewriteRule};
use super::site::section::{DirConfig, Section};
use super::site::setenvif::{SetEnvIf, Test};
use super::site::{ApacheSite, Server};
use super::text::{Piece, Text, Var, for_method};
use crate::ask::{Explorer, Input};

/// Credentials as a client sends them.
const SOMEBODY: &str = "Basic dXNlcjpwYXNzd29yZA==";

/// By input, the values worth trying.
#[derive(Debug, Default)]
pub(super) struct Values {
    known: BTreeMap<Input, BTreeSet<Arc<str>>>,
    /// Whether plain connections are told from those over TLS.
    pub(super) tell_tls: bool,
}

impl Values {
    pub(super) fn of(site: &ApacheSite) -> Self {
        let of_servers = site.servers.par_iter().with_min_len(64).fold(Values::default, |mut values, server| {
            values.server(server);
            values
        });
        let mut values = of_servers.reduce(Values::default, Values::join);
        site.folders.values().flat_map(|folder| folder.configs()).for_each(|config| values.config(config));
        values
    }

    pub(super) fn get(&self, input: &Input) -> Vec<Arc<str>> {
        self.known.get(input).map(|values| values.iter().take(Explorer::MAX_CANDIDATES).cloned().collect()).unwrap_or_default()
    }

    fn join(mut self, other: Values) -> Values {
        for (input, values) in other.known {
            self.known.entry(input).or_default().extend(values);
        }
        self.tell_tls |= other.tell_tls;
        self
    }

    fn server(&mut self, server: &Server) {
        server.rewrite.rules.iter().for_each(|rule| self.rule(rule));
        server.env.iter().for_each(|line| self.env(line));
        self.config(&server.defaults);
        let sections = server.directories.iter().chain(&server.locations).chain(&server.proxy_sections);
        sections.for_each(|section| self.section(section));
    }

    fn section(&mut self, section: &Section) {
        self.config(&section.config);
    }

    fn config(&mut self, config: &DirConfig) {
        config.env.iter().for_each(|line| self.env(line));
        config.files.iter().for_each(|section| self.section(section));
        if let Some(rewrite) = &config.rewrite {
            rewrite.rules.iter().for_each(|rule| self.rule(rule));
        }
        for inner in &config.ifs {
            self.expr(&inner.test);
            self.config(&inner.config);
        }
        if config.auth_type.as_ref().is_some_and(|kind| kind.value != AuthType::None) {
            self.add(Input::Header("authorization".into()), SOMEBODY);
        }
        if let Some(root) = config.authz.as_ref().and_then(|authz| authz.root.as_ref()) {
            self.require(root);
        }
        for rule in config.access.iter().flat_map(|access| &access.rules) {
            if let From::Net(net) = &rule.from {
                self.add(Input::Client, &net.example());
            }
        }
    }

    fn require(&mut self, node: &Node) {
        match &node.rule {
            Rule::Nets(nets) => nets.iter().take(2).for_each(|net| self.add(Input::Client, &net.example())),
            Rule::Expr(expr) => self.expr(expr),
            _ => node.children().iter().for_each(|child| self.require(child)),
        }
    }

    fn rule(&mut self, rule: &RewriteRule) {
        for cond in &rule.conds {
            self.tell_tls |= tells_tls(&cond.test);
            match &cond.kind {
                CondKind::Pattern(pattern) => self.pattern(&cond.test, pattern),
                CondKind::Compare(_, with, _) if !with.is_empty() => self.text(&cond.test, with),
                CondKind::Expr(expr) => self.expr(expr),
                _ => {}
            }
        }
    }

    fn env(&mut self, line: &SetEnvIf) {
        match &line.test {
            Test::Var(var, pattern) => self.pattern(&vec![Piece::Var(var.clone())], pattern),
            Test::Expr(expr) => self.expr(expr),
            Test::Method(_) | Test::AnyHeader(..) => {}
        }
    }

    fn expr(&mut self, expr: &Expr) {
        expr.leaves(&mut |leaf| self.tell_tls |= leaf.texts().into_iter().any(tells_tls));
        expr.leaves(&mut |leaf| match leaf {
            Expr::Compare(_, left, right) => {
                if let Some(with) = for_method(right, "") {
                    self.text(left, &with);
                }
            }
            Expr::In(left, list) => {
                list.iter().filter_map(|with| for_method(with, "")).take(2).for_each(|with| self.text(left, &with));
            }
            Expr::Match(left, pattern) => self.pattern(left, pattern),
            Expr::Unary('n' | 'z', text) => self.text(text, "1"),
            Expr::Binary(operator, left, right) if &**operator == "ipmatch" => {
                let net = for_method(right, "").and_then(|net| super::net::Net::parse(&net));
                if let Some(net) = net {
                    self.text(left, &net.example());
                }
            }
            Expr::Binary(_, left, right) => {
                if let Some(with) = for_method(right, "") {
                    self.text(left, &with.replace(['*', '?'], "a"));
                }
            }
            _ => {}
        });
    }

    fn pattern(&mut self, text: &Text, pattern: &crate::pattern::Pattern) {
        if input_of(text).is_some()
            && let Some(example) = pattern.example()
        {
            self.text(text, &example);
        }
    }

    fn text(&mut self, text: &Text, value: &str) {
        if let Some(input) = input_of(text) {
            self.add(input, value);
        }
    }

    fn add(&mut self, input: Input, value: &str) {
        // Such values would not be one header line.
        if !value.contains(['\r', '\n', '\0']) {
            self.known.entry(input).or_default().insert(value.into());
        }
    }
}

/// Whether a text differs between plain connections and those over TLS.
fn tells_tls(text: &Text) -> bool {
    text.iter().any(|piece| match piece {
        Piece::Var(var) => matches!(var, Var::Https | Var::Scheme | Var::ServerPort),
        Piece::Call(_, inner) => tells_tls(inner),
        _ => false,
    })
}

/// The part of a request that a text is, where it is nothing else.
fn input_of(text: &Text) -> Option<Input> {
    match &text[..] {
        [Piece::Var(Var::Header(name))] if **name != *"host" => Some(Input::Header(Arc::clone(name))),
        [Piece::Var(Var::RemoteAddress)] => Some(Input::Client),
        _ => None,
    }
}
