//! How many requests an edit costs.

use meetsync::demo::sample::scenes::{self, Edit};
use meetsync::model::SessionId;
use meetsync::provider::meetecho::Call;

use super::{calls_of, how_many, hurried, until, until_in_step};
use crate::support::running::{Running, until_true};

const ADDED: SessionId = SessionId(36002);
const BURST: SessionId = scenes::LIVE;
const CANCELS_OUT: SessionId = scenes::LIVE_TOO;
const REVISED: SessionId = SessionId(36004);
const REORDERED: SessionId = SessionId(36005);
const UNLINKED: SessionId = scenes::SOON;

/// Twenty, one after the other, that take three of the five decks away that are shown.
fn burst() -> Vec<Edit> {
    let mut edits: Vec<Edit> = (1..=9).map(|n| scenes::add_deck(BURST, &format!("Burst {n}"))).collect();
    edits.extend((0..3).map(|_| scenes::remove_deck(BURST, 1)));
    edits.extend((0..2).map(|_| scenes::revise_deck(BURST, 1)));
    edits.extend((0..4).map(|_| scenes::last_deck_first(BURST)));
    edits.extend((10..=11).map(|n| scenes::add_deck(BURST, &format!("Burst {n}"))));
    edits
}

#[tokio::test(flavor = "multi_thread")]
async fn each_edit_costs_as_few_requests_as_it_can() {
    let mut stage = hurried().await;
    stage.change_settings("quiet = \"200ms\"\nmax_wait = \"1s\"", "quiet = \"2s\"\nmax_wait = \"10s\"");
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    let before = stage.requests();
    let decks_before = stage.standin.decks_of(UNLINKED).len();

    let wished = format!(
        "SELECT generation::text FROM meetsync.subject
         WHERE session = {CANCELS_OUT} AND kind = 'decks' AND first_change IS NOT NULL"
    );
    stage.database.run(&scenes::add_deck(CANCELS_OUT, "Not for long").sql).await;
    until_true("a pass has seen it", async || !stage.database.texts(&wished).await.is_empty()).await;
    stage.database.run(&scenes::remove_deck(CANCELS_OUT, 7).sql).await;

    stage.database.run(&scenes::add_deck(ADDED, "One more").sql).await;
    stage.database.run(&scenes::revise_deck(REVISED, 2).sql).await;
    stage.database.run(&scenes::last_deck_first(REORDERED).sql).await;
    for place in (1..=decks_before).rev() {
        let place = u32::try_from(place).unwrap();
        stage.database.run(&scenes::remove_deck(UNLINKED, place).sql).await;
    }
    let burst = burst();
    assert_eq!(burst.len(), 20);
    for edit in burst {
        stage.database.run(&edit.sql).await;
    }
    until(&stage, "the last of the burst is shown", |standin| super::shows(standin, BURST, "Burst 11")).await;
    until_true("nothing is wished any more", async || {
        stage.database.texts(super::UNSETTLED).await.is_empty()
    })
    .await;
    until_in_step(&stage).await;
    worker.stop().await.expect(0);
    stage.expect_in_step().await;

    let log = &stage.standin.log()[before..];
    assert_eq!(calls_of(log, CANCELS_OUT), [], "edits that cancel out");
    for session in [ADDED, REVISED, REORDERED] {
        assert_eq!(calls_of(log, session), [Call::SetDecks], "{session}");
    }
    let unlinked = calls_of(log, UNLINKED);
    assert_eq!(how_many(&unlinked, Call::DeleteDeck), decks_before, "{unlinked:?}");
    assert!(how_many(&unlinked, Call::SetDecks) <= 2, "{unlinked:?}");
    let burst = calls_of(log, BURST);
    assert_eq!(how_many(&burst, Call::DeleteDeck), 3, "{burst:?}");
    assert!((1..=2).contains(&how_many(&burst, Call::SetDecks)), "{burst:?}");
    assert_eq!(how_many(&burst, Call::AddDeck), 0, "{burst:?}");
}
