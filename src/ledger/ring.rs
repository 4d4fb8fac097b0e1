//! Wakes the workers on this ledger: a person has just changed something in it, a hold or a push, and should not have to
//! wait for the next poll.

use super::call;
use super::error::LedgerError;
use super::statement::Statement;
use super::{Ledger, LedgerKind};

/// The channel on which a worker hears it, in the ledger's database.
pub const RING: &str = "meetsync_ring";

const NOTIFY: &str = "SELECT pg_catalog.pg_notify(?, '')";

impl Ledger {
    /// Rings at every worker that listens. Nobody may be there to hear it, and nothing depends on it. A rehearsal is
    /// silent.
    pub async fn ring(&self) -> Result<(), LedgerError> {
        let LedgerKind::Live(live) = &self.kind else { return Ok(()) };
        let statement = Statement::new(NOTIFY).with(RING);
        call::execute(live.database(), &statement, "waking the worker").await.map(|_| ())
    }
}
