//! What a ledger in memory tells, as the one in the database does.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::Memory;
use crate::ledger::attempt::{Attempt, AttemptRow, CountsAs};
use crate::ledger::error::LedgerError;
use crate::ledger::rows::{SubjectRow, still_matters};
use crate::model::{LedgerView, RecentChanges, SessionId, SubjectKey};

impl Memory {
    /// As [`crate::ledger::Ledger::view`].
    ///
    /// # Errors
    /// A row can't be read, which would be a defect of ours.
    pub fn view(
        &self,
        also: &BTreeSet<SessionId>,
        per: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<LedgerView, LedgerError> {
        let recent = now - still_matters();
        self.view_where(per, now, |row| {
            row.is_open(now)
                || row.remote_end.is_some_and(|end| end > recent)
                || row.slot_end.is_some_and(|end| end > recent)
                || also.contains(&SessionId(row.session))
                || self
                    .holds
                    .get(&Some(SessionId(row.session)))
                    .is_some_and(|hold| hold.as_ref().is_some_and(|hold| now < hold.until))
        })
    }

    /// As [`crate::ledger::Ledger::view_of`].
    ///
    /// # Errors
    /// As in [`Memory::view`].
    pub fn view_of(
        &self,
        sessions: &BTreeSet<SessionId>,
        per: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<LedgerView, LedgerError> {
        self.view_where(per, now, |row| sessions.contains(&SessionId(row.session)))
    }

    /// As [`crate::ledger::Ledger::open_sessions`].
    pub fn open_sessions(&self, now: DateTime<Utc>) -> BTreeSet<SessionId> {
        let held = self.holds.iter().filter_map(|(session, hold)| {
            session.filter(|_| hold.as_ref().is_some_and(|hold| now < hold.until))
        });
        self.subjects
            .values()
            .filter(|row| row.is_open(now))
            .map(|row| SessionId(row.session))
            .chain(held)
            .collect()
    }

    /// Every attempt that was written down, oldest first.
    pub fn attempts(&self) -> &[(SubjectKey, AttemptRow)] {
        &self.attempts
    }

    /// Adds what was done since `now - per` to what the guards count.
    pub(in crate::ledger) fn count_recent(
        &self,
        recent: &mut RecentChanges,
        per: TimeDelta,
        now: DateTime<Utc>,
    ) {
        for (key, attempt) in self.attempts.iter().filter(|(_, attempt)| attempt.at > now - per) {
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

    /// The attempts as the history shows them, newest first.
    pub(in crate::ledger) fn newest_attempts(&self) -> impl Iterator<Item = Attempt> + '_ {
        self.attempts.iter().rev().map(|(key, row)| row.as_written(*key))
    }

    fn view_where(
        &self,
        per: TimeDelta,
        now: DateTime<Utc>,
        wanted: impl Fn(&SubjectRow) -> bool,
    ) -> Result<LedgerView, LedgerError> {
        let mut view = LedgerView { passes: self.passes, ..LedgerView::default() };
        self.count_recent(&mut view.recent, per, now);
        for (key, row) in self.subjects.iter().filter(|(_, row)| wanted(row)) {
            view.subjects.insert(*key, row.remembered()?);
        }
        for (session, hold) in &self.holds {
            match (session, hold) {
                (Some(session), Some(hold)) => _ = view.holds.insert(*session, hold.clone()),
                (None, Some(hold)) => view.hold_all = Some(hold.clone()),
                (_, None) => {}
            }
        }
        Ok(view)
    }
}
