//! Turns of jobs: what is to be done once in the whole fleet, at each of its moments.
//!
//! Whoever comes first takes the turn, does the work, and says that it is done. A worker that was killed in between would
//! take the turn with it, so one that was taken and not finished goes to whoever asks next, after a while. Work that is
//! done twice harms nothing; work that nobody does would be missed until the next moment.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::sql_types::Text;

use super::error::LedgerError;
use super::sql::{END_TURN, TAKE_TURN};
use super::statement::Statement;
use super::{Ledger, call};

/// Who has taken a turn has so long to finish it, by the ledger's clock.
const UNFINISHED: Duration = Duration::from_mins(5);

/// A turn of so much later than now was taken by a clock that was wrong.
const FAR_AHEAD: TimeDelta = TimeDelta::hours(1);

/// What became of asking for a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Do it, and then say so.
    Ours,
    /// Somebody is at it. Ask again: it may be left undone.
    Theirs,
    /// It was done, or a later one was taken.
    Done,
}

/// A turn that was taken, as a ledger in memory keeps it.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    due_at: DateTime<Utc>,
    since: DateTime<Utc>,
    who: String,
    is_done: bool,
}

impl Taken {
    /// What the statement behind `take_turn` does, at `clock` by the ledger's own clock.
    pub(super) fn take(
        newest: &mut Option<Self>,
        due_at: DateTime<Utc>,
        who: &str,
        clock: DateTime<Utc>,
    ) -> Turn {
        let is_ours = newest.as_ref().is_none_or(|known| {
            let is_over = clock - known.since > TimeDelta::from_std(UNFINISHED).unwrap_or_default();
            let was_left = !known.is_done && (known.who == who || is_over);
            known.due_at < due_at || known.due_at > clock + FAR_AHEAD || (known.due_at == due_at && was_left)
        });
        if is_ours {
            *newest = Some(Self { due_at, since: clock, who: who.to_owned(), is_done: false });
            return Turn::Ours;
        }
        let is_done = newest.as_ref().is_some_and(|known| known.due_at > due_at || known.is_done);
        if is_done { Turn::Done } else { Turn::Theirs }
    }

    /// What the statement behind `end_turn` does.
    pub(super) fn end(&mut self, due_at: DateTime<Utc>) {
        self.is_done |= self.due_at == due_at;
    }
}

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = Text)]
    turn: String,
}

impl Ledger {
    /// Asks for the turn of a job that was due at `due_at`, for all workers on this ledger. A rehearsal has its own.
    pub async fn take_turn(&self, job: &str, due_at: DateTime<Utc>, who: &str) -> Result<Turn, LedgerError> {
        if self.is_rehearsal() {
            return Ok(Turn::Ours);
        }
        let unfinished = i64::try_from(UNFINISHED.as_millis()).unwrap_or(i64::MAX);
        let statement = Statement::new(TAKE_TURN).with(job).with(due_at).with(who).with(unfinished);
        let told: Vec<Told> = call::load(self.database(), &statement, "taking a job's turn").await?;
        Ok(match told.first().map(|told| told.turn.as_str()) {
            Some("ours") => Turn::Ours,
            Some("done") => Turn::Done,
            _ => Turn::Theirs,
        })
    }

    /// Says that a turn is done, whoever did it.
    pub async fn end_turn(&self, job: &str, due_at: DateTime<Utc>) -> Result<(), LedgerError> {
        let statement = Statement::new(END_TURN).with(job).with(due_at);
        self.write(&statement, "saying that a job is done").await.map(|_| ())
    }
}
