//! Which groups' rooms are to be looked at, and what was seen.
//!
//! A pass plans rooms by the ledger's record and asks the provider nothing. What the record can't say needs a look: all
//! groups at the sweep; a group with a room in doubt; one whose session has a link of ours that we have no record of
//! (the datatracker made it). What was seen is kept until the plan that follows from it is carried out, and never for
//! long: then the group is looked at again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::ledger::RoomFinding;
use crate::model::{
    Fault, GroupAcronym, Kind, LedgerView, RoomRecord, RoomsSeen, SeenRoom, SessionId, SubjectKey, Why,
};
use crate::plan::{Known, Plan, groups_to_read};
use crate::reconcile::world::World;
use crate::schedule::backoff;

mod sweep;

/// What was seen is not relied on for longer.
const FRESH: Duration = Duration::from_mins(5);

/// A group about which something was tried, and not done, is looked at again after this.
const AFTER_A_FAILURE: Duration = Duration::from_secs(2);

/// A sweep looks again at a group about which something was done after this.
const AFTER_A_STEP: Duration = Duration::from_secs(10);

/// A group's rooms, as a look found them.
#[derive(Debug)]
struct Seen {
    read_at: Duration,
    rooms: Vec<SeenRoom>,
    /// What was on record of them before it. Where that is another by now, something was done about these rooms, and
    /// perhaps after they were read.
    on_record: OnRecord,
}

/// The rooms of a group by the ledger.
type OnRecord = Vec<(SessionId, RoomRecord)>;

/// Whether it is an answer that will be the same until a person does something.
fn is_a_no(why: Why) -> bool {
    matches!(why, Why::CredentialsRejected | Why::GroupUnknown)
}

/// What is known and wanted of rooms at the provider.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// To be looked at, not before that moment.
    wanted: BTreeMap<GroupAcronym, Duration>,
    seen: BTreeMap<GroupAcronym, Seen>,
    /// By the newest pass.
    on_record: BTreeMap<GroupAcronym, OnRecord>,
    /// As it was when the look that is under way began.
    looked_at: BTreeMap<GroupAcronym, OnRecord>,
    /// Looks in a row that failed.
    failures: BTreeMap<GroupAcronym, u32>,
    /// Groups that the provider, being there, does not let us look at: a person must know.
    refused: BTreeMap<GroupAcronym, Fault>,
    /// Links of ours without a record that were noticed, so that each asks for one look only.
    noticed: BTreeSet<(SessionId, String)>,
    /// What was found in a group's rooms by the look of that moment, as it was last told.
    told: BTreeMap<GroupAcronym, (Duration, Vec<RoomFinding>)>,
    /// The newest wishes that this worker recorded, by generation: what became of them it knows best itself. A newer one
    /// of the same subject is another worker's.
    own: BTreeMap<SubjectKey, i64>,
    /// The one that this worker has taken.
    sweep: Option<Sweep>,
    /// The newest sweep that was asked for; no moment = it is done.
    asked: Option<(DateTime<Utc>, Option<Duration>)>,
}

/// A sweep under way: it is done when each group was seen as it should be.
#[derive(Debug)]
struct Sweep {
    due: DateTime<Utc>,
    left: BTreeSet<GroupAcronym>,
}

/// What a look at a group's rooms found.
#[derive(Debug)]
pub(super) struct News {
    pub(super) group: GroupAcronym,
    read_at: Duration,
    pub(super) findings: Vec<RoomFinding>,
    /// Those that the look before it had not found.
    pub(super) new: Vec<RoomFinding>,
}

impl Looks {
    /// What was seen, for a plan by this ledger.
    pub(super) fn rooms(&mut self, ledger: &LedgerView, now: Duration) -> RoomsSeen {
        let mut stale = Vec::new();
        let mut past = Vec::new();
        self.own.retain(|key, _| ledger.subjects.contains_key(key));
        self.on_record = on_record(ledger);
        let nothing = OnRecord::new();
        for (group, seen) in &self.seen {
            let on_record = self.on_record.get(group).unwrap_or(&nothing);
            let before = &seen.on_record;
            let changed = on_record
                .iter()
                .filter(|row| !before.contains(row))
                .chain(before.iter().filter(|row| !on_record.contains(row)));
            let changed: Vec<SubjectKey> = changed.map(|(session, _)| SubjectKey::room(*session)).collect();
            let is_own = |key: &SubjectKey| {
                let row = ledger.subjects.get(key);
                row.is_some_and(|row| self.own.get(key) == Some(&row.timing.generation))
            };
            if now.saturating_sub(seen.read_at) >= FRESH || !changed.iter().all(is_own) {
                stale.push(group.clone());
            } else if !changed.is_empty() {
                // Our own step, whose end is about to be told: it knows what became of the room.
                past.push(group.clone());
            }
        }
        for group in past {
            self.forget(&group, true, now);
        }
        for group in stale {
            self.seen.remove(&group);
            self.want(group, now);
        }
        RoomsSeen {
            by_group: self.seen.iter().map(|(group, seen)| (group.clone(), seen.rooms.clone())).collect(),
            unread: self.refused.clone(),
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
        if let Some(sweep) = &mut self.sweep {
            // What came back after this pass had begun was not planned on.
            let is_planned =
                |group: &GroupAcronym| self.seen.get(group).is_some_and(|seen| seen.read_at <= now);
            sweep.left.retain(|group| {
                needed.contains(group) || !(is_planned(group) || self.refused.contains_key(group))
            });
        }
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
        self.seen.retain(|group, seen| needed.contains(group) || seen.read_at > now);
        let looked_for = self.notice_links(world, now);
        self.keep_only(looked_for, world);
    }

    /// Groups whose rooms decide nothing any more are not asked for, and not told.
    fn keep_only(&mut self, looked_for: BTreeSet<GroupAcronym>, world: &World) {
        if self.wanted.is_empty() && self.refused.is_empty() {
            return;
        }
        let mut decide = groups_to_read(world.inputs());
        decide.extend(looked_for);
        self.wanted.retain(|group, _| decide.contains(group));
        self.refused.retain(|group, _| decide.contains(group));
        self.failures.retain(|group, _| decide.contains(group));
    }

    /// Of what was found by a plan with the rooms that were seen, the groups that were not told of yet: what is found in
    /// each, and what of that was not there the last time.
    pub(super) fn news(&self, found: BTreeMap<GroupAcronym, Vec<RoomFinding>>) -> Vec<News> {
        let news = |(group, findings): (GroupAcronym, Vec<RoomFinding>)| {
            let read_at = self.seen.get(&group)?.read_at;
            let told = self.told.get(&group);
            if told.is_some_and(|told| told.0 == read_at && told.1 == findings) {
                return None;
            }
            let is_new = |finding: &&RoomFinding| told.is_none_or(|(_, before)| !before.contains(finding));
            let new = findings.iter().filter(is_new).cloned().collect();
            Some(News { group, read_at, findings, new })
        };
        found.into_iter().filter_map(news).collect()
    }

    pub(super) fn told(&mut self, news: News) {
        self.told.insert(news.group, (news.read_at, news.findings));
    }

    pub(super) fn wished(&mut self, new: &BTreeMap<SubjectKey, i64>) {
        self.own.extend(new);
    }

    pub(super) fn own(&self) -> BTreeMap<SubjectKey, i64> {
        self.own.clone()
    }

    /// The next groups to look at, so many at most; they are not wanted any more until somebody says so again.
    pub(super) fn take(&mut self, now: Duration, at_most: usize) -> BTreeSet<GroupAcronym> {
        let due = self.wanted.iter().filter(|(_, at)| **at <= now).map(|(group, _)| group.clone());
        let due: BTreeSet<GroupAcronym> = due.take(at_most).collect();
        self.wanted.retain(|group, _| !due.contains(group));
        for group in &due {
            let on_record = self.on_record.get(group).cloned().unwrap_or_default();
            self.looked_at.insert(group.clone(), on_record);
        }
        due
    }

    pub(super) fn saw(&mut self, group: GroupAcronym, rooms: Vec<SeenRoom>, now: Duration) {
        self.failures.remove(&group);
        self.refused.remove(&group);
        let on_record = self.looked_at.remove(&group).unwrap_or_default();
        self.seen.insert(group, Seen { read_at: now, rooms, on_record });
    }

    /// The group could not be read: again after a while, or when the provider is back.
    pub(super) fn failed(&mut self, group: GroupAcronym, fault: Option<Fault>, now: Duration) {
        if let Some(fault) = fault.filter(|fault| is_a_no(fault.why)) {
            self.refused.insert(group.clone(), fault);
        }
        self.looked_at.remove(&group);
        let failures = self.failures.entry(group.clone()).or_default();
        *failures = failures.saturating_add(1);
        // A room in doubt may wait for it, so the first wait is short. Looks go one after the other: no jitter.
        let pause = backoff::worker(*failures, 0.5);
        self.wanted.insert(group, now + pause);
    }

    /// The look that was under way came to no end: whatever it was to look at is still wanted.
    pub(super) fn broke(&mut self, now: Duration) {
        for group in std::mem::take(&mut self.looked_at).into_keys() {
            self.failed(group, None, now);
        }
    }

    /// Something was done about a group's rooms: what was seen before is the past, and a sweep looks once more. Where it
    /// was not done, only another look tells what is still to do.
    pub(super) fn forget(&mut self, group: &GroupAcronym, is_done: bool, now: Duration) {
        self.seen.remove(group);
        if !is_done {
            self.want(group.clone(), now + AFTER_A_FAILURE);
        } else if self.sweep.as_ref().is_some_and(|sweep| sweep.left.contains(group)) {
            // Not at once: where the datatracker's standby lags, the same is found and done again at every look.
            self.want(group.clone(), now + AFTER_A_STEP);
        }
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

    /// The groups of links of which only a look tells where they lead.
    fn notice_links(&mut self, world: &World, now: Duration) -> BTreeSet<GroupAcronym> {
        let inputs = world.inputs();
        let (mut standing, mut groups) = (BTreeSet::new(), BTreeSet::new());
        for session in &world.snapshot.sessions {
            let known = Known::of(&inputs, session);
            if !known.asks_for_a_look(world.snapshot.as_of) {
                continue;
            }
            let link = (session.id, session.remote_instructions.clone());
            if !self.noticed.contains(&link) {
                self.want(known.group.clone(), now);
            }
            standing.insert(link);
            groups.insert(known.group.clone());
        }
        self.noticed = standing;
        groups
    }
}

fn on_record(ledger: &LedgerView) -> BTreeMap<GroupAcronym, OnRecord> {
    let mut by_group: BTreeMap<GroupAcronym, OnRecord> = BTreeMap::new();
    for (key, row) in &ledger.subjects {
        if let Some(room) = &row.room {
            by_group.entry(room.group.clone()).or_default().push((key.session, room.clone()));
        }
    }
    by_group
}

#[cfg(test)]
mod tests;
