//! Random histories: the database and a rehearsal agree after every one, and the rules of doubt hold throughout.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use meetsync::ledger::{Begun, Failure, LeasedStep, Ledger, StepAsk, StepEnd};
use meetsync::model::{DeckId, Hold, LedgerView, SessionId};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::view::wish;
use super::{LEASE, PER, at, attempt, decks_of, finish, ids, list_of, live, ready, rehearsal};

#[derive(Debug, Clone)]
enum Event {
    Wish(Vec<i64>),
    /// The list that is sent, what becomes of it, and how often it is asked for, since answers are lost.
    Step(Vec<i64>, End, usize),
    /// The same, by hand.
    ByHand(Vec<i64>, End, usize),
    /// For so many events.
    Hold(i64),
    Release,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Applied,
    NotProcessed,
    Refused,
    /// Only the first half was sent.
    Partly,
    InDoubt,
    Killed,
}

fn histories() -> impl Strategy<Value = Vec<Event>> {
    let list = || proptest::sample::subsequence(vec![1_i64, 2, 3, 4, 5], 0..=4);
    let end = prop_oneof![
        3 => Just(End::Applied),
        1 => Just(End::NotProcessed),
        1 => Just(End::Refused),
        1 => Just(End::Partly),
        1 => Just(End::InDoubt),
        1 => Just(End::Killed),
    ];
    let step = || (list(), end.clone(), 1..4_usize);
    let event = prop_oneof![
        4 => list().prop_map(Event::Wish),
        12 => step().prop_map(|(list, end, asked)| Event::Step(list, end, asked)),
        1 => step().prop_map(|(list, end, asked)| Event::ByHand(list, end, asked)),
        2 => (1..4_i64).prop_map(Event::Hold),
        1 => Just(Event::Release),
    ];
    proptest::collection::vec(event, 1..12)
}

/// How a step of such a fate ended. Deletes what may be there and is not on the list, as a real one.
fn end_of(begun: &Begun, list: &[i64], end: End, second: i64) -> Option<StepEnd> {
    let half = ids(list.iter().copied().take(list.len() / 2));
    let words = format!("words of {second}");
    Some(match end {
        End::Applied => {
            let there = ids(list.iter().copied());
            StepEnd::DecksAccepted {
                accepted: list_of(list.iter().copied(), at(second)),
                deleted: begun.before.may_be_there.difference(&there).copied().collect(),
                confirming: begun.confirming(at(second), TimeDelta::seconds(3), false),
            }
        }
        End::NotProcessed => StepEnd::NotProcessed { failure: Some(Failure::Retry(words)) },
        End::Refused => StepEnd::NotProcessed { failure: Some(Failure::Refused(words)) },
        End::Partly => StepEnd::Partly { failure: Failure::Retry(words), sent: half },
        End::InDoubt => StepEnd::InDoubt { words, sent: ids(list.iter().copied()) },
        End::Killed => return None,
    })
}

/// Whether each step of a history found a hold in its way, by what was said of holds alone.
fn which_are_held(history: &[Event]) -> Vec<bool> {
    let mut held_until = 0;
    let mut held = Vec::new();
    for (second, event) in (0..).zip(history) {
        match event {
            Event::Hold(length) => held_until = second + length,
            Event::Release => held_until = 0,
            _ => {}
        }
        held.push(matches!(event, Event::Step(..)) && second < held_until);
    }
    held
}

/// Plays a history on one session, and returns the view after every event.
async fn play(ledger: &Ledger, session: i64, history: &[Event]) -> Vec<LedgerView> {
    let key = decks_of(session);
    let mut views = Vec::new();
    let stopped = which_are_held(history);
    for ((second, event), is_held) in (0..).zip(history).zip(stopped) {
        match event {
            Event::Hold(length) => {
                let hold = Hold { until: at(second + length), by: "a".into(), reason: "b".into() };
                ledger.hold(Some(key.session), &hold, at(second)).await.unwrap();
            }
            Event::Release => _ = ledger.release_hold(Some(key.session)).await.unwrap(),
            Event::Wish(list) => {
                ledger.record(&[wish(key, list.iter().copied(), Some((0, 60)), second)]).await.unwrap();
            }
            Event::Step(list, end, asked) | Event::ByHand(list, end, asked) => {
                // Of a killed process only the lease remains, and runs out in time: this one at once.
                let length = if matches!(end, End::Killed) { Duration::ZERO } else { LEASE };
                let will_send = ids(list.iter().copied());
                let mut ask = StepAsk::new(key, "test", length, &will_send, at(second));
                ask.in_spite_of_holds = matches!(event, Event::ByHand(..));
                if is_held {
                    let held = ledger.lease_and_begin(&ask).await.unwrap();
                    assert!(matches!(held, LeasedStep::Held { .. }), "{held:?} in {history:?}");
                    views.push(ledger.view_of(&[key.session].into(), PER, at(second)).await.unwrap());
                    continue;
                }
                for _ in 1..*asked {
                    let unheard = ledger.lease_and_begin(&ask).await.unwrap();
                    assert!(matches!(unheard, LeasedStep::Begun(..)), "{unheard:?}");
                }
                let LeasedStep::Begun(lease, begun) = ledger.lease_and_begin(&ask).await.unwrap() else {
                    panic!("it is ours")
                };
                if let Some(end) = end_of(&begun, list, *end, second) {
                    finish(ledger, lease, begun, &end, attempt("played", at(second))).await;
                }
            }
        }
        views.push(ledger.view_of(&BTreeSet::from([SessionId(session)]), PER, at(second)).await.unwrap());
    }
    views
}

/// What the provider may show after each event, by what was sent alone.
fn check_rules(session: i64, history: &[Event], views: &[LedgerView]) {
    let mut could_be_there: BTreeSet<DeckId> = BTreeSet::new();
    let mut in_doubt = false;
    let mut unanswered = false;
    let held = which_are_held(history);
    for ((event, view), is_held) in history.iter().zip(views).zip(held) {
        if let Event::Step(list, end, _) | Event::ByHand(list, end, _) = event
            && !is_held
        {
            let all = ids(list.iter().copied());
            match end {
                End::Applied => {
                    let remembered = &view.subjects[&decks_of(session)];
                    assert!(
                        !unanswered || remembered.confirming.is_some(),
                        "an answer never came: {history:?}"
                    );
                    if remembered.confirming.is_none() {
                        could_be_there.clear();
                    }
                    could_be_there.extend(&all);
                    (in_doubt, unanswered) = (false, false);
                }
                End::NotProcessed | End::Refused => {}
                End::Partly => {
                    could_be_there.extend(ids(list.iter().copied().take(list.len() / 2)));
                    in_doubt = true;
                }
                End::InDoubt | End::Killed => {
                    could_be_there.extend(&all);
                    (in_doubt, unanswered) = (true, true);
                }
            }
        }
        let Some(remembered) = view.subjects.get(&decks_of(session)) else { continue };
        assert_eq!(remembered.may_be_there, could_be_there, "{history:?}");
        assert_eq!(remembered.doubt_since.is_some(), in_doubt, "{history:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_does_what_the_database_does_and_both_keep_the_rules() {
    let database = ready().await;
    let (live, rehearsed) = (live(&database).await, rehearsal(&database).await);
    let mut runner = TestRunner::deterministic();
    for case in 0..60 {
        let history = histories().new_tree(&mut runner).unwrap().current();
        // Different sessions, so that the rehearsal doesn't read what the live one wrote.
        let (here, there) = (1000 + case, 2000 + case);
        let (written, imagined) =
            tokio::join!(play(&live, here, &history), play(&rehearsed, there, &history));
        let bare = |views: &[LedgerView]| -> Vec<_> {
            views.iter().map(|view| view.subjects.values().cloned().collect::<Vec<_>>()).collect()
        };
        assert_eq!(bare(&written), bare(&imagined), "{history:?}");
        check_rules(here, &history, &written);
    }
}
