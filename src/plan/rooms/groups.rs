//! Whose rooms a plan must read. Reads cost a request each, so groups that have nothing to compare are left out.

use std::collections::BTreeSet;

use super::known::Known;
use crate::desired::{NoRoom, wants_room};
use crate::model::{GroupAcronym, Kind, RoomsSeen, Session, SessionId};
use crate::plan::inputs::Inputs;
use crate::plan::link::Link;

/// The groups whose rooms decide something: of interims that want a room, have one, may have to
/// lose one, or may have got one that nobody asks for any more; and those where a room of ours is on record that is still
/// to come, also one that we deleted, or whose session is gone: what is left over there nobody would ever notice. A group
/// in which we never had a room is not read for that.
///
/// None while the links can't be read: what is seen could be compared with nothing.
pub fn groups_to_read(inputs: Inputs<'_>) -> BTreeSet<GroupAcronym> {
    if inputs.unread(Kind::Room).is_some() {
        return BTreeSet::new();
    }
    let unread = RoomsSeen::default();
    let inputs = Inputs { rooms: &unread, ..inputs };
    let of_sessions = inputs.sessions().filter(|session| session.is_interim()).filter_map(|session| {
        let known = Known::of(&inputs, session);
        needs_reading(&inputs, session, &known).then(|| known.group.clone())
    });
    of_sessions.chain(left_over(&inputs)).collect()
}

/// Of rooms on record whose time is not over, whatever became of their sessions.
fn left_over<'a>(inputs: &'a Inputs<'_>) -> impl Iterator<Item = GroupAcronym> + 'a {
    let is_meant = |id: SessionId, group: &GroupAcronym| {
        let scope = &inputs.ask.scope;
        inputs.snapshot.session(id).map_or_else(
            || {
                let is_named = scope.groups.is_empty() || scope.groups.contains(group);
                is_named && scope.sessions.is_empty() && scope.meetings.is_empty()
            },
            |session| scope.includes(session),
        )
    };
    let rows = inputs.ledger.subjects.iter();
    let on_record = rows.filter_map(|(key, row)| Some((key.session, row.room.as_ref()?)));
    on_record
        .filter(move |(id, room)| !room.sent.span().is_over(inputs.now()) && is_meant(*id, &room.group))
        .map(|(_, room)| room.group.clone())
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
