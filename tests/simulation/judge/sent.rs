//! What a worker may send, by what the datatracker had when it last looked.

use chrono::{DateTime, TimeDelta, Utc};
use meetsync::model::{DeckId, Materials, RoomPowers, RoomTimes, Session, SessionId, SubjectKey};

use crate::far_side::Room;
use crate::in_step::{may_have_slides, wanted};
use crate::requests::{Asked, Body};
use crate::source::OWN_LINK;
use crate::world::World;

/// No step acts on a reading that is older than this, unless its worker is stalled.
const OLDEST_READING_MS: u64 = 45_000;

impl World {
    /// A request that changes something leaves a worker.
    pub(crate) fn was_sent(&mut self, worker: usize, asked: &Asked, session: SessionId, in_flight: usize) {
        if self.settings.only_observes {
            self.violation("a worker that only observes sent a request");
        }
        if self.judge.stalls {
            return;
        }
        if in_flight > 1 {
            self.violation(format!("{in_flight} requests at once for session {session}"));
        }
        let now = self.now_ms();
        let since = now.saturating_sub(OLDEST_READING_MS);
        let by_hand = self.is_person(worker);
        let (from, to) = self.by_source(since, now);
        if !by_hand && now > OLDEST_READING_MS && self.judge.is_held(session, from, to) {
            self.violation(format!("sent for session {session}, which is held"));
        }
        match &asked.body {
            Body::Add { .. } | Body::Delete { .. } | Body::Set { .. } => {
                self.materials_were_sent(asked, session, since, by_hand);
            }
            Body::Room { .. } => self.creation_was_sent(session, since),
            Body::Deletion { .. } => self.deletion_was_sent(session, since),
            Body::Tokens(_) | Body::None => {}
        }
        if let Some(storm) = self.judge.storm.as_mut().filter(|storm| storm.session == session) {
            storm.waits_since_ms = now;
        }
    }

    fn versions(&self, session: SessionId, since: u64) -> Vec<Session> {
        self.source
            .since(since)
            .filter_map(|version| version.iter().find(|found| found.id == session).cloned())
            .collect()
    }

    fn materials_were_sent(&mut self, asked: &Asked, session: SessionId, since: u64, by_hand: bool) {
        let versions = self.versions(session, since);
        let (from, to) = self.by_source(since, self.now_ms());
        // By hand they go whatever the window says.
        let may_go = |version: &Session| {
            may_have_slides(version)
                && (by_hand || version.slot.is_some_and(|slot| self.was_open(slot, from, to)))
        };
        // And so does the one that confirms a list which had gone before.
        let is_owed = !by_hand && versions.iter().any(may_have_slides) && self.owes_confirming(session, to);
        if !versions.iter().any(may_go) && !is_owed {
            self.violation(format!("sent slides of session {session} outside of its window"));
        }
        if self.settings.materials != Materials::Put {
            return;
        }
        let wanted_all_along =
            |id: DeckId| versions.iter().all(|version| wanted(version).any(|deck| deck.id == id));
        let loses: Vec<DeckId> = match &asked.body {
            Body::Delete { deck, .. } => vec![*deck],
            Body::Set { decks, .. } => {
                let shown = self.far.shown(session);
                shown
                    .iter()
                    .map(|deck| deck.id)
                    .filter(|id| decks.iter().all(|deck| deck.id != *id))
                    .collect()
            }
            _ => Vec::new(),
        };
        for id in loses {
            let is_shown = self.far.shown(session).iter().any(|deck| deck.id == id);
            if is_shown && wanted_all_along(id) {
                self.violation(format!(
                    "takes away deck {id} of session {session}, which is shown and wanted"
                ));
            }
        }
    }

    /// A confirming send of the session's slides is on record, and due by the datatracker's clock, which may have been
    /// set back since the step began.
    fn owes_confirming(&self, session: SessionId, latest: DateTime<Utc>) -> bool {
        let key = SubjectKey::decks(session);
        let view = self.ledger.view_of(&[session].into(), TimeDelta::zero(), latest);
        let owed = view.ok().and_then(|view| view.get(key)?.confirming);
        owed.is_some_and(|owed| owed.at <= latest)
    }

    fn creation_was_sent(&mut self, session: SessionId, since: u64) {
        let (since_then, _) = self.by_source(since, since);
        let wants_room = |version: &Session| {
            version.is_interim()
                && !version.status.is_cancelled()
                && version.remote_instructions != OWN_LINK
                && version.slot.is_some_and(|slot| slot.end > since_then)
        };
        if self.settings.powers == RoomPowers::Observe {
            self.violation("made a room, and may only look");
        }
        if !self.versions(session, since).iter().any(wants_room) {
            self.violation(format!("made a room for session {session}, which wants none"));
        }
    }

    fn deletion_was_sent(&mut self, session: SessionId, since: u64) {
        if self.settings.powers != RoomPowers::Full {
            self.violation("deletes a room, and may not");
        }
        let rooms: Vec<Room> =
            self.far.rooms.iter().filter(|room| room.room_id == session.0).cloned().collect();
        for room in rooms {
            if room.foreign {
                self.violation(format!("deletes room {} of strangers", room.public_id));
            }
            let times = RoomTimes { start: room.start, duration_min: room.minutes };
            let may_go = |version: &Session| {
                version.status.is_cancelled() || version.slot.map(RoomTimes::of) != Some(times)
            };
            if !self.versions(session, since).iter().any(may_go) {
                self.violation(format!(
                    "deletes room {} of session {session}, which wants it",
                    room.public_id
                ));
            }
            let span = room.span();
            let (from, to) = self.by_source(since, self.now_ms());
            if span.start < from && to < span.end {
                self.violation(format!("deletes room {}, which is in use", room.public_id));
            }
        }
    }
}
