//! Makes the ledger's tables, or brings them up to date.
//!
//! Everything is one transaction under a lock, so that two at once do the work once, and a failure leaves the ledger
//! as it was. The table that counts migrations lives in our schema, never in `public`: the database may be the
//! datatracker's own.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text};
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{AsyncConnection, RunQueryDsl as _, SimpleAsyncConnection as _, TransactionManager};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use super::error::LedgerError;
use super::statement::Statement;
use crate::database::{Connection, Database, DatabaseError};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/ledger");

type Transactions = <Connection as AsyncConnection>::TransactionManager;

/// What `migrate` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationReport {
    pub schema_created: bool,
    /// The migrations that were run, oldest first. Empty = the ledger was up to date.
    pub applied: Vec<String>,
}

#[derive(QueryableByName)]
struct Standing {
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Text)]
    database: String,
    #[diesel(sql_type = Bool)]
    schema_exists: bool,
    #[diesel(sql_type = Bool)]
    may_create_schema: bool,
    #[diesel(sql_type = Bool)]
    may_create_tables: bool,
}

/// The lock is of this database and of us: the key is `meetsync` in ASCII. It goes with the transaction, which also
/// holds behind a connection pooler.
const LOCK: &str = "SELECT pg_advisory_xact_lock(x'6d65657473796e63'::bigint)";
const STANDING: &str = "\
    SELECT current_user::text AS role, current_database()::text AS database,
           n.oid IS NOT NULL AS schema_exists,
           has_database_privilege(current_database(), 'CREATE') AS may_create_schema,
           coalesce(has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE'), false)
               AS may_create_tables
    FROM (SELECT 1) AS one LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'meetsync'";

/// Creates the ledger, or brings it up to date. Safe to run twice, and by two at once.
///
/// Needs CREATE on the database only where the schema `meetsync` does not exist yet.
pub async fn migrate(database: &Database) -> Result<MigrationReport, LedgerError> {
    let mut connection = database.connection().await?;
    Transactions::begin_transaction(&mut connection).await.map_err(|error| failed(database, error))?;
    let (mut connection, outcome) = match prepare(&mut connection, database).await {
        Ok(schema_created) => {
            let (connection, applied) = run(connection).await;
            (connection, applied.map(|applied| MigrationReport { schema_created, applied }))
        }
        Err(error) => (connection, Err(error)),
    };
    if outcome.is_ok() {
        Transactions::commit_transaction(&mut connection).await.map_err(|error| failed(database, error))?;
    } else {
        // The first error is the one to tell; a connection that can't even roll back is thrown away by the pool.
        Transactions::rollback_transaction(&mut connection).await.ok();
    }
    outcome
}

/// Takes the lock and sees to the schema. Whether it had to be created: `CREATE SCHEMA IF NOT EXISTS` would ask for
/// CREATE on the database even where it has nothing to do.
async fn prepare(connection: &mut Connection, database: &Database) -> Result<bool, LedgerError> {
    let failed = |error| failed(database, error);
    connection.batch_execute(LOCK).await.map_err(failed)?;
    // Looked at under the lock: whoever held it before us may have created the schema.
    let standing: Standing = Statement::new(STANDING).get_result(connection).await.map_err(failed)?;
    let Standing { role, database, schema_exists, may_create_schema, may_create_tables } = standing;
    if !schema_exists && !may_create_schema {
        return Err(LedgerError::MayNotCreateSchema { role, database });
    }
    if schema_exists && !may_create_tables {
        return Err(LedgerError::MayNotCreateTables { role, database });
    }
    if !schema_exists {
        connection.batch_execute("CREATE SCHEMA meetsync").await.map_err(failed)?;
    }
    connection.batch_execute("SET LOCAL search_path TO meetsync").await.map_err(failed)?;
    Ok(!schema_exists)
}

/// The migrations themselves are blocking code, and wait for their answers on a thread of their own: the one that we are on
/// may be the only one, and has to fetch them.
async fn run(connection: Connection) -> (Connection, Result<Vec<String>, LedgerError>) {
    let blocking = move || {
        let mut connection = AsyncConnectionWrapper::<_>::from(connection);
        let applied = match connection.run_pending_migrations(MIGRATIONS) {
            Ok(versions) => Ok(versions.iter().map(ToString::to_string).collect()),
            Err(error) => Err(LedgerError::Migration(error)),
        };
        (connection.into_inner(), applied)
    };
    match tokio::task::spawn_blocking(blocking).await {
        Ok(ran) => ran,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn failed(database: &Database, error: diesel::result::Error) -> LedgerError {
    DatabaseError::from_diesel(database.what(), "preparing the ledger", error).into()
}
