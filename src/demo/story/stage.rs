//! What the story is played on: a throwaway PostgreSQL with the sample week, a stand-in Meetecho, a settings file that
//! knows both, and the production code wired by it as any command would.
//!
//! The database is used as in earnest: through a role of its own, which has what `meetsync grants` prints and nothing
//! more. The settings file lies beside the server's socket, in a directory that is nobody else's and goes with the
//! server, however the process ends.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;
use uuid::Uuid;

use super::worker::Passes;
use crate::app::{self, App, AppError, Backend, LedgerNeed};
use crate::database::DatabaseError;
use crate::datatracker::{ReadError, grants};
use crate::demo::cluster::{Cluster, ClusterError, Place};
use crate::demo::sample;
use crate::demo::second_sender::SecondSender;
use crate::demo::standin::{Standin, StandinOptions};
use crate::ledger::{self, LedgerError};
use crate::model::SessionId;
use crate::reconcile::ReconcileError;
use crate::settings::{Environment, Settings, SettingsError};

/// The sample datatracker, the ledger beside it.
const DATABASE: &str = "datatracker";
/// Whom meetsync connects as.
const ROLE: &str = "meetsync";

/// Why the story could not be told to its end. What Meetecho made of it is no such reason.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoryError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("preparing the throwaway PostgreSQL was cut short")]
    CutShort(#[source] tokio::task::JoinError),
    #[error("the stand-in Meetecho can't listen on {address} (--listen names another address)")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("the demo's settings can't be written to {}", path.display())]
    SettingsFile { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Reconcile(#[from] ReconcileError),
    #[error("the story waited {} s for this, which never came: {what}", patience.as_secs())]
    NeverCame { what: String, patience: Duration },
    #[error("telling the story failed")]
    Output(#[from] io::Error),
}

/// Everything that runs for the story. Dropped, all of it is gone; the server last.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(super) app: App,
    pub(super) settings: Settings,
    pub(crate) standin: Standin,
    listen: SocketAddr,
    pub(super) datatracker_itself: SecondSender,
    pub(super) passes: Passes,
    config: PathBuf,
    cluster: Cluster,
}

impl Stage {
    /// Makes and starts everything: about two seconds. `listen` is the stand-in's address.
    pub(crate) async fn prepare(listen: SocketAddr) -> Result<Self, StoryError> {
        let started = tokio::task::spawn_blocking(|| Cluster::start(&Place::from_env())).await;
        let cluster = started.map_err(StoryError::CutShort)??;
        sample::create(&cluster, DATABASE).await?;
        cluster.run_sql("postgres", &format!("CREATE ROLE {ROLE} LOGIN")).await?;
        cluster.run_sql(DATABASE, &grants::statements(ROLE, None, true)).await?;

        let secret = SecretString::from(Uuid::new_v4().simple().to_string());
        let options = StandinOptions { client_secret: secret.clone(), ..StandinOptions::default() };
        let standin = Standin::start_at(listen, options)
            .await
            .map_err(|source| StoryError::Listen { address: listen, source })?;

        let config = cluster.socket_dir().join("meetsync.toml");
        let text = settings_text(&cluster.url_as(DATABASE, ROLE), &standin, &secret);
        write_private(&config, &text)
            .map_err(|source| StoryError::SettingsFile { path: config.clone(), source })?;
        // An environment of its own: nothing that is set for a real Meetecho may lead the story there.
        let settings = Settings::load(Some(&config), &Environment::default())?;
        ledger::migrate(&app::ledger_database(&settings, false)?).await?;
        let app = App::open(&settings, "demo", LedgerNeed::Required, Backend::Live).await?;
        let datatracker_itself = SecondSender::new(
            standin.base_url.clone(),
            standin.options.client_id.clone(),
            secret,
            app.parts.datatracker.clone(),
        );
        let passes = Passes::new(watch::Sender::new(None));
        Ok(Self { app, settings, standin, listen, datatracker_itself, passes, config, cluster })
    }

    /// The file that `meetsync --config FILE` takes to work on the same stage.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// The database as its owner sees it, for edits by hand.
    pub(crate) fn owner_url(&self) -> String {
        self.cluster.url(DATABASE)
    }

    /// The stand-in was away, and is back.
    pub(super) async fn listen_again(&mut self) -> Result<(), StoryError> {
        let address = self.listen;
        self.standin.open_again().await.map_err(|source| StoryError::Listen { address, source })
    }

    /// Does to the datatracker what its web pages would do.
    pub(super) async fn edit(&self, sql: &str) -> Result<(), ClusterError> {
        self.cluster.run_sql(DATABASE, sql).await
    }
}

/// What the ledger says, past all that is at work.
impl Stage {
    /// The attempts at anything, oldest first, without the first so many.
    pub(super) async fn attempts_since(&self, skipped: usize) -> Result<Vec<String>, ClusterError> {
        self.rows(&format!("SELECT {ATTEMPT} FROM meetsync.attempt ORDER BY id OFFSET {skipped}")).await
    }

    /// The last attempts at a session, oldest first.
    pub(super) async fn attempts_of(&self, id: SessionId, last: u32) -> Result<Vec<String>, ClusterError> {
        self.rows(&format!(
            "SELECT line FROM (SELECT id, {ATTEMPT} AS line FROM meetsync.attempt WHERE session = {id}
             ORDER BY id DESC LIMIT {last}) AS newest ORDER BY id"
        ))
        .await
    }

    /// Subjects in doubt that nobody works on at this moment.
    pub(super) async fn doubts_without_a_lease(&self) -> Result<Vec<String>, ClusterError> {
        self.rows(
            "SELECT s.key FROM meetsync.subject s WHERE s.doubt_since IS NOT NULL
             AND NOT EXISTS (SELECT FROM meetsync.lease l WHERE l.session = s.session)",
        )
        .await
    }

    /// Sessions whose room was taken over.
    pub(super) async fn rooms_adopted(&self) -> Result<Vec<String>, ClusterError> {
        self.rows("SELECT DISTINCT session::text FROM meetsync.attempt WHERE what LIKE '%adopt_room%'").await
    }

    async fn rows(&self, sql: &str) -> Result<Vec<String>, ClusterError> {
        self.cluster.query_texts(DATABASE, sql).await
    }
}

/// An attempt as one line.
const ATTEMPT: &str =
    "to_char(at AT TIME ZONE 'UTC', 'HH24:MI:SS') || '  session ' || session || '  ' || outcome
    || '  by the ' || split_part(who, '@', 1) || coalesce('  (' || words || ')', '')";

/// Shorter waits than in earnest, so that the story is.
fn settings_text(database_url: &str, standin: &Standin, secret: &SecretString) -> String {
    let api_base = &standin.base_url;
    let client_id = &standin.options.client_id;
    let secret = secret.expose_secret();
    format!(
        "# Written by `meetsync demo`; it goes when the demo ends. Shorter waits than the defaults.\n\
         [datatracker]\ndatabase_url = \"{database_url}\"\npoll = \"200ms\"\n\n\
         [ledger]\nlease = \"10s\"\n\n\
         [scope]\nmode = \"act\"\n\n\
         [meetecho]\napi_base = \"{api_base}\"\nallow_http = true\nclient_id = \"{client_id}\"\n\
         client_secret = \"{secret}\"\nrequest_timeout = \"1.5s\"\nrate = 0\nlate_effect = \"3s\"\n\n\
         [slides]\nquiet = \"800ms\"\nmax_wait = \"5s\"\n\n\
         [rooms]\npolicy = \"full\"\nsettle = \"1.5s\"\n\n\
         [log]\nfilter = \"error\"\n"
    )
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
