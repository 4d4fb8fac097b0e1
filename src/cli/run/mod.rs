//! `meetsync run`: the worker, until somebody ends it.
//!
//! A hangup (SIGHUP) begins it anew with the settings as they are by then, so that a changed secret counts: everything
//! that matters is in the ledger, and what is under way comes to its end first. Before anything ends, the new settings
//! have shown that they can be used; where they can't, the worker goes on as it was.

mod begin;
mod life;
mod prepared;
mod voice;

use super::exit::Exit;
use super::{CliError, Context};
use crate::reconcile::worker::Ended;
use crate::shutdown::Signals;
use begin::begin;
use life::{End, live};

pub(super) async fn run(context: &Context) -> Result<Exit, CliError> {
    let settings = context.settings()?;
    let mut signals = Signals::listen()?;
    let Some(mut begun) = Box::pin(begin(context, settings, &mut signals)).await? else {
        return Ok(stopped("before it had begun", Ended::default(), Exit::Done));
    };
    loop {
        match Box::pin(live(begun, context, &mut signals)).await {
            End::Stopped(ended) if ended.cut_off == 0 => return Ok(stopped("drained", ended, Exit::Done)),
            End::Stopped(ended) => return Ok(stopped("after shutdown.grace", ended, Exit::Done)),
            End::AtOnce(ended) if ended.cut_off == 0 => return Ok(stopped("at once", ended, Exit::Done)),
            End::AtOnce(ended) => return Ok(stopped("at once", ended, Exit::Failed)),
            End::Next(next, refused) => begun = (*next, refused),
        }
    }
}

/// The last line of a run. What was cut off is in doubt, and the next worker puts it right.
fn stopped(how: &str, ended: Ended, exit: Exit) -> Exit {
    let Ended { drained, cut_off } = ended;
    if cut_off == 0 {
        tracing::info!(how, drained, cut_off, "stopped");
    } else {
        tracing::warn!(how, drained, cut_off, "stopped; what was cut off is in doubt");
    }
    exit
}
