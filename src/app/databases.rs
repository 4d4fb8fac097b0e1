//! The databases by these settings: where the datatracker is read, where links are written, and the ledger.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use crate::database::{ConnectOptions, Database, DatabaseError, Listener, Ring};
use crate::datatracker::{CHANGES, Datatracker, DatatrackerOptions, Writer, WriterOptions};
use crate::ledger::RING;
use crate::settings::Settings;

/// A migration of the datatracker's must not queue behind us, nor we behind it for long.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// We wait far less for the ledger; this ends there what we gave up here.
const LEDGER_STATEMENT_TIMEOUT: Duration = Duration::from_mins(1);

/// The datatracker's read side.
pub(crate) fn datatracker(settings: &Settings) -> Result<Datatracker, DatabaseError> {
    let section = &settings.datatracker;
    let reader = Database::new(ConnectOptions {
        what: "the datatracker's database".into(),
        setting: "datatracker.database_url".into(),
        url: section.database_url.clone(),
        tls: section.tls.clone(),
        // A pooler refuses start-up options; each transaction says READ ONLY all the same.
        read_only: !section.pooled,
        statement_timeout: None,
        max_connections: 2,
    })?;
    Ok(Datatracker::new(
        reader,
        DatatrackerOptions {
            schema: section.schema.clone(),
            base_url: section.base_url.to_string(),
            archive_url: section.archive_url.to_string(),
            statement_timeout: STATEMENT_TIMEOUT,
            lock_timeout: LOCK_TIMEOUT,
        },
    ))
}

/// Where room links are written.
pub(crate) fn writer(settings: &Settings) -> Result<Writer, DatabaseError> {
    let section = &settings.datatracker;
    let database = Database::new(ConnectOptions {
        what: "the database of the room links".into(),
        setting: named(&section.write_url, settings, "datatracker.write_url"),
        url: section.write_url.clone(),
        tls: section.tls.clone(),
        read_only: false,
        statement_timeout: None,
        max_connections: 2,
    })?;
    let options = WriterOptions {
        schema: section.schema.clone(),
        statement_timeout: STATEMENT_TIMEOUT,
        lock_timeout: LOCK_TIMEOUT,
    };
    Ok(Writer::new(database, options))
}

/// The setting that a person wrote: one that was left out stands for another.
fn named(url: &SecretString, settings: &Settings, own: &str) -> String {
    let section = &settings.datatracker;
    let is = |other: &SecretString| url.expose_secret() == other.expose_secret();
    let setting = if is(&section.database_url) {
        "datatracker.database_url"
    } else if is(&section.write_url) {
        "datatracker.write_url"
    } else {
        own
    };
    setting.to_owned()
}

/// Rings when the datatracker was edited, where its owner had it say so; None behind a pooler, through which nothing is
/// ever heard. It listens where links are written: a standby can't be listened to.
pub(crate) fn changes(settings: &Settings, ring: Ring) -> Result<Option<Listener>, DatabaseError> {
    let section = &settings.datatracker;
    let options = ConnectOptions {
        what: "the datatracker's database".into(),
        setting: named(&section.write_url, settings, "datatracker.write_url"),
        url: section.write_url.clone(),
        tls: section.tls.clone(),
        read_only: true,
        statement_timeout: None,
        max_connections: 1,
    };
    (!section.pooled).then(|| Listener::start(options, CHANGES, ring)).transpose()
}

/// Rings when a person has just put something into the ledger; None behind a pooler.
pub(crate) fn operators_ring(settings: &Settings, ring: Ring) -> Result<Option<Listener>, DatabaseError> {
    let options = ledger_options(settings, true);
    (!settings.datatracker.pooled).then(|| Listener::start(options, RING, ring)).transpose()
}

/// The ledger's database: its own, or the one where links are written. For a migration, which takes what it takes.
pub(crate) fn ledger_database(settings: &Settings, read_only: bool) -> Result<Database, DatabaseError> {
    Database::new(ledger_options(settings, read_only))
}

/// The same, where no statement takes long.
pub(super) fn ledger_in_time(settings: &Settings, read_only: bool) -> Result<Database, DatabaseError> {
    let statement_timeout = (!settings.datatracker.pooled).then_some(LEDGER_STATEMENT_TIMEOUT);
    Database::new(ConnectOptions { statement_timeout, ..ledger_options(settings, read_only) })
}

fn ledger_options(settings: &Settings, read_only: bool) -> ConnectOptions {
    ConnectOptions {
        what: "the ledger's database".into(),
        setting: named(&settings.ledger.database_url, settings, "ledger.database_url"),
        url: settings.ledger.database_url.clone(),
        tls: settings.datatracker.tls.clone(),
        // As above: a pooler refuses it, and each transaction that only reads says so.
        read_only: read_only && !settings.datatracker.pooled,
        // More sessions are under way than requests in flight; each writes to the ledger before and after.
        statement_timeout: None,
        max_connections: settings.meetecho.max_in_flight + 2,
    }
}
