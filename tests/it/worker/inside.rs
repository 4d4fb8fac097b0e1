//! A worker inside of the test's own process, on the real parts but for two of its edges: the datatracker's clock can be
//! set, and the provider's client can be made to panic.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join;
use meetsync::database::{ConnectOptions, Database, Tls};
use meetsync::datatracker::{Datatracker, DatatrackerOptions, Look, ReadError, Writer};
use meetsync::demo::sample::scenes::LIVE;
use meetsync::demo::standin::Standin;
use meetsync::ledger::Ledger;
use meetsync::model::{
    Deck, DeckId, GroupAcronym, GuardPolicy, Materials, Mode, NotifyTime, Outcome, Policy, RoomPowers,
    RoomSpec, RoomsPolicy, ScopePolicy, SeenRoom, SessionId, SlidesPolicy, Snapshot,
};
use meetsync::provider::meetecho::{Meetecho, MeetechoOptions};
use meetsync::reconcile::edges::{Conference, Edges, Source};
use meetsync::reconcile::worker::{Bell, Leave, PassReport, Worker, WorkerOptions};
use meetsync::reconcile::{Parts, RealTime, ReconcileError};
use tokio::sync::Semaphore;

use crate::support::stage::{SECRET, Stage};

/// When the conference's edge panics in a list for [`LIVE`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Panics {
    #[default]
    Never,
    BeforeItIsSent,
    AfterItWasSent,
}

/// How far the clock of the datatracker's database is ahead, in seconds.
pub(super) type Ahead = Arc<AtomicI64>;

struct Clocked {
    datatracker: Datatracker,
    ahead: Ahead,
    panics: Arc<AtomicBool>,
}

impl Source for Clocked {
    async fn snapshot(&self, look: &Look) -> Result<Snapshot, ReadError> {
        assert!(!self.panics.load(Ordering::Relaxed), "a planted panic in a read");
        let snapshot = self.datatracker.snapshot(look).await?;
        let ahead = TimeDelta::seconds(self.ahead.load(Ordering::Relaxed));
        let (as_of, known_until) = (snapshot.as_of + ahead, snapshot.known_until + ahead);
        Ok(Snapshot { as_of, known_until, ..snapshot })
    }
}

#[derive(Clone)]
struct Fragile {
    meetecho: Meetecho,
    panics: Panics,
    left: Arc<AtomicUsize>,
    stuck: Arc<AtomicBool>,
    reads: Option<Arc<Semaphore>>,
    tokens: Option<Arc<Gate>>,
}

/// What is waited at, and how many came to it so far.
pub(super) struct Gate {
    pub(super) came: AtomicUsize,
    pub(super) open: Semaphore,
}

impl Gate {
    pub(super) fn shut() -> Arc<Self> {
        Arc::new(Self { came: AtomicUsize::new(0), open: Semaphore::new(0) })
    }
}

impl Conference for Fragile {
    fn counting_anew(&self) -> Self {
        Self { meetecho: self.meetecho.counting_anew(), ..self.clone() }
    }

    fn requests_sent(&self) -> u64 {
        self.meetecho.requests_sent()
    }

    fn quiet_for(&self) -> Option<Duration> {
        self.meetecho.quiet_for()
    }

    fn has_token(&self, group: &GroupAcronym) -> bool {
        self.meetecho.has_token(group)
    }

    fn rejects_us(&self) -> bool {
        self.meetecho.rejects_us()
    }

    fn rehearse_with(&self, group: &GroupAcronym, room: &SeenRoom) {
        self.meetecho.rehearse_with(group, room);
    }

    async fn prefetch_tokens(&self, groups: &BTreeSet<GroupAcronym>) {
        if self.stuck.load(Ordering::Relaxed) {
            return std::future::pending().await;
        }
        if let Some(gate) = &self.tokens {
            gate.came.fetch_add(1, Ordering::Relaxed);
            gate.open.acquire().await.unwrap().forget();
        }
        self.meetecho.prefetch_tokens(groups).await;
    }

    async fn add_deck(&self, group: &GroupAcronym, session: SessionId, deck: &Deck) -> Outcome<()> {
        self.meetecho.add_deck(group, session, deck).await
    }

    async fn delete_deck(&self, group: &GroupAcronym, session: SessionId, deck: DeckId) -> Outcome<()> {
        self.meetecho.delete_deck(group, session, deck).await
    }

    async fn set_decks(&self, group: &GroupAcronym, session: SessionId, decks: &[Deck]) -> Outcome<()> {
        let one_less = |left: usize| left.checked_sub(1);
        let breaks = self.panics != Panics::Never
            && session == LIVE
            && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok();
        assert!(!breaks || self.panics != Panics::BeforeItIsSent, "a planted panic");
        let outcome = self.meetecho.set_decks(group, session, decks).await;
        assert!(!breaks, "a planted panic");
        outcome
    }

    async fn fetch_rooms(&self, group: &GroupAcronym) -> Outcome<Vec<SeenRoom>> {
        if let Some(reads) = &self.reads {
            reads.acquire().await.unwrap().forget();
        }
        self.meetecho.fetch_rooms(group).await
    }

    async fn create_room(&self, group: &GroupAcronym, room: &RoomSpec) -> Outcome<SeenRoom> {
        self.meetecho.create_room(group, room).await
    }

    async fn delete_room(
        &self,
        group: &GroupAcronym,
        id: i64,
        public_id: Option<&str>,
        now: &(dyn Fn() -> DateTime<Utc> + Sync),
    ) -> Outcome<()> {
        self.meetecho.delete_room(group, id, public_id, now).await
    }
}

struct Inside;

impl Edges for Inside {
    type Source = Clocked;
    type Books = Ledger;
    type Conference = Fragile;
    type Links = Writer;
    type Time = RealTime;
}

fn connect(stage: &Stage) -> Database {
    Database::new(ConnectOptions {
        what: "the database".to_owned(),
        setting: "database_url".to_owned(),
        url: stage.database.url().into(),
        tls: Tls::Disable,
        read_only: false,
        statement_timeout: None,
        max_connections: 8,
    })
    .unwrap()
}

fn fragile(standin: &Standin, given: &Given) -> Fragile {
    let options = MeetechoOptions {
        api_base: standin.base_url.clone(),
        client_id: standin.options.client_id.clone(),
        client_secret: SECRET.into(),
        max_in_flight: 4,
        rate: 0.0,
        longest_hold: Duration::from_secs(10),
        request_timeout: Duration::from_secs(5),
        allow_http: true,
    };
    Fragile {
        meetecho: Meetecho::live(options).unwrap(),
        panics: given.panics,
        left: Arc::new(AtomicUsize::new(3)),
        stuck: Arc::clone(&given.stuck),
        reads: given.reads.clone(),
        tokens: given.tokens.clone(),
    }
}

fn policy() -> Policy {
    Policy {
        scope: ScopePolicy { mode: Mode::Act, groups: BTreeSet::new(), meetings: BTreeSet::new() },
        slides: SlidesPolicy {
            notify: NotifyTime::Always,
            include_deleted: false,
            materials: Materials::Put,
            provider_window: TimeDelta::minutes(15),
            refresh: TimeDelta::zero(),
            late_effect: TimeDelta::seconds(1),
            quiet: TimeDelta::milliseconds(200),
            max_wait: TimeDelta::seconds(1),
        },
        rooms: RoomsPolicy {
            powers: RoomPowers::Observe,
            statuses: ["sched".to_owned()].into(),
            horizon: TimeDelta::days(180),
            settle: TimeDelta::zero(),
            quiet_before: TimeDelta::minutes(15),
            link_prefix: "https://meetings.conf.meetecho.com/interim/".into(),
            description: "{meeting}".into(),
            write_back: false,
            late_effect: TimeDelta::seconds(1),
        },
        guard: GuardPolicy { max_deletes: 5, max_creates: 20, max_sessions: 10, per: TimeDelta::hours(1) },
    }
}

async fn parts(stage: &Stage, meetecho: Fragile, given: &Given) -> Parts<Inside> {
    let timeout = Duration::from_secs(20);
    let options = DatatrackerOptions {
        schema: None,
        base_url: "https://datatracker.ietf.org".to_owned(),
        archive_url: "https://www.ietf.org".to_owned(),
        statement_timeout: timeout,
        lock_timeout: timeout,
    };
    Parts {
        datatracker: Clocked {
            datatracker: Datatracker::new(connect(stage), options),
            ahead: Arc::clone(&given.ahead),
            panics: Arc::clone(&given.reads_panic),
        },
        ledger: Some(Ledger::open(connect(stage)).await.unwrap()),
        meetecho,
        links: None,
        time: RealTime::default(),
        policy: policy(),
        who: "a worker inside".into(),
        // Much longer than anybody here waits.
        lease: Duration::from_mins(5),
        max_in_flight: 4,
    }
}

/// What is logged on this thread.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Mutex<Vec<u8>>>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is other than usual, and where its log goes.
#[derive(Default)]
pub(super) struct Given {
    /// In the first three lists for [`LIVE`].
    pub(super) panics: Panics,
    pub(super) ahead: Ahead,
    /// The common token call does not end.
    pub(super) stuck: Arc<AtomicBool>,
    /// One sweep is due, and so many reads of rooms go through; else there is none.
    pub(super) reads: Option<Arc<Semaphore>>,
    /// Each common token call waits here.
    pub(super) tokens: Option<Arc<Gate>>,
    pub(super) heard: Heard,
    /// Every pass panics where it reads the datatracker.
    pub(super) reads_panic: Arc<AtomicBool>,
    /// Of each pass that was told: its error, or nothing.
    pub(super) passes: Arc<Mutex<Vec<Option<String>>>>,
}

impl Heard {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Runs a worker until the story is told. The clock is never looked at for rooms or windows here.
pub(super) async fn during(stage: &Stage, given: Given, story: impl Future<Output = ()>) {
    let lines = given.heard.clone();
    let log = tracing_subscriber::fmt().with_writer(move || lines.clone()).with_ansi(false).finish();
    let _logging = tracing::subscriber::set_default(log);
    let sweep = given.reads.is_some().then_some(DateTime::UNIX_EPOCH);
    let parts = parts(stage, fragile(&stage.standin, &given), &given).await;
    let (ledger, leave, bell) = (parts.ledger.clone().unwrap(), Leave::default(), Bell::default());
    let options = WorkerOptions {
        poll: Duration::from_millis(200),
        last_sweep: Arc::new(move |_: DateTime<Utc>| sweep),
        may_send: true,
        grace: Duration::from_secs(5),
        begins_at: DateTime::UNIX_EPOCH,
    };
    let worker = Worker::new(parts, ledger, leave.clone(), options);
    let told = |pass: Result<&PassReport, &ReconcileError>| {
        given.passes.lock().unwrap().push(pass.err().map(ToString::to_string));
    };
    let story = async {
        story.await;
        leave.ask();
    };
    let (ended, ()) = join(worker.run(&bell, &told), story).await;
    assert_eq!(ended.cut_off, 0, "{ended:?}");
}
