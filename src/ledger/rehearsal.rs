//! A rehearsal: the ledger is read, and everything that would be written stays in this process.
//!
//! The code above can't tell the difference, so that a dry run is the production code with another edge. Leases are
//! between the tasks of this process only: a rehearsal neither waits for a worker nor stops one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;
use uuid::Uuid;

use super::attempt::{Attempt, AttemptRow, CountsAs};
use super::error::LedgerError;
use super::lease::{Lease, LeaseOutcome, LeasedStep, Settled, StepStart};
use super::overlay::{end, mark, wish_for};
use super::read;
use super::rows::{Columns, SubjectRow};
use super::step::{Begun, capped};
use super::wish::Wish;
use crate::database::Database;
use crate::model::{DeckId, Hold, Provider, RecentChanges, SessionId, SubjectKey};

/// The ledger's database, and what this process would have written.
#[derive(Debug, Clone)]
pub(super) struct Rehearsal {
    database: Database,
    overlay: Arc<Mutex<Overlay>>,
}

#[derive(Debug, Default)]
struct Overlay {
    subjects: BTreeMap<SubjectKey, SubjectRow>,
    leases: BTreeMap<(SessionId, Provider), OverlayLease>,
    attempts: Vec<(SubjectKey, AttemptRow)>,
    /// A hold that was written, or (None) ended.
    holds: BTreeMap<Option<SessionId>, Option<Hold>>,
}

#[derive(Debug)]
struct OverlayLease {
    owner: String,
    token: Uuid,
    until: DateTime<Utc>,
}

impl Rehearsal {
    pub(super) fn new(database: Database) -> Self {
        Self { database, overlay: Arc::default() }
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    pub(super) async fn lease(
        &self,
        session: SessionId,
        provider: Provider,
        owner: &str,
        length: Duration,
    ) -> Result<LeaseOutcome, LedgerError> {
        let asked = Instant::now();
        let clock = read::clock(&self.database).await?;
        Ok(self.overlay().take((session, provider), owner, length, asked, clock))
    }

    pub(super) async fn lease_and_begin(
        &self,
        key: SubjectKey,
        owner: &str,
        length: Duration,
        ids: &BTreeSet<DeckId>,
        now: DateTime<Utc>,
    ) -> Result<LeasedStep, LedgerError> {
        let asked = Instant::now();
        let (clock, row) = self.clock_and_row(key).await?;
        let mut overlay = self.overlay();
        match overlay.take((key.session, key.provider), owner, length, asked, clock) {
            LeaseOutcome::Leased(lease) => Ok(LeasedStep::Begun(lease, overlay.mark(key, row, ids, now)?)),
            LeaseOutcome::Taken { owner, until } => Ok(LeasedStep::Taken { owner, until }),
        }
    }

    pub(super) async fn begin(
        &self,
        lease: &mut Lease,
        key: SubjectKey,
        ids: &BTreeSet<DeckId>,
        now: DateTime<Utc>,
    ) -> Result<StepStart, LedgerError> {
        let asked = Instant::now();
        let (clock, row) = self.clock_and_row(key).await?;
        let mut overlay = self.overlay();
        let until = end_of(clock, lease.length);
        match overlay.leases.get_mut(&(lease.session, lease.provider)) {
            Some(held) if held.token == lease.token && clock < held.until => held.until = until,
            _ => return Ok(StepStart::Lost),
        }
        (lease.until, lease.asked) = (until, asked);
        Ok(StepStart::Begun(overlay.mark(key, row, ids, now)?))
    }

    pub(super) fn settle(
        &self,
        lease: &Lease,
        begun: &Begun,
        columns: Columns,
        mut attempt: AttemptRow,
        release: bool,
    ) -> Settled {
        let mut overlay = self.overlay();
        let ours = overlay.is_held(lease);
        if ours && let Some(row) = overlay.subjects.get_mut(&begun.key) {
            end(row, columns, begun);
        }
        if !ours {
            "lost".clone_into(&mut attempt.outcome);
        }
        attempt.words = attempt.words.as_deref().map(capped);
        overlay.attempts.push((begun.key, attempt));
        if release && ours {
            overlay.leases.remove(&(lease.session, lease.provider));
        }
        if ours { Settled::Done } else { Settled::Lost }
    }

    pub(super) fn release(&self, lease: &Lease) {
        let mut overlay = self.overlay();
        if overlay.is_held(lease) {
            overlay.leases.remove(&(lease.session, lease.provider));
        }
    }

    pub(super) async fn record(&self, wishes: &BTreeMap<SubjectKey, Wish>) -> Result<usize, LedgerError> {
        let stored = read::rows(&self.database, wishes.keys().copied()).await?;
        let mut stored: BTreeMap<String, SubjectRow> =
            stored.into_iter().map(|row| (row.key.clone(), row)).collect();
        let mut overlay = self.overlay();
        let mut changed = 0;
        for (key, wish) in wishes {
            let row = overlay.subjects.get(key).cloned().or_else(|| stored.remove(&key.to_string()));
            let mut row = row.unwrap_or_else(|| SubjectRow::empty(*key, wish.at));
            if wish_for(&mut row, wish) {
                overlay.subjects.insert(*key, row);
                changed += 1;
            }
        }
        Ok(changed)
    }

    pub(super) fn hold(&self, session: Option<SessionId>, hold: Option<Hold>) {
        self.overlay().holds.insert(session, hold);
    }

    /// Rows as they would be: those that were read, under those that would have been written.
    pub(super) fn over_subjects(
        &self,
        stored: Vec<SubjectRow>,
        wanted: impl Fn(&SubjectRow) -> bool,
    ) -> Vec<SubjectRow> {
        let overlay = self.overlay();
        let mut rows: BTreeMap<String, SubjectRow> =
            stored.into_iter().map(|row| (row.key.clone(), row)).collect();
        rows.extend(overlay.subjects.values().map(|row| (row.key.clone(), row.clone())));
        rows.into_values().filter(wanted).collect()
    }

    pub(super) fn over_holds(
        &self,
        stored: Vec<(Option<SessionId>, Hold)>,
    ) -> Vec<(Option<SessionId>, Hold)> {
        let mut holds: BTreeMap<_, _> =
            stored.into_iter().map(|(session, hold)| (session, Some(hold))).collect();
        holds.extend(self.overlay().holds.clone());
        holds.into_iter().filter_map(|(session, hold)| Some((session, hold?))).collect()
    }

    pub(super) fn over_recent(&self, recent: &mut RecentChanges, per: TimeDelta, now: DateTime<Utc>) {
        for (key, attempt) in self.overlay().attempts.iter().filter(|(_, attempt)| attempt.at > now - per) {
            match attempt.counts_as {
                Some(CountsAs::RoomCreated) => recent.rooms_created += 1,
                Some(CountsAs::RoomDeleted) => recent.rooms_deleted += 1,
                Some(CountsAs::DecksEmptied) => {
                    recent.sessions_emptied.insert(key.session);
                }
                None => {}
            }
        }
    }

    pub(super) fn over_attempts(&self, stored: Vec<Attempt>, limit: u32) -> Vec<Attempt> {
        let own: Vec<Attempt> =
            self.overlay().attempts.iter().rev().map(|(key, row)| as_written(*key, row)).collect();
        own.into_iter().chain(stored).take(usize::try_from(limit).unwrap_or(usize::MAX)).collect()
    }

    async fn clock_and_row(
        &self,
        key: SubjectKey,
    ) -> Result<(DateTime<Utc>, Option<SubjectRow>), LedgerError> {
        let clock = read::clock(&self.database).await?;
        Ok((clock, read::rows(&self.database, std::iter::once(key)).await?.pop()))
    }

    fn overlay(&self) -> MutexGuard<'_, Overlay> {
        // Nothing in here panics halfway through a change; a poisoned lock would only hide the first panic.
        self.overlay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Overlay {
    fn take(
        &mut self,
        place: (SessionId, Provider),
        owner: &str,
        length: Duration,
        asked: Instant,
        clock: DateTime<Utc>,
    ) -> LeaseOutcome {
        if let Some(held) = self.leases.get(&place).filter(|held| clock < held.until) {
            return LeaseOutcome::Taken { owner: held.owner.clone(), until: held.until };
        }
        let (token, until) = (Uuid::new_v4(), end_of(clock, length));
        self.leases.insert(place, OverlayLease { owner: owner.to_owned(), token, until });
        let (session, provider) = place;
        LeaseOutcome::Leased(Lease { session, provider, until, token, length, asked })
    }

    fn is_held(&self, lease: &Lease) -> bool {
        self.leases.get(&(lease.session, lease.provider)).is_some_and(|held| held.token == lease.token)
    }

    fn mark(
        &mut self,
        key: SubjectKey,
        stored: Option<SubjectRow>,
        ids: &BTreeSet<DeckId>,
        now: DateTime<Utc>,
    ) -> Result<Begun, LedgerError> {
        let row =
            self.subjects.entry(key).or_insert_with(|| stored.unwrap_or_else(|| SubjectRow::empty(key, now)));
        mark(row, ids, now);
        row.begun()
    }
}

fn end_of(clock: DateTime<Utc>, length: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(length).ok().and_then(|length| clock.checked_add_signed(length)).unwrap_or(clock)
}

fn as_written(subject: SubjectKey, row: &AttemptRow) -> Attempt {
    Attempt {
        at: row.at,
        subject,
        who: row.who.clone(),
        what: row.what.clone(),
        reason: row.reason.clone(),
        requests: row.requests,
        outcome: row.outcome.clone(),
        words: row.words.clone(),
        took_ms: u64::try_from(row.took.as_millis()).unwrap_or(u64::MAX),
    }
}
