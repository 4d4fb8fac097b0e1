//! Rooms by hand: one create, delete or relink that a person asked for, as a plan of one change.
//!
//! The plan then goes the way of every other: lease, doubt mark, provider, ledger. A running room stays, a person's
//! own words stay, and the guards count it.

use crate::desired::wants_room;
use crate::model::{RoomPowers, SessionId, Why};
use crate::plan::{Change, Known, Link, Operation, Plan, RoomRef, is_in_scope, takes_a_room_away};

use super::world::World;

/// Why a thing that was asked for by hand is not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {words}")]
pub struct NotByHand {
    pub rule: Why,
    pub words: String,
}

fn no(rule: Why, words: impl Into<String>) -> NotByHand {
    NotByHand { rule, words: words.into() }
}

/// What is known of a session's room, where a person may have a hand in it.
fn room(world: &World, id: SessionId) -> Result<Known<'_>, NotByHand> {
    let session = world
        .snapshot
        .session(id)
        .ok_or_else(|| no(Why::NotOurs, format!("the datatracker has no session {id}")))?;
    if !is_in_scope(session, &world.policy) {
        let words = format!(
            "{} of meeting {} is outside of [scope]; add it to scope.groups (and scope.meetings) in the settings",
            session.group, session.meeting
        );
        return Err(no(Why::OutOfScope, words));
    }
    if world.policy.rooms.powers == RoomPowers::Observe {
        return Err(no(Why::ObserveOnly, "rooms.policy = \"observe\": rooms are only looked at"));
    }
    Ok(Known::of(&world.inputs(), session))
}

/// What a resync of this one room would do, as long as that takes no room away.
pub fn create(world: &World, id: SessionId) -> Result<Plan, NotByHand> {
    let room = room(world, id)?;
    if let Err(reason) = wants_room(room.session, &world.policy.rooms, world.snapshot.as_of) {
        return Err(no(Why::Unsupported, format!("session {id} gets no room: {reason}")));
    }
    let plan = world.plan();
    if plan.changes.iter().any(takes_a_room_away) {
        let words = format!(
            "its room is there, at another time, and would have to be deleted first: meetsync resync --session {id}"
        );
        return Err(no(Why::NoDelete, words));
    }
    Ok(plan)
}

/// The deletion of a session's room, or of the one with this URL. `as_given`: the command that asks for it.
pub fn delete(world: &World, id: SessionId, url: Option<&str>, as_given: &str) -> Result<Change, NotByHand> {
    let room = room(world, id)?;
    let found = match url {
        Some(url) => room.found.iter().chain(&room.doubles).find(|seen| seen.url == url).copied(),
        None => room.found,
    };
    let recorded = room.record.filter(|record| url.is_none_or(|url| record.url == url));
    let (url, public_id, times) = match (found, recorded) {
        (Some(seen), _) => (seen.url.clone(), seen.public_id.clone(), seen.times()),
        (None, Some(record)) => (record.url.clone(), record.public_id.clone(), record.sent),
        (None, None) => return Err(no(Why::NothingChanged, format!("no room of session {id} is there"))),
    };
    if times.span().is_live(world.snapshot.as_of) {
        let words = format!("the room is in use until {} UTC", times.span().end.format("%H:%M"));
        return Err(no(Why::GuardRoomInProgress, words));
    }
    let guard = &world.policy.guard;
    let before = world.ledger.recent.rooms_deleted;
    if before + 1 > guard.max_deletes {
        let words = format!(
            "{before} rooms were deleted within guard.per already, and guard.max_deletes = {}; \
             to go on: MEETSYNC__GUARD__MAX_DELETES={} {as_given}",
            guard.max_deletes,
            before + 1
        );
        return Err(no(Why::GuardTooManyDeletes, words));
    }
    let named = RoomRef { room_id: id, url: Some(url), public_id: Some(public_id) };
    Ok(room.change("deleted by hand", vec![Operation::delete_room(named)]))
}

/// The URL of a session's room, into the session. None where it is there already, and on record.
pub fn relink(world: &World, id: SessionId) -> Result<Option<Change>, NotByHand> {
    let room = room(world, id)?;
    if room.link == Link::Foreign {
        return Err(no(Why::NotOurs, "the link is a person's own words, and those are never touched"));
    }
    if !world.policy.rooms.write_back {
        return Err(no(Why::WriteBackOff, "datatracker.write_back = false: links are never written"));
    }
    let Some(url) = room.url() else {
        return Err(no(Why::NothingChanged, format!("no room of session {id} is there")));
    };
    let mut operations = Vec::new();
    if let (Some(seen), None) = (room.found, room.own_record()) {
        operations.push(Operation::adopt_room(room.named(), seen.times()));
    }
    let from = room.session.remote_instructions.clone();
    if url != from {
        operations.push(Operation::write_room_url(from, Some(url.to_owned())));
    }
    Ok((!operations.is_empty()).then(|| room.change("relinked by hand", operations)))
}
