//! Compares what is wanted with what is shown, all the time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use meetsync::database::{ConnectOptions, Database, Tls};
use meetsync::datatracker::{Datatracker, DatatrackerOptions, Look, Range};
use meetsync::demo::sample::scenes;
use meetsync::demo::standin::Standin;
use meetsync::desired::{Gate, session_gate, wanted_decks, wants_room};
use meetsync::model::{Policy, Session, SessionId, Snapshot};
use meetsync::settings::{Environment, Settings};

use crate::Anything;
use crate::report::Report;
use crate::stage::Stage;

const LOOK: Duration = Duration::from_millis(50);
const TIMEOUT: Duration = Duration::from_secs(10);

/// A step that failed is tried again after a while, so nothing is owed only when the ledger says so too.
const OWED: &str = "SELECT session || ' ' || kind || ' ' || state FROM meetsync.subject
     WHERE state <> 'settled' OR doubt_since IS NOT NULL OR confirm_at IS NOT NULL OR first_change IS NOT NULL";

pub(crate) struct Judge {
    datatracker: Datatracker,
    policy: Policy,
    standin: Arc<Standin>,
    /// Sessions with edits that are not shown yet, since the first of them.
    edited: Mutex<BTreeMap<SessionId, Instant>>,
    latencies: Mutex<Vec<Duration>>,
}

impl Judge {
    pub(crate) fn new(stage: &Stage) -> Result<Self, Anything> {
        let settings = Settings::load(Some(&stage.settings()), &Environment::default())?;
        let database = Database::new(ConnectOptions {
            what: "the soak's database".into(),
            setting: "datatracker.database_url".into(),
            url: settings.datatracker.database_url.clone(),
            tls: Tls::Prefer,
            read_only: true,
            statement_timeout: None,
            max_connections: 1,
        })?;
        let options = DatatrackerOptions {
            schema: None,
            base_url: settings.datatracker.base_url.to_string(),
            archive_url: settings.datatracker.archive_url.to_string(),
            statement_timeout: TIMEOUT,
            lock_timeout: TIMEOUT,
        };
        Ok(Self {
            datatracker: Datatracker::new(database, options),
            policy: settings.policy(),
            standin: Arc::clone(&stage.standin),
            edited: Mutex::default(),
            latencies: Mutex::default(),
        })
    }

    /// Somebody has just changed this session.
    pub(crate) fn edited(&self, session: SessionId) {
        lock(&self.edited).entry(session).or_insert_with(Instant::now);
    }

    /// Notes how long edits take until they are shown. Never ends by itself.
    pub(crate) async fn watch(&self) -> Result<(), Anything> {
        loop {
            // What is waited for now was committed before the snapshot that follows.
            let waited_for = lock(&self.edited).clone();
            // The database may be restarting.
            if let Ok(snapshot) = self.snapshot().await {
                for (session, since) in waited_for {
                    if self.out_of_step(&snapshot, session).is_none() {
                        lock(&self.latencies).push(since.elapsed());
                        // An edit that came meanwhile is a new one, though it counts from here.
                        lock(&self.edited).remove(&session);
                    }
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits for calm: what is still wrong when the patience is over.
    pub(crate) async fn until_in_step(
        &self,
        stage: &Stage,
        patience: Duration,
    ) -> Result<Vec<String>, Anything> {
        let begun = Instant::now();
        loop {
            let snapshot = self.snapshot().await?;
            let mut wrong: Vec<String> = snapshot
                .sessions
                .iter()
                .filter_map(|session| self.out_of_step(&snapshot, session.id))
                .collect();
            let owed = stage.texts(OWED).await?.into_iter().filter(|row| self.can_be_paid(&snapshot, row));
            wrong.extend(owed.map(|row| format!("owed: {row}")));
            if wrong.is_empty() || begun.elapsed() > patience {
                return Ok(wrong);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(crate) async fn report(
        &self,
        stage: &Stage,
        edits: usize,
        memory: (f64, f64),
        out_of_step: &[String],
    ) -> Result<Report, Anything> {
        let mut latencies = lock(&self.latencies).clone();
        latencies.sort_unstable();
        Report::new(stage, edits, &latencies, memory, out_of_step).await
    }

    async fn snapshot(&self) -> Result<Snapshot, Anything> {
        Ok(self.datatracker.snapshot(&Look { range: Range::Everything, ..Look::default() }).await?)
    }

    /// What is wrong with a session, in words.
    fn out_of_step(&self, snapshot: &Snapshot, id: SessionId) -> Option<String> {
        let session = snapshot.session(id)?;
        if session.is_interim() {
            self.room_wrong(snapshot, session)
        } else {
            self.decks_wrong(snapshot, session)
        }
    }

    /// Slides that are owed to a session whose window has closed wait for the next one.
    fn can_be_paid(&self, snapshot: &Snapshot, row: &str) -> bool {
        let mut words = row.split(' ');
        let session = words.next().and_then(|id| snapshot.session(SessionId(id.parse().ok()?)));
        let Some(session) = session else { return true };
        words.next() == Some("room") || self.is_open(snapshot, session)
    }

    fn is_open(&self, snapshot: &Snapshot, session: &Session) -> bool {
        let gate = |slot| session_gate(slot, self.policy.slides.notify, snapshot.as_of);
        session.slot.and_then(gate) == Some(Gate::Open) && !session.status.is_cancelled()
    }

    fn decks_wrong(&self, snapshot: &Snapshot, session: &Session) -> Option<String> {
        if !self.is_open(snapshot, session) {
            return None;
        }
        let wanted = wanted_decks(session, &self.policy.slides);
        let shown = self.standin.decks_of(session.id);
        let titles = |decks: &[meetsync::model::Deck]| {
            decks.iter().map(|deck| format!("{} {}", deck.id, deck.rev)).collect::<Vec<_>>()
        };
        (wanted != shown)
            .then(|| format!("session {} shows {:?}, not {:?}", session.id, titles(&shown), titles(&wanted)))
    }

    fn room_wrong(&self, snapshot: &Snapshot, session: &Session) -> Option<String> {
        if session.id == scenes::OWN_LINK {
            return None;
        }
        let rooms = self.standin.rooms();
        let shown: Vec<_> = rooms.iter().filter(|made| made.room.room_id == session.id.0).collect();
        let wanted = wants_room(session, &self.policy.rooms, snapshot.as_of).ok();
        match (wanted, &shown[..]) {
            (None, []) => None,
            (Some(wanted), [made]) if made.room.times() == wanted => (made.room.url
                != session.remote_instructions)
                .then(|| format!("session {} has not the link of its room", session.id)),
            (wanted, _) => {
                let shown: Vec<_> = shown.iter().map(|made| made.room.start).collect();
                let wanted = wanted.map(|wanted| wanted.start);
                Some(format!("session {} has rooms at {shown:?}, not at {wanted:?}", session.id))
            }
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
