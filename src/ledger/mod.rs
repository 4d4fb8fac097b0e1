//! The ledger: our own tables, in a schema of our own. What was wished, what was last accepted, which decks may be
//! over there, what is in doubt, who works on what, and every attempt.
//!
//! It decides nothing and sends nothing: the planner reads a [`crate::model::LedgerView`], a step marks, sends and
//! settles. The order of a step is the point of this room:
//!
//! 1. [`Ledger::lease_and_begin`] takes the session's lease and marks the subject as in doubt, in one transaction,
//!    *before* the first request. Killed at any later moment, the doubt stands. Where the session is on hold by then,
//!    nothing is written and nothing may be sent.
//! 2. The requests are made, within [`crate::schedule::lease::step_timeout`].
//! 3. [`Ledger::settle_and_release`] writes how it ended and the attempt, and gives the lease back, in one
//!    transaction; it changes nothing if another worker has taken the lease over in the meantime.
//!
//! A lease is for one step of one subject. Two subjects of a session are two steps, one after the other.
//!
//! A ledger is live, or a rehearsal: then PostgreSQL is only read, and what would be written stays in this process.

mod attempt;
mod call;
mod error;
mod found;
mod lease;
mod live;
mod memory;
mod migrate;
mod overlay;
mod pass;
mod passes;
mod read;
mod rehearsal;
mod ring;
mod rows;
mod sql;
mod standing;
mod statement;
mod step;
pub mod tables;
mod transaction;
mod turn;
mod version;
mod wish;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

pub use attempt::{Attempt, AttemptRow, CountsAs};
pub use error::LedgerError;
pub use found::{RoomFinding, RoomsFound};
pub use lease::{Lease, LeasedStep, Settled, StepAsk};
pub use memory::Memory;
pub use migrate::{MigrationReport, migrate};
pub use pass::{LastPass, PassRecord, Recorded};
pub use passes::{AtWork, FailingNow, RefusedNow};
pub use ring::RING;
pub use standing::{
    Failing, RefusedSettings, Replica, Standing, StandingHold, SubjectStanding, WorkedOn, is_gone,
};
pub use step::{Begun, Failure, LONGEST_WORDS, State, StepEnd};
pub use turn::Turn;
pub use version::{READER, VERSION};
pub use wish::Wish;

use crate::database::Database;
use crate::model::{Hold, LedgerView, RoomRecord, SessionId, SubjectKey};
use live::Live;
use read::{Found, Which};
use rehearsal::Rehearsal;
use rows::{Columns, SubjectRow};

/// The ledger, live or rehearsed. Clones share their connections, and a rehearsal's memory.
#[derive(Debug, Clone)]
pub struct Ledger {
    kind: LedgerKind,
}

#[derive(Debug, Clone)]
enum LedgerKind {
    Live(Live),
    Rehearsal(Rehearsal),
}

impl Ledger {
    /// Opens the ledger. Errors: not migrated, behind what this release needs, or too new for it.
    pub async fn open(database: Database) -> Result<Self, LedgerError> {
        version::check(&database).await?;
        Ok(Self { kind: LedgerKind::Live(Live::new(database)) })
    }

    /// Opens the ledger for a rehearsal: it is read, in read-only transactions, and nothing in it changes. What would
    /// be written lies over it in memory, and is gone with the last clone.
    pub async fn rehearsal(database: Database) -> Result<Self, LedgerError> {
        version::check(&database).await?;
        Ok(Self { kind: LedgerKind::Rehearsal(Rehearsal::new(database)) })
    }

    /// Whether nothing that is written here will last.
    pub fn is_rehearsal(&self) -> bool {
        matches!(self.kind, LedgerKind::Rehearsal(_))
    }

    /// What a pass needs to know: every subject that may still matter at `now` (in doubt, a confirming send owed, a
    /// hold, a slot or a room of ours that ended less than two days ago or not yet) and all subjects of the sessions
    /// in `also`; the holds; and what was done within the last `per`. Name the sessions of the snapshot in `also`: one
    /// that was moved from long ago into the range is found in no other way.
    pub async fn view(
        &self,
        also: &BTreeSet<SessionId>,
        per: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<LedgerView, LedgerError> {
        self.view_where(Which::MayMatter { also, now }, |_| true, per, now).await
    }

    /// The same of these sessions only.
    pub async fn view_of(
        &self,
        sessions: &BTreeSet<SessionId>,
        per: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<LedgerView, LedgerError> {
        let wanted = |row: &SubjectRow| sessions.contains(&SessionId(row.session));
        self.view_where(Which::Of(sessions), wanted, per, now).await
    }

    /// Sessions that the ledger still has open at `now`: a room of ours that is not over, doubt, a confirming send
    /// owed, or a hold. A pass must look at them whatever their slot.
    pub async fn open_sessions(&self, now: DateTime<Utc>) -> Result<BTreeSet<SessionId>, LedgerError> {
        let LedgerKind::Rehearsal(rehearsal) = &self.kind else {
            return read::open_sessions(self.database(), now).await;
        };
        let (rows, holds) = read::open(self.database(), now).await?;
        let rows = rehearsal.over_subjects(rows, |row| row.is_open(now));
        let holds = rehearsal.over_holds(holds);
        let held = holds.into_iter().filter(|(_, hold)| now < hold.until).filter_map(|(session, _)| session);
        Ok(rows.iter().map(|row| SessionId(row.session)).chain(held).collect())
    }

    /// Writes down what is wished, in one statement, and returns how many wishes were new. One that is already
    /// recorded (same digest, epoch and slot) is not written. Of two for one subject the last counts.
    pub async fn record(&self, wishes: &[Wish]) -> Result<usize, LedgerError> {
        let wishes = wish::newest_of(wishes);
        if wishes.is_empty() {
            return Ok(0);
        }
        match &self.kind {
            LedgerKind::Live(live) => live.record(&wishes).await,
            LedgerKind::Rehearsal(rehearsal) => rehearsal.record(&wishes).await,
        }
    }

    /// Takes the session's lease and marks the subject as in doubt, in one transaction, if no hold stops it. Whoever does not hear the answer
    /// may ask for the same step again: it is begun once.
    pub async fn lease_and_begin(&self, ask: &StepAsk<'_>) -> Result<LeasedStep, LedgerError> {
        match &self.kind {
            LedgerKind::Live(live) => live.lease_and_begin(ask).await,
            LedgerKind::Rehearsal(rehearsal) => rehearsal.lease_and_begin(ask).await,
        }
    }

    /// From now on the lease lasts for this length once more, if nobody else has taken it over. [`Lease::until`] stays as
    /// it was.
    pub async fn renew(&self, lease: &Lease, length: Duration) -> Result<Settled, LedgerError> {
        match &self.kind {
            LedgerKind::Live(live) => live.renew(lease, length).await,
            LedgerKind::Rehearsal(rehearsal) => rehearsal.renew(lease, length).await,
        }
    }

    /// Puts a room on record while its step goes on: before its link is written, so that a link of ours is known as ours
    /// whatever happens in between. What a settled step leaves on record comes after it.
    pub async fn note_room(
        &self,
        lease: &Lease,
        key: SubjectKey,
        room: &RoomRecord,
    ) -> Result<Settled, LedgerError> {
        match &self.kind {
            LedgerKind::Live(live) => live.note_room(lease, key, room).await,
            LedgerKind::Rehearsal(rehearsal) => Ok(rehearsal.note_room(lease, key, room)),
        }
    }

    /// Writes down how a step ended, and the attempt, and gives the lease back, in one transaction. Whoever does not
    /// hear the answer may do it again: it is written once, and the answer is the same.
    pub async fn settle_and_release(
        &self,
        lease: Lease,
        begun: Begun,
        end: &StepEnd,
        attempt: AttemptRow,
    ) -> Result<Settled, LedgerError> {
        self.end(&lease, &begun, columns(&begun, end, &attempt), Some(attempt)).await
    }

    /// Gives the lease back of a step that turned out to have nothing to do, and takes its mark away: as if it had
    /// never been taken. Nothing is written into the history. Whoever does not hear the answer may do it again: what is
    /// back already is [`Settled::Lost`] then, and nothing of it is touched.
    pub async fn put_back(&self, lease: Lease, begun: Begun) -> Result<Settled, LedgerError> {
        self.end(&lease, &begun, Columns::unchanged(&begun), None).await
    }

    /// Stops the automatic steps of a session, or (None) of all. An earlier hold on the same is replaced.
    pub async fn hold(
        &self,
        session: Option<SessionId>,
        hold: &Hold,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        match &self.kind {
            LedgerKind::Live(live) => live.hold(session, hold, now).await,
            LedgerKind::Rehearsal(rehearsal) => {
                rehearsal.hold(session, Some(hold.clone()));
                Ok(())
            }
        }
    }

    /// Ends a hold; whether there was one.
    pub async fn release_hold(&self, session: Option<SessionId>) -> Result<bool, LedgerError> {
        match &self.kind {
            LedgerKind::Live(live) => live.release_hold(session).await,
            LedgerKind::Rehearsal(rehearsal) => {
                let stored = read::holds(self.database()).await?;
                let there = rehearsal.over_holds(stored).iter().any(|(held, _)| *held == session);
                rehearsal.hold(session, None);
                Ok(there)
            }
        }
    }

    /// The newest attempts, newest first.
    pub async fn attempts(&self, limit: u32) -> Result<Vec<Attempt>, LedgerError> {
        let stored = read::attempts(self.database(), limit).await?;
        Ok(match &self.kind {
            LedgerKind::Live(_) => stored,
            LedgerKind::Rehearsal(rehearsal) => rehearsal.over_attempts(stored, limit),
        })
    }

    async fn end(
        &self,
        lease: &Lease,
        begun: &Begun,
        columns: Columns,
        attempt: Option<AttemptRow>,
    ) -> Result<Settled, LedgerError> {
        match &self.kind {
            LedgerKind::Live(live) => live.settle(lease, begun, columns, attempt).await,
            LedgerKind::Rehearsal(rehearsal) => Ok(rehearsal.settle(lease, begun, columns, attempt)),
        }
    }

    async fn view_where(
        &self,
        which: Which<'_>,
        wanted: impl Fn(&SubjectRow) -> bool,
        per: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<LedgerView, LedgerError> {
        let Found { mut subjects, mut holds, mut recent, passes } =
            read::view(self.database(), which, per, now).await?;
        if let LedgerKind::Rehearsal(rehearsal) = &self.kind {
            subjects = rehearsal.over_subjects(subjects, wanted);
            holds = rehearsal.over_holds(holds);
            rehearsal.over_recent(&mut recent, per, now);
        }
        let mut view = LedgerView { recent, passes, ..LedgerView::default() };
        for row in &subjects {
            view.subjects.insert(row.subject_key()?, row.remembered()?);
        }
        for (session, hold) in holds {
            if let Some(session) = session {
                view.holds.insert(session, hold);
            } else {
                view.hold_all = Some(hold);
            }
        }
        Ok(view)
    }

    fn database(&self) -> &Database {
        match &self.kind {
            LedgerKind::Live(live) => live.database(),
            LedgerKind::Rehearsal(rehearsal) => rehearsal.database(),
        }
    }
}

fn columns(begun: &Begun, end: &StepEnd, attempt: &AttemptRow) -> Columns {
    let mut after = step::end(begun, end, attempt.at);
    if attempt.not_before.is_some() && after.state == State::Settled {
        // The main thing was done, and something beside it (a link) is to be tried again: each try counts.
        after.state = State::Waiting;
        after.tries = begun.tries;
        after.remembered.last_error.clone_from(&attempt.words);
    }
    Columns::of(after, attempt.not_before)
}
