//! The rooms as a report: wanted, present, adopted, drifted, unwanted, not ours.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::known::Known;
use crate::desired::{NoRoom, wants_room};
use crate::model::{GroupAcronym, Kind, RoomTimes, SeenRoom, SessionId};
use crate::plan::inputs::Inputs;
use crate::plan::link::Link;

/// How a room stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomState {
    /// Should be there, and isn't (or is not known to be).
    Wanted,
    /// There, and made by us.
    Present,
    /// There, made by somebody else for this session, and looked after by us.
    Adopted,
    /// There, but not as it was asked for.
    Drifted,
    /// There, and nobody asks for it; only a cancelled session's room is taken away.
    Unwanted,
    /// No session of ours.
    NotOurs,
}

/// When a room was seen to open, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundRoom {
    #[serde(flatten)]
    pub times: RoomTimes,
    pub url: String,
}

/// One line of `meetsync rooms`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomReport {
    pub session: Option<SessionId>,
    pub room_id: i64,
    pub group: GroupAcronym,
    pub state: RoomState,
    pub wanted: Option<RoomTimes>,
    pub found: Option<FoundRoom>,
    pub reason: Option<String>,
}

/// A room that is wanted, and of which nothing is on record.
const NOT_READ: &str = "not read";

impl RoomReport {
    /// Its state is by the ledger's record: Meetecho was not asked, or did not say.
    pub fn is_by_record(&self) -> bool {
        match self.state {
            RoomState::Present | RoomState::Adopted | RoomState::Unwanted => self.found.is_none(),
            RoomState::Wanted => self.reason.as_deref() == Some(NOT_READ),
            RoomState::Drifted | RoomState::NotOurs => false,
        }
    }
}

/// The rooms that sessions ask for, whatever is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomsAsked {
    pub sessions: BTreeSet<SessionId>,
    /// Of these, the ones whose room was not sent with the times that the session has now.
    pub moved: BTreeSet<SessionId>,
}

/// As the datatracker is now; None where the links could not be read.
pub fn rooms_asked(inputs: Inputs<'_>) -> Option<RoomsAsked> {
    if inputs.unread(Kind::Room).is_some() {
        return None;
    }
    let mut asked = RoomsAsked::default();
    for session in inputs.sessions().filter(|session| session.is_interim()) {
        let known = Known::of(&inputs, session);
        if let Some(wanted) = wanted(&known, wants_room(session, &inputs.policy.rooms, inputs.now())) {
            asked.sessions.insert(session.id);
            if is_moved(&known, wanted) {
                asked.moved.insert(session.id);
            }
        }
    }
    Some(asked)
}

fn wanted(known: &Known<'_>, asked_for: Result<RoomTimes, NoRoom>) -> Option<RoomTimes> {
    asked_for.ok().filter(|_| matches!(known.link, Link::Blank | Link::Ours))
}

/// Whether the session has other times than its room was sent with.
fn is_moved(known: &Known<'_>, wanted: RoomTimes) -> bool {
    known.own_record().is_none_or(|record| record.sent != wanted)
}

/// Of a room that has other times than the session.
pub(crate) const MOVED: &str = "the session moved";

/// Every room that is wanted or was seen, ordered by (session, room); rooms of no session of ours last.
pub fn report(inputs: Inputs<'_>) -> Vec<RoomReport> {
    let mut lines = Vec::new();
    let mut told: BTreeSet<(&GroupAcronym, &str)> = BTreeSet::new();
    for session in inputs.sessions().filter(|session| session.is_interim()) {
        let known = Known::of(&inputs, session);
        let asked_for = wants_room(session, &inputs.policy.rooms, inputs.now());
        let wanted = wanted(&known, asked_for);
        let group = known.group;
        for room in known.found.iter().chain(&known.doubles) {
            told.insert((group, &room.public_id));
        }
        if let Some((state, reason)) = state_of(&known, wanted, asked_for.err()) {
            lines.push(RoomReport {
                session: Some(session.id),
                room_id: session.id.0,
                group: group.clone(),
                state,
                wanted,
                found: known.found.map(found),
                reason,
            });
        }
        lines.extend(known.doubles.iter().map(|double| RoomReport {
            session: Some(session.id),
            room_id: session.id.0,
            group: group.clone(),
            state: RoomState::Unwanted,
            wanted: None,
            found: Some(found(double)),
            reason: Some("room_conflict: a second room with this id".into()),
        }));
    }
    for (group, rooms) in &inputs.rooms.by_group {
        for room in rooms.iter().filter(|room| !told.contains(&(group, room.public_id.as_str()))) {
            // A session outside of what was looked at may well own it.
            lines.push(RoomReport {
                session: None,
                room_id: room.room_id,
                group: group.clone(),
                state: RoomState::NotOurs,
                wanted: None,
                found: Some(found(room)),
                reason: Some("not_ours: no session that was looked at has this id".into()),
            });
        }
    }
    lines
}

fn found(room: &SeenRoom) -> FoundRoom {
    FoundRoom { times: room.times(), url: room.url.clone() }
}

const UNMATCHED: &str = "link_unmatched: no room of this session answers to the link";

fn state_of(
    known: &Known<'_>,
    wanted: Option<RoomTimes>,
    not_asked_for: Option<NoRoom>,
) -> Option<(RoomState, Option<String>)> {
    let reason = |text: &str| Some(text.to_owned());
    match (wanted, known.found, known.own_record()) {
        (Some(_), None, None) => {
            Some((RoomState::Wanted, reason(if known.read { "not there yet" } else { NOT_READ })))
        }
        (Some(_), None, Some(_)) if known.read => Some((RoomState::Wanted, reason("gone from the provider"))),
        (Some(wanted), Some(room), _) if room.times() != wanted => {
            let text = if is_moved(known, wanted) {
                MOVED
            } else {
                "the provider stores something else than was sent"
            };
            Some((RoomState::Drifted, reason(text)))
        }
        (Some(_), found, Some(record)) => {
            let state = if record.adopted { RoomState::Adopted } else { RoomState::Present };
            // By the record only: nobody looked.
            Some((state, if found.is_some() { None } else { reason("not read; as the ledger has it") }))
        }
        (Some(_), Some(_), None) => Some((RoomState::Adopted, reason("to be adopted"))),
        (None, Some(_), _) | (None, None, Some(_)) if known.exists() => {
            let text = match (known.link, not_asked_for) {
                (Link::Foreign, _) => "a person replaced the link".to_owned(),
                (Link::Unmatched, _) => UNMATCHED.to_owned(),
                (Link::Blank | Link::Ours, Some(why)) => format!("the session asks for no room: {why}"),
                (Link::Blank | Link::Ours, None) => "the session asks for no room".to_owned(),
            };
            Some((RoomState::Unwanted, Some(text)))
        }
        (None, _, _) if known.link == Link::Foreign && !known.session.status.is_cancelled() => {
            Some((RoomState::NotOurs, reason("the link is a person's own")))
        }
        (None, _, _) if known.link == Link::Unmatched && not_asked_for.is_none() && known.read => {
            Some((RoomState::NotOurs, reason(UNMATCHED)))
        }
        (None, _, _) => None,
    }
}
