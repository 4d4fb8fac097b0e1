//! A ledger that answers no more, as behind a network that was cut: noticed in seconds, and got over.

use std::time::{Duration, Instant};

use meetsync::database::DatabaseError;
use meetsync::demo::cluster::{Cluster, Place};
use meetsync::ledger::{Ledger, LedgerError, Settled, migrate};

use super::{accepted, at, attempt, begin, connect, decks_of, remembered};
use crate::support::running::until_true;
use crate::support::silent::SilentWay;

/// The longest that a call may take, with some time for a slow machine; a lease lasts half a minute.
const SECONDS: Duration = Duration::from_secs(12);

async fn own_server() -> (Cluster, String) {
    let cluster = Cluster::start(&Place { tcp: true, ..Place::from_env() }).unwrap();
    cluster.run_sql("postgres", "CREATE ROLE worker SUPERUSER LOGIN PASSWORD 'right'").await.unwrap();
    let url = cluster.tcp_url("postgres", "worker", "right").unwrap();
    migrate(&connect(url.clone(), 1, false)).await.unwrap();
    (cluster, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_comes_is_not_waited_for() {
    let (cluster, url) = own_server().await;
    let way = SilentWay::to(&url).await;
    let ledger = Ledger::open(connect(way.url.clone(), 3, false)).await.unwrap();
    let key = decks_of(7);
    let (lease, begun) = begin(&ledger, key, [1], at(0)).await;

    // The end of the step waits for somebody's lock when the way falls silent. What it says then still takes effect.
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    let end = accepted([1], at(1));
    let settle = async || {
        let (lease, begun) = (lease.clone(), begun.clone());
        ledger.settle_and_release(lease, begun, &end, attempt("applied", at(1))).await
    };
    let silence = async {
        client.batch_execute("BEGIN; SELECT FROM meetsync.lease FOR UPDATE").await.unwrap();
        let begun = Instant::now();
        let waits = "SELECT 1::text FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        let falls_silent = async {
            until_true("it waits", async || {
                !cluster.query_texts("postgres", waits).await.unwrap().is_empty()
            })
            .await;
            way.fall_silent();
        };
        let (hung, ()) = tokio::join!(settle(), falls_silent);
        let timed_out = matches!(&hung, Err(LedgerError::Database(DatabaseError::TimedOut { .. })));
        assert!(timed_out && begun.elapsed() < SECONDS, "{hung:?} after {:?}", begun.elapsed());
        client.batch_execute("COMMIT").await.unwrap();
        drop(client);
    };
    let ((), ended) = tokio::join!(silence, connection);
    ended.unwrap();
    let written = "SELECT outcome FROM meetsync.attempt";
    until_true("what was said took effect", async || {
        !cluster.query_texts("postgres", written).await.unwrap().is_empty()
    })
    .await;

    assert_eq!(settle().await.unwrap(), Settled::Done, "it had been done, and nobody heard it");
    assert_eq!(cluster.query_texts("postgres", written).await.unwrap(), ["applied"]);
    assert!(remembered(&ledger, key).await.unwrap().accepted.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_hangs_is_given_up() {
    let (cluster, url) = own_server().await;
    let way = SilentWay::to(&url).await;
    let ledger = Ledger::open(connect(way.url.clone(), 3, false)).await.unwrap();
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    let locked = async {
        client.batch_execute("BEGIN; LOCK TABLE meetsync.subject").await.unwrap();
        let begun = Instant::now();
        let hung = ledger.open_sessions(at(0)).await;
        let timed_out = matches!(&hung, Err(LedgerError::Database(DatabaseError::TimedOut { .. })));
        assert!(timed_out && begun.elapsed() < SECONDS, "{hung:?} after {:?}", begun.elapsed());
        client.batch_execute("COMMIT").await.unwrap();
        drop(client);
    };
    let ((), ended) = tokio::join!(locked, connection);
    ended.unwrap();
    way.fall_silent();
    let begun = Instant::now();
    assert!(ledger.open_sessions(at(0)).await.unwrap().is_empty(), "a new connection is made");
    assert!(begun.elapsed() < SECONDS, "{:?}", begun.elapsed());
    drop(cluster);
}
