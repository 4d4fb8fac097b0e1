//! `meetsync demo`: the whole job on one machine. Tells the story; without `--once` the worker then follows what
//! somebody edits by hand, until Ctrl-C, a polite kill, or a terminal that is closed.

use super::args::DemoArgs;
use super::exit::Exit;
use super::output::{self, Output};
use super::{CliError, Context, LogFormat};
use crate::demo::story::{self, Stage, Teller, Told, Verdict};
use crate::model::Scope;
use crate::shutdown::Signals;
use crate::telemetry;

pub(super) async fn run(context: &Context, args: DemoArgs) -> Result<Exit, CliError> {
    if context.debug_backend {
        let words = "demo sends to a stand-in of its own, so there is nothing to keep back; leave out --debug-backend";
        return Err(CliError::Usage(words.into()));
    }
    if context.config.is_some() {
        output::note("meetsync: demo makes its own settings; --config is not read");
    }
    telemetry::set_up(context.log_format == Some(LogFormat::Json), "error");
    // Ctrl-C, a polite kill, or a terminal that was closed: each ends it.
    let mut signals = Signals::listen()?;
    let style = Output::new(false).style(Scope::default());
    let mut write = output::text;
    let mut teller = Teller::new(style, &mut write);

    teller.say("meetsync, shown on a datatracker that is made up and a Meetecho that is a stand-in.")?;
    teller.say(
        "Both run on this machine only and are gone afterwards; what works between them is the real thing.",
    )?;
    // Whatever is dropped on the way is gone: the stand-in, the server, its files.
    let mut stage = tokio::select! {
        prepared = Stage::prepare(args.listen) => prepared?,
        _ = signals.next() => return Ok(stopped(&args)),
    };
    let Told { verdict, worker } = tokio::select! {
        told = story::tell(&mut stage, &mut teller) => told?,
        _ = signals.next() => return Ok(stopped(&args)),
    };
    if !args.once {
        teller.say(&way_on(&stage))?;
        tokio::select! {
            followed = story::follow(&stage, &mut teller) => followed?,
            _ = signals.next() => {}
        }
        output::note("meetsync: the demo ends; everything of it is removed");
    }
    worker.stop().await;
    Ok(match verdict {
        Verdict::InStep => Exit::Done,
        Verdict::Differs => Exit::Failed,
    })
}

/// Ended in the middle. Who asked for the story with its verdict did not get one.
fn stopped(args: &DemoArgs) -> Exit {
    output::note("meetsync: ended before the story was; everything of it is removed");
    if args.once { Exit::Error } else { Exit::Done }
}

/// What a person can do with the stage as it stands.
fn way_on(stage: &Stage) -> String {
    let program =
        std::env::current_exe().map_or_else(|_| "meetsync".into(), |path| path.display().to_string());
    let config = stage.config().display();
    format!(
        "\nThe worker stays at work until Ctrl-C; then all of this is removed.\n\n\
         \x20 stand-in Meetecho   {standin}\n\
         \x20 datatracker         {database}\n\
         \x20 settings            {config}\n\n\
         Play the chair from another terminal (as the same user), for example:\n\n\
         \x20 psql '{database}' -c \"update doc_document set title = 'Renamed' where id = 150001\"\n\
         \x20 {program} --config {config} status\n\
         \x20 {program} --config {config} rooms\n\n\
         What the worker sends is told here:\n",
        standin = stage.standin.base_url,
        database = stage.owner_url(),
    )
}
