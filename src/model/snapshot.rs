//! What the datatracker says at one instant.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{MeetingNumber, Session, SessionId};

/// The version that is written into every snapshot, and the only one that is read.
pub const SNAPSHOT_VERSION: u32 = 1;

/// Everything that one pass knows of the datatracker, read in one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub version: u32,
    /// The source's clock, read after the snapshot was taken. In every command this is *now*.
    pub as_of: DateTime<Utc>,
    /// False where a read did not bring everything that must be there. Such a snapshot plans nothing.
    pub complete: bool,
    /// How many sessions were chosen because their slot lies in the range that a pass looks at (and not only
    /// because somebody named them).
    pub in_range: usize,
    /// Ordered by id.
    pub sessions: Vec<Session>,
    /// The slots of all scheduled sessions of every interim meeting that has a session above, ordered by
    /// (meeting, start, session): an interim's days are counted over the meeting, not over what was chosen.
    pub siblings: Vec<Sibling>,
}

impl Snapshot {
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.binary_search_by_key(&id, |session| session.id).ok().map(|found| &self.sessions[found])
    }
}

/// When a session of an interim meeting starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sibling {
    pub meeting: MeetingNumber,
    pub session: SessionId,
    pub start: DateTime<Utc>,
}
