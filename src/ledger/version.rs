//! Whether this release may use the ledger that it found.
//!
//! Releases expand, then contract: each runs on the next one's ledger, so that one version back always starts. The
//! ledger names the oldest reader that it allows.

use diesel::result::QueryResult;
use diesel::sql_types::Bool;
use diesel::{QueryDsl as _, QueryableByName};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};

use super::error::LedgerError;
use super::statement::Statement;
use super::tables::ledger_version;
use super::transaction::{ReadOnly, in_time};
use crate::database::Database;

/// The version of the ledger that this release's migrations lead to, and the least that it needs.
pub const VERSION: i32 = 2;

/// What this release knows to read: a ledger may ask for at least this.
pub const READER: i32 = 1;

const EXISTS: &str = "\
    SELECT EXISTS (
        SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = 'meetsync' AND c.relname = 'ledger_version') AS there";

#[derive(QueryableByName)]
struct Exists {
    #[diesel(sql_type = Bool)]
    there: bool,
}

/// Errors: not migrated, behind, or too new.
pub(super) async fn check(database: &Database) -> Result<(), LedgerError> {
    let mut transaction = ReadOnly::begin(database, "looking for the ledger").await?;
    let found = in_time(versions_on(transaction.connection())).await;
    match transaction.end(found).await? {
        None => Err(LedgerError::NotMigrated),
        Some((version, oldest_reader)) if oldest_reader > READER => {
            Err(LedgerError::TooNew { version, oldest_reader, reader: READER })
        }
        Some((version, _)) if version < VERSION => Err(LedgerError::Behind { version, needed: VERSION }),
        Some(_) => Ok(()),
    }
}

/// (version, oldest reader), where there is a ledger.
async fn versions_on(connection: &mut AsyncPgConnection) -> QueryResult<Option<(i32, i32)>> {
    let exists: Exists = Statement::new(EXISTS).get_result(connection).await?;
    if !exists.there {
        return Ok(None);
    }
    let rows = ledger_version::table.select((ledger_version::version, ledger_version::oldest_reader));
    Ok(rows.load(connection).await?.pop())
}
