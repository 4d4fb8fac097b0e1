//! Tells a rehearsal which rooms are there. It asks the real Meetecho nothing, so the rooms that a plan names stand in:
//! only then is the request shown that would take one away.

use super::edges::Conference;
use crate::model::{RoomTimes, SeenRoom};
use crate::plan::{Change, Operation, Plan, RoomRef};

pub(super) fn tell_of_rooms(meetecho: &impl Conference, plan: &Plan) {
    for change in &plan.changes {
        for operation in &change.operations {
            let (room, times) = match operation {
                Operation::RecreateRoom { old, was, .. } => (old, Some(*was)),
                Operation::AdoptRoom { room, shown, .. } => (room, Some(*shown)),
                Operation::DeleteRoom { room, .. } => (room, change.slot.map(RoomTimes::of)),
                _ => continue,
            };
            meetecho.rehearse_with(&change.group, &as_seen(change, room, times));
        }
    }
}

/// What is not known does not matter to a deletion.
fn as_seen(change: &Change, room: &RoomRef, times: Option<RoomTimes>) -> SeenRoom {
    let id = change.session;
    let named = |known: &Option<String>, instead: String| {
        known.clone().filter(|text| !text.is_empty()).unwrap_or(instead)
    };
    SeenRoom {
        room_id: room.room_id.0,
        public_id: named(&room.public_id, format!("unknown-{id}")),
        url: named(&room.url, format!("unknown:{id}")),
        description: String::new(),
        start: times.map(|times| times.start).unwrap_or_default(),
        duration_min: times.map(|times| times.duration_min).unwrap_or_default(),
    }
}
