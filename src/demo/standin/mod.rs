//! A stand-in for Meetecho, for the demonstration and for tests.
//!
//! It listens on this machine, checks credentials as the real one does, remembers rooms and decks, writes down every
//! request, and can be told to fail in all the ways that have to be lived with. It is not a model of what the real
//! one does inside: where nobody knows (whether PUT replaces, what a second createRoom answers), it can do either.
//!
//! It does not ignore lists outside of a window, and materials can be read back: that is what it is for.

mod control;
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
