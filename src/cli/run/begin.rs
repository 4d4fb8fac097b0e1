//! From settings to a life that can begin: at the start, where it may take until a database is back, and beside a worker
//! that goes on meanwhile.

use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::prepared::Prepared;
use crate::app::AppError;
use crate::cli::{CliError, Context};
use crate::database::{DatabaseError, chain};
use crate::ledger::LedgerError;
use crate::reconcile::worker::housekeeping::RefusedSettings;
use crate::schedule::backoff;
use crate::settings::{Meetecho, Settings};
use crate::shutdown::{Signal, Signals};
use crate::systemd;

/// A worker that is at work waits so long for new settings to show that they can be used.
const LONGEST_RENEWAL: Duration = Duration::from_secs(10);

/// And so long for Meetecho to say no to new credentials.
const LONGEST_TRIAL: Duration = Duration::from_secs(10);

/// What a life begins with: where settings that were read since can't be used, these too.
pub(super) type Begun = (Prepared, Option<RefusedSettings>);

/// Waits for the databases, where it is a matter of time; None = it was asked to stop meanwhile. A hangup reads the
/// settings again, and what is wrong with those is no reason to end either.
pub(super) async fn begin(
    context: &Context,
    mut settings: Settings,
    signals: &mut Signals,
) -> Result<Option<Begun>, CliError> {
    let mut former: Option<Settings> = None;
    let mut refused: Option<RefusedSettings> = None;
    let mut failures = 0;
    loop {
        let attempt = async {
            let error = match Prepared::from_settings(context, settings.clone()).await {
                Ok(prepared) => return Ok(prepared),
                Err(error) if may_pass(&error) => error,
                Err(error) => return Err(error),
            };
            failures += 1;
            let pause = backoff::worker(failures, 0.5);
            tracing::error!(error = chain(&error), again_in_s = pause.as_secs(), "can't begin yet");
            tokio::time::sleep(pause).await;
            Err(error)
        };
        let attempted = tokio::select! {
            attempted = attempt => Some(attempted),
            never = systemd::feed_watchdog() => match never {},
            signal = signals.next() => match signal {
                Signal::Stop => return Ok(None),
                Signal::Hangup => None,
            },
        };
        match attempted {
            Some(Ok(prepared)) => return Ok(Some((prepared, refused))),
            Some(Err(error)) if may_pass(&error) => {}
            Some(Err(error)) => {
                let Some(good) = former.take() else { return Err(error) };
                refused = Some(stays(refused, &error));
                settings = good;
            }
            None => match context.settings() {
                Ok(changed) => {
                    tracing::info!("the settings were read again");
                    former = Some(std::mem::replace(&mut settings, changed));
                    failures = 0;
                    refused = None;
                }
                Err(error) => refused = Some(stays(refused, &error)),
            },
        }
    }
}

/// The settings as they are now, and all that a life by them needs, or why they can't be used. Unlike at the start nothing
/// is waited for: a mistyped host looks like one that is away. `former`: how Meetecho is spoken to now.
pub(super) async fn renew(context: &Context, former: &Meetecho) -> Result<Box<Prepared>, CliError> {
    let renewed = async {
        let prepared = Prepared::from_settings(context, context.settings()?).await?;
        prepared.can_read().await?;
        Ok(prepared)
    };
    let renewed = tokio::time::timeout(LONGEST_RENEWAL, renewed).await.unwrap_or_else(|_| {
        let seconds = LONGEST_RENEWAL.as_secs();
        Err(CliError::Other(format!("the databases did not answer within {seconds} s; see their addresses")))
    });
    match renewed {
        Ok(prepared) if has_other_credentials(&prepared.settings.meetecho, former) => {
            // A Meetecho that does not answer says nothing of them, and may be down for hours.
            let trial = tokio::time::timeout(LONGEST_TRIAL, prepared.rejected_credentials()).await;
            match trial.ok().flatten() {
                Some(fault) => Err(CliError::Other(format!("the new credentials were tried: {fault}"))),
                None => Ok(Box::new(prepared)),
            }
        }
        renewed => renewed.map(Box::new),
    }
}

fn has_other_credentials(new: &Meetecho, former: &Meetecho) -> bool {
    let secret =
        |section: &Meetecho| section.client_secret.as_ref().map(|secret| secret.expose_secret().to_owned());
    (&new.api_base, &new.client_id, secret(new)) != (&former.api_base, &former.client_id, secret(former))
}

/// Says so, and what is to be told for as long as it is so. `before`: that was so already, by settings of before.
pub(super) fn stays(before: Option<RefusedSettings>, error: &CliError) -> RefusedSettings {
    tracing::error!(
        error = chain(error),
        "the settings as they are now can't be used; going on with those from before"
    );
    RefusedSettings::again(before, error)
}

/// A server that is away, or has too much to do, will be back. A wrong name or password will not mend itself.
fn may_pass(error: &CliError) -> bool {
    let (CliError::App(AppError::Database(error) | AppError::Ledger(LedgerError::Database(error)))
    | CliError::Database(error)) = error
    else {
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
