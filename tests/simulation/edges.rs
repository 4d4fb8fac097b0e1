//! The twins as one set of edges, and the two that are not twins: the real provider code over the far side's twin, and
//! simulated time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use meetsync::model::{
    Deck, DeckId, GroupAcronym, GuardPolicy, Mode, NotifyTime, Outcome, Policy, RoomSpec, RoomsPolicy,
    ScopePolicy, SeenRoom, SessionId, SlidesPolicy,
};
use meetsync::provider::meetecho::{Meetecho, MeetechoOptions};
use meetsync::reconcile::Parts;
use meetsync::reconcile::edges::{Conference, Edges, Time};
use tokio::time::Instant;

use super::books::BooksTwin;
use super::exchange::FarSideTwin;
use super::far_side::API_BASE;
use super::history::Settings;
use super::in_step::provider_window;
use super::mutants::{self, EdgeBug};
use super::random::mix;
use super::source::{LINK_PREFIX, LinksTwin, SourceTwin};
use super::world::Life;

/// All twins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Twins;

impl Edges for Twins {
    type Source = SourceTwin;
    type Books = BooksTwin;
    type Conference = Provider;
    type Links = LinksTwin;
    type Time = SimulatedTime;
}

/// The real provider code; some bugs are planted around it.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    real: Meetecho,
    life: Life,
    settings: Arc<Settings>,
}

impl Provider {
    fn new(life: &Life, settings: Arc<Settings>) -> Self {
        let options = MeetechoOptions {
            api_base: API_BASE.parse().expect("a URL"),
            client_id: "meetsync".to_owned(),
            client_secret: "secret".into(),
            max_in_flight: settings.max_in_flight,
            rate: 0.0,
            longest_hold: Duration::from_secs(4),
            request_timeout: Duration::from_millis(settings.request_timeout_ms),
            allow_http: false,
        };
        let real = Meetecho::twin(options, Arc::new(FarSideTwin(life.clone())));
        Self { real, life: life.clone(), settings }
    }
}

fn unless_acked(outcome: Outcome<()>) -> Outcome<()> {
    match outcome {
        Outcome::InDoubt(_) if mutants::is(EdgeBug::AckBeforeReply) => Outcome::Applied(()),
        other => other,
    }
}

impl Conference for Provider {
    fn counting_anew(&self) -> Self {
        if mutants::is(EdgeBug::TokensNotShared) {
            return Self::new(&self.life, Arc::clone(&self.settings));
        }
        Self {
            real: self.real.counting_anew(),
            life: self.life.clone(),
            settings: Arc::clone(&self.settings),
        }
    }

    fn requests_sent(&self) -> u64 {
        self.real.requests_sent()
    }

    fn quiet_for(&self) -> Option<Duration> {
        self.real.quiet_for()
    }

    fn has_token(&self, group: &GroupAcronym) -> bool {
        self.real.has_token(group)
    }

    fn rejects_us(&self) -> bool {
        self.real.rejects_us()
    }

    fn rehearse_with(&self, _: &GroupAcronym, _: &SeenRoom) {}

    async fn prefetch_tokens(&self, groups: &BTreeSet<GroupAcronym>) {
        self.real.prefetch_tokens(groups).await;
    }

    async fn add_deck(&self, group: &GroupAcronym, session: SessionId, deck: &Deck) -> Outcome<()> {
        unless_acked(self.real.add_deck(group, session, deck).await)
    }

    async fn delete_deck(&self, group: &GroupAcronym, session: SessionId, deck: DeckId) -> Outcome<()> {
        unless_acked(self.real.delete_deck(group, session, deck).await)
    }

    async fn set_decks(&self, group: &GroupAcronym, session: SessionId, decks: &[Deck]) -> Outcome<()> {
        unless_acked(self.real.set_decks(group, session, decks).await)
    }

    async fn fetch_rooms(&self, group: &GroupAcronym) -> Outcome<Vec<SeenRoom>> {
        self.real.fetch_rooms(group).await
    }

    async fn create_room(&self, group: &GroupAcronym, room: &RoomSpec) -> Outcome<SeenRoom> {
        match self.real.create_room(group, room).await {
            Outcome::InDoubt(_) if mutants::is(EdgeBug::SecondCreate) => {
                self.real.create_room(group, room).await
            }
            outcome => outcome,
        }
    }

    async fn delete_room(
        &self,
        group: &GroupAcronym,
        room_id: i64,
        public_id: Option<&str>,
        now: DateTime<Utc>,
    ) -> Outcome<()> {
        self.real.delete_room(group, room_id, public_id, now).await
    }
}

/// Simulated time, as one worker has it.
#[derive(Debug)]
pub(crate) struct SimulatedTime {
    life: Life,
    began: Instant,
    drawn: AtomicU64,
    seed: u64,
    stalls: bool,
}

impl Time for SimulatedTime {
    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    async fn sleep(&self, length: Duration) {
        // The driver sleeps for ever where nothing is to be waited for.
        tokio::time::sleep(length.min(Duration::from_hours(24))).await;
    }

    async fn within<T: Send>(&self, length: Duration, work: impl Future<Output = T> + Send) -> Option<T> {
        if self.stalls {
            return Some(work.await);
        }
        tokio::time::timeout(length, work).await.ok()
    }

    fn chance(&self) -> f64 {
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        let stream = 77 + ((self.life.worker as u64) << 8) + (self.life.number << 16);
        f64::from(u32::try_from(mix(self.seed, stream, number) >> 32).expect("the upper half"))
            / (f64::from(u32::MAX) + 1.0)
    }
}

fn span(seconds: u64) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(seconds).expect("short"))
}

pub(crate) fn policy(settings: &Settings, worker: usize) -> Policy {
    let is_shadow = settings.is_shadow(worker);
    Policy {
        scope: ScopePolicy {
            mode: if settings.only_observes || is_shadow { Mode::Observe } else { Mode::Act },
            ..ScopePolicy::default()
        },
        slides: SlidesPolicy {
            notify: match settings.notify_minutes {
                _ if is_shadow => NotifyTime::Never,
                Some(minutes) => NotifyTime::Minutes(minutes),
                None => NotifyTime::Always,
            },
            include_deleted: false,
            materials: settings.materials,
            provider_window: provider_window(),
            refresh: span(settings.refresh_s),
            late_effect: span(settings.late_effect_s),
            quiet: super::history::millis(settings.quiet_ms),
            max_wait: super::history::millis(settings.max_wait_ms),
        },
        rooms: RoomsPolicy {
            powers: settings.powers,
            statuses: ["apprw", "appr", "scheda", "sched"].map(str::to_owned).into(),
            horizon: TimeDelta::days(30),
            settle: span(settings.settle_s),
            quiet_before: span(settings.quiet_before_s),
            link_prefix: LINK_PREFIX.to_owned(),
            description: "{meeting}".to_owned(),
            write_back: settings.write_back,
            late_effect: span(settings.late_effect_s),
        },
        guard: GuardPolicy {
            max_deletes: settings.max_deletes,
            max_creates: 100,
            max_sessions: 100,
            per: TimeDelta::hours(1),
        },
    }
}

/// What one life of a worker works with.
pub(crate) fn parts(life: &Life, settings: &Settings) -> Parts<Twins> {
    let (seed, stalls) = {
        let world = life.world.lock();
        (world.seed, world.workers[life.worker].ever_stalls)
    };
    Parts {
        datatracker: SourceTwin(life.clone()),
        ledger: Some(BooksTwin(life.clone())),
        meetecho: Provider::new(life, Arc::new(settings.clone())),
        links: settings.write_back.then(|| LinksTwin(life.clone())),
        time: SimulatedTime {
            life: life.clone(),
            began: Instant::now(),
            drawn: AtomicU64::new(0),
            seed,
            stalls,
        },
        policy: policy(settings, life.worker),
        who: format!("worker-{}", life.worker),
        lease: Duration::from_secs(settings.lease_s),
        max_in_flight: settings.max_in_flight,
    }
}
