//! Several workers on one ledger.

use std::collections::BTreeSet;
use std::time::Duration;

use meetsync::demo::sample::scenes;
use meetsync::demo::standin::Failure;
use meetsync::model::SessionId;
use meetsync::provider::meetecho::Call;

use super::{LEASES, NOTHING, UNSETTLED, at_once, calls_of, hurried, one, shows, until, until_in_step};
use crate::support::running::{Running, until_none};

/// Whose windows are open.
fn open() -> impl Iterator<Item = SessionId> {
    (36001..=36011).map(SessionId)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_send_each_change_once() {
    let stage = hurried().await;
    let workers = [Running::start(&stage), Running::start(&stage)];
    until_in_step(&stage).await;
    let first = stage.standin.log();
    for session in open() {
        assert_eq!(calls_of(&first, session), [Call::SetDecks], "{session}");
    }
    stage.standin.set_latency(Duration::from_millis(50));
    let before = stage.requests();
    let edits: Vec<_> = open().map(|session| scenes::add_deck(session, "For both").sql).collect();
    stage.database.run(&edits.join("\n")).await;
    until(&stage, "all are shown", |standin| open().all(|session| shows(standin, session, "For both"))).await;
    until_in_step(&stage).await;
    // A pass that read the ledger just before a step ended may wish once more what is done; the next one sees it.
    until_none("still open", async || stage.database.texts(UNSETTLED).await).await;
    for worker in workers {
        worker.stop().await.expect(0);
    }
    stage.expect_in_step().await;
    let log = stage.standin.log();
    for session in open() {
        assert_eq!(calls_of(&log[before..], session), [Call::SetDecks], "{session}");
    }
    assert_eq!(at_once(&log), NOTHING);
    assert_eq!(stage.database.texts(LEASES).await, NOTHING);
    let rows = format!("SELECT to_jsonb(s)::text FROM meetsync.subject s WHERE key IN ({UNSETTLED})");
    assert_eq!(stage.database.texts(&rows).await, NOTHING);
    let created: Vec<_> = log.iter().filter(|entry| entry.call == Some(Call::CreateRoom)).collect();
    let rooms: BTreeSet<_> = created.iter().filter_map(|entry| entry.session()).collect();
    assert_eq!(created.len(), rooms.len(), "each room is made once");
}

/// The first worker is stopped while it waits for a new token in the middle of a step, for longer than its lease. By
/// the time it goes on, another one has sent a newer list; what it had in hand must not go out any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_slept_through_its_lease_sends_nothing_more() {
    let stage = hurried().await;
    let sleeper = Running::start(&stage);
    until_in_step(&stage).await;
    let before = stage.requests();
    stage.standin.fail_next(Some(Call::SetDecks), 1, Failure::RejectTokens);
    stage.standin.fail_next(Some(Call::Tokens), 1, Failure::Delay(Duration::from_millis(500)));
    stage.database.run(&scenes::add_deck(scenes::LIVE, "Old news").sql).await;
    let asks = |standin: &meetsync::demo::standin::Standin| {
        standin.log()[before..].iter().any(|entry| entry.call == Some(Call::Tokens))
    };
    until(&stage, "it asks for a token", asks).await;
    sleeper.signal("STOP");
    let newest_owner = "SELECT owner FROM meetsync.lease ORDER BY until DESC LIMIT 1";
    assert!(one(&stage, newest_owner).await.ends_with(&format!("/{}", sleeper.id())));

    let other = Running::start(&stage);
    let old = stage.standin.decks_of(scenes::LIVE).len() + 1;
    stage.database.run(&scenes::remove_deck(scenes::LIVE, u32::try_from(old).unwrap()).sql).await;
    stage.database.run(&scenes::add_deck(scenes::LIVE, "Newer news").sql).await;
    until(&stage, "the other one takes over", |standin| shows(standin, scenes::LIVE, "Newer news")).await;
    let owed = format!("{UNSETTLED} OR confirm_at IS NOT NULL");
    until_none("still open", async || stage.database.texts(&owed).await).await;
    let taken_over = calls_of(&stage.standin.log(), scenes::LIVE).len();

    sleeper.signal("CONT");
    let ended = sleeper.stop().await.expect(0);
    until_in_step(&stage).await;
    let log = stage.standin.log();
    let late = calls_of(&log, scenes::LIVE).split_off(taken_over);
    assert_eq!(late, [], "sent after the lease was over\n{}", ended.stderr);
    assert!(!shows(&stage.standin, scenes::LIVE, "Old news"));
    other.stop().await.expect(0);
    stage.expect_in_step().await;
    assert_eq!(at_once(&log), NOTHING);
    assert_eq!(stage.database.texts(LEASES).await, NOTHING);
    assert_eq!(stage.database.texts(UNSETTLED).await, NOTHING);
}

/// Somebody tries other settings beside the worker, and only looks. Before it wished nothing, it took back at every pass
/// what the other was about to send.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_only_observes_keeps_nobody_from_sending() {
    let stage = hurried().await;
    let shadow = Running::start_with(
        &stage,
        &[("MEETSYNC__SCOPE__MODE", "observe"), ("MEETSYNC__SLIDES__SLIDES_NOTIFY_TIME", "never")],
    );
    shadow.says("observe", 1).await;
    // The other has some passes while an edit is waited out.
    let worker = Running::start_with(&stage, &[("MEETSYNC__SLIDES__QUIET", "1s")]);
    until_in_step(&stage).await;
    for title in ["Beside a shadow", "And once more"] {
        stage.database.run(&scenes::add_deck(scenes::LIVE, title).sql).await;
        until(&stage, title, |standin| shows(standin, scenes::LIVE, title)).await;
    }
    until_in_step(&stage).await;
    let mode = "SELECT summary->>'mode' FROM meetsync.pass";
    assert_eq!(stage.database.texts(mode).await, ["act"], "the word is left to the one that acts");
    worker.stop().await.expect(0);
    shadow.stop().await.expect(0);
    stage.expect_in_step().await;
}
