//! What is asked of a session's decks.

use super::SubjectExplained;
use super::rules::{Rules, common, decks_number, doubt, exact, guards, held, scheduled, timing};
use crate::desired::{Gate, closes_at, epoch, is_looked_at, session_gate, wanted_decks, window};
use crate::model::{Belief, Deck, NotifyTime, Remembered, Session, Span, SubjectKey, Why};
use crate::plan::inputs::Inputs;
use crate::plan::link::Link;
use crate::plan::make::makes_a_room;
use crate::plan::render::when;
use crate::plan::rooms::{self, RoomDecision};
use crate::plan::types::Plan;

/// A list names so many decks, and counts the others.
const NAMED: usize = 8;

pub(super) fn rules(inputs: Inputs<'_>, plan: &Plan, session: &Session) -> Rules {
    let subject = SubjectKey::decks(session.id);
    let unknown = Remembered::default();
    let row = inputs.ledger.get(subject);
    let room = rooms::decide(inputs, session);
    let mut rules = common(inputs, session, inputs.unread_decks(session, room.exists));
    rules.add("not_cancelled", !session.status.is_cancelled(), status_words(session));
    if session.is_interim() {
        on_meetecho(&mut rules, &room);
    }
    scheduled(&mut rules, inputs, session);
    if session.slot.is_some() {
        looked_at(&mut rules, inputs, session);
        window_open(&mut rules, inputs, session);
    }
    let wanted = wanted_decks(session, &inputs.policy.slides);
    has_decks(&mut rules, session, row.unwrap_or(&unknown), &wanted);
    held(&mut rules, inputs, session);
    doubt(&mut rules, plan, subject, row);
    accepted(&mut rules, inputs, plan, session, row.unwrap_or(&unknown), room, &wanted);
    guards(&mut rules, plan, subject);
    timing(&mut rules, inputs, row);
    rules
}

/// A hold may end only after the window: then nothing of what waits for its end goes on by itself.
pub(super) fn outlasted_by_a_hold(inputs: Inputs<'_>, session: &Session, told: &mut SubjectExplained) {
    let closes_at = session.slot.and_then(|slot| closes_at(slot, inputs.policy.slides.notify));
    let hold = inputs.ledger.hold_of(session.id, inputs.now());
    let (Some(closes_at), Some(hold), Some(Why::Held)) = (closes_at, hold, told.why) else { return };
    if hold.until < closes_at {
        return;
    }
    let id = session.id;
    let is_on_all = inputs.ledger.hold_all.as_ref() == Some(hold);
    let release = if is_on_all { "--all".to_owned() } else { id.to_string() };
    told.next = None;
    told.detail = format!(
        "{}; the window closes at {} UTC, before the hold ends, and then nothing is sent any more: end the hold (meetsync \
         release {release}), or send them now (meetsync push {id})",
        told.detail,
        exact(closes_at)
    );
}

fn status_words(session: &Session) -> String {
    if session.status.0.is_empty() {
        "it has no status".into()
    } else {
        format!("its status is {}", session.status.0)
    }
}

fn on_meetecho(rules: &mut Rules, room: &RoomDecision) {
    let holds = room.link != Link::Foreign || room.exists;
    let value = if holds {
        "its link is blank or ours, or it has a room"
    } else {
        "its link is a person's own, and it has no room at Meetecho"
    };
    rules.add("on_meetecho", holds, value);
}

fn looked_at(rules: &mut Rules, inputs: Inputs<'_>, session: &Session) {
    let holds = is_looked_at(session.slot, inputs.policy, inputs.now());
    let value = if holds {
        "each pass looks at it"
    } else {
        "its slot lies outside of what each pass looks at (from yesterday on, up to rooms.horizon)"
    };
    rules.add("looked_at", holds, value);
}

fn window_open(rules: &mut Rules, inputs: Inputs<'_>, session: &Session) {
    let notify = inputs.policy.slides.notify;
    let Some(slot) = session.slot else { return };
    let gate = session_gate(slot, notify, inputs.now());
    let value = match notify {
        NotifyTime::Never => "slides_notify_time = \"never\"".to_owned(),
        NotifyTime::Always => "slides_notify_time = \"always\"".to_owned(),
        NotifyTime::Minutes(minutes) => {
            let edges = window(session, notify, inputs.now());
            let span = edges.opens_at.zip(edges.closes_at).map(|(start, end)| Span { start, end });
            let span = span.map_or_else(String::new, |span| when(span, &session.time_zone, inputs.now()));
            let state = match gate {
                Some(Gate::Open) => "open now",
                Some(Gate::OpensAt(_)) => "not open yet",
                Some(Gate::Closed) | None => "closed",
            };
            format!("{state}: {span} (slides_notify_time = {minutes})")
        }
    };
    rules.add("window_open", gate == Some(Gate::Open), value);
}

fn has_decks(rules: &mut Rules, session: &Session, row: &Remembered, wanted: &[Deck]) {
    let mut value = decks_number(wanted.len());
    if !wanted.is_empty() {
        let named: Vec<String> =
            wanted.iter().take(NAMED).map(|deck| format!("{} ({})", deck.title, deck.rev)).collect();
        value = format!("{value}: {}", named.join(", "));
        if wanted.len() > NAMED {
            value = format!("{value} and {} more", wanted.len() - NAMED);
        }
    }
    let left_out = session.decks.len() - wanted.len();
    if left_out > 0 {
        value = format!("{value}; {} in state deleted left out", decks_number(left_out));
    }
    if wanted.is_empty() && row.was_ever_sent() {
        value = format!("{value}; there were some, so an empty list is sent");
    }
    rules.add("has_decks", !wanted.is_empty() || row.was_ever_sent(), value);
}

/// The list that was accepted last: does it still count, and is it the one that is wanted?
fn accepted(
    rules: &mut Rules,
    inputs: Inputs<'_>,
    plan: &Plan,
    session: &Session,
    row: &Remembered,
    room: RoomDecision,
    wanted: &[Deck],
) {
    let will_be_new = plan.changes.iter().any(|change| change.session == session.id && makes_a_room(change));
    let public_id = room.public_id.filter(|_| !will_be_new);
    let epoch = epoch(session.slot, public_id, &inputs.policy.slides, inputs.now()).to_string();
    let known = matches!(row.belief(&epoch), Belief::List(_)) && !will_be_new;
    let value = match &row.accepted {
        None => "no list was ever accepted".to_owned(),
        Some(list) => {
            let what = format!("{} accepted {} UTC", decks_number(list.decks.len()), exact(list.at));
            match () {
                () if known => format!("{what}, in this very window"),
                () if row.doubt_since.is_some() => format!("{what}, before it came into doubt"),
                () if list.epoch == epoch => format!("{what}, before its room is made again"),
                () => format!("{what}, before this window: that says nothing of what is shown now"),
            }
        }
    };
    rules.add("accepted_in_this_window", known, value);
    let refresh = inputs.policy.slides.refresh;
    if refresh > chrono::TimeDelta::zero() {
        let due = row.accepted.as_ref().map(|list| list.at + refresh);
        let value = due.map_or_else(
            || "nothing to refresh".into(),
            |due| format!("the whole list again at {} UTC (slides.refresh)", exact(due)),
        );
        rules.add("no_refresh_due", due.is_none_or(|due| inputs.now() < due), value);
    }
    let same = row.accepted.as_ref().is_some_and(|list| list.decks == wanted);
    let value = match (&row.accepted, same) {
        (_, true) => "what is wanted is what was accepted last",
        (None, false) => "nothing was accepted to compare with",
        (Some(_), false) => "what is wanted is not what was accepted last",
    };
    rules.add("as_accepted", same, value);
}
