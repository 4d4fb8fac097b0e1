//! A rehearsal: the ledger is read, and everything that would be written stays in this process.
//!
//! The code above can't tell the difference, so that a dry run is the production code with another edge. Leases are
//! between the tasks of this process only: a rehearsal neither waits for a worker nor stops one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::attempt::{Attempt, AttemptRow};
use super::error::LedgerError;
use super::lease::{Lease, LeasedStep, Settled, StepAsk};
use super::memory::{HeldLease, Memory};
use super::overlay::wish_for;
use super::read;
use super::rows::{Columns, SubjectRow};
use super::step::Begun;
use super::wish::Wish;
use crate::database::Database;
use crate::model::{Hold, RecentChanges, RoomRecord, SessionId, SubjectKey};

/// The ledger's database, and what this process would have written.
#[derive(Debug, Clone)]
pub(super) struct Rehearsal {
    database: Database,
    overlay: Arc<Mutex<Memory>>,
}

impl Rehearsal {
    pub(super) fn new(database: Database) -> Self {
        Self { database, overlay: Arc::default() }
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    pub(super) async fn lease_and_begin(&self, ask: &StepAsk<'_>) -> Result<LeasedStep, LedgerError> {
        let clock = read::clock(&self.database).await?;
        let row = read::rows(&self.database, std::iter::once(ask.key)).await?.pop();
        let holds = self.over_holds(read::holds(&self.database).await?);
        let mut overlay = self.overlay();
        let holds = holds.iter().map(|(held, hold)| (*held, hold.until));
        if let Some(until) = overlay.held(ask, holds) {
            return Ok(LeasedStep::Held { until });
        }
        match overlay.take(ask, clock) {
            Ok(lease) => Ok(LeasedStep::Begun(lease, overlay.mark(ask, row)?)),
            Err(HeldLease { owner, until, .. }) => Ok(LeasedStep::Taken { owner, until }),
        }
    }

    pub(super) fn settle(
        &self,
        lease: &Lease,
        begun: &Begun,
        columns: Columns,
        attempt: Option<AttemptRow>,
    ) -> Settled {
        self.overlay().settle(lease, begun, columns, attempt)
    }

    pub(super) async fn renew(&self, lease: &Lease, length: Duration) -> Result<Settled, LedgerError> {
        let clock = read::clock(&self.database).await?;
        Ok(self.overlay().renew(lease, length, clock))
    }

    pub(super) fn note_room(&self, lease: &Lease, key: SubjectKey, room: &RoomRecord) -> Settled {
        self.overlay().note_room(lease, key, room)
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
        self.overlay().hold(session, hold);
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
        self.overlay().count_recent(recent, per, now);
    }

    pub(super) fn over_attempts(&self, stored: Vec<Attempt>, limit: u32) -> Vec<Attempt> {
        let own: Vec<Attempt> = self.overlay().newest_attempts().collect();
        own.into_iter().chain(stored).take(usize::try_from(limit).unwrap_or(usize::MAX)).collect()
    }

    fn overlay(&self) -> MutexGuard<'_, Memory> {
        // Nothing in here panics halfway through a change; a poisoned lock would only hide the first panic.
        self.overlay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
