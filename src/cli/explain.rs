use super::args::ExplainArgs;
use super::exit::Exit;
use super::{CliError, Context};

pub(super) async fn run(_: &Context, _: &ExplainArgs) -> Result<Exit, CliError> {
    Err(CliError::Other("not yet".into()))
}
