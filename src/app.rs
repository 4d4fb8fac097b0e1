//! The composition root: settings in, wired objects out. The only room that knows everybody.

mod databases;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;

use crate::database::DatabaseError;
use crate::ledger::{Ledger, LedgerError};
use crate::model::{Mode, Policy};
use crate::provider::meetecho::{Meetecho, MeetechoOptions};
use crate::reconcile::worker::WorkerOptions;
use crate::reconcile::{Parts, RealTime};
use crate::schedule::backoff::ONE_SHOT_LONGEST;
use crate::settings::Settings;
use crate::transport::{BadEndpoint, DebugLog};

pub(crate) use databases::{changes, datatracker, ledger_database, operators_ring, writer};

/// What a command needs of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LedgerNeed {
    /// Without it the command ends, and names `meetsync migrate`.
    Required,
    /// The same, and it is only read.
    Reading,
    /// Without it everything is planned as if nothing had ever been sent.
    Optional,
}

/// Where the debug backend logs its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DebugOutput {
    Stdout,
    Stderr,
}

/// How the provider is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Live,
    Debug { output: DebugOutput, json_lines: bool },
}

impl Backend {
    pub(crate) fn is_debug(self) -> bool {
        matches!(self, Self::Debug { .. })
    }
}

/// Something could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("meetecho.api_base can't be used")]
    Endpoint(#[from] BadEndpoint),
    #[error(
        "meetecho.client_secret is not set, so nothing can be asked of Meetecho; set it (or client_secret_file)"
    )]
    NoSecret,
}

/// The wired objects of a one-shot.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) parts: Parts,
    pub(crate) policy: Policy,
    pub(crate) is_debug: bool,
    /// `shutdown.grace`.
    pub(crate) grace: Duration,
}

impl App {
    /// Opens everything; `command` names it in leases and in the history.
    pub(crate) async fn open(
        settings: &Settings,
        command: &str,
        need: LedgerNeed,
        backend: Backend,
    ) -> Result<Self, AppError> {
        Self::with_patience(settings, command, need, backend, ONE_SHOT_LONGEST).await
    }

    /// The same for a worker, for whom nobody waits: it honours a `Retry-After` as long as anybody may ask for.
    pub(crate) async fn for_worker(
        settings: &Settings,
        command: &str,
        backend: Backend,
    ) -> Result<Self, AppError> {
        Self::with_patience(settings, command, LedgerNeed::Required, backend, Duration::MAX).await
    }

    async fn with_patience(
        settings: &Settings,
        command: &str,
        need: LedgerNeed,
        backend: Backend,
        longest_hold: Duration,
    ) -> Result<Self, AppError> {
        let is_debug = backend.is_debug();
        let policy = settings.policy();
        let ledger = open_ledger(settings, need, is_debug).await?;
        let links = (settings.datatracker.write_back && !is_debug).then(|| writer(settings)).transpose()?;
        let parts = Parts {
            datatracker: datatracker(settings)?,
            ledger,
            meetecho: meetecho_with(settings, backend, longest_hold)?,
            links,
            time: RealTime::default(),
            policy: policy.clone(),
            who: format!("{command}@{}/{}", host_name(), std::process::id()),
            lease: settings.ledger.lease,
            max_in_flight: settings.meetecho.max_in_flight,
        };
        Ok(Self { parts, policy, is_debug, grace: settings.shutdown.grace })
    }

    /// Nothing is sent, by no command, until somebody writes `act`. A rehearsal sends nothing anyway.
    pub(crate) fn only_observes(&self) -> bool {
        self.policy.scope.mode == Mode::Observe && !self.is_debug
    }
}

/// The ledger alone, for a command that asks nobody else.
pub(crate) async fn ledger(
    settings: &Settings,
    need: LedgerNeed,
    is_debug: bool,
) -> Result<Ledger, AppError> {
    open_ledger(settings, need, is_debug).await?.ok_or(AppError::Ledger(LedgerError::NotMigrated))
}

async fn open_ledger(
    settings: &Settings,
    need: LedgerNeed,
    is_debug: bool,
) -> Result<Option<Ledger>, AppError> {
    // A command that only reads gets a connection that can do nothing else.
    let database = databases::ledger_in_time(settings, is_debug || need != LedgerNeed::Required)?;
    let opened = if is_debug { Ledger::rehearsal(database).await } else { Ledger::open(database).await };
    match (opened, need) {
        (Ok(ledger), _) => Ok(Some(ledger)),
        (Err(LedgerError::NotMigrated), LedgerNeed::Optional) => Ok(None),
        (Err(error), _) => Err(error.into()),
    }
}

/// How the worker runs by these settings.
pub(crate) fn worker_options(settings: &Settings, may_send: bool) -> WorkerOptions {
    let sweep = settings.rooms.sweep.clone();
    WorkerOptions {
        poll: settings.datatracker.poll,
        last_sweep: Arc::new(move |now| sweep.latest_until(now)),
        may_send,
        grace: settings.shutdown.grace,
        begins_at: crate::clock::now(),
    }
}

pub(crate) fn meetecho(settings: &Settings, backend: Backend) -> Result<Meetecho, AppError> {
    meetecho_with(settings, backend, ONE_SHOT_LONGEST)
}

fn meetecho_with(
    settings: &Settings,
    backend: Backend,
    longest_hold: Duration,
) -> Result<Meetecho, AppError> {
    let section = &settings.meetecho;
    let client_secret = match (&section.client_secret, backend) {
        (Some(secret), _) => secret.clone(),
        // A rehearsal shows every secret as [redacted], so there is nothing to miss.
        (None, Backend::Debug { .. }) => SecretString::from("not set"),
        (None, Backend::Live) => return Err(AppError::NoSecret),
    };
    let options = MeetechoOptions {
        api_base: section.api_base.clone(),
        client_id: section.client_id.clone(),
        client_secret,
        max_in_flight: section.max_in_flight,
        rate: section.rate,
        longest_hold,
        request_timeout: section.request_timeout,
        allow_http: section.allow_http,
    };
    match backend {
        Backend::Live => Ok(Meetecho::live(options)?),
        Backend::Debug { output, json_lines } => {
            let writer: Arc<Mutex<dyn std::io::Write + Send>> = match output {
                DebugOutput::Stdout => Arc::new(Mutex::new(std::io::stdout())),
                DebugOutput::Stderr => Arc::new(Mutex::new(std::io::stderr())),
            };
            Ok(Meetecho::debug(options, DebugLog::new(writer, json_lines))?)
        }
    }
}

/// This machine, as leases and holds name it.
pub(crate) fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "host".into(), |name| name.trim().to_owned())
}
