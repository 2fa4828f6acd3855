//! Files of nearly the name that a client asks for (`check_speling` in `modules/mappers/mod_speling.c`).

use super::{End, Phase, Run};
use crate::ask::Fact;

/// How a file's name differs from the one asked for, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slip {
    Case,
    Transposed,
    Missing,
    Extra,
    Other,
    /// Nothing but the part before the first dot is the same.
    Stem,
}

impl Run<'_, '_, '_> {
    pub(super) fn spelling(&mut self) -> Phase {
        let Some(spelling) = self.innermost(|config| config.rest.as_ref()?.spelling).filter(|spelling| spelling.value.on) else {
            return Ok(());
        };
        if self.subrequest || self.mapping.proxied.is_some() || self.mapping.url.path == "/" {
            return Ok(());
        }
        let Some((folder, wanted)) =
            self.mapping.filename.rsplit_once('/').map(|(folder, name)| (folder.to_owned(), name.to_owned()))
        else {
            return Ok(());
        };
        let get = self.ask.universe().set(["GET", "HEAD"]);
        let filename = self.mapping.filename.clone();
        if !self.method_is(get) || self.is_folder(&filename) || self.ask.fact(Fact::FileExists(filename.into()), true) {
            return Ok(());
        }
        let status = match self.ask.sees_disk() {
            true if !self.is_folder(&folder) => None,
            true => self.nearest(&folder, &wanted, spelling.value.case_only),
            false => self.suppose("a file of nearly the same name is there", false).then_some(301),
        };
        match status {
            Some(status) => {
                self.decided("fixups", "CheckSpelling", spelling.span, "finds a file of nearly the name", End::Status(status))
            }
            None => Ok(()),
        }
    }

    /// 301 where one file is nearer than all others, 300 where there is a choice.
    fn nearest(&self, folder: &str, wanted: &str, case_only: bool) -> Option<u16> {
        // The folder itself and the one above are names in it as well.
        let around = [".", ".."].map(str::to_owned);
        let names = self.ask.names_in(folder, "").into_iter().chain(self.ask.names_in(folder, ".")).chain(around);
        let slips = names.filter_map(|name| slip(wanted, &name));
        let mut slips: Vec<Slip> = slips.filter(|slip| !case_only || matches!(slip, Slip::Case | Slip::Stem)).collect();
        slips.sort_unstable();
        match slips[..] {
            [] => None,
            [Slip::Stem, ..] => Some(300),
            [first, second, ..] if first == second => Some(300),
            _ => Some(301),
        }
    }
}

/// How two names differ (`spdist`); `None` where they have nothing to do with one another.
fn slip(wanted: &str, name: &str) -> Option<Slip> {
    if wanted.eq_ignore_ascii_case(name) {
        return Some(Slip::Case);
    }
    let (one, other): (&[u8], &[u8]) = (wanted.as_bytes(), name.as_bytes());
    let same = one.iter().zip(other).take_while(|(one, other)| one.eq_ignore_ascii_case(other)).count();
    let (one, other) = (&one[same..], &other[same..]);
    let rest = |one: &[u8], other: &[u8]| one.eq_ignore_ascii_case(other);
    match (one, other) {
        ([a, b, one @ ..], [c, d, other @ ..]) if a.eq_ignore_ascii_case(d) && b.eq_ignore_ascii_case(c) && rest(one, other) => {
            Some(Slip::Transposed)
        }
        ([_, one @ ..], [_, other @ ..]) if rest(one, other) => Some(Slip::Other),
        ([_, shorter @ ..], _) if rest(shorter, other) => Some(Slip::Extra),
        (_, [_, shorter @ ..]) if rest(one, shorter) => Some(Slip::Missing),
        _ => {
            let stem = |name: &str| name.find('.').unwrap_or(name.len());
            (stem(wanted) == stem(name) && wanted[..stem(wanted)].eq_ignore_ascii_case(&name[..stem(name)])).then_some(Slip::Stem)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_makes_a_name_of_another() {
        let of = |name| slip("index.html", name);
        assert_eq!(of("INDEX.html"), Some(Slip::Case));
        assert_eq!(of("idnex.html"), Some(Slip::Transposed));
        assert_eq!(of("indexx.html"), Some(Slip::Missing));
        assert_eq!(of("inex.html"), Some(Slip::Extra));
        assert_eq!(of("indax.html"), Some(Slip::Other));
        assert_eq!(of("index.php"), Some(Slip::Stem));
        assert_eq!(of("other.html"), None);
        assert_eq!(slip("", "a.html"), None);
    }
}
