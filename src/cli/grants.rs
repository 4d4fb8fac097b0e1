//! `meetsync grants`: the least-privilege statements for a database role. Needs no settings and no database.

use super::CliError;
use super::args::GrantsArgs;
use super::exit::Exit;
use super::output;
use crate::datatracker::grants::statements;

pub(super) fn run(args: &GrantsArgs) -> Result<Exit, CliError> {
    if args.role.trim().is_empty() {
        return Err(CliError::Usage(
            "grants needs the name of a database role: meetsync grants meetsync".into(),
        ));
    }
    output::text(&statements(&args.role, args.schema.as_deref(), !args.no_write_back))?;
    Ok(Exit::Done)
}
