//! One statement, and its answer within a time: however the ledger hangs, nobody waits for it longer than this.
//!
//! A network that was cut, or a machine that was frozen, says nothing: without a limit the slides of a live session would
//! wait until a lease is over, or a pass is given up. What took too long is thrown away with its connection, and with
//! those that wait in the pool, so that the next call makes a new one. It may still take effect over there; everything
//! that is written here bears that, or being written twice.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::result::{DatabaseErrorKind, Error, QueryResult};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::error::LedgerError;
use super::statement::Statement;
use crate::database::{Connection, Database, DatabaseError, chain};

/// How long an answer may take that takes milliseconds.
pub(super) const ANSWER: Duration = Duration::from_secs(6);

/// And so much longer for each row of those that are written many at once.
const EACH_ROW: Duration = Duration::from_millis(2);

/// Of two that wait for one another the server gives one up, of which nothing remains: it is made again, so often.
const TRIES: u32 = 4;

/// diesel does not tell a deadlock from other errors that it has no name for, and a server may speak any language. All that
/// is made here is one statement and so one transaction: of one that the server answered with an error nothing remains,
/// whatever it said, and making it once more can do no harm. What is there to stay comes again.
const TRIES_UNNAMED: u32 = 2;

/// The rows of a statement's answer. `doing` reads well after "failed at".
pub(super) async fn load<T>(
    database: &Database,
    statement: &Statement,
    doing: &str,
) -> Result<Vec<T>, LedgerError>
where
    T: QueryableByName<Pg> + Send + 'static,
{
    make(database, statement, doing, |statement, connection| statement.load(connection).boxed()).await
}

/// How many rows were changed.
pub(super) async fn execute(
    database: &Database,
    statement: &Statement,
    doing: &str,
) -> Result<usize, LedgerError> {
    make(database, statement, doing, |statement, connection| statement.execute(connection).boxed()).await
}

/// A way to make a statement.
type Way<T> = for<'a> fn(&'a Statement, &'a mut AsyncPgConnection) -> BoxFuture<'a, QueryResult<T>>;

async fn make<T>(
    database: &Database,
    statement: &Statement,
    doing: &str,
    way: Way<T>,
) -> Result<T, LedgerError> {
    let rows = u32::try_from(statement.rows()).unwrap_or(u32::MAX);
    let longest = ANSWER + EACH_ROW.saturating_mul(rows);
    let mut tries = 1;
    loop {
        let mut connection = database.connection().await?;
        let answer = timeout(longest, way(statement, &mut connection)).await;
        match told(database, connection, answer, doing) {
            Err(LedgerError::Database(error)) if tries < tries_at(&error) => {
                tracing::debug!(doing, error = chain(&error), "made again");
                tries += 1;
            }
            told => return told,
        }
    }
}

/// How often a statement is made that the server answers so.
fn tries_at(error: &DatabaseError) -> u32 {
    match error {
        DatabaseError::Conflict { .. } => TRIES,
        DatabaseError::Query { source: Error::DatabaseError(DatabaseErrorKind::Unknown, _), .. } => {
            TRIES_UNNAMED
        }
        _ => 1,
    }
}

/// What an answer means. One that did not come in time costs all connections that are not in use.
pub(super) fn told<T>(
    database: &Database,
    connection: Connection,
    answer: Result<QueryResult<T>, Elapsed>,
    doing: &str,
) -> Result<T, LedgerError> {
    let what = database.what();
    if let Ok(answer) = answer {
        return answer.map_err(|error| DatabaseError::from_diesel(what, doing, error).into());
    }
    database.start_afresh(connection);
    let (what, doing, said) = (what.to_owned(), doing.to_owned(), "no answer in time".to_owned());
    Err(DatabaseError::TimedOut { what, doing, said }.into())
}
