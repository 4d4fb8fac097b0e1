//! Leases: one at a time, ended by the ledger's own clock, and useless once somebody else has taken over.

use std::cell::RefCell;
use std::collections::BTreeSet;

use meetsync::ledger::{AttemptRow, CountsAs, LeasedStep, Ledger, Memory, Settled, StepAsk, StepEnd};
use meetsync::model::{Hold, SessionId};

use super::{
    LEASE, PER, accepted, at, attempt, begin, connect, decks_of, finish, ids, live, ready, rehearsal,
    remembered, room, room_of,
};

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_ask_at_once_one_gets_it() {
    let database = ready().await;
    let ledger = Ledger::open(connect(database.url(), 8, false)).await.unwrap();
    for round in 0..20 {
        let key = decks_of(100 + round);
        let none = BTreeSet::new();
        let ask = async |owner: &str| {
            ledger.lease_and_begin(&StepAsk::new(key, owner, LEASE, &none, at(0))).await.unwrap()
        };
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
    let key = decks_of(7);
    let ask = async |owner| {
        ledger.lease_and_begin(&StepAsk::new(key, owner, LEASE, &ids([1]), at(0))).await.unwrap()
    };
    let LeasedStep::Begun(first, begun) = ask("first").await else { panic!("nobody has it") };
    let LeasedStep::Taken { owner, until } = ask("second").await else { panic!("it is taken") };
    assert_eq!((owner.as_str(), until), ("first", first.until));

    database.run("UPDATE meetsync.lease SET until = clock_timestamp() - interval '1 ms'").await;
    let LeasedStep::Begun(second, theirs) = ask("second").await else { panic!("it is over") };

    // The first one can't give back what is not theirs any more.
    assert_eq!(ledger.put_back(first, begun).await.unwrap(), Settled::Lost);
    assert!(matches!(ask("third").await, LeasedStep::Taken { .. }));
    assert_eq!(ledger.put_back(second, theirs).await.unwrap(), Settled::Done);
    assert!(matches!(ask("third").await, LeasedStep::Begun(..)));
}

/// In the middle of a step with many calls. Whoever lost the lease does not get it back by that.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_renewed_by_whoever_has_it_and_by_nobody_else() {
    let database = ready().await;
    let mut memory = Memory::default();
    let will_send = ids([1]);
    let (first, second) = (
        StepAsk::new(decks_of(7), "first", LEASE, &will_send, at(0)),
        StepAsk::new(decks_of(7), "second", LEASE, &will_send, at(0)),
    );
    let soon = at(i64::try_from(LEASE.as_secs()).unwrap() - 1);
    for ledger in [live(&database).await, rehearsal(&database).await] {
        let LeasedStep::Begun(lease, begun) = ledger.lease_and_begin(&first).await.unwrap() else {
            panic!("nobody has it")
        };
        assert_eq!(ledger.renew(&lease, LEASE * 2).await.unwrap(), Settled::Done);
        let LeasedStep::Taken { until, .. } = ledger.lease_and_begin(&second).await.unwrap() else {
            panic!("it is taken")
        };
        let longer = (until - lease.until).to_std().unwrap();
        assert!((LEASE..LEASE * 2).contains(&longer), "{longer:?}");
        assert_eq!(ledger.put_back(lease.clone(), begun).await.unwrap(), Settled::Done);
        assert_eq!(ledger.renew(&lease, LEASE).await.unwrap(), Settled::Lost, "it is nobody's");
        let LeasedStep::Begun(theirs, begun) = ledger.lease_and_begin(&second).await.unwrap() else {
            panic!("nobody has it")
        };
        assert_eq!(ledger.renew(&lease, LEASE).await.unwrap(), Settled::Lost, "it is somebody else's");
        assert_eq!(ledger.put_back(theirs, begun).await.unwrap(), Settled::Done);
    }
    let LeasedStep::Begun(lease, _) = memory.lease_and_begin(&first, at(0)).unwrap() else { panic!() };
    assert_eq!(memory.renew(&lease, LEASE, soon), Settled::Done);
    let end_of_the_first = lease.until;
    let taken = memory.lease_and_begin(&second, end_of_the_first).unwrap();
    assert!(matches!(taken, LeasedStep::Taken { until, .. } if until == soon + LEASE), "{taken:?}");
    let LeasedStep::Begun(..) = memory.lease_and_begin(&second, soon + LEASE).unwrap() else {
        panic!("it is over")
    };
    assert_eq!(memory.renew(&lease, LEASE, soon), Settled::Lost);
}

/// Of the session or of all, until it ends; but not a step that was begun before, nor a person.
#[tokio::test(flavor = "multi_thread")]
async fn no_step_is_begun_while_a_hold_stands() {
    let will_send = ids([1]);
    let hold = |until| Hold { until: at(until), by: "somebody".into(), reason: "a reason".into() };
    let ask = |session, now| StepAsk::new(decks_of(session), "test", LEASE, &will_send, at(now));
    for which in ["live", "rehearsed", "in memory"] {
        let database = ready().await;
        let ledger = match which {
            "live" => Some(live(&database).await),
            "rehearsed" => Some(rehearsal(&database).await),
            _ => None,
        };
        let memory = RefCell::new(Memory::default());
        let asked = async |step: &StepAsk<'_>| match &ledger {
            Some(ledger) => ledger.lease_and_begin(step).await.unwrap(),
            None => memory.borrow_mut().lease_and_begin(step, at(0)).unwrap(),
        };
        let put = async |session: Option<i64>, until: Option<i64>| {
            let session = session.map(SessionId);
            match (&ledger, until) {
                (Some(ledger), Some(until)) => ledger.hold(session, &hold(until), at(0)).await.unwrap(),
                (Some(ledger), None) => assert!(ledger.release_hold(session).await.unwrap()),
                (None, until) => memory.borrow_mut().hold(session, until.map(hold)),
            }
        };
        let before = ask(7, 0);
        let LeasedStep::Begun(lease, begun) = asked(&before).await else { panic!("{which}: nobody has it") };
        put(Some(7), Some(10)).await;
        let again = asked(&before).await;
        assert!(matches!(&again, LeasedStep::Begun(_, again) if *again == begun), "{which}: {again:?}");
        match &ledger {
            Some(ledger) => assert_eq!(ledger.put_back(lease, begun).await.unwrap(), Settled::Done),
            None => assert_eq!(memory.borrow_mut().put_back(&lease, &begun), Settled::Done),
        }
        assert_eq!(asked(&ask(7, 9)).await, LeasedStep::Held { until: at(10) }, "{which}");
        assert!(matches!(asked(&ask(8, 9)).await, LeasedStep::Begun(..)), "{which}: another session");
        put(None, Some(12)).await;
        assert_eq!(asked(&ask(7, 9)).await, LeasedStep::Held { until: at(12) }, "{which}: the longer one");
        assert_eq!(asked(&ask(9, 11)).await, LeasedStep::Held { until: at(12) }, "{which}: all");
        let mut by_hand = ask(9, 11);
        by_hand.in_spite_of_holds = true;
        assert!(matches!(asked(&by_hand).await, LeasedStep::Begun(..)), "{which}: by hand");
        assert!(matches!(asked(&ask(7, 12)).await, LeasedStep::Begun(..)), "{which}: both are over");
        put(None, None).await;
        put(Some(10), Some(20)).await;
        assert_eq!(asked(&ask(10, 13)).await, LeasedStep::Held { until: at(20) }, "{which}");
        let view = match &ledger {
            Some(ledger) => ledger.view_of(&[SessionId(10)].into(), PER, at(13)).await.unwrap(),
            None => memory.borrow().view_of(&[SessionId(10)].into(), PER, at(13)).unwrap(),
        };
        assert!(view.subjects.is_empty(), "{which}: nothing is written");
        put(Some(10), None).await;
        assert!(matches!(asked(&ask(10, 13)).await, LeasedStep::Begun(..)), "{which}: released");
    }
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

/// The answer was lost, and with it the knowledge that all is well.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_ended_twice_is_written_once() {
    let database = ready().await;
    let mut memory = Memory::default();
    for ledger in [live(&database).await, rehearsal(&database).await] {
        let (lease, begun) = begin(&ledger, room_of(7), [], at(0)).await;
        let end = StepEnd::RoomIs { record: room(7, at(0)), at: at(1), confirming: None };
        let row = || AttemptRow { counts_as: Some(CountsAs::RoomCreated), ..attempt("applied", at(1)) };
        let twin =
            memory.lease_and_begin(&StepAsk::new(room_of(7), "test", LEASE, &ids([]), at(0)), at(0)).unwrap();
        let LeasedStep::Begun(twin_lease, twin) = twin else { panic!("nobody has it") };
        for _ in 0..3 {
            let settled = ledger.settle_and_release(lease.clone(), begun.clone(), &end, row()).await;
            assert_eq!(settled.unwrap(), Settled::Done);
            assert_eq!(memory.settle_and_release(&twin_lease, &twin, &end, row()), Settled::Done);
        }
        // Also where another step has begun in the meantime: that one is not ended by it.
        let (next, other) = begin(&ledger, room_of(7), [], at(2)).await;
        let again = ledger.settle_and_release(lease, begun, &end, row()).await;
        assert_eq!(again.unwrap(), Settled::Done);
        let remembered = remembered(&ledger, room_of(7)).await.unwrap();
        assert_eq!(remembered.doubt_since, Some(at(2)));
        assert_eq!(ledger.attempts(9).await.unwrap().len(), 1);
        let view = ledger.view_of(&[SessionId(7)].into(), PER, at(9)).await.unwrap();
        assert_eq!(view.recent.rooms_created, 1, "the guards count it once");
        assert_eq!(memory.attempts().len(), 1);
        memory = Memory::default();
        assert_eq!(ledger.put_back(next, other).await.unwrap(), Settled::Done);
        database
            .run("DELETE FROM meetsync.attempt; DELETE FROM meetsync.lease; DELETE FROM meetsync.subject")
            .await;
    }
}

/// Lost stays lost, however often it is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_was_lost_is_written_once_as_well() {
    let database = ready().await;
    let ledger = live(&database).await;
    let (lease, begun) = begin(&ledger, decks_of(7), [1], at(0)).await;
    database.run("UPDATE meetsync.lease SET until = clock_timestamp()").await;
    let _theirs = begin(&ledger, decks_of(7), [2], at(5)).await;
    for _ in 0..2 {
        let end = accepted([1], at(6));
        let lost =
            ledger.settle_and_release(lease.clone(), begun.clone(), &end, attempt("applied", at(6))).await;
        assert_eq!(lost.unwrap(), Settled::Lost);
    }
    let outcomes: Vec<_> = ledger.attempts(9).await.unwrap().into_iter().map(|row| row.outcome).collect();
    assert_eq!(outcomes, ["lost"]);
}

/// Of this session: how its subject stands, and who has it.
const STANDING: &str =
    "SELECT concat_ws('|', s.state, s.doubt_since IS NULL, s.unanswered, s.may_be_there, s.attempts,
        s.before_mark->>'may_be_there', s.before_mark->>'had_no_end', l.owner)
    FROM meetsync.subject AS s LEFT JOIN meetsync.lease AS l USING (session) WHERE s.session = ";

/// The answer was lost: the lease is ours, and nobody else need wait for it to run out, we least of all.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_asked_for_twice_is_begun_once() {
    let database = ready().await;
    let mut memory = Memory::default();
    for ledger in [live(&database).await, rehearsal(&database).await] {
        for key in [decks_of(7), room_of(8)] {
            // Something went before it, so that there is a belief to put back.
            let (lease, begun) = begin(&ledger, key, [1], at(0)).await;
            let end = StepEnd::InDoubt { words: "no answer".to_owned(), sent: ids([1]) };
            finish(&ledger, lease, begun, &end, attempt("in_doubt", at(1))).await;
            let before = remembered(&ledger, key).await;

            let will_send = ids([2]);
            let ask = StepAsk::new(key, "test", LEASE, &will_send, at(5));
            let first = ledger.lease_and_begin(&ask).await.unwrap();
            let LeasedStep::Begun(_, begun) = &first else { panic!("nobody has it: {first:?}") };
            let marked = remembered(&ledger, key).await;
            let stands = database.texts(&format!("{STANDING}{}", key.session)).await;
            for _ in 0..2 {
                let LeasedStep::Begun(lease, again) = ledger.lease_and_begin(&ask).await.unwrap() else {
                    panic!("it is ours")
                };
                assert_eq!(&again, begun);
                assert_eq!((lease.session, remembered(&ledger, key).await), (key.session, marked.clone()));
                assert_eq!(database.texts(&format!("{STANDING}{}", key.session)).await, stands);
            }
            // Another step is another one, whoever asks.
            let other = StepAsk::new(key, "test", LEASE, &will_send, at(6));
            let taken = ledger.lease_and_begin(&other).await.unwrap();
            assert!(matches!(taken, LeasedStep::Taken { .. }), "{taken:?}");

            let LeasedStep::Begun(lease, begun) = ledger.lease_and_begin(&ask).await.unwrap() else {
                panic!("it is ours")
            };
            let put_back = async || ledger.put_back(lease.clone(), begun.clone()).await.unwrap();
            assert_eq!(put_back().await, Settled::Done);
            assert_eq!(remembered(&ledger, key).await, before, "as if it had never been taken");
            // That answer was lost, too. Whoever has it by now keeps it.
            let (theirs, theirs_begun) = begin(&ledger, key, [3], at(7)).await;
            assert_eq!(put_back().await, Settled::Lost);
            assert_eq!(ledger.put_back(theirs, theirs_begun).await.unwrap(), Settled::Done);

            let asked = (0..2).map(|_| memory.lease_and_begin(&ask, at(5)).unwrap()).collect::<Vec<_>>();
            assert_eq!(asked[0], asked[1]);
            assert!(matches!(memory.lease_and_begin(&other, at(5)).unwrap(), LeasedStep::Taken { .. }));
        }
        memory = Memory::default();
        database
            .run("DELETE FROM meetsync.attempt; DELETE FROM meetsync.lease; DELETE FROM meetsync.subject")
            .await;
    }
}

/// Two such calls may be under way at once: the first one only seemed to be lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_asked_for_twice_at_once_is_begun_once() {
    let database = ready().await;
    let ledger = Ledger::open(connect(database.url(), 8, false)).await.unwrap();
    for round in 0..20 {
        let (key, will_send) = (decks_of(100 + round), ids([1]));
        let ask = StepAsk::new(key, "test", LEASE, &will_send, at(0));
        let (a, b, c) = tokio::join!(
            ledger.lease_and_begin(&ask),
            ledger.lease_and_begin(&ask),
            ledger.lease_and_begin(&ask)
        );
        for asked in [a, b, c] {
            let LeasedStep::Begun(_, begun) = asked.unwrap() else { panic!("it is ours") };
            assert_eq!((begun.tries, begun.before.doubt_since), (1, None));
        }
    }
}
