//! The name of one thing that is kept in step.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::SessionId;

/// Which remote conference system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    Meetecho,
}

impl Provider {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Meetecho => "meetecho",
        }
    }
}

/// What of a session is kept in step. The room comes first in every order: decks need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Room,
    Decks,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Room => "room",
            Self::Decks => "decks",
        }
    }
}

/// `meetecho/session/35206/decks`: one row in the ledger, one line in a plan. Ordered by session, room first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectKey {
    pub session: SessionId,
    pub kind: Kind,
    pub provider: Provider,
}

impl SubjectKey {
    pub fn room(session: SessionId) -> Self {
        Self { session, kind: Kind::Room, provider: Provider::Meetecho }
    }

    pub fn decks(session: SessionId) -> Self {
        Self { session, kind: Kind::Decks, provider: Provider::Meetecho }
    }
}

impl fmt::Display for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/session/{}/{}", self.provider.as_str(), self.session, self.kind.as_str())
    }
}

/// The text was not of the form `meetecho/session/35206/decks`.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a subject (expected meetecho/session/ID/decks or .../room)")]
pub struct NotASubject(String);

impl FromStr for SubjectKey {
    type Err = NotASubject;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || NotASubject(text.to_owned());
        let rest = text.strip_prefix("meetecho/session/").ok_or_else(bad)?;
        let (id, kind) = rest.split_once('/').ok_or_else(bad)?;
        let session = SessionId(id.parse().map_err(|_| bad())?);
        match kind {
            "room" => Ok(Self::room(session)),
            "decks" => Ok(Self::decks(session)),
            _ => Err(bad()),
        }
    }
}

impl Serialize for SubjectKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SubjectKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_what_it_prints() {
        for key in [SubjectKey::room(SessionId(7)), SubjectKey::decks(SessionId(35206))] {
            assert_eq!(key.to_string().parse::<SubjectKey>().expect("own text"), key);
        }
        for bad in [
            "",
            "meetecho/session/x/room",
            "meetecho/session/7",
            "zoom/session/7/room",
            "meetecho/session/7/x",
        ] {
            assert!(bad.parse::<SubjectKey>().is_err(), "{bad}");
        }
    }
}
