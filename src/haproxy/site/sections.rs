//! The sections that are no proxies.

use std::collections::HashMap;
use std::sync::Arc;

use super::build::{Builder, Refused, Word, words};
use super::errors::ErrorPages;
use super::forms::{self, Form};
use crate::syntax::Directive;

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
        if let Some(extra) = words(section).get(2) {
            self.refuse(Refused::new(extra.span, format!("`{}` is not expected here", extra.text)));
        }
        self.config.userlists.insert(name.into(), list);
    }

    /// A section that needs a name of its own, with lines of known keywords.
    pub(super) fn plain_section(&mut self, section: Directive<'_>, known: &[Form]) {
        self.section_name(section);
        for line in section.children() {
            let words = words(line);
            let Some(first) = words.first() else { continue };
            if line.control().is_some() || first.text.starts_with('.') || first.text == "no" {
                continue;
            }
            let read = match known.iter().any(|form| form.name() == first.text) {
                true => forms::check(known, first, &words[1..], line.head()).and_then(|()| needs_port(&words)),
                false => {
                    let names = known.iter().map(Form::name);
                    let what = format!("keyword of `{}`", section.name());
                    Err(Refused::new(first.span, super::words::unknown(&what, first.text, names)))
                }
            };
            if let Err(refused) = read {
                self.refuse(refused);
            }
        }
    }

    fn section_name(&mut self, section: Directive<'_>) {
        let (kind, words) = (section.name(), words(section));
        let Some(name) = words.get(1) else {
            return self.refuse(Refused::new(section.head(), format!("a section `{kind}` needs a name")));
        };
        if let Some(extra) = words.get(2).filter(|_| !LENIENT.contains(&kind)) {
            self.refuse(Refused::new(extra.span, format!("`{}` is not expected here", extra.text)));
        }
        if !self.sections.insert((kind.into(), name.text.into())) {
            self.refuse(Refused::new(name.span, format!("there is already a section `{kind} {}`", name.text)));
        }
    }

    pub(super) fn http_errors(&mut self, section: Directive<'_>) {
        let mut pages = ErrorPages::new();
        for line in section.children() {
            let words = words(line);
            let Some(first) = words.first().filter(|first| !first.text.starts_with('.')) else { continue };
            let read = match first.text {
                "errorfile" => self.with_turn(|turn| turn.error_page("errorfile", &words[1..], line.head(), &mut pages)),
                other => Err(Refused::new(first.span, format!("there is no keyword `{other}` in `http-errors`"))),
            };
            if let Err(refused) = read {
                self.refuse(refused);
            }
        }
        self.section_name(section);
        if let Some(name) = section.arg(0) {
            self.config.http_errors.insert(name.into(), pages);
        }
    }
}

/// Sections that take more words behind their name without a word about it.
const LENIENT: &[&str] = &["resolvers", "mailers", "http-errors", "ring"];

/// Name servers and mail servers are told with their ports.
fn needs_port(words: &[Word<'_>]) -> Result<(), Refused> {
    let Some(place) = words.get(2).filter(|_| matches!(words[0].text, "nameserver" | "mailer")) else { return Ok(()) };
    let plain = !place.text.contains('@') && !place.text.starts_with('/');
    let has_port = place.text.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty());
    match plain && !has_port {
        true => Err(Refused::new(place.span, format!("`{}` has no port", place.text))),
        false => Ok(()),
    }
}

pub(in crate::haproxy) type Userlists = HashMap<Arc<str>, Userlist>;
