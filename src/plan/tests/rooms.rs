//! One interim's room: wanted, made, adopted, moved, cancelled.

use chrono::TimeDelta;

use crate::model::*;
use crate::plan::test_world::*;
use crate::plan::{Operation, Plan};

fn only(world: &World) -> Plan {
    let mut world = world.clone();
    world.ask.scope.kinds = KindFilter::RoomsOnly;
    world.plan()
}

fn key(id: i64) -> SubjectKey {
    SubjectKey::room(SessionId(id))
}

#[test]
fn a_room_is_wanted_for_an_interim_in_the_right_status_not_over_and_within_the_horizon() {
    let of = |change: &dyn Fn(&mut Session)| {
        let mut session = interim(1);
        change(&mut session);
        rooms_told(&World::of([session]))
    };
    let create = "room/1: create_room+write_room_url";
    assert_eq!(of(&|_| {}), create);
    for status in ["apprw", "appr", "scheda", "sched"] {
        assert_eq!(of(&|session| session.status = SessionStatus(status.into())), create, "{status}");
    }
    for status in ["", "schedw", "resched", "notmeet", "canceled", "canceledpa", "deleted", "disappr"] {
        assert_eq!(of(&|session| session.status = SessionStatus(status.into())), "", "{status}");
    }
    assert_eq!(of(&|session| session.meeting_type = "ietf".into()), "", "weeks have rooms of their own");
    assert_eq!(of(&|session| session.slot = Some(slot(-60, 60))), "", "over");
    assert_eq!(of(&|session| session.slot = Some(slot(-59, 60))), create, "late is better than never");
    assert_eq!(of(&|session| session.slot = Some(slot(181 * 1440, 60))), "room/1? outside_window");
    assert_eq!(of(&|session| session.slot = None), "room/1? not_scheduled");
    assert_eq!(of(&|session| session.tombstone_for = Some(SessionId(9))), "room/1? tombstone");
}

#[test]
fn a_room_has_the_sessions_id_whole_seconds_and_whole_minutes() {
    let mut session = interim(1);
    session.slot = Some(Span::new(
        minutes(1440) + TimeDelta::milliseconds(700),
        minutes(1500) + TimeDelta::milliseconds(600),
    ));
    let plan = only(&World::of([session]));
    let Operation::CreateRoom { room, .. } = &plan.changes[0].operations[0] else { panic!("{plan:?}") };
    assert_eq!((room.room_id.0, room.start, room.duration_min), (1, minutes(1440), 59));
}

#[test]
fn a_blank_link_settles_before_anything_is_done() {
    let mut world = World::of([interim(1)]);
    world.session(1).modified = now() - TimeDelta::seconds(59);
    let plan = only(&world);
    assert_eq!(told(&plan), "room/1? settling");
    assert_eq!(plan.waits[0].until, Some(now() + TimeDelta::seconds(1)));
    world.session(1).modified = now() - TimeDelta::seconds(60);
    assert_eq!(rooms_told(&world), "room/1: create_room+write_room_url");
}

/// Its clock was set back since: what it wrote down comes an hour from now, and the session would have no room until then.
#[test]
fn an_edit_from_the_future_settles_from_when_it_was_seen() {
    let mut world = World::of([interim(1)]);
    world.ask.by_worker = true;
    world.session(1).modified = minutes(60);
    let plan = only(&world);
    assert_eq!(told(&plan), "room/1? settling");
    assert_eq!(plan.waits[0].until, Some(minutes(1)), "counted from now, if it was not seen before");
    let seen = minutes(-1);
    world.row(key(1)).timing.burst = Some(Burst { first: seen, last: seen });
    assert_eq!(rooms_told(&world), "room/1: create_room+write_room_url");
}

#[test]
fn a_room_that_fits_is_adopted_by_start_description_or_number() {
    let session = interim(1);
    let other = |description: &str, from_now| SeenRoom {
        description: description.into(),
        start: minutes(from_now),
        ..seen(&session, "theirs")
    };
    for (room, expected) in [
        (other("anything", 1440), "room/1: adopt_room+write_room_url"),
        (other("interim-2026-mars-01", 1500), "room/1: adopt_room+recreate_room+write_room_url"),
        (other("MARS of 2026-11-18", 1500), "room/1: adopt_room+recreate_room+write_room_url"),
        (other("anything", 1500), "room/1! room_conflict"),
    ] {
        let mut world = World::of([session.clone()]).shows("mars", room.clone());
        world.policy.rooms.description = "MARS of {date}".into();
        assert_eq!(rooms_told(&world), expected, "{room:?}");
    }
}

#[test]
fn an_adopted_room_with_its_link_costs_no_request() {
    let mut world = World::of([interim(1)]);
    let room = seen(world.session(1), "theirs");
    world.session(1).remote_instructions.clone_from(&room.url);
    let plan = only(&world.shows("mars", room));
    assert_eq!(told(&plan), "room/1: adopt_room");
    assert_eq!(plan.summary.requests, 0);
}

#[test]
fn in_doubt_a_room_is_read_again_before_it_is_made_again() {
    let mut world = World::of([interim(1)]);
    world.row(key(1)).doubt_since = Some(now() - TimeDelta::seconds(29));
    let plan = only(&world);
    assert_eq!(told(&plan), "room/1? in_doubt_confirming");
    assert_eq!(plan.waits[0].until, Some(now() + TimeDelta::seconds(1)));
    world.row(key(1)).doubt_since = Some(now() - TimeDelta::seconds(30));
    assert_eq!(rooms_told(&world), "room/1: create_room+write_room_url");
    world.rooms = RoomsSeen::default();
    assert_eq!(rooms_told(&world), "room/1? in_doubt_confirming", "never created unread in doubt");
    let there = world.shows("mars", seen(&interim(1), "late"));
    assert_eq!(rooms_told(&there), "room/1: adopt_room+write_room_url");
}

#[test]
fn in_doubt_our_own_old_room_is_never_a_strangers() {
    // The DELETE of a move timed out: the old room is still there, at its old time, with a description that
    // was right when the meeting had fewer days.
    let mut world = World::of([interim(1)]);
    let old = SeenRoom {
        start: minutes(2880),
        description: "interim-2026-mars-01, day 2".into(),
        ..seen(world.session(1), "own")
    };
    world.session(1).remote_instructions.clone_from(&old.url);
    let mut world = world.records("mars", &old).shows("mars", old);
    world.row(key(1)).doubt_since = Some(minutes(-5));
    assert!(rooms_told(&world).starts_with("room/1: adopt_room+recreate_room"), "{}", rooms_told(&world));
}

#[test]
fn a_moved_room_is_made_again_once_and_its_link_follows() {
    let mut world = World::of([interim(1)]).has_room(1);
    assert_eq!(rooms_told(&world), "");
    world.session(1).slot = Some(slot(1500, 60));
    let plan = only(&world);
    assert_eq!(told(&plan), "room/1: recreate_room+write_room_url");
    assert_eq!(plan.summary.requests, 2);
    world.apply(&plan);
    assert_eq!(rooms_told(&world), "", "the new room's link stands, and nothing is left to do");
}

#[test]
fn a_link_that_names_the_session_outlives_a_move() {
    let mut world = World::of([interim(1)]);
    let url = format!("{PREFIX}?session=1");
    world.session(1).remote_instructions.clone_from(&url);
    let room = SeenRoom { url, ..seen(world.session(1), "room-1") };
    let mut world = world.records("mars", &room).shows("mars", room);
    world.session(1).slot = Some(slot(1500, 60));
    assert_eq!(rooms_told(&world), "room/1: recreate_room");
}

#[test]
fn a_room_that_was_made_anew_by_the_datatracker_is_adopted_not_moved() {
    // The session was edited: the datatracker made a second room at the right time, and its URL is the link.
    let mut world = World::of([interim(1)]).has_room(1);
    world.session(1).slot = Some(slot(1500, 60));
    let new = seen(world.session(1), "datatrackers");
    world.session(1).remote_instructions.clone_from(&new.url);
    let world = world.shows("mars", new);
    assert_eq!(rooms_told(&world), "room/1: adopt_room; room/1! room_conflict");
}

#[test]
fn a_provider_that_stores_something_else_is_not_corrected_in_a_loop() {
    let mut world = World::of([interim(1)]).has_room(1);
    let rooms = world.rooms.by_group.get_mut(&GroupAcronym::new("mars")).expect("read");
    rooms[0].start = minutes(1441);
    rooms[0].description = "something else".into();
    assert_eq!(rooms_told(&world), "");
}

#[test]
fn a_room_is_not_moved_shortly_before_or_while_live() {
    let moved = |was: i64, is: i64| {
        let mut session = interim(1);
        session.slot = Some(slot(was, 60));
        let mut world = World::of([session]).has_room(1);
        world.session(1).slot = Some(slot(is, 60));
        rooms_told(&world)
    };
    let again = "room/1: recreate_room+write_room_url";
    assert_eq!(moved(16, 120), again);
    assert_eq!(moved(15, 120), "room/1! guard_quiet_before");
    assert_eq!(moved(120, 15), "room/1! guard_quiet_before", "the earlier of the two counts");
    assert_eq!(moved(120, -5), "room/1! guard_quiet_before", "the session is live in a room for later");
    assert_eq!(moved(-5, 120), "room/1! guard_room_in_progress");
    assert_eq!(moved(-61, 120), again, "its old time is over");
}

#[test]
fn no_setting_and_no_force_moves_a_running_room() {
    let mut session = interim(1);
    session.slot = Some(slot(-5, 60));
    let mut world = World::of([session]).has_room(1);
    world.session(1).slot = Some(slot(300, 60));
    world.policy.rooms.quiet_before = TimeDelta::zero();
    world.ask.force = true;
    assert_eq!(rooms_told(&world), "room/1! guard_room_in_progress");
}

#[test]
fn a_cancelled_sessions_room_is_deleted_once_settled_and_not_in_progress() {
    let cancelled = |from_now: i64, status: &str| {
        let mut session = interim(1);
        session.slot = Some(slot(from_now, 60));
        let mut world = World::of([session]).has_room(1);
        world.session(1).status = SessionStatus(status.into());
        world
    };
    for status in ["canceled", "canceledpa", "deleted", "disappr"] {
        assert_eq!(rooms_told(&cancelled(300, status)), "room/1: delete_room", "{status}");
    }
    assert_eq!(rooms_told(&cancelled(300, "notmeet")), "", "only reported");
    assert_eq!(rooms_told(&cancelled(0, "canceled")), "room/1! guard_room_in_progress");
    assert_eq!(rooms_told(&cancelled(-60, "canceled")), "", "over");
    let mut world = cancelled(300, "canceled");
    world.session(1).modified = now() - TimeDelta::seconds(59);
    assert_eq!(rooms_told(&world), "room/1? settling");
}

#[test]
fn a_cancelled_session_that_is_on_now_keeps_its_room_whatever_the_record_says() {
    // Moved to now (refused: too near), then cancelled while people were already there.
    let mut world = World::of([interim(1)]).has_room(1);
    world.session(1).slot = Some(slot(-10, 60));
    world.session(1).status = SessionStatus("canceled".into());
    assert_eq!(rooms_told(&world), "room/1! guard_room_in_progress");
    // What the provider shows counts as much as what was sent.
    let mut world = World::of([interim(1)]).has_room(1);
    world.session(1).status = SessionStatus("canceled".into());
    world.rooms.by_group.get_mut(&GroupAcronym::new("mars")).expect("read")[0].start = minutes(-10);
    assert_eq!(rooms_told(&world), "room/1! guard_room_in_progress");
}

#[test]
fn a_room_that_is_not_ours_is_never_deleted() {
    let mut session = interim(1);
    session.status = SessionStatus("canceled".into());
    let room = seen(&session, "theirs");
    let mut world = World::of([session]).shows("mars", room.clone());
    assert_eq!(rooms_told(&world), "", "blank link, no record: we do not know it");
    world.session(1).remote_instructions = "https://webex.example.org/mars".into();
    assert_eq!(rooms_told(&world), "");
    world.session(1).remote_instructions = room.url;
    assert_eq!(rooms_told(&world), "room/1: delete_room", "the link says whose it is");
}

#[test]
fn absence_alone_deletes_nothing() {
    let mut world = World::of([interim(1), interim(2)]).has_room(1).has_room(2);
    world.snapshot.sessions.remove(0);
    assert_eq!(rooms_told(&world), "");
}

#[test]
fn a_room_gone_from_the_provider_is_made_again_and_its_link_follows() {
    let mut world = World::of([interim(1)]).has_room(1);
    world.rooms.by_group.insert(GroupAcronym::new("mars"), Vec::new());
    let plan = only(&world);
    assert_eq!(told(&plan), "room/1: create_room+write_room_url");
    world.apply(&plan);
    assert_eq!(rooms_told(&world), "");
    // Not read is not gone.
    world.rooms = RoomsSeen::default();
    assert_eq!(rooms_told(&world), "");
}

#[test]
fn of_two_rooms_with_one_id_the_linked_one_is_the_room() {
    let mut world = World::of([interim(1)]);
    let (first, second) = (seen(world.session(1), "aaa"), seen(world.session(1), "bbb"));
    world.session(1).remote_instructions.clone_from(&second.url);
    let mut world = world.shows("mars", first.clone()).shows("mars", second.clone()).records("mars", &second);
    let plan = only(&world);
    assert_eq!(told(&plan), "room/1! room_conflict");
    assert!(plan.refusals[0].detail.contains(&first.url), "{}", plan.refusals[0].detail);
    world.session(1).status = SessionStatus("canceled".into());
    let plan = only(&world);
    assert_eq!(told(&plan), "room/1: delete_room; room/1! room_conflict");
    let Operation::DeleteRoom { room, .. } = &plan.changes[0].operations[0] else { panic!("{plan:?}") };
    assert_eq!(room.public_id.as_deref(), Some("bbb"));
}

#[test]
fn a_room_belongs_to_the_group_that_made_it() {
    let mut world = World::of([interim(1)]).has_room(1);
    world.session(1).group = GroupAcronym::new("venus");
    world.rooms.by_group.insert(GroupAcronym::new("venus"), Vec::new());
    assert_eq!(rooms_told(&world), "");
    world.session(1).slot = Some(slot(1500, 60));
    let plan = only(&world);
    assert_eq!(plan.changes[0].group, GroupAcronym::new("mars"), "the token that can delete it");
}
