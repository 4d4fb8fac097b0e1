//! The plan itself. Its JSON form is a contract: scripts and approvals (`resync --plan HASH`) read it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::desired::Epoch;
use crate::model::{
    Deck, DeckId, Digest, GroupAcronym, RoomSpec, RoomTimes, SessionId, Span, SubjectKey, Why,
};

/// The version that is written into every plan.
pub const PLAN_VERSION: u32 = 1;

/// All that a resync would do now, and why it would not do the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub version: u32,
    pub as_of: DateTime<Utc>,
    /// SHA-256 over the sorted changes and refusals: the same world has the same hash.
    pub hash: Digest,
    pub summary: Summary,
    /// In the order of work: live sessions, then those in their window, then by start.
    pub changes: Vec<Change>,
    pub refusals: Vec<Refusal>,
    pub waits: Vec<Wait>,
    /// The sessions that `summary.in_step` counts.
    #[serde(default)]
    pub in_step: BTreeSet<SessionId>,
}

/// The plan in numbers of sessions (`refused`: of refusals, other people's links aside; `requests`: of requests).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Looked at.
    pub sessions: usize,
    /// With an open notify window.
    pub in_window: usize,
    /// Nothing to do, and something to keep: a list or a room that is as it should be.
    pub in_step: usize,
    pub to_change: usize,
    pub in_doubt: usize,
    pub held: usize,
    pub refused: usize,
    /// Requests that change something. Token calls and reads are not counted.
    pub requests: usize,
}

/// What will be done for one subject. Holds everything that is needed to do it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub subject: SubjectKey,
    pub session: SessionId,
    pub group: GroupAcronym,
    /// In words, for people.
    pub reason: String,
    pub operations: Vec<Operation>,
    /// Decks only: the list that is believed to be shown, so that a reader sees what changes. None where anything
    /// may be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub believed: Option<Vec<Deck>>,
    /// Decks only: the list as it will be, which every PUT sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Vec<Deck>>,
    /// Decks only: the window epoch that an accepted list will belong to. Where this plan makes the room, `room` is
    /// null here: only the provider can say its public id, and the step puts it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// Room only: the session's link as it was read, which a write-back compares with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    pub slot: Option<Span>,
}

impl Change {
    pub fn requests(&self) -> usize {
        self.operations.iter().map(Operation::requests).sum()
    }
}

/// One call to the provider's materials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeckCall {
    /// Takes this operation's deck away.
    Delete,
    /// Adds this operation's deck.
    Post,
    /// Sets the change's `wanted` list.
    Put,
}

/// A deck that is only named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeckRef {
    pub id: DeckId,
    /// As it was last sent, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// A room that is only named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomRef {
    pub room_id: SessionId,
    /// Unknown where the rooms were not read.
    pub url: Option<String>,
    pub public_id: Option<String>,
}

/// What changes, in people's terms; `calls` and `requests` say how that is spoken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Operation {
    AddDeck {
        deck: Deck,
        calls: Vec<DeckCall>,
        requests: usize,
    },
    ReviseDeck {
        deck: Deck,
        was: Deck,
        calls: Vec<DeckCall>,
        requests: usize,
    },
    DeleteDeck {
        deck: DeckRef,
        calls: Vec<DeckCall>,
        requests: usize,
    },
    ReorderDecks {
        decks: Vec<Deck>,
        calls: Vec<DeckCall>,
        requests: usize,
    },
    ReplaceDecks {
        decks: Vec<Deck>,
        calls: Vec<DeckCall>,
        requests: usize,
    },
    CreateRoom {
        room: RoomSpec,
        requests: usize,
    },
    /// Delete and create again, because the id is the session's and stays.
    RecreateRoom {
        room: RoomSpec,
        was: RoomTimes,
        old: RoomRef,
        requests: usize,
    },
    AdoptRoom {
        room: RoomRef,
        /// What the provider shows: an adopted room was sent by nobody we know.
        shown: RoomTimes,
        requests: usize,
    },
    DeleteRoom {
        room: RoomRef,
        requests: usize,
    },
    /// Nobody asks for the room any more, and none is there: a request that got no answer made none.
    EndDoubt {
        requests: usize,
    },
    /// `to` is null where only the provider can say it.
    WriteRoomUrl {
        from: String,
        to: Option<String>,
        requests: usize,
    },
}

impl Operation {
    pub fn add_deck(deck: Deck, calls: Vec<DeckCall>) -> Self {
        Self::AddDeck { deck, requests: calls.len(), calls }
    }

    pub fn revise_deck(deck: Deck, was: Deck, calls: Vec<DeckCall>) -> Self {
        Self::ReviseDeck { deck, was, requests: calls.len(), calls }
    }

    pub fn delete_deck(deck: DeckRef, calls: Vec<DeckCall>) -> Self {
        Self::DeleteDeck { deck, requests: calls.len(), calls }
    }

    pub fn reorder_decks(decks: Vec<Deck>) -> Self {
        Self::ReorderDecks { decks, calls: vec![DeckCall::Put], requests: 1 }
    }

    pub fn replace_decks(decks: Vec<Deck>) -> Self {
        Self::ReplaceDecks { decks, calls: vec![DeckCall::Put], requests: 1 }
    }

    pub fn create_room(room: RoomSpec) -> Self {
        Self::CreateRoom { room, requests: 1 }
    }

    pub fn recreate_room(room: RoomSpec, was: RoomTimes, old: RoomRef) -> Self {
        Self::RecreateRoom { room, was, old, requests: 2 }
    }

    pub fn adopt_room(room: RoomRef, shown: RoomTimes) -> Self {
        Self::AdoptRoom { room, shown, requests: 0 }
    }

    pub fn delete_room(room: RoomRef) -> Self {
        Self::DeleteRoom { room, requests: 1 }
    }

    pub fn end_doubt() -> Self {
        Self::EndDoubt { requests: 0 }
    }

    pub fn write_room_url(from: impl Into<String>, to: Option<String>) -> Self {
        Self::WriteRoomUrl { from: from.into(), to, requests: 0 }
    }

    /// As the JSON form calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AddDeck { .. } => "add_deck",
            Self::ReviseDeck { .. } => "revise_deck",
            Self::DeleteDeck { .. } => "delete_deck",
            Self::ReorderDecks { .. } => "reorder_decks",
            Self::ReplaceDecks { .. } => "replace_decks",
            Self::CreateRoom { .. } => "create_room",
            Self::RecreateRoom { .. } => "recreate_room",
            Self::AdoptRoom { .. } => "adopt_room",
            Self::DeleteRoom { .. } => "delete_room",
            Self::EndDoubt { .. } => "end_doubt",
            Self::WriteRoomUrl { .. } => "write_room_url",
        }
    }

    pub fn requests(&self) -> usize {
        match self {
            Self::AddDeck { requests, .. }
            | Self::ReviseDeck { requests, .. }
            | Self::DeleteDeck { requests, .. }
            | Self::ReorderDecks { requests, .. }
            | Self::ReplaceDecks { requests, .. }
            | Self::CreateRoom { requests, .. }
            | Self::RecreateRoom { requests, .. }
            | Self::AdoptRoom { requests, .. }
            | Self::DeleteRoom { requests, .. }
            | Self::EndDoubt { requests }
            | Self::WriteRoomUrl { requests, .. } => *requests,
        }
    }

    /// The same, with no count of requests: what a plan's hash is made of.
    pub(super) fn uncounted(mut self) -> Self {
        match &mut self {
            Self::AddDeck { requests, .. }
            | Self::ReviseDeck { requests, .. }
            | Self::DeleteDeck { requests, .. }
            | Self::ReorderDecks { requests, .. }
            | Self::ReplaceDecks { requests, .. }
            | Self::CreateRoom { requests, .. }
            | Self::RecreateRoom { requests, .. }
            | Self::AdoptRoom { requests, .. }
            | Self::DeleteRoom { requests, .. }
            | Self::EndDoubt { requests }
            | Self::WriteRoomUrl { requests, .. } => *requests = 0,
        }
        self
    }
}

/// A change that would be made, had a rule not refused it; or a thing that only a person can put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Null where the whole plan is refused, or what is not of one session: the rooms of groups.
    pub subject: Option<SubjectKey>,
    pub session: Option<SessionId>,
    /// Whose rooms it is about, where it is not about a subject.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<GroupAcronym>,
    pub rule: Why,
    /// With the numbers.
    pub detail: String,
    /// The exact command or setting that goes on.
    pub way_on: String,
    /// What was refused.
    pub operations: Vec<Operation>,
}

/// Nothing is to be done now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    pub subject: SubjectKey,
    pub session: SessionId,
    pub reason: Why,
    /// The moment at which the answer changes by itself; null where it doesn't.
    pub until: Option<DateTime<Utc>>,
}
