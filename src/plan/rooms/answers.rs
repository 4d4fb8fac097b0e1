//! The words of the answers about a session's room.

use std::collections::BTreeSet;

use super::known::Known;
use crate::desired::room_spec;
use crate::model::{RoomSpec, RoomTimes, SeenRoom, Session, SubjectKey, Why};
use crate::plan::inputs::{Answer, Inputs};
use crate::plan::types::{Operation, Refusal};

pub(super) fn in_progress(session: &Session, times: RoomTimes) -> Answer {
    let way_on = "after the session, if it is still needed: meetsync resync";
    refuse(session, Why::GuardRoomInProgress, times.words_in_use(), way_on.into())
}

pub(super) fn spec(inputs: Inputs<'_>, session: &Session, wanted: RoomTimes) -> RoomSpec {
    room_spec(session, wanted, &inputs.snapshot.siblings, &inputs.policy.rooms.description)
}

pub(super) fn change_of(known: &Known<'_>, reason: &str, operations: Vec<Operation>) -> Answer {
    Answer::Change(known.change(reason, operations))
}

/// A room has the session's id, and is not the session's.
pub(super) fn conflict(session: &Session, room: &SeenRoom) -> Answer {
    let detail = format!(
        "a room with this session's id is there, and neither its start ({} UTC) nor its description ({:?}) fits",
        room.start.format("%Y-%m-%d %H:%M:%S"),
        room.description
    );
    let way_on = format!("look at {}; if it is not in use: meetsync rooms delete {}", room.url, room.url);
    refuse(session, Why::RoomConflict, detail, way_on)
}

pub(super) fn refuse(session: &Session, rule: Why, detail: String, way_on: String) -> Answer {
    Answer::Refused(Refusal {
        subject: Some(SubjectKey::room(session.id)),
        session: Some(session.id),
        groups: BTreeSet::new(),
        rule,
        detail,
        way_on,
        operations: Vec::new(),
    })
}
