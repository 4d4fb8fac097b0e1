//! `meetsync push`: whole deck lists now, whatever the window says. A hold doesn't stop it.

use chrono::{DateTime, Utc};

use super::args::PushArgs;
use super::exit::Exit;
use super::output::{self, Output};
use super::resync::carry_out;
use super::which::refuse_excluded;
use super::{CliError, Context};
use crate::app::{App, LedgerNeed};
use crate::clock;
use crate::desired::{WindowState, window};
use crate::model::{Kind, Policy, Session, Why};
use crate::plan::{Ask, Plan, Refusal, Wait};
use crate::reconcile::{ReadRooms, World, read_world};

pub(super) async fn run(context: &Context, args: PushArgs) -> Result<Exit, CliError> {
    if args.scope.names_nothing(&args.bare) {
        return Err(CliError::Usage("push needs a session, group or meeting: meetsync push SESSION".into()));
    }
    if args.scope.rooms_only {
        return Err(CliError::Usage("push sends slides; --rooms-only leaves nothing to send".into()));
    }
    let settings = context.settings()?;
    let scope = args.scope.scope_with(&args.bare, &settings).await?;
    let output = Output::new(args.json);
    let backend = context.backend(&settings, args.json);
    let app = App::open(&settings, "push", LedgerNeed::Required, backend).await?;
    let ask = Ask { scope, push: true, ..Ask::default() };
    let world = read_world(&app.parts, ask, ReadRooms::No, clock::now()).await?;
    refuse_excluded(&world.ask.scope, &world.snapshot)?;
    let plan = world.plan();
    let never_sent = never_sent(&plan);
    // At once: nobody has to look for a reason first.
    if plan.changes.is_empty() && !never_sent.is_empty() {
        return Err(CliError::Other(format!("nothing was sent; {}", never_sent.join("; "))));
    }
    let reason = args.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    if reason.is_none()
        && let Some(session) =
            sessions(&world).find(|session| is_outside(session, &app.policy, world.snapshot.as_of))
    {
        return Err(CliError::Usage(format!(
            "session {} ({}) is outside of its notify window; say why it is pushed: --reason TEXT",
            session.id, session.group
        )));
    }
    let pushed = plan.changes.iter().filter_map(|change| world.snapshot.session(change.session));
    let ignored = pushed.filter_map(|session| ignored_until(session, &app.policy, world.snapshot.as_of));
    for line in never_sent.into_iter().chain(ignored) {
        output::note(&format!("meetsync: {line}"));
    }
    carry_out(&app, output, &world, &plan, reason, false).await
}

/// What gets no slides, not even by hand. Others that were named with it are pushed.
fn never_sent(plan: &Plan) -> Vec<String> {
    let waits = plan.waits.iter().filter(|wait| wait.subject.kind == Kind::Decks);
    let told = |wait: &Wait| {
        format!("session {} gets no slides, not even by hand: {}", wait.session, why(wait.reason))
    };
    let left_out = plan.refusals.iter().filter(|refusal| refusal.rule == Why::OutOfScope);
    let told_of = |refusal: &Refusal| {
        let who = refusal.session.map_or_else(String::new, |id| format!("session {id} gets no slides: "));
        format!("{who}{} ({}); {}", refusal.detail, refusal.rule, refusal.way_on)
    };
    waits.map(told).chain(left_out.map(told_of)).collect()
}

fn why(reason: Why) -> String {
    match reason {
        Why::Cancelled => "it is cancelled (cancelled)".into(),
        Why::Tombstone => "it was moved, and only marks its old place (tombstone)".into(),
        Why::NotOnMeetecho => "it does not meet on Meetecho (not_on_meetecho)".into(),
        other => other.to_string(),
    }
}

fn sessions(world: &World) -> impl Iterator<Item = &Session> {
    world.snapshot.sessions.iter().filter(|session| world.ask.scope.includes(session))
}

fn is_outside(session: &Session, policy: &Policy, now: DateTime<Utc>) -> bool {
    !matches!(window(session, policy.slides.notify, now).state, WindowState::Open | WindowState::Always)
}

/// Meetecho ignores lists outside of its own window: an honest push says so.
fn ignored_until(session: &Session, policy: &Policy, now: DateTime<Utc>) -> Option<String> {
    let who = format!("session {} ({})", session.id, session.group);
    let margin = policy.slides.provider_window;
    let Some(slot) = session.slot else {
        return Some(format!("{who} is not scheduled: Meetecho will ignore this list"));
    };
    if now <= slot.start - margin {
        let moment = (slot.start - margin).format("%a %Y-%m-%d %H:%M");
        Some(format!(
            "{who}: Meetecho ignores lists before its own window, which opens {moment} UTC; the first resync after that sends the list again"
        ))
    } else if now >= slot.end + margin {
        Some(format!("{who}: Meetecho's own window has closed; it will ignore this list"))
    } else {
        None
    }
}
