//! Methods that the proxy turns away while it lets others through on the same route.

use crate::ask::Branch;
use crate::finding::Severity;
use crate::http::{Answer, MethodSet, Part};
use crate::server::Site;
use crate::survey::{Survey, is_refused};

/// Whether methods are refused because no list names them, and not because a directive does.
pub(super) fn refuses_the_rest(site: &dyn Site, refused: MethodSet) -> bool {
    refused.meets(site.universe().stand_in())
}

/// Whether a client is only told to come back by way of TLS, where it meets the same rules.
fn is_sent_to_tls(branch: &Branch) -> bool {
    branch.is_unsecured() && matches!(branch.verdict.answer, Answer::Respond { status: 300..400, .. })
}

/// One branch on which standard methods are refused.
pub(super) struct Refusal<'s> {
    pub(super) survey: &'s Survey<'s>,
    pub(super) branch: &'s Branch,
    /// The standard methods that are refused here.
    pub(super) methods: MethodSet,
    /// The standard methods that are not refused in the same world.
    pub(super) spared: MethodSet,
    /// Of these, the ones that reach the upstream.
    pub(super) forwarded: MethodSet,
}

impl<'s> Refusal<'s> {
    /// All refusals of a route. Where nothing gets through there is nothing to compare, and nothing to say: that is a closed
    /// route, not a matter of methods.
    pub(super) fn all(survey: &'s Survey<'s>) -> impl Iterator<Item = Refusal<'s>> {
        survey.branches.iter().filter(|branch| is_refused(branch)).filter_map(|branch| {
            let methods = branch.methods & survey.standard();
            if methods.is_empty() {
                return None;
            }
            let mut spared = survey.siblings(branch, |other| !is_refused(other)) - methods;
            if spared.is_empty() {
                spared = survey.named(branch, |other| !is_refused(other));
            }
            let forwarded = survey.siblings(branch, |other| matches!(other.verdict.answer, Answer::Forward { .. })) & spared;
            (!spared.is_empty()).then_some(Refusal { survey, branch, methods, spared, forwarded })
        })
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.branch.verdict.answer.status()
    }

    /// The methods that a rule of its own speaks of, out of all that are refused here.
    pub(super) fn head(&self) -> MethodSet {
        if self.status() == Some(501) || !self.spared.meets(self.survey.set(&["GET"])) {
            return MethodSet::EMPTY;
        }
        self.methods & self.survey.set(&["HEAD"])
    }

    pub(super) fn writes(&self) -> MethodSet {
        self.survey.set(&["POST", "PUT", "PATCH", "DELETE"])
    }

    /// The status 501 is [`super::method_not_implemented`]'s; HEAD is [`super::head_blocked`]'s; the rest is an allow-list's.
    pub(super) fn listed(&self) -> MethodSet {
        if self.status() == Some(501) { MethodSet::EMPTY } else { self.methods - self.head() }
    }

    /// Whether all but listed methods are refused: then a token that nobody ever heard of is, too.
    fn is_of_list(&self) -> bool {
        refuses_the_rest(self.survey.site, self.branch.methods)
    }

    /// Whether PUT goes to the upstream and PATCH does not: the mark of a list that is older than RFC 5789.
    pub(super) fn forgets_patch(&self) -> bool {
        self.is_of_list() && self.forwarded.meets(self.survey.set(&["PUT"])) && self.listed().meets(self.survey.set(&["PATCH"]))
    }

    /// Whether an ordinary client meets this: no odd header, nothing that is not known, and no other world in which the same
    /// method gets through. A refusal that credentials or addresses lift is a decision about clients.
    pub(super) fn is_plain(&self) -> bool {
        let gets_in = |other: &Branch| other.verdict.answer.passes() && !is_sent_to_tls(other);
        let lifted = |other: &Branch| gets_in(other) && other.methods.meets(self.methods);
        self.branch.distance == 0 && self.branch.doubts.is_empty() && !self.survey.branches.iter().any(lifted)
    }

    /// Whether no directive speaks of methods here: it is the habit of the server's own handlers, such as that of files, which
    /// know GET and HEAD alone.
    pub(super) fn is_habit(&self) -> bool {
        self.branch.verdict.decision().is_none_or(|step| step.part == Part::Habit)
    }

    /// A likely mistake is a list that lets some writing methods through to an application and stops others. Routes that only
    /// read, and endpoints that take nothing but POST, are meant to be so.
    pub(super) fn severity(&self) -> Severity {
        let reads = self.spared.meets(self.survey.set(&["GET"]));
        let some_writes_pass = self.forwarded.meets(self.writes());
        let some_are_stopped = self.methods.meets(self.writes());
        if self.is_plain() && !self.is_habit() && reads && some_writes_pass && some_are_stopped {
            Severity::Warning
        } else {
            Severity::Info
        }
    }
}
