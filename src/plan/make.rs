//! Puts a plan together: each session's two answers, then policy and guards, then the sums.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::inputs::{Answer, Inputs};
use super::timing::{Due, due};
use super::types::{Change, Operation, PLAN_VERSION, Plan, Refusal, Summary, Wait};
use super::{decks, guard, hash, policy, rooms};
use crate::desired::{Gate, session_gate};
use crate::model::{Fault, GroupAcronym, Kind, Policy, Session, SessionId, Snapshot, SubjectKey, Why};

pub fn make(inputs: Inputs<'_>) -> Plan {
    let now = inputs.now();
    let mut sorted = Sorted::default();
    if let Some(refusal) = not_to_be_believed(inputs.snapshot) {
        sorted.refusals.push(refusal);
    } else {
        sorted.add_all(inputs);
        refuse_unread_groups(inputs, &mut sorted.refusals);
    }
    sorted.changes.sort_by_key(|change| (order_of_work(change, inputs.policy, now), change.subject));
    sorted.refusals.sort_by_key(|refusal| (refusal.subject, refusal.rule));
    sorted.waits.sort_by_key(|wait| wait.subject);
    let in_step = sorted.in_step(inputs);
    let summary = sorted.summary(inputs, in_step.len());
    Plan {
        version: PLAN_VERSION,
        as_of: now,
        hash: hash::hash_of(&sorted.changes, &sorted.refusals),
        summary,
        changes: sorted.changes,
        refusals: sorted.refusals,
        waits: sorted.waits,
        in_step,
    }
}

/// The plan of one change that a person asked for by hand.
pub fn of_one(inputs: Inputs<'_>, change: Change) -> Plan {
    let summary = Summary {
        sessions: 1,
        to_change: 1,
        requests: change.requests(),
        in_window: inputs
            .snapshot
            .session(change.session)
            .map_or(0, |session| usize::from(is_in_window(session, inputs.policy, inputs.now()))),
        ..Summary::default()
    };
    let changes = vec![change];
    Plan {
        version: PLAN_VERSION,
        as_of: inputs.now(),
        hash: hash::hash_of(&changes, &[]),
        summary,
        changes,
        refusals: Vec::new(),
        waits: Vec::new(),
        in_step: BTreeSet::new(),
    }
}

/// Live sessions first, and rooms that are taken away to be made again; then those in their window; then by start,
/// what is over behind what is to come; unscheduled last.
fn order_of_work(change: &Change, policy: &Policy, now: DateTime<Utc>) -> (u8, bool, DateTime<Utc>) {
    let Some(slot) = change.slot else { return (3, false, DateTime::<Utc>::MAX_UTC) };
    let is_moved =
        change.operations.iter().any(|operation| matches!(operation, Operation::RecreateRoom { .. }));
    let in_window = session_gate(slot, policy.slides.notify, now) == Some(Gate::Open);
    let rank = match () {
        () if slot.is_live(now) || is_moved => 0,
        () if in_window => 1,
        () => 2,
    };
    (rank, slot.is_over(now), slot.start)
}

/// Whether a room is made, or made again.
pub fn makes_a_room(change: &Change) -> bool {
    change
        .operations
        .iter()
        .any(|operation| matches!(operation, Operation::CreateRoom { .. } | Operation::RecreateRoom { .. }))
}

/// A snapshot on which nothing is planned.
fn not_to_be_believed(snapshot: &Snapshot) -> Option<Refusal> {
    let (rule, detail, way_on) = match snapshot.lag() {
        _ if !snapshot.complete => (
            Why::SourceIncomplete,
            "the read of the datatracker was not complete, and what is missing from it need not be gone".into(),
            "run the command again; `meetsync check` tells what can't be read",
        ),
        None => return None,
        Some(_) if snapshot.known_until == DateTime::UNIX_EPOCH => (
            Why::SourceLagging,
            "the datatracker is read from a standby that has no connection to its primary, and can't tell how old it is"
                .into(),
            "see to the standby's replication, or name the primary in datatracker.database_url",
        ),
        Some(lag) => (
            Why::SourceLagging,
            format!("the datatracker is read from a standby that is {} s behind its primary", lag.num_seconds()),
            "run the command again; if it stays so, see to the standby's replication, or name the primary in \
             datatracker.database_url",
        ),
    };
    Some(Refusal {
        subject: None,
        session: None,
        groups: BTreeSet::new(),
        rule,
        detail,
        way_on: way_on.into(),
        operations: Vec::new(),
    })
}

/// Groups whose rooms could not be read: their rooms are planned unread, and the plan says so, once for each reason.
fn refuse_unread_groups(inputs: Inputs<'_>, refusals: &mut Vec<Refusal>) {
    let mut reasons: Vec<(&Fault, Vec<&GroupAcronym>)> = Vec::new();
    for (group, fault) in &inputs.rooms.unread {
        match reasons.iter_mut().find(|(other, _)| *other == fault) {
            Some((_, groups)) => groups.push(group),
            None => reasons.push((fault, vec![group])),
        }
    }
    for (fault, groups) in reasons {
        let way_on = match fault.why {
            Why::CredentialsRejected => {
                "put meetecho.client_id and client_secret right, then: meetsync check"
            }
            Why::GroupUnknown => "Meetecho has to know these groups; ask there, then run the command again",
            _ => "run the command again; without the rooms: meetsync plan --offline",
        };
        let names: Vec<&str> = groups.iter().map(|group| group.as_str()).collect();
        refusals.push(Refusal {
            subject: None,
            session: None,
            groups: groups.iter().map(|group| (*group).clone()).collect(),
            rule: fault.why,
            detail: format!("the rooms of {} could not be read: {fault}", names.join(", ")),
            way_on: way_on.into(),
            operations: Vec::new(),
        });
    }
}

/// Whether a change is carried out with the plan. The worker leaves some for later, and the decks of a room that is
/// made in an hour are not sent anew until then.
fn is_made_now(inputs: Inputs<'_>, change: &Change) -> bool {
    let row = inputs.ledger.get(change.subject);
    !inputs.ask.by_worker || due(row, &inputs.policy.slides, inputs.now()) == Due::Now
}

#[derive(Default)]
struct Sorted {
    changes: Vec<Change>,
    refusals: Vec<Refusal>,
    waits: Vec<Wait>,
    kept: BTreeSet<SessionId>,
}

impl Sorted {
    /// The rooms of all sessions first: whether a room is made, which its decks must know, is only certain when
    /// policy and guards have had their say.
    fn add_all(&mut self, inputs: Inputs<'_>) {
        let kinds = inputs.ask.scope.kinds;
        let empty_source = guard::empty_source(inputs);
        let mut decided = Vec::new();
        for session in inputs.sessions() {
            let mut room = rooms::decide(inputs, session);
            let answers = std::mem::take(&mut room.answers);
            if kinds.includes(Kind::Room) && !inputs.ask.push {
                for answer in answers {
                    self.add(inputs, session, SubjectKey::room(session.id), answer);
                }
            }
            decided.push((session, room));
        }
        if empty_source.is_none() {
            guard::limit_rooms(inputs, &mut self.changes, &mut self.refusals);
        }
        if kinds.includes(Kind::Decks) {
            let made: BTreeSet<SessionId> = self
                .changes
                .iter()
                .filter(|change| makes_a_room(change) && is_made_now(inputs, change))
                .map(|change| change.session)
                .collect();
            for (session, room) in &decided {
                let answer = decks::decide(inputs, session, room, made.contains(&session.id));
                self.add(inputs, session, SubjectKey::decks(session.id), answer);
            }
        }
        match empty_source {
            Some(refusal) => {
                self.changes.clear();
                self.refusals.push(refusal);
            }
            None => guard::limit_emptied_sessions(inputs, &mut self.changes, &mut self.refusals),
        }
    }

    fn add(&mut self, inputs: Inputs<'_>, session: &Session, subject: SubjectKey, answer: Answer) {
        let wait = |reason, until| Wait { subject, session: session.id, reason, until };
        match answer {
            Answer::Change(_) if inputs.is_held(session.id) => {
                let until = inputs.ledger.hold_of(session.id, inputs.now()).map(|hold| hold.until);
                self.waits.push(wait(Why::Held, until));
            }
            Answer::Change(change) => {
                let (change, refusals) = policy::restrict(change, session, inputs.policy);
                self.changes.extend(change);
                self.refusals.extend(refusals);
            }
            // Nothing would be done, so no guard has anything to stop.
            Answer::Refused(refusal) if refusal.rule.is_guard() && inputs.is_held(session.id) => {
                let until = inputs.ledger.hold_of(session.id, inputs.now()).map(|hold| hold.until);
                self.waits.push(wait(Why::Held, until));
            }
            Answer::Refused(refusal) => {
                self.refusals.push(policy::restrict_refusal(refusal, session, inputs.policy));
            }
            // What is out of scope is nobody's loss.
            Answer::Waits(Why::WindowClosedUnsent, _) if !policy::is_in_scope(session, inputs.policy) => {
                self.waits.push(wait(Why::OutsideWindow, None));
            }
            Answer::Waits(reason, until) => self.waits.push(wait(reason, until)),
            Answer::InStep => {
                self.kept.insert(session.id);
            }
        }
    }

    /// What has something to keep, and nothing open: no change, no refusal, no doubt, and no hold.
    fn in_step(&self, inputs: Inputs<'_>) -> BTreeSet<SessionId> {
        let refused = self.refusals.iter().filter(|refusal| refusal.rule != Why::NotOurs);
        let open: BTreeSet<SessionId> = self
            .changes
            .iter()
            .map(|change| change.session)
            .chain(refused.filter_map(|refusal| refusal.session))
            .collect();
        let kept = self.kept.difference(&open).copied();
        kept.filter(|id| !self.is_in_doubt(inputs, *id) && !inputs.is_held(*id)).collect()
    }

    fn summary(&self, inputs: Inputs<'_>, in_step: usize) -> Summary {
        let now = inputs.now();
        let changed: BTreeSet<SessionId> = self.changes.iter().map(|change| change.session).collect();
        let mut summary = Summary {
            in_step,
            to_change: changed.len(),
            refused: self.refusals.iter().filter(|refusal| refusal.rule != Why::NotOurs).count(),
            requests: self.changes.iter().map(Change::requests).sum(),
            ..Summary::default()
        };
        for session in inputs.sessions() {
            summary.sessions += 1;
            summary.in_window += usize::from(is_in_window(session, inputs.policy, now));
            summary.in_doubt += usize::from(self.is_in_doubt(inputs, session.id));
            summary.held += usize::from(inputs.is_held(session.id));
        }
        summary
    }

    /// A request had no usable answer, or one more send is owed after such a one.
    fn is_in_doubt(&self, inputs: Inputs<'_>, session: SessionId) -> bool {
        [SubjectKey::room(session), SubjectKey::decks(session)].iter().any(|key| {
            let row = inputs.ledger.get(*key);
            row.is_some_and(|row| {
                row.doubt_since.is_some()
                    || (row.confirming.is_some() && !is_left_unconfirmed(&self.waits, *key))
            })
        })
    }
}

/// The confirming send of these slides is made by nobody: nothing is sent for the session as it is now.
pub(super) fn is_left_unconfirmed(waits: &[Wait], key: SubjectKey) -> bool {
    key.kind == Kind::Decks && waits.iter().any(|wait| wait.subject == key && wait.reason.is_nothing_to_do())
}

fn is_in_window(session: &Session, policy: &Policy, now: DateTime<Utc>) -> bool {
    !session.status.is_cancelled()
        && session.tombstone_for.is_none()
        && session.slot.and_then(|slot| session_gate(slot, policy.slides.notify, now)) == Some(Gate::Open)
}
