//! `meetsync explain`: rule by rule, why a session's room and slides are sent, or not.

use super::args::ExplainArgs;
use super::exit::Exit;
use super::output::{self, Output};
use super::session_argument::{ExplainArgument, SessionArgument};
use super::which::only_one;
use super::{CliError, Context};
use crate::app::{App, LedgerNeed};
use crate::clock;
use crate::ledger::LedgerError;
use crate::model::Scope;
use crate::plan::{AtWork, explained_text};
use crate::reconcile::{ReadRooms, at_work, explain, read_to_explain};

pub(super) async fn run(context: &Context, args: &ExplainArgs) -> Result<Exit, CliError> {
    let settings = context.settings()?;
    let output = Output::new(args.json);
    let asked = scope(&args.what);
    let backend = context.backend(&settings, args.json);
    let app = App::open(&settings, "explain", LedgerNeed::Reading, backend).await?;
    let read_rooms = if app.is_debug { ReadRooms::No } else { ReadRooms::Yes };
    let ledger = app.parts.ledger.as_ref().ok_or(LedgerError::NotMigrated)?;
    let at_work = at_work(ledger).await?;
    let by_worker = !at_work.workers.is_empty();
    let world = read_to_explain(&app.parts, &asked, read_rooms, by_worker, clock::now()).await?;
    if let ExplainArgument::Session(SessionArgument::AtMeeting(meeting, group)) = &args.what {
        only_one(meeting, group, &world.snapshot)?;
    }
    let next_sweep = settings.rooms.sweep.next_after(world.snapshot.as_of);
    let explained = explain(&world, &asked, &AtWork { next_sweep, ..at_work });
    match (explained.as_slice(), &args.what) {
        ([], ExplainArgument::Group(group)) => {
            return Err(CliError::Other(format!(
                "no session of group `{group}` is scheduled from yesterday on; name one by its id"
            )));
        }
        ([one], _) if output.is_json() => output::json(one)?,
        (all, _) if output.is_json() => output::json(all)?,
        (all, _) => output::text(&explained_text(all, &output.style(asked)))?,
    }
    Ok(Exit::Done)
}

fn scope(what: &ExplainArgument) -> Scope {
    match what {
        ExplainArgument::Session(SessionArgument::Id(id)) => {
            Scope { sessions: [*id].into(), ..Scope::default() }
        }
        ExplainArgument::Session(SessionArgument::AtMeeting(meeting, group)) => {
            Scope { groups: [group.clone()].into(), meetings: [meeting.clone()].into(), ..Scope::default() }
        }
        ExplainArgument::Group(group) => Scope { groups: [group.clone()].into(), ..Scope::default() },
    }
}
