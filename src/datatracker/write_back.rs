//! The one thing that meetsync writes into the datatracker: a session's room link.
//!
//! Compare and set: whoever changed the link since it was read wins, and we read again.

use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio::time::timeout;

use crate::database::{Database, DatabaseError};
use crate::model::SessionId;

use super::WriterOptions;
use super::column_report::ColumnReport;
use super::columns;
use super::error::WriteError;
use super::query::{Failed, Opening};
use super::verify::{self, Need};

/// `meeting_session.remote_instructions` is a `varchar(1024)`.
const LINK_LENGTH: usize = 1024;

/// Writes links through a connection of its own: the reader may be a replica.
#[derive(Debug, Clone)]
pub struct Writer {
    database: Database,
    opening: Opening,
}

impl Writer {
    pub fn new(database: Database, options: WriterOptions) -> Self {
        let WriterOptions { schema, statement_timeout, lock_timeout } = options;
        Self { database, opening: Opening { schema, statement_timeout, lock_timeout } }
    }

    /// Sets the link of `session` from `seen` to `url`, and `modified` as Django's `save()` would. True = it is `url`
    /// now, also where somebody else wrote just that in the meantime. False = it is neither, or the session is gone:
    /// nothing was written.
    pub async fn write_link(&self, session: SessionId, seen: &str, url: &str) -> Result<bool, WriteError> {
        let length = url.chars().count();
        if length > LINK_LENGTH {
            return Err(WriteError::TooLong { session, length });
        }
        let doing = "writing a session's room link";
        match timeout(self.opening.limit(), self.write_without_limit(session, seen, url)).await {
            Ok(written) => written.map_err(|failed| self.explain(failed, doing)),
            Err(_) => Err(self.opening.took_too_long(self.database.what(), doing).into()),
        }
    }

    async fn write_without_limit(&self, session: SessionId, seen: &str, url: &str) -> Result<bool, Failed> {
        let mut connection = self.database.connection().await?;
        let opening = &self.opening;
        connection
            .build_transaction()
            .read_committed()
            .read_write()
            .run(async move |connection: &mut AsyncPgConnection| -> Result<bool, Failed> {
                let schema = opening.open(connection).await?.schema;
                let changed = sql_query(schema.statement(include_str!("sql/write_link.sql")))
                    .bind::<Text, _>(url)
                    .bind::<BigInt, _>(session.0)
                    .bind::<Text, _>(seen)
                    .execute(connection)
                    .await?;
                if changed == 1 {
                    return Ok(true);
                }
                let standing = sql_query(schema.statement(include_str!("sql/link_stands.sql")))
                    .bind::<BigInt, _>(session.0)
                    .bind::<Text, _>(url)
                    .execute(connection)
                    .await?;
                Ok(standing == 1)
            })
            .await
    }

    /// Whether this role can write links here: `is_enough` and no `standby`. Changes nothing.
    pub async fn may_write(&self) -> Result<ColumnReport, WriteError> {
        let needs = [
            Need { table: columns::COMPARED, privilege: "SELECT" },
            Need { table: columns::WRITTEN, privilege: "UPDATE" },
        ];
        let mut connection = self.database.connection().await?;
        let opening = &self.opening;
        connection
            .build_transaction()
            .repeatable_read()
            .read_only()
            .run(async move |connection: &mut AsyncPgConnection| {
                verify::report(connection, opening, &needs).await
            })
            .await
            .map_err(|failed| self.explain(failed, "looking at what the role may write"))
    }

    fn explain(&self, failed: Failed, doing: &str) -> WriteError {
        match failed {
            Failed::Schema(error) => WriteError::Schema(error),
            Failed::Connection(error) => error.into(),
            Failed::Query(error) => DatabaseError::from_diesel(self.database.what(), doing, error).into(),
            Failed::Empty | Failed::Unknown(_) => unreachable!("only a reading looks for these"),
        }
    }
}
