//! One interim's room: whether it should be there, and what that takes.
//!
//! | the session | our record | the provider shows | answer |
//! |---|---|---|---|
//! | wants a room | none | a room with its id that fits | adopt it |
//! | wants a room | none | a room with its id, neither start nor description fits | `room_conflict` |
//! | wants a room | none or any | none (read) | create, after `rooms.settle` where the link is blank |
//! | wants a room at another time | any | the room | delete and create again, once per wish |
//! | wants a room | any | the room | in step; a blanked link is written back |
//! | cancelled | any, or the link is ours | the room | delete, unless in progress |
//! | in another status, or the link is a person's | any | the room | stays; reported `unwanted` |
//!
//! Absence from a read is never a reason to delete. Where the rooms were not read, the ledger's record stands in.

use chrono::{DateTime, Utc};

use super::link::{Link, LinkKnowledge, classify, is_of, leads_to, session_in};
use super::make::{Answer, Inputs};
use super::types::{Change, Operation, Refusal, RoomRef};
use crate::desired::{NoRoom, room_spec, wants_room};
use crate::model::{Remembered, RoomRecord, RoomTimes, SeenRoom, Session, SubjectKey, Why};

mod groups;
mod report;

pub use groups::groups_to_read;
pub use report::{FoundRoom, RoomReport, RoomState, report};

/// What was decided about a session's room, and what its decks must know of it.
#[derive(Debug, Clone)]
pub(super) struct RoomDecision {
    pub(super) answers: Vec<Answer>,
    pub(super) link: Link,
    /// A room of this session is known to be there, or recorded.
    pub(super) exists: bool,
    pub(super) public_id: Option<String>,
    /// This plan makes the room (again): what was shown in the old one says nothing.
    pub(super) will_be_new: bool,
}

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
            let in_link = is_of(link_text, &room.url, &room.public_id);
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
    fn url(&self) -> Option<&'a str> {
        self.found.map(|room| room.url.as_str()).or(self.record.map(|record| record.url.as_str()))
    }

    /// Whether the session's link leads to the room as it is known.
    fn link_leads_there(&self) -> bool {
        let public_id = self.named().public_id.unwrap_or_default();
        let link = &self.session.remote_instructions;
        self.url().is_some_and(|url| leads_to(link, self.session.id, url, &public_id))
    }

    /// The link of a room that is yet to be made: only the provider can say its address. Where addresses are made
    /// of the session's id, the link that stands will do.
    fn new_link(&self, inputs: Inputs<'_>) -> Option<Operation> {
        let link = &self.session.remote_instructions;
        let stays = self.url() == Some(link.trim()) && session_in(link) == Some(self.session.id);
        (inputs.policy.rooms.write_back && !stays).then(|| Operation::write_room_url(link.clone(), None))
    }

    fn is_in_doubt(&self) -> bool {
        self.row.is_some_and(|row| row.doubt_since.is_some())
    }

    /// What stands at the provider: what was sent, where a record can be trusted, so that a provider which stores
    /// something else than was sent can't draw us into a loop; else what it shows.
    fn stands(&self, inputs: Inputs<'_>) -> Option<RoomTimes> {
        let shown = self.found.map(SeenRoom::times);
        let sent = self.record.map(|record| record.sent);
        if inputs.ask.resend || self.is_in_doubt() { shown.or(sent) } else { sent.or(shown) }
    }

    fn named(&self) -> RoomRef {
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

    fn fits(&self, room: &SeenRoom, wanted: RoomTimes, description: &str) -> bool {
        room.start == wanted.start
            || room.description == description
            || room.description == self.session.meeting.as_str()
    }
}

pub(super) fn decide(inputs: Inputs<'_>, session: &Session) -> RoomDecision {
    if !session.is_interim() {
        return RoomDecision {
            answers: Vec::new(),
            link: Link::Blank,
            exists: false,
            public_id: None,
            will_be_new: false,
        };
    }
    let known = Known::of(&inputs, session);
    let mut answers = match wants_room(session, &inputs.policy.rooms, inputs.now()) {
        Ok(wanted) => wanted_room(inputs, &known, wanted),
        Err(NoRoom::Cancelled) => cancelled_room(inputs, &known).into_iter().collect(),
        Err(NoRoom::NotScheduled) => vec![Answer::Waits(Why::NotScheduled, None)],
        Err(NoRoom::Tombstone) => vec![Answer::Waits(Why::Tombstone, None)],
        Err(NoRoom::BeyondHorizon(moment)) => vec![Answer::Waits(Why::OutsideWindow, Some(moment))],
        Err(NoRoom::NotAnInterim | NoRoom::OtherStatus | NoRoom::Over) => Vec::new(),
    };
    for double in &known.doubles {
        answers.push(refuse(
            session,
            Why::RoomConflict,
            format!("a second room with the id {}: {}", session.id, double.url),
            format!("if nobody needs it: meetsync rooms delete {}", double.url),
        ));
    }
    let makes_it = |operation: &Operation| {
        matches!(operation, Operation::CreateRoom { .. } | Operation::RecreateRoom { .. })
    };
    let will_be_new = answers
        .iter()
        .any(|answer| matches!(answer, Answer::Change(change) if change.operations.iter().any(makes_it)));
    RoomDecision {
        link: known.link,
        exists: known.exists() || known.record.is_some(),
        public_id: known.named().public_id,
        will_be_new,
        answers,
    }
}

fn wanted_room(inputs: Inputs<'_>, known: &Known<'_>, wanted: RoomTimes) -> Vec<Answer> {
    let session = known.session;
    match known.link {
        Link::Foreign => {
            return vec![refuse(
                session,
                Why::NotOurs,
                "the session's link is a person's own words, or another session's room".into(),
                "nothing needs doing; to have a Meetecho room, blank the link in the datatracker".into(),
            )];
        }
        Link::Unmatched if known.read => {
            return vec![refuse(
                session,
                Why::LinkUnmatched,
                "the link looks like a room of ours, but no room of this session answers to it".into(),
                format!("if the link is dead: meetsync rooms relink {}", session.id),
            )];
        }
        Link::Unmatched => return Vec::new(),
        Link::Blank => {
            let settles_at = session.modified + inputs.policy.rooms.settle;
            if inputs.now() < settles_at && !inputs.ask.by_hand {
                return vec![Answer::Waits(Why::Settling, Some(settles_at))];
            }
        }
        Link::Ours => {}
    }
    match (known.found, known.record) {
        (Some(_), Some(_)) if !known.is_in_doubt() => standing_room(inputs, known, wanted),
        (Some(room), _) => room_to_adopt(inputs, known, room, wanted),
        (None, _) if !known.read && known.is_in_doubt() => vec![Answer::Waits(Why::InDoubtConfirming, None)],
        (None, Some(_)) if !known.read => standing_room(inputs, known, wanted),
        (None, _) => missing_room(inputs, known, wanted),
    }
}

/// No room that we know of: it is made, unless a request for it may still take effect.
fn missing_room(inputs: Inputs<'_>, known: &Known<'_>, wanted: RoomTimes) -> Vec<Answer> {
    if !known.read && known.link == Link::Ours {
        // Made by the datatracker, as its link says. Without a read there is nothing to compare.
        return Vec::new();
    }
    let late_until =
        known.row.and_then(|row| row.doubt_since).map(|since| since + inputs.policy.rooms.late_effect);
    if let Some(until) = late_until.filter(|until| inputs.now() < *until) {
        return vec![Answer::Waits(Why::InDoubtConfirming, Some(until))];
    }
    let mut operations = vec![Operation::create_room(spec(inputs, known.session, wanted))];
    operations.extend(known.new_link(inputs));
    let reason = match known.record {
        Some(_) => "its room is gone from the provider",
        None => "a room was asked for, and none is there",
    };
    vec![change_of(known, reason, operations)]
}

/// A room with this session's id that somebody else made (the datatracker's own call, mostly), or that a request
/// of ours made without an answer.
fn room_to_adopt(inputs: Inputs<'_>, known: &Known<'_>, room: &SeenRoom, wanted: RoomTimes) -> Vec<Answer> {
    let spec = spec(inputs, known.session, wanted);
    if !known.fits(room, wanted, &spec.description) {
        return vec![refuse(
            known.session,
            Why::RoomConflict,
            format!(
                "a room with this session's id is there, and neither its start ({} UTC) nor its description ({:?}) fits",
                room.start.format("%Y-%m-%d %H:%M:%S"),
                room.description
            ),
            format!("look at {}; if it is not in use: meetsync rooms delete {}", room.url, room.url),
        )];
    }
    let mut answers = standing_room(inputs, known, wanted);
    let adopt = Operation::adopt_room(known.named(), room.times());
    match answers.iter_mut().find_map(|answer| match answer {
        Answer::Change(change) => Some(change),
        _ => None,
    }) {
        Some(change) => change.operations.insert(0, adopt),
        None => {
            answers.retain(|answer| *answer != Answer::InStep);
            answers.push(change_of(known, "the room is there already", vec![adopt]));
        }
    }
    answers
}

/// The room is there: at the right time, and with its link in the session?
fn standing_room(inputs: Inputs<'_>, known: &Known<'_>, wanted: RoomTimes) -> Vec<Answer> {
    let session = known.session;
    let mut answers = Vec::new();
    let mut operations = Vec::new();
    let mut reason = "the session lost its link";
    let stands = known.stands(inputs);
    if let Some(was) = stands.filter(|was| *was != wanted) {
        match move_refusal(inputs, session, was, wanted) {
            Some(refusal) => answers.push(refusal),
            None => {
                reason = "the session moved";
                operations.push(Operation::recreate_room(spec(inputs, session, wanted), was, known.named()));
            }
        }
    }
    let is_moved = !operations.is_empty();
    match known.url() {
        _ if is_moved => operations.extend(known.new_link(inputs)),
        Some(url) if !known.link_leads_there() => {
            if inputs.policy.rooms.write_back {
                operations.push(Operation::write_room_url(
                    session.remote_instructions.clone(),
                    Some(url.to_owned()),
                ));
            } else {
                answers.push(Answer::Waits(Why::WriteBackOff, None));
            }
        }
        _ => {}
    }
    if !operations.is_empty() {
        answers.push(change_of(known, reason, operations));
    } else if answers.is_empty() {
        answers.push(Answer::InStep);
    }
    answers
}

/// What forbids moving a room: it is in use, or about to be.
fn move_refusal(inputs: Inputs<'_>, session: &Session, was: RoomTimes, wanted: RoomTimes) -> Option<Answer> {
    let now = inputs.now();
    let quiet = inputs.policy.rooms.quiet_before;
    if was.span().is_live(now) {
        return Some(in_progress(session, was));
    }
    let near = |times: RoomTimes| times.start - quiet <= now && !times.span().is_over(now);
    if near(was) || near(wanted) {
        let detail = format!(
            "its room opens at {} UTC and is wanted at {} UTC; within {} min of either it is not moved (rooms.quiet_before)",
            was.start.format("%Y-%m-%d %H:%M"),
            wanted.start.format("%Y-%m-%d %H:%M"),
            quiet.num_minutes()
        );
        let way_on = format!(
            "if nobody is in it yet: MEETSYNC__ROOMS__QUIET_BEFORE=0s meetsync resync --session {}",
            session.id
        );
        return Some(refuse(session, Why::GuardQuietBefore, detail, way_on));
    }
    None
}

/// A cancelled session's room, where it is ours, goes away.
fn cancelled_room(inputs: Inputs<'_>, known: &Known<'_>) -> Option<Answer> {
    let session = known.session;
    let ours = known.record.is_some() || known.link == Link::Ours;
    if !ours || (known.read && known.found.is_none()) {
        return None;
    }
    let stands = known.stands(inputs).or(session.slot.map(RoomTimes::of))?;
    let now = inputs.now();
    let settles_at = session.modified + inputs.policy.rooms.settle;
    if stands.span().is_over(now) {
        None
    } else if stands.span().is_live(now) {
        Some(in_progress(session, stands))
    } else if now < settles_at {
        Some(Answer::Waits(Why::Settling, Some(settles_at)))
    } else {
        Some(change_of(known, "the session was cancelled", vec![Operation::delete_room(known.named())]))
    }
}

fn in_progress(session: &Session, times: RoomTimes) -> Answer {
    refuse(
        session,
        Why::GuardRoomInProgress,
        format!(
            "the room is in use until {} UTC; nothing takes a running room away",
            until(times).format("%H:%M")
        ),
        "after the session, if it is still needed: meetsync resync".into(),
    )
}

fn until(times: RoomTimes) -> DateTime<Utc> {
    times.span().end
}

fn spec(inputs: Inputs<'_>, session: &Session, wanted: RoomTimes) -> crate::model::RoomSpec {
    room_spec(session, wanted, &inputs.snapshot.siblings, &inputs.policy.rooms.description)
}

fn change_of(known: &Known<'_>, reason: &str, operations: Vec<Operation>) -> Answer {
    let session = known.session;
    Answer::Change(Change {
        subject: SubjectKey::room(session.id),
        session: session.id,
        group: known.record.map_or(&session.group, |record| &record.group).clone(),
        reason: reason.to_owned(),
        operations,
        believed: None,
        wanted: None,
        epoch: None,
        link: Some(session.remote_instructions.clone()),
        slot: session.slot,
    })
}

fn refuse(session: &Session, rule: Why, detail: String, way_on: String) -> Answer {
    Answer::Refused(Refusal {
        subject: Some(SubjectKey::room(session.id)),
        session: Some(session.id),
        rule,
        detail,
        way_on,
        operations: Vec::new(),
    })
}
