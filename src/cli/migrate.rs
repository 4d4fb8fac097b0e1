//! `meetsync migrate`: creates or updates the ledger's tables. Safe to run twice, and by two at once.

use super::exit::Exit;
use super::output;
use super::{CliError, Context};
use crate::{app, ledger};

pub(super) async fn run(context: &Context) -> Result<Exit, CliError> {
    let settings = context.settings()?;
    let report = ledger::migrate(&app::ledger_database(&settings, false)?).await?;
    if report.applied.is_empty() {
        output::note("meetsync: the ledger is up to date; nothing was done");
    } else {
        output::note(&format!("meetsync: the ledger is ready (ran {})", report.applied.join(", ")));
    }
    Ok(Exit::Done)
}
