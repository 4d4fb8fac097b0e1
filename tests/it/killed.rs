//! A resync that is killed in the middle, and two at once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use meetsync::demo::standin::Standin;
use meetsync::provider::meetecho::Call;

use crate::support::stage::Stage;

/// How often each room's creation was answered with a room.
fn creations(stage: &Stage) -> BTreeMap<i64, usize> {
    let mut made = BTreeMap::new();
    for entry in stage.standin.log() {
        if entry.call == Some(Call::CreateRoom) && entry.status == Some(200) {
            *made.entry(entry.body.unwrap()["room_id"].as_i64().unwrap()).or_default() += 1;
        }
    }
    made
}

async fn kill_at(stage: &Stage, requests: usize) {
    stage.standin.set_latency(Duration::from_millis(60));
    let mut running = stage.command(&["resync", "--json"]).spawn().unwrap();
    tokio::time::timeout(
        Duration::from_secs(20),
        stage.standin.until(|standin| standin.log().len() >= requests),
    )
    .await
    .expect("so many requests come");
    running.kill().await.unwrap();
    stage.standin.heal();
}

async fn short_of_patience() -> Stage {
    let mut stage = Stage::with_week().await;
    stage.change_settings("rate = 0\n", "rate = 0\nlate_effect = \"1s\"\n");
    stage.add_settings("[ledger]\nlease = \"10s\"\n");
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_request_it_ends_right_when_it_is_run_again() {
    let moments = [1, 2, 5, 10, 12, 13, 14, 16, 19, 23, 28, 36, 45];
    stream::iter(moments)
        .for_each_concurrent(4, |requests| async move {
            let stage = short_of_patience().await;
            kill_at(&stage, requests).await;
            // As if the leases of the dead had run out: the other test waits for them.
            stage.database.run("UPDATE meetsync.lease SET until = clock_timestamp()").await;
            stage.resync_until_done().await;
            stage.expect_in_step().await;
            for (room, times) in creations(&stage) {
                assert_eq!(times, 1, "room {room}, killed at request {requests}");
            }
            let again = stage.resync_until_done().await.json();
            assert_eq!(again["changes"].as_array().unwrap().len(), confirming(&again), "{again:#}");
        })
        .await;
}

/// Changes that only confirm.
fn confirming(plan: &serde_json::Value) -> usize {
    let changes = plan["changes"].as_array().unwrap();
    changes.iter().filter(|change| change["reason"].as_str().unwrap().starts_with("confirming")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leases_of_a_killed_process_are_waited_for() {
    let mut stage = short_of_patience().await;
    stage.change_settings("late_effect = \"1s\"", "late_effect = \"8s\"");
    kill_at(&stage, 20).await;
    let leases = stage.database.texts("SELECT session FROM meetsync.lease").await;
    assert!(!leases.is_empty(), "it was in the middle");
    // Of 23 sessions no more than twice max_in_flight are under way at once.
    let free = 23 - 8;
    let begun = Instant::now();
    let done = |standin: &Standin| standin.sessions_with_decks().len() + standin.rooms().len() >= free;
    let others = async {
        stage.standin.until(done).await;
        begun.elapsed()
    };
    let (ended, others) = tokio::join!(stage.meetsync(&["resync", "--json"]), others);
    assert!(others < Duration::from_secs(5), "nobody waits for another's lease: {others:?}");
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    // A room that the dead process may have asked for can still come late: that is waited for too.
    assert_eq!(ended.status, 0, "{:#}", ended.json()["results"]);
    stage.expect_in_step().await;
    assert_eq!(stage.database.texts("SELECT session FROM meetsync.lease").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_do_each_change_once() {
    let stage = short_of_patience().await;
    let plan = stage.meetsync(&["plan", "--json"]).await.expect(2).json();
    stage.standin.set_latency(Duration::from_millis(60));
    let resync = ["resync", "--json"];
    let (one, other) = tokio::join!(stage.meetsync(&resync), stage.meetsync(&resync));
    stage.standin.heal();
    assert_eq!((one.status, other.status), (0, 0), "{}\n{}", one.stderr, other.stderr);
    stage.expect_in_step().await;
    assert_eq!(
        stage.standin.counts().writes(),
        usize::try_from(plan["summary"]["requests"].as_u64().unwrap()).unwrap()
    );
    assert!(creations(&stage).values().all(|times| *times == 1));
    let again = stage.meetsync(&resync).await.expect(0).json();
    assert_eq!(again["changes"], serde_json::json!([]), "{again:#}");
}
