//! The world of one history: datatracker, ledger, provider and time, as the twins share them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use meetsync::ledger::Memory;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::far_side::FarSide;
use super::history::{Down, Edge, Event, Fault, Faults, History, Settings, Struck, at, seconds};
use super::judge::Judge;
use super::random::{Random, mix};
use super::source::SourceWorld;

/// Streams of chance, so that one more draw here changes nothing there.
const FAULTS: u64 = 1;
const LATENCY: u64 = 2;

#[derive(Debug)]
pub struct World {
    pub seed: u64,
    pub settings: Settings,
    pub faults: Faults,
    pub struck: Vec<Struck>,
    pub calm_at_ms: u64,
    began: Instant,
    pub source: SourceWorld,
    pub ledger: Memory,
    pub far: FarSide,
    pub judge: Judge,
    pub workers: Vec<WorkerState>,
    pub provider_down: Option<(u64, Down)>,
    pub ledger_down_ms: u64,
    pub source_down_ms: u64,
    pub source_lags_from: Option<(u64, u64)>,
    /// Boundaries of worker 0 so far, and the one at which it dies.
    pub boundaries: u64,
    pub dies_at: Option<u64>,
    /// What happened, in words; None = nobody wants to read it.
    pub told: Option<Vec<String>>,
}

#[derive(Debug)]
pub struct WorkerState {
    calls: [u32; Edge::COUNT],
    boundaries: u64,
    pub dies_at_next: bool,
    pub stalled_until_ms: u64,
    pub ever_stalls: bool,
    /// Rung when it has to die at once.
    pub death: Arc<Notify>,
    /// Which life of this worker it is: what a dead one left behind is not waited for.
    pub life: u64,
    /// Marks of this life that were not settled yet, for the planted bug that makes no mark.
    pub open_steps: BTreeMap<u64, (meetsync::ledger::Lease, meetsync::ledger::Begun)>,
}

impl World {
    pub fn new(history: &History, told: bool) -> Self {
        let workers = (0..history.settings.workers)
            .map(|worker| WorkerState {
                calls: [0; Edge::COUNT],
                boundaries: 0,
                dies_at_next: false,
                stalled_until_ms: 0,
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
            boundaries: 0,
            dies_at: history.dies_at,
            told: told.then(Vec::new),
        }
    }

    /// Since the history began.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).expect("a short history")
    }

    pub fn now(&self) -> DateTime<Utc> {
        at(self.now_ms())
    }

    pub fn ledger_clock(&self) -> DateTime<Utc> {
        self.now() + chrono::TimeDelta::milliseconds(self.settings.ledger_skew_ms)
    }

    pub fn is_calm(&self) -> bool {
        self.now_ms() >= self.calm_at_ms
    }

    pub fn tell(&mut self, words: impl FnOnce() -> String) {
        let now = self.now_ms();
        if let Some(told) = &mut self.told {
            told.push(format!("  {:>8.3} s  {}", seconds(now), words()));
        }
    }

    /// The number of this call among its kind, and what goes wrong with it.
    pub fn fault(
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
        self.tell(|| format!("worker {worker}: {edge:?} call {number} is struck: {fault:?}"));
        Some(fault)
    }

    /// A draw for how long something takes.
    pub fn latency(&self, worker: usize, number: u64) -> Random {
        Random::new(mix(self.seed, LATENCY + ((worker as u64) << 8), number), LATENCY)
    }
}

fn stalls(event: &Event, worker: usize) -> bool {
    matches!(event.what, super::history::What::Stall { worker: stalled, .. } if stalled == worker)
}

/// The world as everybody holds it.
#[derive(Debug, Clone)]
pub struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One life of one worker, as its twins know it.
#[derive(Debug, Clone)]
pub struct Life {
    pub world: Shared,
    pub worker: usize,
    pub number: u64,
}

impl Life {
    /// The place between two calls: time passes, others have their turn, and the worker may die or stall here.
    pub async fn boundary(&self) {
        let (dies, pause) = {
            let mut world = self.world.lock();
            let now = world.now_ms();
            if self.worker == 0 {
                world.boundaries += 1;
            }
            let enumerated = self.worker == 0 && world.dies_at == Some(world.boundaries);
            let state = &mut world.workers[self.worker];
            state.boundaries += 1;
            let number = state.boundaries;
            let dies = state.life == self.number && (std::mem::take(&mut state.dies_at_next) || enumerated);
            let stall = state.stalled_until_ms.saturating_sub(now);
            if dies {
                state.death.notify_one();
            }
            let mut random = world.latency(self.worker, number);
            let own = if random.percent(60) { 0 } else { random.between(1, 40) };
            (dies, stall.max(own))
        };
        if dies {
            std::future::pending::<()>().await;
        }
        if pause == 0 {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }
}
