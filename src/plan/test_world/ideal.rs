//! A provider that never fails, and does what a plan says.

use super::{PREFIX, World, now, recorded};
use crate::model::*;
use crate::plan::types::{Change, Operation, Plan};

impl World {
    /// Does what the plan says, at a provider that never fails, and remembers it.
    pub(crate) fn apply(&mut self, plan: &Plan) {
        for change in &plan.changes {
            match change.subject.kind {
                Kind::Room => self.apply_room(change),
                Kind::Decks => self.apply_decks(change),
            }
        }
    }

    fn apply_decks(&mut self, change: &Change) {
        let mut epoch = change.epoch.clone().expect("a deck change has its epoch");
        let record = self.ledger.get(SubjectKey::room(change.session)).and_then(|row| row.room.as_ref());
        epoch.room = epoch.room.or_else(|| record.map(|record| record.public_id.clone()));
        let decks = change.wanted.clone().expect("a deck change has its list");
        *self.row(change.subject) = Remembered {
            may_be_there: decks.iter().map(|deck| deck.id).collect(),
            accepted: Some(Accepted { decks, at: now(), epoch: epoch.to_string() }),
            slot: change.slot,
            ..Remembered::default()
        };
    }

    fn apply_room(&mut self, change: &Change) {
        let group = change.group.clone();
        for operation in &change.operations {
            match operation {
                Operation::CreateRoom { room, .. } => self.make_room(&group, room),
                Operation::RecreateRoom { room, old, .. } => {
                    self.take_room(&group, old.public_id.as_deref());
                    self.make_room(&group, room);
                }
                Operation::AdoptRoom { room, .. } => {
                    let shown = self.rooms.by_group[&group]
                        .iter()
                        .find(|seen| Some(&seen.public_id) == room.public_id.as_ref())
                        .expect("only what was seen is adopted")
                        .clone();
                    let record = RoomRecord { adopted: true, ..recorded(&shown, group.as_str()) };
                    self.row(change.subject).room = Some(record);
                }
                Operation::EndDoubt { .. } => {
                    let shown = &self.rooms.by_group[&group];
                    assert!(shown.iter().all(|seen| seen.room_id != change.session.0), "{shown:?}");
                }
                Operation::DeleteRoom { room, .. } => {
                    self.take_room(&group, room.public_id.as_deref());
                    self.row(change.subject).room = None;
                }
                Operation::WriteRoomUrl { to, .. } => {
                    let record = self.row(change.subject).room.clone().expect("a room before its link");
                    self.session(change.session.0).remote_instructions = to.clone().unwrap_or(record.url);
                }
                other => panic!("a deck operation in a room change: {other:?}"),
            }
        }
        self.row(change.subject).doubt_since = None;
    }

    fn make_room(&mut self, group: &GroupAcronym, spec: &RoomSpec) {
        self.made += 1;
        let public_id = format!("made-{}", self.made);
        let room = SeenRoom {
            room_id: spec.room_id.0,
            url: format!("{PREFIX}?short={public_id}"),
            public_id,
            description: spec.description.clone(),
            start: spec.start,
            duration_min: spec.duration_min,
        };
        self.row(SubjectKey::room(spec.room_id)).room = Some(recorded(&room, group.as_str()));
        self.rooms.by_group.entry(group.clone()).or_default().push(room);
    }

    fn take_room(&mut self, group: &GroupAcronym, public_id: Option<&str>) {
        let rooms = self.rooms.by_group.entry(group.clone()).or_default();
        rooms.retain(|room| Some(room.public_id.as_str()) != public_id);
    }
}
