//! When slides are sent at all: windows that open, and what keeps them shut.

use std::time::{Duration, Instant};

use meetsync::demo::sample::scenes;
use meetsync::model::SessionId;
use meetsync::provider::meetecho::Call;

use super::{calls_of, hurried, one, passes, shows, until, until_in_step, until_nothing_is_wished};
use crate::support::running::Running;

const CANCELLED: SessionId = SessionId(36042);
const UNSCHEDULED: SessionId = SessionId(36043);
const TOMORROW: SessionId = SessionId(36031);

fn starts_in(session: SessionId, from_now: &str) -> String {
    format!(
        "UPDATE public.meeting_timeslot SET time = clock_timestamp() + interval '{from_now}' WHERE id = {session} + 10000"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn slides_are_sent_first_when_the_window_opens() {
    let stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    let before = stage.requests();
    for session in [scenes::LATER, TOMORROW] {
        assert_eq!(stage.standin.decks_of(session), [], "its window is shut");
    }
    stage.database.run(&starts_in(scenes::LATER, "15 min 2 s")).await;
    stage.database.run(&starts_in(TOMORROW, "10 min")).await;
    until(&stage, "a session that was moved into its window", |standin| {
        !standin.decks_of(TOMORROW).is_empty()
    })
    .await;
    until(&stage, "a session whose window opens", |standin| !standin.decks_of(scenes::LATER).is_empty())
        .await;
    let open_for = format!(
        "SELECT extract(epoch FROM clock_timestamp() - time + interval '15 min')::text
         FROM public.meeting_timeslot WHERE id = {} + 10000",
        scenes::LATER
    );
    let open_for: f64 = one(&stage, &open_for).await.parse().unwrap();
    assert!((0.0..1.5).contains(&open_for), "sent {open_for} s after the window opened");
    until_in_step(&stage).await;
    worker.stop().await.expect(0);
    stage.expect_in_step().await;
    let log = &stage.standin.log()[before..];
    for session in [scenes::LATER, TOMORROW] {
        assert_eq!(calls_of(log, session), [Call::SetDecks], "{session}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_waits_and_the_rest_goes_on() {
    let stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    let before = stage.requests();
    let hold = |session: &str| {
        format!(
            "INSERT INTO meetsync.hold (session, until, by_whom, reason, since)
             VALUES ({session}, clock_timestamp() + interval '1 h', 'somebody', 'a trial', clock_timestamp())"
        )
    };
    stage.database.run(&hold(&scenes::LIVE.to_string())).await;
    stage.database.run(&scenes::add_deck(scenes::LIVE, "Held").sql).await;
    stage.database.run(&scenes::cancel(CANCELLED).sql).await;
    for session in [CANCELLED, UNSCHEDULED, SessionId(36044), scenes::LATER] {
        stage.database.run(&scenes::add_deck(session, "Not to be sent").sql).await;
    }
    stage.database.run(&scenes::add_deck(scenes::LIVE_TOO, "Not held").sql).await;
    until(&stage, "another session's deck", |standin| shows(standin, scenes::LIVE_TOO, "Not held")).await;
    passes(&stage, 3).await;
    assert_eq!(calls_of(&stage.standin.log()[before..], scenes::LIVE), [], "it is held");
    stage.database.run("DELETE FROM meetsync.hold").await;
    until(&stage, "it is released", |standin| shows(standin, scenes::LIVE, "Held")).await;

    stage.database.run(&hold("NULL")).await;
    passes(&stage, 1).await;
    let until_then = stage.requests();
    stage.database.run(&scenes::add_deck(scenes::LIVE, "All are held").sql).await;
    passes(&stage, 5).await;
    assert_eq!(stage.requests(), until_then, "everything is held");
    stage.database.run("DELETE FROM meetsync.hold").await;
    until(&stage, "all are released", |standin| shows(standin, scenes::LIVE, "All are held")).await;
    until_in_step(&stage).await;
    worker.stop().await.expect(0);
    stage.expect_in_step().await;
    let log = &stage.standin.log()[before..];
    for session in [CANCELLED, UNSCHEDULED, SessionId(36044), scenes::LATER] {
        assert_eq!(calls_of(log, session), [], "{session}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_cancelled_gets_nothing_more() {
    let stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    let before = stage.requests();
    stage.database.run(&scenes::cancel(scenes::LIVE).sql).await;
    stage.database.run(&scenes::add_deck(scenes::LIVE, "Too late").sql).await;
    stage.database.run(&scenes::add_deck(scenes::LIVE_TOO, "In time").sql).await;
    until(&stage, "another session's deck", |standin| shows(standin, scenes::LIVE_TOO, "In time")).await;
    passes(&stage, 3).await;
    assert_eq!(calls_of(&stage.standin.log()[before..], scenes::LIVE), []);
    worker.stop().await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn switched_off_no_slides_are_sent() {
    let mut stage = hurried().await;
    stage.change_settings("[slides]\n", "[slides]\nslides_notify_time = \"never\"\n");
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    stage.database.run(&scenes::add_deck(scenes::LIVE, "Not to be sent").sql).await;
    passes(&stage, 5).await;
    assert_eq!(stage.standin.counts().materials(), 0);
    assert!(!stage.standin.rooms().is_empty(), "rooms are another matter");
    worker.stop().await.expect(0);
}

/// Nothing is asked of the provider while everything is in step, and nothing is written but that a pass was made.
#[tokio::test(flavor = "multi_thread")]
async fn a_week_that_is_in_step_costs_no_request() {
    let stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    until_nothing_is_wished(&stage).await;
    let (before, begun) = (stage.requests(), Instant::now());
    let rows = "SELECT t::text FROM meetsync.subject t ORDER BY 1";
    let ledger = stage.database.texts(rows).await;
    passes(&stage, 10).await;
    assert!(begun.elapsed() > Duration::from_secs(1), "a pass is made each 200 ms, not as fast as can be");
    assert_eq!(stage.requests(), before);
    assert_eq!(stage.database.texts(rows).await, ledger);
    worker.stop().await.expect(0);
}
