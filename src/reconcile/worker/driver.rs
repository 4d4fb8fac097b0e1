//! Keeps it all going: passes when a bell rings, tasks as the dispatch allows, and an orderly end.
//!
//! One loop owns everything that changes; passes, tasks and looks run beside it and report back. Passes never overlap:
//! rings during one are one more pass after it. A panic in a task is an error of that session, not the end of the worker.

mod reports;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::{AbortHandle, Id, JoinSet};

use super::WorkerOptions;
use super::bell::{Bell, Leave};
use super::board::Task;
use super::dispatch::{Dispatch, Next};
use super::looks::Looks;
use super::pass::{PassAsk, PassReport, Passed, lock, pass};
use super::task::{Looked, Turned, look, turn};
use crate::model::{GroupAcronym, SessionId};
use crate::planted::{self, Bug};
use crate::reconcile::edges::{Conference as _, Edges, Time};
use crate::reconcile::world::{Parts, ReconcileError, World};

/// A pass that takes longer is given up: a server may hang without a word. That is less than the step back which the
/// fence takes for a clock that was set: what was read so long ago must not be recorded.
const LONGEST_PASS: Duration = Duration::from_secs(45);

/// A session's turn that takes so much longer than its leases is given up.
const OVERDUE: Duration = Duration::from_mins(1);

/// What was cut off at the end has so long to write down how far it got.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How the worker ended: the sessions that were under way when it was asked to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ended {
    /// Came to their end.
    pub drained: usize,
    /// Did not, and are in doubt.
    pub cut_off: usize,
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
    /// Sessions that are under way.
    under_way: AtomicUsize,
    /// The provider is, for a look that is under way.
    is_down: AtomicBool,
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
        let (looks, under_way, is_down) = Default::default();
        let shared = Shared { parts, ledger, looks, leave, under_way, is_down };
        Self { shared: Arc::new(shared), options }
    }

    /// How many sessions are under way.
    pub fn under_way(&self) -> usize {
        self.shared.under_way.load(Ordering::Relaxed)
    }

    /// Works until it is asked to leave. `told` hears of every pass that came to its end, or why it did not.
    pub async fn run(&self, bell: &Bell, told: Told<'_>) -> Ended {
        let mut going = Going {
            shared: &self.shared,
            options: &self.options,
            tasks: JoinSet::new(),
            running: BTreeMap::new(),
            pass: None,
            dispatch: Dispatch::new(self.shared.parts.max_in_flight),
            world: None,
            is_wanted: false,
            next_pass: Duration::ZERO,
            rested_at: Duration::ZERO,
            failures: 0,
            asked_about: None,
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
    /// The group that the provider was last asked about.
    asked_about: Option<GroupAcronym>,
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
        let wanted_at = if self.is_wanted { now } else { look_again_at.unwrap_or(self.next_pass) };
        let pass_at = match wanted_at.min(self.next_pass) {
            due if due <= now && planted::is(Bug::NoRest) => due,
            due => due.max(self.rested_at),
        };
        let wake = if self.is_passing() {
            Duration::MAX
        } else if pass_at <= now {
            self.begin_pass(now);
            Duration::MAX
        } else {
            pass_at
        };
        if !self.options.may_send && !planted::is(Bug::DryRunThatWrites) {
            return wake;
        }
        // Who begins now would only wait for its end in the middle of a step, and be in doubt of what it never sent.
        if let Some(quiet) = self.shared.parts.meetecho.quiet_for() {
            self.dispatch.quiet(now + quiet);
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
            self.world.as_ref().map_or(self.options.begins_at, |world| world.now(&self.shared.parts.time));
        let ask = PassAsk {
            since,
            lifted: self.dispatch.lifted().clone(),
            is_first: self.world.is_none(),
            // Who sends nothing looks at no rooms, and must not take the turn of one who would.
            last_sweep: if self.options.may_send {
                Arc::clone(&self.options.last_sweep)
            } else {
                Arc::new(|_| None)
            },
        };
        let shared = Arc::clone(self.shared);
        let handle = self.tasks.spawn(async move {
            let Shared { parts, ledger, looks, .. } = &*shared;
            // Boxed, here and below: these are kilobytes, and would be moved from one wrapper into the next.
            let work = Box::pin(pass(parts, ledger, looks, &ask));
            let passed = parts.time.within(LONGEST_PASS, work).await;
            Done::Passed(passed.unwrap_or(Err(ReconcileError::TookTooLong)).map(Box::new))
        });
        self.running.insert(handle.id(), Running::Pass);
        self.pass = Some(handle);
    }

    fn begin_turn(&mut self, world: Arc<World>, task: Task) {
        let (shared, groups) = (Arc::clone(self.shared), self.dispatch.groups_due());
        let session = task.session;
        self.asked_about = task.steps.first().map(|step| step.change.group.clone());
        let handle = self.tasks.spawn(async move {
            let Shared { parts, ledger, leave, .. } = &*shared;
            let work = Box::pin(turn(parts, ledger, &world, &task, &groups, leave));
            let turned = parts.time.within(task.longest(parts.lease) + OVERDUE, work).await;
            Done::Turned(session, turned.unwrap_or_else(Turned::overdue))
        });
        self.running.insert(handle.id(), Running::Turn(session));
        self.count();
    }

    fn count(&self) {
        let turns = self.running.values().filter(|running| matches!(running, Running::Turn(_))).count();
        self.shared.under_way.store(turns, Ordering::Relaxed);
    }

    /// One look at a time, and only when nothing else is due. Where the provider is down, at one group only: that is the
    /// probe, and whoever waits must not wait for all the others as well.
    fn begin_look(&mut self, now: Duration) {
        if self.running.values().any(|running| matches!(running, Running::Look)) {
            return;
        }
        let is_probe = self.dispatch.is_open();
        let mut groups = lock(&self.shared.looks).take(now, if is_probe { 1 } else { usize::MAX });
        if is_probe && groups.is_empty() && self.dispatch.has_nothing_to_send() {
            // Nobody else would ever notice that it is back.
            groups.extend(self.asked_about.clone());
        }
        let Some(first) = groups.first() else { return };
        self.asked_about = Some(first.clone());
        self.dispatch.look_began(now);
        let shared = Arc::clone(self.shared);
        let handle = self.tasks.spawn(async move {
            let is_down = || shared.is_down.load(Ordering::Relaxed);
            Done::Looked(look(&shared.parts, groups, &shared.leave, is_down).await)
        });
        self.running.insert(handle.id(), Running::Look);
    }

    /// Nothing new; what is under way gets its time, and then is cut off, so that it can write down how far it got.
    async fn drain(&mut self) -> Ended {
        if let Some(pass) = self.pass.take() {
            // It only reads, and its one write is whole or not at all.
            pass.abort();
        }
        let shared = Arc::clone(self.shared);
        let turns = || shared.under_way.load(Ordering::Relaxed);
        let begun = turns();
        if self.all_end_within(self.options.grace).await {
            return Ended { drained: begun, cut_off: 0 };
        }
        let cut_off = turns();
        shared.leave.cut();
        self.all_end_within(LAST_WORDS).await;
        self.tasks.shutdown().await;
        Ended { drained: begun.saturating_sub(cut_off), cut_off }
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
