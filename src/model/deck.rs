//! Slide decks, as they are sent and as they are linked.

use serde::{Deserialize, Serialize};

use super::DeckId;

/// One slide deck in the five fields that Meetecho is told, in the order in which the datatracker sends them
/// (`ietf/utils/meetecho.py`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Deck {
    pub id: DeckId,
    pub title: String,
    pub url: String,
    /// The document's revision, never the presentation's: that is what the datatracker sends.
    pub rev: String,
    /// `meeting_session_materials.order`, as stored: 1-based by custom, ties and holes occur.
    pub order: i32,
}

impl Deck {
    /// Whether title, url and rev are the same; the place in the list does not count.
    pub fn same_content(&self, other: &Self) -> bool {
        self.id == other.id && self.title == other.title && self.url == other.url && self.rev == other.rev
    }
}

/// A deck that is linked to a session, whatever its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedDeck {
    #[serde(flatten)]
    pub deck: Deck,
    /// The document is in state `deleted` but still linked. The datatracker sends such a deck and hides it on
    /// its own session page.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}
