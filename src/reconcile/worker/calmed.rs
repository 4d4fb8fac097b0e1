//! Which wishes a pass takes back: those whose edits cancelled out before they were sent, and those that are no longer
//! to be sent.
//!
//! A wish that this worker recorded itself it takes back at once. One that another recorded may be about to be carried out
//! there: that worker may have looked at rooms which this one knows by the record only, and its settings may be others
//! (an old and a new process side by side, one that only observes, a wider scope). So it is left alone for as long as the
//! other may need, unless the datatracker alone says that it is over.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{Kind, Remembered, SubjectKey, Why};
use crate::plan::{Known, Plan};
use crate::planted::{self, Bug};
use crate::reconcile::world::World;

/// The wishes to take back, each with the generation that it was read with. `own` are the newest that this worker recorded.
pub(super) fn calmed(world: &World, plan: &Plan, own: &BTreeMap<SubjectKey, i64>) -> Vec<(SubjectKey, i64)> {
    let taking = TakingBack { world, plan, own, open: still_open(plan), reasons: reasons(plan) };
    let subjects = world.ledger.subjects.iter();
    let back = subjects.filter(|(key, row)| taking.is_over(**key, row));
    back.map(|(key, row)| (*key, row.timing.generation)).collect()
}

/// Subjects about which something is still to be done, or to be told.
fn still_open(plan: &Plan) -> BTreeSet<SubjectKey> {
    let changes = plan.changes.iter().map(|change| change.subject);
    // What is out of scope, or has a person's own link now, is wished anew when that is over.
    let ends_it = |rule| matches!(rule, Why::OutOfScope | Why::NotOurs);
    let refused = plan.refusals.iter().filter(|refusal| !ends_it(refusal.rule));
    let keeps = [Why::Settling, Why::WindowClosedUnsent, Why::Held, Why::InDoubtConfirming];
    let waits = plan.waits.iter().filter(|wait| keeps.contains(&wait.reason));
    changes
        .chain(refused.filter_map(|refusal| refusal.subject))
        .chain(waits.map(|wait| wait.subject))
        .collect()
}

/// Why nothing is done about the others, where there is a reason.
fn reasons(plan: &Plan) -> BTreeMap<SubjectKey, Why> {
    let refused = plan.refusals.iter().filter_map(|refusal| Some((refusal.subject?, refusal.rule)));
    plan.waits.iter().map(|wait| (wait.subject, wait.reason)).chain(refused).collect()
}

struct TakingBack<'a> {
    world: &'a World,
    plan: &'a Plan,
    own: &'a BTreeMap<SubjectKey, i64>,
    open: BTreeSet<SubjectKey>,
    reasons: BTreeMap<SubjectKey, Why>,
}

impl TakingBack<'_> {
    fn is_over(&self, key: SubjectKey, row: &Remembered) -> bool {
        let Some(burst) = row.timing.burst else { return false };
        self.world.snapshot.session(key.session).is_some()
            && !self.open.contains(&key)
            && !self.is_unread(key)
            && !self.is_put_off(key, row.timing.not_before)
            && self.left_alone(key, row).is_none_or(|span| self.plan.as_of >= burst.last + span)
    }

    /// How long a wish is left alone since it was last renewed; None = not at all.
    fn left_alone(&self, key: SubjectKey, row: &Remembered) -> Option<TimeDelta> {
        let is_newest =
            |generation: &i64| *generation == row.timing.generation || planted::is(Bug::OnceOwnAlwaysOwn);
        if self.own.get(&key).is_some_and(is_newest) {
            return None;
        }
        if planted::is(Bug::OthersWishesTakenBack) {
            return None;
        }
        match self.reasons.get(&key) {
            Some(Why::Cancelled | Why::NotScheduled | Why::Tombstone) => None,
            Some(Why::OutsideWindow | Why::NotificationsOff | Why::OutOfScope) => Some(by_other_settings()),
            _ if key.kind == Kind::Room && self.is_looked_at(key) => None,
            _ => Some(self.until_it_is_sent()),
        }
    }

    /// Another worker waits for `rooms.settle` or `slides.quiet` before it acts.
    fn until_it_is_sent(&self) -> TimeDelta {
        let policy = &self.world.policy;
        policy.rooms.settle + policy.slides.quiet * 5 + TimeDelta::seconds(1)
    }

    fn is_looked_at(&self, key: SubjectKey) -> bool {
        let session = self.world.snapshot.session(key.session);
        session.is_some_and(|session| Known::of(&self.world.inputs(), session).read)
    }

    /// What was not read may well be as it was wished. Whether an interim meets on Meetecho, and its slides are sent, stands
    /// in its link, where no room of it is known.
    fn is_unread(&self, key: SubjectKey) -> bool {
        let unread = &self.world.snapshot.unread;
        let by_link = unread.contains_key(&Kind::Room);
        let session = self.world.snapshot.session(key.session);
        let known = session
            .filter(|session| by_link && session.is_interim())
            .map(|session| Known::of(&self.world.inputs(), session));
        unread.contains_key(&key.kind)
            || known.is_some_and(|known| known.record.is_none() && known.found.is_none())
    }

    /// Without a look at its group's rooms nothing is known of why it failed: its pause and its tries stay.
    fn is_put_off(&self, key: SubjectKey, not_before: Option<DateTime<Utc>>) -> bool {
        let is_later = not_before.is_some_and(|moment| self.plan.as_of < moment);
        key.kind == Kind::Room && is_later && !self.is_looked_at(key)
    }
}

/// A wish that this worker has no part in by its own settings, and that nobody renewed for so long, is nobody's any more.
fn by_other_settings() -> TimeDelta {
    TimeDelta::hours(1)
}

#[cfg(test)]
mod tests;
