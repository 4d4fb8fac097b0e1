//! Plays a history: the real worker over the twins, in simulated time, and then the judge.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use meetsync::model::SessionId;
use meetsync::provider::meetecho::Call;
use meetsync::reconcile::worker::{Bell, Leave, Worker, WorkerOptions};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Duration as Span, sleep, timeout};

use super::books::BooksTwin;
use super::by_hand;
use super::edges::{Twins, parts};
use super::history::{Down, Edge, Event, Fault, History, Settings, Struck, What, at, beginning, seconds};
use super::mutants::{self, EdgeBug};
use super::random::Random;
use super::words;
use super::world::{Life, Shared, World};

/// Longer than anything may take when nothing fails any more: a refusal is parked for five minutes.
const LONGEST_CALM_MS: u64 = 420_000;

/// So long nothing may change any more.
const STAYS_MS: u64 = 16_000;

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
        let bell = Bell::default();
        let mut workers = JoinSet::new();
        let handles: Vec<Keeper> = (0..history.settings.workers).map(|_| Keeper::default()).collect();
        for (worker, keeper) in handles.iter().enumerate() {
            workers.spawn(keep(shared.clone(), worker, keeper.clone(), history.settings.clone()));
        }
        drop(bell);
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

/// What the story and one worker's keeper share.
#[derive(Debug, Clone, Default)]
struct Keeper {
    bell: Bell,
    shared: Arc<std::sync::Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    /// How long the next death lasts.
    down_ms: u64,
    leave: Option<Leave>,
}

/// Runs a worker, and another one whenever it has died.
async fn keep(shared: Shared, worker: usize, keeper: Keeper, settings: Settings) {
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
            may_send: !settings.only_observes,
            grace: Duration::from_secs(3),
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

fn last_sweep(every_s: u64) -> meetsync::reconcile::worker::LastTurn {
    let every = i64::try_from(every_s.max(1)).expect("short");
    Arc::new(move |now: DateTime<Utc>| {
        let gone = (now - beginning()).num_seconds().max(0);
        Some(beginning() + TimeDelta::seconds(gone / every * every))
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

    /// Nothing fails any more: all must come into step, and stay. How long that took.
    async fn calm(&self) -> Result<u64, String> {
        // What was put off by a clock that went back since takes so much longer.
        let skewed_ms = {
            let world = self.shared.lock();
            (world.skews_ms.1 - world.source_skew_ms).unsigned_abs()
        };
        let calm_at = self.now_ms();
        let mut restless = 0;
        loop {
            let (trouble, is_open, has_late, changed_ms) = {
                let mut world = self.shared.lock();
                world.land();
                if !world.judge.violations.is_empty() {
                    return Ok(0);
                }
                (world.trouble(), world.is_owing(), world.far.has_late(), world.far.changed_ms)
            };
            let now = self.now_ms();
            if trouble.is_none() && !is_open && !has_late {
                let in_step_ms = changed_ms.saturating_sub(calm_at);
                if self.stays().await? {
                    self.one_more_edit().await?;
                    return Ok(in_step_ms);
                }
                restless += 1;
                if restless > 8 {
                    return Err(
                        "it never comes to rest: requests are sent although all is in step".to_owned()
                    );
                }
            } else if now - calm_at > LONGEST_CALM_MS + skewed_ms {
                let what = trouble.unwrap_or_else(|| "a session in its window is still in doubt".to_owned());
                return Err(format!(
                    "not in step {:.0} s after the last fault: {what}",
                    seconds(now - calm_at)
                ));
            } else {
                let pause = if now - calm_at > 60_000 { 5000 } else { 1000 };
                sleep(Span::from_millis(pause)).await;
            }
        }
    }

    /// When all is well, an edit is sent without delay. Asked of every fourth history.
    async fn one_more_edit(&self) -> Result<(), String> {
        // Whoever was refused a token remembers that for a minute.
        let was_refused = self.shared.lock().struck.iter().any(|struck| {
            let is_no = matches!(struck.fault, Fault::Status { status } if status < 500);
            is_no && struck.edge == Edge::Provider(Call::Tokens)
        }) || self
            .history
            .events
            .iter()
            .any(|event| matches!(event.what, What::ProviderDown { how: Down::GivesNoTokens, .. }));
        let is_asked =
            self.history.seed.is_multiple_of(4) && !was_refused && !self.shared.lock().is_fenced_off();
        if !is_asked || self.history.settings.only_observes {
            return Ok(());
        }
        let (session, within_ms) = {
            let mut world = self.shared.lock();
            let Some(session) = world.one_in_its_window() else { return Ok(()) };
            let now = world.now_ms();
            let deck = 10 * world.source.sessions()[session].id.0 + 9;
            world.tell(|| format!("one more deck for session {}", self.id(session)));
            let touched = world.source_now();
            world.source.edit(now, touched, What::AddDeck { session, deck });
            (session, world.settings.quiet_ms + 2 * world.settings.poll_ms + 3000)
        };
        sleep(Span::from_millis(within_ms)).await;
        let world = self.shared.lock();
        match world.decks_trouble(&world.source.sessions()[session], world.source_now()) {
            Some(trouble) => Err(format!("nothing fails, and {within_ms} ms after an edit {trouble}")),
            None => Ok(()),
        }
    }

    /// In step by now: nothing may be sent any more, and nothing come loose.
    async fn stays(&self) -> Result<bool, String> {
        let before = self.shared.lock().far.writes;
        let from = self.now_ms();
        sleep(Span::from_millis(STAYS_MS)).await;
        let mut world = self.shared.lock();
        world.land();
        let now = world.now_ms();
        let (earliest, latest) = world.by_source(from.saturating_sub(5000), now + 1000);
        let may_send = world.something_opens(earliest, latest);
        let is_quiet = world.far.writes == before;
        // What was put off for a good reason may be under way just now.
        if let Some(trouble) = world.trouble().filter(|_| is_quiet && !may_send) {
            return Err(format!("it was in step, and did not stay so: {trouble}"));
        }
        Ok(is_quiet || may_send)
    }
}
