//! How it ends, and how it reads its settings again.

use std::time::{Duration, Instant};

use meetsync::demo::sample::scenes;
use meetsync::demo::standin::{Failure, Standin};
use meetsync::provider::meetecho::Call;
use secrecy::SecretString;

use super::{NOTHING, UNSETTLED, hurried, shows, until, until_in_step};
use crate::support::running::Running;
use crate::support::stage::{SECRET, Stage};

const ALL_LEASES: &str = "SELECT session || ' ' || owner FROM meetsync.lease";

/// A worker in the middle of a request about the live session.
async fn in_mid_request(stage: &Stage) -> Running {
    let worker = Running::start(stage);
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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_comes_to_its_end() {
    let stage = hurried().await;
    stage.standin.set_latency(Duration::from_millis(300));
    let worker = in_mid_request(&stage).await;
    let ended = worker.stop().await.expect(0);
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
    stage.change_settings("rate = 0\n", "rate = 0\nrequest_timeout = \"8s\"\n");
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    stage.standin.fail_always(Some(Call::SetDecks), Failure::Hang);
    let before = stage.requests();
    stage.database.run(&scenes::add_deck(scenes::LIVE, "Under way").sql).await;
    until(&stage, "a request hangs", |standin| standin.log().len() > before).await;
    let begun = Instant::now();
    let ended = worker.stop().await.expect(0);
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert!(begun.elapsed() > Duration::from_secs(1), "it had its grace");
    assert!(ended.stderr.contains("in doubt"), "{}", ended.stderr);
    assert_eq!(stage.database.texts(ALL_LEASES).await, NOTHING, "{}", ended.stderr);
    let doubt = "SELECT key FROM meetsync.subject WHERE state = 'in_doubt'";
    assert_eq!(stage.database.texts(doubt).await.len(), 1, "{}", ended.stderr);
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
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    stage.standin.fail_always(Some(Call::SetDecks), Failure::Hang);
    let before = stage.requests();
    stage.database.run(&scenes::add_deck(scenes::LIVE, "Under way").sql).await;
    until(&stage, "a request hangs", |standin| standin.log().len() > before).await;
    worker.signal("INT");
    worker.says("asked to stop", 1).await;
    let begun = Instant::now();
    worker.stop().await.expect(1);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let doubt = "SELECT key FROM meetsync.subject WHERE state = 'in_doubt'";
    assert_eq!(stage.database.texts(doubt).await.len(), 1, "the mark was there before the request");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_while_it_waits_for_its_database() {
    let mut stage = hurried().await;
    let url = stage.database.url();
    stage.change_settings(&url, "postgres:///nothing?host=/nowhere&user=postgres");
    let worker = Running::start(&stage);
    worker.says("can't begin yet", 2).await;
    worker.stop().await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_secret_counts_from_the_next_hangup() {
    let mut stage = hurried().await;
    let file = stage.path().join("secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    stage.change_settings(&format!("client_secret = \"{SECRET}\""), "client_secret_file = \"secret\"");
    let worker = Running::start(&stage);
    until_in_step(&stage).await;

    stage.standin.set_client_secret(SecretString::from("another-canary"));
    stage.standin.reject_tokens();
    stage.database.run(&scenes::add_deck(scenes::LIVE, "With the old one").sql).await;
    worker.says("outcome=\"refused\"", 1).await;
    assert!(!shows(&stage.standin, scenes::LIVE, "With the old one"));
    std::fs::write(&file, "another-canary\n").unwrap();
    worker.signal("HUP");
    stage.database.run(&scenes::add_deck(scenes::LIVE_TOO, "With the new one").sql).await;
    until(&stage, "the new secret is used", |standin| shows(standin, scenes::LIVE_TOO, "With the new one"))
        .await;
    let ended = worker.stop().await.expect(0);
    assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
}

/// Whoever makes a mistake in the settings of a worker that runs must not end it.
#[tokio::test(flavor = "multi_thread")]
async fn settings_that_can_not_be_used_change_nothing() {
    let mut stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    stage.change_settings("poll = \"200ms\"", "poll = \"often\"");
    worker.signal("HUP");
    worker.says("can't be read again", 1).await;
    stage.database.run(&scenes::add_deck(scenes::LIVE, "One").sql).await;
    until(&stage, "it goes on", |standin| shows(standin, scenes::LIVE, "One")).await;

    stage.change_settings("poll = \"often\"", "poll = \"300ms\"");
    let (name, wrong) = (stage.database.url(), stage.database.url_as("nobody_here"));
    stage.change_settings(&name, &wrong);
    worker.signal("HUP");
    worker.says("asked to read the settings again", 2).await;
    stage.database.run(&scenes::add_deck(scenes::LIVE, "Two").sql).await;
    until(&stage, "it goes on with what it had", |standin| shows(standin, scenes::LIVE, "Two")).await;
    worker.stop().await.expect(0);
}
