//! `meetsync run`: the worker, until somebody ends it.
//!
//! A hangup (SIGHUP) begins it anew with the settings as they are by then, so that a changed secret counts: everything
//! that matters is in the ledger, and what is under way comes to its end first. Settings that can't be read leave it as
//! it was.

mod housekeeping;
mod life;

use super::exit::Exit;
use super::{CliError, Context, output};
use crate::app::{App, AppError};
use crate::database::{DatabaseError, chain};
use crate::ledger::LedgerError;
use crate::schedule::backoff;
use crate::settings::Settings;
use crate::shutdown::{Signal, Signals};
use life::End;

pub(super) async fn run(context: &Context) -> Result<Exit, CliError> {
    let mut settings = context.settings()?;
    let mut signals = Signals::listen()?;
    let mut former: Option<Settings> = None;
    loop {
        let app = match (open(context, &settings, &mut signals).await, former.take()) {
            (Ok(Some(app)), _) => app,
            (Ok(None), _) => return Ok(Exit::Done),
            (Err(error), None) => return Err(error),
            (Err(error), Some(good)) => {
                tracing::error!(
                    error = chain(&error),
                    "the settings as they are now can't be used; going on with those from before"
                );
                settings = good;
                continue;
            }
        };
        match Box::pin(life::live(app, &settings, &mut signals)).await? {
            End::Stopped => return Ok(Exit::Done),
            End::AtOnce => {
                output::note(
                    "meetsync: asked to stop twice, and ended at once; what was under way is in doubt",
                );
                return Ok(Exit::Error);
            }
            End::Again => match context.settings() {
                Ok(changed) => former = Some(std::mem::replace(&mut settings, changed)),
                Err(error) => tracing::error!(
                    error = chain(&error),
                    "the settings can't be read again; going on with those from before"
                ),
            },
        }
    }
}

/// Waits for the databases, where it is a matter of time; None = it was asked to stop meanwhile.
async fn open(
    context: &Context,
    settings: &Settings,
    signals: &mut Signals,
) -> Result<Option<App>, CliError> {
    let mut failures = 0;
    loop {
        let opened = App::for_worker(settings, "run", context.backend(settings, false)).await;
        let error = match opened {
            Ok(app) => return Ok(Some(app)),
            Err(error) if may_pass(&error) => error,
            Err(error) => return Err(error.into()),
        };
        failures += 1;
        let pause = backoff::worker(failures, 0.5);
        tracing::error!(error = chain(&error), again_in_s = pause.as_secs(), "can't begin yet");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            signal = signals.next() => if signal == Signal::Stop {
                return Ok(None);
            },
        }
    }
}

/// A server that is away, or has too much to do, will be back. A wrong name or password will not mend itself.
fn may_pass(error: &AppError) -> bool {
    let (AppError::Database(error) | AppError::Ledger(LedgerError::Database(error))) = error else {
        return false;
    };
    matches!(
        error,
        DatabaseError::Unreachable { .. }
            | DatabaseError::TooManyConnections { .. }
            | DatabaseError::Busy { .. }
            | DatabaseError::TimedOut { .. }
            | DatabaseError::Broken { .. }
    )
}
