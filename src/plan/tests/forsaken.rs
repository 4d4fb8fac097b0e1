//! Doubt about the room of a session that wants none any more: a look ends it.

use chrono::TimeDelta;

use crate::model::*;
use crate::plan::test_world::*;
use crate::plan::{Plan, RoomState, groups_to_read, report};

fn key() -> SubjectKey {
    SubjectKey::room(SessionId(1))
}

fn mars() -> GroupAcronym {
    GroupAcronym::new("mars")
}

fn only_rooms(world: &World) -> Plan {
    let mut world = world.clone();
    world.ask.scope.kinds = KindFilter::RoomsOnly;
    world.plan()
}

/// A request for its room has had no answer for so many seconds, and the room is not wanted any more.
fn forsaken(change: impl Fn(&mut Session), seconds: i64) -> World {
    let mut world = World::of([interim(1)]);
    let row = world.row(key());
    row.doubt_since = Some(now() - TimeDelta::seconds(seconds));
    row.slot = Some(slot(1440, 60));
    change(world.session(1));
    world
}

type Change = fn(&mut Session);

fn ways() -> [(&'static str, Change); 6] {
    [
        ("over", |session| session.slot = Some(slot(-60, 60))),
        ("not scheduled", |session| session.slot = None),
        ("in another status", |session| session.status = SessionStatus("schedw".into())),
        ("moved away", |session| session.tombstone_for = Some(SessionId(9))),
        ("cancelled, and over", |session| {
            session.status = SessionStatus("canceled".into());
            session.slot = Some(slot(-60, 60));
        }),
        ("cancelled, and not scheduled", |session| {
            session.status = SessionStatus("canceled".into());
            session.slot = None;
        }),
    ]
}

#[test]
fn a_look_that_shows_nothing_ends_it_when_nothing_can_come_late() {
    for (way, change) in ways() {
        let mut world = forsaken(change, 30);
        world.rooms = RoomsSeen::default();
        assert_eq!(rooms_told(&world), "room/1? in_doubt_confirming", "{way}");
        assert_eq!(only_rooms(&world).waits[0].until, None, "{way}: until somebody looks");
        assert_eq!(groups_to_read(world.inputs()), [mars()].into(), "{way}");

        let young = only_rooms(&forsaken(change, 29));
        assert_eq!(told(&young), "room/1? in_doubt_confirming", "{way}");
        assert_eq!(young.waits[0].until, Some(now() + TimeDelta::seconds(1)), "{way}");

        let mut world = forsaken(change, 30);
        let plan = only_rooms(&world);
        assert_eq!(told(&plan), "room/1: end_doubt", "{way}");
        assert_eq!(plan.summary.requests, 0, "{way}");
        assert!(plan.changes[0].slot.is_some(), "{way}: the ledger must know when it is past");
        world.apply(&plan);
        assert!(!rooms_told(&world).contains("doubt"), "{way}: {}", rooms_told(&world));
        assert!(groups_to_read(world.inputs()).is_empty(), "{way}");
    }
}

#[test]
fn a_room_that_is_there_after_all_is_put_on_record_and_left_alone() {
    // Of a cancelled session it goes away, as long as it is still to come.
    for (way, change) in ways().into_iter().filter(|(way, _)| !way.starts_with("cancelled")) {
        let mut world = forsaken(change, 1).shows("mars", seen(&interim(1), "late"));
        let plan = only_rooms(&world);
        assert_eq!(told(&plan), "room/1: adopt_room", "{way}");
        assert_eq!(plan.changes[0].link, None, "{way}: nobody asks for its link");
        world.apply(&plan);
        assert!(!rooms_told(&world).contains("room/1:"), "{way}: {}", rooms_told(&world));
        assert_eq!(report(world.inputs())[0].state, RoomState::Unwanted, "{way}");
        // Known now, it goes when the session is cancelled while it is still to come.
        *world.session(1) = interim(1);
        world.session(1).status = SessionStatus("canceled".into());
        assert_eq!(rooms_told(&world), "room/1: delete_room", "{way}");
    }
}

#[test]
fn a_room_that_does_not_fit_is_for_a_person() {
    let theirs = SeenRoom { description: "lunch".into(), start: minutes(77), ..seen(&interim(1), "theirs") };
    let world = forsaken(|session| session.slot = None, 60).shows("mars", theirs);
    assert_eq!(rooms_told(&world), "room/1! room_conflict");
}

#[test]
fn while_the_session_wants_its_room_doubt_is_never_ended() {
    assert_eq!(rooms_told(&forsaken(|_| {}, 3600)), "room/1: create_room+write_room_url");
    let later = forsaken(|session| session.slot = Some(slot(181 * 1440, 60)), 3600);
    assert_eq!(rooms_told(&later), "room/1? outside_window", "it will want it");
    assert!(groups_to_read(later.inputs()).is_empty(), "it has its look then");
    // Its link was not read: it may be anything.
    let mut unread = forsaken(|session| session.slot = None, 3600);
    unread.cannot_read(Kind::Room);
    assert_eq!(rooms_told(&unread), "room/1? not_scheduled");
}
