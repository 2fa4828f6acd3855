//! `UserDir`: the folders of users, behind `/~name` (`modules/mappers/mod_userdir.c`).

use std::borrow::Cow;

/// All `UserDir` lines of one server.
#[derive(Clone, Debug, Default)]
pub(in crate::apache) struct UserDirs {
    /// In the order in which they are tried; the last one holds whether it exists or not.
    pub(in crate::apache) places: Vec<String>,
    /// Whether only the users in `enabled` have a folder.
    all_disabled: bool,
    disabled: Vec<String>,
    enabled: Vec<String>,
}

/// Where the folder of a user is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::apache) enum Home {
    Folder(String),
    /// Below the user's own folder, which the system knows: `/home/name` on an ordinary day.
    OfUser {
        home: String,
        folder: String,
    },
    /// On another server.
    Elsewhere,
}

impl UserDirs {
    /// Takes in the words of one line (`set_user_dir`).
    pub(in crate::apache) fn add(&mut self, words: &[Cow<'_, str>]) {
        let Some((first, users)) = words.split_first() else { return };
        let users = || users.iter().map(|user| user.to_string());
        if first.eq_ignore_ascii_case("enabled") {
            self.enabled.extend(users());
        } else if !first.eq_ignore_ascii_case("disabled") {
            self.places = words.iter().map(|place| place.to_string()).collect();
        } else if users().next().is_none() {
            self.all_disabled = true;
        } else {
            self.disabled.extend(users());
        }
    }

    pub(in crate::apache) fn has(&self, user: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|name| name == user);
        !user.is_empty() && user != "." && user != ".." && !named(&self.disabled) && (!self.all_disabled || named(&self.enabled))
    }
}

/// The folder that one place of `UserDir` means for a user (`translate_userdir`).
pub(in crate::apache) fn home(place: &str, user: &str) -> Home {
    let is_url = place.contains(':');
    match place.split_once('*') {
        _ if is_url => Home::Elsewhere,
        Some((before, after)) => Home::Folder(format!("{before}{user}{after}")),
        None if place.starts_with('/') => Home::Folder(format!("{place}/{user}")),
        None => {
            let home = format!("/home/{user}");
            Home::OfUser { folder: format!("{home}/{place}"), home }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_absolute_below_the_users_home_or_elsewhere() {
        assert_eq!(home("/srv/www", "a"), Home::Folder("/srv/www/a".to_owned()));
        assert_eq!(home("/srv/*/www", "a"), Home::Folder("/srv/a/www".to_owned()));
        assert_eq!(home("http://x.test/*/y", "a"), Home::Elsewhere);
        assert!(matches!(home("public_html", "a"), Home::OfUser { folder, .. } if folder == "/home/a/public_html"));
    }

    #[test]
    fn users_are_disabled_one_by_one_or_all_but_some() {
        let mut dirs = UserDirs::default();
        dirs.add(&["disabled".into(), "root".into()]);
        assert!(dirs.has("bob") && !dirs.has("root"));
        dirs.add(&["Disabled".into()]);
        dirs.add(&["enabled".into(), "eve".into(), "root".into()]);
        assert!(dirs.has("eve") && !dirs.has("bob") && !dirs.has("root"));
    }
}
