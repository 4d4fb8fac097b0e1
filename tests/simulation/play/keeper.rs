//! Keeps one worker going: it is killed, or replaced, and another one starts in its place.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use meetsync::reconcile::worker::{Bell, LastTurn, Leave, Worker, WorkerOptions};
use tokio::time::{Duration as Span, sleep};

use crate::books::BooksTwin;
use crate::edges::{Twins, parts};
use crate::history::{Settings, beginning};
use crate::mutants::{self, EdgeBug};
use crate::world::{Life, Shared};

/// What the story and one worker's keeper share.
#[derive(Debug, Clone, Default)]
pub(super) struct Keeper {
    pub(super) bell: Bell,
    pub(super) shared: Arc<std::sync::Mutex<Kept>>,
}

#[derive(Debug, Default)]
pub(super) struct Kept {
    /// How long the next death lasts.
    pub(super) down_ms: u64,
    pub(super) leave: Option<Leave>,
}

/// Runs a worker, and another one whenever it has died.
pub(super) async fn keep(shared: Shared, worker: usize, keeper: Keeper, settings: Settings) {
    loop {
        let (life, death) = {
            let mut world = shared.lock();
            let state = &mut world.workers[worker];
            state.life += 1;
            state.steps.clear();
            (Life { world: shared.clone(), worker, number: state.life }, Arc::clone(&state.death))
        };
        let leave = Leave::default();
        keeper.shared.lock().expect("not poisoned").leave = Some(leave.clone());
        let options = WorkerOptions {
            poll: Duration::from_millis(settings.poll_ms),
            last_sweep: last_sweep(settings.sweep_s),
            may_send: !settings.only_observes && !settings.is_shadow(worker),
            grace: Duration::from_secs(3),
            begins_at: shared.lock().now(),
        };
        let the_worker =
            Worker::<Twins>::new(parts(&life, &settings), BooksTwin(life.clone()), leave, options);
        let silence = |_: Result<&_, &_>| {};
        tokio::select! {
            biased;
            () = death.notified() => {
                shared.lock().tell(|| format!("worker {worker}: is killed"));
            }
            ended = the_worker.run(&keeper.bell, &silence) => {
                shared.lock().tell(|| format!("worker {worker}: stopped ({ended:?})"));
            }
        }
        drop(the_worker);
        let down_ms = {
            let mut world = shared.lock();
            let open = std::mem::take(&mut world.workers[worker].open_steps);
            if mutants::is(EdgeBug::NoDoubtMark) {
                for (lease, begun) in open.into_values() {
                    let _ = world.ledger.put_back(&lease, &begun);
                }
            }
            std::mem::take(&mut keeper.shared.lock().expect("not poisoned").down_ms)
        };
        sleep(Span::from_millis(down_ms)).await;
        shared.lock().tell(|| format!("worker {worker}: starts"));
    }
}

fn last_sweep(every_s: u64) -> LastTurn {
    let every = i64::try_from(every_s.max(1)).expect("short");
    Arc::new(move |now: DateTime<Utc>| {
        // A clock that is set back shows times before the beginning, and they had sweeps too.
        let gone = (now - beginning()).num_seconds();
        Some(beginning() + TimeDelta::seconds(gone.div_euclid(every) * every))
    })
}
