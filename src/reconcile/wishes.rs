//! What a plan wishes for each subject, as the ledger keeps it: beside the wish itself the slot, by which a later
//! pass knows which sessions should still be there.

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::ledger::Wish;
use crate::model::digest_of;
use crate::plan::{Change, Operation, Plan};

pub(super) fn of_plan(plan: &Plan, at: DateTime<Utc>) -> Vec<Wish> {
    plan.changes.iter().map(|change| wish(change, at)).collect()
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
