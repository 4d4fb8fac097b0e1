//! Doubt about the room of a session that wants none any more: it is over, unscheduled, moved away, or in another status.
//!
//! A look ends it. A room that is there is put on record, so that it is told, and known should the session want it or be
//! cancelled later; it stays as it is, and so does the link. Where none is there, nothing is on record. While the session
//! wants its room, doubt is never ended here.

use super::answers::{conflict, spec};
use super::known::{Known, fits};
use super::moments::late_until;
use crate::model::{RoomTimes, SeenRoom, Why};
use crate::plan::inputs::{Answer, Inputs};
use crate::plan::types::{Change, Operation};

pub(super) fn forsaken_room(inputs: Inputs<'_>, known: &Known<'_>) -> Option<Answer> {
    if !known.is_in_doubt() {
        return None;
    }
    if !known.read {
        return Some(Answer::Waits(Why::InDoubtConfirming, None));
    }
    let (reason, operation) = match known.found {
        Some(room) if known.own_record().is_some() || is_its_own(inputs, known, room) => (
            "a request without an answer left this room, which nobody asks for any more",
            Operation::adopt_room(known.named(), room.times()),
        ),
        Some(room) => return Some(conflict(known.session, room)),
        None => match late_until(inputs, known) {
            Some(until) => return Some(Answer::Waits(Why::InDoubtConfirming, Some(until))),
            None => {
                ("a request had no answer; no room is there, and none is asked for", Operation::end_doubt())
            }
        },
    };
    // No link is written for a room that nobody asks for; and the slot that it was asked for stays on record, so that the
    // ledger knows when all this is past.
    let slot = known.session.slot.or(known.row.and_then(|row| row.slot));
    Some(Answer::Change(Change { link: None, slot, ..known.change(reason, vec![operation]) }))
}

/// By the slot that the session has, or had when the request was made.
fn is_its_own(inputs: Inputs<'_>, known: &Known<'_>, room: &SeenRoom) -> bool {
    let slots = known.session.slot.into_iter().chain(known.row.and_then(|row| row.slot));
    let mut wanted = slots.map(|slot| spec(inputs, known.session, RoomTimes::of(slot)));
    wanted.any(|wanted| fits(room, &wanted, &known.session.meeting))
}
