//! A ledger in memory: the same rules as PostgreSQL's, without PostgreSQL.
//!
//! A rehearsal lays it over the rows that are stored; a simulation has nothing else. A test plays random histories on
//! this and on the database, and compares every row. The caller says what time it is by the ledger's clock.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::attempt::AttemptRow;
use super::error::LedgerError;
use super::lease::{Lease, LeasedStep, Settled, StepAsk};
use super::overlay::{calm, end, mark, note_room, wish_for};
use super::pass::{PassRecord, Recorded, is_fenced_off};
use super::rows::{Columns, SubjectRow};
use super::step::{Begun, StepEnd, capped};
use super::turn::{Taken, Turn};
use super::wish::{Wish, newest_of};
use crate::model::{Hold, Passes, Provider, RoomRecord, SessionId, SubjectKey};
use crate::planted::{self, Bug};

mod reading;

/// Everything that a ledger remembers.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    pub(super) subjects: BTreeMap<SubjectKey, SubjectRow>,
    leases: BTreeMap<(SessionId, Provider), HeldLease>,
    pub(super) attempts: Vec<(SubjectKey, AttemptRow)>,
    /// A hold that was written, or (None) ended.
    pub(super) holds: BTreeMap<Option<SessionId>, Option<Hold>>,
    known_until: Option<DateTime<Utc>>,
    passes: Passes,
    last_pass_by: String,
    turns: BTreeMap<String, Option<Taken>>,
    /// How each step ended that was written down, by its lease.
    ended: BTreeMap<(Uuid, SubjectKey), Settled>,
}

#[derive(Debug, Clone)]
pub(super) struct HeldLease {
    pub(super) owner: String,
    pub(super) token: Uuid,
    pub(super) until: DateTime<Utc>,
}

impl Memory {
    /// As [`super::Ledger::record`].
    pub fn record(&mut self, wishes: &[Wish]) -> usize {
        newest_of(wishes).values().filter(|wish| self.wish(wish).is_some()).count()
    }

    /// As [`super::Ledger::record_pass`].
    pub fn record_pass(&mut self, pass: &PassRecord) -> Recorded {
        if pass.yields_to(&self.last_pass_by, &self.passes) {
            return Recorded::Done(BTreeMap::new());
        }
        if self.known_until.is_some_and(|newest| is_fenced_off(newest, pass.known_until)) {
            return Recorded::Stale;
        }
        if pass.acts {
            self.known_until = Some(pass.known_until);
        }
        let acting_since =
            pass.acts_from().map(|from| self.passes.acting_since.map_or(from, |since| since.min(from)));
        self.passes = Passes { newest: Some(pass.as_of), acting_since };
        self.last_pass_by.clone_from(&pass.who);
        for (key, generation) in &pass.calmed {
            if let Some(row) = self.subjects.get_mut(key) {
                calm(row, *generation);
            }
        }
        let wishes = newest_of(&pass.wishes);
        Recorded::Done(
            wishes.values().filter_map(|wish| self.wish(wish).map(|new| (wish.key, new))).collect(),
        )
    }

    /// The generation of a wish that is new.
    fn wish(&mut self, wish: &Wish) -> Option<i64> {
        let row = self.subjects.entry(wish.key).or_insert_with(|| SubjectRow::empty(wish.key, wish.at));
        wish_for(row, wish).then_some(row.generation)
    }

    /// As [`super::Ledger::lease_and_begin`], at `clock` by the ledger's own clock.
    ///
    /// # Errors
    /// As in [`Memory::view`].
    pub fn lease_and_begin(
        &mut self,
        ask: &StepAsk<'_>,
        clock: DateTime<Utc>,
    ) -> Result<LeasedStep, LedgerError> {
        let holds = self.holds.iter().filter_map(|(held, hold)| Some((*held, hold.as_ref()?.until)));
        if let Some(until) = self.held(ask, holds) {
            return Ok(LeasedStep::Held { until });
        }
        match self.take(ask, clock) {
            Ok(lease) => Ok(LeasedStep::Begun(lease, self.mark(ask, None)?)),
            Err(HeldLease { owner, until, .. }) => Ok(LeasedStep::Taken { owner, until }),
        }
    }

    /// As [`super::Ledger::renew`], at `clock` by the ledger's own clock.
    pub fn renew(&mut self, lease: &Lease, length: Duration, clock: DateTime<Utc>) -> Settled {
        match self.leases.get_mut(&(lease.session, lease.provider)) {
            Some(held) if held.token == lease.token => {
                held.until = end_of(clock, length);
                Settled::Done
            }
            _ => Settled::Lost,
        }
    }

    /// As [`super::Ledger::note_room`].
    pub fn note_room(&mut self, lease: &Lease, key: SubjectKey, room: &RoomRecord) -> Settled {
        let is_held = self.is_held(lease);
        match self.subjects.get_mut(&key).filter(|_| is_held) {
            Some(row) => note_room(row, room),
            None => return Settled::Lost,
        }
        Settled::Done
    }

    /// As [`super::Ledger::settle_and_release`].
    pub fn settle_and_release(
        &mut self,
        lease: &Lease,
        begun: &Begun,
        end: &StepEnd,
        attempt: AttemptRow,
    ) -> Settled {
        let columns = super::columns(begun, end, &attempt);
        self.settle(lease, begun, columns, Some(attempt))
    }

    /// As [`super::Ledger::put_back`].
    pub fn put_back(&mut self, lease: &Lease, begun: &Begun) -> Settled {
        self.settle(lease, begun, Columns::unchanged(begun), None)
    }

    /// As [`super::Ledger::take_turn`], at `clock` by the ledger's own clock.
    pub fn take_turn(&mut self, job: &str, due_at: DateTime<Utc>, who: &str, clock: DateTime<Utc>) -> Turn {
        Taken::take(self.turns.entry(job.to_owned()).or_default(), due_at, who, clock)
    }

    /// As [`super::Ledger::end_turn`].
    pub fn end_turn(&mut self, job: &str, due_at: DateTime<Utc>) {
        if let Some(Some(taken)) = self.turns.get_mut(job) {
            taken.end(due_at);
        }
    }

    /// Writes down a hold (None: ends it) of one session, or of all.
    pub fn hold(&mut self, session: Option<SessionId>, hold: Option<Hold>) {
        self.holds.insert(session, hold);
    }

    pub(super) fn settle(
        &mut self,
        lease: &Lease,
        begun: &Begun,
        columns: Columns,
        attempt: Option<AttemptRow>,
    ) -> Settled {
        let ours = self.is_held(lease);
        if ours && let Some(row) = self.subjects.get_mut(&begun.key) {
            end(row, columns, begun);
        }
        if ours {
            self.leases.remove(&(lease.session, lease.provider));
        }
        let settled = if ours { Settled::Done } else { Settled::Lost };
        let Some(mut attempt) = attempt else { return settled };
        if let Some(ended) = self.ended.get(&(lease.token, begun.key)) {
            return *ended;
        }
        self.ended.insert((lease.token, begun.key), settled);
        if !ours {
            "lost".clone_into(&mut attempt.outcome);
        }
        attempt.words = attempt.words.as_deref().map(capped);
        self.attempts.push((begun.key, attempt));
        settled
    }

    /// Until when one of these holds stops a step that is asked for. One that has its lease already was begun before.
    pub(super) fn held(
        &self,
        ask: &StepAsk<'_>,
        holds: impl Iterator<Item = (Option<SessionId>, DateTime<Utc>)>,
    ) -> Option<DateTime<Utc>> {
        let held = self.leases.get(&(ask.key.session, ask.key.provider));
        if held.is_some_and(|held| held.token == ask.token) { None } else { ask.held_until(holds) }
    }

    /// The lease, or whoever has it.
    pub(super) fn take(&mut self, ask: &StepAsk<'_>, clock: DateTime<Utc>) -> Result<Lease, HeldLease> {
        let SubjectKey { session, provider, .. } = ask.key;
        let (place, token) = ((session, provider), ask.token);
        let is_theirs = |held: &&HeldLease| clock < held.until && held.token != token;
        if let Some(held) = self.leases.get(&place).filter(is_theirs)
            && !planted::is(Bug::LeaseGivenTwice)
        {
            return Err(held.clone());
        }
        let until = end_of(clock, ask.length);
        self.leases.insert(place, HeldLease { owner: ask.owner.to_owned(), token, until });
        Ok(Lease { session, provider, until, token })
    }

    fn is_held(&self, lease: &Lease) -> bool {
        let held = self.leases.get(&(lease.session, lease.provider));
        held.is_some_and(|held| held.token == lease.token) || planted::is(Bug::FinishWithoutToken)
    }

    pub(super) fn mark(
        &mut self,
        ask: &StepAsk<'_>,
        stored: Option<SubjectRow>,
    ) -> Result<Begun, LedgerError> {
        let empty = || SubjectRow::empty(ask.key, ask.at);
        let row = self.subjects.entry(ask.key).or_insert_with(|| stored.unwrap_or_else(empty));
        mark(row, ask)?;
        row.begun()
    }
}

fn end_of(clock: DateTime<Utc>, length: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(length).ok().and_then(|length| clock.checked_add_signed(length)).unwrap_or(clock)
}
