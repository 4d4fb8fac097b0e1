use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::{Dispatch, LONGEST_BOARD, Next, StepEnded};
use crate::model::{GroupAcronym, SessionId, SubjectKey};
use crate::plan::Change;
use crate::reconcile::worker::board::{Board, Task, TaskStep};
use crate::schedule::circuit::{Answer, Turn};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn task(id: i64, is_live: bool, is_due: bool) -> Task {
    let session = SessionId(id);
    let change = Change {
        subject: SubjectKey::decks(session),
        session,
        group: GroupAcronym::new("mars"),
        reason: String::new(),
        operations: Vec::new(),
        believed: None,
        wanted: None,
        epoch: None,
        link: None,
        slot: None,
    };
    Task { session, is_live, is_due, steps: vec![TaskStep { change, generation: 1, is_due, tries: 0 }] }
}

fn board(read_at: Duration, tasks: Vec<Task>) -> Board {
    Board { read_at, tasks, groups: Arc::default(), look_again_in: None }
}

fn started(next: Next) -> i64 {
    match next {
        Next::Start(task) => task.session.0,
        other => panic!("{other:?}"),
    }
}

fn end(dispatch: &mut Dispatch, id: i64, answer: Answer, now: Duration) -> Option<Turn> {
    let step = StepEnded { key: SubjectKey::decks(SessionId(id)), answer };
    dispatch.ended(SessionId(id), &[step], now, 0.5)
}

/// Three failures in a row: the provider is down.
fn down(tasks: Vec<Task>) -> Dispatch {
    let mut dispatch = Dispatch::new(4);
    dispatch.board(board(ms(1), tasks), ms(1));
    for _ in 0..3 {
        let id = started(dispatch.next(ms(2)));
        end(&mut dispatch, id, Answer::Down, ms(2));
    }
    dispatch
}

#[test]
fn who_ended_after_the_board_was_read_waits_for_the_next_one() {
    let mut dispatch = Dispatch::new(4);
    dispatch.board(board(ms(10), vec![task(1, false, true)]), ms(10));
    assert_eq!(started(dispatch.next(ms(11))), 1);
    end(&mut dispatch, 1, Answer::Alive, ms(20));
    assert!(matches!(dispatch.next(ms(21)), Next::Idle));
    dispatch.board(board(ms(15), vec![task(1, false, true)]), ms(15));
    assert!(matches!(dispatch.next(ms(22)), Next::Idle), "that board was read before the step ended");
    dispatch.board(board(ms(23), vec![task(1, false, true)]), ms(23));
    assert_eq!(started(dispatch.next(ms(24))), 1);
}

#[test]
fn a_probe_stays_with_a_session_for_three_tries_and_then_goes_on() {
    let everybody = || vec![task(1, true, false), task(2, false, false)];
    let mut dispatch = down(vec![task(7, false, true), task(8, false, true), task(9, false, true)]);
    let mut probed = Vec::new();
    for second in 1..=8 {
        let now = ms(second * 3000);
        dispatch.board(board(now, everybody()), now);
        let id = started(dispatch.next(now));
        assert!(matches!(dispatch.next(now), Next::Wait(None)), "one probe at a time");
        probed.push(id);
        end(&mut dispatch, id, Answer::Down, now);
    }
    assert_eq!(probed, [1, 1, 1, 2, 2, 2, 1, 1]);
}

#[test]
fn when_the_provider_is_back_all_that_failed_is_due_live_sessions_first() {
    let tasks = |is_due| vec![task(1, true, is_due), task(2, false, is_due), task(3, false, is_due)];
    let mut dispatch = down(tasks(true));
    dispatch.board(board(ms(3000), tasks(false)), ms(3000));
    assert_eq!(started(dispatch.next(ms(3000))), 1);
    assert_eq!(end(&mut dispatch, 1, Answer::Alive, ms(3100)), Some(Turn::Closed));
    assert_eq!(started(dispatch.next(ms(3100))), 2);
    assert_eq!(started(dispatch.next(ms(3100))), 3);
}

#[test]
fn an_old_board_is_not_acted_on() {
    let mut dispatch = Dispatch::new(4);
    dispatch.board(board(ms(0), vec![task(1, true, true)]), ms(0));
    assert!(matches!(dispatch.next(LONGEST_BOARD + ms(1)), Next::Outdated));
    dispatch.no_board();
    assert!(matches!(dispatch.next(LONGEST_BOARD + ms(1)), Next::Idle));
}

/// A database may be so slow that a pass takes longer than a board is acted on.
#[test]
fn a_board_whose_pass_took_long_is_acted_on_when_it_comes() {
    let mut dispatch = Dispatch::new(4);
    let came_at = LONGEST_BOARD * 3;
    dispatch.board(board(ms(0), vec![task(1, true, true)]), came_at);
    assert_eq!(started(dispatch.next(came_at)), 1);
}

#[derive(Debug, Clone)]
enum Event {
    /// Which of six sessions are on the board, live and due, by bits.
    Board(u8, u8, u8),
    Begin,
    /// Of those in flight the one at this place.
    End(usize, Answer),
    Taken(usize),
    Pass(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let answer = prop_oneof![3 => Just(Answer::Down), 3 => Just(Answer::Alive), 1 => Just(Answer::NotAsked)];
    let event = prop_oneof![
        3 => (any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(there, live, due)| Event::Board(there, live, due)),
        6 => Just(Event::Begin),
        5 => (0..8_usize, answer).prop_map(|(place, answer)| Event::End(place, answer)),
        1 => (0..8_usize).prop_map(Event::Taken),
        4 => (0..5000_u64).prop_map(Event::Pass),
    ];
    proptest::collection::vec(event, 1..120)
}

proptest! {
    /// Whatever happens: no session twice, no more than the most, nobody before a live one, one at a time while the provider is down, what is
    /// begun is on the board and free, and of what may go the first in the order of work.
    #[test]
    fn it_keeps_its_rules(events in events(), places in 1..4_usize) {
        let mut dispatch = Dispatch::new(places);
        let mut in_flight: BTreeMap<i64, bool> = BTreeMap::new();
        let mut begun_since: BTreeMap<i64, usize> = BTreeMap::new();
        let mut taken: BTreeMap<i64, Duration> = BTreeMap::new();
        let (mut now, mut on_board) = (ms(1), Vec::new());
        for event in events {
            match event {
                Event::Board(there, live, due) => {
                    let bit = |bits: u8, id: i64| bits >> id & 1 == 1;
                    on_board = (0..6_i64).filter(|id| bit(there, *id)).collect();
                    let tasks = on_board.iter().map(|id| task(*id, bit(live, *id), bit(due, *id))).collect();
                    dispatch.board(board(now, tasks), now);
                }
                Event::Begin => {
                    let was_open = dispatch.circuit.is_open();
                    if let Next::Start(task) = dispatch.next(now) {
                        let id = task.session.0;
                        prop_assert!(on_board.contains(&id));
                        prop_assert!(taken.get(&id).is_none_or(|until| *until <= now));
                        prop_assert!(!was_open || in_flight.is_empty(), "one probe at a time");
                        prop_assert!(was_open || (task.is_due && task.steps.iter().all(|step| step.is_due)));
                        if task.is_live {
                            begun_since.insert(id, 0);
                        } else {
                            begun_since.remove(&id);
                            for (live, others) in &mut begun_since {
                                *others += usize::from(in_flight.contains_key(live));
                                prop_assert!(*others <= places * 2, "a live session waits for all others");
                            }
                        }
                        let is_behind_a_live_one = !task.is_live && in_flight.values().any(|is_live| *is_live);
                        prop_assert!(in_flight.insert(id, task.is_live).is_none(), "twice at once");
                        let most = if is_behind_a_live_one { places } else { places * 2 };
                        prop_assert!(in_flight.len() <= most, "a live session could be overtaken");
                    }
                }
                Event::End(place, answer) => {
                    let found = in_flight.keys().copied().nth(place);
                    if let Some(id) = found {
                        in_flight.remove(&id);
                        end(&mut dispatch, id, answer, now);
                    }
                }
                Event::Taken(place) => {
                    let found = in_flight.keys().copied().nth(place);
                    if let Some(id) = found {
                        in_flight.remove(&id);
                        dispatch.taken(SessionId(id), now + ms(1000));
                        dispatch.ended(SessionId(id), &[], now, 0.5);
                        taken.insert(id, now + ms(1000));
                    }
                }
                Event::Pass(millis) => now += ms(millis),
            }
        }
        // Nothing is stuck: with an answering provider and fresh boards everybody has a turn.
        for id in std::mem::take(&mut in_flight).into_keys() {
            end(&mut dispatch, id, Answer::Alive, now);
        }
        let mut done = BTreeSet::new();
        for _ in 0..40 {
            now += ms(31_000);
            dispatch.board(board(now, (0..6).map(|id| task(id, false, true)).collect()), now);
            if let Next::Start(task) = dispatch.next(now) {
                end(&mut dispatch, task.session.0, Answer::Alive, now);
                done.insert(task.session.0);
                dispatch.taken(task.session, now + ms(200_000));
            }
        }
        prop_assert_eq!(done.len(), 6);
    }
}
