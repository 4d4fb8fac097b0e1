//! Whose rooms a plan must read. Reads cost a request each, so groups that have nothing to compare are left out.

use std::collections::BTreeSet;

use super::known::Known;
use crate::desired::{NoRoom, wants_room};
use crate::model::{GroupAcronym, Kind, RoomsSeen, Session};
use crate::plan::inputs::Inputs;
use crate::plan::link::Link;

/// The groups whose rooms decide something: of interims that want a room, have one, may have to
/// lose one, or may have got one that nobody asks for any more.
///
/// None while the links can't be read: what is seen could be compared with nothing.
pub fn groups_to_read(inputs: Inputs<'_>) -> BTreeSet<GroupAcronym> {
    if inputs.unread(Kind::Room).is_some() {
        return BTreeSet::new();
    }
    let unread = RoomsSeen::default();
    let inputs = Inputs { rooms: &unread, ..inputs };
    inputs
        .sessions()
        .filter(|session| session.is_interim())
        .filter_map(|session| {
            let known = Known::of(&inputs, session);
            needs_reading(&inputs, session, &known).then(|| known.group.clone())
        })
        .collect()
}

fn needs_reading(inputs: &Inputs<'_>, session: &Session, known: &Known<'_>) -> bool {
    let over = session.slot.is_none_or(|slot| slot.is_over(inputs.now()));
    match wants_room(session, &inputs.policy.rooms, inputs.now()) {
        // A look may end it; a room that is wanted later has its look then.
        Err(why) if known.is_in_doubt() && !matches!(why, NoRoom::BeyondHorizon(_)) => true,
        Ok(_) => known.link != Link::Foreign || known.record.is_some(),
        Err(NoRoom::Cancelled | NoRoom::OtherStatus) => {
            !over && (known.record.is_some() || matches!(known.link, Link::Ours | Link::Unmatched))
        }
        Err(_) => known.record.is_some() && !over,
    }
}
