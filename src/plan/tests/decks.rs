//! One session's decks: the gates, epochs, doubt, and what a person asks for.

use chrono::TimeDelta;

use crate::desired::epoch;
use crate::model::*;
use crate::plan::Plan;
use crate::plan::test_world::*;

pub(super) fn key(id: i64) -> SubjectKey {
    SubjectKey::decks(SessionId(id))
}

pub(super) fn only(world: &World) -> Plan {
    let mut world = world.clone();
    world.ask.scope.kinds = KindFilter::SlidesOnly;
    world.plan()
}

/// A live session of an IETF week with two decks, nothing sent yet.
fn live() -> World {
    World::of([with_decks(week(1), decks(&[1, 2]))])
}

/// The same, in step.
pub(super) fn settled() -> World {
    let mut world = live();
    let plan = world.plan();
    world.apply(&plan);
    world
}

#[test]
fn each_gate_has_its_code() {
    let of = |change: &dyn Fn(&mut Session)| {
        let mut world = live();
        change(world.session(1));
        decks_told(&world)
    };
    assert_eq!(of(&|_| {}), "decks/1: replace_decks");
    for status in ["canceled", "canceledpa", "deleted", "disappr"] {
        assert_eq!(of(&|session| session.status = SessionStatus(status.into())), "decks/1? cancelled");
    }
    assert_eq!(of(&|session| session.status = SessionStatus("notmeet".into())), "decks/1: replace_decks");
    assert_eq!(of(&|session| session.tombstone_for = Some(SessionId(2))), "decks/1? tombstone");
    assert_eq!(of(&|session| session.slot = None), "decks/1? not_scheduled");
    assert_eq!(of(&|session| session.slot = Some(slot(15, 60))), "decks/1? outside_window");
    assert_eq!(of(&|session| session.slot = Some(slot(14, 60))), "decks/1: replace_decks");
    assert_eq!(of(&|session| session.slot = Some(slot(-74, 60))), "decks/1: replace_decks");
    assert_eq!(of(&|session| session.slot = Some(slot(-75, 60))), "decks/1? outside_window");
    assert_eq!(of(&|session| session.decks.clear()), "decks/1? no_decks");
}

#[test]
fn a_wait_for_the_window_names_its_opening() {
    let mut world = live();
    world.session(1).slot = Some(slot(75, 60));
    assert_eq!(only(&world).waits[0].until, Some(minutes(60)));
    world.session(1).slot = Some(slot(-300, 60));
    assert_eq!(only(&world).waits[0].until, None, "closed for good");
}

#[test]
fn never_always_and_zero() {
    let mut world = live();
    world.policy.slides.notify = NotifyTime::Never;
    assert_eq!(decks_told(&world), "decks/1? notifications_off");
    world.policy.slides.notify = NotifyTime::Always;
    world.session(1).slot = Some(slot(100_000, 60));
    assert_eq!(decks_told(&world), "decks/1: replace_decks");
    world.session(1).status = SessionStatus("canceled".into());
    assert_eq!(decks_told(&world), "decks/1? cancelled");
    let mut world = live();
    world.policy.slides.notify = NotifyTime::Minutes(0);
    world.session(1).slot = Some(slot(0, 60));
    assert_eq!(decks_told(&world), "decks/1? outside_window", "strictly after the start");
}

#[test]
fn deleted_decks_are_left_out_unless_asked_for() {
    let mut world = live();
    world.session(1).decks[0].deleted = true;
    let ids = |world: &World| -> Vec<i64> {
        only(world).changes[0].wanted.iter().flatten().map(|deck| deck.id.0).collect()
    };
    assert_eq!(ids(&world), [2]);
    world.policy.slides.include_deleted = true;
    assert_eq!(ids(&world), [1, 2]);
}

#[test]
fn a_list_that_was_sent_and_is_empty_now_is_taken_away() {
    let mut world = settled();
    world.session(1).decks.clear();
    assert_eq!(decks_told(&world), "decks/1: delete_deck+delete_deck");
    assert_eq!(world.plan().summary.requests, 2);
}

#[test]
fn what_changed_is_named_and_an_unchanged_list_costs_nothing() {
    let mut world = settled();
    assert_eq!(decks_told(&world), "");
    assert_eq!(world.plan().summary.in_step, 1);
    world.session(1).decks[1].deck.rev = "01".into();
    let plan = only(&world);
    assert_eq!(told(&plan), "decks/1: revise_deck");
    assert_eq!(plan.changes[0].reason, "a deck was revised");
}

#[test]
fn a_moved_session_is_a_new_epoch() {
    let mut world = settled();
    world.session(1).slot = Some(slot(-5, 60));
    let plan = only(&world);
    assert_eq!(told(&plan), "decks/1: replace_decks");
    assert_eq!(plan.changes[0].reason, "the session moved");
}

#[test]
fn a_new_room_is_a_new_epoch() {
    let mut session = with_decks(interim(1), decks(&[1]));
    session.slot = Some(slot(-5, 60));
    let mut world = World::of([session]).has_room(1);
    let plan = world.plan();
    world.apply(&plan);
    assert_eq!(told(&world.plan()), "");
    // Gone from the provider: the room is made again, and its decks go out once more, once.
    world.rooms.by_group.insert(GroupAcronym::new("mars"), Vec::new());
    let plan = world.plan();
    assert_eq!(told(&plan), "room/1: create_room+write_room_url; decks/1: replace_decks");
    assert_eq!(plan.changes[1].epoch.as_ref().expect("decks").room, None, "only the step will know it");
    world.apply(&plan);
    assert_eq!(told(&world.plan()), "");
}

#[test]
fn a_room_that_is_refused_is_not_new() {
    let mut session = with_decks(interim(1), decks(&[1]));
    session.slot = Some(slot(-5, 60));
    let mut world = World::of([session]).has_room(1);
    let plan = world.plan();
    world.apply(&plan);
    world.rooms.by_group.insert(GroupAcronym::new("mars"), Vec::new());
    assert_eq!(decks_told(&world), "", "--slides-only makes no room");
    world.policy.guard.max_creates = 0;
    assert_eq!(
        told(&world.plan()),
        "room/1! guard_too_many_creates",
        "else the list would go out every time"
    );
    world.policy.rooms.powers = RoomPowers::Observe;
    assert_eq!(told(&world.plan()), "room/1! observe_only");
}

#[test]
fn meetechos_own_window_is_an_epoch_of_its_own() {
    let mut world = live();
    world.policy.slides.notify = NotifyTime::Minutes(60);
    world.session(1).slot = Some(slot(30, 60));
    let plan = only(&world);
    assert_eq!(told(&plan), "decks/1: replace_decks", "our window is open");
    world.apply(&plan);
    assert_eq!(decks_told(&world), "");
    world.snapshot = world.snapshot.carried_to(minutes(15));
    assert_eq!(decks_told(&world), "", "not yet at the very second");
    world.snapshot = world.snapshot.carried_to(minutes(16));
    let plan = only(&world);
    assert_eq!(told(&plan), "decks/1: replace_decks", "what was sent before was ignored");
    assert_eq!(plan.changes[0].reason, "its window opened");
    world.apply(&plan);
    assert_eq!(decks_told(&world), "");
}

#[test]
fn refresh_sends_the_whole_list_again() {
    let mut world = settled();
    world.policy.slides.refresh = TimeDelta::minutes(5);
    world.snapshot = world.snapshot.carried_to(now() + TimeDelta::seconds(299));
    assert_eq!(decks_told(&world), "");
    world.snapshot = world.snapshot.carried_to(minutes(5));
    assert_eq!(decks_told(&world), "decks/1: replace_decks");
}

#[test]
fn doubt_takes_away_what_may_be_there_and_sends_the_whole_list() {
    let mut world = settled();
    let row = world.row(key(1));
    row.doubt_since = Some(minutes(-1));
    row.may_be_there.insert(DeckId(9));
    let plan = only(&world);
    assert_eq!(told(&plan), "decks/1: delete_deck+replace_decks");
    assert!(plan.changes[0].reason.contains("11:59:00 UTC"), "{}", plan.changes[0].reason);
    assert_eq!(plan.summary.in_doubt, 1);
    world.policy.slides.materials = Materials::WholeList;
    assert_eq!(decks_told(&world), "decks/1: replace_decks");
}

#[test]
fn a_confirming_send_is_made_at_its_moment() {
    let mut world = settled();
    world.row(key(1)).confirming = Some(Confirming { at: now() + TimeDelta::seconds(1) });
    let plan = only(&world);
    assert_eq!(told(&plan), "decks/1? in_doubt_confirming");
    assert_eq!(plan.waits[0].until, Some(now() + TimeDelta::seconds(1)));
    assert_eq!(plan.summary.in_step, 0);
    world.snapshot = world.snapshot.carried_to(world.snapshot.as_of + TimeDelta::seconds(1));
    let plan = only(&world);
    assert_eq!(told(&plan), "decks/1: replace_decks");
    world.apply(&plan);
    assert_eq!(decks_told(&world), "");
}

#[test]
fn a_change_does_not_wait_for_the_confirming_send() {
    let mut world = settled();
    world.row(key(1)).confirming = Some(Confirming { at: minutes(1) });
    world.session(1).decks[0].deck.rev = "01".into();
    assert_eq!(decks_told(&world), "decks/1: revise_deck");
}

#[test]
fn what_the_window_closed_on_is_reported() {
    let mut world = settled();
    world.session(1).slot = Some(slot(-300, 60));
    assert_eq!(decks_told(&world), "decks/1? outside_window");
    world.row(key(1)).doubt_since = Some(minutes(-230));
    assert_eq!(decks_told(&world), "decks/1? window_closed_unsent");
    // What is out of scope was never to be sent.
    let mut elsewhere = world.clone();
    elsewhere.policy.scope.groups = [GroupAcronym::new("elsewhere")].into();
    assert_eq!(decks_told(&elsewhere), "decks/1? outside_window");
}

#[test]
fn a_push_sends_the_whole_list_whatever_the_window_says() {
    let mut world = settled();
    world.ask.push = true;
    let plan = world.plan();
    assert_eq!(told(&plan), "decks/1: replace_decks");
    assert_eq!(plan.changes[0].reason, "pushed by hand");
    world.session(1).slot = Some(slot(500, 60));
    assert_eq!(told(&world.plan()), "decks/1: replace_decks");
    world.policy.slides.notify = NotifyTime::Never;
    assert_eq!(told(&world.plan()), "decks/1: replace_decks");
}

#[test]
fn a_cancelled_session_gets_nothing_by_hand_either() {
    let mut world = live();
    world.ask.push = true;
    world.session(1).status = SessionStatus("canceled".into());
    assert_eq!(told(&world.plan()), "decks/1? cancelled");
    world.session(1).status = SessionStatus("sched".into());
    world.session(1).tombstone_for = Some(SessionId(2));
    assert_eq!(told(&world.plan()), "decks/1? tombstone");
    let mut elsewhere = with_decks(interim(3), decks(&[1]));
    elsewhere.remote_instructions = "https://webex.example.org/mars".into();
    let mut world = World::of([elsewhere]);
    world.ask.push = true;
    assert_eq!(told(&world.plan()), "decks/3? not_on_meetecho");
}

#[test]
fn resend_trusts_no_record() {
    let mut world = settled();
    world.ask.resend = true;
    let plan = only(&world);
    assert_eq!(told(&plan), "decks/1: replace_decks");
    assert_eq!(plan.changes[0].reason, "asked to trust no record");
    world.session(1).slot = Some(slot(500, 60));
    assert_eq!(decks_told(&world), "decks/1? outside_window", "but not the window either");
}

#[test]
fn an_epoch_is_slot_phase_and_room() {
    let slides = policy().slides;
    let of =
        |from_now, room: &str| epoch(Some(slot(from_now, 60)), Some(room.into()), &slides, now()).to_string();
    assert_ne!(of(10, "a"), of(10, "b"));
    assert_ne!(of(10, "a"), of(11, "a"));
    assert_ne!(of(10, "a"), of(30, "a"));
}

#[test]
fn the_order_of_work_is_live_then_in_window_then_next() {
    let at = |id: i64, from_now: i64| {
        let mut session = with_decks(week(id), decks(&[id]));
        session.slot = Some(slot(from_now, 60));
        session
    };
    let mut moved = interim(6);
    moved.slot = Some(slot(300, 60));
    let mut world = World::of([at(1, -70), at(2, 10), at(3, -20), at(4, -50), interim(5), moved]).has_room(6);
    world.session(6).slot = Some(slot(600, 60));
    let order: Vec<i64> = world.plan().changes.iter().map(|change| change.session.0).collect();
    assert_eq!(order, [4, 3, 6, 2, 1, 5], "a room that is moved has the priority of a live session");
}
