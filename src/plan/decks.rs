//! One session's decks: whether they are sent now, and what that takes.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::diff::{difference, replacement_of_unknown};
use super::inputs::{Answer, Inputs, WHEN_IT_CAN_BE_READ};
use super::link::Link;
use super::rooms::RoomDecision;
use super::types::{Change, Operation, Refusal};
use super::unsent;
use crate::desired::{Epoch, Gate, LOOK_BACK, epoch, session_gate, wanted_decks};
use crate::model::{Belief, Deck, Remembered, Session, SubjectKey, Why};
use crate::planted::{self, Bug};

/// `room_will_be_new`: this plan makes the session's room (again), so what was shown in the old one says nothing.
pub(super) fn decide(
    inputs: Inputs<'_>,
    session: &Session,
    room: &RoomDecision,
    room_will_be_new: bool,
) -> Answer {
    let nothing_known = Remembered::default();
    let row = inputs.ledger.get(SubjectKey::decks(session.id)).unwrap_or(&nothing_known);
    let wanted = wanted_decks(session, &inputs.policy.slides);
    let public_id = room.public_id.clone().filter(|_| !room_will_be_new);
    let epoch = epoch(session.slot, public_id, &inputs.policy.slides, inputs.now());
    if let Some(why) = never_sent(session, room) {
        return Answer::Waits(why, None);
    }
    let unread = inputs.unread_decks(session, room.exists);
    if let Some(words) = unread.clone().filter(|_| inputs.ask.push) {
        return not_read(session, words);
    }
    if inputs.ask.push {
        return change(inputs, session, row, wanted, epoch, Some("pushed by hand".into()));
    }
    if let Some((why, until)) = gate_of(inputs, session) {
        // What was not read can't be held against what was sent.
        return match unread {
            None => outside(inputs, session, row, &wanted, epoch, (why, until)),
            Some(_) => Answer::Waits(why, until),
        };
    }
    if let Some(words) = unread {
        return not_read(session, words);
    }
    if wanted.is_empty() && !row.was_ever_sent() {
        return Answer::Waits(Why::NoDecks, None);
    }
    let is_the_last = row.accepted.as_ref().is_some_and(|accepted| accepted.decks == wanted);
    if is_the_last && planted::is(Bug::BackToTheLastAccepted) {
        return Answer::InStep;
    }
    let because =
        if room_will_be_new && row.was_ever_sent() { Some("its room will be new".to_owned()) } else { None };
    if let Some(reason) = because.or_else(|| why_unknown(inputs, session, row, &epoch)) {
        return change(inputs, session, row, wanted, epoch, Some(reason));
    }
    if row.accepted.as_ref().is_some_and(|accepted| accepted.decks == wanted) {
        return match row.confirming {
            Some(confirming) => Answer::Waits(Why::InDoubtConfirming, Some(confirming.at)),
            None => Answer::InStep,
        };
    }
    change(inputs, session, row, wanted, epoch, None)
}

/// That none were read doesn't say that there are none.
fn not_read(session: &Session, detail: String) -> Answer {
    Answer::Refused(Refusal {
        subject: Some(SubjectKey::decks(session.id)),
        session: Some(session.id),
        groups: BTreeSet::new(),
        rule: Why::SourceIncomplete,
        detail,
        way_on: WHEN_IT_CAN_BE_READ.into(),
        operations: Vec::new(),
    })
}

/// Sessions that get nothing, not even by hand.
fn never_sent(session: &Session, room: &RoomDecision) -> Option<Why> {
    if session.tombstone_for.is_some() && !planted::is(Bug::TombstoneServed) {
        Some(Why::Tombstone)
    } else if session.status.is_cancelled() {
        Some(Why::Cancelled)
    } else if session.is_interim() && room.link == Link::Foreign && !room.exists {
        Some(Why::NotOnMeetecho)
    } else {
        None
    }
}

/// What keeps a session's decks from being sent now.
fn gate_of(inputs: Inputs<'_>, session: &Session) -> Option<(Why, Option<DateTime<Utc>>)> {
    let Some(slot) = session.slot else { return Some((Why::NotScheduled, None)) };
    match session_gate(slot, inputs.policy.slides.notify, inputs.now()) {
        None => Some((Why::NotificationsOff, None)),
        Some(Gate::OpensAt(moment)) => Some((Why::OutsideWindow, Some(moment))),
        Some(Gate::Closed) => Some((Why::OutsideWindow, None)),
        Some(Gate::Open) => None,
    }
}

/// Outside of its window nothing is sent for a session, but the confirming send that is still owed for a list that was:
/// by a push, or shortly before the close. It is of that very list, and of no edit since; and of the very slot that the list
/// was sent for. What was unscheduled or moved since, or is off by now, gets nothing before its next window, which
/// begins with the whole list: until then it is not confirmed what was shown.
fn outside(
    inputs: Inputs<'_>,
    session: &Session,
    row: &Remembered,
    wanted: &[Deck],
    epoch: Epoch,
    (why, until): (Why, Option<DateTime<Utc>>),
) -> Answer {
    if unsent::is_unsent(inputs, session, row, wanted, &epoch) {
        return Answer::Waits(Why::WindowClosedUnsent, None);
    }
    let is_past = session.slot.is_some_and(|slot| slot.end <= inputs.now() - LOOK_BACK);
    let of_this_slot = row.accepted.as_ref().filter(|accepted| epoch.has_slot_of(&accepted.epoch));
    let is_owed = why == Why::OutsideWindow && row.doubt_since.is_none() && !is_past;
    match (row.confirming.filter(|_| is_owed), of_this_slot) {
        (Some(owed), Some(_)) if inputs.now() < owed.at => {
            Answer::Waits(Why::InDoubtConfirming, Some(owed.at))
        }
        (Some(_), Some(accepted)) => {
            change(inputs, session, row, accepted.decks.clone(), epoch, Some(CONFIRMING.into()))
        }
        _ => Answer::Waits(why, until),
    }
}

const CONFIRMING: &str = "confirming once, because an earlier request may have taken effect late";

/// Why it is not known what is shown, so that the whole list goes out; None where it is known.
fn why_unknown(inputs: Inputs<'_>, session: &Session, row: &Remembered, epoch: &Epoch) -> Option<String> {
    let now = inputs.now();
    if inputs.ask.resend {
        return Some("asked to trust no record".into());
    }
    if let Some(since) = row.doubt_since {
        return Some(format!(
            "in doubt since {} UTC: a request had no usable answer",
            since.format("%H:%M:%S")
        ));
    }
    if row.confirming.is_some_and(|confirming| confirming.at <= now) {
        return Some(CONFIRMING.into());
    }
    let refresh = inputs.policy.slides.refresh;
    let accepted_at = row.accepted.as_ref().map(|accepted| accepted.at);
    if refresh > chrono::TimeDelta::zero() && accepted_at.is_some_and(|at| at + refresh <= now) {
        return Some("slides.refresh is due".into());
    }
    match row.belief(&epoch.to_string()) {
        Belief::List(_) => None,
        Belief::Nothing => {
            let live = session.slot.is_some_and(|slot| slot.is_live(now));
            Some(if live {
                "nothing was sent yet, and it is on now".into()
            } else {
                "nothing was sent yet".into()
            })
        }
        Belief::Unknown => Some(what_is_new(row, epoch)),
    }
}

/// Which part of the epoch changed since the last accepted list.
fn what_is_new(row: &Remembered, epoch: &Epoch) -> String {
    let Some(old) = row.accepted.as_ref().map(|accepted| accepted.epoch.clone()) else {
        return "something was sent, and nothing accepted".into();
    };
    let new = epoch.to_string();
    let parts = |text: &str| text.rsplitn(3, '/').map(str::to_owned).collect::<Vec<_>>();
    match (parts(&old).as_slice(), parts(&new).as_slice()) {
        ([_, _, old_slot], [_, _, new_slot]) if old_slot != new_slot => "the session moved".into(),
        ([old_room, ..], [new_room, ..]) if old_room != new_room => "its room is new".into(),
        _ => "its window opened".into(),
    }
}

fn change(
    inputs: Inputs<'_>,
    session: &Session,
    row: &Remembered,
    wanted: Vec<Deck>,
    epoch: Epoch,
    whole_list_because: Option<String>,
) -> Answer {
    let materials = inputs.policy.slides.materials;
    let last_sent = row.accepted.as_ref().map(|accepted| accepted.decks.as_slice()).unwrap_or_default();
    let believed = whole_list_because.is_none().then(|| last_sent.to_vec());
    let operations = match whole_list_because {
        Some(_) => replacement_of_unknown(&row.may_be_there, last_sent, &wanted, materials),
        None => difference(last_sent, &wanted, materials),
    };
    let reason = whole_list_because.unwrap_or_else(|| in_words(&operations));
    Answer::Change(Change {
        subject: SubjectKey::decks(session.id),
        session: session.id,
        group: session.group.clone(),
        reason,
        operations,
        believed,
        wanted: Some(wanted),
        epoch: Some(epoch),
        link: None,
        slot: session.slot,
    })
}

fn in_words(operations: &[Operation]) -> String {
    let gone =
        operations.iter().filter(|operation| matches!(operation, Operation::DeleteDeck { .. })).count();
    match operations {
        [Operation::AddDeck { .. }] => "a deck was added".into(),
        [Operation::ReviseDeck { .. }] => "a deck was revised".into(),
        [Operation::ReorderDecks { .. }] => "the order changed".into(),
        [Operation::DeleteDeck { .. }] => "a deck was removed".into(),
        all if gone == all.len() => format!("{gone} decks were removed"),
        _ => "several decks changed".into(),
    }
}
