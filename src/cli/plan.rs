//! `meetsync plan`: what a resync would do now. Changes nothing anywhere.

use std::path::Path;

use super::args::PlanArgs;
use super::exit::Exit;
use super::output::{self, Output};
use super::scope_arguments::ScopeArgs;
use super::{CliError, Context};
use crate::app::{App, LedgerNeed};
use crate::clock;
use crate::model::{Scope, Snapshot, Why};
use crate::plan::{Ask, Plan, Wait, plan_text};
use crate::reconcile::{Export, ReadRooms, World, read_world};

pub(super) async fn run(context: &Context, args: PlanArgs) -> Result<Exit, CliError> {
    let output = Output::new(args.json);
    let world = if let Some(file) = &args.from {
        exported(file, &args.scope)?
    } else {
        let settings = context.settings()?;
        let backend = context.backend(&settings, args.json);
        let app = App::open(&settings, "plan", LedgerNeed::Optional, backend).await?;
        say_if_never_migrated(&app);
        let scope = args.scope.scope(&settings).await?;
        let ask = Ask { scope, ..Ask::default() };
        let read_rooms = if args.offline || app.is_debug { ReadRooms::No } else { ReadRooms::Yes };
        read_world(&app.parts, ask, read_rooms, clock::now()).await?
    };
    let plan = world.plan();
    print(output, &plan, &world)?;
    Ok(exit_of(&plan, &world))
}

fn exported(file: &Path, named: &ScopeArgs) -> Result<World, CliError> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|error| CliError::Other(format!("{name} can't be read: {error}")))?;
    let export =
        Export::parse(&name, &text).map_err(|error| CliError::Other(crate::database::chain(&error)))?;
    let scope = named.scope_among(&export.snapshot)?;
    if let Some(unknown) = unknown_name(&export.snapshot, &scope) {
        return Err(CliError::Other(format!("{name} has {unknown}")));
    }
    Ok(export.into_world(scope))
}

/// A name in the scope that no exported session answers to: more likely a slip than a wish for nothing.
fn unknown_name(snapshot: &Snapshot, scope: &Scope) -> Option<String> {
    let sessions = &snapshot.sessions;
    let unknown_session = scope.sessions.iter().find(|id| snapshot.session(**id).is_none());
    let unknown_group =
        scope.groups.iter().find(|group| sessions.iter().all(|session| session.group != **group));
    let unknown_meeting =
        scope.meetings.iter().find(|number| sessions.iter().all(|session| session.meeting != **number));
    (unknown_session.map(|id| format!("no session {id}")))
        .or(unknown_group.map(|group| format!("no session of group `{group}`")))
        .or(unknown_meeting.map(|number| format!("no session of meeting `{number}`")))
}

/// Without a ledger everything looks as if nothing had ever been sent, and a person must know that.
pub(super) fn say_if_never_migrated(app: &App) {
    if app.parts.ledger.is_none() {
        output::note(
            "meetsync: there is no ledger yet (meetsync migrate), so this is as if nothing had ever been sent",
        );
    }
}

pub(super) fn print(output: Output, plan: &Plan, world: &World) -> Result<(), CliError> {
    if output.is_json() {
        output::json(plan)?;
    } else {
        let style = output.style(world.ask.scope.clone());
        output::text(&plan_text(plan, &world.snapshot, &style))?;
    }
    Ok(())
}

/// The status of a plan by itself: nothing was sent. What a window closed on in doubt stays so, whatever is sent now.
pub(super) fn exit_of(plan: &Plan, world: &World) -> Exit {
    let pending = if plan.changes.is_empty() { Exit::Done } else { Exit::Pending };
    let in_doubt = left_in_doubt(plan, world, &[Why::WindowClosedUnsent]).map(|_| Exit::Failed);
    Exit::worst(in_doubt.chain([pending, exit_of_refusals(plan)]))
}

/// What waits for one of these reasons, and is in doubt.
pub(super) fn left_in_doubt<'a>(
    plan: &'a Plan,
    world: &'a World,
    reasons: &'a [Why],
) -> impl Iterator<Item = &'a Wait> {
    let is_in_doubt =
        |wait: &&Wait| world.ledger.get(wait.subject).is_some_and(|row| row.doubt_since.is_some());
    plan.waits.iter().filter(|wait| reasons.contains(&wait.reason)).filter(is_in_doubt)
}

/// Policy, other people's links and an unreachable provider don't change the status; guards and drift do.
pub(super) fn exit_of_refusals(plan: &Plan) -> Exit {
    Exit::worst(plan.refusals.iter().map(|refusal| match refusal.rule {
        // The rest went on: that is no "nothing could be done".
        Why::SourceIncomplete if refusal.subject.is_some() => Exit::Failed,
        Why::SourceIncomplete | Why::SourceLagging => Exit::Error,
        rule if rule.is_guard() => Exit::Guarded,
        Why::RoomConflict => Exit::Pending,
        _ => Exit::Done,
    }))
}
