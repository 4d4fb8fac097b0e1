//! What is known of one session's room, from the session, the ledger and the provider.

use crate::model::{Remembered, RoomRecord, RoomTimes, SeenRoom, Session, SubjectKey};
use crate::plan::inputs::Inputs;
use crate::plan::link::{Link, LinkKnowledge, classify, leads_to, session_in};
use crate::plan::types::{Operation, RoomRef};

/// All that is known of one session's room.
pub(super) struct Known<'a> {
    pub(super) session: &'a Session,
    pub(super) row: Option<&'a Remembered>,
    pub(super) record: Option<&'a RoomRecord>,
    /// Whether the rooms of its group were read.
    pub(super) read: bool,
    /// The session's room among those that were seen.
    pub(super) found: Option<&'a SeenRoom>,
    /// More rooms with the same id.
    pub(super) doubles: Vec<&'a SeenRoom>,
    pub(super) link: Link,
}

impl<'a> Known<'a> {
    pub(super) fn of(inputs: &Inputs<'a>, session: &'a Session) -> Self {
        let row = inputs.ledger.get(SubjectKey::room(session.id));
        let record = row.and_then(|row| row.room.as_ref());
        // A session may have changed its group since its room was made.
        let group = record.map_or(&session.group, |record| &record.group);
        let seen = inputs.rooms.of(group).unwrap_or_default();
        let know =
            LinkKnowledge { session: session.id, record, seen, prefix: &inputs.policy.rooms.link_prefix };
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
            read: inputs.rooms.of(group).is_some(),
            found: candidates.next(),
            doubles: candidates.collect(),
            link: classify(&session.remote_instructions, know),
        }
    }

    /// The URL of the room as it is known.
    pub(super) fn url(&self) -> Option<&'a str> {
        self.found.map(|room| room.url.as_str()).or(self.record.map(|record| record.url.as_str()))
    }

    /// Whether the session's link leads to the room as it is known.
    pub(super) fn link_leads_there(&self) -> bool {
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

    pub(super) fn is_in_doubt(&self) -> bool {
        self.row.is_some_and(|row| row.doubt_since.is_some())
    }

    /// The record, as far as it is about the room that was found. A session that was edited may have a newer room,
    /// made by the datatracker, of which the record says nothing.
    pub(super) fn own_record(&self) -> Option<&'a RoomRecord> {
        self.record.filter(|record| {
            self.found.is_none_or(|room| room.public_id == record.public_id || room.url == record.url)
        })
    }

    /// What stands at the provider: what was sent, where a record can be trusted, so that a provider which stores
    /// something else than was sent can't draw us into a loop; else what it shows.
    pub(super) fn stands(&self, inputs: Inputs<'_>) -> Option<RoomTimes> {
        let shown = self.found.map(SeenRoom::times);
        let sent = self.own_record().map(|record| record.sent);
        if inputs.ask.resend || self.is_in_doubt() { shown.or(sent) } else { sent.or(shown) }
    }

    /// The times by which the room is in use now: of what was sent and what is shown, for either may be true. In
    /// doubt only what is shown, as in `stands`: adopting the room makes that the record.
    pub(super) fn running(&self, inputs: Inputs<'_>) -> Option<RoomTimes> {
        let now = inputs.now();
        let shown = self.found.map(SeenRoom::times);
        let record = self.own_record().filter(|_| !(self.is_in_doubt() && shown.is_some()));
        let sent = record.map(|record| record.sent);
        [sent, shown].into_iter().flatten().find(|times| times.span().is_live(now))
    }

    pub(super) fn named(&self) -> RoomRef {
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
    pub(super) fn exists(&self) -> bool {
        self.found.is_some() || (self.record.is_some() && !self.read)
    }

    /// Whether a room with this session's id is this session's, and not somebody's by chance.
    pub(super) fn fits(&self, room: &SeenRoom, wanted: RoomTimes, description: &str) -> bool {
        self.own_record().is_some()
            || room.start == wanted.start
            || room.description == description
            || room.description == self.session.meeting.as_str()
    }
}
