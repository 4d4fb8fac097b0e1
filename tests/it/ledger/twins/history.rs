//! What may happen to both ledgers, drawn by chance.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use meetsync::ledger::{AttemptRow, Begun, CountsAs, Failure, StepEnd};
use meetsync::model::{DeckId, Kind, RoomRecord, SessionId, SubjectKey};
use proptest::prelude::*;

use super::super::{at, attempt, decks_of, ids, list_of, room, room_of};

/// No lease ends by itself in a test. Those of nobody end at once.
pub(super) const LONG: Duration = Duration::from_hours(1);

pub(super) const WORKERS: [&str; 3] = ["run@one", "run@two", "run@shadow"];

#[derive(Debug, Clone)]
pub(super) enum Event {
    Pass(Pass),
    Begin(Ask),
    /// The answer was not heard: the same once more.
    BeginAgain(Which),
    Renew(Which, Duration),
    NoteRoom(Which, Room),
    End(Which, Ending),
    PutBack(Which),
    /// Of one session, or of all, for so many seconds.
    Hold(Option<SessionId>, i64),
    Release(Option<SessionId>),
}

/// One of the steps that were begun until then, ended or not.
pub(super) type Which = proptest::sample::Index;

#[derive(Debug, Clone)]
pub(super) struct Pass {
    pub(super) who: usize,
    pub(super) acts: bool,
    /// So old is what it knows.
    pub(super) age: i64,
    pub(super) wishes: Vec<(SubjectKey, Vec<i64>, i64)>,
    /// With how many generations too few.
    pub(super) calmed: Vec<(SubjectKey, i64)>,
}

#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) who: usize,
    pub(super) key: SubjectKey,
    pub(super) ids: BTreeSet<DeckId>,
    pub(super) length: Duration,
    pub(super) by_hand: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Room {
    pub(super) is_new: bool,
    pub(super) moved: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Ending {
    pub(super) how: How,
    pub(super) ids: Vec<i64>,
    pub(super) room: Room,
    pub(super) is_refused: bool,
    /// A confirming send, so many seconds later.
    pub(super) confirming: Option<i64>,
    pub(super) not_before: Option<i64>,
    pub(super) counts_as: Option<CountsAs>,
}

/// Of a room and of slides; see [`Ending::of`].
#[derive(Debug, Clone, Copy)]
pub(super) enum How {
    Done,
    Gone { forgotten: bool },
    NothingToDo,
    NotProcessed,
    Partly,
    InDoubt,
}

impl Room {
    pub(super) fn record(&self, session: SessionId) -> RoomRecord {
        let made = room(session.0, at(900 + self.moved));
        let former_url = self.is_new.then(|| format!("{}-before", made.url));
        RoomRecord { adopted: !self.is_new, former_url, ..made }
    }
}

impl Ending {
    pub(super) fn of(&self, begun: &Begun, second: i64) -> StepEnd {
        let words = format!("words of {second}");
        let failure =
            if self.is_refused { Failure::Refused(words.clone()) } else { Failure::Retry(words.clone()) };
        let late = TimeDelta::seconds(self.confirming.unwrap_or(0));
        let confirming = begun.confirming(at(second), late, self.confirming.is_some());
        let (record, sent) = (self.room.record(begun.key.session), ids(self.ids.iter().copied()));
        let is_room = begun.key.kind == Kind::Room;
        match self.how {
            How::Done if is_room => StepEnd::RoomIs { record, at: at(second), confirming },
            How::Gone { forgotten } if is_room => {
                StepEnd::RoomGone { record: (!forgotten).then_some(record), at: at(second), confirming }
            }
            How::Done | How::Gone { .. } => StepEnd::DecksAccepted {
                accepted: list_of(self.ids.iter().copied(), at(second)),
                deleted: begun.before.may_be_there.difference(&sent).copied().collect(),
                confirming,
            },
            How::NothingToDo => StepEnd::NotProcessed { failure: None },
            How::NotProcessed => StepEnd::NotProcessed { failure: Some(failure) },
            How::Partly if is_room => StepEnd::NotMade { failure },
            How::Partly => StepEnd::Partly { failure, sent },
            How::InDoubt => StepEnd::InDoubt { words, sent },
        }
    }

    pub(super) fn attempt(&self, end: &StepEnd, who: usize, second: i64) -> AttemptRow {
        let outcome = match end {
            StepEnd::InDoubt { .. } => "in_doubt",
            StepEnd::NotProcessed { failure: Some(_) } | StepEnd::NotMade { .. } | StepEnd::Partly { .. } => {
                "retry"
            }
            _ => "applied",
        };
        AttemptRow {
            who: WORKERS[who].to_owned(),
            words: self.not_before.map(|_| "a link".repeat(400)),
            counts_as: self.counts_as,
            not_before: self.not_before.map(|wait| at(second + wait)),
            ..attempt(outcome, at(second))
        }
    }
}

fn keys() -> impl Strategy<Value = SubjectKey> {
    prop_oneof![Just(decks_of(1)), Just(room_of(1)), Just(decks_of(2)), Just(room_of(2))]
}

fn lists() -> impl Strategy<Value = Vec<i64>> {
    proptest::sample::subsequence(vec![1_i64, 2, 3, 4, 5], 0..=4)
}

fn rooms() -> impl Strategy<Value = Room> {
    (any::<bool>(), 0..3_i64).prop_map(|(is_new, moved)| Room { is_new, moved: moved * 600 })
}

fn passes() -> impl Strategy<Value = Event> {
    // An old state is older than what is recorded; a clock that was set back looks like one that is much older.
    let age = prop_oneof![4 => Just(0_i64), 2 => 1..30_i64, 1 => 30..65_i64, 1 => Just(200_i64)];
    let wishes =
        proptest::collection::vec((keys(), lists(), prop_oneof![3 => Just(60_i64), 1 => Just(120)]), 0..3);
    let calmed = proptest::collection::vec((keys(), prop_oneof![4 => Just(0_i64), 1 => Just(1)]), 0..2);
    (0..WORKERS.len(), any::<bool>(), age, wishes, calmed).prop_map(|(who, acts, age, wishes, mut calmed)| {
        // Who only looks wishes nothing; and what is wished is not taken back with it.
        let acts = acts && who != 2;
        calmed.retain(|(key, _)| acts && wishes.iter().all(|(wished, ..)| wished != key));
        let wishes = if acts { wishes } else { Vec::new() };
        Event::Pass(Pass { who, acts, age, wishes, calmed })
    })
}

fn asks() -> impl Strategy<Value = Event> {
    let length = prop_oneof![2 => Just(LONG), 1 => Just(Duration::ZERO)];
    (0..2_usize, keys(), lists(), length, proptest::bool::weighted(0.1)).prop_map(
        |(who, key, list, length, by_hand)| {
            let ids = if key.kind == Kind::Decks { ids(list) } else { BTreeSet::new() };
            Event::Begin(Ask { who, key, ids, length, by_hand })
        },
    )
}

fn endings() -> impl Strategy<Value = Ending> {
    let how = prop_oneof![
        4 => Just(How::Done),
        1 => any::<bool>().prop_map(|forgotten| How::Gone { forgotten }),
        1 => Just(How::NothingToDo),
        2 => Just(How::NotProcessed),
        2 => Just(How::Partly),
        2 => Just(How::InDoubt),
    ];
    let counts_as = proptest::option::of(prop_oneof![
        Just(CountsAs::RoomCreated),
        Just(CountsAs::RoomDeleted),
        Just(CountsAs::DecksEmptied)
    ]);
    let seconds = || proptest::option::of(0..40_i64);
    (how, lists(), rooms(), any::<bool>(), seconds(), seconds(), counts_as).prop_map(
        |(how, ids, room, is_refused, confirming, not_before, counts_as)| Ending {
            how,
            ids,
            room,
            is_refused,
            confirming,
            not_before,
            counts_as,
        },
    )
}

pub(super) fn histories() -> impl Strategy<Value = Vec<Event>> {
    let which = any::<Which>;
    let held = || proptest::option::of((1..3_i64).prop_map(SessionId));
    let length = prop_oneof![Just(LONG), Just(Duration::ZERO)];
    let event = prop_oneof![
        6 => passes(),
        8 => asks(),
        1 => which().prop_map(Event::BeginAgain),
        1 => (which(), length).prop_map(|(which, length)| Event::Renew(which, length)),
        2 => (which(), rooms()).prop_map(|(which, room)| Event::NoteRoom(which, room)),
        8 => (which(), endings()).prop_map(|(which, ending)| Event::End(which, ending)),
        1 => which().prop_map(Event::PutBack),
        1 => (held(), 1..40_i64).prop_map(|(held, length)| Event::Hold(held, length)),
        1 => held().prop_map(Event::Release),
    ];
    proptest::collection::vec(event, 1..30)
}
