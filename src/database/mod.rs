//! Connections to a PostgreSQL server, and what may go wrong with one, in words for the person who must fix it.
//!
//! Two rooms use it: `datatracker` reads (and writes one link), `ledger` keeps our own tables. Neither tables nor
//! statements are known here.

mod connect;
mod error;
mod listen;
mod tls;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use futures_util::FutureExt as _;
use secrecy::SecretString;

use connect::Connector;
pub use error::{DatabaseError, chain};
pub use listen::{Listener, Ring};

/// How long one attempt to connect may take: name, socket, TLS and log-in together.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection in all, a queue of other callers included.
const WAIT_LIMIT: Duration = Duration::from_secs(15);

/// A connection that was at rest shows within so long that its server still answers; it would take milliseconds.
const ALIVE_LIMIT: Duration = Duration::from_secs(2);

/// A connection on loan from the pool; dropping it gives it back.
pub type Connection = Object<AsyncPgConnection>;

/// How the way to the server is protected. A unix socket is never encrypted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Tls {
    Disable,
    /// Encrypts where the server can, and verifies nothing: no protection against somebody in between.
    #[default]
    Prefer,
    /// Encrypts or fails, and verifies nothing.
    Require,
    /// Encrypts, and checks the server's certificate and name, against this file of certificates (PEM) or else those
    /// that the system trusts.
    VerifyFull {
        ca_file: Option<PathBuf>,
    },
}

/// What is needed to reach a database, and how to speak of it.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// Its name in messages: `the datatracker's database`.
    pub what: String,
    /// The setting to look at when it can't be reached: `datatracker.database_url`.
    pub setting: String,
    /// `postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE`. Without a host, the system's own socket.
    pub url: SecretString,
    pub tls: Tls,
    /// Every transaction is read-only unless it says otherwise. This is a start-up option, which some connection
    /// poolers refuse: behind one, leave it false and say READ ONLY in the transaction.
    pub read_only: bool,
    /// The server ends a statement that takes longer: one that we gave up must not hold its locks for ever. A start-up
    /// option as `read_only`, and nothing behind a pooler either.
    pub statement_timeout: Option<Duration>,
    pub max_connections: usize,
}

/// A database that can be connected to. Clones share their connections.
#[derive(Clone)]
pub struct Database {
    connector: Connector,
    pool: Pool<AsyncPgConnection>,
}

/// Throws away all connections that are at rest.
type ThrowAway = Box<dyn Fn() + Send + Sync>;

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("what", &self.what()).finish_non_exhaustive()
    }
}

impl Database {
    /// Checks the URL and reads the certificates; connects to nothing yet.
    pub fn new(options: ConnectOptions) -> Result<Self, DatabaseError> {
        let max_connections = options.max_connections.max(1);
        let connector = Connector::new(options)?;
        let mut manager = ManagerConfig::default();
        let for_pool = connector.clone();
        manager.custom_setup = Box::new(move |_| {
            let connector = for_pool.clone();
            async move { connector.connect_for_pool().await }.boxed()
        });
        let throw_away: Arc<OnceLock<ThrowAway>> = Arc::default();
        let all = Arc::clone(&throw_away);
        manager.recycling_method = RecyclingMethod::CustomFunction(Box::new(move |connection| {
            let all = Arc::clone(&all);
            async move {
                let alive = tokio::time::timeout(ALIVE_LIMIT, connection.batch_execute("SELECT 1")).await;
                alive.unwrap_or_else(|_| {
                    // What fell silent for one did so for all: each alone would cost its time.
                    if let Some(throw_away) = all.get() {
                        throw_away();
                    }
                    Err(Error::DatabaseError(
                        DatabaseErrorKind::ClosedConnection,
                        Box::new("it fell silent".to_owned()),
                    ))
                })
            }
            .boxed()
        }));
        // The connector holds the real address and password, so that nothing here can print them.
        let manager = AsyncDieselConnectionManager::new_with_config(String::new(), manager);
        let pool = Pool::builder(manager)
            .max_size(max_connections)
            .build()
            .expect("a pool without timeouts of its own needs no runtime, and nothing else can fail");
        let weak = pool.weak();
        let all_at_rest = move || {
            if let Some(pool) = weak.upgrade() {
                pool.retain(|_, _| false);
            }
        };
        throw_away.get_or_init(|| Box::new(all_at_rest));
        Ok(Self { connector, pool })
    }

    /// A connection, new or used before. Checked to be alive.
    pub async fn connection(&self) -> Result<Connection, DatabaseError> {
        let (found, failure) =
            connect::remembering_failure(tokio::time::timeout(WAIT_LIMIT, self.pool.get())).await;
        match found {
            Ok(Ok(connection)) => Ok(connection),
            _ if let Some(failure) = failure => Err(failure),
            _ => Err(DatabaseError::Busy {
                what: self.what().to_owned(),
                seconds: WAIT_LIMIT.as_secs(),
                connections: self.pool.status().max_size,
            }),
        }
    }

    /// Throws a connection away, and those that wait in the pool with it: what was prepared on them holds no longer, or
    /// nobody answers on them any more.
    pub fn start_afresh(&self, connection: Connection) {
        drop(Object::take(connection));
        self.pool.retain(|_, _| false);
    }

    /// Its name in messages.
    pub fn what(&self) -> &str {
        self.connector.what()
    }
}

#[cfg(test)]
mod tests;
