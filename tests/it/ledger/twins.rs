//! Random histories of rooms, slides and passes: the ledger in PostgreSQL and the one in memory do the same.
//!
//! Two workers and one that only looks, two sessions with a room and slides each. Whatever a ledger answers is compared,
//! and after every event all that it tells. What happens to slides alone, in a rehearsal as well, is played next door.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use meetsync::ledger::{
    Attempt, AttemptRow, Begun, CountsAs, Failure, Lease, LeasedStep, Ledger, Memory, PassRecord, Recorded,
    StepAsk, StepEnd, Wish,
};
use meetsync::model::{DeckId, Hold, Kind, RoomRecord, SessionId, SubjectKey};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::view::wish;
use super::{PER, at, attempt, decks_of, ids, list_of, live, ready, room, room_of};
use crate::support::TestDatabase;

const CASES: usize = 150;

/// Between two events, in seconds.
const APART: i64 = 10;

/// No lease ends by itself in a test. Those of nobody end at once.
const LONG: Duration = Duration::from_hours(1);

const WORKERS: [&str; 3] = ["run@one", "run@two", "run@shadow"];

#[derive(Debug, Clone)]
enum Event {
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
type Which = proptest::sample::Index;

#[derive(Debug, Clone)]
struct Pass {
    who: usize,
    acts: bool,
    /// So old is what it knows.
    age: i64,
    wishes: Vec<(SubjectKey, Vec<i64>, i64)>,
    /// With how many generations too few.
    calmed: Vec<(SubjectKey, i64)>,
}

#[derive(Debug, Clone)]
struct Ask {
    who: usize,
    key: SubjectKey,
    ids: BTreeSet<DeckId>,
    length: Duration,
    by_hand: bool,
}

#[derive(Debug, Clone)]
struct Room {
    is_new: bool,
    moved: i64,
}

#[derive(Debug, Clone)]
struct Ending {
    how: How,
    ids: Vec<i64>,
    room: Room,
    is_refused: bool,
    /// A confirming send, so many seconds later.
    confirming: Option<i64>,
    not_before: Option<i64>,
    counts_as: Option<CountsAs>,
}

/// Of a room and of slides; see [`Ending::of`].
#[derive(Debug, Clone, Copy)]
enum How {
    Done,
    Gone { forgotten: bool },
    NothingToDo,
    NotProcessed,
    Partly,
    InDoubt,
}

impl Room {
    fn record(&self, session: SessionId) -> RoomRecord {
        let made = room(session.0, at(900 + self.moved));
        let former_url = self.is_new.then(|| format!("{}-before", made.url));
        RoomRecord { adopted: !self.is_new, former_url, ..made }
    }
}

impl Ending {
    fn of(&self, begun: &Begun, second: i64) -> StepEnd {
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

    fn attempt(&self, end: &StepEnd, who: usize, second: i64) -> AttemptRow {
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

fn histories() -> impl Strategy<Value = Vec<Event>> {
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

/// A step that was asked for and given to both.
struct Step<'a> {
    who: usize,
    ask: StepAsk<'a>,
    lease: Lease,
    begun: Begun,
    twin: (Lease, Begun),
}

/// Both ledgers, and how often each thing happened to them: a history in which nothing happens proves nothing.
struct Both<'a> {
    ledger: &'a Ledger,
    memory: Memory,
    steps: Vec<Step<'a>>,
    seen: &'a mut BTreeSet<String>,
}

impl<'a> Both<'a> {
    async fn play(&mut self, event: &'a Event, second: i64) {
        match event {
            Event::Pass(pass) => self.pass(pass, second).await,
            Event::Begin(ask) => {
                let Ask { who, key, ids, length, by_hand } = ask;
                let mut ask = StepAsk::new(*key, WORKERS[*who], *length, ids, at(second));
                ask.in_spite_of_holds = *by_hand;
                self.begin(*who, ask).await;
            }
            Event::BeginAgain(which) => {
                if let Some(step) = self.step(*which) {
                    let (who, ask) = (step.who, step.ask.clone());
                    self.begin(who, ask).await;
                }
            }
            Event::Renew(which, length) => {
                let Some(place) = self.place(*which) else { return };
                let step = &self.steps[place];
                let renewed = self.ledger.renew(&step.lease, *length).await.unwrap();
                assert_eq!(renewed, self.memory.renew(&step.twin.0, *length, at(0)));
                self.seen.insert(format!("renewed: {renewed:?}"));
            }
            Event::NoteRoom(which, room) => {
                let Some(place) = self.place(*which) else { return };
                let step = &self.steps[place];
                let record = room.record(step.begun.key.session);
                let key = room_of(record_of(step));
                let noted = self.ledger.note_room(&step.lease, key, &record).await.unwrap();
                assert_eq!(noted, self.memory.note_room(&step.twin.0, key, &record));
                self.seen.insert(format!("noted: {noted:?}"));
            }
            Event::End(which, ending) => {
                let Some(place) = self.place(*which) else { return };
                let Step { who, lease, begun, twin, .. } = &self.steps[place];
                let end = ending.of(begun, second);
                let row = ending.attempt(&end, *who, second);
                let ended = self
                    .ledger
                    .settle_and_release(lease.clone(), begun.clone(), &end, row.clone())
                    .await
                    .unwrap();
                assert_eq!(ended, self.memory.settle_and_release(&twin.0, &twin.1, &end, row));
                self.seen.insert(format!("{:?} ended: {ended:?}, {}", begun.key.kind, name_of(&end)));
            }
            Event::PutBack(which) => {
                let Some(place) = self.place(*which) else { return };
                let Step { lease, begun, twin, .. } = &self.steps[place];
                let back = self.ledger.put_back(lease.clone(), begun.clone()).await.unwrap();
                assert_eq!(back, self.memory.put_back(&twin.0, &twin.1));
                self.seen.insert(format!("put back: {back:?}"));
            }
            Event::Hold(held, length) => {
                let hold = Hold { until: at(second + length), by: "a".into(), reason: "b".into() };
                self.ledger.hold(*held, &hold, at(second)).await.unwrap();
                self.memory.hold(*held, Some(hold));
            }
            Event::Release(held) => {
                self.ledger.release_hold(*held).await.unwrap();
                self.memory.hold(*held, None);
            }
        }
    }

    async fn pass(&mut self, pass: &Pass, second: i64) {
        let known = second - pass.age;
        let generation = |key| {
            self.memory
                .view_of(&sessions(), PER, at(second))
                .unwrap()
                .get(key)
                .map(|row| row.timing.generation)
        };
        let of_wish = |(key, list, slot): &(SubjectKey, Vec<i64>, i64)| -> Wish {
            wish(*key, list.iter().copied(), Some((0, *slot)), known)
        };
        let record = PassRecord {
            known_until: at(known),
            as_of: at(known),
            took: Duration::from_millis(7),
            who: WORKERS[pass.who].to_owned(),
            acts: pass.acts,
            summary: json!({}),
            wishes: pass.wishes.iter().map(of_wish).collect(),
            calmed: pass
                .calmed
                .iter()
                .filter_map(|(key, too_few)| Some((*key, generation(*key)? - too_few)))
                .collect(),
        };
        let recorded = self.ledger.record_pass(&record).await.unwrap();
        assert_eq!(recorded, self.memory.record_pass(&record));
        let stale = recorded == Recorded::Stale;
        self.seen.insert(format!("a pass, acting: {}, stale: {stale}", pass.acts));
    }

    async fn begin(&mut self, who: usize, ask: StepAsk<'a>) {
        let answer = self.ledger.lease_and_begin(&ask).await.unwrap();
        let twin = self.memory.lease_and_begin(&ask, at(0)).unwrap();
        match (answer, twin) {
            (LeasedStep::Begun(lease, begun), LeasedStep::Begun(twin_lease, twin_begun)) => {
                assert_eq!(begun, twin_begun);
                self.seen.insert("begun".to_owned());
                self.steps.push(Step { who, ask, lease, begun, twin: (twin_lease, twin_begun) });
            }
            // Until when, each says by a clock of its own.
            (LeasedStep::Taken { owner, .. }, LeasedStep::Taken { owner: twin, .. }) => {
                assert_eq!(owner, twin);
                self.seen.insert("taken".to_owned());
            }
            (LeasedStep::Held { until }, LeasedStep::Held { until: twin }) => {
                assert_eq!(until, twin);
                self.seen.insert("held".to_owned());
            }
            (answer, twin) => panic!("{answer:?}, in memory {twin:?}"),
        }
    }

    fn place(&self, which: Which) -> Option<usize> {
        (!self.steps.is_empty()).then(|| which.index(self.steps.len()))
    }

    fn step(&self, which: Which) -> Option<&Step<'a>> {
        self.place(which).map(|place| &self.steps[place])
    }

    /// All that they tell.
    async fn compare(&self, second: i64) {
        // Of now, and of a day when most of it is long over.
        for now in [at(second), at(second) + TimeDelta::days(3)] {
            let one = BTreeSet::from([SessionId(1)]);
            for also in [BTreeSet::new(), one] {
                let view = self.ledger.view(&also, PER, now).await.unwrap();
                assert_eq!(view, self.memory.view(&also, PER, now).unwrap(), "at {now}");
                let view = self.ledger.view_of(&also, PER, now).await.unwrap();
                assert_eq!(view, self.memory.view_of(&also, PER, now).unwrap(), "at {now}");
            }
            assert_eq!(
                self.ledger.open_sessions(now).await.unwrap(),
                self.memory.open_sessions(now),
                "at {now}"
            );
        }
        let all = self.ledger.view_of(&sessions(), PER, at(second)).await.unwrap();
        assert_eq!(all, self.memory.view_of(&sessions(), PER, at(second)).unwrap());
        let attempts = self.ledger.attempts(1000).await.unwrap();
        let twins: Vec<Attempt> = self.memory.attempts().iter().rev().map(as_read).collect();
        assert_eq!(attempts, twins);
    }
}

fn record_of(step: &Step<'_>) -> i64 {
    step.begun.key.session.0
}

fn as_read((subject, row): &(SubjectKey, AttemptRow)) -> Attempt {
    let AttemptRow { at, who, what, reason, requests, outcome, words, took, .. } = row.clone();
    let took_ms = u64::try_from(took.as_millis()).unwrap();
    Attempt { at, subject: *subject, who, what, reason, requests, outcome, words, took_ms }
}

fn sessions() -> BTreeSet<SessionId> {
    [1, 2].map(SessionId).into()
}

fn name_of(end: &StepEnd) -> String {
    let shown = format!("{end:?}");
    let name: String = shown.chars().take_while(char::is_ascii_alphabetic).collect();
    let is_refused = shown.contains("failure: Refused") || shown.contains("failure: Some(Refused");
    if is_refused { format!("{name} and refused") } else { name }
}

async fn empty(database: &TestDatabase) {
    database
        .run("TRUNCATE meetsync.subject, meetsync.attempt, meetsync.lease, meetsync.hold, meetsync.pass")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_in_memory_does_what_the_database_does() {
    let database = ready().await;
    let ledger = live(&database).await;
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..CASES {
        let history = histories().new_tree(&mut runner).unwrap().current();
        empty(&database).await;
        let mut both =
            Both { ledger: &ledger, memory: Memory::default(), steps: Vec::new(), seen: &mut seen };
        for (second, event) in (1..).map(|number| number * APART).zip(&history) {
            let played = async {
                both.play(event, second).await;
                both.compare(second).await;
            };
            let told = std::panic::AssertUnwindSafe(played);
            if let Err(broke) = futures_util::FutureExt::catch_unwind(told).await {
                eprintln!("at {second} s of {history:#?}");
                std::panic::resume_unwind(broke);
            }
        }
    }
    let ends = [
        "DecksAccepted",
        "NotProcessed",
        "NotProcessed and refused",
        "Partly",
        "Partly and refused",
        "InDoubt",
    ];
    let of_rooms = [
        "RoomIs",
        "RoomGone",
        "NotProcessed",
        "NotProcessed and refused",
        "NotMade",
        "NotMade and refused",
        "InDoubt",
    ];
    let ended = |kind: Kind, ends: &[&str]| -> Vec<String> {
        let each = |settled: &str| {
            ends.iter().map(|end| format!("{kind:?} ended: {settled}, {end}")).collect::<Vec<_>>()
        };
        ["Done", "Lost"].into_iter().flat_map(each).collect()
    };
    let others = [
        "begun",
        "taken",
        "held",
        "noted: Done",
        "noted: Lost",
        "put back: Done",
        "put back: Lost",
        "renewed: Done",
        "renewed: Lost",
        "a pass, acting: true, stale: false",
        "a pass, acting: true, stale: true",
        "a pass, acting: false, stale: false",
        "a pass, acting: false, stale: true",
    ];
    let all = ended(Kind::Decks, &ends).into_iter().chain(ended(Kind::Room, &of_rooms));
    let all: BTreeSet<String> = all.chain(others.map(str::to_owned)).collect();
    assert_eq!(all.difference(&seen).collect::<Vec<_>>(), Vec::<&String>::new(), "never happened");
}
