//! A subject's row, and its way to and from the model.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::Pg;
use diesel::{Queryable, QueryableByName, Selectable};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::error::LedgerError;
use super::step::{self, After, Begun, State, StepEnd};
use super::tables::subject;
use crate::model::{
    Accepted, Burst, Confirming, DeckId, Digest, Remembered, RoomRecord, Span, SubjectKey, Timing, digest_of,
};

/// Slots and rooms that ended up to this long ago still matter to a pass.
pub(super) fn still_matters() -> TimeDelta {
    TimeDelta::days(2)
}

/// One row of `subject`, column by column.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, QueryableByName)]
#[diesel(table_name = subject, check_for_backend(Pg))]
pub(super) struct SubjectRow {
    pub(super) key: String,
    pub(super) session: i64,
    pub(super) provider: String,
    pub(super) kind: String,
    pub(super) desired: Option<Value>,
    pub(super) desired_digest: Option<String>,
    pub(super) generation: i64,
    pub(super) epoch: Option<String>,
    pub(super) slot_start: Option<DateTime<Utc>>,
    pub(super) slot_end: Option<DateTime<Utc>>,
    pub(super) first_change: Option<DateTime<Utc>>,
    pub(super) last_change: Option<DateTime<Utc>>,
    pub(super) due_at: Option<DateTime<Utc>>,
    pub(super) applied: Option<Value>,
    pub(super) applied_digest: Option<String>,
    pub(super) applied_at: Option<DateTime<Utc>>,
    pub(super) applied_epoch: Option<String>,
    pub(super) may_be_there: Vec<i64>,
    pub(super) remote: Option<Value>,
    pub(super) remote_end: Option<DateTime<Utc>>,
    pub(super) state: String,
    pub(super) doubt_since: Option<DateTime<Utc>>,
    pub(super) unanswered: bool,
    pub(super) confirm_at: Option<DateTime<Utc>>,
    pub(super) attempts: i32,
    pub(super) last_error: Option<String>,
    pub(super) before_mark: Option<Value>,
    pub(super) updated_at: DateTime<Utc>,
}

/// What the doubt mark overwrote: column `before_mark`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct BeforeMark {
    pub(super) doubt_since: Option<DateTime<Utc>>,
    pub(super) unanswered: bool,
    pub(super) may_be_there: BTreeSet<DeckId>,
    #[serde(default)]
    pub(super) state: Option<String>,
    /// The step before this one was marked, and never told its end.
    #[serde(default)]
    pub(super) had_no_end: bool,
    /// Whose mark it is: one that is made again, since the answer was lost, is the same one.
    #[serde(default)]
    pub(super) step: Option<Uuid>,
}

impl SubjectRow {
    /// A subject of which nothing is known.
    pub(super) fn empty(key: SubjectKey, at: DateTime<Utc>) -> Self {
        Self {
            key: key.to_string(),
            session: key.session.0,
            provider: key.provider.as_str().to_owned(),
            kind: key.kind.as_str().to_owned(),
            desired: None,
            desired_digest: None,
            generation: 0,
            epoch: None,
            slot_start: None,
            slot_end: None,
            first_change: None,
            last_change: None,
            due_at: None,
            applied: None,
            applied_digest: None,
            applied_at: None,
            applied_epoch: None,
            may_be_there: Vec::new(),
            remote: None,
            remote_end: None,
            state: "waiting".to_owned(),
            doubt_since: None,
            unanswered: false,
            confirm_at: None,
            attempts: 0,
            last_error: None,
            before_mark: None,
            updated_at: at,
        }
    }

    pub(super) fn subject_key(&self) -> Result<SubjectKey, LedgerError> {
        self.key.parse().map_err(|error| self.unreadable("key", error))
    }

    /// Whether the ledger has it open at `now`: a room of ours that is not over, doubt, or a confirming send owed. What a
    /// session left in doubt that is long over is nobody's business any more: nothing can be done about it.
    pub(super) fn is_open(&self, now: DateTime<Utc>) -> bool {
        let owes = self.doubt_since.is_some() || self.confirm_at.is_some();
        let owed_only = self.confirm_at.filter(|_| self.doubt_since.is_none());
        let end = self.slot_end.or(owed_only);
        let is_past = end.is_some_and(|end| end <= now - still_matters());
        (owes && !is_past) || self.remote_end.is_some_and(|end| now < end)
    }

    /// The row as the planner sees it.
    pub(super) fn remembered(&self) -> Result<Remembered, LedgerError> {
        let accepted = match (&self.applied, self.applied_at, &self.applied_epoch) {
            (Some(decks), Some(at), Some(epoch)) => {
                Some(Accepted { decks: self.parse("applied", decks)?, at, epoch: epoch.clone() })
            }
            _ => None,
        };
        let room: Option<RoomRecord> =
            self.remote.as_ref().map(|json| self.parse("remote", json)).transpose()?;
        Ok(Remembered {
            accepted,
            may_be_there: self.may_be_there.iter().copied().map(DeckId).collect(),
            room,
            doubt_since: self.doubt_since,
            confirming: self.confirm_at.map(|at| Confirming { at }),
            slot: self.slot_start.zip(self.slot_end).map(|(start, end)| Span { start, end }),
            last_error: self.last_error.clone(),
            timing: self.timing(),
        })
    }

    fn timing(&self) -> Timing {
        Timing {
            generation: self.generation,
            digest: self.desired_digest.clone().map(Digest),
            burst: self.first_change.zip(self.last_change).map(|(first, last)| Burst { first, last }),
            not_before: self.due_at,
            tries: u32::try_from(self.attempts).unwrap_or(0),
            parked: self.state == State::Parked.as_str(),
        }
    }

    /// The step that is under way, or never told its end.
    pub(super) fn marked_by(&self) -> Result<Option<Uuid>, LedgerError> {
        let mark = self.before_mark.as_ref().map(|json| self.parse::<BeforeMark>("before_mark", json));
        Ok(mark.transpose()?.and_then(|mark| mark.step))
    }

    /// A row that has just been marked, as the step that may now send.
    pub(super) fn begun(&self) -> Result<Begun, LedgerError> {
        let mark: BeforeMark =
            self.parse("before_mark", self.before_mark.as_ref().unwrap_or(&Value::Null))?;
        let marked = self.remembered()?;
        let parked = mark.state.as_deref() == Some(State::Parked.as_str());
        let tries = marked.timing.tries.saturating_sub(1);
        let timing = Timing { tries, parked, ..marked.timing.clone() };
        // It may have sent something until its lease was over, which is no later than this mark.
        let doubt_since = if mark.had_no_end { marked.doubt_since } else { mark.doubt_since };
        Ok(Begun {
            key: self.subject_key()?,
            owes_confirming: mark.unanswered,
            tries: u32::try_from(self.attempts).unwrap_or(0),
            generation: self.generation,
            marked_ids: marked.may_be_there.clone(),
            marked_since: marked.doubt_since.unwrap_or(self.updated_at),
            before: Remembered { doubt_since, may_be_there: mark.may_be_there, timing, ..marked },
        })
    }

    fn parse<T: DeserializeOwned>(&self, column: &'static str, json: &Value) -> Result<T, LedgerError> {
        T::deserialize(json).map_err(|error| self.unreadable(column, error))
    }

    fn unreadable<E>(&self, column: &'static str, error: E) -> LedgerError
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        LedgerError::Unreadable { key: self.key.clone(), column, source: Box::new(error) }
    }
}

/// The columns that the end of a step writes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Columns {
    pub(super) applied: Option<Value>,
    pub(super) applied_digest: Option<String>,
    pub(super) applied_at: Option<DateTime<Utc>>,
    pub(super) applied_epoch: Option<String>,
    pub(super) may_be_there: Vec<i64>,
    pub(super) remote: Option<Value>,
    pub(super) remote_end: Option<DateTime<Utc>>,
    pub(super) state: &'static str,
    pub(super) doubt_since: Option<DateTime<Utc>>,
    pub(super) unanswered: bool,
    pub(super) confirm_at: Option<DateTime<Utc>>,
    pub(super) attempts: i32,
    pub(super) last_error: Option<String>,
    pub(super) not_before: Option<DateTime<Utc>>,
}

impl Columns {
    /// A step that turned out to have nothing to do leaves everything as it was.
    pub(super) fn unchanged(begun: &Begun) -> Self {
        let after = step::end(begun, &StepEnd::NotProcessed { failure: None }, DateTime::UNIX_EPOCH);
        Self::of(after, begun.before.timing.not_before)
    }

    pub(super) fn of(after: After, not_before: Option<DateTime<Utc>>) -> Self {
        let After { remembered, unanswered, state, tries } = after;
        let accepted = remembered.accepted.as_ref();
        Self {
            applied: accepted.map(|accepted| json(&accepted.decks)),
            applied_digest: accepted.map(|accepted| digest_of(&accepted.decks).0),
            applied_at: accepted.map(|accepted| accepted.at),
            applied_epoch: accepted.map(|accepted| accepted.epoch.clone()),
            may_be_there: remembered.may_be_there.iter().map(|id| id.0).collect(),
            remote: remembered.room.as_ref().map(json),
            remote_end: remembered.room.as_ref().map(|room| room.sent.span().end),
            state: state.as_str(),
            doubt_since: remembered.doubt_since,
            unanswered,
            confirm_at: remembered.confirming.map(|owed| owed.at),
            attempts: i32::try_from(tries).unwrap_or(i32::MAX),
            last_error: remembered.last_error,
            not_before,
        }
    }
}

pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Value {
    serde_json::to_value(value).expect("plain data with text keys always has a JSON form")
}
