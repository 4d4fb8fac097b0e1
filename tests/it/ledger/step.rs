//! Doubt: marked before the first request, cleared by nothing but a complete success.

use chrono::TimeDelta;
use meetsync::ledger::{CountsAs, Failure, LONGEST_WORDS, LeasedStep, StepAsk, StepEnd};
use meetsync::model::{Belief, Confirming, SessionId};

use super::{
    LEASE, PER, accepted, at, attempt, begin, connect, decks, decks_of, finish, ids, list_of, live, ready,
    remembered, room, room_of,
};

#[tokio::test(flavor = "multi_thread")]
async fn doubt_outlives_the_process_that_marked_it() {
    let database = ready().await;
    let key = decks_of(7);
    {
        let killed = meetsync::ledger::Ledger::open(connect(database.url(), 1, false)).await.unwrap();
        let (_lease, _begun) = begin(&killed, key, [1, 2], at(0)).await;
        database
            .run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
            .await;
    }
    let ledger = live(&database).await;
    let found = remembered(&ledger, key).await.unwrap();
    assert_eq!(found.doubt_since, Some(at(0)));
    assert_eq!(found.may_be_there, ids([1, 2]));
    assert_eq!(found.belief("first"), Belief::Unknown);

    // Its lease still holds off the others, until it is over.
    let none = ids([]);
    let taken = ledger.lease_and_begin(&StepAsk::new(key, "next", LEASE, &none, at(60))).await.unwrap();
    assert!(matches!(taken, LeasedStep::Taken { .. }));
    database.run("UPDATE meetsync.lease SET until = clock_timestamp()").await;
    let (lease, begun) = begin(&ledger, key, [2], at(60)).await;
    assert_eq!(begun.before, found, "the step starts from what is believed");
    let confirming = begun.confirming(at(61), TimeDelta::seconds(30), false);
    assert_eq!(confirming, Some(Confirming { at: at(91) }), "nobody ever answered");
    let end = StepEnd::DecksAccepted { accepted: list_of([2], at(61)), deleted: ids([1]), confirming };
    finish(&ledger, lease, begun, &end, attempt("applied", at(61))).await;
    let after = remembered(&ledger, key).await.unwrap();
    assert_eq!((after.doubt_since, after.confirming), (None, confirming));
    assert_eq!(
        after.may_be_there,
        ids([1, 2]),
        "a late request could bring 1 back: the confirming send deletes it again"
    );
    assert_eq!(after.belief("first"), Belief::List(&decks([2])));

    // The confirming send ends it.
    let (lease, begun) = begin(&ledger, key, [2], at(91)).await;
    assert_eq!(begun.confirming(at(92), TimeDelta::seconds(30), false), None);
    let end = StepEnd::DecksAccepted { accepted: list_of([2], at(92)), deleted: ids([1]), confirming: None };
    finish(&ledger, lease, begun, &end, attempt("applied", at(92))).await;
    let after = remembered(&ledger, key).await.unwrap();
    assert_eq!((after.confirming, after.may_be_there), (None, ids([2])));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_provably_not_processed_puts_the_former_belief_back() {
    let database = ready().await;
    let ledger = live(&database).await;
    let key = decks_of(7);
    let (lease, begun) = begin(&ledger, key, [1], at(0)).await;
    finish(&ledger, lease, begun, &accepted([1], at(1)), attempt("applied", at(1))).await;
    let former = remembered(&ledger, key).await.unwrap();

    let (lease, begun) = begin(&ledger, key, [1, 2], at(10)).await;
    let during = remembered(&ledger, key).await.unwrap();
    assert_eq!((during.doubt_since, during.accepted), (Some(at(10)), former.accepted.clone()));
    let failure = Some(Failure::Retry("connection refused".to_owned()));
    let end = StepEnd::NotProcessed { failure };
    finish(&ledger, lease, begun, &end, attempt("retry", at(10))).await;
    let mut after = remembered(&ledger, key).await.unwrap();
    assert_eq!(after.last_error.take().as_deref(), Some("connection refused"));
    assert_eq!(std::mem::take(&mut after.timing.tries), 1);
    assert_eq!(after, former);
    assert_eq!(state(&database).await, ["waiting|1"]);

    let (lease, begun) = begin(&ledger, key, [1, 2], at(20)).await;
    assert_eq!(begun.tries, 2);
    let end = StepEnd::NotProcessed { failure: Some(Failure::Refused("no such group".to_owned())) };
    finish(&ledger, lease, begun, &end, attempt("refused", at(20))).await;
    assert_eq!(state(&database).await, ["parked|2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn doubt_that_was_there_before_is_not_put_aside_by_a_step_that_did_nothing() {
    let database = ready().await;
    let ledger = live(&database).await;
    let key = decks_of(7);
    let (lease, begun) = begin(&ledger, key, [1], at(0)).await;
    let end = StepEnd::InDoubt { words: "no answer".to_owned(), sent: ids([1]) };
    finish(&ledger, lease, begun, &end, attempt("in_doubt", at(3))).await;
    for seconds in [10, 20] {
        let (lease, begun) = begin(&ledger, key, [1, 2], at(seconds)).await;
        assert!(begun.owes_confirming);
        let end = StepEnd::NotProcessed { failure: Some(Failure::Retry("refused".to_owned())) };
        finish(&ledger, lease, begun, &end, attempt("retry", at(seconds))).await;
        let after = remembered(&ledger, key).await.unwrap();
        assert_eq!((after.doubt_since, after.may_be_there), (Some(at(0)), ids([1])));
    }
    assert_eq!(state(&database).await, ["in_doubt|3"]);
}

/// It was only tried again since nothing of before can come late, and a read since shows none.
#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_was_not_made_is_in_doubt_no_longer() {
    let database = ready().await;
    let ledger = live(&database).await;
    let key = room_of(7);
    let (lease, begun) = begin(&ledger, key, [], at(0)).await;
    let end = StepEnd::InDoubt { words: "no answer".to_owned(), sent: ids([]) };
    finish(&ledger, lease, begun, &end, attempt("in_doubt", at(3))).await;
    let (lease, begun) = begin(&ledger, key, [], at(60)).await;
    let end = StepEnd::NotMade { failure: Failure::Refused("400: no".to_owned()) };
    finish(&ledger, lease, begun, &end, attempt("refused", at(61))).await;
    let after = remembered(&ledger, key).await.unwrap();
    assert_eq!((after.doubt_since, after.last_error.as_deref()), (None, Some("400: no")));
    assert_eq!(state(&database).await, ["parked|2"]);
    let (_lease, begun) = begin(&ledger, key, [], at(90)).await;
    assert!(!begun.owes_confirming && begun.before.doubt_since.is_none(), "{begun:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_done_by_half_is_unknown_but_owes_no_confirming_send() {
    let database = ready().await;
    let ledger = live(&database).await;
    let key = decks_of(7);
    let (lease, begun) = begin(&ledger, key, [1, 2], at(0)).await;
    let failure = Failure::Retry("429".to_owned());
    let end = StepEnd::Partly { failure, sent: ids([1]) };
    finish(&ledger, lease, begun, &end, attempt("retry", at(1))).await;
    let after = remembered(&ledger, key).await.unwrap();
    assert_eq!((after.doubt_since, after.may_be_there), (Some(at(0)), ids([1])), "2 was never sent");
    let (_lease, begun) = begin(&ledger, key, [1, 2], at(2)).await;
    assert_eq!(begun.confirming(at(3), TimeDelta::seconds(30), false), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_step_in_doubt_keeps_what_it_knows() {
    let database = ready().await;
    let ledger = live(&database).await;
    let key = room_of(7);
    let (lease, begun) = begin(&ledger, key, [], at(0)).await;
    let end = StepEnd::RoomIs { record: room(7, at(0)), at: at(1), confirming: None };
    let mut counted = attempt("applied", at(1));
    counted.counts_as = Some(CountsAs::RoomCreated);
    finish(&ledger, lease, begun, &end, counted).await;

    let (lease, begun) = begin(&ledger, key, [], at(5)).await;
    let end = StepEnd::InDoubt { words: "no answer".to_owned(), sent: ids([]) };
    finish(&ledger, lease, begun, &end, attempt("in_doubt", at(5))).await;
    let after = remembered(&ledger, key).await.unwrap();
    assert_eq!((after.room, after.doubt_since), (Some(room(7, at(0))), Some(at(5))));

    let (lease, begun) = begin(&ledger, key, [], at(9)).await;
    let end = StepEnd::RoomGone { record: Some(room(7, at(0))), at: at(10), confirming: None };
    let mut counted = attempt("applied", at(10));
    counted.counts_as = Some(CountsAs::RoomDeleted);
    finish(&ledger, lease, begun, &end, counted).await;
    let view = ledger.view_of(&[SessionId(7)].into(), PER, at(60)).await.unwrap();
    assert!(view.get(key).unwrap().room.as_ref().unwrap().gone, "its link is still known as ours");
    assert_eq!((view.recent.rooms_created, view.recent.rooms_deleted), (1, 1));
    let later = ledger.view_of(&[SessionId(7)].into(), PER, at(3605)).await.unwrap();
    assert_eq!((later.recent.rooms_created, later.recent.rooms_deleted), (0, 1), "only the last hour counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_that_came_during_the_step_is_not_settled_by_it() {
    let database = ready().await;
    let ledger = live(&database).await;
    let key = decks_of(7);
    ledger.record(&[super::view::wish(key, [1], Some((0, 60)), 0)]).await.unwrap();
    let (lease, begun) = begin(&ledger, key, [1], at(1)).await;
    ledger.record(&[super::view::wish(key, [1, 2], Some((0, 60)), 2)]).await.unwrap();
    finish(&ledger, lease, begun, &accepted([1], at(3)), attempt("applied", at(3))).await;
    assert_eq!(state(&database).await, ["waiting|0"]);
    let (lease, begun) = begin(&ledger, key, [1, 2], at(4)).await;
    finish(&ledger, lease, begun, &accepted([1, 2], at(5)), attempt("applied", at(5))).await;
    assert_eq!(state(&database).await, ["settled|0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_words_are_cut() {
    let database = ready().await;
    let ledger = live(&database).await;
    let (lease, begun) = begin(&ledger, decks_of(7), [1], at(0)).await;
    let words = "é".repeat(5000);
    let end = StepEnd::InDoubt { words: words.clone(), sent: ids([1]) };
    let row = meetsync::ledger::AttemptRow { words: Some(words), ..attempt("in_doubt", at(1)) };
    finish(&ledger, lease, begun, &end, row).await;
    let lengths = "SELECT char_length(last_error) FROM meetsync.subject
        UNION ALL SELECT char_length(words) FROM meetsync.attempt";
    assert_eq!(database.texts(lengths).await, [LONGEST_WORDS.to_string(), LONGEST_WORDS.to_string()]);
}

async fn state(database: &crate::support::TestDatabase) -> Vec<String> {
    database.texts("SELECT state || '|' || attempts FROM meetsync.subject").await
}
