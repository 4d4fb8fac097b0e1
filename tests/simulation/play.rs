//! Plays a history: the real worker over the twins, in simulated time, and then the judge.

use std::cell::RefCell;

use meetsync::model::SessionId;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Duration as Span, sleep, timeout};

use super::by_hand;
use super::history::{Down, Event, History, Struck, What, at};
use super::random::Random;
use super::words;
use super::world::{Shared, World};

mod calm;
mod keeper;

use keeper::{Keeper, keep};

/// What became of a history.
#[derive(Debug, Default)]
pub(crate) struct Played {
    /// None = everything held, and all is in step.
    pub(crate) verdict: Option<String>,
    pub(crate) edits: usize,
    pub(crate) writes: u64,
    /// From the calm to the moment from which on all was in step.
    pub(crate) converged_ms: u64,
    pub(crate) struck: Vec<Struck>,
    pub(crate) boundaries: u64,
    pub(crate) told: Vec<String>,
}

pub(crate) fn play(history: &History, told: bool) -> Played {
    let caught = std::panic::catch_unwind(|| play_it(history, told));
    caught.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no words");
        Played { verdict: Some(format!("panicked: {words}")), ..Played::default() }
    })
}

fn play_it(history: &History, told: bool) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime needs nothing");
    runtime.block_on(async {
        let shared = Shared::new(World::new(history, told));
        let mut workers = JoinSet::new();
        let handles: Vec<Keeper> = (0..history.settings.workers).map(|_| Keeper::default()).collect();
        for (worker, keeper) in handles.iter().enumerate() {
            workers.spawn(keep(shared.clone(), worker, keeper.clone(), history.settings.clone()));
        }
        let stage = Stage { history, shared: &shared, keepers: &handles, pushes: RefCell::default() };
        stage.chaos().await;
        // Whoever pushes is done some time, now that nothing fails.
        while let Some(pushed) = stage.next_push().await {
            pushed.expect("a push does not panic");
        }
        let converged_ms = stage.calm().await;
        workers.shutdown().await;
        let mut world = shared.lock();
        world.check_bound();
        let verdict = world.judge.violations.first().cloned();
        Played {
            verdict: verdict.or_else(|| converged_ms.as_ref().err().cloned()),
            edits: world.source.edits,
            writes: world.far.writes,
            converged_ms: converged_ms.unwrap_or(0),
            struck: std::mem::take(&mut world.struck),
            boundaries: world.boundaries,
            told: world.told.take().unwrap_or_default(),
        }
    })
}

struct Stage<'a> {
    history: &'a History,
    shared: &'a Shared,
    keepers: &'a [Keeper],
    pushes: RefCell<JoinSet<()>>,
}

impl Stage<'_> {
    async fn next_push(&self) -> Option<Result<(), JoinError>> {
        let mut pushes = self.pushes.take();
        let next = pushes.join_next().await;
        self.pushes.replace(pushes);
        next
    }

    fn now_ms(&self) -> u64 {
        self.shared.lock().now_ms()
    }

    async fn until(&self, ms: u64) {
        sleep(Span::from_millis(ms.saturating_sub(self.now_ms()))).await;
    }

    /// Everything that happens, at its time.
    async fn chaos(&self) {
        let mut random = Random::new(self.history.seed, 99);
        for event in &self.history.events {
            self.until(event.at_ms).await;
            self.happen(event);
            let mut world = self.shared.lock();
            world.land();
            world.check_storm();
            let told = world.settings.told_percent;
            drop(world);
            if random.percent(told) {
                self.ring();
            }
        }
        self.until(self.history.calm_at_ms).await;
        let mut world = self.shared.lock();
        world.judge.storm = None;
        for worker in &mut world.workers {
            worker.dies_at_next = false;
            worker.stalled_until_ms = 0;
        }
        world.ledger_down_ms = 0;
        world.source_down_ms = 0;
        world.source_lags_from = None;
        world.links_down_ms = 0;
        world.holds_in_step.clear();
        world.provider_down = None;
        world.tell(|| "calm from here on".to_owned());
    }

    fn ring(&self) {
        for keeper in self.keepers {
            keeper.bell.ring();
        }
    }

    fn id(&self, session: usize) -> SessionId {
        SessionId(self.history.sessions.get(session).map_or(0, |session| session.id))
    }

    fn happen(&self, event: &Event) {
        let mut world = self.shared.lock();
        let now = world.now_ms();
        world.tell(|| words::of_event(self.history, event.what));
        let touched = world.source_now();
        if world.source.edit(now, touched, event.what) {
            return;
        }
        match event.what {
            What::Hold { session, for_s } => world.hold(session.map(|session| self.id(session)), for_s),
            What::HoldInStep { session, for_s, released } => {
                let hold = (self.id(session), for_s, released);
                world.holds_in_step.push(hold);
            }
            What::Release { session } => world.release(session.map(|session| self.id(session))),
            What::Push { session, killed_after_ms } => {
                let by_hand =
                    by_hand::push(self.shared.clone(), self.id(session), self.history.settings.clone());
                let limit = Span::from_millis(killed_after_ms.unwrap_or(u64::MAX / 2));
                self.pushes.borrow_mut().spawn(async move { _ = timeout(limit, Box::pin(by_hand)).await });
            }
            What::Crash { worker, for_ms, in_step } => {
                if let Some(state) = world.workers.get_mut(worker) {
                    state.dies_at_next = true;
                    state.dies_in_step = in_step;
                    self.keepers[worker].shared.lock().expect("not poisoned").down_ms = for_ms;
                }
            }
            What::Stall { worker, for_ms } => {
                if let Some(state) = world.workers.get_mut(worker) {
                    state.stalled_until_ms = now + for_ms;
                }
            }
            What::Replace { worker } => {
                if let Some(keeper) = self.keepers.get(worker)
                    && let Some(leave) = &keeper.shared.lock().expect("not poisoned").leave
                {
                    leave.ask();
                }
            }
            What::ForgetDecks => {
                world.far.forget_decks();
                world.judge.forgot = true;
            }
            What::ForgetRooms => world.far.forget_rooms(),
            What::ForgetTokens => world.far.forget_tokens(),
            What::ForeignRoom { group } => {
                let moment = at(now);
                world.far.foreign_room(group, moment);
            }
            What::ProviderDown { for_ms, how } => {
                world.provider_down = Some((now + for_ms, how));
                if how == Down::GivesNoTokens {
                    world.far.forget_tokens();
                }
            }
            What::LedgerDown { for_ms } => world.ledger_down_ms = now + for_ms,
            What::SourceDown { for_ms } => world.source_down_ms = now + for_ms,
            What::LinksDown { for_ms } => world.links_down_ms = now + for_ms,
            What::ClockStep { by_ms } => world.step_clock(by_ms),
            What::SourceLags { for_ms } => world.source_lags_from = Some((now, now + for_ms)),
            _ => {}
        }
    }
}
