//! What the datatracker says at one instant.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Kind, MeetingNumber, Session, SessionId};

/// The version that is written into every snapshot, and the only one that is read.
pub const SNAPSHOT_VERSION: u32 = 1;

/// Everything that one pass knows of the datatracker, read in one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Snapshot {
    pub version: u32,
    /// The source's clock, read after the snapshot was taken. In every command this is *now*.
    pub as_of: DateTime<Utc>,
    /// Up to when the datatracker's edits are certainly in it: `as_of`, unless the source is a standby that is behind
    /// its primary. Never later than `as_of`. Of two snapshots, the one with the later `known_until` knows more.
    pub known_until: DateTime<Utc>,
    /// False where a read did not bring everything that must be there. Such a snapshot plans nothing.
    pub complete: bool,
    /// What could not be read, of all sessions, and why in words: their decks, or what their rooms need (the links). It
    /// is blank or empty below, which says nothing.
    pub unread: BTreeMap<Kind, String>,
    /// How many sessions were chosen because their slot lies in the range that a pass looks at (and not only
    /// because somebody named them).
    pub in_range: usize,
    /// Ordered by id.
    pub sessions: Vec<Session>,
    /// The slots of all scheduled sessions of every interim meeting that has a session above, ordered by
    /// (meeting, start, session): an interim's days are counted over the meeting, not over what was chosen.
    pub siblings: Vec<Sibling>,
}

/// A snapshot as an export may hold it: those of releases that knew of no standby lack `known_until`,
/// and those that knew of no reading in part lack `unread`.
#[derive(Deserialize)]
struct Written {
    version: u32,
    as_of: DateTime<Utc>,
    known_until: Option<DateTime<Utc>>,
    complete: bool,
    #[serde(default)]
    unread: BTreeMap<Kind, String>,
    in_range: usize,
    sessions: Vec<Session>,
    siblings: Vec<Sibling>,
}

impl From<Written> for Snapshot {
    fn from(written: Written) -> Self {
        let Written { version, as_of, known_until, complete, unread, in_range, sessions, siblings } = written;
        let known_until = known_until.unwrap_or(as_of);
        Self { version, as_of, known_until, complete, unread, in_range, sessions, siblings }
    }
}

/// A source further behind than this is not planned on.
pub const LONGEST_LAG: TimeDelta = TimeDelta::seconds(30);

impl Snapshot {
    /// How far the source is behind its primary, where that is too far to plan on it.
    pub fn lag(&self) -> Option<TimeDelta> {
        Some(self.as_of - self.known_until).filter(|lag| *lag > LONGEST_LAG)
    }

    /// The same snapshot, looked at at another time: what has become of the source since then, nobody knows.
    #[must_use]
    pub fn carried_to(&self, now: DateTime<Utc>) -> Self {
        Self { as_of: now, known_until: now - (self.as_of - self.known_until), ..self.clone() }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_without_known_until_knew_everything() {
        let as_of = "2026-11-21T08:42:18Z".parse().expect("a time");
        let snapshot = Snapshot {
            version: SNAPSHOT_VERSION,
            as_of,
            known_until: as_of - TimeDelta::seconds(31),
            complete: true,
            unread: [(Kind::Decks, "no table".to_owned())].into(),
            in_range: 0,
            sessions: vec![],
            siblings: vec![],
        };
        let mut written = serde_json::to_value(&snapshot).expect("plain");
        assert_eq!(serde_json::from_value::<Snapshot>(written.clone()).expect("as written"), snapshot);
        assert_eq!(snapshot.lag(), Some(TimeDelta::seconds(31)));
        written.as_object_mut().expect("a map").remove("known_until").expect("it is written");
        written.as_object_mut().expect("a map").remove("unread").expect("it is written");
        let older: Snapshot = serde_json::from_value(written).expect("as written before");
        assert_eq!((older.known_until, older.lag()), (as_of, None));
        assert!(older.unread.is_empty());
    }
}
