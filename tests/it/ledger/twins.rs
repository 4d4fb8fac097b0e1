//! Random histories of rooms, slides and passes: the ledger in PostgreSQL and the one in memory do the same.
//!
//! Two workers and one that only looks, two sessions with a room and slides each. Whatever a ledger answers is compared,
//! and after every event all that it tells. What happens to slides alone, in a rehearsal as well, is played next door.

mod history;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use meetsync::ledger::{
    Attempt, AttemptRow, Begun, Lease, LeasedStep, Ledger, Memory, PassRecord, Recorded, StepAsk, StepEnd,
    Wish,
};
use meetsync::model::{Hold, Kind, SessionId, SubjectKey};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::view::wish;
use super::{PER, at, live, ready, room_of};
use crate::support::TestDatabase;
use history::{Ask, Event, Pass, WORKERS, Which, histories};

const CASES: usize = 150;

/// Between two events, in seconds.
const APART: i64 = 10;

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
                let key = room_of(step.begun.key.session.0);
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
            Event::Hold(whom, length) => {
                let hold = Hold { until: at(second + length), by: "a".into(), reason: "b".into() };
                self.ledger.hold(*whom, &hold, at(second)).await.unwrap();
                self.memory.hold(*whom, Some(hold));
            }
            Event::Release(whom) => {
                self.ledger.release_hold(*whom).await.unwrap();
                self.memory.hold(*whom, None);
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
        let later = at(second) + TimeDelta::days(3);
        for (now, also) in [(at(second), BTreeSet::new()), (later, BTreeSet::from([SessionId(1)]))] {
            let view = self.ledger.view(&also, PER, now).await.unwrap();
            assert_eq!(view, self.memory.view(&also, PER, now).unwrap(), "at {now}");
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
