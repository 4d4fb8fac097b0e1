//! What a window closed on, and what it did not; and what is still sent after the close.

use super::decks::{key, only, settled};
use crate::desired::epoch;
use crate::model::*;
use crate::plan::test_world::*;
use crate::plan::{ExplainedAnswer, explain};

/// Whose window closed three hours ago, with a worker that was at work all day and made its last pass so many minutes
/// after the close.
fn closed(last_pass: i64) -> World {
    let mut world = settled();
    let over = slot(-255, 60);
    world.session(1).slot = Some(over);
    let slides = world.policy.slides.clone();
    let accepted = world.row(key(1)).accepted.as_mut().expect("settled");
    accepted.epoch = epoch(Some(over), None, &slides, minutes(-200)).to_string();
    world.ledger.passes =
        Passes { newest: Some(minutes(-180 + last_pass)), acting_since: Some(minutes(-1000)) };
    world
}

fn edited(mut world: World) -> World {
    world.session(1).decks[0].deck.rev = "01".into();
    world
}

const UNSENT: &str = "decks/1? window_closed_unsent";
const NOT_CONFIRMED: &str =
    "; the list accepted last was not confirmed, and is not before something is sent again";
const SHUT: &str = "decks/1? outside_window";

#[test]
fn the_first_pass_after_the_close_finds_what_was_not_sent_and_no_pass_after_it() {
    assert_eq!(decks_told(&closed(-1)), SHUT, "all was sent");
    assert_eq!(decks_told(&edited(closed(-1))), UNSENT);
    assert_eq!(decks_told(&edited(closed(-90))), UNSENT, "nobody was at work at the close");
    for after in [0, 1, 100] {
        assert_eq!(decks_told(&edited(closed(after))), SHUT, "edited after the close");
    }
    let mut held = edited(closed(-1));
    held.ledger.hold_all = Some(Hold { until: minutes(60), by: "a".into(), reason: "b".into() });
    assert_eq!(decks_told(&held), UNSENT);
    let mut never_sent = closed(-1);
    *never_sent.row(key(1)) = Remembered::default();
    assert_eq!(decks_told(&never_sent), UNSENT);
    never_sent.session(1).decks.clear();
    assert_eq!(decks_told(&never_sent), SHUT, "there was nothing to send");
    let mut emptied = closed(-1);
    emptied.session(1).decks.clear();
    assert_eq!(decks_told(&emptied), UNSENT, "what was taken away is still shown");
    let mut before_a_day = edited(closed(-1));
    before_a_day.snapshot = before_a_day.snapshot.carried_to(minutes(24 * 60 - 196));
    assert_eq!(decks_told(&before_a_day), UNSENT);
    before_a_day.snapshot = before_a_day.snapshot.carried_to(minutes(24 * 60 - 195));
    assert_eq!(decks_told(&before_a_day), SHUT);
}

#[test]
fn what_was_accepted_before_meetechos_own_window_opened_was_not_shown() {
    let mut world = closed(-1);
    world.policy.slides.notify = NotifyTime::Minutes(30);
    world.ledger.passes.newest = Some(minutes(-170));
    assert_eq!(decks_told(&world), SHUT);
    let (over, slides) = (world.session(1).slot, world.policy.slides.clone());
    let early = epoch(over, None, &slides, minutes(-255 - 20)).to_string();
    world.row(key(1)).accepted.as_mut().expect("settled").epoch = early;
    assert_eq!(decks_told(&world), UNSENT);
}

#[test]
fn before_the_first_pass_that_may_send_nothing_was_anybodys_to_send() {
    let mut world = edited(closed(-1));
    world.ledger.passes.acting_since = Some(minutes(-179));
    assert_eq!(decks_told(&world), SHUT);
    // The passes of a worker that only looks leave wishes, too.
    let burst = Some(Burst { first: minutes(-200), last: minutes(-200) });
    world.row(key(1)).timing.burst = burst;
    assert_eq!(decks_told(&world), SHUT);
    world.ledger.passes.acting_since = None;
    assert_eq!(decks_told(&world), SHUT);
    world.row(key(1)).timing.tries = 3;
    assert_eq!(decks_told(&world), UNSENT, "a command has tried");
    let mut commands_only = edited(closed(-1));
    commands_only.ledger.passes = Passes::default();
    assert_eq!(decks_told(&commands_only), SHUT);
    commands_only.row(key(1)).timing.burst = burst;
    assert_eq!(decks_told(&commands_only), UNSENT);
}

#[test]
fn what_is_on_record_is_told_for_as_long_as_it_is_not_what_was_accepted() {
    let mut world = edited(closed(100));
    world.row(key(1)).timing.burst = Some(Burst { first: minutes(-180), last: minutes(-180) });
    assert_eq!(decks_told(&world), UNSENT);
    world.session(1).decks[0].deck.rev = "00".into();
    assert_eq!(decks_told(&world), SHUT, "it went back");
}

#[test]
fn a_confirming_send_that_is_owed_is_made_outside_of_the_window_too() {
    let mut world = closed(100);
    world.row(key(1)).confirming = Some(Confirming { at: minutes(1) });
    let plan = only(&world);
    assert_eq!(told(&plan), "decks/1? in_doubt_confirming");
    assert_eq!(plan.waits[0].until, Some(minutes(1)));
    world.snapshot = world.snapshot.carried_to(minutes(1));
    assert_eq!(decks_told(&world), "decks/1: replace_decks");
    // Of what was accepted, and of nothing that came after the close.
    let sent = world.row(key(1)).accepted.clone().expect("settled").decks;
    let mut world = edited(world);
    world.row(key(1)).timing = Timing {
        burst: Some(Burst { first: minutes(1), last: minutes(1) }),
        digest: Some(digest_of(&serde_json::json!(sent))),
        ..Timing::default()
    };
    let plan = only(&world);
    assert_eq!(told(&plan), "decks/1: replace_decks");
    assert_eq!(plan.changes[0].wanted.as_ref(), Some(&sent));
    world.row(key(1)).timing = Timing::default();
    world.snapshot = world.snapshot.carried_to(minutes(24 * 60 - 195));
    assert_eq!(decks_told(&world), SHUT, "a day later it is over");
}

/// Only where the window of the very slot has closed that the list was sent for. Of a session that is off, unscheduled or
/// moved, nothing is sent; and the debt is made good by the first list that goes out again.
#[test]
fn a_confirming_send_is_owed_by_nobody_of_whom_nothing_is_sent() {
    let mut owing = closed(100);
    owing.row(key(1)).confirming = Some(Confirming { at: minutes(-1) });
    assert_eq!(decks_told(&owing), "decks/1: replace_decks");
    let mut off = owing.clone();
    off.policy.slides.notify = NotifyTime::Never;
    let mut unscheduled = owing.clone();
    unscheduled.session(1).slot = None;
    let mut moved = owing.clone();
    moved.session(1).slot = Some(slot(14400, 60));
    let mut moved_back = owing.clone();
    moved_back.session(1).slot = Some(slot(-315, 60));
    for (world, why) in [
        (off, "notifications_off"),
        (unscheduled, "not_scheduled"),
        (moved, "outside_window"),
        (moved_back, "outside_window"),
    ] {
        let mut world = world;
        assert_eq!(decks_told(&world), format!("decks/1? {why}"));
        let plan = only(&world);
        assert_eq!(plan.summary.in_doubt, 0, "{why}");
        assert!(!plan.in_step.contains(&SessionId(1)), "{why}");
        let told = explain(world.inputs(), &plan, &world.snapshot.sessions[0]);
        let decks = &told.subjects[0];
        assert_eq!((decks.answer, decks.why.map(Why::code)), (ExplainedAnswer::Waits, Some(why)));
        assert!(decks.next.is_none_or(|next| next > now()), "{decks:#?}");
        assert!(decks.detail.ends_with(NOT_CONFIRMED), "{decks:#?}");
        let owed = decks.rules.iter().find(|rule| rule.rule == "nothing_owed").expect("a rule");
        assert!(owed.holds && owed.value.contains("not confirmed"), "{owed:?}");
        // It is on again, soon.
        world.policy.slides.notify = NotifyTime::Minutes(15);
        world.session(1).slot = Some(slot(-10, 60));
        assert_eq!(decks_told(&world), "decks/1: replace_decks", "{why}");
        let plan = world.plan();
        world.apply(&plan);
        assert!(world.row(key(1)).confirming.is_none() && decks_told(&world).is_empty(), "{why}");
    }
}
