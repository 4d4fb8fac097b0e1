//! A step that takes more calls than fit into one lease.

use std::time::Duration;

use meetsync::demo::sample::scenes::{self, LIVE};
use meetsync::provider::meetecho::Call;

use super::{NOTHING, at_once, calls_of, how_many, hurried, one, shows, until, until_in_step};
use crate::support::running::Running;

/// Meetecho is slow, and answers: each call is made once, and then all is shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_with_more_calls_than_fit_into_its_lease_comes_to_its_end() {
    let stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    let shown = stage.standin.decks_of(LIVE).len();
    let more: Vec<_> = (shown..10).map(|n| scenes::add_deck(LIVE, &format!("Old {n}")).sql).collect();
    stage.database.run(&more.join("\n")).await;
    until(&stage, "ten decks", |standin| standin.decks_of(LIVE).len() == 10).await;
    until_in_step(&stage).await;

    // The lease is for ten seconds, of which a step may use seven.
    stage.standin.set_latency(Duration::from_millis(900));
    let before = stage.requests();
    let mut edits: Vec<_> = (0..10).map(|_| scenes::remove_deck(LIVE, 1).sql).collect();
    edits.push(scenes::add_deck(LIVE, "The new one").sql);
    stage.database.run(&edits.join("\n")).await;
    until(&stage, "the new list", |standin| shows(standin, LIVE, "The new one")).await;
    stage.standin.set_latency(Duration::ZERO);
    until_in_step(&stage).await;
    worker.stop().await.expect(0);

    assert_eq!(stage.standin.decks_of(LIVE).len(), 1);
    let log = stage.standin.log();
    assert_eq!(at_once(&log), NOTHING);
    let calls = calls_of(&log[before..], LIVE);
    assert_eq!((how_many(&calls, Call::DeleteDeck), how_many(&calls, Call::SetDecks)), (10, 1), "{calls:?}");
    let took = "SELECT (took_ms > 9000)::text FROM meetsync.attempt WHERE requests = 11";
    assert_eq!(one(&stage, took).await, "true", "it was one step");
}
