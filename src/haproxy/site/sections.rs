//! The sections that are no proxies.

use std::collections::HashMap;
use std::sync::Arc;

use super::action::Rule;
use super::build::{Builder, Refused, Word, words};
use super::errors::ErrorPages;
use super::forms;
use super::proxy::need;
use crate::server::Release;
use crate::syntax::Directive;

/// The settings of `global` that bear on methods.
#[derive(Debug, Default)]
pub(in crate::haproxy) struct Global {
    pub(in crate::haproxy) experimental: bool,
    pub(in crate::haproxy) lua: bool,
    pub(in crate::haproxy) any_method_with_body: bool,
    pub(in crate::haproxy) master_worker: bool,
    /// `set-var` and `set-var-fmt`, done when the process starts.
    pub(in crate::haproxy) variables: Vec<Rule>,
    /// `ssl-server-verify none`
    pub(in crate::haproxy) unverified: bool,
}

/// Users, their passwords and their groups.
#[derive(Debug, Default)]
pub(in crate::haproxy) struct Userlist {
    pub(in crate::haproxy) users: Vec<User>,
    groups: Vec<(Box<str>, Vec<Box<str>>)>,
}

#[derive(Debug)]
pub(in crate::haproxy) struct User {
    pub(in crate::haproxy) name: Box<str>,
    pub(in crate::haproxy) password: Password,
    groups: Vec<Box<str>>,
}

#[derive(Debug)]
pub(in crate::haproxy) enum Password {
    Plain(Box<str>),
    /// Hashed, so that it cannot be told whether a password is right.
    Hashed,
}

impl Userlist {
    pub(in crate::haproxy) fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| &*user.name == name)
    }

    /// The groups of a user, whichever side names them.
    pub(in crate::haproxy) fn groups<'u>(&'u self, user: &'u User) -> impl Iterator<Item = &'u str> {
        let named = self.groups.iter().filter(|(_, members)| members.contains(&user.name)).map(|(name, _)| &**name);
        user.groups.iter().map(|name| &**name).chain(named)
    }
}

impl Builder<'_, '_> {
    pub(super) fn global(&mut self, section: Directive<'_>) {
        for line in section.children() {
            let words = words(line);
            let global = &mut self.config.global;
            match words.first().map_or("", |word| word.text) {
                "expose-experimental-directives" => global.experimental = true,
                "lua-load" | "lua-load-per-thread" => global.lua = true,
                "ssl-server-verify" if words.get(1).is_some_and(|word| word.text == "none") => global.unverified = true,
                "h1-accept-payload-with-any-method" => global.any_method_with_body = true,
                "master-worker" => global.master_worker = true,
                "set-var" | "set-var-fmt" if self.config.release >= Release(2, 4, 0) => {
                    self.place = Some(line.head());
                    match self.global_variable(&words, line.head()) {
                        Ok(rule) => self.config.global.variables.push(rule),
                        Err(refused) => self.refuse(refused),
                    }
                }
                "setenv" | "presetenv" => {
                    if words.len() != 3 {
                        let message = format!("`{}` needs a name and a value", words[0].text);
                        self.refuse(Refused::new(line.head(), message));
                    }
                }
                name => {
                    if name.is_empty() || name.starts_with('.') {
                        continue;
                    }
                    if matches!(name, "no" | "default") {
                        self.negated_global(&words);
                        continue;
                    }
                    let release = self.config.release;
                    let mut entries = crate::grammar::HAPROXY.find(name).filter(|entry| entry.module == "global");
                    if !entries.any(|entry| entry.known_to(release) || entry.until == Some(release)) {
                        self.unknown_global(name, words[0].span);
                    } else if let Err(refused) = forms::check(forms::GLOBAL, &words[0], &words[1..], line.head()) {
                        self.refuse(refused);
                    }
                }
            }
        }
    }

    /// Few keywords of `global` can be taken back (src/cfgparse-global.c).
    fn negated_global(&mut self, words: &[Word<'_>]) {
        const NEGATABLE: &[&str] =
            &["option", "log", "busy-polling", "set-dumpable", "strict-limits", "insecure-fork-wanted", "numa-cpu-mapping"];
        if let Some(word) = words.get(1)
            && !NEGATABLE.contains(&word.text)
            && self.config.release < Release(2, 7, 0)
        {
            self.refuse(Refused::new(words[0].span, format!("`{}` cannot be taken back", word.text)));
        }
    }

    fn unknown_global(&mut self, name: &str, span: crate::source::Span) {
        let refused = Refused::new(span, format!("there is no keyword `{name}` in `global`"));
        let best = crate::grammar::HAPROXY.suggest_among(name, |entry| entry.module == "global");
        self.refuse(match best {
            Some(best) => refused.help(format!("did you mean `{best}`?")),
            None => refused,
        });
    }

    pub(super) fn userlist(&mut self, section: Directive<'_>) {
        let mut list = Userlist::default();
        for line in section.children() {
            let words = words(line);
            let Some(name) = words.get(1) else { continue };
            let value =
                |key: &str| words.iter().position(|word| word.text == key).and_then(|at| words.get(at + 1)).map(|word| word.text);
            let names = |text: Option<&str>| {
                text.unwrap_or("").split(',').filter(|name| !name.is_empty()).map(Box::from).collect::<Vec<_>>()
            };
            match words[0].text {
                "group" => list.groups.push((name.text.into(), names(value("users")))),
                "user" => {
                    let password = match value("insecure-password") {
                        Some(plain) => Password::Plain(plain.into()),
                        None => Password::Hashed,
                    };
                    list.users.push(User { name: name.text.into(), password, groups: names(value("groups")) });
                }
                _ if words[0].text.starts_with('.') => {}
                other => self.refuse(Refused::new(words[0].span, format!("there is no keyword `{other}` in a `userlist`"))),
            }
        }
        let stranger = list.groups.iter().flat_map(|(group, users)| users.iter().map(move |user| (group, user)));
        if let Some((group, user)) = stranger.into_iter().find(|(_, user)| list.user(user).is_none()) {
            self.refuse(Refused::new(section.head(), format!("there is no user `{user}` for the group `{group}`")));
        }
        let grouped = list.users.iter().flat_map(|user| user.groups.iter().map(move |group| (user, group)));
        let known = |group: &str| list.groups.iter().any(|(name, _)| **name == *group);
        if let Some((user, group)) = grouped.into_iter().find(|(_, group)| !known(group)) {
            self.refuse(Refused::new(section.head(), format!("there is no group `{group}` for the user `{}`", user.name)));
        }
        let Some(name) = section.arg(0) else {
            return self.refuse(Refused::new(section.head(), "a `userlist` needs a name"));
        };
        self.config.userlists.insert(name.into(), list);
    }

    pub(super) fn fcgi_app(&mut self, section: Directive<'_>) {
        let Some(name) = section.arg(0) else {
            return self.refuse(Refused::new(section.head(), "a `fcgi-app` needs a name"));
        };
        self.config.fcgi_apps.insert(name.into());
        if !section.children().any(|line| line.name() == "docroot") {
            self.refuse(Refused::new(section.head(), format!("the `fcgi-app` `{name}` has no `docroot`")));
        }
    }

    pub(super) fn http_errors(&mut self, section: Directive<'_>) {
        let mut pages = ErrorPages::new();
        for line in section.children() {
            let words = words(line);
            let Some(first) = words.first().filter(|first| !first.text.starts_with('.')) else { continue };
            let read = match first.text {
                "errorfile" => self.error_page("errorfile", &words[1..], line.head(), &mut pages),
                other => Err(Refused::new(first.span, format!("there is no keyword `{other}` in `http-errors`"))),
            };
            if let Err(refused) = read {
                self.refuse(refused);
            }
        }
        let read = need(&words(section), 1, "the name of the section", section.head()).map(|name| Arc::<str>::from(name.text));
        match read {
            Ok(name) => _ = self.config.http_errors.insert(name, pages),
            Err(refused) => self.refuse(refused),
        }
    }
}

pub(in crate::haproxy) type Userlists = HashMap<Arc<str>, Userlist>;
