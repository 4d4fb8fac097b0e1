//! The ledger's twin: the ledger in memory, whose calls may fail before or after their effect.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use meetsync::ledger::{
    AttemptRow, Begun, Lease, LeasedStep, LedgerError, PassRecord, Recorded, Settled, StepAsk, StepEnd, Turn,
    Wish,
};
use meetsync::model::{Hold, LedgerView, RoomRecord, SessionId, SubjectKey};
use meetsync::reconcile::edges::Books;

use super::history::{Edge, Fault};
use super::mutants::{self, EdgeBug};
use super::source::broken;
use super::world::{Life, World};

/// The ledger as one worker has it.
#[derive(Debug, Clone)]
pub(crate) struct BooksTwin(pub(crate) Life);

fn failed() -> LedgerError {
    LedgerError::Database(broken("the ledger's database"))
}

impl BooksTwin {
    /// One call: it may fail before its effect, or (`writes`) only its answer may be lost.
    async fn call<T>(
        &self,
        edge: Edge,
        writes: bool,
        effect: impl FnOnce(&mut World, usize) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let life = &self.0;
        life.boundary().await;
        let answer = {
            let mut world = life.world.lock();
            let menu = |random: &mut super::random::Random| {
                if writes && random.percent(50) { Fault::FailsAfter } else { Fault::FailsBefore }
            };
            let fault = world.fault(life.worker, edge, menu);
            let is_down = world.now_ms() < world.ledger_down_ms;
            if is_down || fault == Some(Fault::FailsBefore) {
                Err(failed())
            } else {
                let answer = effect(&mut world, life.worker);
                if fault.is_some() { Err(failed()) } else { answer }
            }
        };
        life.boundary().await;
        answer
    }
}

impl Books for BooksTwin {
    async fn open_sessions(&self, now: DateTime<Utc>) -> Result<BTreeSet<SessionId>, LedgerError> {
        self.call(Edge::LedgerRead, false, |world, _| Ok(world.ledger.open_sessions(now))).await
    }

    async fn view(
        &self,
        also: &BTreeSet<SessionId>,
        per: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<LedgerView, LedgerError> {
        let view = self.call(Edge::LedgerRead, false, |world, _| world.ledger.view(also, per, now)).await;
        if mutants::is(EdgeBug::HoldsNotRead) {
            return view.map(|view| LedgerView { holds: BTreeMap::new(), hold_all: None, ..view });
        }
        view
    }

    async fn view_of(
        &self,
        sessions: &BTreeSet<SessionId>,
        per: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<LedgerView, LedgerError> {
        self.call(Edge::LedgerRead, false, |world, _| world.ledger.view_of(sessions, per, now)).await
    }

    async fn record(&self, wishes: &[Wish]) -> Result<usize, LedgerError> {
        self.call(Edge::LedgerPass, true, |world, _| Ok(world.ledger.record(wishes))).await
    }

    async fn record_pass(&self, pass: &PassRecord) -> Result<Recorded, LedgerError> {
        self.call(Edge::LedgerPass, true, |world, worker| {
            let recorded = world.ledger.record_pass(pass);
            if recorded != Recorded::Stale && pass.acts {
                world.pass_was_recorded(pass.known_until);
            }
            world.pass_ends(worker);
            world.tell(|| format!("worker {worker}: a pass: {}", of_pass(pass, &recorded)));
            Ok(recorded)
        })
        .await
    }

    async fn take_turn(&self, job: &str, due_at: DateTime<Utc>, who: &str) -> Result<Turn, LedgerError> {
        self.call(Edge::LedgerTurn, true, |world, _| {
            let clock = world.ledger_clock();
            let turn = world.ledger.take_turn(job, due_at, who, clock);
            Ok(if mutants::is(EdgeBug::NoSweep) { Turn::Done } else { turn })
        })
        .await
    }

    async fn end_turn(&self, job: &str, due_at: DateTime<Utc>) -> Result<(), LedgerError> {
        self.call(Edge::LedgerTurn, true, |world, _| {
            world.ledger.end_turn(job, due_at);
            Ok(())
        })
        .await
    }

    async fn lease_and_begin(&self, ask: &StepAsk<'_>) -> Result<LeasedStep, LedgerError> {
        let life = self.0.number;
        let nothing = BTreeSet::new();
        let mut ask = ask.clone();
        if mutants::is(EdgeBug::EverAccepted) {
            ask.will_send = &nothing;
        }
        ask.in_spite_of_holds |=
            mutants::is(EdgeBug::HoldsNotRead) || mutants::is(EdgeBug::HoldsReadByPassesOnly);
        self.call(Edge::LedgerLease, true, move |world, worker| {
            let clock = world.ledger_clock();
            let key = ask.key;
            let leased = world.ledger.lease_and_begin(&ask, clock)?;
            match &leased {
                LeasedStep::Begun(lease, begun) => {
                    if !world.workers[worker].steps.contains(&key.session) {
                        world.check_hold(worker, key.session);
                    }
                    world.lease_was_given(lease);
                    world.workers[worker].steps.insert(key.session);
                    world.step_began(key.session);
                    world
                        .tell(|| format!("worker {worker}: takes the lease of {key}, and marks it in doubt"));
                    if mutants::is(EdgeBug::NoDoubtMark) {
                        let number = world.far.requests;
                        let open = &mut world.workers[worker].open_steps;
                        open.insert(
                            (life << 32) + number * 64 + open.len() as u64,
                            (lease.clone(), begun.clone()),
                        );
                    }
                }
                LeasedStep::Held { .. } => {
                    world.tell(|| format!("worker {worker}: {key} is held by now, and is not begun"));
                }
                LeasedStep::Taken { owner, .. } => {
                    world.tell(|| format!("worker {worker}: {key} is leased by {owner}"));
                }
            }
            Ok(leased)
        })
        .await
    }

    async fn renew(&self, lease: &Lease, length: Duration) -> Result<Settled, LedgerError> {
        let lease = lease.clone();
        self.call(Edge::LedgerLease, true, move |world, worker| {
            world.tell(|| format!("worker {worker}: renews its lease of session {}", lease.session));
            let clock = world.ledger_clock();
            Ok(world.ledger.renew(&lease, length, clock))
        })
        .await
    }

    async fn note_room(
        &self,
        lease: &Lease,
        key: SubjectKey,
        room: &RoomRecord,
    ) -> Result<Settled, LedgerError> {
        let (lease, room) = (lease.clone(), room.clone());
        self.call(Edge::LedgerNote, true, move |world, worker| {
            world.tell(|| format!("worker {worker}: {key} is on record with {}", room.url));
            Ok(world.ledger.note_room(&lease, key, &room))
        })
        .await
    }

    async fn settle_and_release(
        &self,
        lease: Lease,
        begun: Begun,
        end: &StepEnd,
        attempt: AttemptRow,
    ) -> Result<Settled, LedgerError> {
        let mut end = end.clone();
        mutate(&mut end);
        self.call(Edge::LedgerSettle, true, move |world, worker| {
            let key = begun.key;
            world.tell(|| {
                let words = attempt.words.as_deref().map(|words| format!(" ({words})")).unwrap_or_default();
                format!("worker {worker}: {key} ends: {}{words}; {}", attempt.outcome, of_end(&end))
            });
            world.workers[worker].open_steps.retain(|_, (open, _)| *open != lease);
            let written = world.ledger.attempts().len();
            let settled = world.ledger.settle_and_release(&lease, &begun, &end, attempt);
            if world.ledger.attempts().len() == written {
                world.tell(|| format!("worker {worker}: ... which was written down already"));
                return Ok(settled);
            }
            world.workers[worker].steps.remove(&key.session);
            world.step_ends(key.session);
            world.step_was_settled(&lease, settled);
            world.check_wish(&begun, settled);
            if settled == Settled::Lost {
                world.tell(|| format!("worker {worker}: ... but the lease is somebody else's by now"));
            }
            world.check_belief(key);
            Ok(settled)
        })
        .await
    }

    async fn put_back(&self, lease: Lease, begun: Begun) -> Result<Settled, LedgerError> {
        self.call(Edge::LedgerSettle, true, move |world, worker| {
            let key = begun.key;
            world.tell(|| format!("worker {worker}: {key} is put back as it was"));
            world.workers[worker].open_steps.retain(|_, (open, _)| *open != lease);
            world.workers[worker].steps.remove(&key.session);
            let settled = world.ledger.put_back(&lease, &begun);
            world.step_was_settled(&lease, settled);
            world.check_wish(&begun, settled);
            world.check_belief(key);
            Ok(settled)
        })
        .await
    }

    fn is_rehearsal(&self) -> bool {
        false
    }
}

impl World {
    /// A hold that waits for this comes now.
    fn step_began(&mut self, session: SessionId) {
        let waits = self.holds_in_step.iter().find(|(of, for_s, _)| *of == session && *for_s > 0);
        if let Some((_, for_s, _)) = waits.copied() {
            self.tell(|| format!("session {session} is held now, in the middle of a step"));
            self.hold(Some(session), for_s);
            for (_, for_s, _) in self.holds_in_step.iter_mut().filter(|(of, ..)| *of == session) {
                *for_s = 0;
            }
        }
    }

    /// A hold that came in this step, and is to go before its end, goes.
    fn step_ends(&mut self, session: SessionId) {
        let goes =
            |(of, for_s, released): &(SessionId, u64, bool)| *of == session && *for_s == 0 && *released;
        if self.holds_in_step.iter().any(goes) {
            self.tell(|| format!("the hold of session {session} is released, in the middle of the step"));
            self.release(Some(session));
        }
        self.holds_in_step.retain(|hold| hold.0 != session || hold.1 > 0);
    }

    pub(crate) fn hold(&mut self, session: Option<SessionId>, for_s: u64) {
        let now = self.source_now();
        let until = now + TimeDelta::seconds(i64::try_from(for_s).expect("short"));
        let hold = Hold { until, by: "somebody".into(), reason: "a reason".into() };
        self.ledger.hold(session, Some(hold));
        self.judge.hold(session, now, until);
    }

    pub(crate) fn release(&mut self, session: Option<SessionId>) {
        let now = self.source_now();
        self.ledger.hold(session, None);
        self.judge.release(session, now);
    }
}

fn mutate(end: &mut StepEnd) {
    match end {
        StepEnd::DecksAccepted { confirming, .. } if mutants::is(EdgeBug::NoConfirming) => *confirming = None,
        StepEnd::InDoubt { sent, .. } | StepEnd::Partly { sent, .. }
            if mutants::is(EdgeBug::EverAccepted) =>
        {
            sent.clear();
        }
        _ => {}
    }
}

fn of_pass(pass: &PassRecord, recorded: &Recorded) -> String {
    match recorded {
        Recorded::Stale => "an older state than is known, not recorded".to_owned(),
        Recorded::Done(new) => {
            let new: Vec<String> = new.keys().map(ToString::to_string).collect();
            format!(
                "{} wishes, new ones for [{}], {} calmed",
                pass.wishes.len(),
                new.join(", "),
                pass.calmed.len()
            )
        }
    }
}

fn of_end(end: &StepEnd) -> String {
    let decks = |decks: &[meetsync::model::Deck]| {
        decks
            .iter()
            .map(|deck| format!("{}-{}@{}", deck.id, deck.rev, deck.order))
            .collect::<Vec<_>>()
            .join(" ")
    };
    match end {
        StepEnd::DecksAccepted { accepted, deleted, confirming } => {
            let deleted: Vec<String> = deleted.iter().map(ToString::to_string).collect();
            let owed = if confirming.is_some() { ", a confirming send is owed" } else { "" };
            format!(
                "accepted [{}] in {}, deleted [{}]{owed}",
                decks(&accepted.decks),
                accepted.epoch,
                deleted.join(" ")
            )
        }
        StepEnd::RoomIs { record, .. } => {
            format!("the room is {} at {}", record.public_id, record.sent.start.format("%H:%M:%S"))
        }
        other => format!("{other:?}"),
    }
}
