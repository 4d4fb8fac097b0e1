//! Which groups' rooms are to be looked at, and what was seen.
//!
//! A pass plans rooms by the ledger's record and asks the provider nothing. What the record can't say needs a look: all
//! groups at the sweep; a group with a room in doubt; one whose session has a link of ours that we have no record of
//! (the datatracker made it). What was seen is kept until the plan that follows from it is carried out, and never for
//! long: then the group is looked at again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{GroupAcronym, Kind, RoomsSeen, SeenRoom, SessionId, SubjectKey, Why};
use crate::plan::{Known, Link, Plan, groups_to_read};
use crate::reconcile::world::World;
use crate::schedule::backoff;

/// What was seen is not relied on for longer.
const FRESH: Duration = Duration::from_mins(5);

/// What is known and wanted of rooms at the provider.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// To be looked at, not before that moment.
    wanted: BTreeMap<GroupAcronym, Duration>,
    seen: BTreeMap<GroupAcronym, (Duration, Vec<SeenRoom>)>,
    /// Looks in a row that failed.
    failures: BTreeMap<GroupAcronym, u32>,
    /// Links of ours without a record that were noticed, so that each asks for one look only.
    noticed: BTreeSet<(SessionId, String)>,
    /// The newest wishes that this worker recorded, by generation: what became of them it knows best itself. A newer one
    /// of the same subject is another worker's.
    own: BTreeMap<SubjectKey, i64>,
}

impl Looks {
    /// What was seen, for a plan.
    pub(super) fn rooms(&mut self, now: Duration) -> RoomsSeen {
        let stale: Vec<_> = self
            .seen
            .iter()
            .filter(|(_, (read_at, _))| now.saturating_sub(*read_at) >= FRESH)
            .map(|(group, _)| group.clone())
            .collect();
        for group in stale {
            self.seen.remove(&group);
            self.want(group, now);
        }
        RoomsSeen {
            by_group: self.seen.iter().map(|(group, (_, rooms))| (group.clone(), rooms.clone())).collect(),
            ..RoomsSeen::default()
        }
    }

    /// All rooms are to be compared.
    pub(super) fn sweep(&mut self, world: &World, now: Duration) {
        for group in groups_to_read(world.inputs()) {
            self.want(group, now);
        }
    }

    /// What a plan leaves to be looked at, and what of that which was seen is no longer needed.
    pub(super) fn note(&mut self, world: &World, plan: &Plan, now: Duration) {
        let group_of = |session: SessionId| {
            let session = world.snapshot.session(session)?;
            Some(Known::of(&world.inputs(), session).group.clone())
        };
        let mut needed: BTreeSet<GroupAcronym> = plan
            .changes
            .iter()
            .filter(|change| change.subject.kind == Kind::Room)
            .map(|change| change.group.clone())
            .collect();
        // What a guard refused is still to be done.
        let guarded = plan.refusals.iter().filter(|refusal| refusal.rule.is_guard());
        let rooms =
            guarded.filter(|refusal| refusal.subject.is_some_and(|subject| subject.kind == Kind::Room));
        needed.extend(rooms.filter_map(|refusal| group_of(refusal.session?)));
        for wait in plan.waits.iter().filter(|wait| wait.subject.kind == Kind::Room) {
            match (wait.reason, group_of(wait.session)) {
                (Why::InDoubtConfirming, Some(group)) if wait.until.is_none() => {
                    let row = world.ledger.get(wait.subject);
                    let not_before = row.and_then(|row| row.timing.not_before);
                    if not_before.is_none_or(|moment| moment <= plan.as_of) {
                        self.want(group, now);
                    }
                }
                (Why::InDoubtConfirming | Why::Settling | Why::Held, group) => needed.extend(group),
                _ => {}
            }
        }
        self.seen.retain(|group, _| needed.contains(group));
        self.notice_links(world, now);
    }

    pub(super) fn wished(&mut self, new: &BTreeMap<SubjectKey, i64>) {
        self.own.extend(new);
    }

    pub(super) fn own(&self) -> BTreeMap<SubjectKey, i64> {
        self.own.clone()
    }

    /// The next groups to look at; they are not wanted any more until somebody says so again.
    pub(super) fn take(&mut self, now: Duration) -> BTreeSet<GroupAcronym> {
        let due: BTreeSet<GroupAcronym> =
            self.wanted.iter().filter(|(_, at)| **at <= now).map(|(group, _)| group.clone()).collect();
        self.wanted.retain(|group, _| !due.contains(group));
        due
    }

    pub(super) fn saw(&mut self, group: GroupAcronym, rooms: Vec<SeenRoom>, now: Duration) {
        self.failures.remove(&group);
        self.seen.insert(group, (now, rooms));
    }

    /// The group could not be read: again after a while, or when the provider is back.
    pub(super) fn failed(&mut self, group: GroupAcronym, now: Duration) {
        let failures = self.failures.entry(group.clone()).or_default();
        *failures = failures.saturating_add(1);
        // A room in doubt may wait for it, so the first wait is short. Looks go one after the other: no jitter.
        let pause = backoff::worker(*failures, 0.5);
        self.wanted.insert(group, now + pause);
    }

    /// Something was done about a group's rooms: what was seen before is the past.
    pub(super) fn forget(&mut self, group: &GroupAcronym) {
        self.seen.remove(group);
    }

    /// The provider is back.
    pub(super) fn lift(&mut self) {
        for at in self.wanted.values_mut() {
            *at = Duration::ZERO;
        }
    }

    fn want(&mut self, group: GroupAcronym, now: Duration) {
        self.wanted.entry(group).or_insert(now);
    }

    fn notice_links(&mut self, world: &World, now: Duration) {
        let inputs = world.inputs();
        let mut standing = BTreeSet::new();
        for session in world.snapshot.sessions.iter().filter(|session| session.is_interim()) {
            let known = Known::of(&inputs, session);
            let over = session.slot.is_none_or(|slot| slot.is_over(world.snapshot.as_of));
            if over || known.record.is_some() || !matches!(known.link, Link::Ours | Link::Unmatched) {
                continue;
            }
            let link = (session.id, session.remote_instructions.clone());
            if !self.noticed.contains(&link) {
                self.want(known.group.clone(), now);
            }
            standing.insert(link);
        }
        self.noticed = standing;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_fails_is_tried_again_soon_and_then_less_and_less_often() {
        let group = GroupAcronym::new("mars");
        let mut looks = Looks::default();
        let mut now = Duration::ZERO;
        let mut waits = Vec::new();
        for _ in 0..7 {
            looks.failed(group.clone(), now);
            let begun = now;
            while looks.take(now).is_empty() {
                now += Duration::from_millis(250);
            }
            waits.push(now.saturating_sub(begun).as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 15, 30, 30]);
        looks.saw(group.clone(), Vec::new(), now);
        looks.failed(group.clone(), now);
        assert_eq!(looks.take(now + Duration::from_secs(1)), [group].into(), "it had been read meanwhile");
    }
}
