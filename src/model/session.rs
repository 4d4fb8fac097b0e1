//! A session as the datatracker has it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{GroupAcronym, LinkedDeck, MeetingNumber, SessionId, Span};

/// The slug of the newest `meeting_schedulingevent`, or empty where a session has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionStatus(pub String);

impl SessionStatus {
    /// Cancelled for good: nothing is sent for such a session, and a room of ours is taken away.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0.as_str(), "canceled" | "canceledpa" | "deleted" | "disappr")
    }
}

/// One session with its official slot and everything linked to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    pub meeting: MeetingNumber,
    /// `meeting_meeting.type`: `ietf` or `interim`.
    pub meeting_type: String,
    pub group: GroupAcronym,
    /// Free text, mostly empty.
    pub name: String,
    pub status: SessionStatus,
    /// The official slot: of the meeting's schedule or its base, the earliest. None = not scheduled.
    pub slot: Option<Span>,
    /// The meeting's zone as it was typed; it need not parse.
    pub time_zone: String,
    /// Blank = a room was asked for; a room's URL; or a person's own words.
    pub remote_instructions: String,
    /// This session was moved, and now only marks the place of that one.
    pub tombstone_for: Option<SessionId>,
    /// `meeting_session.modified`.
    pub modified: DateTime<Utc>,
    /// In the datatracker's order: (`order`, id of the link).
    pub decks: Vec<LinkedDeck>,
}

impl Session {
    pub fn is_interim(&self) -> bool {
        self.meeting_type == "interim"
    }
}
