//! Which sessions a command was asked to look at.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{GroupAcronym, Kind, MeetingNumber, Session, SessionId};

/// Rooms and decks, or one of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KindFilter {
    #[default]
    Both,
    SlidesOnly,
    RoomsOnly,
}

impl KindFilter {
    pub fn includes(self, kind: Kind) -> bool {
        match self {
            Self::Both => true,
            Self::SlidesOnly => kind == Kind::Decks,
            Self::RoomsOnly => kind == Kind::Room,
        }
    }
}

/// The SCOPE of a command line: several of one kind mean *or*, different kinds mean *and*. Empty = everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    pub sessions: BTreeSet<SessionId>,
    pub groups: BTreeSet<GroupAcronym>,
    pub meetings: BTreeSet<MeetingNumber>,
    pub kinds: KindFilter,
}

impl Scope {
    /// Whether no session, group or meeting is named.
    pub fn is_everything(&self) -> bool {
        self.sessions.is_empty() && self.groups.is_empty() && self.meetings.is_empty()
    }

    pub fn includes(&self, session: &Session) -> bool {
        (self.sessions.is_empty() || self.sessions.contains(&session.id))
            && (self.groups.is_empty() || self.groups.contains(&session.group))
            && (self.meetings.is_empty() || self.meetings.contains(&session.meeting))
    }
}
