//! What a window closes on: what could not be sent before is told, and a push is a way on that leads somewhere.

use std::time::{Duration, Instant};

use meetsync::demo::sample::scenes;
use meetsync::model::SessionId;
use serde_json::Value;

use super::{hurried, passes, shows, until, until_in_step};
use crate::support::running::{PATIENCE, Running, until_true};
use crate::support::stage::Stage;

fn closes_in(session: SessionId, from_now: &str) -> String {
    format!(
        "UPDATE public.meeting_timeslot SET time = clock_timestamp() - interval '15 min' - duration + interval '{from_now}'
         WHERE id = {session} + 10000"
    )
}

/// Waits until the session's window has closed, by the clock that counts.
async fn until_closed(stage: &Stage, session: SessionId) {
    let closed = format!(
        "SELECT 1::text FROM public.meeting_timeslot
         WHERE id = {session} + 10000 AND clock_timestamp() > time + duration + interval '15 min'"
    );
    until_true("the window has closed", async || !stage.database.texts(&closed).await.is_empty()).await;
}

async fn told(stage: &Stage) -> Vec<String> {
    let status = stage.meetsync(&["status", "--json"]).await.json();
    let closed = status["window_closed"].as_array().expect("a list").iter();
    closed.map(|entry| entry["subject"].as_str().expect("a subject").to_owned()).collect()
}

fn reason_of(plan: &Value, session: SessionId) -> Option<String> {
    let subject = format!("meetecho/session/{session}/decks");
    let wait = plan["waits"].as_array().expect("a list").iter().find(|wait| wait["subject"] == *subject)?;
    wait["reason"].as_str().map(str::to_owned)
}

fn decks(session: SessionId) -> String {
    format!("meetecho/session/{session}/decks")
}

/// A hold stood in the way of one, a guard of another; the third was sent, and edited after the close.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_hold_or_a_guard_kept_until_the_window_closed_is_told_and_what_came_later_is_not() {
    let mut stage = hurried().await;
    stage.change_settings("[guard]\n", "[guard]\nmax_sessions = 0\n");
    let (held, sent, guarded) = (scenes::LIVE, scenes::LIVE_TOO, SessionId(36004));
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    for session in [held, sent, guarded] {
        stage.database.run(&closes_in(session, "12 s")).await;
    }
    let stops = format!(
        "INSERT INTO meetsync.hold (session, until, by_whom, reason, since)
         VALUES ({held}, clock_timestamp() + interval '1 h', 'somebody', 'a trial', clock_timestamp())"
    );
    stage.database.run(&stops).await;
    stage.database.run(&scenes::add_deck(held, "Held").sql).await;
    stage.database.run(&scenes::add_deck(sent, "In time").sql).await;
    let shown = stage.standin.decks_of(guarded);
    let all_gone = format!("DELETE FROM public.meeting_session_materials WHERE session_id = {guarded}");
    stage.database.run(&all_gone).await;
    worker.says("guard_too_many_deletes", 1).await;
    until(&stage, "what is not held", |standin| shows(standin, sent, "In time")).await;
    assert_eq!(told(&stage).await, Vec::<String>::new(), "the windows are open");
    until_closed(&stage, held).await;
    until_closed(&stage, guarded).await;
    passes(&stage, 2).await;
    stage.database.run(&scenes::add_deck(sent, "Much later").sql).await;
    passes(&stage, 3).await;
    assert_eq!(told(&stage).await, [decks(held), decks(guarded)], "{}", worker.said());
    assert_eq!(stage.standin.decks_of(guarded), shown);
    let plan = stage.meetsync(&["plan", "--json"]).await.expect(0).json();
    assert_eq!(reason_of(&plan, held).as_deref(), Some("window_closed_unsent"));
    assert_eq!(reason_of(&plan, guarded).as_deref(), Some("window_closed_unsent"));
    assert_eq!(reason_of(&plan, sent).as_deref(), Some("outside_window"));
    assert_eq!(
        worker.said().matches("the window closed before this was sent").count(),
        2,
        "{}",
        worker.said()
    );
    let explained = stage.meetsync(&["explain", &held.to_string()]).await.stdout;
    let words = format!(
        "the window closed before these slides were sent; needs a person; if they still matter: meetsync push {held} --reason TEXT"
    );
    assert!(explained.contains(&words), "{explained}");

    stage.meetsync(&["push", &held.to_string(), "--reason", "for the recording"]).await.expect(0);
    assert!(shows(&stage.standin, held, "Held"));
    passes(&stage, 3).await;
    assert_eq!(told(&stage).await, [decks(guarded)]);
    // The guard stands in the way of a push, too, and says how to go on.
    let id = guarded.to_string();
    let push = ["push", "--session", &id, "--reason", "they were withdrawn"];
    let stopped = stage.meetsync(&push).await.expect(3);
    let way_on = format!("MEETSYNC__GUARD__MAX_SESSIONS=1 meetsync push --session {guarded} --reason TEXT");
    assert!(stopped.stdout.contains(&way_on), "{stopped:?}");
    stage.meetsync_with(&push, &[("MEETSYNC__GUARD__MAX_SESSIONS", "1")]).await.expect(0);
    assert_eq!(stage.standin.decks_of(guarded), []);
    passes(&stage, 3).await;
    assert_eq!(told(&stage).await, Vec::<String>::new());
    worker.stop().await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_edited_while_no_worker_ran_is_told_by_the_next_one() {
    let stage = hurried().await;
    let (edited, as_it_was) = (scenes::LIVE, scenes::LIVE_TOO);
    for session in [edited, as_it_was] {
        stage.database.run(&closes_in(session, "15 s")).await;
    }
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    worker.stop().await.expect(0);
    stage.database.run(&scenes::add_deck(edited, "Nobody is there").sql).await;
    until_closed(&stage, edited).await;
    until_closed(&stage, as_it_was).await;
    let plan = stage.meetsync(&["plan", "--json"]).await.json();
    assert_eq!(reason_of(&plan, edited).as_deref(), Some("window_closed_unsent"), "by the last pass");
    let file = stage.path().join("world.json");
    let name = file.to_str().expect("a plain name");
    stage.meetsync(&["export", name]).await.expect(0);
    let from = async || Stage::without_settings(&["plan", "--json", "--from", name]).await.json();
    assert_eq!(reason_of(&from().await, edited).as_deref(), Some("window_closed_unsent"));
    // An export of before passes were in it.
    let text = std::fs::read_to_string(&file).expect("it was written");
    let mut export: Value = serde_json::from_str(&text).expect("its own JSON");
    let ledger = export["ledger"].as_object_mut().expect("a ledger");
    ledger.remove("passes").expect("what the passes say");
    std::fs::write(&file, export.to_string()).expect("a file of ours");
    assert_eq!(reason_of(&from().await, edited).as_deref(), Some("outside_window"));
    let worker = Running::start(&stage);
    worker.says("at work", 1).await;
    passes(&stage, 3).await;
    assert_eq!(told(&stage).await, [decks(edited)], "{}", worker.said());
    assert!(!shows(&stage.standin, edited, "Nobody is there"));
    worker.stop().await.expect(0);
}

/// A first start in the middle of a meeting week: nothing of before was ever meetsync's to send.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_accuses_no_session_of_before() {
    let stage = hurried().await;
    stage.database.run(&closes_in(scenes::LIVE, "-1 min")).await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    passes(&stage, 3).await;
    assert_eq!(told(&stage).await, Vec::<String>::new());
    worker.stop().await.expect(0);
}

/// In doubt when its window closed; and again without a worker, by resync alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_after_the_close_is_confirmed_and_ends_the_matter() {
    for with_worker in [true, false] {
        let stage = hurried().await;
        let session = scenes::LIVE;
        let worker = Running::start(&stage);
        until_in_step(&stage).await;
        let worker = if with_worker {
            Some(worker)
        } else {
            worker.stop().await.expect(0);
            None
        };
        stage.database.run(&closes_in(session, "-1 min")).await;
        let doubt = format!(
            "UPDATE meetsync.subject SET doubt_since = clock_timestamp() - interval '20 min', state = 'in_doubt',
                    unanswered = true, slot_start = (SELECT time FROM public.meeting_timeslot WHERE id = {session} + 10000),
                    slot_end = (SELECT time + duration FROM public.meeting_timeslot WHERE id = {session} + 10000)
             WHERE session = {session} AND kind = 'decks'"
        );
        stage.database.run(&doubt).await;
        if with_worker {
            passes(&stage, 3).await;
        }
        assert_eq!(told(&stage).await, [decks(session)]);
        stage.meetsync(&["plan", "--session", &session.to_string()]).await.expect(4);
        stage.meetsync(&["resync", "--session", &session.to_string()]).await.expect(4);
        let before = stage.requests();
        let pushed =
            stage.meetsync(&["push", &session.to_string(), "--reason", "for the recording"]).await.expect(0);
        assert!(pushed.stdout.contains("confirm owed at"), "{pushed:?}");
        assert_eq!(told(&stage).await, Vec::<String>::new(), "the push was accepted");
        let owed = format!(
            "SELECT key FROM meetsync.subject WHERE session = {session} AND kind = 'decks'
             AND (confirm_at IS NOT NULL OR doubt_since IS NOT NULL OR state <> 'settled')"
        );
        let begun = Instant::now();
        while !stage.database.texts(&owed).await.is_empty() {
            if !with_worker {
                stage.meetsync(&["resync", "--session", &session.to_string()]).await.expect(0);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(begun.elapsed() < PATIENCE, "never confirmed; worker: {with_worker}");
        }
        let log = stage.standin.log();
        let puts = super::how_many(
            &super::calls_of(&log[before..], session),
            meetsync::provider::meetecho::Call::SetDecks,
        );
        assert_eq!(puts, 2, "the push, and the one that confirms it; worker: {with_worker}");
        assert_eq!(told(&stage).await, Vec::<String>::new());
        stage.meetsync(&["resync", "--session", &session.to_string()]).await.expect(0);
        if let Some(worker) = worker {
            worker.stop().await.expect(0);
        }
    }
}
