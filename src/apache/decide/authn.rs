//! Who the client is (`check_user_id`; `authenticate_basic_user` in `modules/aaa/mod_auth_basic.c`).

use std::sync::Arc;

use super::super::password::credentials;
use super::super::site::authn::{AuthType, Authn, Named};
use super::super::site::authz::Wanted;
use super::{End, Phase, Run};
use crate::password::fits;
use crate::source::Span;

/// The client as the server knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum User {
    /// Nobody asked for credentials yet.
    #[default]
    Nobody,
    Named(Arc<str>),
    /// Somebody whom the server is taken to know.
    Somebody,
}

impl<'s> Run<'s, '_, '_> {
    /// Asks for credentials, because a rule needs a user.
    pub(super) fn authenticate(&mut self, kind: &AuthType, directive: &'static str, span: Span) -> Phase {
        let answer = |run: &mut Self, status, note| run.decided("check_user_id", directive, span, note, End::Status(status));
        if *kind == AuthType::None || (*kind == AuthType::Basic && !self.has("auth_basic")) {
            // No module looks for a user then: httpd calls that a mistake of the config.
            return answer(self, 500, "needs a user, but no `AuthType` is set");
        }
        if *kind == AuthType::Basic && !self.has_auth_name() {
            return answer(self, 500, "needs a user, but no `AuthName` is set");
        }
        let Some(header) = self.header("authorization") else { return answer(self, 401, "needs credentials") };
        if *kind == AuthType::Other {
            if self.suppose("the server accepts the request's credentials", true) {
                self.user = User::Somebody;
                return Ok(());
            }
            return answer(self, 401, "needs credentials");
        }
        let Some((user, password)) = credentials(&header) else { return answer(self, 401, "needs credentials") };
        match self.check_password(&user, &password) {
            Ok(true) => {
                self.user = User::Named(user.into());
                Ok(())
            }
            Ok(false) => answer(self, 401, "does not know these credentials"),
            Err(()) => answer(self, 500, "needs a file of users that can be read"),
        }
    }

    fn authn<T>(&self, of: impl Fn(&'s Authn) -> Option<T>) -> Option<T> {
        self.innermost(|config| of(config.authn.as_deref()?))
    }

    fn has_auth_name(&self) -> bool {
        self.authn(|authn| authn.has_name.then_some(())).is_some()
    }

    /// Whether the password is the user's; an error where httpd cannot look it up.
    fn check_password(&mut self, user: &str, password: &[u8]) -> Result<bool, ()> {
        let providers = self.authn(|authn| authn.providers.as_deref());
        let only_file = providers.is_none_or(|names| names.iter().all(|name| name.eq_ignore_ascii_case("file")));
        let users = self.authn(|authn| authn.users.as_ref());
        let known = match users.filter(|_| only_file) {
            Some(Named::Read(users)) => match users.0.get(user) {
                Some(kept) => fits(kept, password),
                None => Some(false),
            },
            Some(Named::Missing) => return Err(()),
            None if only_file => return Err(()),
            _ => None,
        };
        Ok(known.unwrap_or_else(|| self.suppose("the server accepts the request's credentials", true)))
    }

    /// Whether the client is one of the users that a rule wants.
    pub(super) fn is_wanted(&mut self, wanted: &Wanted) -> bool {
        let groups = self.authn(|authn| authn.groups.as_ref());
        match (wanted, self.user.clone(), groups) {
            (Wanted::Any, ..) => true,
            (Wanted::Users(names), User::Named(user), _) => names.iter().any(|name| **name == *user),
            (Wanted::Groups(names), User::Named(user), Some(Named::Read(groups))) => {
                names.iter().any(|name| groups.0.get(name).is_some_and(|members| members.contains(&*user)))
            }
            (Wanted::Groups(_), _, None) if self.has("authz_groupfile") => false,
            _ => self.suppose("the user is one that `Require` names", true),
        }
    }
}
