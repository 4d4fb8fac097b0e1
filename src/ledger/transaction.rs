//! A transaction in which PostgreSQL itself refuses every write, on one snapshot of the ledger.

use diesel::result::QueryResult;
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager as _};

use super::error::LedgerError;
use crate::database::{Connection, Database, DatabaseError};

/// Under way. One that is dropped costs its connection, which the pool then throws away.
pub(super) struct ReadOnly<'a> {
    database: &'a Database,
    connection: Connection,
    doing: &'static str,
}

impl<'a> ReadOnly<'a> {
    /// `doing` reads well after "failed at".
    pub(super) async fn begin(database: &'a Database, doing: &'static str) -> Result<Self, LedgerError> {
        let mut connection = database.connection().await?;
        let sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let begun = AnsiTransactionManager::begin_transaction_sql(&mut *connection, sql).await;
        begun.map_err(|error| DatabaseError::from_diesel(database.what(), doing, error))?;
        Ok(Self { database, connection, doing })
    }

    pub(super) fn connection(&mut self) -> &mut AsyncPgConnection {
        &mut self.connection
    }

    /// Ends it, and passes on what was read.
    pub(super) async fn end<T>(mut self, found: QueryResult<T>) -> Result<T, LedgerError> {
        let found = match found {
            Ok(found) => {
                AnsiTransactionManager::commit_transaction(&mut *self.connection).await.map(|()| found)
            }
            Err(error) => {
                // The first error is the one to tell.
                AnsiTransactionManager::rollback_transaction(&mut *self.connection).await.ok();
                Err(error)
            }
        };
        found.map_err(|error| DatabaseError::from_diesel(self.database.what(), self.doing, error).into())
    }
}
