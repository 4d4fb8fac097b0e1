//! `meetsync rooms`: how the rooms stand; and create, delete, relink by hand.

use std::io::{self, BufRead as _, IsTerminal as _};

use super::args::{RoomsArgs, RoomsByHand};
use super::exit::Exit;
use super::hints::shell_word;
use super::output::{self, Output};
use super::plan::say_if_never_migrated;
use super::resync::carry_out;
use super::session_argument::SessionArgument;
use super::which::id_of;
use super::{CliError, Context};
use crate::app::{App, LedgerNeed};
use crate::clock;
use crate::desired::wants_room;
use crate::model::{KindFilter, Scope, SessionId, Why};
use crate::plan::{self, Ask, Change, Plan, RoomReport, RoomState, rooms_text};
use crate::reconcile::by_hand::{self, NotByHand};
use crate::reconcile::{ReadRooms, World, at_work, read_world};
use crate::settings::Settings;

pub(super) async fn run(context: &Context, args: RoomsArgs) -> Result<Exit, CliError> {
    let settings = context.settings()?;
    match args.by_hand {
        None => show(context, &settings, &args).await,
        Some(RoomsByHand::Create { session }) => {
            create(context, &settings, id_of(&settings, &session).await?).await
        }
        Some(RoomsByHand::Delete { room, yes }) => delete(context, &settings, &room, yes).await,
        Some(RoomsByHand::Relink { session }) => {
            let session = id_of(&settings, &session).await?;
            let (app, world) = open(context, &settings, "rooms relink", of_session(session)).await?;
            if let Some(change) = by_hand::relink(&world, session).transpose() {
                by_hand(&app, &world, change).await
            } else {
                output::note(&format!("meetsync: session {session}: the link is there already"));
                Ok(Exit::Done)
            }
        }
    }
}

async fn show(context: &Context, settings: &Settings, args: &RoomsArgs) -> Result<Exit, CliError> {
    if args.scope.slides_only {
        return Err(CliError::Usage("rooms shows rooms; --slides-only leaves nothing to show".into()));
    }
    let output = Output::new(args.json);
    let app =
        App::open(settings, "rooms", LedgerNeed::Optional, context.backend(settings, args.json)).await?;
    say_if_never_migrated(&app);
    let scope = Scope { kinds: KindFilter::RoomsOnly, ..args.scope.scope(settings).await? };
    let read_rooms = if app.is_debug { ReadRooms::No } else { ReadRooms::Yes };
    let ask = Ask { scope, ..Ask::default() };
    let world = read_world(&app.parts, ask, read_rooms, clock::now()).await?;
    let plan = world.plan();
    for refusal in plan.refusals.iter().filter(|refusal| refusal.subject.is_none()) {
        output::note(&format!("meetsync: {}: {}", refusal.rule, refusal.detail));
    }
    let report = plan::report(world.inputs());
    if output.is_json() {
        output::json(&report)?;
    } else {
        let style = output.style(world.ask.scope.clone());
        output::text(&rooms_text(&report, &style))?;
    }
    // Rooms that could not be read are not known to be in step, nor to have drifted.
    let unread = world.rooms.unread.values().map(|_| Exit::Failed);
    let differs = |room: &RoomReport| matches!(room.state, RoomState::Wanted | RoomState::Drifted);
    let is_pending = report.iter().any(differs) || !plan.changes.is_empty();
    let pending = if is_pending { Exit::Pending } else { Exit::Done };
    Ok(Exit::worst(unread.chain([pending])))
}

async fn create(context: &Context, settings: &Settings, session: SessionId) -> Result<Exit, CliError> {
    let (app, world) = open(context, settings, "rooms create", of_session(session)).await?;
    let plan = match by_hand::create(&world, session) {
        Ok(plan) => plan,
        Err(refused) => return refuse(&refused),
    };
    if plan.changes.is_empty() && !plan.refusals.iter().any(|refusal| refusal.rule.is_guard()) {
        return nothing_made(&plan, session);
    }
    carry_out(&app, Output::new(false), &world, &plan, Some("by hand"), false).await
}

/// A thing that is not done by hand either, and why.
fn refuse(refused: &NotByHand) -> Result<Exit, CliError> {
    if refused.rule.is_guard() {
        output::note(&format!("meetsync: {refused}"));
        return Ok(Exit::Guarded);
    }
    Err(CliError::Other(refused.to_string()))
}

/// What a person is told who asked for a room and gets none.
fn nothing_made(plan: &Plan, session: SessionId) -> Result<Exit, CliError> {
    if let Some(refusal) = plan.refusals.first() {
        let words = format!("{}: {}; {}", refusal.rule, refusal.detail, refusal.way_on);
        return Err(CliError::Other(words));
    }
    if let Some(wait) = plan.waits.iter().find(|wait| wait.reason == Why::InDoubtConfirming) {
        let until = wait.until.map(|until| format!(" after {} UTC", until.format("%H:%M:%S")));
        output::note(&format!(
            "meetsync: {}: an earlier request for the room of session {session} may still take effect; try again{}",
            wait.reason,
            until.unwrap_or_default()
        ));
        return Ok(Exit::Failed);
    }
    output::note(&format!("meetsync: session {session}: the room is there, and as it should be"));
    Ok(Exit::Done)
}

async fn delete(context: &Context, settings: &Settings, room: &str, yes: bool) -> Result<Exit, CliError> {
    let url = (!room.chars().all(|character| character.is_ascii_digit())).then_some(room);
    let (app, world, session) = match room.parse::<SessionArgument>() {
        Ok(named) => {
            let session = id_of(settings, &named).await?;
            let (app, world) = open(context, settings, "rooms delete", of_session(session)).await?;
            (app, world, session)
        }
        Err(_) if url.is_some_and(|url| url.contains("://")) => {
            let (app, world) = open(context, settings, "rooms delete", Scope::default()).await?;
            let session = session_with_room(&world, room).ok_or_else(|| {
                CliError::Other(format!("no session that matters now has a room at {room}"))
            })?;
            (app, world, session)
        }
        Err(words) => return Err(CliError::Usage(words)),
    };
    // A room's own URL says which of two is meant; the URL of a session's page only names the session.
    let url = url.filter(|url| session_with_room(&world, url).is_some());
    let confirmed_by = if yes { " --yes" } else { "" };
    let as_given = format!("meetsync rooms delete {}{confirmed_by}", shell_word(room));
    let change = by_hand::delete(&world, session, url, &as_given);
    let asks = !yes && !app.is_debug && !app.only_observes();
    if change.is_ok() && asks && !confirmed(room)? {
        output::note("meetsync: nothing was deleted");
        return Ok(Exit::Error);
    }
    if change.is_ok() {
        say_that_it_comes_again(&app, &world, session).await?;
    }
    by_hand(&app, &world, change).await
}

/// A worker that is there makes a room that the session still asks for.
async fn say_that_it_comes_again(app: &App, world: &World, session: SessionId) -> Result<(), CliError> {
    let asks = world
        .snapshot
        .session(session)
        .is_some_and(|session| wants_room(session, &world.policy.rooms, world.snapshot.as_of).is_ok());
    let is_held = world.ledger.hold_of(session, world.snapshot.as_of).is_some();
    if let Some(ledger) = app.parts.ledger.as_ref().filter(|_| asks && !is_held) {
        let workers = at_work(ledger).await?.workers;
        if !workers.is_empty() {
            output::note(&format!(
                "meetsync: session {session} still asks for a room, and {} will make it again; to keep it away: \
                 meetsync hold {session} --until TIME --reason TEXT",
                workers.join(" and ")
            ));
        }
    }
    Ok(())
}

fn session_with_room(world: &World, url: &str) -> Option<SessionId> {
    let seen = world.rooms.by_group.values().flatten().find(|room| room.url == url).map(|room| room.room_id);
    seen.map(SessionId).filter(|session| world.snapshot.session(*session).is_some())
}

/// Asks at the terminal. Where nobody can answer, `--yes` must say it.
fn confirmed(room: &str) -> Result<bool, CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::Usage(format!(
            "deleting a room asks first, and nobody is at a terminal: meetsync rooms delete {} --yes",
            shell_word(room)
        )));
    }
    output::note(&format!("Delete the room of {room}? People who have its link will find it gone. [y/N]"));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn of_session(session: SessionId) -> Scope {
    Scope { sessions: [session].into(), ..Scope::default() }
}

async fn open(
    context: &Context,
    settings: &Settings,
    command: &str,
    scope: Scope,
) -> Result<(App, World), CliError> {
    let app = App::open(settings, command, LedgerNeed::Required, context.backend(settings, false)).await?;
    let scope = Scope { kinds: KindFilter::RoomsOnly, ..scope };
    let ask = Ask { scope, by_hand: true, ..Ask::default() };
    let read_rooms = if app.is_debug { ReadRooms::No } else { ReadRooms::Patiently };
    let world = read_world(&app.parts, ask, read_rooms, clock::now()).await?;
    if let Some((group, fault)) = world.rooms.unread.iter().next() {
        return Err(CliError::Other(format!("the rooms of {group} could not be read: {fault}")));
    }
    Ok((app, world))
}

async fn by_hand(app: &App, world: &World, change: Result<Change, NotByHand>) -> Result<Exit, CliError> {
    let change = match change {
        Ok(change) => change,
        Err(refused) => return refuse(&refused),
    };
    let plan = plan::of_one(world.inputs(), change);
    carry_out(app, Output::new(false), world, &plan, Some("by hand"), false).await
}
