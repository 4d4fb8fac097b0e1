//! Turns of jobs: taken once, and not lost with whoever took one.

use std::time::Duration;

use meetsync::ledger::Turn::{self, Done, Ours, Theirs};
use meetsync::ledger::{AtWork, FailingNow, Ledger, Memory, RefusedNow};

use super::{at, live, ready};
use crate::support::TestDatabase;

/// As if all that was taken had been taken so long ago.
async fn later(database: &TestDatabase, minutes: u32) {
    database.run(&format!("UPDATE meetsync.tick SET taken_at = taken_at - interval '{minutes} min'")).await;
}

async fn ask(ledger: &Ledger, who: &str, due: i64) -> Turn {
    ledger.take_turn("sweep", at(due), who).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_taken_once() {
    let database = ready().await;
    let (one, other) = (live(&database).await, live(&database).await);
    for due in [0, 60] {
        let (a, b) = tokio::join!(ask(&one, "one", due), ask(&other, "other", due));
        assert!([a, b] == [Ours, Theirs] || [a, b] == [Theirs, Ours], "due at {due}: {a:?}, {b:?}");
    }
    assert_eq!(ask(&one, "one", 30).await, Done, "a later one was taken");
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
    for (who, minutes, is_ended, heard) in [
        ("one", 0, false, Ours),
        ("other", 4, false, Theirs),
        ("other", 2, false, Ours),
        ("one", 4, false, Theirs),
        // Its answer was lost, or it has begun anew.
        ("other", 0, false, Ours),
        ("one", 4, false, Theirs),
        ("one", 0, true, Done),
        ("other", 90, false, Done),
    ] {
        later(&database, u32::try_from(minutes).unwrap()).await;
        now += minutes;
        if is_ended {
            one.end_turn("sweep", at(0)).await.unwrap();
            memory.end_turn("sweep", at(0));
        }
        assert_eq!(ask(&other, who, 0).await, heard, "at minute {now}");
        assert_eq!(memory.take_turn("sweep", at(0), who, clock(now)), heard, "in memory at minute {now}");
    }
    assert_eq!(
        (ask(&one, "one", 60).await, memory.take_turn("sweep", at(60), "one", clock(now))),
        (Ours, Ours)
    );
    // A late word about the one before does not end this one.
    one.end_turn("sweep", at(0)).await.unwrap();
    memory.end_turn("sweep", at(0));
    assert_eq!(
        (ask(&one, "other", 60).await, memory.take_turn("sweep", at(60), "other", clock(now))),
        (Theirs, Theirs)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_leaves_its_turns() {
    let database = ready().await;
    let ledger = live(&database).await;
    assert_eq!(ask(&ledger, "one", 0).await, Ours);
    ledger.gone_from_work("somebody else").await.unwrap();
    assert_eq!(ask(&ledger, "other", 0).await, Theirs);
    ledger.gone_from_work("one").await.unwrap();
    assert_eq!(ask(&ledger, "other", 0).await, Ours);
    ledger.end_turn("sweep", at(0)).await.unwrap();
    ledger.gone_from_work("other").await.unwrap();
    assert_eq!(ask(&ledger, "one", 0).await, Done);
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
        assert_eq!(memory.take_turn("sweep", due, "one", now), Ours);
        assert_eq!(ledger.take_turn("sweep", now, "one").await.unwrap(), heard, "{ahead} h");
        assert_eq!(memory.take_turn("sweep", now, "one", now), heard, "{ahead} h, in memory");
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
    let well = AtWork { beat: Duration::from_secs(10), ..AtWork::default() };
    ledger.seen_at_work("one", "1", &well).await.unwrap();
    let names = database.texts("SELECT name FROM meetsync.replica ORDER BY name").await;
    assert_eq!(names, ["one", "today"]);
}

/// The moment of the first failure stays, and is over with the last one.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_says_since_when_its_passes_fail() {
    let database = ready().await;
    let ledger = live(&database).await;
    let mut since = Vec::new();
    for (words, passes, seconds) in [("no column", 1, 0), ("no table", 7, 40)] {
        let failing = Some(FailingNow { words, passes, since: Duration::from_secs(seconds) });
        let said = AtWork { beat: Duration::from_secs(10), failing, ..AtWork::default() };
        ledger.seen_at_work("one", "1", &said).await.unwrap();
        let standing = ledger.standing(0).await.unwrap();
        let failing = standing.replicas[0].failing.clone().unwrap();
        assert_eq!((failing.words.as_str(), failing.passes), (words, i64::from(passes)));
        since.push(failing.since);
    }
    assert_eq!(since[0], since[1]);
    let well = AtWork { beat: Duration::from_secs(10), ..AtWork::default() };
    ledger.seen_at_work("one", "1", &well).await.unwrap();
    assert_eq!(ledger.standing(0).await.unwrap().replicas[0].failing, None);
    // Whoever could not say so at once says how long ago it was.
    let failing = Some(FailingNow { words: "no column", passes: 9, since: Duration::from_hours(1) });
    ledger.seen_at_work("one", "1", &AtWork { failing, ..well }).await.unwrap();
    let standing = ledger.standing(0).await.unwrap();
    let since = standing.replicas[0].failing.as_ref().unwrap().since;
    assert!(standing.asked_at - since >= chrono::TimeDelta::hours(1), "{since}");
}

/// The same of settings that can't be used: the first ones, and why the last ones can't.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_says_since_when_it_goes_by_its_settings_of_before() {
    let database = ready().await;
    let ledger = live(&database).await;
    let mut since = Vec::new();
    for (words, seconds) in [("no such key", 30), ("no such host", 90)] {
        let refused_settings = Some(RefusedNow { words, since: Duration::from_secs(seconds) });
        ledger.seen_at_work("one", "1", &AtWork { refused_settings, ..AtWork::default() }).await.unwrap();
        let standing = ledger.standing(0).await.unwrap();
        let refused = standing.replicas[0].refused_settings.clone().unwrap();
        assert_eq!(refused.words, words);
        let ago = standing.asked_at - refused.since;
        assert!(ago >= chrono::TimeDelta::seconds(30) && ago < chrono::TimeDelta::seconds(90), "{ago}");
        since.push(refused.since);
    }
    assert_eq!(since[0], since[1]);
    ledger.seen_at_work("one", "1", &AtWork::default()).await.unwrap();
    assert_eq!(ledger.standing(0).await.unwrap().replicas[0].refused_settings, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_says_until_when_the_provider_asked_to_be_left_alone() {
    let database = ready().await;
    let ledger = live(&database).await;
    let quiet = Some(Duration::from_secs(40));
    ledger.seen_at_work("one", "1", &AtWork { quiet, ..AtWork::default() }).await.unwrap();
    let standing = ledger.standing(0).await.unwrap();
    let left = standing.replicas[0].quiet_until.unwrap() - standing.asked_at;
    assert!(left > chrono::TimeDelta::zero() && left <= chrono::TimeDelta::seconds(40), "{left}");
    ledger.seen_at_work("one", "1", &AtWork::default()).await.unwrap();
    assert_eq!(ledger.standing(0).await.unwrap().replicas[0].quiet_until, None);
}
