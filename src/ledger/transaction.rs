//! A transaction in which PostgreSQL itself refuses every write, on one snapshot of the ledger.

use diesel::result::QueryResult;
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager as _};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::call::{ANSWER, told};
use super::error::LedgerError;
use crate::database::{Connection, Database};

/// Under way. One that is dropped costs its connection, which the pool then throws away.
pub(super) struct ReadOnly<'a> {
    database: &'a Database,
    connection: Connection,
    doing: &'static str,
}

/// What was read, if it came in time.
pub(super) type InTime<T> = Result<QueryResult<T>, Elapsed>;

/// As long as an answer may take, and no longer.
pub(super) async fn in_time<T>(reading: impl Future<Output = QueryResult<T>>) -> InTime<T> {
    timeout(ANSWER, reading).await
}

impl<'a> ReadOnly<'a> {
    /// `doing` reads well after "failed at".
    pub(super) async fn begin(database: &'a Database, doing: &'static str) -> Result<Self, LedgerError> {
        let mut connection = database.connection().await?;
        let sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        match in_time(AnsiTransactionManager::begin_transaction_sql(&mut *connection, sql)).await {
            Ok(Ok(())) => Ok(Self { database, connection, doing }),
            failed => Err(told(database, connection, failed, doing).expect_err("it did not begin")),
        }
    }

    pub(super) fn connection(&mut self) -> &mut AsyncPgConnection {
        &mut self.connection
    }

    /// Ends it, and passes on what was read.
    pub(super) async fn end<T>(mut self, found: InTime<T>) -> Result<T, LedgerError> {
        let connection = &mut *self.connection;
        let found = match found {
            Ok(Ok(found)) => in_time(AnsiTransactionManager::commit_transaction(connection))
                .await
                .map(|ended| ended.map(|()| found)),
            Ok(Err(error)) => {
                // The first error is the one to tell.
                in_time(AnsiTransactionManager::rollback_transaction(connection)).await.ok();
                Ok(Err(error))
            }
            Err(elapsed) => Err(elapsed),
        };
        told(self.database, self.connection, found, self.doing)
    }
}
