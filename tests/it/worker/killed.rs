//! Ten times killed under load, two at once, with a provider that fails and a database that restarts.

use std::collections::BTreeMap;
use std::time::Duration;

use meetsync::demo::sample::scenes;
use meetsync::demo::standin::{Failure, LogEntry};
use meetsync::model::SessionId;
use meetsync::provider::meetecho::Call;

use super::{LEASES, NOTHING, OwnServer, UNSETTLED, at_once, until, until_in_step};
use crate::support::running::{Running, until_none};

const KILLS: usize = 10;

/// What goes wrong in a round.
fn faults(round: usize) -> Vec<(Option<Call>, usize, Failure)> {
    match round % 5 {
        0 => {
            vec![(Some(Call::SetDecks), 1, Failure::DropAfter), (Some(Call::Tokens), 1, Failure::Status(503))]
        }
        1 => vec![
            (Some(Call::SetDecks), 2, Failure::Status(500)),
            (Some(Call::SetDecks), 1, Failure::RejectTokens),
        ],
        2 => vec![
            (Some(Call::SetDecks), 1, Failure::LateLanding(Duration::from_millis(800))),
            (Some(Call::CreateRoom), 2, Failure::DropAfter),
        ],
        3 => vec![
            (Some(Call::SetDecks), 1, Failure::TooMany { retry_after: 1 }),
            (Some(Call::DeleteDeck), 1, Failure::DropBefore),
        ],
        _ => vec![(None, 2, Failure::Hang), (Some(Call::SetDecks), 1, Failure::StatusAfterEffect(502))],
    }
}

/// Of three sessions in each round: never the same ones twice in a row, for those of a dead worker wait for its lease.
fn edits(round: usize) -> String {
    let session = |n: usize| SessionId(36001 + i64::try_from((round * 3 + n) % 11).unwrap());
    [
        scenes::add_deck(session(0), &format!("Round {round}")),
        scenes::remove_deck(session(1), 2),
        scenes::last_deck_first(session(2)),
    ]
    .map(|edit| edit.sql)
    .join("\n")
}

/// How often each room was made, whatever was answered.
fn made(log: &[LogEntry]) -> BTreeMap<SessionId, usize> {
    let mut made = BTreeMap::new();
    for entry in log.iter().filter(|entry| entry.call == Some(Call::CreateRoom) && entry.took_effect) {
        *made.entry(entry.session().expect("it names a room")).or_default() += 1;
    }
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_ten_times_under_load_it_ends_in_step() {
    let mut own = OwnServer::hurried().await;
    own.stage.change_settings("max_wait = \"1s\"\n", "max_wait = \"1s\"\nrefresh = \"4s\"\n");
    own.stage.change_settings("settle = \"0s\"\n", "settle = \"0s\"\nsweep = \"*/2 * * * * *\"\n");
    own.stage.change_settings("rate = 0\n", "rate = 0\nrequest_timeout = \"2s\"\n");
    own.stage.standin.set_latency(Duration::from_millis(40));
    let mut workers = vec![Running::start(&own.stage), Running::start(&own.stage)];
    for round in 0..KILLS {
        for (call, times, failure) in faults(round) {
            own.stage.standin.fail_next(call, times, failure);
        }
        let seen = own.stage.requests();
        own.run(&edits(round)).await;
        until(&own.stage, "requests come", |standin| standin.log().len() > seen + 2).await;
        workers.remove(0).kill().await;
        match round {
            4 => tokio::task::block_in_place(|| own.cluster.restart()).unwrap(),
            7 => {
                for session in own.stage.standin.sessions_with_decks() {
                    own.stage.standin.plant_decks(session, &[]);
                }
            }
            _ => {}
        }
        workers.push(Running::start(&own.stage));
    }
    own.stage.standin.heal();
    own.run(&scenes::add_deck(scenes::LIVE, "The last word").sql).await;
    // Only what was sent within the last `refresh` may be owed again.
    let owed = "SELECT to_jsonb(s)::text FROM meetsync.subject s
                WHERE state <> 'settled' OR confirm_at IS NOT NULL OR doubt_since IS NOT NULL";
    until(&own.stage, "the last edit is shown", |standin| {
        super::shows(standin, scenes::LIVE, "The last word")
    })
    .await;
    until_none("owed", async || own.texts(owed).await).await;
    for worker in workers {
        let ended = worker.stop().await.expect(0);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
    own.stage.change_settings("refresh = \"4s\"\n", "");
    until_in_step(&own.stage).await;
    own.stage.expect_in_step().await;
    let log = own.stage.standin.log();
    assert_eq!(at_once(&log), NOTHING);
    assert_eq!(made(&log).into_iter().filter(|(_, times)| *times > 1).collect::<Vec<_>>(), []);
    assert_eq!(own.texts(LEASES).await, NOTHING);
    assert_eq!(own.texts(UNSETTLED).await, NOTHING);
}

/// Everything that was ever told is lost, rooms and slides: `slides.refresh` and the sweep bring it back.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_lost_its_memory_is_told_again() {
    let mut stage = super::hurried().await;
    stage.change_settings("max_wait = \"1s\"\n", "max_wait = \"1s\"\nrefresh = \"3s\"\n");
    stage.change_settings("settle = \"0s\"\n", "settle = \"0s\"\nsweep = \"*/2 * * * * *\"\n");
    let worker = Running::start(&stage);
    let all = |standin: &meetsync::demo::standin::Standin| {
        standin.sessions_with_decks().len() == 11 && standin.rooms().len() == 12
    };
    until(&stage, "everything is there", all).await;
    until_none("not on record", async || stage.database.texts(UNSETTLED).await).await;
    let before = stage.requests();
    stage.standin.forget_everything();
    until(&stage, "everything is there again", all).await;
    worker.stop().await.expect(0);
    stage.change_settings("refresh = \"3s\"\n", "");
    until_in_step(&stage).await;
    stage.expect_in_step().await;
    let again = made(&stage.standin.log()[before..]);
    assert_eq!(again.len(), 12);
    assert!(again.values().all(|times| *times == 1), "{again:?}");
}
