//! What the ledger knows, as one value: the planner's second input.
//!
//! A view is read in one go and never written back; what a step learns goes through the ledger's own calls.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Deck, DeckId, Digest, RoomRecord, SessionId, Span, SubjectKey};

/// The ledger at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerView {
    pub subjects: BTreeMap<SubjectKey, Remembered>,
    /// Sessions whose automatic steps are stopped. A hold on everything is `holds_all`.
    pub holds: BTreeMap<SessionId, Hold>,
    pub hold_all: Option<Hold>,
    /// What was done within the last `guard.per`: the guards count over time, not per plan.
    pub recent: RecentChanges,
    /// What the worker's passes say of when it was at work.
    #[serde(default)]
    pub passes: Passes,
}

/// Who stopped the automatic steps, until when, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub until: DateTime<Utc>,
    pub by: String,
    pub reason: String,
}

/// The passes of workers on this ledger, by the *now* of each. None where no worker ever made one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passes {
    /// The last one.
    pub newest: Option<DateTime<Utc>>,
    /// The first of those since which all were made by workers that may send; None where the last one only looked.
    pub acting_since: Option<DateTime<Utc>>,
}

/// Destructive and creative changes within the guard's span.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentChanges {
    pub rooms_deleted: usize,
    pub rooms_created: usize,
    /// Sessions that lost more than half of their accepted decks.
    pub sessions_emptied: BTreeSet<SessionId>,
}

/// One subject's row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// The list that was last accepted. None = nothing ever was.
    pub accepted: Option<Accepted>,
    /// Every deck id in a request that was ever sent, less those whose DELETE was answered in a step that ended
    /// without doubt.
    pub may_be_there: BTreeSet<DeckId>,
    /// A room that we made or adopted.
    pub room: Option<RoomRecord>,
    /// A request was sent, and it is not known whether it took effect. Since when.
    pub doubt_since: Option<DateTime<Utc>>,
    /// After doubt was resolved: one more send is owed.
    pub confirming: Option<Confirming>,
    /// The slot when it was last looked at: finds the sessions that the ledger still has open.
    pub slot: Option<Span>,
    pub last_error: Option<String>,
    /// What says when its next step may be made.
    #[serde(default)]
    pub timing: Timing,
}

/// What the worker keeps of one subject to choose the moment of its next step. It says nothing of what is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// Counts the wishes: a step that was planned on an older one does nothing.
    pub generation: i64,
    /// Of the newest wish; None where there is none by now.
    pub digest: Option<Digest>,
    /// The first and the last change of a burst that has not been sent yet.
    pub burst: Option<Burst>,
    /// After a failure: no automatic step before this moment.
    pub not_before: Option<DateTime<Utc>>,
    /// Tries in a row that did not succeed.
    pub tries: u32,
    /// The provider said no to just this.
    pub parked: bool,
}

/// Changes that came one soon after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Burst {
    pub first: DateTime<Utc>,
    pub last: DateTime<Utc>,
}

/// A list that the provider said it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    pub decks: Vec<Deck>,
    pub at: DateTime<Utc>,
    /// What was accepted in one window epoch says nothing about the next.
    pub epoch: String,
}

/// A confirming send that is owed, because a request that timed out may still take effect late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirming {
    pub at: DateTime<Utc>,
}

/// What we believe the provider shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Belief<'a> {
    /// Nothing was ever sent.
    Nothing,
    /// Exactly this list was accepted in this epoch, and nothing since puts it in doubt.
    List(&'a [Deck]),
    /// Anything may be there.
    Unknown,
}

impl LedgerView {
    pub fn get(&self, key: SubjectKey) -> Option<&Remembered> {
        self.subjects.get(&key)
    }

    /// The hold that stops this session now, if any.
    pub fn hold_of(&self, session: SessionId, now: DateTime<Utc>) -> Option<&Hold> {
        [self.hold_all.as_ref(), self.holds.get(&session)]
            .into_iter()
            .flatten()
            .filter(|hold| now < hold.until)
            .max_by_key(|hold| hold.until)
    }
}

impl Remembered {
    /// What is believed to be shown in `epoch`.
    pub fn belief(&self, epoch: &str) -> Belief<'_> {
        match &self.accepted {
            _ if self.doubt_since.is_some() => Belief::Unknown,
            Some(accepted) if accepted.epoch == epoch => Belief::List(&accepted.decks),
            None if self.may_be_there.is_empty() => Belief::Nothing,
            _ => Belief::Unknown,
        }
    }

    /// Whether anything was ever sent for it.
    pub fn was_ever_sent(&self) -> bool {
        self.accepted.is_some() || !self.may_be_there.is_empty() || self.doubt_since.is_some()
    }
}
