//! What a call about a room that was not accepted makes of the step.

use std::collections::BTreeSet;

use crate::ledger::{Failure, StepEnd};
use crate::model::{Fault, Outcome, SeenRoom, Why};
use crate::reconcile::acted::Acted;

/// How a call that was not accepted ends the step. Only doubt leaves doubt: what was refused, or provably not
/// processed, changed nothing, and what came before it in this step is seen by the next read.
pub(super) fn ended<T>(outcome: Outcome<T>) -> Result<(), Box<Acted>> {
    match outcome {
        Outcome::Applied(_) => Ok(()),
        Outcome::InDoubt(fault) => {
            let end = StepEnd::InDoubt { words: fault.words.clone(), sent: BTreeSet::new() };
            Err(Box::new(Acted::in_doubt(end, fault)))
        }
        Outcome::Retry { after, fault } => {
            let mut acted = not_processed(Failure::Retry(fault.words.clone()), fault);
            acted.retry_after = after;
            Err(acted)
        }
        Outcome::Refused(fault) => Err(not_processed(Failure::Refused(fault.words.clone()), fault)),
    }
}

/// A refused creation that nothing was read after: the room may have been made all the same (datatracker #10689), and
/// only doubt keeps it from being forgotten. What was never sent, or not let in, made none.
pub(super) fn not_read_after(
    outcome: Outcome<SeenRoom>,
    was_sent: bool,
    unread: Option<&Fault>,
) -> Result<(), Box<Acted>> {
    match (outcome, unread) {
        (Outcome::Refused(no), Some(unread)) if was_sent && no.why != Why::CredentialsRejected => {
            let words =
                format!("{no}; and whether the room is there all the same could not be read: {unread}");
            ended::<()>(Outcome::InDoubt(Fault::new(unread.why, words)))
        }
        (outcome, _) => ended(outcome),
    }
}

/// No room is there after a creation that was not accepted, which was only tried since nothing of before can come late:
/// whatever was in doubt is known now.
pub(super) fn not_made(outcome: Outcome<SeenRoom>) -> Result<(), Box<Acted>> {
    ended(outcome).map_err(|mut acted| {
        if let StepEnd::NotProcessed { failure: Some(failure) } = acted.end {
            acted.end = StepEnd::NotMade { failure };
        }
        acted
    })
}

pub(super) fn not_processed(failure: Failure, fault: Fault) -> Box<Acted> {
    Box::new(Acted::failed(StepEnd::NotProcessed { failure: Some(failure) }, fault, None))
}
