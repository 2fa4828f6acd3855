//! Who the client is (`modules/aaa/mod_auth_basic.c`, `mod_authn_file.c`, `mod_authz_groupfile.c`).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// `AuthType`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::apache) enum AuthType {
    None,
    Basic,
    /// Another one, which a module answers for.
    Other,
}

/// A file that the config names.
#[derive(Debug)]
pub(in crate::apache) enum Named<T> {
    Read(Arc<T>),
    /// It should be among the config's own files, and is not.
    Missing,
    /// It lies where nothing is read.
    Unseen,
}

/// The users of a file and what it keeps of their passwords.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::apache) struct Users(pub(in crate::apache) HashMap<String, String>);

/// The groups of a file and who is in each.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::apache) struct Groups(pub(in crate::apache) HashMap<String, BTreeSet<String>>);

/// What a section says of it.
#[derive(Debug, Default)]
pub(in crate::apache) struct Authn {
    pub(in crate::apache) has_name: bool,
    pub(in crate::apache) users: Option<Named<Users>>,
    pub(in crate::apache) groups: Option<Named<Groups>>,
    /// `AuthBasicProvider`.
    pub(in crate::apache) providers: Option<Vec<String>>,
}

impl Users {
    pub(in crate::apache) fn read(text: &str) -> Self {
        let mut users = HashMap::new();
        for (user, rest) in entries(text) {
            let kept = rest.split(':').next().unwrap_or("");
            users.entry(user.to_owned()).or_insert_with(|| kept.to_owned());
        }
        Users(users)
    }
}

impl Groups {
    pub(in crate::apache) fn read(text: &str) -> Self {
        let mut groups: HashMap<String, BTreeSet<String>> = HashMap::new();
        for (group, rest) in entries(text) {
            groups.entry(group.trim().to_owned()).or_default().extend(rest.split_ascii_whitespace().map(str::to_owned));
        }
        Groups(groups)
    }
}

fn entries(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().map(|line| line.trim_matches([' ', '\t', '\r']));
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| line.split_once(':').unwrap_or((line, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_list_users_and_groups() {
        let users = Users::read("# x\nann:{SHA}x:more\r\n\nann:second\n bob:y");
        assert_eq!(users.0.get("ann").map(String::as_str), Some("{SHA}x"));
        assert_eq!(users.0.len(), 2);
        let groups = Groups::read("staff: ann bob\nstaff: eve\n");
        assert!(groups.0["staff"].contains("bob") && groups.0["staff"].contains("eve"));
    }
}
