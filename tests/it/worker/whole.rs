//! The whole way: from a row to a request, again and again.

use meetsync::demo::sample::scenes;
use meetsync::demo::standin::Standin;

use super::{hurried, until, until_in_step};
use crate::support::running::Running;

#[tokio::test(flavor = "multi_thread")]
async fn it_makes_everything_right_follows_an_edit_and_ends_when_asked() {
    let stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    stage.expect_in_step().await;

    let before = stage.standin.counts();
    let edit = scenes::add_deck(scenes::LIVE, "Late news");
    stage.database.run(&edit.sql).await;
    let shows =
        |standin: &Standin| standin.decks_of(scenes::LIVE).iter().any(|deck| deck.title == "Late news");
    until(&stage, "the new deck is shown", shows).await;
    let after = stage.standin.counts();
    assert_eq!(after.writes() - before.writes(), 1, "one added deck is one request");
    until_in_step(&stage).await;

    let ended = worker.stop().await.expect(0);
    stage.expect_in_step().await;
    assert!(!ended.stderr.contains("ERROR") && !ended.stderr.contains("WARN"), "{}", ended.stderr);
    let leases = stage.database.texts("SELECT owner FROM meetsync.lease").await;
    assert!(leases.is_empty(), "leases are given back: {leases:?}");
    let doubt = "SELECT key FROM meetsync.subject WHERE state <> 'settled' OR first_change IS NOT NULL";
    assert_eq!(stage.database.texts(doubt).await, Vec::<String>::new());
}
