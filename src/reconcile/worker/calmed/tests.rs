//! Which wishes a pass takes back, and which it leaves alone.

use super::*;
use crate::model::{Burst, GroupAcronym, NotifyTime, Session, SessionId, SessionStatus, Timing};
use crate::plan::Ask;
use crate::plan::test_world::{self, decks, interim, minutes, slot, told, week, with_decks};

fn decks_of(id: i64) -> SubjectKey {
    SubjectKey::decks(SessionId(id))
}

fn room_of(id: i64) -> SubjectKey {
    SubjectKey::room(SessionId(id))
}

/// A wish on record, last renewed so many minutes ago.
fn wished(ago: i64) -> Timing {
    let at = minutes(-ago);
    Timing { generation: 7, burst: Some(Burst { first: at, last: at }), ..Timing::default() }
}

/// What a pass of a worker that wished nothing itself takes back, and its plan in a few words.
fn calmed_in(world: &test_world::World) -> (String, Vec<(SubjectKey, i64)>) {
    calmed_of(world, &BTreeMap::new())
}

/// The same for a worker that wished these.
fn calmed_of(world: &test_world::World, own: &BTreeMap<SubjectKey, i64>) -> (String, Vec<(SubjectKey, i64)>) {
    let test_world::World { snapshot, ledger, rooms, policy, ask, .. } = world.clone();
    let world = World::of(snapshot, ledger, rooms, policy, Ask { by_worker: true, ..ask });
    let plan = world.plan();
    (told(&plan), calmed(&world, &plan, own))
}

#[test]
fn a_wish_out_of_our_scope_is_left_to_others_for_an_hour() {
    let mut world = test_world::World::of([with_decks(week(1), decks(&[1]))]);
    let mut calmed_after = |ago: i64, is_in_scope: bool| {
        world.policy.scope.groups.clear();
        if !is_in_scope {
            world.policy.scope.groups.insert(GroupAcronym::new("another"));
        }
        world.row(decks_of(1)).timing = wished(ago);
        calmed_in(&world)
    };
    for ago in [0, 1, 59] {
        assert_eq!(calmed_after(ago, false), ("decks/1! out_of_scope".into(), vec![]), "{ago} min");
    }
    assert_eq!(calmed_after(60, false), ("decks/1! out_of_scope".into(), vec![(decks_of(1), 7)]));
    assert_eq!(calmed_after(600, true), ("decks/1: replace_decks".into(), vec![]), "it is ours to send");
}

/// Without their slides or links nobody knows that what was wished is done with.
#[test]
fn what_was_not_read_is_not_taken_back() {
    let over = with_decks(week(1), decks(&[1]));
    let mut world = test_world::World::of([over, interim(2)]);
    world.session(1).slot = Some(slot(-255, 60));
    world.session(2).slot = None;
    world.ledger.passes.acting_since = Some(minutes(-1000));
    world.ledger.passes.newest = Some(minutes(-1));
    for key in [decks_of(1), room_of(2)] {
        world.row(key).timing = wished(200);
    }
    let told_of_all = "decks/1? window_closed_unsent; room/2? not_scheduled; decks/2? not_scheduled";
    assert_eq!(calmed_in(&world), (told_of_all.into(), vec![(room_of(2), 7)]));

    let mut without_links = world.clone();
    without_links.cannot_read(Kind::Room);
    assert_eq!(calmed_in(&without_links), (told_of_all.into(), vec![]));

    let mut without_slides = world.clone();
    without_slides.cannot_read(Kind::Decks);
    let (told, calmed) = calmed_in(&without_slides);
    assert_eq!(told, "decks/1? outside_window; room/2? not_scheduled; decks/2? not_scheduled");
    assert_eq!(calmed, [(room_of(2), 7)], "the slides that were not sent are still to be told");
}

/// Whether an interim meets on Meetecho stands in its link.
#[test]
fn slides_of_an_interim_whose_link_was_not_read_are_not_taken_back() {
    let mut world = test_world::World::of([with_decks(interim(1), decks(&[1]))]);
    world.session(1).slot = Some(slot(-255, 60));
    world.ledger.passes.acting_since = Some(minutes(-1000));
    world.ledger.passes.newest = Some(minutes(-1));
    world.row(decks_of(1)).timing = wished(200);
    assert_eq!(calmed_in(&world), ("decks/1? window_closed_unsent".into(), vec![]));
    world.cannot_read(Kind::Room);
    assert_eq!(calmed_in(&world), ("decks/1? outside_window".into(), vec![]));

    // One that has its room does, and what was wished is what was sent.
    let live = Session { slot: Some(slot(-10, 60)), ..interim(1) };
    let mut world = test_world::World::of([with_decks(live, decks(&[1]))]).has_room(1);
    let plan = world.plan();
    world.apply(&plan);
    world.row(decks_of(1)).timing = wished(200);
    world.cannot_read(Kind::Room);
    assert_eq!(calmed_in(&world), ("room/1! source_incomplete".into(), vec![(decks_of(1), 7)]));
}

/// By the record all is well; that it is gone only a look tells, and the one before it was forgotten with its try.
#[test]
fn a_room_that_is_put_off_stays_so_until_it_is_looked_at() {
    let world = test_world::World::of([interim(1)]).has_room(1);
    let put_off = |until| Timing { not_before: Some(minutes(until)), tries: 4, ..wished(200) };
    let calmed_with = |timing: Timing, is_seen: bool| {
        let mut world = world.clone();
        world.row(room_of(1)).timing = timing;
        if !is_seen {
            world.rooms.by_group.clear();
        }
        let (told, calmed) = calmed_in(&world);
        assert_eq!(told, "decks/1? outside_window");
        calmed
    };
    assert_eq!(calmed_with(put_off(1), false), []);
    assert_eq!(calmed_with(put_off(0), false), [(room_of(1), 7)], "its pause is over");
    assert_eq!(calmed_with(put_off(1), true), [(room_of(1), 7)], "it is there after all");
}

/// A worker beside us may have another window, and we may only observe.
#[test]
fn a_wish_that_our_settings_have_no_part_in_is_left_to_others() {
    let mut world = test_world::World::of([with_decks(week(1), decks(&[1]))]);
    world.policy.slides.notify = NotifyTime::Never;
    let calmed_after = |world: &mut test_world::World, ago: i64| {
        world.row(decks_of(1)).timing = wished(ago);
        calmed_in(world)
    };
    assert_eq!(calmed_after(&mut world, 59), ("decks/1? notifications_off".into(), vec![]));
    assert_eq!(calmed_after(&mut world, 60).1, [(decks_of(1), 7)]);
    world.policy.slides.notify = NotifyTime::Minutes(1);
    world.session(1).slot = Some(slot(30, 60));
    assert_eq!(calmed_after(&mut world, 59), ("decks/1? outside_window".into(), vec![]));
    assert_eq!(calmed_after(&mut world, 60).1, [(decks_of(1), 7)]);
    // Whatever the settings are.
    world.session(1).status = SessionStatus("canceled".into());
    assert_eq!(calmed_after(&mut world, 0), ("decks/1? cancelled".into(), vec![(decks_of(1), 7)]));
}

/// One that refreshes what is shown wishes what another finds to be in step.
#[test]
fn a_wish_of_another_that_seems_to_be_in_step_gets_its_time() {
    let mut world = test_world::World::of([with_decks(week(1), decks(&[1]))]);
    let plan = world.plan();
    world.apply(&plan);
    for (ago, is_back) in [(0, false), (1, false), (2, true)] {
        world.row(decks_of(1)).timing = wished(ago);
        let expected = is_back.then_some((decks_of(1), 7));
        assert_eq!(calmed_in(&world), (String::new(), expected.into_iter().collect()), "{ago} min");
    }
}

#[test]
fn an_own_wish_is_taken_back_at_once() {
    let mut world = test_world::World::of([with_decks(week(1), decks(&[1]))]);
    world.policy.slides.notify = NotifyTime::Never;
    world.row(decks_of(1)).timing = wished(0);
    let calmed_by = |generation: i64| calmed_of(&world, &[(decks_of(1), generation)].into()).1;
    assert_eq!(calmed_by(7), [(decks_of(1), 7)]);
    assert_eq!(calmed_by(6), [], "another wished anew since");
}
