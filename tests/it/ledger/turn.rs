//! Turns of jobs: taken once, and not lost with whoever took one.

use meetsync::ledger::Ledger;
use meetsync::ledger::Memory;
use meetsync::ledger::Turn::{Done, Ours, Theirs};

use super::{at, live, ready};
use crate::support::TestDatabase;

/// As if all that was taken had been taken so long ago.
async fn later(database: &TestDatabase, minutes: u32) {
    database.run(&format!("UPDATE meetsync.tick SET taken_at = taken_at - interval '{minutes} min'")).await;
}

async fn ask(ledger: &Ledger, due: i64) -> meetsync::ledger::Turn {
    ledger.take_turn("sweep", at(due), "one").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_taken_once() {
    let database = ready().await;
    let (one, other) = (live(&database).await, live(&database).await);
    for due in [0, 60] {
        let (a, b) = tokio::join!(ask(&one, due), ask(&other, due));
        assert!([a, b] == [Ours, Theirs] || [a, b] == [Theirs, Ours], "due at {due}: {a:?}, {b:?}");
    }
    assert_eq!(ask(&one, 30).await, Done, "a later one was taken");
    assert_eq!(one.take_turn("prune", at(30), "one").await.unwrap(), Ours, "another job");
}

/// A worker that was killed, or gave its pass up, after it had taken a turn.
#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_was_not_finished_goes_to_whoever_asks_next() {
    let database = ready().await;
    let (one, other) = (live(&database).await, live(&database).await);
    let mut memory = Memory::default();
    // Minutes that pass, whether it is then said to be done, and what those who ask after that hear.
    let clock = |minutes: i64| at(minutes * 60);
    let mut now = 0;
    for (minutes, is_ended, heard) in [
        (0, false, Ours),
        (4, false, Theirs),
        (2, false, Ours),
        (4, false, Theirs),
        (0, true, Done),
        (90, false, Done),
    ] {
        later(&database, u32::try_from(minutes).unwrap()).await;
        now += minutes;
        if is_ended {
            one.end_turn("sweep", at(0)).await.unwrap();
            memory.end_turn("sweep", at(0));
        }
        assert_eq!(ask(&other, 0).await, heard, "at minute {now}");
        assert_eq!(memory.take_turn("sweep", at(0), clock(now)), heard, "in memory at minute {now}");
    }
    assert_eq!((ask(&one, 60).await, memory.take_turn("sweep", at(60), clock(now))), (Ours, Ours));
    // A late word about the one before does not end this one.
    one.end_turn("sweep", at(0)).await.unwrap();
    memory.end_turn("sweep", at(0));
    assert_eq!((ask(&one, 60).await, memory.take_turn("sweep", at(60), clock(now))), (Theirs, Theirs));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_leaves_its_turns() {
    let database = ready().await;
    let ledger = live(&database).await;
    assert_eq!(ask(&ledger, 0).await, Ours);
    ledger.gone_from_work("somebody else").await.unwrap();
    assert_eq!(ask(&ledger, 0).await, Theirs);
    ledger.gone_from_work("one").await.unwrap();
    assert_eq!(ask(&ledger, 0).await, Ours);
    ledger.end_turn("sweep", at(0)).await.unwrap();
    ledger.gone_from_work("one").await.unwrap();
    assert_eq!(ask(&ledger, 0).await, Done);
}

/// A clock that was wrong for a moment must not stop a job for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_turn_of_the_far_future_is_not_waited_for() {
    let database = ready().await;
    let ledger = live(&database).await;
    let mut memory = Memory::default();
    let now = ledger.clock().await.unwrap();
    for (ahead, heard) in [(1, Done), (3, Ours)] {
        let due = now + chrono::TimeDelta::hours(ahead) - chrono::TimeDelta::minutes(1);
        assert_eq!(ledger.take_turn("sweep", due, "one").await.unwrap(), Ours);
        assert_eq!(memory.take_turn("sweep", due, now), Ours);
        assert_eq!(ledger.take_turn("sweep", now, "one").await.unwrap(), heard, "{ahead} h");
        assert_eq!(memory.take_turn("sweep", now, now), heard, "{ahead} h, in memory");
    }
}

/// Killed workers can't say that they went; whoever is there forgets them.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_killed_is_forgotten_after_a_day() {
    let database = ready().await;
    let ledger = live(&database).await;
    for (name, seen) in [("long ago", "25 hours"), ("today", "23 hours"), ("one", "3 days")] {
        let row = format!(
            "INSERT INTO meetsync.replica VALUES ('{name}', '0', now(), now() - interval '{seen}', '')"
        );
        database.run(&row).await;
    }
    ledger.seen_at_work("one", "1", "").await.unwrap();
    let names = database.texts("SELECT name FROM meetsync.replica ORDER BY name").await;
    assert_eq!(names, ["one", "today"]);
}
