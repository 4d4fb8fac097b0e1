//! `meetsync demo`: the whole job on one machine.

use super::args::DemoArgs;
use super::exit::Exit;
use super::{CliError, Context};

pub(super) async fn run(_context: &Context, _args: DemoArgs) -> Result<Exit, CliError> {
    Err(CliError::Other("to be written".into()))
}
