//! Which decks a session should show.

use crate::model::{Deck, Session, SlidesPolicy};

/// The linked decks in their order, without those in state `deleted` (the datatracker's own session page hides
/// these too) unless `slides.include_deleted` asks for them.
pub fn wanted_decks(session: &Session, policy: &SlidesPolicy) -> Vec<Deck> {
    session
        .decks
        .iter()
        .filter(|linked| policy.include_deleted || !linked.deleted)
        .map(|linked| linked.deck.clone())
        .collect()
}
