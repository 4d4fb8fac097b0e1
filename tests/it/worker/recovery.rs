//! How a worker notices that Meetecho is back, and what it tells until then.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use meetsync::demo::sample::scenes::{self, LIVE, LIVE_TOO};
use meetsync::demo::standin::Failure;
use meetsync::provider::meetecho::Call;

use super::{how_many, hurried, one, shows, until, until_in_step};
use crate::support::running::{Running, until_none, until_true};
use crate::support::stage::Stage;

async fn text_of_status(stage: &Stage) -> String {
    stage.meetsync(&["status"]).await.stdout
}

/// A sweep looks at several groups. While it is not known whether Meetecho answers, one of them is enough to tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_many_groups_tells_that_meetecho_is_back_with_its_first_answer() {
    let mut stage = hurried().await;
    stage.change_settings("policy = \"full\"\n", "policy = \"full\"\nsweep = \"* * * * * *\"\n");
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    stage.standin.fail_always(None, Failure::Status(503));
    worker.says("the provider is down", 1).await;
    let before = stage.requests();
    stage.standin.heal();
    stage.standin.set_latency(Duration::from_millis(700));
    worker.says("the provider is back", 1).await;
    let log = stage.standin.log();
    let calls: Vec<_> = log[before..].iter().filter_map(|entry| entry.call).collect();
    // Another one may have begun since it is back.
    assert!((1..=2).contains(&how_many(&calls, Call::FetchRooms)), "{calls:?}");
}

/// Whoever looks at the status page in the night must not go and look for an outage that is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_nothing_left_to_send_notices_that_meetecho_is_back() {
    let mut stage = hurried().await;
    // A sweep that is not over looks at rooms, and would notice.
    stage.change_settings("policy = \"full\"", "policy = \"observe\"");
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    let swept = "SELECT job FROM meetsync.tick WHERE job = 'room_sweep' AND done_at IS NOT NULL";
    until_true("it is swept", async || !stage.database.texts(swept).await.is_empty()).await;
    let place = u32::try_from(stage.standin.decks_of(LIVE).len() + 1).unwrap();
    stage.standin.go_away();
    stage.database.run(&scenes::add_deck(LIVE, "A mistake").sql).await;
    worker.says("the provider is down", 1).await;
    stage.database.run(&scenes::remove_deck(LIVE, place).sql).await;
    let open = "SELECT key FROM meetsync.subject WHERE first_change IS NOT NULL OR doubt_since IS NOT NULL";
    until_none("there is something to send", async || stage.database.texts(open).await).await;
    until_true("it is told", async || text_of_status(&stage).await.contains("Meetecho does not answer"))
        .await;

    stage.standin.come_back();
    worker.says("the provider is back", 1).await;
    until_true("it is told", async || !text_of_status(&stage).await.contains("does not answer")).await;
    assert!(!shows(&stage.standin, LIVE, "A mistake"));
    // And then it leaves Meetecho alone.
    let asked = stage.requests();
    super::passes(&stage, 10).await;
    assert_eq!(stage.requests(), asked);
}

/// Meetecho asked to be left alone: that is when the slides come, and nobody is told that they come now.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_meetecho_asked_for_is_told() {
    let stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    let pause = Duration::from_mins(1);
    let failure = Failure::TooMany { retry_after: pause.as_secs() };
    stage.standin.fail_next(Some(Call::SetDecks), 1, failure);
    // It is over no sooner than so long after this, and no back-off after a first failure is half as long.
    let asked_at = one(
        &stage,
        "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    )
    .await;
    let asked_at: DateTime<Utc> = asked_at.parse().unwrap();
    let is_the_pause = |until: DateTime<Utc>| until > asked_at + pause / 2;
    stage.database.run(&scenes::add_deck(LIVE, "Too much").sql).await;
    worker.says("429", 1).await;
    until(&stage, "it was asked", |standin| standin.log().iter().any(|entry| entry.status == Some(429)))
        .await;

    let moment = |value: &serde_json::Value| -> DateTime<Utc> {
        value.as_str().unwrap_or_else(|| panic!("{value}")).parse().unwrap()
    };
    let status = stage.meetsync(&["status", "--json"]).await.json();
    let retrying = &status["retrying"][0];
    assert!(is_the_pause(moment(&retrying["not_before"])), "{retrying}");
    assert!(text_of_status(&stage).await.contains("; tried again in "));
    let explained = stage.meetsync(&["explain", &LIVE.to_string(), "--json"]).await.json();
    let decks = &explained["subjects"][0];
    // It waits for both, which are over at one moment: the later of them is told, by the fraction of a second.
    let why = decks["why"].as_str().unwrap();
    assert!(decks["answer"] == "waits" && ["retry_wait", "rate_limited"].contains(&why), "{decks}");
    assert!(is_the_pause(moment(&decks["next"])), "{decks}");

    // One that was edited meanwhile, and has tried nothing itself.
    let asked = stage.requests();
    stage.database.run(&scenes::add_deck(LIVE_TOO, "Meanwhile").sql).await;
    let wished =
        format!("SELECT 1::text FROM meetsync.subject WHERE session = {LIVE_TOO} AND state = 'waiting'");
    until_true("it is wished", async || !stage.database.texts(&wished).await.is_empty()).await;
    let is_told = async || !stage.meetsync(&["status", "--json"]).await.json()["quiet_until"].is_null();
    until_true("the pause is told", is_told).await;
    let until = moment(&stage.meetsync(&["status", "--json"]).await.json()["quiet_until"]);
    let explained = stage.meetsync(&["explain", &LIVE_TOO.to_string(), "--json"]).await.json();
    let decks = &explained["subjects"][0];
    assert_eq!((&decks["answer"], &decks["why"]), (&"waits".into(), &"rate_limited".into()), "{decks}");
    assert!((moment(&decks["next"]) - until).abs() < TimeDelta::seconds(1), "{decks}");
    assert!(is_the_pause(until), "{until}");
    let text = text_of_status(&stage).await;
    assert!(text.contains(" to leave it alone until "), "{text}");
    assert_eq!(stage.requests(), asked, "nothing was sent before that");
    drop(worker);
}

/// Nothing of it is on its way, and whoever reads that it is in doubt must not think so.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_done_in_part_is_told_as_that() {
    let stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    // A deck that goes is a DELETE, and then the list.
    stage.standin.fail_next(Some(Call::SetDecks), 1, Failure::TooMany { retry_after: 40 });
    stage.database.run(&scenes::remove_deck(LIVE, 1).sql).await;
    worker.says("429", 1).await;
    let failed =
        format!("SELECT last_error FROM meetsync.subject WHERE session = {LIVE} AND state = 'in_doubt'");
    until_true("it is told", async || !stage.database.texts(&failed).await.is_empty()).await;
    let parts = [
        "done in part: 1 request was accepted",
        "nothing of it is on its way; the next try sends the whole list",
    ];
    let text = text_of_status(&stage).await;
    let line = text.lines().find(|line| line.contains("in doubt since")).unwrap_or_else(|| panic!("{text}"));
    assert!(parts.iter().all(|part| line.contains(part)) && line.contains("; tried again in "), "{line}");
    let told = stage.meetsync(&["explain", &LIVE.to_string()]).await.expect(0).stdout;
    let line = told
        .lines()
        .find(|line| line.starts_with("decks: in doubt, next "))
        .unwrap_or_else(|| panic!("{told}"));
    assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    assert!(line.ends_with("; then: delete_deck, replace_decks, 2 requests"), "{line}");
    drop(worker);
}
