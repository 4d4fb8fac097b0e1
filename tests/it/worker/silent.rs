//! A ledger that accepts what is sent to it, and answers nothing: the worker goes on by itself, and says so.

use meetsync::demo::cluster::Place;
use meetsync::demo::sample::scenes;

use super::{OwnServer, shows, until, until_in_step};
use crate::support::running::{Running, until_true};
use crate::support::silent::SilentWay;

/// The ledger is reached by a way that can fall silent, the datatracker by another.
async fn by_a_silent_way(lease: &str) -> (OwnServer, SilentWay) {
    let mut own = OwnServer::hurried_at(&Place { tcp: true, ..Place::from_env() }).await;
    own.run("CREATE ROLE worker SUPERUSER LOGIN PASSWORD 'right'").await;
    let way = SilentWay::to(&own.cluster.tcp_url("week", "worker", "right").unwrap()).await;
    let ledger = format!("lease = \"{lease}\"\ndatabase_url = \"{}\"\n", way.url);
    own.stage.change_settings("lease = \"10s\"\n", &ledger);
    (own, way)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_silent_for_a_while() {
    let (own, way) = by_a_silent_way("10s").await;
    let worker = Running::start(&own.stage);
    until_in_step(&own.stage).await;
    way.stays_silent.send_replace(true);
    own.run(&scenes::add_deck(scenes::LIVE, "While it was silent").sql).await;
    worker.says("a pass failed", 2).await;
    assert!(!shows(&own.stage.standin, scenes::LIVE, "While it was silent"));
    way.stays_silent.send_replace(false);
    until(&own.stage, "an edit while it was silent", |standin| {
        shows(standin, scenes::LIVE, "While it was silent")
    })
    .await;
    worker.says("passes succeed again", 1).await;
    until_in_step(&own.stage).await;
    let counts = own.stage.standin.counts();
    assert_eq!((counts.delete_deck, counts.delete_room), (0, 0));
    worker.stop().await.expect(0);
    own.stage.expect_in_step().await;
}

/// The lease was given, and nobody heard so: it would be in the way of its own session for a minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_nobody_heard_of_is_found_again() {
    let (own, way) = by_a_silent_way("60s").await;
    let worker = Running::start(&own.stage);
    until_in_step(&own.stage).await;
    let leased = "SELECT session::text FROM meetsync.lease";
    until_true("nobody works", async || own.texts(leased).await.is_empty()).await;

    let (client, connection) =
        tokio_postgres::connect(&own.cluster.url("week"), tokio_postgres::NoTls).await.unwrap();
    let unheard = async {
        client.batch_execute("BEGIN; LOCK TABLE meetsync.lease").await.unwrap();
        own.run(&scenes::add_deck(scenes::LIVE, "Nobody heard").sql).await;
        let waits = "SELECT 1::text FROM pg_stat_activity
                     WHERE wait_event_type = 'Lock' AND query LIKE '%INSERT INTO meetsync.lease%'";
        until_true("a step is asked for", async || !own.texts(waits).await.is_empty()).await;
        way.fall_silent();
        client.batch_execute("COMMIT").await.unwrap();
        drop(client);
    };
    let ((), ended) = tokio::join!(unheard, connection);
    ended.unwrap();
    until_true("it is begun", async || own.texts(leased).await == [scenes::LIVE.to_string()]).await;

    until(&own.stage, "it is sent all the same", |standin| shows(standin, scenes::LIVE, "Nobody heard"))
        .await;
    worker.says("it is not known whether a step was begun; the ledger is asked once more", 1).await;
    until_in_step(&own.stage).await;
    worker.stop().await.expect(0);
    own.stage.expect_in_step().await;
}
