//! A provider that is away for a while, with forty sessions that changed meanwhile.

use std::time::{Duration, Instant};

use meetsync::demo::sample::scenes;
use meetsync::demo::standin::{Failure, LogEntry, Standin};
use meetsync::model::SessionId;
use meetsync::provider::meetecho::Call;

use super::{NOTHING, UNSETTLED, at_once, calls_of, how_many, hurried, shows, until, until_in_step};
use crate::support::running::{Running, until_none};
use crate::support::stage::Stage;

const TITLE: &str = "While you were away";

/// All that have decks: their slides are sent whenever they change.
fn sessions() -> Vec<SessionId> {
    (36001..=36039).map(SessionId).collect()
}

fn is_live(session: SessionId) -> bool {
    (36001..=36005).contains(&session.0)
}

async fn everybody_always() -> Stage {
    let mut stage = hurried().await;
    stage.change_settings("[slides]\n", "[slides]\nslides_notify_time = \"always\"\n");
    stage.change_settings("rate = 0\n", "rate = 0\nrequest_timeout = \"1s\"\n");
    stage
}

async fn change_them_all(stage: &Stage) {
    let edits: Vec<_> = sessions().into_iter().map(|session| scenes::add_deck(session, TITLE).sql).collect();
    stage.database.run(&edits.join("\n")).await;
}

async fn until_all_are_shown(stage: &Stage) {
    let all = |standin: &Standin| sessions().iter().all(|session| shows(standin, *session, TITLE));
    until(stage, "all are shown", all).await;
    let owed = format!("{UNSETTLED} OR confirm_at IS NOT NULL");
    until_none("owed", async || stage.database.texts(&owed).await).await;
    until_in_step(stage).await;
}

/// What came after the first pause. Before that are the steps that were under way when three failures in a row told
/// that the provider is down.
fn probes(log: &[LogEntry]) -> &[LogEntry] {
    let is_after_a_pause = |place: &usize| {
        let ended = log[..*place].iter().filter_map(|entry| entry.ended).max();
        ended.is_some_and(|ended| log[*place].began > ended + Duration::from_millis(500))
    };
    let first = (3..log.len()).find(is_after_a_pause).unwrap_or(log.len());
    assert!(first < 13 || first == log.len(), "{first} were sent before it was taken for down");
    &log[first..]
}

fn assert_one_at_a_time(probes: &[LogEntry]) {
    assert!(probes.len() >= 3, "{}", probes.len());
    for pair in probes.windows(2) {
        let ended = pair[0].ended.expect("it was given up before the next one");
        assert!(ended <= pair[1].began, "{pair:#?}");
        let gap = pair[1].began.saturating_sub(pair[0].began);
        // They are two seconds apart where they are sent; on the way here a busy machine may move each.
        assert!(gap > Duration::from_millis(1500), "{gap:?} between two probes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens_and_then_each_session_takes_one_request() {
    let stage = everybody_always().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    let before = stage.requests();
    stage.standin.go_away();
    change_them_all(&stage).await;
    worker.says("the provider is down", 1).await;
    // More than can have been under way when it was taken for down: these are probes.
    worker.says("provider_down", 14).await;

    let (opened, first) = (Instant::now(), stage.requests());
    stage.standin.come_back();
    until(&stage, "it is noticed", |standin| standin.log().len() > first).await;
    let noticed = opened.elapsed();
    assert!(noticed < Duration::from_millis(2500), "noticed after {noticed:?}");
    until_all_are_shown(&stage).await;
    let all = opened.elapsed();
    worker.stop().await.expect(0);
    stage.expect_in_step().await;
    let log = &stage.standin.log()[before..];
    for session in sessions() {
        assert_eq!(calls_of(log, session), [Call::SetDecks], "{session}");
    }
    let order: Vec<_> = log.iter().filter_map(LogEntry::session).collect();
    let last_live = order.iter().rposition(|session| is_live(*session)).unwrap();
    // As many as may be under way at once may overtake each other.
    assert!(last_live < 5 + 8, "live ones first: {order:?}");
    assert_eq!(at_once(log), NOTHING);
    assert!(all < Duration::from_secs(10), "all are right after {all:?}");
}

async fn an_outage(failure: Failure) {
    let stage = everybody_always().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    let before = stage.requests();
    stage.standin.fail_always(None, failure);
    let gone = stage.standin.decks_of(scenes::LIVE)[1].id;
    stage.database.run(&scenes::remove_deck(scenes::LIVE, 2).sql).await;
    change_them_all(&stage).await;
    worker.says("the provider is down", 1).await;
    until(&stage, "it is probed", |standin| probes(&standin.log()[before..]).len() > 3).await;
    let while_it_lasted = stage.standin.log()[before..].to_vec();
    assert_one_at_a_time(&probes(&while_it_lasted)[..3]);

    stage.standin.heal();
    let (healed, first) = (Instant::now(), stage.requests());
    until(&stage, "it is noticed", |standin| standin.log().len() > first).await;
    let noticed = healed.elapsed();
    assert!(noticed < Duration::from_millis(3500), "noticed after {noticed:?}");
    until_all_are_shown(&stage).await;
    worker.stop().await.expect(0);
    stage.expect_in_step().await;
    assert!(stage.standin.decks_of(scenes::LIVE).iter().all(|deck| deck.id != gone));
    let log = stage.standin.log();
    assert_eq!(at_once(&log), NOTHING);
    let tried: Vec<_> = while_it_lasted.iter().filter_map(LogEntry::session).collect();
    for session in sessions() {
        let calls = calls_of(&log[first..], session);
        // One that was under way when it healed counts for neither side.
        let puts = if tried.contains(&session) { 2 } else { 1 };
        assert_eq!(how_many(&calls, Call::SetDecks), puts, "{session}: {calls:?}");
        assert!(how_many(&calls, Call::DeleteDeck) <= 2, "{session}: {calls:?}");
        assert!(session == scenes::LIVE || how_many(&calls, Call::DeleteDeck) == 0, "{session}: {calls:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers_and_then_what_was_tried_is_sent_and_confirmed() {
    an_outage(Failure::Hang).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_only_says_that_it_can_not_and_then_what_was_tried_is_sent_and_confirmed() {
    an_outage(Failure::Status(503)).await;
}
