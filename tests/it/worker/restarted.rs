//! A worker that begins anew in the middle of an outage, while people wait for their slides.
//!
//! What the one before it had to wait for says nothing to the new one: it asks at once, and then every two seconds. A
//! subject that failed often while nobody waited for it has waits of half a minute behind it; here its row says so.

use std::time::Duration;

use meetsync::demo::sample::scenes::{self, LIVE};
use meetsync::demo::standin::{Failure, LogEntry, Standin};

use super::{hurried, one, shows, until, until_in_step, until_nothing_is_wished};
use crate::support::running::{Running, until_true};
use crate::support::stage::Stage;

const TITLE: &str = "In the middle of an outage";

/// So many requests, for a provider that is found to be down after three, and is probed from then on.
const ASKED: usize = 7;

/// They are 2.5 s apart at most, and a busy machine may take its time. The next back-off of the row is 22 s at least.
const APART: Duration = Duration::from_secs(10);

/// A worker that has nothing to do about rooms any more, nor to look at them: so that only the slides that are waited for
/// find out how the provider is.
async fn done_with_rooms() -> (Stage, Running) {
    let mut stage = hurried().await;
    stage.change_settings("rate = 0\n", "rate = 0\nrequest_timeout = \"1s\"\n");
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    let swept = "SELECT job FROM meetsync.tick WHERE job = 'room_sweep' AND done_at IS NOT NULL";
    until_true("it is swept", async || !stage.database.texts(swept).await.is_empty()).await;
    until_nothing_is_wished(&stage).await;
    (stage, worker)
}

/// As after many failures: a back-off that is longer than the test has patience.
async fn has_failed_often(stage: &Stage) {
    let row = format!("FROM meetsync.subject WHERE session = {LIVE} AND kind = 'decks'");
    let failed = format!("SELECT (attempts >= 1 AND doubt_since IS NOT NULL)::text {row}");
    assert_eq!(one(stage, &failed).await, "true");
    let later = "attempts = 9, due_at = clock_timestamp() + interval '59 seconds'";
    let set = row.replace("FROM", "UPDATE").replace("WHERE", &format!("SET {later} WHERE"));
    stage.database.run(&set).await;
}

async fn is_asked_all_the_time(stage: &Stage, before: usize) {
    let asked = |standin: &Standin, count: usize| standin.log().len() >= before + count;
    until(stage, "it is asked again", |standin| asked(standin, 1)).await;
    until(stage, "and again", |standin| asked(standin, ASKED)).await;
    let log: Vec<LogEntry> = stage.standin.log().split_off(before);
    for pair in log.windows(2) {
        let apart = pair[1].began.saturating_sub(pair[0].began);
        assert!(apart < APART, "{apart:?}: {pair:#?}");
    }
}

async fn until_it_is_over(stage: &Stage, worker: Running) {
    stage.standin.heal();
    until(stage, "the slides are there", |standin| shows(standin, LIVE, TITLE)).await;
    until_in_step(stage).await;
    worker.stop().await.expect(0);
}

/// It is killed while a request waits for its answer: until the lease is over the session is nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_in_mid_outage_the_provider_is_asked_all_the_time() {
    let (stage, worker) = done_with_rooms().await;
    stage.standin.fail_always(None, Failure::Hang);
    stage.database.run(&scenes::add_deck(LIVE, TITLE).sql).await;
    worker.says("provider_down", 2).await;
    let is_waiting = |standin: &Standin| standin.log().last().is_some_and(|last| last.ended.is_none());
    until(&stage, "a request is not answered", is_waiting).await;
    worker.kill().await;
    has_failed_often(&stage).await;
    let before = stage.requests();
    let worker = Running::start(&stage);
    is_asked_all_the_time(&stage, before).await;
    until_it_is_over(&stage, worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_in_mid_outage_the_provider_is_asked_all_the_time() {
    let (stage, worker) = done_with_rooms().await;
    stage.standin.fail_always(None, Failure::Status(503));
    stage.database.run(&scenes::add_deck(LIVE, TITLE).sql).await;
    worker.says("provider_down", 2).await;
    worker.stop().await.expect(0);
    has_failed_often(&stage).await;
    let before = stage.requests();
    let worker = Running::start(&stage);
    is_asked_all_the_time(&stage, before).await;
    until_it_is_over(&stage, worker).await;
}
