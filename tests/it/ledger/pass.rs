//! Passes behind their fence: what is recorded, what is not, and what a burst leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::TimeDelta;
use meetsync::ledger::{
    AttemptRow, Failure, LeasedStep, Memory, PassRecord, Recorded, Settled, StepAsk, StepEnd,
};
use meetsync::model::{Burst, Hold, Passes, SessionId};
use serde_json::json;

use super::view::wish;
use super::{
    LEASE, PER, accepted, at, attempt, begin, decks_of, finish, ids, live, ready, remembered, room, room_of,
};

fn pass(known: i64, wishes: Vec<meetsync::ledger::Wish>) -> PassRecord {
    PassRecord {
        known_until: at(known),
        as_of: at(known),
        took: Duration::from_millis(7),
        who: "worker".to_owned(),
        acts: true,
        summary: json!({"sessions": 3}),
        wishes,
        calmed: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_knows_less_than_one_before_it_records_nothing() {
    let database = ready().await;
    let ledger = live(&database).await;
    let mut memory = Memory::default();
    let key = decks_of(7);
    let slot = Some((0, 60));
    for (known, list, expected) in [
        (10, vec![1], Some(1)),
        (20, vec![1, 2], Some(2)),
        (12, vec![1], None),
        // Unchanged: nothing is written, and the generation stays.
        (21, vec![1, 2], Some(2)),
        // More than a minute backwards is a clock that was set, not an old state.
        (-60, vec![3], Some(3)),
    ] {
        let pass = pass(known, vec![wish(key, list.iter().copied(), slot, known)]);
        let recorded = ledger.record_pass(&pass).await.unwrap();
        assert_eq!(recorded, memory.record_pass(&pass), "known until {known}");
        match expected {
            None => assert_eq!(recorded, Recorded::Stale, "known until {known}"),
            Some(generation) => {
                let Recorded::Done(new) = recorded else { panic!("known until {known}") };
                assert!(new.is_empty() || new == BTreeMap::from([(key, generation)]), "{new:?}");
                let row = remembered(&ledger, key).await.unwrap();
                assert_eq!(row.timing.generation, generation);
                let burst = row.timing.burst.expect("it is to be sent");
                assert!(burst.first <= burst.last, "known until {known}: {burst:?}");
                let twin = memory.view_of(&[key.session].into(), PER, at(0)).unwrap().subjects[&key].clone();
                assert_eq!(row, twin);
            }
        }
    }
    let last = ledger.last_pass().await.unwrap().expect("it was recorded");
    assert_eq!((last.as_of, last.took, last.who.as_str()), (at(-60), Duration::from_millis(7), "worker"));
    assert!(last.asked_at >= last.ended_at);
}

/// A worker that only looks is none that could have sent anything.
/// Somebody tries other settings beside the worker, and may be a moment ahead of it at every pass.
#[tokio::test(flavor = "multi_thread")]
async fn who_only_observes_is_in_nobody_s_way() {
    let database = ready().await;
    let ledger = live(&database).await;
    let mut memory = Memory::default();
    let key = decks_of(7);
    let observes = |known| PassRecord { acts: false, who: "shadow".into(), ..pass(known, Vec::new()) };
    let acts = |known, deck| pass(known, vec![wish(key, [deck], Some((0, 60)), known)]);
    let done = Recorded::Done(BTreeMap::new());
    for (step, pass, expected, who, since) in [
        ("alone", observes(20), done.clone(), "shadow", None),
        ("ahead of one that acts", acts(19, 1), Recorded::Done([(key, 1)].into()), "worker", Some(19)),
        ("beside it", observes(21), done.clone(), "worker", Some(19)),
        ("ahead of it again", acts(20, 2), Recorded::Done([(key, 2)].into()), "worker", Some(19)),
        ("an older one that acts", acts(18, 3), Recorded::Stale, "worker", Some(19)),
        ("alone again", observes(51), done, "shadow", None),
        ("one that slept since", acts(17, 4), Recorded::Stale, "shadow", None),
    ] {
        assert_eq!(memory.record_pass(&pass), expected, "{step}");
        assert_eq!(ledger.record_pass(&pass).await.unwrap(), expected, "{step}");
        let view = ledger.view_of(&[key.session].into(), PER, at(0)).await.unwrap();
        assert_eq!(view.passes, memory.view_of(&[key.session].into(), PER, at(0)).unwrap().passes, "{step}");
        assert_eq!(view.passes.acting_since, since.map(at), "{step}");
        assert_eq!(ledger.last_pass().await.unwrap().expect("one was recorded").who, who, "{step}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_tells_since_when_passes_may_send() {
    let database = ready().await;
    let ledger = live(&database).await;
    let mut memory = Memory::default();
    let none = BTreeSet::new();
    assert_eq!(ledger.view(&none, PER, at(0)).await.unwrap().passes, Passes::default());
    for (second, acts, since) in [
        (10, false, None),
        (20, true, Some(20)),
        (30, true, Some(20)),
        (40, false, None),
        (200, true, Some(200)),
        // The clock was set back.
        (100, true, Some(100)),
        (110, true, Some(100)),
    ] {
        let pass = PassRecord { acts, ..pass(second, Vec::new()) };
        assert_eq!(ledger.record_pass(&pass).await.unwrap(), memory.record_pass(&pass));
        let expected = Passes { newest: Some(at(second)), acting_since: since.map(at) };
        assert_eq!(ledger.view(&none, PER, at(0)).await.unwrap().passes, expected);
        assert_eq!(memory.view(&none, PER, at(0)).unwrap().passes, expected);
    }
    // What is not recorded says nothing.
    let stale = PassRecord { acts: false, ..pass(105, Vec::new()) };
    assert_eq!(ledger.record_pass(&stale).await.unwrap(), Recorded::Stale);
    assert_eq!(memory.record_pass(&stale), Recorded::Stale);
    let left = ledger.view(&none, PER, at(0)).await.unwrap().passes;
    assert_eq!(left, memory.view(&none, PER, at(0)).unwrap().passes);
    assert_eq!(left.acting_since, Some(at(100)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_that_goes_on_during_a_step_begins_anew_with_its_newest_change() {
    let database = ready().await;
    let ledger = live(&database).await;
    let key = decks_of(7);
    let slot = Some((0, 60));
    let record = async |known, list: &[i64]| {
        ledger.record_pass(&pass(known, vec![wish(key, list.iter().copied(), slot, known)])).await.unwrap()
    };
    record(1, &[1]).await;
    record(3, &[1, 2]).await;
    let (lease, begun) = begin(&ledger, key, [1, 2], at(4)).await;
    assert_eq!(begun.before.timing.burst, Some(Burst { first: at(1), last: at(3) }));
    record(5, &[1, 2, 3]).await;
    finish(&ledger, lease, begun, &accepted([1, 2], at(6)), attempt("applied", at(6))).await;
    let timing = remembered(&ledger, key).await.unwrap().timing;
    assert_eq!(timing.burst, Some(Burst { first: at(5), last: at(5) }));

    // The list went back to what was accepted: nothing is owed, and the same wish later is a new one.
    let calmed = vec![(key, timing.generation - 1), (decks_of(8), 1)];
    ledger.record_pass(&PassRecord { calmed, ..pass(7, Vec::new()) }).await.unwrap();
    assert_eq!(remembered(&ledger, key).await.unwrap().timing, timing, "a newer wish was there by then");
    let calmed = vec![(key, timing.generation)];
    ledger.record_pass(&PassRecord { calmed, ..pass(8, Vec::new()) }).await.unwrap();
    let calm = remembered(&ledger, key).await.unwrap().timing;
    assert_eq!((calm.burst, calm.digest, calm.generation), (None, None, timing.generation + 1));
    let Recorded::Done(new) = record(9, &[1, 2, 3]).await else { panic!("nothing newer is there") };
    assert_eq!(new[&key], calm.generation + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_had_nothing_to_do_leaves_no_trace() {
    let database = ready().await;
    let ledger = live(&database).await;
    let key = decks_of(7);
    ledger.record_pass(&pass(1, vec![wish(key, [1], Some((0, 60)), 1)])).await.unwrap();
    database
        .run("UPDATE meetsync.subject SET state = 'parked', attempts = 3, due_at = '2026-11-21T09:05:00Z'")
        .await;
    let before = remembered(&ledger, key).await.unwrap();
    assert!(before.timing.parked);
    let (lease, begun) = begin(&ledger, key, [1], at(4)).await;
    assert!(begun.before == before, "{:?}", begun.before);
    assert_eq!(ledger.put_back(lease, begun).await.unwrap(), Settled::Done);
    assert_eq!(remembered(&ledger, key).await.unwrap(), before);
    assert!(ledger.attempts(9).await.unwrap().is_empty());

    // Refused once is not refused for ever: another wish is tried at once.
    ledger.record_pass(&pass(2, vec![wish(key, [2], Some((0, 60)), 2)])).await.unwrap();
    let timing = remembered(&ledger, key).await.unwrap().timing;
    assert_eq!((timing.parked, timing.tries, timing.not_before), (false, 0, None));
}

/// Another worker's pass found that the list had gone back, while a step on the old wish was under way.
#[tokio::test(flavor = "multi_thread")]
async fn a_wish_that_was_taken_back_during_a_step_is_not_left_behind_by_it() {
    let database = ready().await;
    let ledger = live(&database).await;
    let states = "SELECT state FROM meetsync.subject";
    for (known, puts_back) in [(10, true), (20, false)] {
        let key = decks_of(known);
        ledger.record_pass(&pass(known, vec![wish(key, [1], Some((0, 60)), known)])).await.unwrap();
        let (lease, begun) = begin(&ledger, key, [1], at(known)).await;
        let calmed = vec![(key, begun.before.timing.generation)];
        ledger.record_pass(&PassRecord { calmed, ..pass(known + 1, Vec::new()) }).await.unwrap();
        if puts_back {
            assert_eq!(ledger.put_back(lease, begun).await.unwrap(), Settled::Done);
        } else {
            finish(&ledger, lease, begun, &accepted([1], at(known)), attempt("applied", at(known))).await;
        }
        let of_this = format!("{states} WHERE session = {known}");
        assert_eq!(database.texts(&of_this).await, ["settled"], "put back: {puts_back}");
        assert_eq!(remembered(&ledger, key).await.unwrap().timing.burst, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_attempts_are_forgotten() {
    let database = ready().await;
    let ledger = live(&database).await;
    for (session, second) in [(1, 0), (2, 100)] {
        let (lease, begun) = begin(&ledger, decks_of(session), [1], at(second)).await;
        finish(&ledger, lease, begun, &accepted([1], at(second)), attempt("applied", at(second))).await;
    }
    assert_eq!(ledger.prune(at(100)).await.unwrap(), 1);
    let left = ledger.attempts(9).await.unwrap();
    assert_eq!(left.iter().map(|attempt| attempt.at).collect::<Vec<_>>(), [at(100)]);
    assert_eq!(ledger.prune(at(0) + TimeDelta::days(1)).await.unwrap(), 1);
}

/// What is over holds nobody up, is read with nothing, and is not kept for ever.
#[tokio::test(flavor = "multi_thread")]
async fn old_holds_are_forgotten() {
    let database = ready().await;
    let ledger = live(&database).await;
    let mut memory = Memory::default();
    for (session, until) in [(None, 100), (Some(1), 99), (Some(2), 100), (Some(3), 9_000_000)] {
        let hold = Hold { until: at(until), by: "somebody".into(), reason: "a reason".into() };
        let session = session.map(SessionId);
        ledger.hold(session, &hold, at(0)).await.unwrap();
        memory.hold(session, Some(hold));
    }
    let wishes: Vec<_> = (1..4).map(|id| wish(decks_of(id), [1], Some((0, 60)), 0)).collect();
    ledger.record(&wishes).await.unwrap();
    memory.record(&wishes);
    // By then, only a hold brings these sessions before a pass.
    let days = |number: i64| at(number * 86_400);
    for (now, expected) in [(days(1), vec![1, 2, 3]), (days(3), vec![3]), (days(200), vec![])] {
        let view = ledger.view(&BTreeSet::new(), PER, now).await.unwrap();
        let found: Vec<i64> = view.subjects.keys().map(|key| key.session.0).collect();
        assert_eq!(found, expected, "{now}");
        assert_eq!(view.subjects, memory.view(&BTreeSet::new(), PER, now).unwrap().subjects, "{now}");
    }
    assert_eq!(ledger.forget_holds(at(100)).await.unwrap(), 1);
    assert_eq!(ledger.forget_holds(at(101)).await.unwrap(), 2);
    let left = ledger.holds().await.unwrap();
    assert_eq!(left.iter().map(|(session, _)| *session).collect::<Vec<_>>(), [Some(SessionId(3))]);
}

/// A refusal is of what was sent, and not of the wish that came meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_wish_that_came_during_a_refused_step_is_not_parked_with_it() {
    let database = ready().await;
    let ledger = live(&database).await;
    let mut memory = Memory::default();
    let key = decks_of(7);
    let wished =
        |second, list: &[i64]| pass(second, vec![wish(key, list.iter().copied(), Some((0, 60)), second)]);
    let end = StepEnd::NotProcessed { failure: Some(Failure::Refused("no".to_owned())) };
    let row = || AttemptRow { not_before: Some(at(300)), ..attempt("refused", at(3)) };
    ledger.record_pass(&wished(1, &[1])).await.unwrap();
    memory.record_pass(&wished(1, &[1]));
    let (lease, begun) = begin(&ledger, key, [1], at(2)).await;
    let twin = memory.lease_and_begin(&StepAsk::new(key, "test", LEASE, &ids([1]), at(2)), at(2)).unwrap();
    let LeasedStep::Begun(twin_lease, twin_begun) = twin else { panic!("nobody has it") };
    ledger.record_pass(&wished(3, &[1, 2])).await.unwrap();
    memory.record_pass(&wished(3, &[1, 2]));
    finish(&ledger, lease, begun, &end, row()).await;
    assert_eq!(memory.settle_and_release(&twin_lease, &twin_begun, &end, row()), Settled::Done);
    let after = remembered(&ledger, key).await.unwrap();
    assert_eq!((after.timing.parked, after.timing.not_before, after.timing.tries), (false, None, 0));
    assert_eq!(after, memory.view_of(&[key.session].into(), PER, at(3)).unwrap().subjects[&key]);
}

/// A link that can't be written is tried less and less often, and the room beside it is ours all the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_failed_beside_a_room_counts_as_a_try() {
    let database = ready().await;
    let ledger = live(&database).await;
    let key = room_of(7);
    for tries in 1..4 {
        let (lease, begun) = begin(&ledger, key, [], at(tries)).await;
        assert_eq!(i64::from(begun.tries), tries);
        let end = StepEnd::RoomIs { record: room(7, at(900)), at: at(tries), confirming: None };
        let words = Some("the link was not written".to_owned());
        let row = AttemptRow { words, not_before: Some(at(300)), ..attempt("retry", at(tries)) };
        finish(&ledger, lease, begun, &end, row).await;
        let after = remembered(&ledger, key).await.unwrap();
        assert_eq!((i64::from(after.timing.tries), after.timing.not_before), (tries, Some(at(300))));
        assert!(after.room.is_some() && after.doubt_since.is_none());
        assert_eq!(after.last_error.as_deref(), Some("the link was not written"));
    }
}
