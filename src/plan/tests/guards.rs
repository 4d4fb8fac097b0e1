//! The limits beyond which a person must say yes.

use chrono::{DateTime, TimeDelta};

use crate::model::*;
use crate::plan::test_world::*;

fn cancelled(number: i64) -> World {
    let mut world = World::of((1..=number).map(interim));
    for id in 1..=number {
        world = world.has_room(id);
        world.session(id).status = SessionStatus("canceled".into());
    }
    world
}

fn count(world: &World, rule: Why) -> usize {
    world.plan().refusals.iter().filter(|refusal| refusal.rule == rule).count()
}

#[test]
fn so_many_rooms_may_be_deleted_and_no_more() {
    assert_eq!(cancelled(5).plan().changes.len(), 5);
    let mut world = cancelled(6);
    let plan = world.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(count(&world, Why::GuardTooManyDeletes), 6);
    let refusal = &plan.refusals[0];
    assert_eq!(
        refusal.detail,
        "6 rooms would be deleted (a moved one counts), within 1 h; guard.max_deletes = 5 (6 now, 0 before)"
    );
    assert_eq!(
        refusal.way_on,
        "look at them, then: meetsync resync --session 1 --session 2 --session 3 --session 4 --session 5 --session 6 \
         --rooms-only --force"
    );
    assert_eq!(refusal.operations.len(), 1);
    world.ask.force = true;
    assert_eq!(world.plan().changes.len(), 6);
    assert!(world.plan().refusals.is_empty());
}

#[test]
fn the_last_hour_counts_too() {
    let mut world = cancelled(2);
    world.ledger.recent.rooms_deleted = 3;
    assert_eq!(world.plan().changes.len(), 2);
    world.ledger.recent.rooms_deleted = 4;
    assert_eq!(count(&world, Why::GuardTooManyDeletes), 2);
    assert!(world.plan().refusals[0].detail.contains("(2 now, 4 before)"));
    // Nothing planned, nothing refused, however much was done.
    let mut world = World::of([interim(1)]).has_room(1);
    world.ledger.recent = RecentChanges { rooms_deleted: 9, rooms_created: 99, ..RecentChanges::default() };
    assert!(world.plan().refusals.is_empty());
}

#[test]
fn a_moved_room_counts_as_deleted_and_not_as_created() {
    let mut world = World::of((1..=6).map(interim));
    for id in 1..=6 {
        world = world.has_room(id);
        world.session(id).slot = Some(slot(1500, 60));
    }
    world.policy.guard.max_creates = 0;
    assert_eq!(count(&world, Why::GuardTooManyDeletes), 6);
    assert_eq!(count(&world, Why::GuardTooManyCreates), 0);
}

#[test]
fn so_many_rooms_may_be_created_and_no_more() {
    let mut world = World::of((1..=20).map(interim));
    assert_eq!(world.plan().changes.len(), 20);
    world.ledger.recent.rooms_created = 1;
    assert_eq!(count(&world, Why::GuardTooManyCreates), 20);
    assert!(world.plan().changes.is_empty(), "no link is written for a room that is not made");
}

#[test]
fn a_refusal_holds_back_nothing_else() {
    let mut world = cancelled(6);
    world.snapshot.sessions.push(interim(7));
    world.snapshot.sessions.push(with_decks(week(8), decks(&[1])));
    let plan = world.plan();
    assert_eq!(plan.changes.len(), 2, "{}", told(&plan));
    assert_eq!(plan.summary.refused, 6);
}

/// Nobody who follows it says yes to more than was refused.
#[test]
fn the_way_on_names_what_was_refused_and_no_more() {
    let mut world = cancelled(6);
    world.snapshot.sessions.push(interim(7));
    for kinds in [KindFilter::Both, KindFilter::RoomsOnly] {
        world.ask.scope.kinds = kinds;
        let plan = world.plan();
        let way_on = &plan.refusals[0].way_on;
        let sessions: Vec<String> = (1..=6).map(|id| format!("--session {id}")).collect();
        assert!(
            way_on.ends_with(&format!("meetsync resync {} --rooms-only --force", sessions.join(" "))),
            "{way_on}"
        );
    }
    // More than fit into a line.
    let mut world = World::of((1..=30).map(interim));
    for id in 1..=30 {
        world.session(id).group = GroupAcronym::new(if id <= 20 { "mars" } else { "quic" });
    }
    for id in 1..=30 {
        world.session(id).meeting = MeetingNumber::new(if id <= 15 { "a" } else { "b" });
    }
    let way_on = |world: &World| world.plan().refusals[0].way_on.clone();
    world.policy.guard.max_creates = 1;
    world.ask.scope.meetings = [MeetingNumber::new("a")].into();
    assert!(
        way_on(&world).ends_with("meetsync resync --group mars --meeting a --rooms-only --force"),
        "{}",
        way_on(&world)
    );
    world.ask.scope = Scope::default();
    assert!(
        way_on(&world).ends_with("meetsync resync --group mars --group quic --rooms-only --force"),
        "{}",
        way_on(&world)
    );
    assert!(way_on(&emptied(11, 1)).contains("--session 11 --slides-only --force"));
}

/// Live sessions with three decks that were sent, of which so many are left.
fn emptied(number: i64, left: usize) -> World {
    let mut world = World::of((1..=number).map(|id| with_decks(week(id), decks(&[1, 2, 3]))));
    world.ask.force = true;
    let plan = world.plan();
    world.apply(&plan);
    world.ask.force = false;
    for id in 1..=number {
        world.session(id).decks.truncate(left);
    }
    world
}

#[test]
fn too_many_sessions_that_lose_more_than_half_of_their_decks() {
    assert_eq!(emptied(10, 1).plan().changes.len(), 10);
    assert_eq!(emptied(11, 2).plan().changes.len(), 11, "a third is not more than half");
    let world = emptied(11, 1);
    assert_eq!(count(&world, Why::GuardTooManyDeletes), 11);
    assert!(world.plan().refusals[0].detail.contains("guard.max_sessions = 10"));
    // In the same span: what was emptied before counts, once per session.
    let mut world = emptied(2, 0);
    world.ledger.recent.sessions_emptied = (100..=108).map(SessionId).collect();
    assert_eq!(count(&world, Why::GuardTooManyDeletes), 2);
    world.ledger.recent.sessions_emptied = (1..=10).map(SessionId).collect();
    assert_eq!(world.plan().changes.len(), 2);
    world.ledger.recent.sessions_emptied = (100..=199).map(SessionId).collect();
    world.ask.force = true;
    assert_eq!(world.plan().changes.len(), 2);
}

/// A resync does nothing for a session whose window has closed, however it is forced.
#[test]
fn a_push_that_a_guard_stops_goes_on_with_a_push() {
    let mut world = emptied(3, 1);
    for id in 1..=3 {
        world.session(id).slot = Some(slot(-255, 60));
    }
    world.policy.guard.max_sessions = 1;
    world.ask.push = true;
    world.ask.scope.sessions = [SessionId(1), SessionId(3)].into();
    let refusals = world.plan().refusals;
    assert_eq!(refusals.len(), 2);
    assert_eq!(
        refusals[0].way_on,
        "look at them, then: MEETSYNC__GUARD__MAX_SESSIONS=2 meetsync push --session 1 --session 3 --reason TEXT"
    );
    world.policy.guard.max_sessions = 2;
    assert_eq!(world.plan().changes.len(), 2);
}

#[test]
fn an_empty_range_while_the_ledger_has_sessions_in_it() {
    let mut world = World::of([interim(1)]).has_room(1);
    let slot = world.session(1).slot;
    world.row(SubjectKey::room(SessionId(1))).slot = slot;
    world.snapshot.sessions.clear();
    world.snapshot.in_range = 0;
    world.row(SubjectKey::decks(SessionId(1))).slot = slot;
    assert_eq!(told(&world.plan()), "all! guard_empty_source");
    let detail = &world.plan().refusals[0].detail;
    assert!(detail.ends_with("but the ledger has 1 there"), "sessions, not rows: {detail}");
    world.ask.force = true;
    assert_eq!(told(&world.plan()), "");
    world.ask.force = false;
    world.ledger.subjects.clear();
    assert_eq!(told(&world.plan()), "", "a first run on an empty database");
}

#[test]
fn an_incomplete_snapshot_plans_nothing() {
    let mut world = cancelled(2);
    world.snapshot.sessions.push(with_decks(week(8), decks(&[1])));
    world.snapshot.complete = false;
    world.ask.force = true;
    let plan = world.plan();
    assert_eq!(told(&plan), "all! source_incomplete");
    assert_eq!(plan.summary.to_change, 0);
}

#[test]
fn a_source_that_is_far_behind_plans_nothing_and_says_how_far() {
    let mut world = cancelled(2);
    world.ask.force = true;
    world.snapshot.known_until = world.snapshot.as_of - TimeDelta::seconds(30);
    assert!(world.plan().summary.to_change > 0);
    world.snapshot.known_until -= TimeDelta::seconds(1);
    let plan = world.plan();
    assert_eq!((told(&plan).as_str(), plan.summary.to_change), ("all! source_lagging", 0));
    assert!(plan.refusals[0].detail.contains("31 s behind"), "{:?}", plan.refusals);
    world.snapshot.known_until = DateTime::UNIX_EPOCH;
    let plan = world.plan();
    assert_eq!(told(&plan), "all! source_lagging");
    assert!(plan.refusals[0].detail.contains("can't tell how old"), "{:?}", plan.refusals);
}
