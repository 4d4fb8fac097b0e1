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
//! | wants none (any more) | in doubt | a room that fits | adopt it, to stay `unwanted` |
//! | wants none (any more) | in doubt | none (read), after `rooms.late_effect` | doubt ends |
//!
//! Absence from a read is never a reason to delete. Where the rooms were not read, the ledger's record stands in.

use super::inputs::{Answer, Inputs, WHEN_IT_CAN_BE_READ};
use super::link::Link;
use super::types::Operation;
use crate::desired::{NoRoom, wants_room};
use crate::model::{Kind, RoomTimes, SeenRoom, Session, Why};

mod answers;
mod cancelled;
mod forsaken;
mod groups;
mod known;
mod moments;
mod report;

use answers::{change_of, conflict, in_progress, refuse, spec};
use cancelled::cancelled_room;
use forsaken::forsaken_room;
pub use groups::groups_to_read;
pub use known::{Known, fits};
use moments::late_until;
pub use moments::left_to_settle;
pub(super) use moments::settles_at;
pub(crate) use report::MOVED;
pub use report::{FoundRoom, RoomReport, RoomState, RoomsAsked, report, rooms_asked};

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
    // A link that was not read is not a blank one, and says nothing of which of two rooms is the session's.
    let unread = inputs.unread(Kind::Room);
    let asked_for = wants_room(session, &inputs.policy.rooms, inputs.now());
    let is_wanted = asked_for.is_ok();
    let mut answers = match asked_for {
        Ok(_) | Err(NoRoom::Cancelled) if unread.is_some() => {
            let is_concerned = is_wanted || known.exists() || known.record.is_some() || known.is_in_doubt();
            let words = unread.clone().filter(|_| is_concerned);
            let refused = |words| refuse(session, Why::SourceIncomplete, words, WHEN_IT_CAN_BE_READ.into());
            words.map(refused).into_iter().collect()
        }
        Ok(wanted) => wanted_room(inputs, &known, wanted),
        Err(NoRoom::Cancelled) => {
            let is_past = session.slot.is_none_or(|slot| slot.is_over(inputs.now()));
            let forsaken = || forsaken_room(inputs, &known).filter(|_| is_past);
            cancelled_room(inputs, &known).or_else(forsaken).into_iter().collect()
        }
        Err(NoRoom::BeyondHorizon(moment)) => vec![Answer::Waits(Why::OutsideWindow, Some(moment))],
        Err(_) if known.is_in_doubt() && unread.is_none() => {
            forsaken_room(inputs, &known).into_iter().collect()
        }
        Err(NoRoom::NotScheduled) => vec![Answer::Waits(Why::NotScheduled, None)],
        Err(NoRoom::Tombstone) => vec![Answer::Waits(Why::Tombstone, None)],
        Err(NoRoom::NotAnInterim | NoRoom::OtherStatus | NoRoom::Over) => Vec::new(),
    };
    for double in known.doubles.iter().filter(|_| unread.is_none()) {
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

/// A room with this session's id that somebody else made (the datatracker's own call, mostly), or that a request
/// of ours made without an answer.
fn room_to_adopt(inputs: Inputs<'_>, known: &Known<'_>, room: &SeenRoom, wanted: RoomTimes) -> Vec<Answer> {
    let spec = spec(inputs, known.session, wanted);
    if known.own_record().is_none() && !fits(room, &spec, &known.session.meeting) {
        return vec![conflict(known.session, room)];
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
