//! Whether conditions hold (src/acl.c, acl_exec_cond).

use super::fetch::Wanted;
use super::transaction::{Transaction, settle};
use crate::ask::{Ask, Fact};
use crate::haproxy::site::acl::{AclId, Condition, Criterion, CriterionId};
use crate::haproxy::site::matching::Matching;
use crate::haproxy::site::sample::Fetch;
use crate::haproxy::value::{Data, Datum, Value};

impl Transaction<'_> {
    /// A rule without a condition is always taken.
    pub(super) fn holds(&mut self, ask: &mut Ask<'_>, condition: Option<&Condition>) -> bool {
        let Some(condition) = condition else { return true };
        let met = condition.groups.iter().any(|group| group.iter().all(|term| self.acl(ask, term.acl) != term.negated));
        met != condition.unless
    }

    fn acl(&mut self, ask: &mut Ask<'_>, id: AclId) -> bool {
        let config = self.config;
        config.acl(id).criteria.iter().any(|id| self.criterion(ask, *id))
    }

    fn criterion(&mut self, ask: &mut Ask<'_>, id: CriterionId) -> bool {
        let criterion = self.config.criterion(id);
        if let Some(methods) = criterion.methods
            && self.line_method.is_none()
            && self.received_method.is_none()
            && !self.responding
        {
            return ask.method_is(methods);
        }
        let fetched = self.fetch(ask, &criterion.sample.fetch, Wanted::All);
        if let Value::Known(Data::Many(all)) = &fetched
            && criterion.sample.has_effect()
        {
            // One value after the other, up to the first that matches.
            let mut each = all.iter().map(|datum| Value::Known(Data::One(datum.clone())));
            return each.any(|datum| self.compares(ask, criterion, id, datum));
        }
        self.compares(ask, criterion, id, fetched)
    }

    fn compares(&mut self, ask: &mut Ask<'_>, criterion: &Criterion, id: CriterionId, fetched: Value<Data>) -> bool {
        let value = self.converted(ask, &criterion.sample, fetched);
        let matches = value.try_map(|data| {
            let mut unsure = false;
            for datum in data.all() {
                match criterion.patterns.matches(datum) {
                    Some(true) => return Some(true),
                    Some(false) => {}
                    None => unsure = true,
                }
            }
            if unsure { None } else { Some(false) }
        });
        settle(ask, &matches, |ask| self.unknown(ask, criterion, id))
    }

    /// A criterion that the config cannot tell is a fact about the world.
    fn unknown(&mut self, ask: &mut Ask<'_>, criterion: &Criterion, id: CriterionId) -> bool {
        // On an ordinary day counters and rates are low, and servers are up.
        let likely = match (&criterion.sample.fetch, criterion.patterns.matching) {
            (Fetch::ServersUp(_), Matching::Integer) => criterion.patterns.matches(&Datum::Number(1)).unwrap_or(true),
            (Fetch::ServerIsUp(_), _) => true,
            (_, Matching::Integer) => criterion.patterns.matches(&Datum::Number(0)).unwrap_or(false),
            _ => false,
        };
        let text = self.config.text(criterion.span);
        let text = if text.is_empty() { format!("criterion {}", id.0) } else { text.to_owned() };
        ask.fact(Fact::told(format!("`{text}` matches"), format!("`{text}` does not match")), likely)
    }
}
