//! A rehearsal changes nothing, and PostgreSQL itself would refuse it.

use meetsync::ledger::{LeasedStep, Ledger, Settled, StepAsk, StepEnd};
use meetsync::model::{Hold, SessionId};

use super::view::wish;
use super::{
    LEASE, PER, accepted, at, attempt, begin, connect, decks_of, finish, ids, live, ready, rehearsal,
    remembered, room, room_of,
};
use crate::support::TestDatabase;

/// Every row of every table, and when it was last written.
async fn everything(database: &TestDatabase) -> Vec<String> {
    let mut rows = Vec::new();
    for table in ["subject", "attempt", "lease", "hold", "ledger_version"] {
        let sql =
            format!("SELECT concat_ws('|', xmin, xmax, ctid, t::text) FROM meetsync.{table} AS t ORDER BY 1");
        rows.extend(database.texts(&sql).await.into_iter().map(|row| format!("{table}: {row}")));
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsed_step_counts_within_the_process_and_nowhere_else() {
    let database = ready().await;
    let worker = live(&database).await;
    worker.record(&[wish(decks_of(1), [1], Some((0, 60)), 0)]).await.unwrap();
    let (lease, begun) = begin(&worker, decks_of(1), [1], at(0)).await;
    finish(&worker, lease, begun, &accepted([1], at(1)), attempt("applied", at(1))).await;
    let hold = Hold { until: at(99), by: "a person".to_owned(), reason: "why not".to_owned() };
    worker.hold(Some(SessionId(4)), &hold, at(0)).await.unwrap();
    let _running = begin(&worker, decks_of(2), [2], at(0)).await;
    let before = everything(&database).await;

    let ledger = rehearsal(&database).await;
    assert!(ledger.is_rehearsal() && !worker.is_rehearsal());
    ledger
        .record(&[wish(decks_of(1), [1, 2], Some((0, 60)), 5), wish(decks_of(3), [3], None, 5)])
        .await
        .unwrap();
    let (lease, begun) = begin(&ledger, room_of(1), [], at(5)).await;
    assert!(matches!(
        ledger.lease_and_begin(&StepAsk::new(decks_of(1), "other", LEASE, &ids([]), at(5))).await.unwrap(),
        LeasedStep::Taken { owner, .. } if owner == "test"
    ));
    let end = StepEnd::RoomIs { record: room(1, at(0)), at: at(6), confirming: None };
    finish(&ledger, lease, begun, &end, attempt("rehearsed", at(6))).await;
    let (lease, begun) = begin(&ledger, decks_of(1), [1, 2], at(7)).await;
    assert_eq!(begun.before.accepted, remembered(&worker, decks_of(1)).await.unwrap().accepted);
    let end = accepted([1, 2], at(8));
    let settled = ledger.settle_and_release(lease, begun, &end, attempt("rehearsed", at(8))).await;
    assert_eq!(settled.unwrap(), Settled::Done);
    assert!(ledger.release_hold(Some(SessionId(4))).await.unwrap());
    // A worker's lease is no matter of a rehearsal.
    let (lease, begun) = begin(&ledger, decks_of(2), [2], at(9)).await;
    assert_eq!(begun.before.doubt_since, Some(at(0)));
    assert_eq!(ledger.put_back(lease, begun).await.unwrap(), Settled::Done);
    ledger.hold(None, &hold, at(0)).await.unwrap();

    let seen = ledger.clone().view(&[SessionId(3)].into(), PER, at(10)).await.unwrap();
    assert_eq!(seen.get(decks_of(1)).unwrap().accepted.as_ref().unwrap().decks.len(), 2);
    assert!(seen.get(room_of(1)).unwrap().room.is_some() && seen.get(decks_of(3)).is_some());
    assert_eq!((seen.hold_all, seen.holds.len()), (Some(hold), 0));
    let outcomes: Vec<_> = ledger.attempts(2).await.unwrap().into_iter().map(|row| row.outcome).collect();
    assert_eq!(outcomes, ["rehearsed", "rehearsed"]);
    assert_eq!(ledger.attempts(9).await.unwrap().len(), 3);
    assert_eq!(ledger.open_sessions(at(10)).await.unwrap(), [SessionId(1), SessionId(2)].into());

    assert_eq!(everything(&database).await, before);
    assert!(
        rehearsal(&database).await.view(&[].into(), PER, at(10)).await.unwrap().get(room_of(1)).is_none()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_refuses_to_write_for_a_rehearsal() {
    let database = ready().await;
    // A live ledger over the connection that rehearsals use: if ever a statement slipped through, this is its end.
    let slipped = Ledger::open(connect(database.url(), 1, true)).await.unwrap();
    let refused = slipped
        .lease_and_begin(&StepAsk::new(decks_of(1), "test", LEASE, &ids([1]), at(0)))
        .await
        .unwrap_err();
    let said = std::error::Error::source(&refused).map(ToString::to_string).unwrap_or_default();
    assert!(format!("{refused} {said}").contains("read-only transaction"), "{refused:?}");
}
