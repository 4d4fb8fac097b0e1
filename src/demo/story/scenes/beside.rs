//! The change-over: the datatracker still calls Meetecho by itself, and meetsync is at work beside it.

use super::super::{Story, StoryError};
use crate::demo::sample::scenes::{self, LIVE};
use crate::demo::second_sender::DeckEdit;
use crate::model::SessionId;

/// An interim that nobody has asked for yet.
const NEW: SessionId = SessionId(36201);

impl Story<'_, '_> {
    pub(super) async fn beside_the_datatracker(&mut self) -> Result<(), StoryError> {
        self.slides_from_both().await?;
        self.room_from_the_datatracker().await?;
        self.form_saved_again().await
    }

    async fn slides_from_both(&mut self) -> Result<(), StoryError> {
        self.teller.scene("The datatracker still calls Meetecho by itself: slides")?;
        self.teller.say(
            "So it is during the change-over. The datatracker sends at once, once, and forgets; the worker waits a moment,\n\
             and then says the whole list.",
        )?;
        self.edit(&scenes::add_deck(LIVE, "Said twice, shown once")).await?;
        let deck = self.session(LIVE).await?.and_then(|session| Some(session.decks.last()?.deck.id));
        if let Some(deck) = deck {
            let calls = self.stage.datatracker_itself.decks_edited(LIVE, DeckEdit::Added(deck)).await?;
            self.teller.expect(calls.trouble().is_empty(), "the datatracker's call failed")?;
        }
        self.until_in_step(&[LIVE]).await?;
        self.expect_writes(1)?;
        self.show_decks(LIVE).await
    }

    async fn room_from_the_datatracker(&mut self) -> Result<(), StoryError> {
        self.teller.scene("The datatracker still calls Meetecho by itself: a room")?;
        self.edit(&scenes::new_interim(NEW, "oauth", 12, 17)).await?;
        let calls = self.stage.datatracker_itself.interim_saved(&[NEW]).await?;
        self.teller.expect(calls.trouble().is_empty(), "the datatracker's call failed")?;
        for (session, link) in &calls.links {
            self.save(&scenes::save_link(*session, link)).await?;
        }
        self.until_in_step(&[NEW]).await?;
        self.until(async || {
            let adopted = self.stage.rooms_adopted().await?.contains(&NEW.to_string());
            Ok((!adopted).then(|| "the room on record".to_owned()))
        })
        .await?;
        self.expect_writes(0)?;
        self.teller.say("\nThe worker found the room, saw that it is right, and keeps it from now on as it keeps its own.")?;
        self.show_room(NEW).await
    }

    async fn form_saved_again(&mut self) -> Result<(), StoryError> {
        self.teller.scene("Somebody saves that interim's form again")?;
        self.edit(&scenes::blank_link(NEW)).await?;
        let calls = self.stage.datatracker_itself.interim_saved(&[NEW]).await?;
        let is_refused = !calls.trouble().is_empty() && calls.links.is_empty();
        self.teller.expect(is_refused, "Meetecho made a second room")?;
        self.teller.say(
            "The datatracker asks for a room once more, and Meetecho refuses, for there is one. The datatracker warns, and\n\
             leaves the link blank for good (datatracker #10689, #11497). The worker puts it back.",
        )?;
        self.until_in_step(&[NEW]).await?;
        self.expect_writes(0)?;
        self.show_room(NEW).await
    }
}
