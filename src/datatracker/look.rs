//! Which sessions a reading is asked for.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{Kind, Scope, SessionId, Span};

/// One question to the datatracker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    pub range: Range,
    /// Read whatever the range says. An id that isn't there is simply not in the snapshot.
    pub named: BTreeSet<SessionId>,
    /// Session ids, group acronyms and meeting numbers that must be there: `ReadError::Unknown` names those that
    /// are not. It chooses nothing.
    pub must_exist: Scope,
    /// Kinds of which the reading may lack everything, where only their columns are missing; the snapshot says so in
    /// `unread`. Empty: it is all or nothing.
    pub may_lack: BTreeSet<Kind>,
}

/// Which sessions are chosen by when they take place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Range {
    /// All of them, with or without a slot.
    Everything,
    /// Those whose official slot ends after `as_of - back` and starts before `as_of + ahead`.
    Around { back: TimeDelta, ahead: TimeDelta },
    /// None but the named ones.
    #[default]
    OnlyNamed,
}

/// No meeting lies outside these, and PostgreSQL's range of time is narrower than chrono's.
const EARLIEST: DateTime<Utc> = DateTime::UNIX_EPOCH;
const LATEST: DateTime<Utc> = DateTime::from_timestamp_nanos(i64::MAX);

impl Range {
    /// The bounds of `Around` at an instant.
    pub(super) fn bounds(self, as_of: DateTime<Utc>) -> Option<Bounds> {
        match self {
            Self::Around { back, ahead } => Some(Bounds {
                after: as_of.checked_sub_signed(back).map_or(EARLIEST, |after| after.max(EARLIEST)),
                before: as_of.checked_add_signed(ahead).map_or(LATEST, |before| before.min(LATEST)),
            }),
            Self::Everything | Self::OnlyNamed => None,
        }
    }
}

/// A slot is inside if it ends after `after` and starts before `before`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) after: DateTime<Utc>,
    pub(super) before: DateTime<Utc>,
}

impl Bounds {
    pub(super) fn hold(self, slot: Span) -> bool {
        slot.end > self.after && slot.start < self.before
    }
}
