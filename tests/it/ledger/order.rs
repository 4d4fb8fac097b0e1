//! Several who write the same subjects at once: none waits for another for ever, and whoever is given up tries again.

use std::time::Duration;

use meetsync::database::chain;
use meetsync::ledger::{Ledger, PassRecord, Recorded};
use serde_json::json;

use super::view::wish;
use super::{accepted, at, attempt, begin, connect, decks_of, finish, ready};
use crate::support::TestDatabase;
use crate::support::running::until_true;

const SUBJECTS: i64 = 300;

/// A pass that takes back the wishes of the first half, and has new ones for the second.
async fn pass(ledger: &Ledger, round: i64) {
    let view = ledger.view(&std::collections::BTreeSet::new(), super::PER, at(0)).await.unwrap();
    let record = PassRecord {
        known_until: at(round),
        as_of: at(round),
        took: Duration::from_millis(1),
        who: "worker".to_owned(),
        acts: true,
        summary: json!({}),
        wishes: (SUBJECTS / 2..SUBJECTS)
            .map(|n| wish(decks_of(1000 + n), [round], Some((0, 60)), round))
            .collect(),
        calmed: (0..SUBJECTS / 2)
            .filter_map(|n| Some((decks_of(1000 + n), view.get(decks_of(1000 + n))?.timing.generation)))
            .collect(),
    };
    assert_ne!(ledger.record_pass(&record).await.unwrap(), Recorded::Stale);
}

#[tokio::test(flavor = "multi_thread")]
async fn passes_commands_and_steps_never_wait_for_each_other_for_ever() {
    let database = ready().await;
    let ledger = Ledger::open(connect(database.url(), 8, false)).await.unwrap();
    let all =
        |round: i64| (0..SUBJECTS).map(move |n| wish(decks_of(1000 + n), [round, 7], Some((0, 60)), round));
    ledger.record(&all(0).collect::<Vec<_>>()).await.unwrap();
    for round in 1..25 {
        let commands = async {
            for part in 0..4 {
                ledger.record(&all(round * 10 + part).collect::<Vec<_>>()).await.unwrap();
            }
        };
        let steps = async {
            for session in [1000, 1000 + SUBJECTS / 2, 999 + SUBJECTS] {
                let (lease, begun) = begin(&ledger, decks_of(session), [1], at(round)).await;
                finish(&ledger, lease, begun, &accepted([1], at(round)), attempt("applied", at(round))).await;
            }
        };
        tokio::join!(pass(&ledger, round), commands, steps);
    }
    assert_eq!(deadlocks(&database, ledger).await, ["0"]);
}

/// How often the server had to give somebody up. It is only sure to have counted when those who know have left.
async fn deadlocks(database: &TestDatabase, ledger: Ledger) -> Vec<String> {
    drop(ledger);
    let left = "SELECT 1::text FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'meetsync'";
    until_true("all connections end", async || database.texts(left).await.is_empty()).await;
    database.texts("SELECT deadlocks::text FROM pg_stat_database WHERE datname = current_database()").await
}

/// What the server says is in its own language, and the code of a deadlock does not come through; a sequence counts what is
/// rolled back as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_was_given_up_in_another_language_is_made_again_once() {
    let database = ready().await;
    let ledger = Ledger::open(connect(database.url(), 1, false)).await.unwrap();
    let gives_up = "CREATE SEQUENCE public.times;
        CREATE FUNCTION public.give_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('public.times') <= TG_ARGV[0]::int THEN
                RAISE EXCEPTION 'Verklemmung entdeckt' USING ERRCODE = 'deadlock_detected';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER once BEFORE INSERT ON meetsync.attempt FOR EACH ROW EXECUTE FUNCTION public.give_up(1)";
    database.run(gives_up).await;
    let (lease, begun) = begin(&ledger, decks_of(1), [1], at(0)).await;
    finish(&ledger, lease, begun, &accepted([1], at(1)), attempt("applied", at(1))).await;
    let times = "SELECT last_value::text FROM public.times";
    assert_eq!(database.texts(times).await, ["2"]);
    assert_eq!(ledger.attempts(9).await.unwrap().len(), 1);

    // It may as well be an error that is there to stay.
    database
        .run(
            "DROP TRIGGER once ON meetsync.attempt;
             CREATE TRIGGER ever BEFORE INSERT ON meetsync.attempt FOR EACH ROW EXECUTE FUNCTION public.give_up(1000)",
        )
        .await;
    let (lease, begun) = begin(&ledger, decks_of(2), [1], at(0)).await;
    let end = accepted([1], at(1));
    let ended = ledger.settle_and_release(lease, begun, &end, attempt("applied", at(1))).await;
    assert!(chain(&ended.unwrap_err()).ends_with("Verklemmung entdeckt"));
    assert_eq!(database.texts(times).await, ["4"]);
}

/// Somebody else's transaction, that of a person at a prompt say, may be in the way all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_the_server_gave_up_is_made_again() {
    let database = ready().await;
    let ledger = Ledger::open(connect(database.url(), 4, false)).await.unwrap();
    let wishes =
        |at: i64| [wish(decks_of(1), [at], Some((0, 60)), at), wish(decks_of(2), [at], Some((0, 60)), at)];
    ledger.record(&wishes(0)).await.unwrap();
    let (client, connection) = tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
    let lock = |session: i64| format!("SELECT FROM meetsync.subject WHERE session = {session} FOR UPDATE");
    let (locked, is_locked) = tokio::sync::oneshot::channel();
    let theirs = async {
        // The server looks for a way out on behalf of whoever waits longest, and this one never asks it to.
        client
            .batch_execute(&format!("BEGIN; SET LOCAL deadlock_timeout = '1min'; {}", lock(2)))
            .await
            .unwrap();
        locked.send(()).unwrap();
        let waits = "SELECT 1::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        until_true("ours waits", async || !database.texts(waits).await.is_empty()).await;
        client.batch_execute(&lock(1)).await.unwrap();
        client.batch_execute("COMMIT").await.unwrap();
        drop(client);
    };
    let ours = async {
        is_locked.await.unwrap();
        ledger.record(&wishes(1)).await
    };
    let (recorded, (), ended) = tokio::join!(ours, theirs, connection);
    ended.unwrap();
    assert_eq!(recorded.unwrap(), 2);
    // More often than once where ours came back before theirs had woken up.
    assert_ne!(deadlocks(&database, ledger).await, ["0"], "ours was given up");
}
