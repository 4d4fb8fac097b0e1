//! What is known of one session's room, from the session, the ledger and the provider.

use chrono::{DateTime, Utc};

use crate::model::{
    GroupAcronym, MeetingNumber, Remembered, RoomRecord, RoomSpec, RoomTimes, SeenRoom, Session, SubjectKey,
};
use crate::plan::inputs::Inputs;
use crate::plan::link::{Link, LinkKnowledge, classify, leads_to, session_in};
use crate::plan::types::{Change, Operation, RoomRef};

/// Whether a room with a session's id is this session's, and not somebody's by chance: its start or its description
/// fits, or it is described as the datatracker does, by the meeting's number. Which day and which session of the day it
/// was described as says nothing: that changes when another session is moved.
pub fn fits(room: &SeenRoom, wanted: &RoomSpec, meeting: &MeetingNumber) -> bool {
    room.start == wanted.start
        || without_day(&room.description) == without_day(&wanted.description)
        || room.description == meeting.as_str()
}

fn without_day(description: &str) -> &str {
    description.split_once(", day ").map_or(description, |(text, _)| text)
}

/// All that is known of one session's room.
#[derive(Debug)]
pub struct Known<'a> {
    pub session: &'a Session,
    pub row: Option<&'a Remembered>,
    pub record: Option<&'a RoomRecord>,
    /// The room on record was deleted by us: only its address still says something, of the link.
    pub was_deleted: bool,
    /// The group whose token is used. A session may have changed its own since its room was made.
    pub group: &'a GroupAcronym,
    /// Whether the rooms of its group were read.
    pub read: bool,
    /// The session's room among those that were seen.
    pub found: Option<&'a SeenRoom>,
    /// More rooms with the same id.
    pub doubles: Vec<&'a SeenRoom>,
    pub link: Link,
}

impl<'a> Known<'a> {
    pub fn of(inputs: &Inputs<'a>, session: &'a Session) -> Self {
        let row = inputs.ledger.get(SubjectKey::room(session.id));
        let on_record = row.and_then(|row| row.room.as_ref());
        let record = on_record.filter(|record| !record.gone);
        let group = record.map_or(&session.group, |record| &record.group);
        let seen = inputs.rooms.of(group).unwrap_or_default();
        let prefix = &inputs.policy.rooms.link_prefix;
        let know = LinkKnowledge { session: session.id, record: on_record, seen, prefix };
        let mut candidates: Vec<&SeenRoom> =
            seen.iter().filter(|room| room.room_id == session.id.0).collect();
        let link_text = session.remote_instructions.trim();
        candidates.sort_by_key(|room| {
            let in_link = leads_to(link_text, &room.url, &room.public_id);
            let recorded = record.is_some_and(|record| record.public_id == room.public_id);
            (!in_link, !recorded, room.public_id.clone())
        });
        let mut candidates = candidates.into_iter();
        Self {
            session,
            row,
            record,
            was_deleted: on_record.is_some() && record.is_none(),
            group,
            read: inputs.rooms.of(group).is_some(),
            found: candidates.next(),
            doubles: candidates.collect(),
            link: classify(&session.remote_instructions, know),
        }
    }

    /// A link of ours is all that is known of its room (the datatracker made it): only a look tells whether it is there.
    pub fn asks_for_a_look(&self, now: DateTime<Utc>) -> bool {
        let over = self.session.slot.is_none_or(|slot| slot.is_over(now));
        self.session.is_interim()
            && !over
            && self.record.is_none()
            && matches!(self.link, Link::Ours | Link::Unmatched)
    }

    /// The URL of the room as it is known.
    pub fn url(&self) -> Option<&'a str> {
        self.found.map(|room| room.url.as_str()).or(self.record.map(|record| record.url.as_str()))
    }

    /// Whether the session's link leads to the room as it is known.
    pub fn link_leads_there(&self) -> bool {
        let link = self.session.remote_instructions.trim();
        self.found.map_or_else(
            || self.record.is_some_and(|record| leads_to(link, &record.url, &record.public_id)),
            |room| leads_to(link, &room.url, &room.public_id),
        )
    }

    /// The link of a room that is yet to be made: only the provider can say its address. Where addresses are made
    /// of the session's id, the link that stands will do.
    pub(super) fn new_link(&self, inputs: Inputs<'_>) -> Option<Operation> {
        let link = &self.session.remote_instructions;
        let stays = self.url() == Some(link.trim()) && session_in(link) == Some(self.session.id);
        (inputs.policy.rooms.write_back && !stays).then(|| Operation::write_room_url(link.clone(), None))
    }

    pub fn is_in_doubt(&self) -> bool {
        self.row.is_some_and(|row| row.doubt_since.is_some())
    }

    /// The record, as far as it is about the room that was found. A session that was edited may have a newer room,
    /// made by the datatracker, of which the record says nothing.
    pub fn own_record(&self) -> Option<&'a RoomRecord> {
        self.record.filter(|record| {
            self.found.is_none_or(|room| room.public_id == record.public_id || room.url == record.url)
        })
    }

    /// What stands at the provider: what was sent, where a record can be trusted, so that a provider which stores
    /// something else than was sent can't draw us into a loop; else what it shows.
    pub(in crate::plan) fn stands(&self, inputs: Inputs<'_>) -> Option<RoomTimes> {
        let shown = self.found.map(SeenRoom::times);
        let sent = self.own_record().map(|record| record.sent);
        if inputs.ask.resend || self.is_in_doubt() { shown.or(sent) } else { sent.or(shown) }
    }

    /// The times by which the room is in use now: of what was sent and what is shown, for either may be true. In
    /// doubt only what is shown, as in `stands`: adopting the room makes that the record.
    pub fn running(&self, inputs: Inputs<'_>) -> Option<RoomTimes> {
        let now = inputs.now();
        let shown = self.found.map(SeenRoom::times);
        let record = self.own_record().filter(|_| !(self.is_in_doubt() && shown.is_some()));
        let sent = record.map(|record| record.sent);
        [sent, shown].into_iter().flatten().find(|times| times.span().is_live(now))
    }

    pub fn named(&self) -> RoomRef {
        RoomRef {
            room_id: self.session.id,
            url: self.url().map(str::to_owned),
            public_id: self
                .found
                .map(|room| &room.public_id)
                .or(self.record.map(|record| &record.public_id))
                .cloned(),
        }
    }

    /// A room of this session that is there, as far as anybody knows.
    pub fn exists(&self) -> bool {
        self.found.is_some() || (self.record.is_some() && !self.read)
    }

    /// A change of this session's room.
    pub fn change(&self, reason: &str, operations: Vec<Operation>) -> Change {
        Change {
            subject: SubjectKey::room(self.session.id),
            session: self.session.id,
            group: self.group.clone(),
            reason: reason.to_owned(),
            operations,
            believed: None,
            wanted: None,
            epoch: None,
            link: Some(self.session.remote_instructions.clone()),
            slot: self.session.slot,
        }
    }
}
