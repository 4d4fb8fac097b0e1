//! What can go wrong with the ledger, in words for the person who reads them.

use crate::database::DatabaseError;

/// The ledger could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("there is no ledger in this database yet: run `meetsync migrate`")]
    NotMigrated,
    #[error("the ledger has version {version}, this release needs {needed}: run `meetsync migrate`")]
    Behind { version: i32, needed: i32 },
    #[error(
        "the ledger has version {version} and may only be read by releases that know version {oldest_reader} (this one \
         knows {reader}): use a newer meetsync"
    )]
    TooNew { version: i32, oldest_reader: i32, reader: i32 },
    #[error("the ledger's row {key} holds something this release can't read in column `{column}`")]
    Unreadable { key: String, column: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    #[error(
        "role {role} may not create the schema `meetsync` in database {database}: have its owner run what \
         `meetsync grants {role}` prints"
    )]
    MayNotCreateSchema { role: String, database: String },
    #[error(
        "role {role} may not create tables in the schema `meetsync` of database {database}: have its owner run what \
         `meetsync grants {role}` prints"
    )]
    MayNotCreateTables { role: String, database: String },
    #[error("the ledger could not be brought up to date")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl LedgerError {
    /// Whether only the answer may be missing: what was asked for may have been done, or may yet be.
    pub fn may_have_been_done(&self) -> bool {
        matches!(self, Self::Database(DatabaseError::TimedOut { .. } | DatabaseError::Broken { .. }))
    }
}
