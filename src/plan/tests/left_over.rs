//! Rooms of ours in groups where nobody wants one any more: they are looked for as long as their time is to come.

use std::collections::BTreeSet;

use crate::model::{GroupAcronym, Scope, SessionId, SessionStatus, SubjectKey};
use crate::plan::groups_to_read;
use crate::plan::test_world::{World, interim, minutes};

fn mars() -> BTreeSet<GroupAcronym> {
    [GroupAcronym::new("mars")].into()
}

/// Nobody asks for a room any more, and the link is blank.
fn left(world: &mut World) {
    let session = world.session(1);
    session.status = SessionStatus("canceled".into());
    session.remote_instructions = String::new();
}

fn deleted(world: &mut World) {
    let row = world.row(SubjectKey::room(SessionId(1)));
    row.room.as_mut().expect("it is on record").gone = true;
}

#[test]
fn a_group_with_a_room_of_ours_on_record_is_read_until_that_is_over() {
    type Way = fn(&mut World);
    let ways: [(&str, Way); 3] = [
        ("deleted by name", |world| {
            left(world);
            deleted(world);
        }),
        ("no longer scheduled", |world| world.session(1).slot = None),
        ("not in the datatracker any more", |world| world.snapshot.sessions.clear()),
    ];
    for (way, change) in ways {
        let mut world = World::of([interim(1)]).has_room(1);
        change(&mut world);
        assert_eq!(groups_to_read(world.inputs()), mars(), "{way}");
        let room = world.row(SubjectKey::room(SessionId(1))).room.as_mut().expect("it is on record");
        room.sent.start = minutes(-600);
        room.sent.duration_min = 60;
        assert!(groups_to_read(world.inputs()).is_empty(), "{way}, and over");
    }
}

#[test]
fn a_group_that_never_had_a_room_is_not_read() {
    let mut world = World::of([interim(1)]);
    left(&mut world);
    assert!(groups_to_read(world.inputs()).is_empty());
}

#[test]
fn who_asks_for_others_does_not_read_it() {
    for is_there in [true, false] {
        let mut world = World::of([interim(1)]).has_room(1);
        if is_there {
            left(&mut world);
            deleted(&mut world);
        } else {
            world.snapshot.sessions.clear();
        }
        let sessions = |id| Scope { sessions: [SessionId(id)].into(), ..Scope::default() };
        let groups = |name| Scope { groups: [GroupAcronym::new(name)].into(), ..Scope::default() };
        world.ask.scope = sessions(2);
        assert!(groups_to_read(world.inputs()).is_empty());
        world.ask.scope = groups("moon");
        assert!(groups_to_read(world.inputs()).is_empty());
        world.ask.scope = groups("mars");
        assert_eq!(groups_to_read(world.inputs()), mars());
    }
}
