//! A one-shot that is asked to stop in the middle: Ctrl-C, or a polite kill.

use std::time::{Duration, Instant};

use meetsync::demo::sample::scenes;
use meetsync::demo::standin::{Failure, Standin};
use meetsync::provider::meetecho::Call;

use crate::support::running::Running;
use crate::support::stage::Stage;

const NOTHING: [&str; 0] = [];
const LEASES: &str = "SELECT session || ' ' || owner FROM meetsync.lease";
const IN_DOUBT: &str = "SELECT key FROM meetsync.subject WHERE state = 'in_doubt'";

const PUSH: [&str; 3] = ["push", "36001", "36003"];

/// Waits until so many lists of slides are asked for.
async fn asked(stage: &Stage, times: usize) {
    let asked = |standin: &Standin| {
        standin.log().iter().filter(|entry| entry.call == Some(Call::SetDecks)).count() >= times
    };
    tokio::time::timeout(Duration::from_secs(20), stage.standin.until(asked)).await.expect("it asks");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_under_way_comes_to_its_end_and_no_other_is_begun() {
    let commands: [(&[&str], &str); 2] = [
        (&["resync", "--slides-only"], "INT"),
        (&["push", "--meeting", "127", "--reason", "a test"], "TERM"),
    ];
    for (command, signal) in commands {
        let mut stage = Stage::with_week().await;
        stage.change_settings("rate = 0\n", "rate = 0\nmax_in_flight = 1\n");
        stage.standin.set_latency(Duration::from_millis(400));
        let running = Running::of(&stage, command);
        asked(&stage, 1).await;
        running.signal(signal);
        let ended = running.ended().await.expect(4);
        assert!(ended.stderr.contains("asked to stop: it begins nothing new"), "{}", ended.stderr);
        let last = ended.stderr.lines().last().unwrap().to_owned();
        assert!(last.starts_with("meetsync: stopped before it was through: "), "{}", ended.stderr);
        assert!(
            last.contains(" not done; the same command goes on") && !last.contains("not known"),
            "{last}"
        );
        let sent = stage.standin.log().iter().filter(|entry| entry.status == Some(202)).count();
        assert!(last.contains(&format!(": {sent} of ")), "{sent}: {last}");
        assert_eq!(stage.database.texts(LEASES).await, NOTHING, "{}", ended.stderr);
        assert_eq!(stage.database.texts(IN_DOUBT).await, NOTHING, "{}", ended.stderr);
        stage.standin.heal();
        stage.resync_until_done().await;
        stage.expect_in_step().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_to_stop_and_is_done_by_then_is_done() {
    let stage = Stage::with_week().await;
    stage.standin.set_latency(Duration::from_millis(400));
    let running = Running::of(&stage, &PUSH);
    asked(&stage, 2).await;
    running.signal("INT");
    let ended = running.ended().await.expect(0);
    assert!(ended.stderr.contains("asked to stop, but everything was done by then"), "{}", ended.stderr);
    assert_eq!(stage.database.texts(LEASES).await, NOTHING, "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_longer_than_its_grace_is_in_doubt_and_told() {
    let mut stage = Stage::with_week().await;
    stage.add_settings("[shutdown]\ngrace = \"1s\"\n");
    stage.change_settings("rate = 0\n", "rate = 0\nrequest_timeout = \"25s\"\n");
    stage.standin.fail_always(Some(Call::SetDecks), Failure::Hang);
    let running = Running::of(&stage, &PUSH);
    asked(&stage, 2).await;
    let begun = Instant::now();
    running.signal("TERM");
    let ended = running.ended().await.expect(4);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let told = "stopped before it was through: 0 of 2 done, of 2 it is not known what Meetecho made of it, 0 not done";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
    assert_eq!(stage.database.texts(LEASES).await, NOTHING, "{}", ended.stderr);
    assert_eq!(stage.database.texts(IN_DOUBT).await.len(), 2, "{}", ended.stderr);
    stage.standin.heal();
    stage.meetsync(&PUSH).await.expect(0);
    assert_eq!(stage.standin.sessions_with_decks(), [scenes::LIVE, scenes::LIVE_TOO]);
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_twice_it_ends_at_once() {
    let mut stage = Stage::with_week().await;
    stage.change_settings("rate = 0\n", "rate = 0\nrequest_timeout = \"25s\"\n");
    stage.standin.fail_always(Some(Call::SetDecks), Failure::Hang);
    let running = Running::of(&stage, &PUSH);
    asked(&stage, 2).await;
    running.signal("INT");
    running.says("asked to stop", 1).await;
    let begun = Instant::now();
    running.signal("INT");
    let ended = running.ended().await.expect(4);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(
        ended.stderr.contains("ended at once: 0 of 2 done; what was under way is in doubt"),
        "{}",
        ended.stderr
    );
    assert_eq!(stage.database.texts(IN_DOUBT).await.len(), 2, "the mark was there before the request");
}

/// Nobody who waits for others, or for the time of a doubt to be over, is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_only_waits_stops_at_once() {
    let stage = Stage::with_week().await;
    stage
        .database
        .run(
            "INSERT INTO meetsync.lease (session, provider, owner, token, until)
             VALUES (36001, 'meetecho', 'somebody', gen_random_uuid(), clock_timestamp() + interval '10 minutes')",
        )
        .await;
    let running = Running::of(&stage, &["push", "36001"]);
    running.says("somebody works on session 36001; waiting for it", 1).await;
    let begun = Instant::now();
    running.signal("TERM");
    let ended = running.ended().await.expect(4);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(ended.stderr.contains("0 of 1 done, 1 not done"), "{}", ended.stderr);
}
