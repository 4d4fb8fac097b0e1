//! One connection, from URL to log-in, with every failure told apart.

use std::cell::RefCell;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use diesel::result::ConnectionError;
use diesel_async::AsyncPgConnection;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{CONNECT_LIMIT, ConnectOptions, DatabaseError, Tls, tls};

/// Where PostgreSQL's own programs look when no host is named.
const USUAL_SOCKET: &str = "/var/run/postgresql";

/// A server's machine that vanished without a word is noticed after about half a minute, whether we wait for an answer
/// or not. The system's own limits are hours.
const IDLE_BEFORE_PROBE: Duration = Duration::from_secs(15);
const BETWEEN_PROBES: Duration = Duration::from_secs(5);
const PROBES: u32 = 3;
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);
/// What the library does where nobody asked for anything.
const USUAL_IDLE: Duration = Duration::from_hours(2);

tokio::task_local! {
    /// The pool passes on only a text; here a failed attempt leaves the error itself for the caller that waits for it.
    static FAILURE: RefCell<Option<DatabaseError>>;
}

/// Runs something that takes a connection from the pool, and says why an attempt to connect failed, if one did.
pub(super) async fn remembering_failure<T>(work: impl Future<Output = T>) -> (T, Option<DatabaseError>) {
    FAILURE.scope(RefCell::new(None), async { (work.await, FAILURE.with(RefCell::take)) }).await
}

#[derive(Clone)]
pub(super) struct Connector {
    shared: Arc<Shared>,
}

struct Shared {
    what: String,
    setting: String,
    /// `db.example.org:5432 (database datatracker, user meetsync)`.
    target: String,
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Connector {
    pub(super) fn new(options: ConnectOptions) -> Result<Self, DatabaseError> {
        let ConnectOptions { what, setting, url, tls, read_only, statement_timeout, .. } = options;
        let bad_url = |reason: String| DatabaseError::BadUrl { setting: setting.clone(), reason };
        let mut config = parse(url.expose_secret()).map_err(bad_url)?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            config.host_path(USUAL_SOCKET);
        }
        match tls {
            Tls::Disable => _ = config.ssl_mode(SslMode::Disable),
            // An `sslmode` in the URL may ask for more, or less, than the default.
            Tls::Prefer => {}
            Tls::Require | Tls::VerifyFull { .. } => _ = config.ssl_mode(SslMode::Require),
        }
        config.application_name("meetsync").connect_timeout(CONNECT_LIMIT);
        notice_a_dead_peer(&mut config);
        let mut asked: Vec<String> = config.get_options().map(str::to_owned).into_iter().collect();
        asked.extend(read_only.then(|| "-c default_transaction_read_only=on".to_owned()));
        asked.extend(statement_timeout.map(|limit| format!("-c statement_timeout={}", limit.as_millis())));
        if !asked.is_empty() {
            config.options(asked.join(" "));
        }
        let target = target_of(&config);
        let tls = tls::connector(&tls, &setting)?;
        Ok(Self { shared: Arc::new(Shared { what, setting, target, config, tls }) })
    }

    pub(super) fn what(&self) -> &str {
        &self.shared.what
    }

    /// For the pool: what went wrong is left in [`FAILURE`].
    pub(super) async fn connect_for_pool(&self) -> Result<AsyncPgConnection, ConnectionError> {
        self.connect().await.map_err(|error| {
            let text = error.to_string();
            FAILURE.try_with(|failure| failure.replace(Some(error))).ok();
            ConnectionError::BadConnection(text)
        })
    }

    async fn connect(&self) -> Result<AsyncPgConnection, DatabaseError> {
        self.in_time(async {
            let Shared { config, tls, .. } = &*self.shared;
            let connected = if let Some(tls) = tls {
                let (client, connection) = config.connect(tls.clone()).await.map_err(|e| self.explain(e))?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            } else {
                let (client, connection) = config.connect(NoTls).await.map_err(|e| self.explain(e))?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            };
            connected.map_err(|error| self.unreachable(Box::new(error)))
        })
        .await
    }

    /// A connection outside of the pool, whose caller hears what the server says of its own accord.
    pub(super) async fn connect_to_hear(&self) -> Result<(Client, Box<dyn Messages>), DatabaseError> {
        self.in_time(async {
            let Shared { config, tls, .. } = &*self.shared;
            if let Some(tls) = tls {
                let (client, connection) = config.connect(tls.clone()).await.map_err(|e| self.explain(e))?;
                Ok((client, Box::new(connection) as Box<dyn Messages>))
            } else {
                let (client, connection) = config.connect(NoTls).await.map_err(|e| self.explain(e))?;
                Ok((client, Box::new(connection) as Box<dyn Messages>))
            }
        })
        .await
    }

    async fn in_time<T>(
        &self,
        attempt: impl Future<Output = Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        tokio::time::timeout(CONNECT_LIMIT, attempt).await.unwrap_or_else(|_| {
            Err(self.unreachable(Box::from(format!("no answer within {} s", CONNECT_LIMIT.as_secs()))))
        })
    }

    fn unreachable(&self, source: Box<dyn std::error::Error + Send + Sync>) -> DatabaseError {
        let (what, target, setting) = self.words();
        DatabaseError::Unreachable { what, target, setting, source }
    }

    fn words(&self) -> (String, String, String) {
        (self.shared.what.clone(), self.shared.target.clone(), self.shared.setting.clone())
    }

    fn explain(&self, error: tokio_postgres::Error) -> DatabaseError {
        let (what, target, setting) = self.words();
        let said = error.as_db_error().map(|db| db.message().to_owned()).unwrap_or_default();
        match error.code() {
            Some(code) if *code == SqlState::INVALID_PASSWORD || code.code().starts_with("28") => {
                DatabaseError::LoginRejected { what, target, setting, said }
            }
            Some(code)
                if *code == SqlState::UNDEFINED_DATABASE || *code == SqlState::INVALID_CATALOG_NAME =>
            {
                DatabaseError::NoSuchDatabase { what, target, setting }
            }
            Some(code) if *code == SqlState::TOO_MANY_CONNECTIONS => {
                DatabaseError::TooManyConnections { what, target, said }
            }
            Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
                DatabaseError::PermissionDenied { what, doing: format!("connecting to {target}"), said }
            }
            Some(_) => DatabaseError::Unreachable { what, target, setting, source: said.into() },
            // The library keeps its kinds to itself; these three texts are all that tells them apart.
            None => match error.to_string().as_str() {
                "error performing TLS handshake" => DatabaseError::Tls {
                    what,
                    target,
                    setting: tls::setting_beside(&setting),
                    source: cause(error),
                },
                "authentication error" | "invalid configuration" => {
                    let said = cause(error).to_string();
                    DatabaseError::LoginRejected { what, target, setting, said }
                }
                _ => self.unreachable(cause(error)),
            },
        }
    }
}

/// The half of a connection that must be polled for the other half to get on, whatever the way is protected with.
pub(super) trait Messages: Send {
    /// None, or an error: the connection is over.
    fn poll_message(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<AsyncMessage, tokio_postgres::Error>>>;
}

impl<S, T> Messages for tokio_postgres::Connection<S, T>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    T: AsyncRead + AsyncWrite + Unpin + Send,
{
    fn poll_message(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<AsyncMessage, tokio_postgres::Error>>> {
        Self::poll_message(self, context)
    }
}

/// Where the URL says something of its own about it, that holds.
fn notice_a_dead_peer(config: &mut Config) {
    if config.get_keepalives_idle() == USUAL_IDLE {
        config.keepalives_idle(IDLE_BEFORE_PROBE);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(BETWEEN_PROBES);
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(PROBES);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNACKNOWLEDGED);
    }
}

/// What the library's own sentence was about, where there is one.
fn cause(error: tokio_postgres::Error) -> Box<dyn std::error::Error + Send + Sync> {
    let text = error.to_string();
    error.into_source().unwrap_or_else(|| text.into())
}

/// Never repeats a part of the URL: what doesn't parse may well be a password.
fn parse(url: &str) -> Result<Config, String> {
    if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
        return Err("it doesn't begin with postgres://".to_owned());
    }
    let config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
        let detail = cause(error).to_string();
        match ["sslmode", "port", "host", "hostaddr", "connect_timeout"]
            .iter()
            .find(|o| detail.contains(&format!("`{o}`")))
        {
            Some(&"sslmode") => {
                "its sslmode is not disable, prefer or require (verify-full is the setting `tls`)".to_owned()
            }
            Some(option) => format!("its {option} is not valid"),
            None => "it can't be parsed (characters like @ / : % in a password are written %40 %2F %3A %25)"
                .to_owned(),
        }
    })?;
    // `user:pa@ss@host` parses as the host `ss@host`, which must not be printed as one.
    let odd = |host: &Host| matches!(host, Host::Tcp(name) if name.contains(['@', '/', ' ']));
    if config.get_hosts().iter().any(odd) {
        return Err("its host holds an @ or / (in a password these are written %40 and %2F)".to_owned());
    }
    Ok(config)
}

fn target_of(config: &Config) -> String {
    let ports = config.get_ports();
    let port_of = |index: usize| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
    let named = config.get_hosts().iter().enumerate().map(|(index, host)| match host {
        Host::Tcp(name) => format!("{name}:{}", port_of(index)),
        Host::Unix(path) => format!("socket {}/.s.PGSQL.{}", path.display(), port_of(index)),
    });
    let by_address = config.get_hostaddrs().iter().enumerate();
    let by_address = by_address.map(|(index, address)| format!("{address}:{}", port_of(index)));
    let mut places: Vec<_> = named.collect();
    if places.is_empty() {
        places = by_address.collect();
    }
    let mut inside = Vec::new();
    inside.extend(config.get_dbname().map(|name| format!("database {name}")));
    inside.extend(config.get_user().map(|name| format!("user {name}")));
    if inside.is_empty() {
        places.join(", ")
    } else {
        format!("{} ({})", places.join(", "), inside.join(", "))
    }
}
