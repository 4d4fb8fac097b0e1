//! Keeps it all going: passes when a bell rings, tasks as the dispatch allows, and an orderly end.
//!
//! One loop owns everything that changes; passes, tasks and looks run beside it and report back. Passes never overlap:
//! rings during one are one more pass after it. A panic in a task is an error of that session, not the end of the worker.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

use super::WorkerOptions;
use super::bell::{Bell, Leave};
use super::board::Task;
use super::dispatch::{Dispatch, Next};
use super::looks::Looks;
use super::pass::{PassAsk, PassReport, Passed, lock, pass};
use super::task::{Looked, TAKEN, Turned, look, turn};
use crate::database::chain;
use crate::model::SessionId;
use crate::planted::{self, Bug};
use crate::reconcile::edges::{Conference as _, Edges, Time};
use crate::reconcile::world::{Parts, ReconcileError, World};
use crate::schedule::backoff;
use crate::schedule::circuit::{Answer, Turn};

/// From the end of one pass to the start of the next, at least: a busy datatracker must not keep us reading only.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);

/// A pass that failed is made again after its back-off, and at the latest after this.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What was cut off at the end has so long to write down how far it got.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How the worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything that was under way came to its end.
    Drained,
    /// Steps were cut off, and are in doubt.
    CutOff,
}

/// A worker over its edges.
pub struct Worker<E: Edges> {
    shared: Arc<Shared<E>>,
    options: WorkerOptions,
}

struct Shared<E: Edges> {
    parts: Parts<E>,
    ledger: E::Books,
    looks: Mutex<Looks>,
    leave: Leave,
}

/// What runs beside the loop.
enum Done {
    Passed(Result<Box<Passed>, ReconcileError>),
    Turned(SessionId, Turned),
    Looked(Looked),
}

/// What a task is, should it panic.
#[derive(Clone, Copy)]
enum Running {
    Pass,
    Turn(SessionId),
    Look,
}

impl<E: Edges> Worker<E> {
    /// `leave` ends it. `parts.ledger` is not looked at: a worker can't do without one.
    pub fn new(parts: Parts<E>, ledger: E::Books, leave: Leave, options: WorkerOptions) -> Self {
        let shared = Shared { parts, ledger, looks: Mutex::default(), leave };
        Self { shared: Arc::new(shared), options }
    }

    /// Works until it is asked to leave. `told` hears of every pass that came to its end, or why it did not.
    pub async fn run(&self, bell: &Bell, told: Told<'_>) -> Ended {
        let mut going = Going {
            shared: &self.shared,
            options: &self.options,
            tasks: JoinSet::new(),
            running: BTreeMap::new(),
            pass: None,
            dispatch: Dispatch::new(self.shared.parts.max_in_flight * 2),
            world: None,
            is_wanted: false,
            next_pass: Duration::ZERO,
            rested_at: Duration::ZERO,
            failures: 0,
            swept: None,
            told,
        };
        let leave = &self.shared.leave;
        while !leave.is_asked() {
            let wake = going.begin_what_may_be_begun();
            tokio::select! {
                biased;
                () = leave.asked() => {}
                Some(done) = going.tasks.join_next_with_id() => going.done(done),
                () = bell.rung() => going.is_wanted = true,
                () = sleep_until(&self.shared.parts.time, wake) => {}
            }
        }
        going.drain().await
    }
}

/// Whoever hears of passes.
pub type Told<'a> = &'a (dyn Fn(Result<&PassReport, &ReconcileError>) + Send + Sync);

/// The loop's own state.
struct Going<'a, E: Edges> {
    shared: &'a Arc<Shared<E>>,
    options: &'a WorkerOptions,
    tasks: JoinSet<Done>,
    running: BTreeMap<Id, Running>,
    pass: Option<AbortHandle>,
    dispatch: Dispatch,
    /// Of the board that the dispatch has.
    world: Option<Arc<World>>,
    /// A bell rang since the last pass began.
    is_wanted: bool,
    /// A pass is made then, whether or not a bell rings.
    next_pass: Duration,
    /// And no pass before this.
    rested_at: Duration,
    /// Passes in a row that failed.
    failures: u32,
    /// The newest turn of the sweep that we know to be taken.
    swept: Option<DateTime<Utc>>,
    told: Told<'a>,
}

impl<E: Edges> Going<'_, E> {
    fn now(&self) -> Duration {
        self.shared.parts.time.elapsed()
    }

    /// Begins passes, tasks and looks as far as they may be begun, and says when to come back at the latest.
    fn begin_what_may_be_begun(&mut self) -> Duration {
        let now = self.now();
        let look_again_at = self.dispatch.look_again_at();
        let mut wake = self.next_pass;
        if self.is_passing() {
            wake = Duration::MAX;
        } else {
            let is_wanted = self.is_wanted || look_again_at.is_some_and(|at| at <= now);
            if self.next_pass <= now || (is_wanted && self.rested_at <= now) {
                self.begin_pass(now);
                wake = Duration::MAX;
            } else if is_wanted {
                wake = wake.min(self.rested_at);
            } else if let Some(at) = look_again_at {
                wake = wake.min(at);
            }
        }
        if !self.options.may_send && !planted::is(Bug::DryRunThatWrites) {
            return wake;
        }
        loop {
            let Some(world) = self.world.clone() else { return wake };
            match self.dispatch.next(now) {
                Next::Start(task) => self.begin_turn(world, task),
                Next::Idle => {
                    self.begin_look(now);
                    return wake;
                }
                Next::Outdated if self.is_passing() => return wake,
                Next::Outdated => {
                    self.is_wanted = true;
                    return wake.min(self.rested_at);
                }
                Next::Wait(until) => return until.map_or(wake, |until| wake.min(until)),
            }
        }
    }

    fn is_passing(&self) -> bool {
        self.running.values().any(|running| matches!(running, Running::Pass))
    }

    fn begin_pass(&mut self, now: Duration) {
        self.is_wanted = false;
        self.next_pass = now + self.options.poll;
        let since =
            self.world.as_ref().map_or(DateTime::UNIX_EPOCH, |world| world.now(&self.shared.parts.time));
        let ask = PassAsk {
            since,
            lifted: self.dispatch.lifted().clone(),
            last_sweep: Arc::clone(&self.options.last_sweep),
            swept: self.swept,
        };
        let shared = Arc::clone(self.shared);
        let handle = self.tasks.spawn(async move {
            let Shared { parts, ledger, looks, .. } = &*shared;
            Done::Passed(pass(parts, ledger, looks, &ask).await.map(Box::new))
        });
        self.running.insert(handle.id(), Running::Pass);
        self.pass = Some(handle);
    }

    fn begin_turn(&mut self, world: Arc<World>, task: Task) {
        let (shared, groups) = (Arc::clone(self.shared), self.dispatch.groups_due());
        let session = task.session;
        let handle = self.tasks.spawn(async move {
            let Shared { parts, ledger, leave, .. } = &*shared;
            Done::Turned(session, turn(parts, ledger, &world, &task, &groups, leave).await)
        });
        self.running.insert(handle.id(), Running::Turn(session));
    }

    /// One look at a time, and only when nothing else is due.
    fn begin_look(&mut self, now: Duration) {
        let is_looking = self.running.values().any(|running| matches!(running, Running::Look));
        let groups = if is_looking { BTreeSet::new() } else { lock(&self.shared.looks).take(now) };
        if groups.is_empty() {
            return;
        }
        self.dispatch.look_began(now);
        let shared = Arc::clone(self.shared);
        let handle =
            self.tasks.spawn(async move { Done::Looked(look(&shared.parts, groups, &shared.leave).await) });
        self.running.insert(handle.id(), Running::Look);
    }

    fn done(&mut self, done: Result<(Id, Done), JoinError>) {
        let now = self.now();
        match done {
            Ok((id, done)) => {
                self.running.remove(&id);
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
        self.rested_at = now + SHORTEST_PAUSE;
        match passed {
            Ok(passed) => {
                self.failures = 0;
                self.swept = passed.swept.or(self.swept);
                (self.told)(Ok(&passed.report));
                match passed.board {
                    Some(board) => {
                        self.world = Some(passed.world);
                        self.dispatch.board(board);
                    }
                    None => self.dispatch.no_board(),
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
        if turned.is_taken {
            self.dispatch.taken(session, now + TAKEN);
        }
        let mut looks = lock(&self.shared.looks);
        for group in &turned.rooms_of {
            looks.forget(group);
        }
        drop(looks);
        self.is_wanted |= turned.look_again;
        let change = self.dispatch.ended(session, &turned.steps, now, self.chance());
        self.noted(change, now);
    }

    fn looked(&mut self, looked: Looked, now: Duration) {
        self.is_wanted |= !looked.seen.is_empty();
        let answer = looked.answer.unwrap_or(Answer::NotAsked);
        let mut looks = lock(&self.shared.looks);
        for (group, rooms) in looked.seen {
            looks.saw(group, rooms, now);
        }
        for group in looked.failed {
            looks.failed(group, now);
        }
        drop(looks);
        let change = self.dispatch.look_ended(now, answer, self.chance());
        self.noted(change, now);
    }

    /// What an answer said of the provider as a whole.
    fn noted(&mut self, change: Option<Turn>, now: Duration) {
        if let Some(quiet) = self.shared.parts.meetecho.quiet_for() {
            self.dispatch.quiet(now + quiet);
        }
        match change {
            None => {}
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

    /// Something panicked. Its lease runs out by itself, and what it had marked stays in doubt.
    fn broke(&mut self, error: &JoinError, now: Duration) {
        let running = self.running.remove(&error.id());
        if error.is_cancelled() {
            return;
        }
        match running {
            Some(Running::Pass) => {
                tracing::error!(%error, "a pass panicked; this is a defect of meetsync");
                self.rested_at = now;
                self.failed_pass(now);
            }
            Some(Running::Turn(session)) => {
                tracing::error!(session = session.0, %error, "a step panicked; this is a defect of meetsync");
                let change = self.dispatch.ended(session, &[], now, self.chance());
                self.noted(change, now);
            }
            Some(Running::Look) | None => {
                tracing::error!(%error, "a look at rooms panicked; this is a defect of meetsync");
                self.dispatch.look_ended(now, Answer::NotAsked, self.chance());
            }
        }
    }

    /// Nothing new; what is under way gets its time, and then is cut off, so that it can write down how far it got.
    async fn drain(&mut self) -> Ended {
        if let Some(pass) = self.pass.take() {
            // It only reads, and its one write is whole or not at all.
            pass.abort();
        }
        if self.all_end_within(self.options.grace).await {
            return Ended::Drained;
        }
        self.shared.leave.cut();
        self.all_end_within(LAST_WORDS).await;
        self.tasks.shutdown().await;
        Ended::CutOff
    }

    async fn all_end_within(&mut self, span: Duration) -> bool {
        let shared = Arc::clone(self.shared);
        let until = self.now().saturating_add(span);
        while !self.tasks.is_empty() {
            tokio::select! {
                biased;
                Some(done) = self.tasks.join_next_with_id() => self.done(done),
                () = sleep_until(&shared.parts.time, until) => return false,
            }
        }
        true
    }

    fn chance(&self) -> f64 {
        self.shared.parts.time.chance()
    }
}

async fn sleep_until(time: &impl Time, moment: Duration) {
    time.sleep(moment.saturating_sub(time.elapsed())).await;
}
