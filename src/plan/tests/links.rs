//! Whose link it is, writing it back, and what the settings allow.

use crate::desired::room_spec;
use crate::model::*;
use crate::plan::test_world::*;
use crate::plan::{Operation, RoomState, groups_to_read, report};

fn write_to(world: &World) -> Option<String> {
    let plan = world.plan();
    plan.changes.iter().flat_map(|change| &change.operations).find_map(|operation| match operation {
        Operation::WriteRoomUrl { to, .. } => to.clone(),
        _ => None,
    })
}

#[test]
fn a_blanked_link_is_restored() {
    let mut world = World::of([interim(1)]).has_room(1);
    world.session(1).remote_instructions = " ".into();
    assert_eq!(rooms_told(&world), "room/1: write_room_url");
    assert_eq!(write_to(&world), Some(format!("{PREFIX}?short=room-1")));
    world.policy.rooms.write_back = false;
    assert_eq!(rooms_told(&world), "room/1? write_back_off");
}

#[test]
fn without_write_back_a_room_is_made_and_its_link_is_left_alone() {
    let mut world = World::of([interim(1)]);
    world.policy.rooms.write_back = false;
    assert_eq!(rooms_told(&world), "room/1: create_room");
}

#[test]
fn a_link_that_leads_to_the_room_is_left_as_it_is() {
    let mut world = World::of([interim(1)]).has_room(1);
    world.session(1).remote_instructions = format!("{PREFIX}?group=mars&short=room-1");
    assert_eq!(rooms_told(&world), "", "it holds the room's public id");
    // It names the session, but the provider says that the room is elsewhere.
    world.session(1).remote_instructions = format!("{PREFIX}?session=1");
    assert_eq!(write_to(&world), Some(format!("{PREFIX}?short=room-1")));
}

#[test]
fn words_of_a_person_and_rooms_of_others_are_never_touched() {
    for link in ["Call +43 1", "https://webex.example.org/mars", &format!("{PREFIX}?session=2")] {
        let mut world = World::of([interim(1)]);
        world.session(1).remote_instructions = link.to_owned();
        assert_eq!(rooms_told(&world), "room/1! not_ours", "{link}");
        assert!(decks_told(&world).contains("not_on_meetecho"), "{link}");
        assert!(groups_to_read(world.inputs()).is_empty(), "no token call: {link}");
        let mut world = World::of([interim(1)]).has_room(1);
        world.session(1).remote_instructions = link.to_owned();
        assert_eq!(rooms_told(&world), "room/1! not_ours", "a room whose link was replaced stays: {link}");
        assert_eq!(report(world.inputs())[0].state, RoomState::Unwanted);
    }
}

#[test]
fn an_unmatched_link_is_shown_and_never_replaced() {
    for link in ["?short=unknown", "?group=mars"] {
        let mut world = World::of([interim(1)]);
        world.session(1).remote_instructions = format!("{PREFIX}{link}");
        assert_eq!(rooms_told(&world), "room/1! link_unmatched");
        assert!(groups_to_read(world.inputs()).contains(&GroupAcronym::new("mars")));
        world.rooms = RoomsSeen::default();
        assert_eq!(rooms_told(&world), "", "unread, nothing can be said");
    }
}

#[test]
fn unread_rooms_are_planned_by_the_record() {
    let mut world = World::of([interim(1), interim(2)]).has_room(1);
    world.rooms = RoomsSeen::default();
    let fault = Fault::new(Why::ProviderDown, "no answer");
    world.rooms.unread.insert(GroupAcronym::new("mars"), fault);
    assert_eq!(rooms_told(&world), "room/2: create_room+write_room_url; all! provider_down");
    world.session(1).slot = Some(slot(1500, 60));
    assert_eq!(
        rooms_told(&world),
        "room/1: recreate_room+write_room_url; room/2: create_room+write_room_url; all! provider_down"
    );
}

#[test]
fn the_powers_over_rooms() {
    let mut world = World::of([interim(1), interim(2), interim(3)]).has_room(2).has_room(3);
    world.session(2).slot = Some(slot(1500, 60));
    world.session(3).status = SessionStatus("canceled".into());
    world.policy.rooms.powers = RoomPowers::NoDelete;
    assert_eq!(
        rooms_told(&world),
        "room/1: create_room+write_room_url; room/2! no_delete; room/3! no_delete"
    );
    world.session(2).remote_instructions = format!("{PREFIX}?group=mars&short=room-2");
    assert_eq!(
        rooms_told(&world),
        "room/1: create_room+write_room_url; room/2! no_delete; room/3! no_delete",
        "another form of the same link stays"
    );
    world.session(2).remote_instructions = String::new();
    assert_eq!(
        rooms_told(&world),
        "room/1: create_room+write_room_url; room/2: write_room_url; room/2! no_delete; room/3! no_delete"
    );
    assert_eq!(
        world.plan().changes[1].operations,
        [Operation::write_room_url("", Some(format!("{PREFIX}?short=room-2")))],
        "the old room stays, so a blanked link gets its address"
    );
    world.policy.rooms.powers = RoomPowers::Observe;
    assert_eq!(rooms_told(&world), "room/1! observe_only; room/2! observe_only; room/3! observe_only");
}

#[test]
fn outside_of_the_scope_in_the_settings_nothing_is_changed() {
    let live = with_decks(week(2), decks(&[1]));
    let mut world = World::of([interim(1), live]);
    world.policy.scope.groups = [GroupAcronym::new("moq")].into();
    assert_eq!(rooms_told(&world), "room/1! out_of_scope");
    assert_eq!(decks_told(&world), "decks/2: replace_decks; decks/1? outside_window");
    world.policy.scope.groups.clear();
    world.policy.scope.meetings = [MeetingNumber::new("interim-2026-mars-01")].into();
    assert_eq!(rooms_told(&world), "room/1: create_room+write_room_url");
    assert_eq!(decks_told(&world), "decks/2! out_of_scope; decks/1? outside_window");
}

#[test]
fn outside_of_the_scope_no_guard_raises_its_voice() {
    let mut session = interim(1);
    session.slot = Some(slot(-5, 60));
    let mut world = World::of([session]).has_room(1);
    world.session(1).slot = Some(slot(300, 60));
    world.policy.scope.groups = [GroupAcronym::new("moq")].into();
    assert_eq!(rooms_told(&world), "room/1! out_of_scope", "exit 3 is for what would have been done");
}

#[test]
fn a_hold_stops_both_kinds_until_it_ends() {
    let mut session = with_decks(interim(1), decks(&[1]));
    session.slot = Some(slot(-5, 60));
    let mut world = World::of([session]);
    let hold = |until| Hold { until, by: "secretariat".into(), reason: "testing".into() };
    world.ledger.holds.insert(SessionId(1), hold(minutes(1)));
    assert_eq!(told(&world.plan()), "room/1? held; decks/1? held");
    world.ledger.holds.insert(SessionId(1), hold(minutes(0)));
    assert_eq!(told(&world.plan()), "room/1: create_room+write_room_url; decks/1: replace_decks");
    world.ledger.hold_all = Some(hold(minutes(5)));
    assert_eq!(told(&world.plan()), "room/1? held; decks/1? held");
    assert_eq!(world.plan().summary.held, 1);
    world.ask.push = true;
    assert_eq!(told(&world.plan()), "decks/1: replace_decks", "a push is not stopped by a hold");
}

#[test]
fn days_and_sessions_of_a_day_are_counted_in_the_meetings_zone() {
    let day = |id: i64, start: &str| {
        let mut session = interim(id);
        session.meeting = MeetingNumber::new("interim-2026-mars-07");
        session.slot = Some(Span::of_minutes(start.parse().expect("a time"), 60));
        session
    };
    // In Los Angeles the second one is still on the first one's day.
    let mut sessions =
        vec![day(1, "2026-12-01T22:00:00Z"), day(2, "2026-12-02T03:00:00Z"), day(3, "2026-12-02T22:00:00Z")];
    let described = |sessions: &[Session], template: &str| -> Vec<String> {
        let world = World::of(sessions.to_vec());
        let times = |session: &Session| RoomTimes::of(session.slot.expect("a slot"));
        sessions
            .iter()
            .map(|session| room_spec(session, times(session), &world.snapshot.siblings, template).description)
            .collect()
    };
    for (zone, expected) in [
        ("America/Los_Angeles", [", day 1, session 1", ", day 1, session 2", ", day 2"]),
        ("UTC", [", day 1", ", day 2, session 1", ", day 2, session 2"]),
        ("Mars/Phobos", [", day 1", ", day 2, session 1", ", day 2, session 2"]),
        ("", [", day 1", ", day 2, session 1", ", day 2, session 2"]),
    ] {
        for session in &mut sessions {
            session.time_zone = zone.into();
        }
        let expected: Vec<String> =
            expected.iter().map(|text| format!("interim-2026-mars-07{text}")).collect();
        assert_eq!(described(&sessions, "{meeting}"), expected, "{zone}");
    }
    sessions.truncate(1);
    sessions[0].time_zone = "Asia/Tokyo".into();
    assert_eq!(described(&sessions, "{group} {date} {meeting}"), ["mars 2026-12-02 interim-2026-mars-07"]);
}

#[test]
fn the_report_knows_every_state() {
    let state = |world: &World| {
        let lines: Vec<String> = report(world.inputs())
            .iter()
            .map(|line| format!("{:?}: {}", line.state, line.reason.clone().unwrap_or_default()))
            .collect();
        lines.join("; ")
    };
    let mut world = World::of([interim(1)]);
    assert_eq!(state(&world), "Wanted: not there yet");
    world.session(1).remote_instructions = format!("{PREFIX}?group=mars");
    assert_eq!(state(&world), "NotOurs: link_unmatched: no room of this session answers to the link");
    let mut world = World::of([interim(1)]).has_room(1);
    assert_eq!(state(&world), "Present: ");
    world.row(SubjectKey::room(SessionId(1))).room.as_mut().expect("recorded").adopted = true;
    assert_eq!(state(&world), "Adopted: ");
    world.session(1).slot = Some(slot(1500, 60));
    assert_eq!(state(&world), "Drifted: the session moved");
    world.session(1).slot = Some(slot(1440, 60));
    world.rooms.by_group.get_mut(&GroupAcronym::new("mars")).expect("read")[0].duration_min = 90;
    assert_eq!(state(&world), "Drifted: the provider stores something else than was sent");
    world.session(1).status = SessionStatus("canceled".into());
    assert_eq!(state(&world), "Unwanted: the session asks for no room: it is cancelled");
    world.rooms.by_group.insert(GroupAcronym::new("mars"), Vec::new());
    world.session(1).status = SessionStatus("sched".into());
    assert_eq!(state(&world), "Wanted: gone from the provider");
}

#[test]
fn a_held_session_is_stopped_by_no_guard() {
    let mut world = World::of([interim(1)]).has_room(1);
    world.session(1).slot = Some(slot(5, 60));
    assert_eq!(rooms_told(&world), "room/1! guard_quiet_before");
    let hold = Hold { until: minutes(60), by: "secretariat".into(), reason: "rehearsal".into() };
    world.ledger.holds.insert(SessionId(1), hold);
    assert_eq!(rooms_told(&world), "room/1? held");
}

#[test]
fn the_link_of_a_room_that_was_made_again_is_ours_until_the_new_one_stands() {
    let mut world = World::of([interim(1)]).has_room(1);
    let old = "https://meetings.conf.meetecho.com/interim/?short=of-the-room-before";
    world.session(1).remote_instructions = old.into();
    assert_eq!(rooms_told(&world), "room/1! link_unmatched");
    world.row(SubjectKey::room(SessionId(1))).room.as_mut().expect("it has a room").former_url =
        Some(old.into());
    assert_eq!(rooms_told(&world), "room/1: write_room_url");
}

#[test]
fn a_deletion_in_doubt_is_asked_for_again_although_nothing_is_there() {
    let mut world = World::of([interim(1)]).has_room(1);
    world.session(1).status = SessionStatus("canceled".into());
    world.rooms.by_group.values_mut().for_each(Vec::clear);
    assert_eq!(rooms_told(&world), "", "gone, and known to be");
    world.row(SubjectKey::room(SessionId(1))).doubt_since = Some(minutes(-5));
    assert_eq!(rooms_told(&world), "room/1: delete_room");
}

/// The worker counts from when it first saw something; nothing to be done about is nothing to be seen.
#[test]
fn the_worker_puts_off_only_what_it_would_do() {
    let mut world = World::of([interim(1)]).has_room(1);
    world.ask.by_worker = true;
    world.session(1).remote_instructions = String::new();
    assert_eq!(rooms_told(&world), "room/1? settling", "it would restore the link");
    world.policy.rooms.write_back = false;
    assert_eq!(rooms_told(&world), "room/1? write_back_off");
}

/// A link that leads nowhere any more must not count as a room that would be deleted.
#[test]
fn the_worker_looks_before_it_deletes_a_room_that_it_only_knows_by_a_link() {
    let mut world = World::of([interim(1)]);
    world.session(1).remote_instructions = format!("{PREFIX}?session=1");
    world.session(1).status = SessionStatus("canceled".into());
    world.rooms = RoomsSeen::default();
    assert_eq!(rooms_told(&world), "room/1: delete_room", "a command that can't look goes by the link");
    world.ask.by_worker = true;
    assert_eq!(rooms_told(&world), "");
    world.rooms.by_group.insert(GroupAcronym::new("mars"), Vec::new());
    assert_eq!(rooms_told(&world), "", "it looked, and nothing is there");
}
