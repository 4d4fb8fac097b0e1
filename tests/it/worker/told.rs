//! What `status` and `explain` tell beside a running worker: the same as the worker does, and as `plan` says.

use chrono::{DateTime, TimeDelta, Utc};
use meetsync::demo::sample::scenes::{self, LIVE};
use meetsync::demo::standin::Failure;
use meetsync::model::SessionId;
use serde_json::{Value, json};

use super::{hurried, one, passes, until_in_step, until_nothing_is_wished};
use crate::support::running::{Running, until_true};
use crate::support::stage::Stage;

async fn status(stage: &Stage) -> (Value, String) {
    let told = stage.meetsync(&["status", "--json"]).await.json();
    (told, stage.meetsync(&["status"]).await.stdout)
}

async fn explained(stage: &Stage, session: i64, kind: &str) -> (Value, Value) {
    let told = stage.meetsync(&["explain", &session.to_string(), "--json"]).await.expect(0).json();
    let key = format!("meetecho/session/{session}/{kind}");
    let subject =
        told["subjects"].as_array().unwrap().iter().find(|subject| subject["subject"] == key).cloned();
    (told, subject.expect("it is explained"))
}

/// For as long as every pass fails, whoever asks hears so at once, and why.
#[tokio::test(flavor = "multi_thread")]
async fn status_tells_why_passes_fail() {
    let stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    stage.database.run("ALTER TABLE public.meeting_timeslot RENAME COLUMN duration TO length").await;
    let status = async || stage.meetsync(&["status", "--json"]).await.json();
    until_true("it says that passes fail", async || !status().await["failing"].is_null()).await;
    let failing = status().await["failing"].clone();
    assert!(failing["words"].as_str().unwrap().contains("meeting_timeslot.duration"), "{failing}");
    assert!(failing["passes"].as_i64().unwrap() >= 1, "{failing}");
    let text = stage.meetsync(&["status"]).await.stdout;
    assert!(text.starts_with("PASSES FAIL"), "{text}");
    let needs = &text[text.find("Needs a person").unwrap()..];
    assert!(needs.contains("meeting_timeslot.duration") && needs.contains("meetsync check"), "{text}");
    stage.database.run("ALTER TABLE public.meeting_timeslot RENAME COLUMN length TO duration").await;
    until_true("passes succeed again", async || status().await["failing"].is_null()).await;
    assert_eq!(worker.stop().await.expect(0).stderr.matches("passes succeed again").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_only_observes_says_so_and_status_does() {
    let mut stage = hurried().await;
    // Nothing is written down of what is seen for the first time, so nothing may be left to settle.
    stage.change_settings("settle = \"0s\"\n", "settle = \"60s\"\n");
    stage.change_settings("mode = \"act\"", "mode = \"observe\"");
    let worker = Running::start(&stage);
    worker.says("this worker reads, plans and records, and sends nothing until it is", 1).await;
    passes(&stage, 1).await;
    let (told, text) = status(&stage).await;
    assert_eq!(told["mode"], "observe");
    assert!(text.contains("The worker only observes"), "{text}");
    // It counts as `plan` does.
    let sums = stage.meetsync(&["plan", "--json"]).await.expect(2).json()["summary"].clone();
    assert!(sums["to_change"].as_u64().unwrap() > 12, "{sums}");
    for sum in ["to_change", "requests", "in_step", "sessions"] {
        assert_eq!(told["last_pass_summary"][sum], sums[sum], "{sum}: {told:#}");
    }
    let counted = format!(" in step, {} would be changed, none needs you.", sums["to_change"]);
    assert!(text.lines().next().unwrap().ends_with(&counted), "{text}");
    // It has not asked.
    assert!(told["provider"].is_null() && !text.contains("answers it"), "{text}");
    worker.stop().await.expect(0);
    assert_eq!(stage.standin.counts().writes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guard_refuses_needs_a_person_and_has_its_way_on() {
    let mut stage = hurried().await;
    stage.change_settings("max_creates = 50", "max_creates = 3");
    let worker = Running::start(&stage);
    worker.says("guard_too_many_creates", 1).await;
    passes(&stage, 1).await;
    let (told, text) = status(&stage).await;
    let needs = told["needs_a_person"].as_array().unwrap();
    assert_eq!((needs.len(), &needs[0]["rule"]), (1, &json!("guard_too_many_creates")), "{told:#}");
    assert_eq!(needs[0]["sessions"].as_array().unwrap().len(), 12);
    let way_on = needs[0]["way_on"].as_str().unwrap();
    assert!(way_on.contains("--session 36101 ") && way_on.ends_with("--rooms-only --force"), "{way_on}");
    assert!(text.lines().next().unwrap().ends_with("12 need you.") && text.contains(way_on), "{text}");

    // It is a command that can be copied, and does just that.
    let command = way_on.split("meetsync ").nth(1).unwrap();
    let resync = stage.meetsync(&command.split(' ').collect::<Vec<_>>()).await;
    assert!(resync.stdout.contains("12 applied"), "{resync:?}");
    passes(&stage, 2).await;
    let (told, text) = status(&stage).await;
    assert!(told["needs_a_person"] == json!([]) && text.contains("none needs you"), "{text}");
    worker.stop().await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_rejected_need_a_person() {
    let mut stage = hurried().await;
    stage.change_settings(crate::support::stage::SECRET, "wrong");
    let worker = Running::start(&stage);
    let said = "SELECT 1::text FROM meetsync.replica WHERE provider = 'credentials_rejected'";
    until_true("it is noticed", async || !stage.database.texts(said).await.is_empty()).await;
    let (told, text) = status(&stage).await;
    assert!(!text.contains("none needs you") && text.contains("1 needs you"), "{text}");
    let need = &told["needs_a_person"][0];
    assert_eq!(need["rule"], "credentials_rejected", "{told:#}");
    let way_on = need["way_on"].as_str().unwrap();
    assert!(way_on.contains("kill -HUP"), "{told:#}");
    until_true("explain says the same", async || {
        let (_, decks) = explained(&stage, LIVE.0, "decks").await;
        let detail = decks["detail"].as_str().unwrap();
        assert!(!detail.contains("does not answer"), "{detail}");
        detail.contains(way_on)
    })
    .await;
    worker.stop().await.expect(0);
}

/// One truth: held and cancelled sessions, and rooms that are left behind, are in step for neither.
#[tokio::test(flavor = "multi_thread")]
async fn status_counts_in_step_as_plan_does() {
    let mut stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    until_nothing_is_wished(&stage).await;
    worker.stop().await.expect(0);
    stage.change_settings("policy = \"full\"", "policy = \"no-delete\"");
    let room = stage.standin.rooms()[0].room.room_id;
    stage.database.run(&scenes::cancel(SessionId(room)).sql).await;
    stage.meetsync(&["hold", "36001", "--until", "2h", "--reason", "x"]).await.expect(0);
    let worker = Running::start(&stage);
    let acted = one(&stage, "SELECT clock_timestamp()::text").await;
    until_true("a pass of this worker", async || {
        let passed = format!(
            "SELECT 1::text FROM meetsync.pass WHERE as_of > '{acted}' AND who LIKE '%/{}'",
            worker.id()
        );
        !stage.database.texts(&passed).await.is_empty()
    })
    .await;
    until_in_step(&stage).await;
    let plan = stage.meetsync(&["plan", "--json"]).await.json();
    let (told, text) = status(&stage).await;
    let in_step = plan["summary"]["in_step"].as_u64().unwrap();
    assert_eq!(in_step, told["last_pass_summary"]["in_step"].as_u64().unwrap());
    let first = text.lines().next().unwrap();
    assert!(
        first.contains(&format!(" {in_step} sessions are in step, 1 is held, none needs you.")),
        "{text}"
    );
    worker.stop().await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_meetecho_is_down_nobody_is_told_a_moment() {
    let stage = hurried().await;
    stage.standin.fail_always(None, Failure::Status(503));
    let worker = Running::start(&stage);
    worker.says("the provider is down", 1).await;
    let down = "SELECT 1::text FROM meetsync.replica WHERE provider = 'down'";
    until_true("it is told", async || !stage.database.texts(down).await.is_empty()).await;
    let (told, text) = status(&stage).await;
    assert_eq!(told["provider"], "down");
    assert!(text.contains("Meetecho does not answer") && !text.contains("tried again in"), "{text}");
    assert!(text.contains("; tried again when Meetecho answers"), "{text}");
    let tried = "SELECT session::text FROM meetsync.subject WHERE kind = 'decks' AND last_error IS NOT NULL ORDER BY 1";
    let tried = stage.database.texts(tried).await.remove(0);
    until_true("it is explained between two probes", async || {
        let (_, decks) = explained(&stage, tried.parse().unwrap(), "decks").await;
        decks["next"].is_null() && decks["detail"].as_str().unwrap().contains("waits until it answers")
    })
    .await;
    worker.stop().await.expect(0);
}

/// The worker counts `rooms.settle` from when it first saw the wish. And a worker that was killed is not at work.
#[tokio::test(flavor = "multi_thread")]
async fn explain_waits_as_the_worker_does_for_as_long_as_one_is_there() {
    let mut stage = hurried().await;
    stage.change_settings("settle = \"0s\"", "settle = \"60s\"");
    let worker = Running::start(&stage);
    let first = "SELECT to_char(first_change AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM meetsync.subject
                 WHERE session = 36101 AND kind = 'room'";
    until_true("it was seen", async || !stage.database.texts(first).await.is_empty()).await;
    let first: DateTime<Utc> = one(&stage, first).await.parse().unwrap();
    let (told, room) = explained(&stage, 36101, "room").await;
    assert_eq!(
        (&told["view"], &room["answer"], &room["why"]),
        (&json!("worker"), &json!("waits"), &json!("settling"))
    );
    let next: DateTime<Utc> = room["next"].as_str().unwrap().parse().unwrap();
    assert_eq!(next, first + TimeDelta::seconds(60));
    let (_, text) = status(&stage).await;
    assert!(text.contains("session 36101 room: left to the datatracker's own call until "), "{text}");

    let name = format!("/{}", worker.id());
    worker.kill().await;
    assert!(status(&stage).await.1.contains("At work\n  run@"), "it was seen lately");
    stage.database.run("UPDATE meetsync.replica SET seen = seen - interval '10 seconds'").await;
    let (_, text) = status(&stage).await;
    let gone = &text[text.find("Gone without a word").unwrap_or_else(|| panic!("{text}"))..];
    assert!(gone.lines().nth(1).unwrap().contains(&name) && !text.contains("(version "), "{text}");
    assert!(!text.contains(&format!("{name} works on")), "{text}");
    let (told, room) = explained(&stage, 36101, "room").await;
    assert_eq!((&told["view"], &room["answer"]), (&json!("resync"), &json!("will_send")), "{room:#}");
}
