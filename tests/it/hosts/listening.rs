//! A listener hears, comes back after it was cut off, and goes when it is dropped.

use meetsync::demo::cluster::{Cluster, Place};
use meetsync::ledger::{Ledger, RING};

use super::bell::Bell;
use super::connect;
use crate::support::TestDatabase;

const LISTENING: &str = "SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'meetsync' AND query ~ '^LISTEN'";

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_cut_is_made_again_and_rings() {
    let database = TestDatabase::bare().await;
    let mut bell = Bell::on(database.url(), "some \"odd\" name").await;
    let notify = "SELECT pg_notify('some \"odd\" name', 'whatever'), pg_notify('another', '')";
    database.run(notify).await;
    bell.expect(2).await;
    database.run(&format!("SELECT pg_terminate_backend(pid) FROM ({LISTENING}) AS ours")).await;
    bell.expect(3).await;
    database.run(notify).await;
    bell.expect(4).await;

    drop(bell.listener.take());
    while !database.texts(LISTENING).await.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(bell.count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_later_or_again_is_heard() {
    let mut cluster = Cluster::start(&Place::from_env()).unwrap();
    // Its database is made only after the first attempt.
    let mut bell = Bell::started(cluster.url("later"), "changes");
    cluster.create_database("later").await.unwrap();
    bell.expect(1).await;
    tokio::task::block_in_place(|| cluster.restart()).unwrap();
    bell.expect(2).await;
    cluster.run_sql("later", "NOTIFY changes").await.unwrap();
    bell.expect(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_rings_at_the_workers_and_a_rehearsal_at_nobody() {
    let database = TestDatabase::bare().await;
    let options = || meetsync::database::Database::new(connect(database.url(), false)).unwrap();
    meetsync::ledger::migrate(&options()).await.unwrap();
    let mut bell = Bell::on(database.url(), RING).await;
    Ledger::rehearsal(options()).await.unwrap().ring().await.unwrap();
    Ledger::open(options()).await.unwrap().ring().await.unwrap();
    bell.expect(2).await;
    database.run("NOTIFY meetsync_ring").await;
    bell.expect(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_cannot_be_used_is_refused_at_once_and_not_repeated() {
    let start = |url: &str| {
        let ring = std::sync::Arc::new(|| ());
        meetsync::database::Listener::start(connect(url.to_owned(), false), "changes", ring)
    };
    let error = start("postgres://me:hun@ter2@host/db").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("ter2"), "{error}");
}
