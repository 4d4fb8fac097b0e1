//! What came back: passes, turns and looks that ended, well or not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::{Id, JoinError};

use super::{Done, Going, Running};
use crate::database::chain;
use crate::model::SessionId;
use crate::reconcile::edges::{Conference as _, Edges};
use crate::reconcile::worker::pass::{Passed, ProviderSeems, lock};
use crate::reconcile::worker::task::{Looked, TAKEN, Turned};
use crate::reconcile::world::ReconcileError;
use crate::schedule::backoff;
use crate::schedule::circuit::{Answer, Turn};

/// After a pass, so many times as long is left before the next one.
const READS_AT_MOST: u32 = 4;

/// A pass that failed is made again after its back-off, and at the latest after this.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// From the end of one pass to the start of the next, at least: a busy datatracker must not keep us reading only.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);

impl<E: Edges> Going<'_, E> {
    pub(super) fn done(&mut self, done: Result<(Id, Done), JoinError>) {
        let now = self.now();
        match done {
            Ok((id, done)) => {
                self.running.remove(&id);
                self.count();
                match done {
                    Done::Passed(passed) => self.passed(passed, now),
                    Done::Turned(session, turned) => self.turned(session, &turned, now),
                    Done::Looked(looked) => self.looked(looked, now),
                }
            }
            Err(error) => self.broke(&error, now),
        }
    }

    fn passed(&mut self, passed: Result<Box<Passed>, ReconcileError>, now: Duration) {
        match passed {
            Ok(mut passed) => {
                self.failures = 0;
                passed.report.provider = self.provider();
                passed.report.quiet = self.shared.parts.meetecho.quiet_for();
                (self.told)(Ok(&passed.report));
                // A datatracker that is edited all the time is not read all the time.
                let pause = (passed.report.took * READS_AT_MOST).min(self.options.poll).max(SHORTEST_PAUSE);
                self.rested_at = now + pause;
                if let Some(board) = passed.board {
                    if self.world.is_none() {
                        self.dispatch.lift_these(passed.lifted);
                    }
                    self.world = Some(passed.world);
                    self.dispatch.board(board, now);
                } else {
                    // Another look at once would find the same; and of two workers that look in step, one would be too late
                    // each time.
                    self.rested_at = now + self.options.poll.mul_f64(0.5 + self.chance() / 2.0);
                    self.next_pass = self.rested_at;
                    self.dispatch.no_board();
                }
            }
            Err(error) => {
                (self.told)(Err(&error));
                self.failed_pass(now);
            }
        }
    }

    /// Nothing is begun on what an earlier pass said; the next one comes after a while, whoever rings.
    fn failed_pass(&mut self, now: Duration) {
        self.failures = self.failures.saturating_add(1);
        let pause = backoff::worker(self.failures, self.chance()).min(LONGEST_PAUSE);
        self.rested_at = now + pause;
        self.next_pass = self.rested_at;
        self.dispatch.no_board();
    }

    fn turned(&mut self, session: SessionId, turned: &Turned, now: Duration) {
        if let Some(error) = &turned.error {
            tracing::error!(session = session.0, error = chain(error), "the ledger failed in a step");
        }
        if turned.is_overdue {
            tracing::error!(
                session = session.0,
                "a step was given up long after its lease ran out: the ledger hangs"
            );
        }
        if turned.is_taken {
            self.dispatch.taken(session, now + TAKEN);
        }
        let mut looks = lock(&self.shared.looks);
        for (group, is_done) in &turned.rooms_of {
            looks.forget(group, *is_done, now);
        }
        drop(looks);
        self.is_wanted |= turned.look_again;
        let change = self.dispatch.ended(session, &turned.steps, now, self.chance());
        self.noted(change, now);
    }

    fn looked(&mut self, looked: Looked, now: Duration) {
        // A pause that was asked for is told with a pass.
        self.is_wanted |= !looked.seen.is_empty() || self.shared.parts.meetecho.quiet_for().is_some();
        let answer = looked.answer.unwrap_or(Answer::NotAsked);
        let mut looks = lock(&self.shared.looks);
        for (group, rooms) in looked.seen {
            looks.saw(group, rooms, now);
        }
        for (group, fault) in looked.failed {
            looks.failed(group, fault, now);
        }
        drop(looks);
        let change = self.dispatch.look_ended(now, answer, self.chance());
        self.noted(change, now);
    }

    fn provider(&self) -> ProviderSeems {
        // Whoever has a token still gets through, and a provider that answers them is not closed to us.
        match (self.dispatch.is_open(), self.shared.parts.meetecho.rejects_us()) {
            (false, _) => ProviderSeems::Answering,
            (true, true) => ProviderSeems::RejectingUs,
            (true, false) => ProviderSeems::Down,
        }
    }

    /// What an answer said of the provider as a whole.
    fn noted(&mut self, change: Option<Turn>, now: Duration) {
        if let Some(quiet) = self.shared.parts.meetecho.quiet_for() {
            self.dispatch.quiet(now + quiet);
        }
        self.shared.is_down.store(self.dispatch.is_open(), Ordering::Relaxed);
        match change {
            None => {}
            Some(Turn::Opened) if self.shared.parts.meetecho.rejects_us() => {
                tracing::error!(
                    "the provider rejects client_id and client_secret of [meetecho], and nothing can be sent: it is \
                     asked one thing at a time until it takes them; put them right, and send this process a hangup \
                     (SIGHUP) to have them read again"
                );
            }
            Some(Turn::Opened) => {
                tracing::warn!("the provider is down: it is asked one thing at a time until it answers");
            }
            Some(Turn::Closed) => {
                tracing::info!("the provider is back");
                lock(&self.shared.looks).lift();
                self.is_wanted = true;
            }
        }
    }

    /// Something panicked outside of what a step looks after itself. A lease that was taken runs out by itself, and what
    /// was marked stays in doubt.
    fn broke(&mut self, error: &JoinError, now: Duration) {
        let running = self.running.remove(&error.id());
        self.count();
        if error.is_cancelled() {
            return;
        }
        match running {
            Some(Running::Pass) => {
                tracing::error!(%error, "a pass panicked; this is a defect of meetsync");
                (self.told)(Err(&ReconcileError::Panicked));
                self.failed_pass(now);
            }
            Some(Running::Turn(session)) => {
                tracing::error!(session = session.0, %error, "a step panicked; this is a defect of meetsync");
                let change = self.dispatch.ended(session, &[], now, self.chance());
                self.noted(change, now);
            }
            Some(Running::Look) | None => {
                tracing::error!(%error, "a look at rooms panicked; this is a defect of meetsync");
                lock(&self.shared.looks).broke(now);
                self.dispatch.look_ended(now, Answer::NotAsked, self.chance());
            }
        }
    }
}
