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

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::inputs::{Answer, Inputs};
use super::link::Link;
use super::types::{Operation, Refusal};
use crate::desired::{NoRoom, room_spec, wants_room};
use crate::model::{RoomTimes, SeenRoom, Session, SubjectKey, Why};

mod groups;
mod known;
mod report;

pub use groups::groups_to_read;
pub use known::{Known, fits};
pub use report::{FoundRoom, RoomReport, RoomState, report};

/// What was decided about a session's room, and what its decks must know of it.
#[derive(Debug, Clone)]
pub(super) struct RoomDecision {
    pub(super) answers: Vec<Answer>,
    pub(super) link: Link,
    /// A room of this session is known to be there, or recorded.
    pub(super) exists: bool,
    pub(super) public_id: Option<String>,
}

pub(super) fn decide(inputs: Inputs<'_>, session: &Session) -> RoomDecision {
    if !session.is_interim() {
        return RoomDecision { answers: Vec::new(), link: Link::Blank, exists: false, public_id: None };
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
    RoomDecision {
        link: known.link,
        exists: known.exists() || known.record.is_some(),
        public_id: known.named().public_id,
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
        Link::Blank | Link::Ours => {}
    }
    let answers = match (known.found, known.own_record()) {
        (Some(room), Some(record))
            if !known.is_in_doubt() && (!inputs.ask.resend || room.times() == record.sent) =>
        {
            standing_room(inputs, known, wanted)
        }
        (Some(room), _) => room_to_adopt(inputs, known, room, wanted),
        (None, _) if !known.read && known.is_in_doubt() => vec![Answer::Waits(Why::InDoubtConfirming, None)],
        (None, Some(_)) if !known.read => standing_room(inputs, known, wanted),
        (None, _) => missing_room(inputs, known, wanted),
    };
    // Only what would be done is put off: a blank link that nothing is done about must not be seen for the first time
    // over and over.
    let acts = answers.iter().any(|answer| matches!(answer, Answer::Change(_)));
    let settles_at = settles_at(inputs, known);
    if known.link == Link::Blank && acts && inputs.now() < settles_at && !inputs.ask.by_hand {
        return vec![Answer::Waits(Why::Settling, Some(settles_at))];
    }
    answers
}

/// No room that we know of: it is made, unless a request for it may still take effect.
fn missing_room(inputs: Inputs<'_>, known: &Known<'_>, wanted: RoomTimes) -> Vec<Answer> {
    if !known.read && known.link == Link::Ours && !known.was_deleted {
        // Made by the datatracker, as its link says. Without a read there is nothing to compare.
        return Vec::new();
    }
    if let Some(until) = late_until(inputs, known) {
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

/// Until when a request of ours may still make a room or take one away; None = no longer. Of a room, doubt is as young
/// as the last request that may have caused it.
fn late_until(inputs: Inputs<'_>, known: &Known<'_>) -> Option<DateTime<Utc>> {
    let until = known.row?.doubt_since? + inputs.policy.rooms.late_effect;
    (inputs.now() < until).then_some(until)
}

/// A room with this session's id that somebody else made (the datatracker's own call, mostly), or that a request
/// of ours made without an answer.
fn room_to_adopt(inputs: Inputs<'_>, known: &Known<'_>, room: &SeenRoom, wanted: RoomTimes) -> Vec<Answer> {
    let spec = spec(inputs, known.session, wanted);
    if known.own_record().is_none() && !fits(room, &spec, &known.session.meeting) {
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
    let planned = answers.iter_mut().find_map(|answer| match answer {
        Answer::Change(change) => Some(change),
        _ => None,
    });
    if let Some(change) = planned {
        change.operations.insert(0, adopt);
    } else {
        answers.retain(|answer| *answer != Answer::InStep);
        answers.push(change_of(known, "the room is there already", vec![adopt]));
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
        if let Some(refusal) = move_refusal(inputs, known, was, wanted) {
            answers.push(refusal);
        } else {
            reason = "the session moved";
            operations.push(Operation::recreate_room(spec(inputs, session, wanted), was, known.named()));
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
fn move_refusal(inputs: Inputs<'_>, known: &Known<'_>, was: RoomTimes, wanted: RoomTimes) -> Option<Answer> {
    let session = known.session;
    let now = inputs.now();
    let quiet = inputs.policy.rooms.quiet_before;
    if let Some(running) = known.running(inputs) {
        return Some(in_progress(session, running));
    }
    let near = |times: RoomTimes| times.start - quiet <= now && !times.span().is_over(now);
    if near(was) || near(wanted) {
        let detail = format!(
            "its room opens at {} UTC and is wanted at {} UTC; within {} min of either it is not moved (rooms.quiet_before)",
            was.start.format("%Y-%m-%d %H:%M"),
            wanted.start.format("%Y-%m-%d %H:%M"),
            quiet.num_minutes()
        );
        let way_on = if wanted.span().is_live(now) {
            let id = session.id;
            format!("if nobody is in it: meetsync rooms delete {id}, then meetsync rooms create {id}")
        } else {
            format!(
                "if nobody is in it yet: MEETSYNC__ROOMS__QUIET_BEFORE=0s meetsync resync --session {}",
                session.id
            )
        };
        return Some(refuse(session, Why::GuardQuietBefore, detail, way_on));
    }
    None
}

/// A cancelled session's room, where it is ours, goes away.
fn cancelled_room(inputs: Inputs<'_>, known: &Known<'_>) -> Option<Answer> {
    let session = known.session;
    let is_known = known.record.is_some() || known.link == Link::Ours;
    let ours = is_known || may_have_been_made(inputs, known);
    // A deletion that got no answer is asked for again, although nothing is there: its answer ends the doubt.
    let is_gone = known.found.is_none() && (known.read || known.was_deleted);
    if !ours || (is_gone && !known.is_in_doubt()) {
        return None;
    }
    // The worker looks at such rooms before it says anything of them: a link alone may be all that is left.
    if inputs.ask.by_worker && !known.read && known.record.is_none() && !known.is_in_doubt() {
        return None;
    }
    if known.found.is_none() && known.is_in_doubt() {
        if !known.read && !is_known {
            return Some(Answer::Waits(Why::InDoubtConfirming, None));
        }
        // Ended before, a request that comes late would leave a room that nobody knows of.
        if let Some(until) = late_until(inputs, known) {
            return Some(Answer::Waits(Why::InDoubtConfirming, Some(until)));
        }
    }
    let stands = known.stands(inputs).or(session.slot.map(RoomTimes::of))?;
    let now = inputs.now();
    let settles_at = settles_at(inputs, known);
    let running = known.running(inputs).or(session.slot.filter(|slot| slot.is_live(now)).map(RoomTimes::of));
    if let Some(running) = running {
        Some(in_progress(session, running))
    } else if stands.span().is_over(now) {
        None
    } else if now < settles_at {
        Some(Answer::Waits(Why::Settling, Some(settles_at)))
    } else {
        Some(change_of(known, "the session was cancelled", vec![Operation::delete_room(known.named())]))
    }
}

/// Whether a request of ours that got no answer may have made the room that is there, or one that is yet to come.
fn may_have_been_made(inputs: Inputs<'_>, known: &Known<'_>) -> bool {
    let session = known.session;
    let fits_it = |room: &SeenRoom| {
        let wanted = session.slot.map(|slot| spec(inputs, session, RoomTimes::of(slot)));
        wanted.is_some_and(|wanted| fits(room, &wanted, &session.meeting))
    };
    known.is_in_doubt() && known.found.is_none_or(fits_it)
}

/// Until when the datatracker's own call may go first: counted from the edit, and in the worker from the moment when it
/// first saw what the edit asks for, because not every edit writes down when it was made.
pub(super) fn settles_at(inputs: Inputs<'_>, known: &Known<'_>) -> DateTime<Utc> {
    let burst = known.row.and_then(|row| row.timing.burst);
    let first_seen = inputs.ask.by_worker.then(|| burst.map_or_else(|| inputs.now(), |burst| burst.first));
    let from = first_seen.map_or(known.session.modified, |seen| seen.max(known.session.modified));
    from + inputs.policy.rooms.settle
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
    Answer::Change(known.change(reason, operations))
}

fn refuse(session: &Session, rule: Why, detail: String, way_on: String) -> Answer {
    Answer::Refused(Refusal {
        subject: Some(SubjectKey::room(session.id)),
        session: Some(session.id),
        groups: BTreeSet::new(),
        rule,
        detail,
        way_on,
        operations: Vec::new(),
    })
}
