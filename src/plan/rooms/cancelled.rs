//! The room of a cancelled session: taken away where it is ours, and nobody is in it.

use super::answers::{change_of, in_progress, spec};
use super::known::{Known, fits};
use super::moments::{late_until, settles_at};
use crate::model::{RoomTimes, SeenRoom, Why};
use crate::plan::inputs::{Answer, Inputs};
use crate::plan::link::Link;
use crate::plan::types::Operation;

/// A cancelled session's room, where it is ours, goes away.
pub(super) fn cancelled_room(inputs: Inputs<'_>, known: &Known<'_>) -> Option<Answer> {
    let session = known.session;
    let is_known = known.record.is_some() || known.link == Link::Ours;
    let ours = is_known || may_have_been_made(inputs, known);
    // A deletion that got no answer is asked for again, although nothing is there: its answer ends the doubt.
    let is_gone = known.found.is_none() && (known.read || known.was_deleted);
    if !ours || (is_gone && !known.is_in_doubt()) {
        return None;
    }
    // The worker looks at such rooms before it says anything of them: a link alone may be all that is left.
    if inputs.ask.by_worker && !known.read && known.record.is_none() && !known.is_in_doubt() {
        return None;
    }
    if known.found.is_none() && known.is_in_doubt() {
        if !known.read && !is_known {
            return Some(Answer::Waits(Why::InDoubtConfirming, None));
        }
        // Ended before, a request that comes late would leave a room that nobody knows of.
        if let Some(until) = late_until(inputs, known) {
            return Some(Answer::Waits(Why::InDoubtConfirming, Some(until)));
        }
    }
    let stands = known.stands(inputs).or(session.slot.map(RoomTimes::of))?;
    let now = inputs.now();
    let settles_at = settles_at(inputs, known);
    let running = known.running(inputs).or(session.slot.filter(|slot| slot.is_live(now)).map(RoomTimes::of));
    if let Some(running) = running {
        Some(in_progress(session, running))
    } else if stands.span().is_over(now) {
        None
    } else if now < settles_at {
        Some(Answer::Waits(Why::Settling, Some(settles_at)))
    } else {
        Some(change_of(known, "the session was cancelled", vec![Operation::delete_room(known.named())]))
    }
}

/// Whether a request of ours that got no answer may have made the room that is there, or one that is yet to come.
fn may_have_been_made(inputs: Inputs<'_>, known: &Known<'_>) -> bool {
    let session = known.session;
    let fits_it = |room: &SeenRoom| {
        let wanted = session.slot.map(|slot| spec(inputs, session, RoomTimes::of(slot)));
        wanted.is_some_and(|wanted| fits(room, &wanted, &session.meeting))
    };
    known.is_in_doubt() && known.found.is_none_or(fits_it)
}
