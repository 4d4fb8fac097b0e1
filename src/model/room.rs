//! Rooms: what one should be, what the provider shows, what we remember of ours.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};

use super::{Fault, GroupAcronym, SessionId, Span};

/// What a room is asked to be. `room_id` is the session's id, always (datatracker #7263).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSpec {
    pub room_id: SessionId,
    pub description: String,
    /// UTC, whole seconds.
    pub start: DateTime<Utc>,
    /// Whole minutes, rounded down.
    pub duration_min: i64,
}

impl RoomSpec {
    pub fn times(&self) -> RoomTimes {
        RoomTimes { start: self.start, duration_min: self.duration_min }
    }
}

/// When a room opens and how long it lasts: all of a room that is ever compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomTimes {
    pub start: DateTime<Utc>,
    pub duration_min: i64,
}

impl RoomTimes {
    /// A slot as it would be sent: start in whole seconds, length in whole minutes.
    pub fn of(slot: Span) -> Self {
        Self { start: slot.start.trunc_subsecs(0), duration_min: slot.minutes() }
    }

    pub fn span(&self) -> Span {
        Span::of_minutes(self.start, self.duration_min)
    }

    /// Why a room of these times is not taken away while they last.
    pub fn words_in_use(&self) -> String {
        format!(
            "the room is in use until {} UTC; nothing takes a running room away",
            self.span().end.format("%H:%M")
        )
    }
}

/// A room as `fetchRooms` lists it. The deletion token is a credential and never gets this far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenRoom {
    pub room_id: i64,
    /// The key in `rooms`.
    pub public_id: String,
    pub url: String,
    pub description: String,
    pub start: DateTime<Utc>,
    pub duration_min: i64,
}

impl SeenRoom {
    pub fn times(&self) -> RoomTimes {
        RoomTimes { start: self.start, duration_min: self.duration_min }
    }
}

/// The rooms at the provider, group by group, as far as they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomsSeen {
    /// A group that was read, with its rooms ordered by (`room_id`, `public_id`). An empty list was read and is empty.
    pub by_group: BTreeMap<GroupAcronym, Vec<SeenRoom>>,
    /// A group whose rooms could not be read, with the reason.
    pub unread: BTreeMap<GroupAcronym, Fault>,
}

impl RoomsSeen {
    /// The rooms of a group, or None where nobody looked or the read failed.
    pub fn of(&self, group: &GroupAcronym) -> Option<&[SeenRoom]> {
        self.by_group.get(group).map(Vec::as_slice)
    }
}

/// What the ledger keeps of a room that we made or adopted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomRecord {
    pub public_id: String,
    pub url: String,
    /// The group whose token made it: the datatracker may move a session to another group later.
    pub group: GroupAcronym,
    /// What was sent (an adopted room: what the provider showed).
    pub sent: RoomTimes,
    pub adopted: bool,
    /// The URL that this room had before it was made again, where that differs: a link to it is still ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_url: Option<String>,
    /// We deleted it, and know it. Kept because the session's link may still lead there, and is ours all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}
