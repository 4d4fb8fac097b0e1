//! The history: one row for every step that was tried, never changed afterwards.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::SubjectKey;

/// What of a step the guards count over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountsAs {
    RoomCreated,
    /// A room that was deleted, to be made again or not.
    RoomDeleted,
    /// A session lost more than half of its accepted decks.
    DecksEmptied,
}

impl CountsAs {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RoomCreated => "room_created",
            Self::RoomDeleted => "room_deleted",
            Self::DecksEmptied => "decks_emptied",
        }
    }
}

/// What a step writes into the history. Every text is scrubbed by whoever wrote it; words are cut to
/// [`super::LONGEST_WORDS`] characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    pub at: DateTime<Utc>,
    /// The command or the worker, and who asked for it.
    pub who: String,
    /// The operations, as a plan names them.
    pub what: String,
    pub reason: String,
    pub requests: u32,
    /// One word: `applied`, `retry`, `refused`, `in_doubt`.
    pub outcome: String,
    /// The provider's own.
    pub words: Option<String>,
    pub took: Duration,
    pub counts_as: Option<CountsAs>,
    /// Not part of the history: the subject's next automatic step is not made before this moment.
    pub not_before: Option<DateTime<Utc>>,
}

impl AttemptRow {
    pub(super) fn as_written(&self, subject: SubjectKey) -> Attempt {
        Attempt {
            at: self.at,
            subject,
            who: self.who.clone(),
            what: self.what.clone(),
            reason: self.reason.clone(),
            requests: self.requests,
            outcome: self.outcome.clone(),
            words: self.words.clone(),
            took_ms: u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub at: DateTime<Utc>,
    pub subject: SubjectKey,
    pub who: String,
    pub what: String,
    pub reason: String,
    pub requests: u32,
    /// As it was written, or `lost` where another worker had taken the lease over.
    pub outcome: String,
    pub words: Option<String>,
    pub took_ms: u64,
}
