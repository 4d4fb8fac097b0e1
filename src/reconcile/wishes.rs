//! What a plan wishes for each subject, as the ledger keeps it: beside the wish itself the slot, by which a later
//! pass knows which sessions should still be there.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::world::World;
use crate::desired::wanted_decks;
use crate::ledger::Wish;
use crate::model::{Why, digest_of};
use crate::plan::{Change, Operation, Plan, left_to_settle};

pub(super) fn of_plan(plan: &Plan, at: DateTime<Utc>) -> Vec<Wish> {
    plan.changes.iter().map(|change| wish(change, at)).collect()
}

/// What a pass of the worker wishes: also the rooms that are still left to the datatracker's own call, so that it is
/// known since when; and what a window closed on of which nothing is on record yet, so that it is told from the edits
/// that come after the close.
pub(super) fn of_pass(plan: &Plan, world: &World, at: DateTime<Utc>) -> Vec<Wish> {
    let settling = plan.waits.iter().filter(|wait| wait.reason == Why::Settling).map(|wait| {
        let slot = world.snapshot.session(wait.session).and_then(|session| session.slot);
        let desired = left_to_settle(slot);
        let digest = digest_of(&desired);
        Wish { key: wait.subject, desired, digest, epoch: None, slot, at }
    });
    let unsent = plan.waits.iter().filter(|wait| wait.reason == Why::WindowClosedUnsent).filter_map(|wait| {
        let row = world.ledger.get(wait.subject);
        let is_on_record = row.is_some_and(|row| row.doubt_since.is_some() || row.timing.burst.is_some());
        let session = world.snapshot.session(wait.session).filter(|_| !is_on_record)?;
        let desired = json!(wanted_decks(session, &world.policy.slides));
        let digest = digest_of(&desired);
        Some(Wish { key: wait.subject, desired, digest, epoch: None, slot: session.slot, at })
    });
    of_plan(plan, at).into_iter().chain(settling).chain(unsent).collect()
}

fn wish(change: &Change, at: DateTime<Utc>) -> Wish {
    let desired = match &change.wanted {
        Some(decks) => json!(decks),
        None => change
            .operations
            .iter()
            .find_map(|operation| match operation {
                Operation::CreateRoom { room, .. } | Operation::RecreateRoom { room, .. } => {
                    Some(json!(room))
                }
                Operation::AdoptRoom { shown, .. } => Some(json!(shown)),
                Operation::DeleteRoom { .. } => Some(json!(null)),
                _ => None,
            })
            .unwrap_or_else(|| json!({ "slot": change.slot })),
    };
    let digest = digest_of(&desired);
    let epoch = change.epoch.as_ref().map(ToString::to_string);
    Wish { key: change.subject, desired, digest, epoch, slot: change.slot, at }
}
