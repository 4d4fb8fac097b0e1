//! What became of each subject: printed, and as an exit status.

use serde::Serialize;

use super::CliError;
use super::exit::Exit;
use super::output::{self, Output};
use super::plan::{exit_of_refusals, left_in_doubt};
use crate::model::Why;
use crate::plan::{Plan, Style, plan_text};
use crate::reconcile::{SubjectOutcome, SubjectResult, World, results_text};

/// The plan, and under `results` what became of it.
#[derive(Debug, Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    results: &'a [SubjectResult],
}

/// Prints the plan and its results.
pub(super) fn print(output: Output, plan: &Plan, results: &[SubjectResult]) -> Result<(), CliError> {
    if output.is_json() {
        output::json(&Document { plan, results })?;
        return Ok(());
    }
    output::text(&results_text(results))?;
    Ok(())
}

/// The plan before it is carried out, in text; JSON has one document at the end.
pub(super) fn announce(output: Output, world: &World, plan: &Plan) -> Result<(), CliError> {
    if !output.is_json() {
        let style = Style { is_under_way: true, ..output.style(world.ask.scope.clone()) };
        output::text(&plan_text(plan, &world.snapshot, &style))?;
    }
    Ok(())
}

/// The status after a plan was carried out.
pub(super) fn exit_of(plan: &Plan, world: &World, results: &[SubjectResult]) -> Exit {
    let of_results = results.iter().map(|result| match result.outcome {
        SubjectOutcome::Applied | SubjectOutcome::InStep | SubjectOutcome::Rehearsed => Exit::Done,
        SubjectOutcome::Refused if is_guard_refusal(plan, result) => Exit::Guarded,
        SubjectOutcome::Failed | SubjectOutcome::InDoubt | SubjectOutcome::Refused => Exit::Failed,
    });
    // Rooms that could not be read are not known to be in step.
    let unread = world.rooms.unread.values().map(|_| Exit::Failed);
    let in_doubt = left_in_doubt(plan, world, &[Why::InDoubtConfirming, Why::WindowClosedUnsent])
        .filter(|wait| results.iter().all(|result| result.subject != wait.subject));
    let in_doubt = in_doubt.map(|_| Exit::Failed);
    Exit::worst(of_results.chain(unread).chain(in_doubt).chain([exit_of_refusals(plan)]))
}

fn is_guard_refusal(plan: &Plan, result: &SubjectResult) -> bool {
    plan.refusals.iter().any(|refusal| refusal.subject == Some(result.subject) && refusal.rule.is_guard())
        && !plan.changes.iter().any(|change| change.subject == result.subject)
}
