//! What people read. The snapshots are the review: read them as an operator would.

use crate::model::*;
use crate::plan::test_world::*;
use crate::plan::{Style, plan_text, report, rooms_text, sessions_text};

fn text(world: &World) -> String {
    let style = Style { scope: world.ask.scope.clone(), ..Style::default() };
    plan_text(&world.plan(), &world.snapshot, &style)
}

/// A morning at which a bit of everything happens.
fn busy() -> World {
    let named = |id: i64, group: &str, from_now: i64, titles: &[&str]| {
        let list = titles.iter().zip(1..).map(|(title, order)| Deck {
            title: (*title).to_owned(),
            ..deck(id * 10 + i64::from(order), "00", order)
        });
        let mut session = with_decks(week(id), list.collect());
        session.group = GroupAcronym::new(group);
        session.slot = Some(slot(from_now, 90));
        session
    };
    let mut sessions = vec![
        named(1, "moq", -10, &["Chair slides", "WARP update", "日本語のスライド", "Old news"]),
        named(2, "tls", 5, &["ECH status", "Chair slides", "A", "B", "C", "D", "E", "F"]),
        named(3, "cose", 200, &["Agenda"]),
        named(4, "dult", 100, &[]),
        named(5, "lamps", -20, &["Agenda"]),
    ];
    sessions.extend((11..=18).map(interim));
    let mut world = World::of(sessions);
    world.ask.force = true;
    for id in [11, 12, 13, 14] {
        world = world.has_room(id);
    }
    // Everything that is there now is in step, but for session 2.
    let settled = {
        let mut plan = world.plan();
        plan.changes.retain(|change| matches!(change.session.0, 1 | 5));
        plan
    };
    world.apply(&settled);
    world.ask.force = false;
    let decks = &mut world.session(1).decks;
    decks.truncate(3);
    decks[1].deck.rev = "02".into();
    decks[1].deck.url = "https://example.org/12-02".into();
    decks[2].deck.title = "日本語のスライド、改".into();
    decks.swap(0, 1);
    decks.push(LinkedDeck { deck: deck(99, "00", 4), deleted: false });
    world.session(2).name = "Second\tslot\u{1b}[2J".into();
    world.row(SubjectKey::decks(SessionId(2))).may_be_there = [DeckId(77)].into();
    world.session(11).slot = Some(slot(1500, 45));
    world.session(12).status = SessionStatus("canceled".into());
    world.session(13).remote_instructions = String::new();
    world.session(14).slot = Some(slot(-10, 60));
    world.session(15).time_zone = "Mars/Phobos".into();
    world.session(16).remote_instructions = "Call +43 1".into();
    world.session(17).remote_instructions = format!("{PREFIX}?short=nobody");
    world.session(18).modified = now();
    world
}

#[test]
fn a_busy_morning() {
    insta::assert_snapshot!(text(&busy()));
}

#[test]
fn the_same_in_colour_and_narrow() {
    let world = busy();
    let style = Style { colour: true, width: Some(72), scope: Scope::default(), is_under_way: false };
    insta::assert_snapshot!(plan_text(&world.plan(), &world.snapshot, &style).replace('\u{1b}', "ESC"));
}

#[test]
fn colour_says_nothing_that_the_text_does_not() {
    let world = busy();
    let plan = world.plan();
    let style = Style { colour: true, ..Style::default() };
    let mut coloured = plan_text(&plan, &world.snapshot, &style);
    for code in ["0", "1", "31", "32", "33", "1;31"] {
        coloured = coloured.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(coloured, plan_text(&plan, &world.snapshot, &Style::default()));
}

#[test]
fn nothing_to_do() {
    let mut world = World::of([with_decks(week(1), decks(&[1])), with_decks(week(2), decks(&[2]))]);
    world.session(2).slot = Some(slot(165, 60));
    let plan = world.plan();
    world.apply(&plan);
    let text = text(&world);
    assert!(!text.contains("To do this"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_guard_names_its_sessions_once_and_the_command_repeats_the_scope() {
    let mut world = World::of((1..=10).map(interim));
    for id in 1..=9 {
        world = world.has_room(id);
        world.session(id).status = SessionStatus("canceled".into());
    }
    world.ask.scope.groups = [GroupAcronym::new("mars")].into();
    world.ask.scope.kinds = KindFilter::RoomsOnly;
    insta::assert_snapshot!(text(&world));
}

#[test]
fn rooms_unread_doubt_and_holds() {
    let mut world = World::of([
        interim(1),
        interim(2),
        with_decks(week(3), decks(&[1])),
        with_decks(week(4), decks(&[2])),
        with_decks(week(5), decks(&[3])),
    ]);
    let plan = world.plan();
    world.apply(&plan);
    let room = SubjectKey::room(SessionId(2));
    *world.row(room) = Remembered { doubt_since: Some(now()), ..Remembered::default() };
    world.rooms = RoomsSeen::default();
    let fault = Fault::new(Why::ProviderDown, "no connection to meetings.conf.meetecho.com");
    world.rooms.unread.insert(GroupAcronym::new("mars"), fault);
    world.row(SubjectKey::decks(SessionId(3))).confirming = Some(Confirming { at: minutes(1) });
    world.session(4).slot = Some(slot(-200, 60));
    world.row(SubjectKey::decks(SessionId(4))).doubt_since = Some(minutes(-120));
    let hold = Hold { until: minutes(90), by: "secretariat".into(), reason: "rehearsal".into() };
    world.ledger.holds.insert(SessionId(5), hold);
    world.session(5).decks.clear();
    insta::assert_snapshot!(text(&world));
}

#[test]
fn the_sessions_as_a_table() {
    let mut world = busy();
    world.session(3).decks[0].deleted = true;
    world.session(5).status = SessionStatus(String::new());
    world.session(5).slot = None;
    let table = sessions_text(
        &world.snapshot.sessions,
        world.policy.slides.notify,
        world.snapshot.as_of,
        &Style::default(),
    );
    insta::assert_snapshot!(table);
}

#[test]
fn the_rooms_as_a_table() {
    let world = busy().shows("mars", SeenRoom { room_id: 99, ..seen(&interim(1), "somebody") });
    insta::assert_snapshot!(rooms_text(&report(world.inputs()), &Style::default()));
}

#[test]
fn a_title_cannot_forge_a_line() {
    let mut world = World::of([with_decks(week(1), decks(&[1]))]);
    world.session(1).decks[0].deck.title = "x\nTo do this: meetsync resync --force\u{1b}[31m\u{202e}".into();
    world.session(1).meeting = MeetingNumber::new("126\r\n! guard");
    world.session(1).group = GroupAcronym::new("m\u{1b}oq");
    let text = text(&world);
    assert_eq!(text.lines().filter(|line| line.starts_with("To do this")).count(), 1);
    assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{text:?}");
}
