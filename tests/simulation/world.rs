//! The world of one history: datatracker, ledger, provider and time, as the twins share them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use meetsync::ledger::Memory;
use meetsync::model::SessionId;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::far_side::FarSide;
use super::history::{Down, Edge, Event, Fault, Faults, History, Settings, Struck, at, seconds};
use super::judge::Judge;
use super::random::{Random, mix};
use super::source::SourceWorld;
use super::words;

/// Streams of chance, so that one more draw here changes nothing there.
const FAULTS: u64 = 1;
const LATENCY: u64 = 2;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) settings: Settings,
    pub(crate) faults: Faults,
    pub(crate) struck: Vec<Struck>,
    pub(crate) calm_at_ms: u64,
    began: Instant,
    pub(crate) source: SourceWorld,
    pub(crate) ledger: Memory,
    pub(crate) far: FarSide,
    pub(crate) judge: Judge,
    pub(crate) workers: Vec<WorkerState>,
    pub(crate) provider_down: Option<(u64, Down)>,
    pub(crate) ledger_down_ms: u64,
    pub(crate) source_down_ms: u64,
    pub(crate) source_lags_from: Option<(u64, u64)>,
    pub(crate) links_down_ms: u64,
    /// The datatracker's clock, less the real one: now, and at its least and its most.
    pub(crate) source_skew_ms: i64,
    /// When it was last set forward.
    pub(crate) set_forward_ms: Option<u64>,
    pub(crate) skews_ms: (i64, i64),
    /// Holds that come in the middle of a step: of which session, for how long, and whether they go before its end.
    pub(crate) holds_in_step: Vec<(SessionId, u64, bool)>,
    /// Boundaries of worker 0 so far, and the one at which it dies.
    pub(crate) boundaries: u64,
    pub(crate) dies_at: Option<u64>,
    /// What happened, in words; None = nobody wants to read it.
    pub(crate) told: Option<Vec<String>>,
}

#[derive(Debug)]
pub(crate) struct WorkerState {
    calls: [u32; Edge::COUNT],
    boundaries: u64,
    pub(crate) dies_at_next: bool,
    /// Not before it is in the middle of a step.
    pub(crate) dies_in_step: bool,
    /// The sessions of steps that it began, and did not end.
    pub(crate) steps: BTreeSet<SessionId>,
    pub(crate) stalled_until_ms: u64,
    /// When it last began to read the datatracker, and ended.
    pub(crate) last_read_ms: (u64, u64),
    /// After a pass it reads nothing until then.
    pub(crate) rests_until_ms: u64,
    pub(crate) ever_stalls: bool,
    /// Rung when it has to die at once.
    pub(crate) death: Arc<Notify>,
    /// Which life of this worker it is: what a dead one left behind is not waited for.
    pub(crate) life: u64,
    /// Marks of this life that were not settled yet, for the planted bug that makes no mark.
    pub(crate) open_steps: BTreeMap<u64, (meetsync::ledger::Lease, meetsync::ledger::Begun)>,
}

impl World {
    pub(crate) fn new(history: &History, told: bool) -> Self {
        // The last one is whoever pushes by hand.
        let workers = (0..=history.settings.workers)
            .map(|worker| WorkerState {
                calls: [0; Edge::COUNT],
                boundaries: 0,
                dies_at_next: false,
                dies_in_step: false,
                steps: BTreeSet::new(),
                stalled_until_ms: 0,
                last_read_ms: (0, 0),
                rests_until_ms: 0,
                ever_stalls: history.events.iter().any(|event| stalls(event, worker)),
                death: Arc::new(Notify::new()),
                life: 0,
                open_steps: BTreeMap::new(),
            })
            .collect();
        Self {
            seed: history.seed,
            settings: history.settings.clone(),
            faults: history.faults.clone(),
            struck: Vec::new(),
            calm_at_ms: history.calm_at_ms,
            began: Instant::now(),
            source: SourceWorld::new(history),
            ledger: Memory::default(),
            far: FarSide::new(&history.settings),
            judge: Judge::new(history),
            workers,
            provider_down: None,
            ledger_down_ms: 0,
            source_down_ms: 0,
            source_lags_from: None,
            links_down_ms: 0,
            source_skew_ms: 0,
            set_forward_ms: None,
            skews_ms: (0, 0),
            holds_in_step: Vec::new(),
            boundaries: 0,
            dies_at: history.dies_at,
            told: told.then(Vec::new),
        }
    }

    /// Since the history began.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).expect("a short history")
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        at(self.now_ms())
    }

    /// By the clock of the datatracker's database.
    pub(crate) fn source_now(&self) -> DateTime<Utc> {
        self.now() + TimeDelta::milliseconds(self.source_skew_ms)
    }

    /// A stretch of time by that clock, as wide as its steps so far may have made it.
    pub(crate) fn by_source(&self, from_ms: u64, to_ms: u64) -> (DateTime<Utc>, DateTime<Utc>) {
        let (least, most) = self.skews_ms;
        (at(from_ms) + TimeDelta::milliseconds(least), at(to_ms) + TimeDelta::milliseconds(most))
    }

    /// How long a request that got no answer may still come late is waited for by this clock: set forward, it cuts the wait
    /// short. So what was asked before comes at once, or never.
    pub(crate) fn step_clock(&mut self, by_ms: i64) {
        self.source_skew_ms += by_ms;
        if by_ms > 0 {
            let now = self.now_ms();
            self.set_forward_ms = Some(now);
            for (at, _) in &mut self.far.late {
                *at = now;
            }
            self.land();
        }
        let (least, most) = self.skews_ms;
        self.skews_ms = (least.min(self.source_skew_ms), most.max(self.source_skew_ms));
    }

    /// Whether this is the one who pushes by hand.
    pub(crate) fn is_person(&self, worker: usize) -> bool {
        worker == self.settings.workers
    }

    pub(crate) fn ledger_clock(&self) -> DateTime<Utc> {
        self.now() + TimeDelta::milliseconds(self.settings.ledger_skew_ms)
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.now_ms() >= self.calm_at_ms
    }

    pub(crate) fn tell(&mut self, words: impl FnOnce() -> String) {
        let now = self.now_ms();
        if let Some(told) = &mut self.told {
            told.push(format!("  {:>8.3} s  {}", seconds(now), words()));
        }
    }

    /// The number of this call among its kind, and what goes wrong with it.
    pub(crate) fn fault(
        &mut self,
        worker: usize,
        edge: Edge,
        menu: impl FnOnce(&mut Random) -> Fault,
    ) -> Option<Fault> {
        let number = self.workers[worker].calls[edge.place()];
        self.workers[worker].calls[edge.place()] += 1;
        if self.is_calm() {
            return None;
        }
        let fault = match &self.faults {
            Faults::Drawn { percent } => {
                let stream = FAULTS + ((worker as u64) << 8) + ((edge.place() as u64) << 16);
                let mut random = Random::new(mix(self.seed, stream, u64::from(number)), FAULTS);
                random.percent(*percent).then(|| menu(&mut random))?
            }
            Faults::Listed(listed) => {
                let is_this =
                    |struck: &&Struck| (struck.worker, struck.edge, struck.number) == (worker, edge, number);
                listed.iter().find(is_this)?.fault
            }
        };
        self.struck.push(Struck { worker, edge, number, fault });

        let number_from_one = number + 1;
        self.tell(|| {
            format!(
                "worker {worker}: {}, call {number_from_one}: {}",
                words::of_edge(edge),
                words::of_fault(fault)
            )
        });
        Some(fault)
    }

    /// A draw for how long something takes.
    pub(crate) fn latency(&self, worker: usize, number: u64) -> Random {
        Random::new(mix(self.seed, LATENCY + ((worker as u64) << 8), number), LATENCY)
    }
}

fn stalls(event: &Event, worker: usize) -> bool {
    matches!(event.what, super::history::What::Stall { worker: stalled, .. } if stalled == worker)
}

/// The world as everybody holds it.
#[derive(Debug, Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One life of one worker, as its twins know it.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) world: Shared,
    pub(crate) worker: usize,
    pub(crate) number: u64,
}

impl Life {
    /// A stalled worker does nothing until somebody lets it go on.
    async fn stalled(&self) {
        loop {
            let left = {
                let world = self.world.lock();
                world.workers[self.worker].stalled_until_ms.saturating_sub(world.now_ms())
            };
            if left == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(left.min(1000))).await;
        }
    }

    /// The place between two calls: time passes, others have their turn, and the worker may die or stall here.
    pub(crate) async fn boundary(&self) {
        let (dies, pause) = {
            let mut world = self.world.lock();
            if self.worker == 0 {
                world.boundaries += 1;
            }
            let enumerated = self.worker == 0 && world.dies_at == Some(world.boundaries);
            let state = &mut world.workers[self.worker];
            state.boundaries += 1;
            let number = state.boundaries;
            let is_time = state.dies_at_next && (!state.dies_in_step || !state.steps.is_empty());
            let dies = state.life == self.number && (is_time || enumerated);
            if dies {
                state.dies_at_next = false;
                state.death.notify_one();
            }
            let mut random = world.latency(self.worker, number);
            let own = if random.percent(60) { 0 } else { random.between(1, 40) };
            (dies, own)
        };
        if dies {
            std::future::pending::<()>().await;
        }
        self.stalled().await;
        if pause == 0 {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }
}
