//! The datatracker's PostgreSQL, read into a [`Snapshot`]; and the one link that is written back.
//!
//! It reads tables, never the datatracker's code; what its Python derives from these tables (the official slot, the
//! current status, a deck's URL) is derived here again, by the same rules. One reading is one READ ONLY REPEATABLE READ
//! transaction with settings of its own (`SET LOCAL` only, so that it works behind a transaction pooler), and a fixed
//! number of statements.
//!
//! It decides nothing: which session wants what is for `desired` and `plan`. `grants` and `check` take the columns from
//! the same list as the statements do.

mod assemble;
mod column_report;
pub mod columns;
mod error;
pub mod grants;
mod href;
mod look;
mod prepared;
mod query;
mod rows;
mod schema;
mod standby;
mod verify;
mod write_back;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use tokio::time::timeout;

use crate::database::{Database, DatabaseError};
use crate::model::{Kind, Snapshot};

pub use column_report::ColumnReport;
pub use error::{ReadError, UnknownNames, WriteError};
use href::Hosts;
pub use look::{Look, Range};
use query::{Failed, Opening, Reading};
pub use schema::SchemaError;
use standby::Standby;
use verify::Need;
pub use write_back::Writer;

/// The channel on which the datatracker's database says that something was edited, where its owner has installed
/// `migrations/optional/notify.sql`.
pub const CHANGES: &str = "meetsync";

/// How the datatracker is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatatrackerOptions {
    /// `datatracker.schema`; None (or empty) = found, as the one of `datatracker` and `public` that holds the tables.
    pub schema: Option<String>,
    /// `datatracker.base_url`, which serves the decks of one meeting.
    pub base_url: String,
    /// `datatracker.archive_url`, which serves the decks outside of meetings.
    pub archive_url: String,
    pub statement_timeout: Duration,
    /// A Django migration that waits for a table must not have us in the queue behind it for long.
    pub lock_timeout: Duration,
}

/// How links are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterOptions {
    /// As in [`DatatrackerOptions`].
    pub schema: Option<String>,
    pub statement_timeout: Duration,
    pub lock_timeout: Duration,
}

/// The datatracker, as a source of snapshots. Clones share everything.
#[derive(Debug, Clone)]
pub struct Datatracker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    reader: Database,
    opening: Opening,
    hosts: Hosts,
    standby: Standby,
    /// How often the statements had to be prepared anew.
    edition: AtomicU32,
}

impl Datatracker {
    pub fn new(reader: Database, options: DatatrackerOptions) -> Self {
        let DatatrackerOptions { schema, base_url, archive_url, statement_timeout, lock_timeout } = options;
        let opening = Opening { schema, statement_timeout, lock_timeout };
        let hosts = Hosts::new(&base_url, &archive_url);
        let (standby, edition) = (Standby::default(), AtomicU32::new(0));
        Self { shared: Arc::new(Shared { reader, opening, hosts, standby, edition }) }
    }

    /// Reads what `look` asks for. A reading that fails in any part gives no snapshot; but where columns are missing that
    /// only a kind needs which `look` may lack, it is made once more without them, and the snapshot says so.
    pub async fn snapshot(&self, look: &Look) -> Result<Snapshot, ReadError> {
        let everything = BTreeSet::new();
        let read = match self.read(look, &everything).await {
            // A migration that changes a column breaks the statements that were prepared before it; a standby ends a
            // reading whose rows it has to clean up; connections break. So this is tried once more, over another one.
            Err(ReadError::Database(error)) if is_over_with_the_connection(&error) => {
                self.read(look, &everything).await
            }
            read => read,
        };
        match read {
            // The database's own words name one column at a time.
            Err(error @ ReadError::Database(_)) if may_be_about_columns(&error) => {
                match self.verify().await {
                    Ok(report) if !report.is_enough() => self.read_in_part(look, report).await,
                    // They came back in between.
                    Ok(_) if is_about_something_missing(&error) => self.read(look, &everything).await,
                    _ => Err(error),
                }
            }
            other => other,
        }
    }

    /// One of two kinds is worth a reading; of none there is nothing to be done.
    async fn read_in_part(&self, look: &Look, report: ColumnReport) -> Result<Snapshot, ReadError> {
        let lacking = report.kinds_lacking();
        match lacking.filter(|kinds| kinds.len() == 1 && kinds.is_subset(&look.may_lack)) {
            Some(kinds) => {
                let snapshot = self.read(look, &kinds).await?;
                let unread = kinds.into_iter().map(|kind| (kind, report.to_string())).collect();
                Ok(Snapshot { unread, ..snapshot })
            }
            None => Err(ReadError::Columns(Box::new(report))),
        }
    }

    async fn read(&self, look: &Look, without: &BTreeSet<Kind>) -> Result<Snapshot, ReadError> {
        let doing = "reading meetings, sessions and slides";
        let Shared { reader, opening, .. } = &*self.shared;
        match timeout(opening.limit(), self.read_without_limit(look, without)).await {
            Ok(read) => read.map_err(|failed| self.explain(failed, doing)),
            Err(_) => Err(opening.took_too_long(reader.what(), doing).into()),
        }
    }

    async fn read_without_limit(&self, look: &Look, without: &BTreeSet<Kind>) -> Result<Snapshot, Failed> {
        let Shared { reader, opening, hosts, standby, edition } = &*self.shared;
        let mut connection = reader.connection().await?;
        let edition_now = edition.load(Ordering::Relaxed);
        let reading = Reading { opening, hosts, standby, look, without, edition: edition_now };
        let read = connection
            .build_transaction()
            .repeatable_read()
            .read_only()
            .run(async move |connection: &mut AsyncPgConnection| query::snapshot(connection, reading).await)
            .await;
        if matches!(&read, Err(Failed::Query(_))) {
            edition.fetch_add(1, Ordering::Relaxed);
            reader.start_afresh(connection);
        }
        read
    }

    /// Whether every column that a reading needs is there and granted, and whether the role can read more than it
    /// should. Works for a role that may do nothing but connect.
    pub async fn verify(&self) -> Result<ColumnReport, ReadError> {
        let needs: Vec<_> = columns::READ.iter().map(|&table| Need { table, privilege: "SELECT" }).collect();
        let Shared { reader, opening, .. } = &*self.shared;
        let mut connection = reader.connection().await?;
        connection
            .build_transaction()
            .repeatable_read()
            .read_only()
            .run(async move |connection: &mut AsyncPgConnection| {
                verify::report(connection, opening, &needs).await
            })
            .await
            .map_err(|failed| self.explain(failed, "looking at the datatracker's columns"))
    }

    fn explain(&self, failed: Failed, doing: &str) -> ReadError {
        match failed {
            Failed::Schema(error) => ReadError::Schema(error),
            Failed::Empty => ReadError::Empty,
            Failed::Unknown(names) => ReadError::Unknown(names),
            Failed::Connection(error) => error.into(),
            Failed::Query(error) => {
                DatabaseError::from_diesel(self.shared.reader.what(), doing, error).into()
            }
        }
    }
}

/// What another connection may well not run into.
fn is_over_with_the_connection(error: &DatabaseError) -> bool {
    // Whoever loses a connection may or may not be told why: a standby's reason is lost now and then.
    matches!(
        error,
        DatabaseError::Query { .. } | DatabaseError::Outdated { .. } | DatabaseError::Broken { .. }
    ) || error.is_recovery_conflict()
}

fn is_about_something_missing(error: &ReadError) -> bool {
    matches!(
        error,
        ReadError::Database(DatabaseError::PermissionDenied { .. } | DatabaseError::Missing { .. })
    )
}

/// A server may speak any language, so the kinds that were told apart by its words are not enough.
fn may_be_about_columns(error: &ReadError) -> bool {
    matches!(
        error,
        ReadError::Database(
            DatabaseError::PermissionDenied { .. }
                | DatabaseError::Missing { .. }
                | DatabaseError::Query { .. }
        )
    )
}
