//! A stand-in for Meetecho, for the demonstration and for tests.
//!
//! It listens on this machine, checks credentials as the real one does, remembers rooms and decks, writes down every
//! request, and can be told to fail in all the ways that have to be lived with. It is not a model of what the real
//! one does inside: where nobody knows (whether PUT replaces, what a second createRoom answers), it can do either.
//!
//! It does not ignore lists outside of a window, and materials can be read back: that is what it is for.

mod faults;
mod listener;
mod log;
mod routes;
mod world;

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

pub use faults::{DuplicateRoom, Failure, GroupRefusal, LinkForm, PutRule, RepostRule, Trouble};
pub use log::{Counts, LogEntry};
pub use world::StandinRoom;

use crate::model::{Deck, GroupAcronym, SeenRoom, SessionId};
use crate::provider::meetecho::Call;
use world::World;

/// Who may ask for tokens.
#[derive(Debug, Clone)]
pub struct StandinOptions {
    pub client_id: String,
    pub client_secret: SecretString,
}

impl Default for StandinOptions {
    fn default() -> Self {
        Self { client_id: "datatracker".to_owned(), client_secret: "the stand-in's secret".into() }
    }
}

/// A stand-in that is listening. It stops when it is dropped: open requests are cut off, nothing is left behind.
#[derive(Debug)]
pub struct Standin {
    /// `http://127.0.0.1:PORT/api/v1/`
    pub base_url: Url,
    pub options: StandinOptions,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    server: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    began: Instant,
    inner: Mutex<Inner>,
    /// Counts up with each change, for those who wait for one.
    changed: watch::Sender<u64>,
    /// False while nothing listens.
    here: watch::Sender<bool>,
    stopping: watch::Receiver<bool>,
}

#[derive(Debug)]
struct Inner {
    world: World,
    troubles: VecDeque<Trouble>,
    latency: Duration,
    requests: u64,
    /// Effects that are still to come.
    late: JoinSet<()>,
    held: Vec<routes::Asked>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A test that panicked while it looked has broken nothing.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    async fn stopped(&self) {
        // An error means that the stand-in is gone, which is the same.
        let _ = self.stopping.clone().wait_for(|stop| *stop).await;
    }
}

impl Standin {
    /// Listens on a free port of the loopback address.
    pub async fn start() -> io::Result<Self> {
        Self::start_with(StandinOptions::default()).await
    }

    pub async fn start_with(options: StandinOptions) -> io::Result<Self> {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), options).await
    }

    /// Listens on this address; port 0 = a free one. Where it is every address of the machine, `base_url` names the
    /// loopback one.
    pub async fn start_at(listen: SocketAddr, options: StandinOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let bound = listener.local_addr()?;
        let mut address = bound;
        if address.ip().is_unspecified() {
            let loopback = match address {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            };
            address.set_ip(loopback);
        }
        let base_url = format!("http://{address}{}", routes::BASE_PATH);
        let base_url = base_url.parse().expect("an address and a port make a URL");
        let (stop, stopping) = watch::channel(false);
        let shared = Arc::new(Shared {
            began: Instant::now(),
            inner: Mutex::new(Inner {
                world: World::new(options.clone()),
                troubles: VecDeque::new(),
                latency: Duration::ZERO,
                requests: 0,
                late: JoinSet::new(),
                held: Vec::new(),
            }),
            changed: watch::channel(0).0,
            here: watch::channel(true).0,
            stopping,
        });
        let serving = routes::serve(listener, bound, Arc::clone(&shared));
        #[expect(
            clippy::disallowed_methods,
            reason = "the Standin owns this task: dropping it ends the server"
        )]
        let server = tokio::spawn(serving);
        Ok(Self { base_url, options, shared, stop, server: Some(server) })
    }

    /// Stops and waits until it has.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(server) = self.server.take() {
            // It only ends early by a panic, and then it is stopped as well.
            let _ = server.await;
        }
    }

    /// The decks that a session shows, by their order (those with the same order as they came).
    pub fn decks_of(&self, session: SessionId) -> Vec<Deck> {
        self.shared.lock().world.decks_of(session)
    }

    /// Sessions that show at least one deck.
    pub fn sessions_with_decks(&self) -> Vec<SessionId> {
        self.shared.lock().world.sessions_with_decks()
    }

    /// All rooms, ordered by (room id, public id).
    pub fn rooms(&self) -> Vec<StandinRoom> {
        self.shared.lock().world.rooms()
    }

    /// Every request, in the order of arrival. No token and no secret is in it.
    pub fn log(&self) -> Vec<LogEntry> {
        self.shared.lock().world.log.clone()
    }

    /// Empties the log and sets the counts back to zero; rooms, decks and tokens stay.
    pub fn clear_log(&self) {
        self.shared.lock().world.log.clear();
    }

    /// How many requests of each kind are in the log.
    pub fn counts(&self) -> Counts {
        Counts::of(&self.shared.lock().world.log)
    }

    /// The next `times` requests of this kind (None = of any) go wrong in this way. Troubles are used up in the order
    /// in which they were set.
    pub fn fail_next(&self, call: Option<Call>, times: usize, failure: Failure) {
        self.shared.lock().troubles.push_back(Trouble { call, left: times, failure });
    }

    /// Until [`Standin::heal`] every request of this kind goes wrong in this way.
    pub fn fail_always(&self, call: Option<Call>, failure: Failure) {
        self.fail_next(call, usize::MAX, failure);
    }

    /// Nothing listens from now on: open connections are closed, new ones are refused.
    pub fn go_away(&self) {
        self.shared.here.send_replace(false);
    }

    /// Listens again, at the same address.
    pub fn come_back(&self) {
        self.shared.here.send_replace(true);
    }

    /// No more troubles, no latency, and it is there; refused groups stay refused.
    pub fn heal(&self) {
        self.come_back();
        let mut inner = self.shared.lock();
        inner.troubles.clear();
        inner.latency = Duration::ZERO;
    }

    /// Every request that is held takes effect now, in the order of arrival.
    pub fn land_held(&self) {
        let held = std::mem::take(&mut self.shared.lock().held);
        for request in held {
            request.perform(&self.shared);
        }
    }

    /// Every answer takes this long.
    pub fn set_latency(&self, latency: Duration) {
        self.shared.lock().latency = latency;
    }

    /// This group gets no token from now on, in this way; one that it has does not count any more.
    pub fn refuse_group(&self, group: &GroupAcronym, how: GroupRefusal) {
        self.shared.lock().world.refuse_group(group, how);
    }

    pub fn allow_group(&self, group: &GroupAcronym) {
        self.shared.lock().world.refused.remove(group);
    }

    /// All tokens that were given out stop counting: the next use of each is answered with 401.
    pub fn reject_tokens(&self) {
        self.shared.lock().world.tokens.clear();
    }

    /// From now on tokens are given for this secret only; those that were given out stay good.
    pub fn set_client_secret(&self, secret: SecretString) {
        self.shared.lock().world.set_client_secret(secret);
    }

    /// From now on only this group's token may touch this session's materials. Without it any group's may, since
    /// nobody told the stand-in which sessions there are.
    pub fn bind_session(&self, session: SessionId, group: &GroupAcronym) {
        self.shared.lock().world.bound.insert(session.0, group.clone());
    }

    /// Loses rooms, decks and tokens, as after a restart without a backup.
    pub fn forget_everything(&self) {
        self.shared.lock().world.forget();
        self.shared.tell();
    }

    pub fn set_put_rule(&self, rule: PutRule) {
        self.shared.lock().world.put_rule = rule;
    }

    pub fn set_repost_rule(&self, rule: RepostRule) {
        self.shared.lock().world.repost_rule = rule;
    }

    pub fn set_duplicate_room(&self, rule: DuplicateRoom) {
        self.shared.lock().world.duplicate_room = rule;
    }

    /// The form of the addresses of rooms that are made from now on.
    pub fn set_link_form(&self, form: LinkForm) {
        self.shared.lock().world.link_form = form;
    }

    /// Puts a room there as if somebody else had made it, and returns it.
    pub fn plant_room(&self, group: &GroupAcronym, room: &SeenRoom) -> StandinRoom {
        let room = self.shared.lock().world.plant(group, room);
        self.shared.tell();
        room
    }

    /// Takes this room away as if somebody else had deleted it.
    pub fn take_room_away(&self, public_id: &str) {
        self.shared.lock().world.take_room_away(public_id);
        self.shared.tell();
    }

    /// Puts decks there as if somebody else had sent them.
    pub fn plant_decks(&self, session: SessionId, decks: &[Deck]) {
        self.shared.lock().world.decks.insert(session.0, decks.to_vec());
        self.shared.tell();
    }

    /// Every token, deletion token and secret that it knows: what must be found nowhere else.
    pub fn secrets(&self) -> Vec<SecretString> {
        self.shared.lock().world.secrets()
    }

    /// Waits until something holds; looks again after each request and each late effect.
    pub async fn until(&self, mut holds: impl FnMut(&Self) -> bool) {
        let mut changes = self.shared.changed.subscribe();
        while !holds(self) {
            // The sender lives in `self.shared`, so this can't fail.
            let _ = changes.changed().await;
        }
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
