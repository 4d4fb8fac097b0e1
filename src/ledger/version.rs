//! Whether this release may use the ledger that it found.
//!
//! Releases expand, then contract: each runs on the next one's ledger, so that one version back always starts. The
//! ledger names the oldest reader that it allows.

use diesel::sql_types::Bool;
use diesel::{ExpressionMethods as _, QueryDsl as _, QueryableByName};
use diesel_async::RunQueryDsl as _;

use super::error::LedgerError;
use super::read::reading;
use super::statement::Statement;
use super::tables::ledger_version;
use crate::database::Database;

/// The version of the ledger that this release's migrations lead to, and the least that it needs.
pub const VERSION: i32 = 1;

/// What this release knows to read: a ledger may ask for at least this.
pub const READER: i32 = 1;

const EXISTS: &str = "
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
    let found: Option<(i32, i32)> = reading(database, "looking for the ledger", async |connection| {
        let exists: Exists = Statement::new(EXISTS).get_result(connection).await?;
        if !exists.there {
            return Ok(None);
        }
        let columns = (ledger_version::version, ledger_version::oldest_reader);
        let rows = ledger_version::table.filter(ledger_version::only_row.eq(true)).select(columns);
        Ok(rows.load(connection).await?.pop())
    })
    .await?;
    match found {
        None => Err(LedgerError::NotMigrated),
        Some((version, oldest_reader)) if oldest_reader > READER => {
            Err(LedgerError::TooNew { version, oldest_reader, reader: READER })
        }
        Some((version, _)) if version < VERSION => Err(LedgerError::Behind { version, needed: VERSION }),
        Some(_) => Ok(()),
    }
}
