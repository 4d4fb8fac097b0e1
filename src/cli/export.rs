//! `meetsync export`: what a plan is made from, as a file. No secret, no person's words.

use std::io::Write as _;
use std::path::Path;

use super::args::ExportArgs;
use super::exit::Exit;
use super::output;
use super::plan::say_if_never_migrated;
use super::{CliError, Context};
use crate::app::{App, Backend, LedgerNeed};
use crate::clock;
use crate::plan::Ask;
use crate::reconcile::{Export, ReadRooms, read_world};

pub(super) async fn run(context: &Context, args: ExportArgs) -> Result<Exit, CliError> {
    let settings = context.settings()?;
    let backend = context.backend(&settings, true);
    let app = App::open(&settings, "export", LedgerNeed::Optional, backend).await?;
    say_if_never_migrated(&app);
    let scope = args.scope.scope(&settings).await?;
    let ask = Ask { scope, ..Ask::default() };
    let read_rooms = if backend == Backend::Live { ReadRooms::Yes } else { ReadRooms::No };
    let world = read_world(&app.parts, ask, read_rooms, clock::now()).await?;
    let export = Export::of(&world);
    write(&args.file, &export)
        .map_err(|error| CliError::Other(format!("{} can't be written: {error}", args.file.display())))?;
    output::note(&format!(
        "meetsync: {} sessions as of {} UTC written to {file}; plan from it with: meetsync plan --from {file}",
        export.snapshot.sessions.len(),
        export.snapshot.as_of.format("%Y-%m-%d %H:%M:%S"),
        file = args.file.display()
    ));
    Ok(Exit::Done)
}

/// Beside the file first, then in its place: a half-written export would look like a small world.
fn write(file: &Path, export: &Export) -> std::io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".part");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&beside)?);
    serde_json::to_writer_pretty(&mut out, export)?;
    out.write_all(b"\n")?;
    out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(&beside, file)
}
