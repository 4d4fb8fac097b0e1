//! `meetsync resync`: makes everything in scope right, once.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::ResyncArgs;
use super::exit::Exit;
use super::output::{self, Output};
use super::{CliError, Context, doubt, plan as plan_command, results, stopping};
use crate::app::{App, LedgerNeed};
use crate::clock;
use crate::plan::{Ask, Plan};
use crate::reconcile::worker::Leave;
use crate::reconcile::{self, Progress, ReadRooms, World, read_world};

pub(super) async fn run(context: &Context, args: ResyncArgs) -> Result<Exit, CliError> {
    if let Some(hash) = args.plan.as_deref().filter(|hash| !is_a_hash(hash)) {
        return Err(CliError::Usage(format!(
            "{hash:?} is no hash of a plan: expected eight hexadecimal digits or more"
        )));
    }
    let settings = context.settings()?;
    let output = Output::new(args.json);
    let backend = context.backend(&settings, args.json);
    let app = App::open(&settings, "resync", LedgerNeed::Required, backend).await?;
    let scope = args.scope.scope(&settings).await?;
    let ask = Ask { scope, force: args.force, resend: args.resend, ..Ask::default() };
    let read_rooms = if app.is_debug { ReadRooms::No } else { ReadRooms::Patiently };
    let world = read_world(&app.parts, ask, read_rooms, clock::now()).await?;
    warn_of_wide_role(&app, settings.check.allow_wide_role).await?;
    let plan = world.plan();
    if let Some(approved) = args.plan.as_deref().filter(|approved| !fits(&world.plan_as_seen(), approved)) {
        results::announce(output, &world, &plan)?;
        if output.is_json() {
            results::print(output, &plan, &[])?;
        }
        output::note(&format!(
            "meetsync: the plan is not the one that was approved, and nothing was sent: approved {approved}, now {}; \
             if you agree with what would be done now, name that one",
            plan.hash
        ));
        return Ok(Exit::Guarded);
    }
    carry_out(&app, output, &world, &plan, None, args.plan.is_some()).await
}

/// Once, and not as an error: slides for people who wait come before a tidy role.
async fn warn_of_wide_role(app: &App, allowed: bool) -> Result<(), CliError> {
    let report = app.parts.datatracker.verify().await?;
    if report.is_wide() && !allowed {
        tracing::warn!(
            role = report.role,
            "this role can read more than meetsync needs; `meetsync check` says what"
        );
    }
    Ok(())
}

/// An approval may be shortened, as people shorten hashes, but not to nothing.
fn is_a_hash(text: &str) -> bool {
    text.len() >= 8 && text.chars().all(|digit| digit.is_ascii_hexdigit())
}

fn fits(plan: &Plan, approved: &str) -> bool {
    plan.hash.0.starts_with(&approved.to_ascii_lowercase())
}

/// Prints the plan, carries it out where that is allowed, prints what became of it.
pub(super) async fn carry_out(
    app: &App,
    output: Output,
    world: &World,
    plan: &Plan,
    reason: Option<&str>,
    is_approved: bool,
) -> Result<Exit, CliError> {
    results::announce(output, world, plan)?;
    if app.only_observes() {
        if output.is_json() {
            results::print(output, plan, &[])?;
        }
        output::note(
            "meetsync: observe_only: nothing was sent, because scope.mode is \"observe\"; write mode = \"act\" under [scope] to send",
        );
        return Ok(plan_command::exit_of(plan, world));
    }
    let ledger = app.parts.ledger.as_ref().ok_or_else(|| CliError::Other("the ledger is needed".into()))?;
    let bar = progress_bar(plan.changes.len());
    let progress = |progress: Progress| match progress {
        Progress::Done { done, .. } => bar.set_position(done as u64),
        // Whoever looks at a plan and nothing after it thinks that it hangs.
        Progress::Waits { session, owner, until } => bar.suspend(|| {
            output::note(&format!(
                "meetsync: {owner} works on session {session}; waiting for it until {} UTC at most",
                until.format("%H:%M:%S")
            ));
        }),
    };
    let leave = Leave::default();
    let work = Box::pin(async {
        let results = reconcile::resync(&app.parts, ledger, world, plan, reason, &leave, &progress).await?;
        bar.finish_and_clear();
        // An approved plan is carried out as it was approved.
        if app.is_debug || is_approved {
            return Ok::<_, CliError>(results);
        }
        Ok(doubt::settle(app, ledger, world, plan, reason, &leave, results).await?)
    });
    let say = |line: &str| bar.suspend(|| output::note(line));
    let Some(results) = stopping::unless_stopped(app.grace, &leave, say, work).await? else {
        let done = bar.position();
        bar.finish_and_clear();
        output::note(&stopping::at_once(done, plan.changes.len()));
        return Ok(Exit::Failed);
    };
    let results = results?;
    results::print(output, plan, &results)?;
    if leave.is_asked() {
        output::note(&stopping::in_order(&results));
    }
    Ok(results::exit_of(plan, world, &results))
}

/// On a terminal, and only where there is something to wait for; drawn on stderr.
fn progress_bar(changes: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(changes as u64), ProgressDrawTarget::stderr());
    if changes < 8 {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style =
        ProgressStyle::with_template("{bar:30} {pos}/{len} {eta}").expect("the template is a constant");
    bar.set_style(style);
    bar
}
