//! `/~name`: the folder of a user (`translate_userdir` in `modules/mappers/mod_userdir.c`).

use super::super::site::userdir::{Home, home};
use super::{End, Phase, Run};
use crate::ask::Fact;

impl Run<'_, '_, '_> {
    /// Maps the request to a file of the user that the path names; false where it names none.
    pub(super) fn user_folder(&mut self) -> Phase<bool> {
        let (site, server) = (self.site, self.server);
        let Some(dirs) = site.inherited(server, |server| server.user_dirs.as_ref()) else { return Ok(false) };
        let Some(named) = self.mapping.url.path.strip_prefix("/~") else { return Ok(false) };
        let end = named.find('/').unwrap_or(named.len());
        let (user, rest) = (named[..end].to_owned(), named[end..].to_owned());
        if !dirs.value.has(&user) {
            return Ok(false);
        }
        for (index, place) in dirs.value.places.iter().enumerate() {
            let is_last = index + 1 == dirs.value.places.len();
            let folder = match home(place, &user) {
                Home::Elsewhere => {
                    return self.decided("translate_name", "UserDir", dirs.span, "answers by itself", End::Status(302));
                }
                Home::OfUser { home, folder } => self.ask.fact(Fact::FolderExists(home.into()), true).then_some(folder),
                Home::Folder(folder) => Some(folder),
            };
            let folder = folder.filter(|folder| is_last || self.ask.fact(Fact::FolderExists(folder.as_str().into()), true));
            if let Some(folder) = folder {
                self.mapping.filename = folder + &rest;
                self.mapped_by = Some(("UserDir", dirs.span));
                return Ok(true);
            }
        }
        Ok(false)
    }
}
