//! Rooms by hand: one create, delete or relink that a person asked for, as a plan of one change.
//!
//! The plan then goes the way of every other: lease, doubt mark, provider, ledger. A running room stays, a person's
//! own words stay, and the guards count it.

use crate::desired::wants_room;
use crate::model::{Kind, RoomPowers, SeenRoom, Session, SessionId, SubjectKey, Why};
use crate::plan::{Change, Link, LinkKnowledge, Operation, RoomRef, classify};

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

/// What is known of one session's room.
struct Room<'a> {
    session: &'a Session,
    seen: Vec<&'a SeenRoom>,
    record: Option<&'a crate::model::RoomRecord>,
    link: Link,
}

impl<'a> Room<'a> {
    fn of(world: &'a World, id: SessionId) -> Result<Self, NotByHand> {
        let session = world
            .snapshot
            .session(id)
            .ok_or_else(|| no(Why::NotOurs, format!("the datatracker has no session {id}")))?;
        let row = world.ledger.get(SubjectKey::room(id));
        let record = row.and_then(|row| row.room.as_ref());
        let group = record.map_or(&session.group, |record| &record.group);
        let rooms = world.rooms.of(group).unwrap_or_default();
        let know =
            LinkKnowledge { session: id, record, seen: rooms, prefix: &world.policy.rooms.link_prefix };
        Ok(Self {
            session,
            seen: rooms.iter().filter(|room| room.room_id == id.0).collect(),
            record,
            link: classify(&session.remote_instructions, know),
        })
    }

    fn change(&self, reason: &str, operations: Vec<Operation>) -> Change {
        Change {
            subject: SubjectKey { kind: Kind::Room, ..SubjectKey::room(self.session.id) },
            session: self.session.id,
            group: self.record.map_or(&self.session.group, |record| &record.group).clone(),
            reason: reason.to_owned(),
            operations,
            wanted: None,
            believed: None,
            epoch: None,
            link: Some(self.session.remote_instructions.clone()),
            slot: self.session.slot,
        }
    }
}

/// Why no change was planned for a session that somebody asked a room for: Ok = its room is there, and as it should
/// be; else what keeps it from having one.
pub fn room_stands(world: &World, id: SessionId) -> Result<(), String> {
    let room = Room::of(world, id).map_err(|error| error.to_string())?;
    wants_room(room.session, &world.policy.rooms, world.snapshot.as_of)
        .map(|_| ())
        .map_err(|reason| format!("session {id} gets no room: {reason}"))
}

/// The deletion of a session's room, or of the one with this URL.
pub fn delete(world: &World, id: SessionId, url: Option<&str>) -> Result<Change, NotByHand> {
    let room = Room::of(world, id)?;
    if world.policy.rooms.powers == RoomPowers::Observe {
        return Err(no(Why::ObserveOnly, "rooms.policy = \"observe\": rooms are only looked at"));
    }
    let found = match url {
        Some(url) => room.seen.iter().find(|seen| seen.url == url).copied(),
        None => room.seen.first().copied(),
    };
    let recorded = room.record.filter(|record| url.is_none_or(|url| record.url == url));
    let (url, public_id, times) = match (found, recorded) {
        (Some(seen), _) => (seen.url.clone(), seen.public_id.clone(), seen.times()),
        (None, Some(record)) => (record.url.clone(), record.public_id.clone(), record.sent),
        (None, None) => return Err(no(Why::NotOurs, format!("no room of session {id} is there"))),
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
             to go on: MEETSYNC__GUARD__MAX_DELETES={} meetsync rooms delete {id}",
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
    let room = Room::of(world, id)?;
    if room.link == Link::Foreign {
        return Err(no(Why::NotOurs, "the link is a person's own words, and those are never touched"));
    }
    let seen = room.seen.first().copied();
    let url = seen.map(|seen| seen.url.clone()).or(room.record.map(|record| record.url.clone()));
    let Some(url) = url else { return Err(no(Why::NotOurs, format!("no room of session {id} is there"))) };
    if !world.policy.rooms.write_back {
        return Err(no(Why::WriteBackOff, "datatracker.write_back = false: links are never written"));
    }
    let mut operations = Vec::new();
    if let (Some(seen), None) = (seen, room.record) {
        let named =
            RoomRef { room_id: id, url: Some(seen.url.clone()), public_id: Some(seen.public_id.clone()) };
        operations.push(Operation::adopt_room(named, seen.times()));
    }
    if url != room.session.remote_instructions {
        operations.push(Operation::write_room_url(room.session.remote_instructions.clone(), Some(url)));
    }
    Ok((!operations.is_empty()).then(|| room.change("relinked by hand", operations)))
}
