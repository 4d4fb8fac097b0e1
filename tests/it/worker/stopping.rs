//! How it ends.

use std::time::{Duration, Instant};

use meetsync::demo::sample::scenes;
use meetsync::demo::standin::{Failure, Standin};
use meetsync::provider::meetecho::Call;
use serde_json::{Value, json};

use super::{NOTHING, UNSETTLED, hurried, shows, until, until_in_step};
use crate::support::running::{Running, until_true};
use crate::support::stage::Stage;

const ALL_LEASES: &str = "SELECT session || ' ' || owner FROM meetsync.lease";

const IN_DOUBT: &str = "SELECT key FROM meetsync.subject WHERE state = 'in_doubt'";

const IN_JSON: [(&str, &str); 1] = [("MEETSYNC__LOG__FORMAT", "json")];

/// Every line is JSON, and the last one tells of the end.
fn last_event(stderr: &str) -> Value {
    let lines: Vec<Value> = stderr.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let mut fields = lines.last().expect("it said something")["fields"].clone();
    let message = fields.as_object_mut().and_then(|fields| fields.remove("message")).expect(stderr);
    assert!(message.as_str().is_some_and(|message| message.starts_with("stopped")), "{stderr}");
    fields
}

/// A worker in the middle of a request about the live session.
async fn in_mid_request(stage: &Stage) -> Running {
    let worker = Running::start_with(stage, &IN_JSON);
    until_in_step(stage).await;
    let before = stage.requests();
    stage.database.run(&scenes::add_deck(scenes::LIVE, "Under way").sql).await;
    let asked = |standin: &Standin| {
        standin.log()[before..]
            .iter()
            .any(|entry| entry.session() == Some(scenes::LIVE) && entry.ended.is_none())
    };
    // Looked at first when it comes in, and then with each change of the stand-in's.
    until(stage, "a request is under way", asked).await;
    worker
}

/// A worker whose request is never answered.
async fn in_a_request_that_hangs(stage: &Stage) -> Running {
    let worker = Running::start_with(stage, &IN_JSON);
    until_in_step(stage).await;
    stage.standin.fail_always(Some(Call::SetDecks), Failure::Hang);
    let before = stage.requests();
    stage.database.run(&scenes::add_deck(scenes::LIVE, "Under way").sql).await;
    until(stage, "its request hangs", |standin| {
        standin.log()[before..].iter().any(|entry| entry.call == Some(Call::SetDecks))
    })
    .await;
    worker
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_comes_to_its_end() {
    let stage = hurried().await;
    stage.standin.set_latency(Duration::from_millis(300));
    let worker = in_mid_request(&stage).await;
    let ended = worker.stop().await.expect(0);
    assert_eq!(last_event(&ended.stderr), json!({"how": "drained", "drained": 1, "cut_off": 0}));
    assert!(shows(&stage.standin, scenes::LIVE, "Under way"));
    assert_eq!(stage.database.texts(ALL_LEASES).await, NOTHING, "{}", ended.stderr);
    assert_eq!(stage.database.texts(UNSETTLED).await, NOTHING, "{}", ended.stderr);
    assert_eq!(stage.database.texts("SELECT name FROM meetsync.replica").await, NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_longer_than_its_grace_is_left_in_doubt() {
    let mut stage = hurried().await;
    stage.add_settings("[shutdown]\ngrace = \"1s\"\n");
    // Longer than grace and last words together.
    stage.change_settings("rate = 0\n", "rate = 0\nrequest_timeout = \"6.5s\"\n");
    let worker = in_a_request_that_hangs(&stage).await;
    let begun = Instant::now();
    let ended = worker.stop().await.expect(0);
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert!(begun.elapsed() > Duration::from_secs(1), "it had its grace");
    assert_eq!(last_event(&ended.stderr), json!({"how": "after shutdown.grace", "drained": 0, "cut_off": 1}));
    assert_eq!(stage.database.texts(ALL_LEASES).await, NOTHING, "{}", ended.stderr);
    assert_eq!(stage.database.texts(IN_DOUBT).await.len(), 1, "{}", ended.stderr);
    // The next one makes it right.
    stage.standin.heal();
    let next = Running::start(&stage);
    until_in_step(&stage).await;
    next.stop().await.expect(0);
    stage.expect_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_twice_it_ends_at_once() {
    let stage = hurried().await;
    let worker = in_a_request_that_hangs(&stage).await;
    worker.signal("INT");
    worker.says("asked to stop", 1).await;
    let begun = Instant::now();
    let ended = worker.stop().await.expect(4);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(last_event(&ended.stderr), json!({"how": "at once", "drained": 0, "cut_off": 1}));
    assert_eq!(stage.database.texts(IN_DOUBT).await.len(), 1, "the mark was there before the request");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_while_it_waits_for_its_database() {
    let mut stage = hurried().await;
    let url = stage.database.url();
    stage.change_settings(&url, "postgres:///nothing?host=/nowhere&user=postgres");
    let worker = Running::start(&stage);
    worker.says("can't begin yet", 2).await;
    let ended = worker.stop().await.expect(0);
    assert!(ended.stderr.trim_end().ends_with("stopped how=\"before it had begun\" drained=0 cut_off=0"));
}

/// The ledger keeps the worker from saying that it goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_hangs_does_not_hold_up_the_end() {
    for (signals, status, most) in [(1, 0, 8), (2, 0, 2)] {
        let stage = hurried().await;
        let worker = Running::start(&stage);
        until_in_step(&stage).await;
        let locked = "SELECT 1::text FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted
                      AND relation = 'meetsync.replica'::regclass";
        let ends = async {
            until_true("the table is locked", async || !stage.database.texts(locked).await.is_empty()).await;
            let begun = Instant::now();
            worker.signal("TERM");
            worker.says("asked to stop", 1).await;
            if signals == 2 {
                worker.signal("TERM");
            }
            worker.ended().await.expect(status);
            assert!(begun.elapsed() < Duration::from_secs(most), "{signals}: {:?}", begun.elapsed());
        };
        tokio::select! {
            () = ends => {}
            () = stage.database.run("BEGIN; LOCK TABLE meetsync.replica; SELECT pg_sleep(60)") => panic!("too late"),
        }
    }
}
