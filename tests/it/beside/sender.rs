//! The second sender alone: the calls that the datatracker's views make, in their order, one token call for each web
//! request, and nothing outside of its window.

use std::time::Duration;

use meetsync::demo::sample::scenes::{self, LATER, LIVE};
use meetsync::demo::second_sender::{Answered, Calls, DeckEdit};
use meetsync::demo::standin::{DuplicateRoom, Failure, LinkForm, PutRule, RepostRule};
use meetsync::model::{DeckId, SessionId};
use meetsync::provider::meetecho::Call::{
    self, AddDeck, CreateRoom, DeleteDeck, DeleteRoom, FetchRooms, SetDecks,
};

use super::{Beside, Rules};

const NEW: SessionId = SessionId(37001);

fn calls(calls: &Calls) -> Vec<Call> {
    assert!(calls.answered.iter().all(Answered::is_success), "{calls:?}");
    calls.answered.iter().map(|answered| answered.call).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_calls_as_the_datatracker_does() {
    let (put, repost) = (PutRule::Replace, RepostRule::Doubles);
    let (duplicate, link) = (DuplicateRoom::Conflict409, LinkForm::Session);
    let beside = Beside::with(Rules { put, repost, duplicate, link }, Duration::ZERO).await;
    let (sender, standin) = (&beside.sender, &beside.stage.standin);

    let decks = beside.decks(LIVE).await;
    assert_eq!(calls(&sender.decks_edited(LIVE, DeckEdit::Reordered).await.unwrap()), [SetDecks]);
    assert_eq!(standin.decks_of(LIVE).iter().map(|deck| deck.id).collect::<Vec<_>>(), decks);
    let revised = sender.decks_edited(LIVE, DeckEdit::Revised(decks[0])).await.unwrap();
    assert_eq!(calls(&revised), [DeleteDeck, AddDeck]);
    beside.save(&scenes::add_deck(LIVE, "Late news")).await;
    let added = *beside.decks(LIVE).await.last().unwrap();
    assert_eq!(calls(&sender.decks_edited(LIVE, DeckEdit::Added(added)).await.unwrap()), [AddDeck]);
    beside.save(&scenes::remove_deck(LIVE, 1)).await;
    let removed = sender.decks_edited(LIVE, DeckEdit::Removed(decks[0])).await.unwrap();
    assert_eq!(calls(&removed), [DeleteDeck, SetDecks]);
    assert_eq!(standin.counts().tokens, 4, "one for each web request");
    beside.save(&scenes::revise_deck(LATER, 1)).await;
    let early = sender.decks_edited(LATER, DeckEdit::Revised(DeckId(1))).await.unwrap();
    assert_eq!((early, standin.counts().tokens), (Calls::default(), 4), "its window is not open");

    // A revision whose second half fails has lost the deck.
    standin.fail_next(Some(AddDeck), 1, Failure::Status(500));
    let half = sender.decks_edited(LIVE, DeckEdit::Revised(added)).await.unwrap();
    assert_eq!(half.trouble(), [Answered { call: AddDeck, status: Some(500) }]);
    assert!(standin.decks_of(LIVE).iter().all(|deck| deck.id != added));
    let again = sender.decks_edited(LIVE, DeckEdit::Revised(added)).await.unwrap();
    let missing = Answered { call: DeleteDeck, status: Some(404) };
    assert_eq!(again.answered, [missing], "the first that fails is the last");

    beside.save(&scenes::new_interim(NEW, "oauth", 12, 15)).await;
    let asked = sender.interim_saved(&[NEW]).await.unwrap();
    assert_eq!(calls(&asked), [CreateRoom]);
    let url = standin.rooms()[0].room.url.clone();
    assert_eq!(asked.links, [(NEW, url.clone())]);
    let refused = sender.interim_saved(&[NEW]).await.unwrap();
    assert_eq!(refused.trouble(), [Answered { call: CreateRoom, status: Some(409) }]);
    assert_eq!(sender.interim_cancelled(NEW).await.unwrap(), Calls::default(), "no link, no call");
    beside.save(&scenes::save_link(NEW, &url)).await;
    let cancelled = sender.interim_cancelled(NEW).await.unwrap();
    assert_eq!(calls(&cancelled), [FetchRooms, DeleteRoom]);
    assert!(standin.rooms().is_empty());

    // Two days of one interim: all is asked for twice.
    let both = [SessionId(36105), SessionId(36106)];
    let twice = sender.interim_saved(&both).await.unwrap();
    let statuses: Vec<_> = twice.answered.iter().map(|answered| answered.status).collect();
    assert_eq!(statuses, [200, 200, 409, 409].map(Some));
}
