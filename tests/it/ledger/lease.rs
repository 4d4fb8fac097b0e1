//! Leases: one at a time, ended by the ledger's own clock, and useless once somebody else has taken over.

use std::collections::BTreeSet;

use meetsync::ledger::{LeaseOutcome, LeasedStep, Ledger, Settled, StepStart};
use meetsync::model::{Provider, SessionId};

use super::{
    LEASE, accepted, at, attempt, begin, connect, decks_of, ids, live, ready, rehearsal, remembered, room_of,
};

async fn take(ledger: &Ledger, owner: &str) -> LeaseOutcome {
    ledger.lease(SessionId(7), Provider::Meetecho, owner, LEASE).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_ask_at_once_one_gets_it() {
    let database = ready().await;
    let ledger = Ledger::open(connect(database.url(), 8, false)).await.unwrap();
    for round in 0..20 {
        let key = decks_of(100 + round);
        let none = BTreeSet::new();
        let ask = async |owner: &str| ledger.lease_and_begin(key, owner, LEASE, &none, at(0)).await.unwrap();
        let (a, b, c, d) = tokio::join!(ask("a"), ask("b"), ask("c"), ask("d"));
        let outcomes = [a, b, c, d];
        let winner: Vec<usize> = (0..4).filter(|i| matches!(outcomes[*i], LeasedStep::Begun(..))).collect();
        assert_eq!(winner.len(), 1, "{outcomes:?}");
        let name = ["a", "b", "c", "d"][winner[0]];
        for outcome in &outcomes {
            if let LeasedStep::Taken { owner, .. } = outcome {
                assert_eq!(owner, name);
            }
        }
        let marks =
            database.texts(&format!("SELECT attempts FROM meetsync.subject WHERE key = '{key}'")).await;
        assert_eq!(marks, ["1"], "only the winner marks");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_over_by_the_ledgers_clock_is_taken_over() {
    let database = ready().await;
    let ledger = live(&database).await;
    let LeaseOutcome::Leased(first) = take(&ledger, "first").await else { panic!("nobody has it") };
    let LeaseOutcome::Taken { owner, until } = take(&ledger, "second").await else { panic!("it is taken") };
    assert_eq!((owner.as_str(), until), ("first", first.until));

    database.run("UPDATE meetsync.lease SET until = clock_timestamp() - interval '1 ms'").await;
    let LeaseOutcome::Leased(second) = take(&ledger, "second").await else { panic!("it is over") };

    // The first one can neither go on nor give back what is not theirs any more.
    let mut stale = first.clone();
    let lost = ledger.begin_step(&mut stale, decks_of(7), &ids([1]), at(0)).await.unwrap();
    assert!(matches!(lost, StepStart::Lost));
    assert!(database.texts("SELECT key FROM meetsync.subject").await.is_empty());
    ledger.release(first).await.unwrap();
    assert!(matches!(take(&ledger, "third").await, LeaseOutcome::Taken { .. }));
    ledger.release(second).await.unwrap();
    assert!(matches!(take(&ledger, "third").await, LeaseOutcome::Leased(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_over_marks_nothing_even_if_nobody_took_it() {
    let database = ready().await;
    let ledger = live(&database).await;
    let LeaseOutcome::Leased(mut lease) = take(&ledger, "first").await else { panic!("nobody has it") };
    database.run("UPDATE meetsync.lease SET until = clock_timestamp()").await;
    let lost = ledger.begin_step(&mut lease, decks_of(7), &ids([1]), at(0)).await.unwrap();
    assert!(matches!(lost, StepStart::Lost));
    assert!(database.texts("SELECT key FROM meetsync.subject").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_token_settles_nothing() {
    let database = ready().await;
    let ledger = live(&database).await;
    let key = decks_of(7);
    let (lease, begun) = begin(&ledger, key, [1, 2], at(0)).await;
    database.run("UPDATE meetsync.lease SET until = clock_timestamp() - interval '1 ms'").await;
    let (other_lease, other) = begin(&ledger, key, [3], at(10)).await;
    assert_eq!(other.before.doubt_since, Some(at(0)), "a mark without an end is doubt");
    assert!(other.owes_confirming);

    let lost =
        ledger.settle_and_release(lease, begun, &accepted([1, 2], at(5)), attempt("applied", at(5))).await;
    assert_eq!(lost.unwrap(), Settled::Lost);
    let still = remembered(&ledger, key).await.unwrap();
    assert_eq!((still.accepted, still.doubt_since), (None, Some(at(0))));
    assert_eq!(still.may_be_there, ids([1, 2, 3]));

    let done = ledger
        .settle_and_release(other_lease, other, &accepted([3], at(11)), attempt("applied", at(11)))
        .await;
    assert_eq!(done.unwrap(), Settled::Done);
    let outcomes: Vec<_> = ledger.attempts(10).await.unwrap().into_iter().map(|row| row.outcome).collect();
    assert_eq!(outcomes, ["applied", "lost"]);
    assert!(database.texts("SELECT token FROM meetsync.lease").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_steps_under_one_lease_the_room_first() {
    let database = ready().await;
    for ledger in [live(&database).await, rehearsal(&database).await] {
        let (mut lease, step) = begin(&ledger, room_of(7), [], at(0)).await;
        let end =
            meetsync::ledger::StepEnd::RoomIs { record: super::room(7, at(0)), at: at(1), confirming: None };
        assert_eq!(
            ledger.settle(&lease, step, &end, attempt("applied", at(1))).await.unwrap(),
            Settled::Done
        );
        let before = lease.until;
        let StepStart::Begun(step) =
            ledger.begin_step(&mut lease, decks_of(7), &ids([1]), at(2)).await.unwrap()
        else {
            panic!("the lease is ours")
        };
        assert!(lease.until > before, "a further step has the full length again");
        // The lease is one session's.
        let other = ledger.begin_step(&mut lease, decks_of(8), &ids([1]), at(2)).await.unwrap();
        assert!(matches!(other, StepStart::Lost));
        assert!(matches!(take(&ledger, "somebody").await, LeaseOutcome::Taken { .. }));
        let end =
            ledger.settle_and_release(lease, step, &accepted([1], at(3)), attempt("applied", at(3))).await;
        assert_eq!(end.unwrap(), Settled::Done);
        assert!(matches!(take(&ledger, "somebody").await, LeaseOutcome::Leased(_)));
        assert_eq!(remembered(&ledger, room_of(7)).await.unwrap().room, Some(super::room(7, at(0))));
        database.run("DELETE FROM meetsync.lease; DELETE FROM meetsync.subject").await;
    }
}
