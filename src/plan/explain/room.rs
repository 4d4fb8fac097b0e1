//! What is asked of an interim's room.

use super::rules::{Rules, common, doubt, exact, guards, held, scheduled, times, timing, unrefused};
use crate::desired::{NoRoom, wants_room};
use crate::model::{Fault, Kind, RoomPowers, RoomTimes, Session, SubjectKey};
use crate::plan::inputs::Inputs;
use crate::plan::link::Link;
use crate::plan::rooms::{Known, settles_at};
use crate::plan::types::Plan;

pub(super) fn rules(inputs: Inputs<'_>, plan: &Plan, session: &Session) -> Rules {
    let subject = SubjectKey::room(session.id);
    let known = Known::of(&inputs, session);
    let wanted = wants_room(session, &inputs.policy.rooms, inputs.now());
    let mut rules = common(inputs, session, inputs.unread(Kind::Room));
    status(&mut rules, inputs, &known);
    scheduled(&mut rules, inputs, session);
    if let Some(slot) = session.slot {
        let over = slot.is_over(inputs.now());
        rules.add("not_over", !over, if over { "its slot is over" } else { "its slot is not over" });
        horizon(&mut rules, inputs, wanted.err());
    }
    link(&mut rules, &known);
    settled(&mut rules, inputs, &known);
    there(&mut rules, inputs, &known);
    unrefused(&mut rules, plan, subject, "no_other_room", "no other room has this session's id");
    doubt(&mut rules, plan, subject, known.row);
    if let Ok(wanted) = wanted {
        on_time(&mut rules, inputs, &known, wanted);
    }
    held(&mut rules, inputs, session);
    let powers = match inputs.policy.rooms.powers {
        RoomPowers::Full => "rooms.policy = \"full\"",
        RoomPowers::NoDelete => "rooms.policy = \"no-delete\"",
        RoomPowers::Observe => "rooms.policy = \"observe\"",
    };
    unrefused(&mut rules, plan, subject, "rooms_policy", powers);
    guards(&mut rules, plan, subject);
    timing(&mut rules, inputs, known.row);
    rules
}

fn status(rules: &mut Rules, inputs: Inputs<'_>, known: &Known<'_>) {
    let status = &known.session.status;
    let asks = inputs.policy.rooms.statuses.contains(&status.0);
    let value = match () {
        () if status.is_cancelled() && known.exists() => {
            format!("{}: cancelled, so a room of ours goes away", status.0)
        }
        () if status.is_cancelled() => format!("{}: cancelled, and no room of it is there", status.0),
        () if asks => format!("{} asks for a room (rooms.statuses)", status.0),
        () if status.0.is_empty() => "no status; a room that is there stays".into(),
        () => format!("{} is not one of rooms.statuses; a room that is there stays", status.0),
    };
    rules.add("status_asks_for_a_room", asks && !status.is_cancelled(), value);
}

fn horizon(rules: &mut Rules, inputs: Inputs<'_>, not_wanted: Option<NoRoom>) {
    let days = inputs.policy.rooms.horizon.num_days();
    match not_wanted {
        Some(NoRoom::BeyondHorizon(moment)) => rules.add(
            "within_horizon",
            false,
            format!("more than {days} days ahead (rooms.horizon); looked at again {} UTC", exact(moment)),
        ),
        _ => rules.add("within_horizon", true, format!("not more than {days} days ahead (rooms.horizon)")),
    }
}

/// A person's own words are not repeated.
fn link(rules: &mut Rules, known: &Known<'_>) {
    let link = known.session.remote_instructions.trim();
    let value = match known.link {
        Link::Blank => "blank: a room is asked for".to_owned(),
        Link::Ours => format!("ours: {link}"),
        Link::Unmatched => format!("no room of this session answers to {link}"),
        Link::Foreign => "a person's own words, or another session's room: never touched".to_owned(),
    };
    rules.add("link_blank_or_ours", matches!(known.link, Link::Blank | Link::Ours), value);
}

fn settled(rules: &mut Rules, inputs: Inputs<'_>, known: &Known<'_>) {
    let session = known.session;
    let waits = known.link == Link::Blank || session.status.is_cancelled();
    let at = settles_at(inputs, known);
    let holds = !waits || inputs.ask.by_hand || at <= inputs.now();
    let value = if holds {
        "the datatracker's own call had its time (rooms.settle)".to_owned()
    } else {
        format!("left to the datatracker's own call until {} UTC (rooms.settle)", exact(at))
    };
    rules.add("settled", holds, value);
}

fn there(rules: &mut Rules, inputs: Inputs<'_>, known: &Known<'_>) {
    let fault: Option<&Fault> = inputs.rooms.unread.get(known.group);
    let value = match fault {
        _ if known.read => format!("Meetecho's rooms of {} were read just now", known.group),
        Some(fault) => format!("by the ledger's record, since Meetecho's rooms could not be read: {fault}"),
        None => "not read; by the ledger's record".to_owned(),
    };
    rules.add("rooms_read", known.read, value);
    let value = match (known.found, known.record) {
        (Some(room), _) => format!("{}, {}", room.url, times(room.times())),
        (None, Some(record)) if !known.read => {
            format!("{}, {}, by the ledger's record", record.url, times(record.sent))
        }
        (None, Some(_)) => "it is on record, and gone from Meetecho".to_owned(),
        (None, None) => "no room of this session is known".to_owned(),
    };
    rules.add("room_is_there", known.exists(), value);
}

/// At the right time, and with its link in the session.
fn on_time(rules: &mut Rules, inputs: Inputs<'_>, known: &Known<'_>, wanted: RoomTimes) {
    let Some(stands) = known.stands(inputs).filter(|_| known.exists()) else { return };
    let value = if stands == wanted {
        times(wanted)
    } else {
        format!("stands {}, and is wanted {}", times(stands), times(wanted))
    };
    rules.add("room_on_time", stands == wanted, value);
    let leads = known.link_leads_there();
    rules.add(
        "link_leads_there",
        leads,
        if leads {
            "the session's link leads to its room"
        } else {
            "the session's link does not lead to its room"
        },
    );
    let on = inputs.policy.rooms.write_back;
    rules.add(
        "write_back_on",
        on,
        if on {
            "datatracker.write_back = true"
        } else {
            "datatracker.write_back = false: links are never written"
        },
    );
}
