//! Identifiers as newtypes, so that a deck's id can't be passed where a session's is meant.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! numeric_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

numeric_id! {
    /// `meeting_session.id`: the datatracker's primary key, and Meetecho's `room_id` (datatracker #7263).
    SessionId
}
numeric_id! {
    /// `doc_document.id` of a slide deck: what Meetecho calls a deck's `id`.
    DeckId
}
text_id! {
    /// `group_group.acronym`, the name that Meetecho's tokens are issued to.
    GroupAcronym
}
text_id! {
    /// `meeting_meeting.number`: `126`, or `interim-2026-mars-01`.
    MeetingNumber
}
