//! `meetsync run`: the worker, until somebody ends it.
//!
//! A hangup (SIGHUP) begins it anew with the settings as they are by then, so that a changed secret counts: everything
//! that matters is in the ledger, and what is under way comes to its end first. Before anything ends, the new settings
//! have shown that they can be used; where they can't, the worker goes on as it was.

mod begin;
pub(crate) mod housekeeping;
mod life;

use super::exit::Exit;
use super::{CliError, Context, output};
use crate::shutdown::Signals;
use begin::begin;
use life::End;

pub(super) async fn run(context: &Context) -> Result<Exit, CliError> {
    let settings = context.settings()?;
    let mut signals = Signals::listen()?;
    let Some(mut life) = Box::pin(begin(context, settings, &mut signals)).await? else {
        return Ok(Exit::Done);
    };
    loop {
        match Box::pin(life.live(context, &mut signals)).await {
            End::Stopped => return Ok(Exit::Done),
            End::AtOnce => {
                output::note(
                    "meetsync: asked to stop twice, and ended at once; what was under way is in doubt",
                );
                return Ok(Exit::Error);
            }
            End::Next(next) => life = *next,
        }
    }
}
