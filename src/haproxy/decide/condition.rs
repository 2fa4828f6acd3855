//! Whether conditions hold (src/acl.c, acl_exec_cond).

use super::fetch::Wanted;
use super::transaction::{Transaction, settle};
use crate::ask::{Ask, Fact};
use crate::haproxy::site::acl::{AclId, Condition, Criterion};
use crate::haproxy::site::matching::Matching;
use crate::haproxy::site::sample::Fetch;
use crate::haproxy::value::{Data, Datum, Value};

/// What the last criterion fetched, which the next one often fetches again. It holds until an action is taken.
#[derive(Default)]
pub(super) struct Fetched<'c>(Option<(&'c Fetch, Value<Data>)>);

impl<'c> Transaction<'c> {
    /// A rule without a condition is always taken.
    pub(super) fn holds(&mut self, ask: &mut Ask<'_>, condition: Option<&Condition>) -> bool {
        self.holds_again(ask, condition, &mut Fetched::default())
    }

    /// The same for one of several rules that are looked at in turn.
    pub(super) fn holds_again(&mut self, ask: &mut Ask<'_>, condition: Option<&Condition>, last: &mut Fetched<'c>) -> bool {
        let Some(condition) = condition else { return true };
        let met = condition.groups.iter().any(|group| group.iter().all(|term| self.acl(ask, term.acl, last) != term.negated));
        met != condition.unless
    }

    fn acl(&mut self, ask: &mut Ask<'_>, id: AclId, last: &mut Fetched<'c>) -> bool {
        self.config.criteria_of(id).iter().any(|criterion| self.criterion(ask, criterion, last))
    }

    fn criterion(&mut self, ask: &mut Ask<'_>, criterion: &'c Criterion, last: &mut Fetched<'c>) -> bool {
        if let Some(methods) = criterion.methods
            && self.line_method.is_none()
            && self.received_method.is_none()
            && !self.responding
            && self.has_arrived
        {
            return ask.method_is(methods);
        }
        if criterion.is_of_client() && self.source.is_none() {
            let patterns = &criterion.patterns;
            let is_inside = |client: &str| client.parse().is_ok_and(|client| patterns.in_network(client));
            return ask.client_is(is_inside, patterns.members().map(|member| member.to_string().into()));
        }
        let fetched = self.fetched(ask, &criterion.sample.fetch, last);
        if criterion.sample.has_effect() {
            last.0 = None;
            if let Value::Known(Data::Many(all)) = &fetched {
                // One value after the other, up to the first that matches.
                let mut each = all.iter().map(|datum| Value::Known(Data::One(datum.clone())));
                return each.any(|datum| self.compares(ask, criterion, datum));
            }
        }
        self.compares(ask, criterion, fetched)
    }

    fn fetched(&mut self, ask: &mut Ask<'_>, fetch: &'c Fetch, last: &mut Fetched<'c>) -> Value<Data> {
        if let Some((known, value)) = &last.0
            && *known == fetch
        {
            return value.clone();
        }
        let value = self.fetch(ask, fetch, Wanted::All);
        // What differs by method narrows as the run does.
        last.0 = matches!(value, Value::Known(_)).then(|| (fetch, value.clone()));
        value
    }

    fn compares(&mut self, ask: &mut Ask<'_>, criterion: &Criterion, fetched: Value<Data>) -> bool {
        let value = self.converted(&criterion.sample, fetched);
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
        settle(ask, &matches, |ask| self.unknown(ask, criterion))
    }

    /// A criterion that the config cannot tell is a fact about the world.
    fn unknown(&mut self, ask: &mut Ask<'_>, criterion: &Criterion) -> bool {
        // On an ordinary day counters and rates are low, and servers are up.
        let likely = match (&criterion.sample.fetch, criterion.patterns.matching) {
            (Fetch::ServersUp(_), Matching::Integer) => criterion.patterns.matches(&Datum::Number(1)).unwrap_or(true),
            (Fetch::ServerIsUp(_), _) => true,
            (_, Matching::Integer) => criterion.patterns.matches(&Datum::Number(0)).unwrap_or(false),
            _ => false,
        };
        let text = self.config.text(criterion.span);
        ask.fact(Fact::told(format!("`{text}` matches"), format!("`{text}` does not match")), likely)
    }
}
