//! Who may: `Require` and its containers, `<Limit>`, `Order`, `AllowMethods` and what authentication needs.

use super::super::access::{AccessRule, From as AccessFrom, Order};
use super::super::authn::{AuthType, Groups, Users};
use super::super::authz::{Merging, Node, Reading, read_require};
use super::super::section::DirConfig;
use super::server::{covered, flag};
use super::{Builder, Place, Within};
use crate::apache::read::Statement;
use crate::http::MethodSet;
use crate::source::Spanned;

impl Builder<'_> {
    /// Carries out a directive of access control; false for all others.
    pub(super) fn access_statement(&mut self, name: &str, statement: Statement<'_>, section: &mut Within<'_, '_>) -> bool {
        let (config, place) = (&mut *section.config, section.place);
        match name {
            "require" => self.add_require(statement, config, place),
            "allowmethods" => self.allow_methods(statement, config),
            "authtype" => config.auth_type = Some(Spanned::new(auth_type(statement), statement.span())),
            "authname" => config.authn_mut().has_name = true,
            "authuserfile" => {
                let users = self.named_file(&statement.arg(0).unwrap_or_default(), Users::read);
                config.authn_mut().users = Some(users);
            }
            "authgroupfile" => {
                let groups = self.named_file(&statement.arg(0).unwrap_or_default(), Groups::read);
                config.authn_mut().groups = Some(groups);
            }
            "authbasicprovider" => {
                let names = statement.args().into_iter().map(|name| name.into_owned()).collect();
                config.authn_mut().providers = Some(names);
            }
            "authmerging" => self.auth_merging(statement, config),
            "authzsendforbiddenonfailure" => config.authz_mut().forbidden_on_fail = flag(statement),
            "order" => self.order(statement, config, place.limited),
            "allow" | "deny" => self.allow_or_deny(name == "allow", statement, config, place.limited),
            "satisfy" => self.satisfy(statement, config, place.limited),
            _ => return false,
        }
        true
    }

    fn add_require(&mut self, statement: Statement<'_>, config: &mut DirConfig, place: Place<'_>) {
        let Some(node) = self.require(statement, place) else { return };
        let root = config.authz_mut().root.get_or_insert_with(|| Node::container(false, false, statement.span()));
        if node.negated {
            self.refuse(statement, NEGATED_ALTERNATIVE);
        } else {
            root.add(node);
        }
    }

    fn auth_merging(&mut self, statement: Statement<'_>, config: &mut DirConfig) {
        let merging = match statement.arg(0).unwrap_or_default().to_ascii_lowercase().as_str() {
            "and" => Merging::And,
            "or" => Merging::Or,
            "off" => Merging::Off,
            _ => return self.refuse(statement, "`AuthMerging` is `Off`, `And` or `Or`"),
        };
        config.authz_mut().merging = Some(merging);
    }

    fn order(&mut self, statement: Statement<'_>, config: &mut DirConfig, limited: MethodSet) {
        let order = match statement.arg(0).unwrap_or_default().to_ascii_lowercase().as_str() {
            "allow,deny" => Order::AllowDeny,
            "deny,allow" => Order::DenyAllow,
            "mutual-failure" => Order::MutualFailure,
            _ => return self.refuse(statement, "`Order` is `allow,deny` or `deny,allow`, without a blank"),
        };
        let access = config.access_mut();
        access.touched |= limited;
        access.orders.push((limited, Spanned::new(order, statement.span())));
    }

    fn allow_or_deny(&mut self, allow: bool, statement: Statement<'_>, config: &mut DirConfig, limited: MethodSet) {
        let args = statement.args();
        let Some((_, clients)) = args.split_first().filter(|(word, _)| word.eq_ignore_ascii_case("from")) else {
            return self.refuse(statement, format!("`{}` is followed by `from`", statement.name()));
        };
        let span = statement.span();
        let access = config.access_mut();
        access.touched |= limited;
        access.rules.extend(clients.iter().map(|word| AccessRule { allow, from: AccessFrom::read(word), limited, span }));
    }

    fn satisfy(&mut self, statement: Statement<'_>, config: &mut DirConfig, limited: MethodSet) {
        let any = match statement.arg(0).unwrap_or_default().to_ascii_lowercase().as_str() {
            "any" => true,
            "all" => false,
            _ => return self.refuse(statement, "`Satisfy` is `Any` or `All`"),
        };
        config.access_mut().satisfy_any.push((limited, Spanned::new(any, statement.span())));
    }

    fn allow_methods(&mut self, statement: Statement<'_>, config: &mut DirConfig) {
        let names = statement.args();
        let reset = names.iter().any(|name| name.eq_ignore_ascii_case("reset"));
        if reset && names.len() > 1 {
            self.refuse(statement, "`AllowMethods reset` takes no method beside `reset`");
        }
        let mut set = MethodSet::EMPTY;
        for name in names.iter().filter(|_| !reset) {
            if !self.context.registry.knows(name, statement.index()) {
                let hint = match name.to_ascii_uppercase() {
                    upper if upper != *name && self.context.registry.knows(&upper, statement.index()) => {
                        format!(": methods are written as `{upper}`")
                    }
                    _ if name.contains(',') => ": methods are separated by blanks".to_owned(),
                    _ if name == "#" => ": a comment stands on a line of its own".to_owned(),
                    _ => String::new(),
                };
                self.refuse(statement, format!("`AllowMethods` knows no method `{name}`{hint}"));
                break;
            }
            set |= self.context.registry.covered(self.context.universe, name);
        }
        let span = statement.span();
        let known = config.allow_methods.take();
        config.allow_methods = Some(match known {
            _ if reset => Spanned::new(None, span),
            Some(Spanned { value: Some(known), .. }) => Spanned::new(Some(known | set), span),
            _ => Spanned::new(Some(set), span),
        });
    }

    /// The methods that a `<Limit>` or `<LimitExcept>` leaves of those around it (`ap_limit_section`).
    pub(super) fn limited(&mut self, statement: Statement<'_>, place: Place<'_>) -> MethodSet {
        let except = statement.is("LimitExcept");
        let listed = covered(self, &statement.raw());
        let limited = place.limited & if except { self.context.universe.all() - listed } else { listed };
        let (name, names) = (statement.name(), statement.args());
        if names.is_empty() {
            self.refuse(statement, format!("`<{name}>` names no method"));
        } else if !except && names.iter().any(|name| name == "TRACE") {
            self.refuse(statement, "`<Limit>` cannot have TRACE: `TraceEnable` controls it");
        } else if limited.is_empty() {
            self.refuse(statement, format!("`<{name}>` leaves no method"));
        } else if limited == place.limited {
            self.refuse(statement, format!("`<{name}>` narrows nothing that the section around it leaves"));
        } else if let Some(unknown) = self.unknown_at_runtime(statement) {
            self.refuse(statement, format!("`<{name}>` cannot register `{unknown}` in a `.htaccess` file"));
        }
        limited
    }

    /// `<RequireAll>` and its kin, with all they hold.
    pub(super) fn container(&mut self, name: &str, statement: Statement<'_>, place: Place<'_>, depth: usize) -> Option<Node> {
        let all = name == "requireall" || name == "requirenotall";
        let negated = name == "requirenone" || name == "requirenotall";
        let mut node = Node::container(all, negated, statement.span());
        self.fill_container(&mut node, statement, place, depth);
        if node.children().is_empty() {
            self.refuse(statement, format!("`<{}>` holds no `Require`", statement.name()));
            return None;
        }
        if node.is_all() && !node.negated && node.is_only_negative() {
            self.refuse(statement, format!("`<{}>` holds only negative rules, which let nobody in", statement.name()));
        }
        Some(node)
    }

    fn fill_container(&mut self, node: &mut Node, statement: Statement<'_>, place: Place<'_>, depth: usize) {
        if depth >= Self::MAX_DEPTH {
            return;
        }
        for child in statement.children() {
            let name = child.name().to_ascii_lowercase();
            match name.as_str() {
                "require" => {
                    if let Some(rule) = self.require(child, place) {
                        if rule.negated && !node.is_all() {
                            self.refuse(child, NEGATED_ALTERNATIVE);
                            continue;
                        }
                        node.add(rule);
                    }
                }
                "requireall" | "requireany" | "requirenone" | "requirenotall" => {
                    if let Some(inner) = self.container(&name, child, place, depth + 1) {
                        if inner.negated && !node.is_all() {
                            self.refuse(child, format!("`<{}>` has no effect beside alternatives", child.name()));
                            continue;
                        }
                        node.add_container(inner);
                    }
                }
                "limit" | "limitexcept" => {
                    let limited = self.limited(child, place);
                    self.fill_container(node, child, Place { limited, ..place }, depth + 1);
                }
                _ => {}
            }
        }
    }

    fn require(&mut self, statement: Statement<'_>, place: Place<'_>) -> Option<Node> {
        let reading = Reading { templated: statement.is_open(), piece: !self.context.config.modules.are_known() };
        let (raw, span) = (statement.raw(), statement.span());
        let read = read_require(&mut self.context, &raw, place.limited, span, statement.index(), reading);
        match read {
            Ok(node) => Some(node),
            Err(error) => {
                self.refuse(statement, error);
                None
            }
        }
    }

    pub(super) fn add_container(&mut self, statement: Statement<'_>, node: Node, config: &mut DirConfig) {
        if node.negated {
            self.refuse(statement, format!("`<{}>` has no effect beside alternatives", statement.name()));
            return;
        }
        let root = config.authz_mut().root.get_or_insert_with(|| Node::container(false, false, statement.span()));
        root.add_container(node);
    }
}

const NEGATED_ALTERNATIVE: &str = "`Require not` has no effect beside alternatives: it only works in `<RequireAll>`";

fn auth_type(statement: Statement<'_>) -> AuthType {
    match statement.arg(0).unwrap_or_default().to_ascii_lowercase().as_str() {
        "none" => AuthType::None,
        "basic" => AuthType::Basic,
        _ => AuthType::Other,
    }
}
