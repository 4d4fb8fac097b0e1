//! `meetsync status`: how the worker is, and what needs a person. It asks the ledger, and nobody else.

use super::args::StatusArgs;
use super::exit::Exit;
use super::output::{self, Output};
use super::{CliError, Context};
use crate::app::{self, LedgerNeed};
use crate::model::Scope;
use crate::reconcile::{status, status_text};

pub(super) async fn run(context: &Context, args: &StatusArgs) -> Result<Exit, CliError> {
    let settings = context.settings()?;
    let output = Output::new(args.json);
    let ledger = app::ledger(&settings, LedgerNeed::Reading, false).await?;
    let status = status(&ledger, settings.datatracker.poll, &settings.policy().slides).await?;
    if output.is_json() {
        output::json(&status)?;
    } else {
        output::text(&status_text(&status, &output.style(Scope::default())))?;
    }
    Ok(if status.healthy { Exit::Done } else { Exit::Pending })
}
